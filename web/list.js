// The rows of the list: one for an alert, one for a flood.

import { mayChange } from "./api.js";
import { h } from "./dom.js";
import { isFlood } from "./grouping.js";
import { go } from "./state.js";
import { time, timeElement } from "./times.js";
import { badge, number, plain, protocolValue, ruleValue, value } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./grouping.js").Group} Group */
/** @typedef {"acknowledged" | "starred"} Mark */
/** @typedef {Alert | Group} Row - what a line of the list is about */
/** @typedef {{flip: (group: Group) => void, mark: (alerts: Alert[], mark: Mark, set: boolean) => void, choose: (row: Row, isRange: boolean) => void}} Acts - what a row's buttons do */

/** The columns. Some are shown only where there is room, or if there are several sensors. */
const COLUMNS = [["pick", "Choose"], ["time", "Time"], ["level", "Priority"], ["msg", "Message"], ["kind", "Class"], ["proto", "Protocol"], ["src", "Source"], ["dst", "Destination"], ["sensor", "Sensor"], ["acts", "Triage"]];

const body = h("tbody");
export const table = h("table", { class: "alerts" },
  h("caption", { class: "hidden" }, "Alerts, the latest stored first"),
  h("thead", {}, h("tr", {}, ...COLUMNS.map(([name, title]) => h("th", { scope: "col", class: name }, name === "acts" || name === "pick" ? h("span", { class: "hidden" }, title) : title)))),
  body);

/**
 * Shows the sensors of alerts, or not.
 * @param {boolean} are
 */
export function withSensors(are) { table.classList.toggle("sensors", are); }

/** What each row is about, with its checkbox. @type {WeakMap<Element, {of: Row, box: HTMLInputElement}>} */
const boxes = new WeakMap();

/** Whether a row looks chosen. */
let looksChosen = false;

/**
 * Shows which rows are chosen.
 * @param {(alert: Alert) => boolean} isChosen
 * @param {boolean} isAny
 */
export function showBoxes(isChosen, isAny) {
  if (!isAny && !looksChosen) return;
  looksChosen = isAny;
  table.classList.toggle("choosing", isAny);
  for (const row of rows()) {
    const { of, box } = boxes.get(row) ?? {};
    if (!of || !box) continue;
    const alerts = "alerts" in of ? /** @type {Group} */ (of).alerts : [/** @type {Alert} */ (of)];
    const n = isAny ? alerts.filter(isChosen).length : 0;
    box.checked = n === alerts.length;
    box.indeterminate = n > 0 && n < alerts.length;
    row.classList.toggle("chosen", n > 0);
  }
}

/** What the lines of the list are about. */
export const listed = () => rows().flatMap((row) => boxes.get(row)?.of ?? []);

/**
 * The checkbox of a row.
 * @param {Row} of
 * @param {string} label
 * @param {Acts} acts
 */
function pick(of, label, acts) {
  const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", "aria-label": label, title: label, onclick: (/** @type {MouseEvent} */ event) => acts.choose(of, event.shiftKey) }));
  return { box, cell: h("td", { class: "pick", onclick: (/** @type {Event} */ event) => event.stopPropagation() }, h("label", {}, box)) };
}

export const rows = () => /** @type {HTMLTableRowElement[]} */ ([...body.children]);

/** How many rows of another list are drawn at once, after those that fit on the screen. */
const SLICE = 40;

/** The height of a row with one line, in pixels. */
const ROW_HEIGHT = 34;

/** Draws the next slice. @type {(() => void) | null} */
let slicing = null;

/** Does something once nothing else is to be done. */
const whenIdle = (/** @type {() => void} */ act) => ("requestIdleCallback" in window ? requestIdleCallback(act, { timeout: 250 }) : setTimeout(act, 50));

/**
 * Draws rows that have changed, and leaves the others. If none is left, the first are drawn at once, and the others
 * soon.
 * @param {Group[]} groups
 * @param {Acts} acts
 * @param {() => void} added - called when rows were drawn later
 */
