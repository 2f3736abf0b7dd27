// What there is in the chosen time: over time, and by the most frequent values.

import { get } from "./api.js";
import { noteDamage } from "./damage.js";
import { h } from "./dom.js";
import { otherMeaning } from "./fields.js";
import { packed } from "./packing.js";
import { empty, go, link, params, state } from "./state.js";
import { number, plain, value } from "./values.js";

const PARTS = /** @type {const} */ ([
  ["sid", "Signatures"], ["src", "Sources"], ["dst", "Destinations"], ["port", "Destination ports"], ["class", "Classes"], ["sensor", "Sensors"],
]);
/** Signatures that are new. */
const FRESH = "new";
/** Behind how many others they stand: below the other signatures or addresses, whichever end first. */
const NEW_AT = 3;
const SHOWN = 10;
/** A card with so many values is low. */
const FEW = 4;
const MOST = 1_000;

/** What alerts have that have no such value. */
const UNKNOWN = /** @type {Record<string, string>} */ ({ src: "no address", dst: "no address", port: "no port", sensor: "no name" });

export const view = h("section", { class: "cards", "aria-label": "Overview" });
const pack = packed(view);

/** How many values are shown of what somebody wants more of. @type {Record<string, number>} */
const limits = {};

/** @type {AbortController | null} */
let running = null;

export async function load() {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const found = await Promise.all(PARTS.map(([by]) => get("counts", { ...params(), by, limit: limits[by] ?? SHOWN }, signal)));
  const failure = found[0].filter_failed;
  found.forEach(noteDamage);
  if (found.every(({ total }) => !total)) { showNothing(); return failure; }
  const cards = PARTS.map(([by, title], n) => card(title, by, found[n]));
  const news = await fresh(signal);
  // Many sensors would stand alone in the last row: so they have all of it.
  if ([cards[cards.length - 1], news].every((one) => one.querySelectorAll("li").length > FEW)) cards[cards.length - 1].classList.add("wide");
  cards.splice(NEW_AT, 0, news);
  view.replaceChildren(h("p", { class: "wide row" }, h("button", { type: "button", class: "main", onclick: () => go({ view: "now" }) }, "List these alerts"), h("span", { class: "hint" }, "Click a value to choose only its alerts, or to leave them out.")), ...cards);
  pack();
  return failure;
}

function showNothing() {
  const isChosen = link({ ...state, alert: null, group: true }) !== link({ ...empty(), view: state.view });
  const other = otherMeaning();
  view.replaceChildren(h("p", { class: "empty wide" }, isChosen ? "No alerts found. " : "No alerts found: none is stored yet.",
    other && h("button", { type: "button", onclick: () => go(other.change) }, other.label), other && " ",
    isChosen && h("button", { type: "button", onclick: () => go({ ...empty(), view: state.view, group: state.group }) }, "Show all alerts")));
  pack();
}

export function stop() { running?.abort(); }

/**
 * @param {string} title
 * @param {string} of - what is counted
 * @param {{counts: Record<string, any>[], more: number, total: number}} found
 */
function card(title, of, { counts, more, total }) {
  const by = of === FRESH ? "sid" : of;
  const most = counts[0]?.alerts ?? 1;
  const isKnown = (/** @type {Record<string, any>} */ count) => by === "sid" || count[by] !== undefined;
  if (by === "sensor" && !counts.some(isKnown)) counts = [];
  // What isn't known is at the end, however often it is so.
  const rows = [...counts.filter(isKnown), ...counts.filter((count) => !isKnown(count))].map((count) => {
    const what = by === "sid" ? `${count.gid}:${count.sid}` : count[by];
    const label = by === "sid" ? `${plain(count.msg ?? "")} (${count.gid}:${count.sid})` : what === undefined ? "unknown" : String(what);
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${Math.max(1, (count.alerts / most) * 100)}%`;
    return h("li", {}, bar, h("span", { class: "what" }, what !== undefined ? value(by, what, label) : by === "class" ? value(by, "none", "without a class") : h("span", { class: "unknown" }, UNKNOWN[by] ?? "unknown")), h("span", { class: "n", title: `${((count.alerts / total) * 100).toFixed(1)} %` }, number(count.alerts)));
  });
  return h("article", { class: "card" }, h("h2", {}, title),
    counts.length ? h("ol", {}, ...rows) : h("p", { class: "empty" }, by === "sensor" ? "No alert names its sensor." : "None."),
    more > 0 && h("p", { class: "more" }, `and ${number(more)} more `, rows.length < MOST && h("button", { type: "button", class: "quiet", "aria-label": `Show more of ${title}`, onclick: () => wantMore(of, rows.length) }, "show more")));
}

/** @param {string} by @param {number} shown */
function wantMore(by, shown) {
  limits[by] = Math.min(MOST, shown * 5);
  load().catch((problem) => dispatchEvent(new CustomEvent("failed", { detail: problem })));
}

/**
 * Signatures that came in the last day for the first time.
 * @param {AbortSignal} signal
 */
async function fresh(signal) {
  const { since: _since, until: _until, ...others } = params();
  const all = (/** @type {Record<string, string>} */ span) => get("counts", { ...others, ...span, by: "sid", limit: 10_000 }, signal);
  const [now, before] = await Promise.all([all({ since: "24h" }), all({ until: "24h" })]);
  const key = (/** @type {any} */ count) => `${count.gid}:${count.sid}`;
  const known = new Set(before.counts.map(key));
  const counts = now.counts.filter((/** @type {any} */ count) => !known.has(key(count)));
  const total = counts.reduce((/** @type {number} */ sum, /** @type {any} */ count) => sum + count.alerts, 0);
  const isOfOther = state.since || state.until;
  return card(`New signatures since yesterday${isOfOther ? ", whatever time is chosen" : ""}`, FRESH, { counts: counts.slice(0, limits[FRESH] ?? SHOWN), more: counts.length - (limits[FRESH] ?? SHOWN), total });
}
