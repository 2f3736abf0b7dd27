// What there is in the chosen time: over time, and by the most frequent values.

import { get } from "./api.js";
import { noteDamage } from "./damage.js";
import { h } from "./dom.js";
import { otherMeaning } from "./fields.js";
import { packed } from "./packing.js";
import { empty, go, link, params, state } from "./state.js";
import { condition, number, plain, value } from "./values.js";

const PARTS = /** @type {const} */ ([
  ["sid", "Signatures"], ["src", "Sources"], ["dst", "Destinations"], ["port", "Destination ports"], ["class", "Classes"], ["sensor", "Sensors"],
]);
/** Signatures that are new; and the time that they are counted in, whatever time is chosen. */
const FRESH = "new";
const DAY = { since: "24h", until: "" };
/**
 * Behind how many others they stand: below the other signatures or addresses, whichever end first. If they are few,
 * they fill up the column that ends first, as the sensors do.
 */
const NEW_AT = 3;
const FEW_NEW_AT = 5;
const SHOWN = 10;
/** A card with so many values is low. */
const FEW = 4;
const MOST = 1_000;

/** What the server counts by another name than its alerts are found by: of a packet's ports, it counts where it goes. */
const FIELD = /** @type {Record<string, string>} */ ({ [FRESH]: "sid", port: "dst_port" });

/** What alerts have that have no such value: what is shown, what they are called, what they meet, and what the others are called. */
const UNKNOWN = /** @type {Record<string, [string, string, string, string]>} */ ({
  src: ["no address", "alerts without a source address", "alert.src_ip == ()", "alerts with a source address"],
  dst: ["no address", "alerts without a destination address", "alert.dst_ip == ()", "alerts with a destination address"],
  port: ["no port", "alerts without a destination port", "alert.dst_port == ()", "alerts with a destination port"],
  sensor: ["no name", "alerts that name no sensor", "alert.sensor == ()", "alerts that name their sensor"],
});

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
  const sensors = cards[cards.length - 1];
  const areMany = (/** @type {HTMLElement} */ one) => one.querySelectorAll("li").length > FEW;
  if (areMany(sensors) && areMany(news)) sensors.classList.add("wide");
  cards.splice(areMany(news) ? NEW_AT : FEW_NEW_AT, 0, news);
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
    return h("li", {}, bar, h("span", { class: "what" }, what === undefined ? unknown(by) : value(FIELD[of] ?? by, what, label, of === FRESH && (state.since || state.until) ? DAY : {})), h("span", { class: "n", title: `${((count.alerts / total) * 100).toFixed(1)} %` }, number(count.alerts)));
  });
  return h("article", { class: "card" }, h("h2", {}, title),
    counts.length ? h("ol", {}, ...rows) : h("p", { class: "empty" }, by === "sensor" ? "No alert names its sensor." : "None."),
    more > 0 && h("p", { class: "more" }, `and ${number(more)} more `, rows.length < MOST && h("button", { type: "button", class: "quiet", "aria-label": `Show more of ${title}`, onclick: () => wantMore(of, rows.length) }, "show more")));
}

/** What stands for no value of a field. @param {string} by */
function unknown(by) {
  if (by === "class") return value(by, "none", "without a class");
  const [text, name, expression, others] = UNKNOWN[by];
  return condition(name, expression, h("span", { class: "unknown" }, text), `Only ${others}`);
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
  const [now, before] = await Promise.all([all({ since: DAY.since }), all({ until: DAY.since })]);
  const key = (/** @type {any} */ count) => `${count.gid}:${count.sid}`;
  const known = new Set(before.counts.map(key));
  const counts = now.counts.filter((/** @type {any} */ count) => !known.has(key(count)));
  const total = counts.reduce((/** @type {number} */ sum, /** @type {any} */ count) => sum + count.alerts, 0);
  const isOfOther = state.since || state.until;
  return card(`New signatures since yesterday${isOfOther ? ", whatever time is chosen" : ""}`, FRESH, { counts: counts.slice(0, limits[FRESH] ?? SHOWN), more: counts.length - (limits[FRESH] ?? SHOWN), total });
}