export function drawRows(groups, acts, added) {
  const wanted = wantedRows(groups, acts);
  const isOther = !wanted.some(({ row }) => row?.parentNode === body);
  let end = isOther ? Math.ceil(innerHeight / ROW_HEIGHT) : wanted.length;
  if (isOther) body.replaceChildren(...wanted.slice(0, end).map((one) => one.make()));
  else put(wanted);
  const more = () => {
    if (slicing !== more) return;
    body.append(...wanted.slice(end, end + SLICE).map((one) => one.make()));
    end += SLICE;
    added();
    next();
  };
  const next = () => {
    slicing = end < wanted.length ? more : null;
    if (slicing) whenIdle(slicing);
  };
  next();
}

/** @typedef {{row: HTMLTableRowElement | null | undefined, make: () => HTMLTableRowElement}} Wanted - the row, if it is there already */

/**
 * @param {Group[]} groups
 * @param {Acts} acts
 */
function wantedRows(groups, acts) {
  /** @type {Wanted[]} */
  const wanted = [];
  for (const one of groups) {
    const flood = isFlood(one);
    if (flood) wanted.push({ row: one.row, make: () => (one.row ??= floodRow(one, acts)) });
    if (!flood || one.open) wanted.push(...one.alerts.map((alert) => ({ row: drawn.get(alert), make: () => alertRow(alert, flood, acts) })));
  }
  return wanted;
}

/** Has these rows in the table. @param {Wanted[]} wanted */
function put(wanted) {
  let at = body.firstElementChild;
  for (const one of wanted) {
    const row = one.make();
    if (row === at) at = at.nextElementSibling;
    else body.insertBefore(row, at);
  }
  while (at) { const gone = at; at = at.nextElementSibling; gone.remove(); }
}

/** @type {WeakMap<Alert, HTMLTableRowElement>} */
const drawn = new WeakMap();

/** Draws an alert anew the next time. @param {Alert} alert */
export function changed(alert) { drawn.delete(alert); }

/** @param {Alert} alert @param {boolean} inside @param {Acts} acts */
function alertRow(alert, inside, acts) {
  let row = drawn.get(alert);
  if (!row) {
    const { box, cell } = pick(alert, `Choose alert ${alert.id}: ${plain(alert.msg)}`, acts);
    row = h("tr", { class: `alert${alert.triage?.acknowledged ? " acknowledged" : ""}`, tabIndex: -1, "data-id": alert.id, onclick: (/** @type {MouseEvent} */ event) => open(event, alert, acts) },
      cell,
      h("td", { class: "time" }, timeElement(alert.timestamp)), h("td", { class: "level" }, badge(alert.priority)),
      h("td", { class: "msg" }, h("a", { href: `?alert=${alert.id}`, class: messageClass(alert) }, plain(alert.msg) || "(no message)"), " ", h("span", { class: "sid" }, ruleValue(alert))),
      h("td", { class: "kind" }, value("class", alert.class)), h("td", { class: "proto" }, protocolValue(alert.proto)),
      h("td", { class: "end src" }, end(alert, "src")), h("td", { class: "end dst" }, end(alert, "dst")), h("td", { class: "sensor" }, value("sensor", alert.sensor)),
      h("td", { class: "acts" }, ...buttons(alert, acts)));
    drawn.set(alert, row);
    boxes.set(row, { of: alert, box });
  }
  row.classList.toggle("inside", inside);
  return row;
}

/** Messages of more characters than that are cut by lines. */
const LONG = 120;

/** @param {Alert} alert */
const messageClass = ({ msg }) => (msg?.length > LONG ? "message long" : "message");

/** @param {MouseEvent} event @param {Alert} alert @param {Acts} acts */
function open(event, alert, acts) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("button") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.shiftKey) return acts.choose(alert, true);
  go({ alert: alert.id });
}

/** @param {Alert} alert @param {"src" | "dst"} which */
function end(alert, which) {
  const [ip, port] = [alert[`${which}_ip`], alert[`${which}_port`]];
  if (ip === undefined || port === undefined) return [value(which, ip)];
  const [before, after] = ip.includes(":") ? ["[", "]:"] : ["", ":"];
  return [before, value(which, ip), after, value("port", port)];
}

