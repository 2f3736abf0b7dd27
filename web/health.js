// How Pigear is: counters and their rates, handlers, dead letters, the store.

import { get, mayChange, post } from "./api.js";
import { damageText } from "./damage.js";
import { h, keepFocus, svg, toast } from "./dom.js";
import { packed } from "./packing.js";
import { ago, timeElement } from "./times.js";
import { bytes, dialectValue, linkTo, number, plain, value } from "./values.js";

/** How often it is loaded again, in milliseconds. */
export const EVERY = 5_000;

/** How many origins are shown, the latest first. */
const ORIGINS = 20;

/** How many earlier processes of one are shown. */
const PROCESSES = 8;

export const view = h("section", { class: "cards health", "aria-label": "Health" });
const pack = packed(view);

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let shown = 0;

/** In which store it was looked for damage. @type {string | undefined} */
let looked;

/** The store that the dead letters are in. @type {string | undefined} */
let letterStore;

export async function load() {
  clearTimeout(timer);
  shown += 1;
  const mine = shown;
  const [health, letters, fleet] = await Promise.all([get("health"), get("dead-letters", { limit: 20 }).catch(() => ({ letters: [], store: undefined })), get("sensors").catch(() => ({ sensors: [] }))]);
  if (mine !== shown) return;
  if (looked !== health.store.store) lookForDamage(health.store.store);
  letterStore = letters.store;
  const giveBack = keepFocus(view);
  view.replaceChildren(...interruptionsCard(health), ...sensorsCard(fleet), counters(health), storeCard(health), ...handlers(health), ...rulesCard(health), lanes(health), deadLetters(letters.letters, health.dead_letters), ...originsCard(health));
  pack();
  letScroll();
  giveBack();
  timer = setTimeout(again, EVERY);
}

/**
 * What is damaged is met by searches only: by this one in the index.
 * @param {string} store
 */
function lookForDamage(store) {
  looked = store;
  const mine = shown;
  get("counts", { by: "priority", limit: 1 }).then(({ damaged }) => { if (damaged && mine === shown) load().catch(() => {}); }, () => { looked = undefined; });
}

/** Where a card is wider than its place, keys scroll it, too; and then it has a name. */
function letScroll() {
  for (const card of /** @type {NodeListOf<HTMLElement>} */ (view.querySelectorAll(".card"))) {
    const scrolls = card.scrollWidth > card.clientWidth;
    if (scrolls === card.hasAttribute("tabindex")) continue;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", card.querySelector("h2")?.textContent ?? ""]]) {
      if (scrolls) card.setAttribute(name, value);
      else card.removeAttribute(name);
    }
  }
}
new ResizeObserver(letScroll).observe(view);

/** Loads it anew, unless nobody looks. */
function again() {
  if (document.hidden) timer = setTimeout(again, EVERY);
  else load().catch((problem) => dispatchEvent(new CustomEvent("failed", { detail: problem })));
}

export function stop() {
  clearTimeout(timer);
  shown += 1;
}

/**
 * How many there were a second, in each part of the last minutes.
 * @param {{seconds: number, counters: Record<string, number[]>}} history
 * @param {string} name
 */
function rates({ seconds, counters: all }, name) {
  const values = all[name] ?? [];
  return values.slice(1).map((now, n) => Math.max(0, now - values[n]) / seconds);
}

/** How many points five minutes have. */
const POINTS = 60;

/** @param {number[]} values - the latest last */
function sparkline(values) {
  const most = Math.max(1, ...values);
  const points = values.map((one, n) => `${100 - ((values.length - 1 - n) * 100) / (POINTS - 1)},${20 - (one / most) * 18}`).join(" ");
  return svg("svg", { viewBox: "0 0 100 22", class: "spark", "aria-hidden": "true", preserveAspectRatio: "none" }, svg("polyline", { points }));
}

const MEANINGS = /** @type {Record<string, string>} */ ({
  received: "alerts received", malformed: "datagrams that are not alerts", refused: "datagrams of senders who may not send", missed: "alerts that never arrived, by Snort's numbers",
  receive_errors: "errors of the system in receiving", stray_packets: "packets of Snort's log without an event", completed: "alerts completed from Snort's log", incomplete: "alerts that found nothing there", stored: "alerts stored, ever",
  waiting: "alerts that wait for a durable handler", "dead letters": "alerts that a receiver refused for good",
});