/** @param {Alert} alert @param {Acts} acts */
function buttons(alert, acts) {
  if (!mayChange()) return [];
  const is = (/** @type {Mark} */ mark) => Boolean(alert.triage?.[mark]);
  const act = (/** @type {Mark} */ mark, /** @type {string} */ sign, /** @type {string} */ label) => h("button", {
    type: "button", class: "change", "aria-pressed": String(is(mark)), "aria-label": label, title: label,
    onclick: (/** @type {Event} */ event) => { event.stopPropagation(); acts.mark([alert], mark, !is(mark)); },
  }, sign);
  return [act("acknowledged", "✓", "Acknowledge"), act("starred", is("starred") ? "★" : "☆", "Star")];
}

/**
 * The first and the last time of alerts.
 * @param {Alert[]} alerts
 */
function ends(alerts) {
  const times = alerts.map((alert) => Date.parse(alert.timestamp));
  const at = (/** @type {(a: number, b: number) => boolean} */ isBetter) => times.reduce((best, time, n) => (isBetter(time, times[best]) ? n : best), 0);
  return [alerts[at((a, b) => a < b)].timestamp, alerts[at((a, b) => a >= b)].timestamp];
}

/** @param {Group} one @param {Acts} acts */
function floodRow(one, acts) {
  const newest = one.alerts[0];
  // The order is that of storing, so the first may have another time than the latest.
  const [first, last] = ends(one.alerts);
  const isOfOneDay = time(first).slice(0, 10) === time(last).slice(0, 10);
  const count = (/** @type {string} */ name, /** @type {string} */ field, /** @type {string} */ several) => {
    const all = [...new Set(one.alerts.map((alert) => alert[name]).filter(Boolean))];
    return all.length === 1 ? (field === "proto" ? protocolValue(all[0]) : value(field, all[0])) : all.length ? `${number(all.length)} ${several}` : null;
  };
  const toggle = h("button", { type: "button", class: "count", "aria-expanded": String(one.open), onclick: (/** @type {Event} */ event) => { event.stopPropagation(); acts.flip(one); } }, `${number(one.alerts.length)}×`);
  const are = (/** @type {Mark} */ mark) => one.alerts.filter((alert) => alert.triage?.[mark]).length;
  const starred = are("starred");
  const { box, cell } = pick(one, `Choose all ${number(one.alerts.length)} of this flood: ${plain(newest.msg)}`, acts);
  const row = h("tr", { class: `flood${are("acknowledged") === one.alerts.length ? " acknowledged" : ""}`, tabIndex: -1, onclick: (/** @type {MouseEvent} */ event) => { if (/** @type {Element} */ (event.target).closest("button, a")) return; if (event.shiftKey) acts.choose(one, true); else acts.flip(one); } },
    cell,
    h("td", { class: "time" }, timeElement(last), h("br"), h("small", {}, "since ", timeElement(first, !isOfOneDay))), h("td", { class: "level" }, badge(newest.priority)),
    h("td", { class: "msg" }, toggle, " ", h("span", { class: messageClass(newest) }, plain(newest.msg) || "(no message)"), " ", h("span", { class: "sid" }, ruleValue(newest))),
    h("td", { class: "kind" }, value("class", newest.class)), h("td", { class: "proto" }, count("proto", "proto", "protocols")),
    h("td", { class: "end src" }, count("src_ip", "src", "addresses")), h("td", { class: "end dst" }, count("dst_ip", "dst", "addresses")),
    h("td", { class: "sensor" }, count("sensor", "sensor", "sensors")),
    h("td", { class: "acts" }, starred > 0 && h("span", { class: "stars", title: `${number(starred)} starred` }, `★${number(starred)}`), mayChange() && h("button", { type: "button", class: "change", title: "Acknowledge all of these", "aria-label": `Acknowledge these ${one.alerts.length}`, onclick: (/** @type {Event} */ event) => { event.stopPropagation(); acts.mark(one.alerts, "acknowledged", true); } }, "✓")));
  boxes.set(row, { of: one, box });
  return row;
}

/**
 * The alert of a row, or the group.
 * @param {Group[]} groups
 * @param {HTMLTableRowElement | undefined} row
 */
export function behind(groups, row) {
  const id = Number(row?.dataset.id);
  for (const one of groups) {
    if (one.row === row) return one;
    const alert = id && one.alerts.find((found) => found.id === id);
    if (alert) return alert;
  }
  return null;
}