/** What the store tells of the Pigear that writes it. @param {any} health */
function ofStore({ lanes: all, dead_letters: letters }) {
  if (!all.length) return {};
  return { waiting: all.reduce((/** @type {number} */ sum, /** @type {any} */ lane) => sum + lane.waiting, 0), "dead letters": letters };
}

/** @param {any} health */
function counters(health) {
  const received = Object.entries(health.counters ?? {}).filter(([, one]) => typeof one === "number");
  const now = { stored: health.store.last_id ?? 0, ...(health.counters ? Object.fromEntries(received) : ofStore(health)) };
  const rows = Object.entries(now).map(([name, count]) => {
    const all = rates(health.history, name);
    // At first there is nothing to compare with; and what only the store tells has no history.
    const rate = all.at(-1);
    const unknown = name in ofStore(health) ? "" : "…";
    return h("tr", { class: count && ["malformed", "refused", "missed", "receive_errors", "dead letters"].includes(name) ? "bad" : "" }, h("th", { scope: "row" }, name, h("small", {}, MEANINGS[name] ?? "")), h("td", {}, number(count)), h("td", {}, rate === undefined ? unknown : `${rate < 10 ? rate.toFixed(1) : number(Math.round(rate))}/s`), h("td", {}, rate === undefined ? unknown : sparkline(all)));
  });
  return h("article", { class: "card" }, h("h2", {}, "Counters"),
    !health.counters && h("p", { class: "note" }, "This Pigear only serves the page, and knows what the store tells. The Pigear that receives the alerts counts what was received, malformed, refused and missed: see the file of its ", h("code", {}, "--stats"), ", its ", h("code", {}, "--metrics"), ", or its own page (", h("code", {}, "--data-handler web"), ")."),
    table({ "aria-label": "Counters" }, h("thead", {}, h("tr", {}, ...["counter", "all", "rate", "last five minutes"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, ...rows)));
}

/** The sockets and servers that no alerts arrive from, and why. @param {any} health */
function interruptionsCard({ sockets }) {
  const broken = sockets.filter((/** @type {any} */ one) => one.problem);
  if (!broken.length) return [];
  return [h("article", { class: "card wide" }, h("h2", {}, "No alerts arrive"), ...broken.map((/** @type {any} */ one) => h("p", { class: "warning" }, plain(one.problem))))];
}

/** The handlers of this Pigear. @param {any} health */
function handlers({ counters: all }) {
  const found = Object.entries(all?.handlers ?? {});
  if (!found.length) return [];
  return [h("article", { class: "card" }, h("h2", {}, "Handlers"),
    table({ "aria-label": "Handlers" }, h("thead", {}, h("tr", {}, ...["handler", "handled", "failed", "dropped", "filtered", "muted", "waiting"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...found.map(([name, one]) => h("tr", { class: one.failed || one.dropped ? "bad" : "" }, h("th", { scope: "row" }, name), ...["handled", "failed", "dropped", "filtered", "muted", "waiting"].map((field) => h("td", {}, number(one[field] ?? 0))))))))];
}

/** What is kept of the alerts, in words. @param {{days?: number, bytes?: number}} retention */
function kept({ days, bytes: most }) {
  const limits = [days && `${number(days)} day${days === 1 ? "" : "s"}`, most && `at most ${bytes(most)}`].filter(Boolean);
  return limits.join(", ") || "everything";
}

/** @param {any} health */
function storeCard({ store, version, started }) {
  return h("article", { class: "card" }, h("h2", {}, "Store"), h("dl", { class: "facts" },
    h("dt", {}, "File"), h("dd", {}, store.path), h("dt", {}, "Size"), h("dd", {}, bytes(store.bytes)),
    ...(store.retention ? [h("dt", {}, "Kept"), h("dd", {}, kept(store.retention))] : []),
    ...(store.first ? [h("dt", {}, "From"), h("dd", {}, timeElement(store.first)), h("dt", {}, "To"), h("dd", {}, timeElement(store.last), ` (${ago(store.last)})`), h("dt", {}, "Numbers"), h("dd", {}, `${number(store.first_id)} to ${number(store.last_id)}`)] : [h("dt", {}, "Alerts"), h("dd", {}, "none yet")]),
    h("dt", {}, "Pigear"), h("dd", {}, `${version}, serving since `, timeElement(started))),
    store.damage && h("div", { class: "warning" }, ...damageText({ damaged: store.damage.index, unreadable: store.damage.unreadable }, store.path), h("p", {}, "First met: ", timeElement(store.damage.met))));
}

/** @param {any} health */
function rulesCard({ rules }) {
  if (!rules) return [];
  return [h("article", { class: "card" }, h("h2", {}, "Rules"), h("p", {}, `${number(rules.rules)} from ${number(rules.files)} file${rules.files === 1 ? "" : "s"}`),
    rules.problems.length > 0 && h("p", { class: "warning" }, "Not used:"),
    rules.problems.length > 0 && h("ul", {}, ...rules.problems.slice(0, 20).map((/** @type {string} */ problem) => h("li", {}, problem))),
    rules.problems.length + rules.more_problems > 20 && h("p", { class: "more" }, `and ${number(rules.problems.length + rules.more_problems - 20)} more`))];
}

/** The sensors of a fleet. Those that are silent have a colour and a word. @param {any} fleet */
function sensorsCard({ watched, sensors }) {
  if (!watched) return [];
  const names = ["sensor", "state", "last seen", "received", "lag", "dropped", "failed", "missed", "clock", "version", "sockets"];
  const clock = (/** @type {number} */ seconds) => `${seconds < 0 ? "−" : "+"}${Math.abs(seconds).toFixed(1)} s`;
  const rows = sensors.map((/** @type {any} */ one) => h("tr", { class: one.state !== "ok" || one.problems.length ? "bad" : "" },
    h("th", { scope: "row" }, one.sensor === undefined ? "without a name" : value("sensor", one.sensor), ...one.problems.map((/** @type {string} */ problem) => h("small", {}, problem))),
    h("td", {}, one.state), h("td", {}, ago(one.last_seen)), ...["received", "lag", "dropped", "failed", "missed"].map((field) => h("td", {}, number(one[field]))),
    h("td", {}, clock(one.clock_offset)), h("td", {}, one.version), h("td", {}, plain(one.sockets.join(", ")))));
  const silent = sensors.filter((/** @type {any} */ one) => one.state !== "ok").length;
  return [h("article", { class: "card wide" }, h("h2", {}, "Sensors"),
    sensors.length === 0 ? h("p", { class: "empty" }, "None has sent a heartbeat yet.")
      : [table({ "aria-label": "Sensors" }, h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, ...rows)),
        silent > 0 && h("p", { class: "warning" }, `${number(silent)} of ${number(sensors.length)} silent`)])].flat();
}

/** The parts of an origin that stay the same when Snort is started again. */
const LASTING = ["sensor", "socket", "thread", "uid", "dialect"];

/**
 * Where alerts come from: what differs in the process only is one row, with the processes, the latest first.
 * @param {any} health
 */
function originsCard({ origins }) {
  if (!origins?.length) return [];
  /** @type {Map<string, any[]>} */
  const found = new Map();
  for (const one of origins) {
    const key = JSON.stringify(LASTING.map((part) => one[part]));
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  const groups = [...found.values()];
  const cells = (/** @type {any[]} */ group) => /** @type {any[]} */ ([value("sensor", group[0].sensor), group[0].socket && value("socket", group[0].socket, plain(group[0].socket)), value("thread", group[0].thread), value("uid", group[0].uid),
    group[0].dialect ? dialectValue(group[0].dialect) : "none: Pigear itself", processes(group.map(({ pid }) => pid))]);
  const all = groups.slice(0, ORIGINS).map(cells);
  // A column in which nothing is known is left out.
  const has = (/** @type {any[]} */ row) => row.filter((_, n) => all.some((/** @type {any[]} */ other) => other[n] !== undefined && other[n] !== null && other[n] !== ""));
  return [h("article", { class: "card wide" }, h("h2", {}, "Where alerts come from"),
    table({ "aria-label": "Where alerts come from" }, h("thead", {}, h("tr", {}, ...has(["sensor", "socket", "packet thread", "user", "Snort", "process"]).map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...all.map((/** @type {any[]} */ one) => h("tr", {}, ...has(one).map((cell) => h("td", {}, cell)))))),
    groups.length > ORIGINS && h("p", { class: "more" }, `and ${number(groups.length - ORIGINS)} earlier ones`))];
}

/**
 * The process that sent alerts, and those before it: each start of Snort is another one.
 * @param {(number | undefined)[]} pids - the latest first
 */
function processes(pids) {
  const [last, ...earlier] = pids.filter((pid) => pid !== undefined);
  if (last === undefined) return "";
  const shown = earlier.slice(0, PROCESSES).flatMap((pid, n) => [n > 0 && ", ", value("pid", pid)]);
  return [value("pid", last), earlier.length > 0 && h("small", {}, `; before it ${number(earlier.length)}: `, ...shown, earlier.length > PROCESSES && ", …")];
}

/** Whether alerts wait for so long that it is worth a word. @param {any} lane */
const isHeldUp = ({ waiting_since: since }) => since !== undefined && Date.now() - Date.parse(since) > 60_000;

/** @param {any} health */
function lanes({ lanes: all }) {
  return h("article", { class: all.length ? "card wide" : "card" }, h("h2", {}, "Durable handlers"), all.length === 0 ? h("p", { class: "empty" }, "None: no handler gets its alerts from the store.")
    : table({ "aria-label": "Durable handlers" }, h("thead", {}, h("tr", {}, ...["handler", "waiting", "dead letters", "handled", "failed", "dropped", "filtered", "muted", "moved"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...all.map((/** @type {any} */ lane) => h("tr", { class: lane.dead_letters || lane.dropped || isHeldUp(lane) ? "bad" : "" }, h("th", { scope: "row", title: lane.target ?? "" }, lane.name, isHeldUp(lane) && h("small", {}, "held up, see its log lines")), h("td", {}, number(lane.waiting), lane.waiting_since && h("small", {}, ` the oldest ${ago(lane.waiting_since)}`)), h("td", {}, number(lane.dead_letters)), h("td", {}, number(lane.handled)), h("td", {}, number(lane.failed)), h("td", {}, number(lane.dropped)), h("td", {}, number(lane.filtered)), h("td", {}, number(lane.muted)), h("td", {}, lane.moved ? ago(lane.moved) : "never"))))));
}

/**
 * A table of which each cell knows its column's name: where columns have no room, each row is a small card.
 * @param {Record<string, string>} attributes
 * @param {...HTMLElement} parts
 */
function table(attributes, ...parts) {
  const all = /** @type {HTMLTableElement} */ (h("table", attributes, ...parts));
  const names = [...(all.tHead?.rows[0].cells ?? [])].map((cell) => cell.textContent ?? "");
  for (const row of all.tBodies[0].rows) {
    for (const cell of row.cells) if (cell.tagName === "TD") cell.dataset.column = names[cell.cellIndex];
  }
  return all;
}

/** @param {any[]} letters @param {number} all */
function deadLetters(letters, all) {
  const again = async () => {
    try { const done = await post("redeliver", {}, "POST", { store: letterStore }); toast(`${number(done.alerts)} dead letters are sent again.`); load().catch(() => {}); } catch (problem) { toast(String(/** @type {Error} */ (problem).message)); }
  };
  return h("article", { class: letters.length ? "card wide" : "card" }, h("h2", {}, "Dead letters"), letters.length === 0 ? h("p", { class: "empty" }, "None: nothing was refused for good.")
    : [h("p", { class: "note" }, "Alerts that a receiver refused for good. They stay here until they are sent again, or their handler is dropped."),
      table({ "aria-label": "Dead letters" }, h("thead", {}, h("tr", {}, ...["when", "handler", "why", "alert"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...letters.map((letter) => h("tr", {}, h("td", {}, timeElement(letter.refused)), h("td", {}, letter.lane), h("td", {}, plain(letter.reason)), h("td", {}, letter.msg === undefined ? "damaged" : letter.alert === undefined ? plain(letter.msg) : linkTo({ alert: letter.alert }, {}, plain(letter.msg) || "(no message)")))))),
      all > letters.length && h("p", { class: "note" }, `The newest ${letters.length} of ${number(all)}.`),
      mayChange() && h("p", {}, h("button", { type: "button", class: "change", onclick: again }, "Send all again"))].flat());
}
