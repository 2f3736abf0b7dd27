// The alerts that are chosen in the list, and the bar with what can be done with them. They stay the same ones,
// whatever comes, moves or leaves the list.

import { save } from "./api.js";
import { byId, debounced, h, toast } from "./dom.js";
import { onChange, state } from "./state.js";
import { commentOnEach } from "./triage.js";
import { copy, number } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./list.js").Mark} Mark */
/** @typedef {import("./list.js").Row} Row */
/** @typedef {{folded: number, floods: number, gone: number}} Places - how many are in floods that are one line, and in how many; and how many are not listed */

/** The most that are chosen at once: the server takes no more in a request. */
const MOST = 10_000;

/** @type {Map<number, Alert>} */
let chosen = new Map();

/** Where a range begins. @type {Row | null} */
let anchor = null;
/** The line to which it goes. @type {Row | null} */
let end = null;
/** What was chosen when it began. @type {Map<number, Alert>} */
let before = new Map();
/** The alerts of each line of the range, as they were when it came to that line. @type {Map<Row, Alert[]>} */
let ranged = new Map();

/** What the list does. */
let acts = { mark: (/** @type {Alert[]} */ _alerts, /** @type {Mark} */ _mark, /** @type {boolean} */ _set) => {}, draw: () => {}, leave: () => {}, store: () => "" };

const count = h("strong");
const note = h("small");
const acknowledge = h("button", { type: "button", class: "change", onclick: () => markAll("acknowledged") });
const star = h("button", { type: "button", class: "change", onclick: () => markAll("starred") });
const download = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Download the chosen alerts" },
  ...[["", "Download…"], ["pcapng", "Packets (pcapng)"], ["json", "JSON"]].map(([value, label]) => h("option", { value }, label))));
download.addEventListener("change", () => { const format = download.value; download.value = ""; if (format) saveAs(format); });
const bar = byId("chosen");
bar.append(h("p", {}, count, " ", note), acknowledge, star,
  h("button", { type: "button", class: "change", "aria-haspopup": "dialog", onclick: comment }, "Comment…"), download,
  h("button", { type: "button", onclick: () => copy([...chosen.keys()].join(","), `${number(chosen.size)} id${chosen.size === 1 ? "" : "s"} copied.`) }, "Copy ids"),
  h("button", { type: "button", onclick: () => clear() }, "Clear ", h("kbd", {}, "Esc")));
new ResizeObserver(() => document.documentElement.style.setProperty("--chosen", `${bar.offsetHeight}px`)).observe(bar);
onChange(() => { bar.hidden = !isShown(); });
addEventListener("replaced", () => clear());

/** Gives the bar what the list does. @param {typeof acts} given */
export function connect(given) { acts = given; }

/** Whether the bar is there: the list is, and something is chosen. */
const isShown = () => state.view === "now" && chosen.size > 0;

/** @param {Alert} alert */
export const isChosen = (alert) => chosen.has(alert.id);

/** The chosen alerts. */
export const all = () => [...chosen.values()];

/** @param {Row} row @returns {Alert[]} */
const alertsOf = (row) => ("alerts" in row ? /** @type {import("./grouping.js").Group} */ (row).alerts : [/** @type {Alert} */ (row)]);

/** Whether a line is the head of a flood whose alerts have lines of their own. @param {Row} row */
const isOpen = (row) => "alerts" in row && row.open;

/**
 * Chooses the alerts of a line, or if all of them are chosen, none of them.
 * @param {Row} row
 */
export function choose(row) {
  const [alerts, next] = [alertsOf(row), new Map(chosen)];
  const is = !alerts.every(isChosen);
  for (const alert of alerts) if (is) next.set(alert.id, alert); else next.delete(alert.id);
  if (change(next)) begin(row);
}

/** A range begins here. @param {Row} row */
function begin(row) {
  anchor = row;
  end = row;
  before = new Map(chosen);
  ranged = new Map();
}

/**
 * Chooses all lines from where the range began to this one, and what was chosen before that.
 * @param {Row[]} rows - the lines of the list
 * @param {Row} to
 * @param {Row} [from] - where keys are: another range begins there, if this one went to another line
 */
export function chooseRange(rows, to, from) {
  if (!anchor || !rows.includes(anchor) || (from && from !== end)) begin(from ?? to);
  const [a, b] = [rows.indexOf(/** @type {Row} */ (anchor)), rows.indexOf(to)].sort((one, other) => one - other);
  const next = new Map(before);
  // Of a flood that goes on meanwhile, those are chosen that somebody has seen.
  const lines = new Map(rows.slice(Math.max(0, a), b + 1).filter((row) => !isOpen(row)).map((row) => [row, ranged.get(row) ?? [...alertsOf(row)]]));
  for (const alerts of lines.values()) for (const alert of alerts) next.set(alert.id, alert);
  if (change(next)) [ranged, end] = [lines, to];
}

/** @param {Map<number, Alert>} next */
function change(next) {
  if (next.size > MOST) {
    toast(`At most ${number(MOST)} alerts can be chosen at once.`);
    acts.draw();
    return false;
  }
  chosen = next;
  acts.draw();
  say();
  return true;
}

/** Chooses nothing. Returns whether something was chosen. */
export function clear() {
  if (!chosen.size) return false;
  const hadFocus = bar.contains(document.activeElement);
  chosen = new Map();
  anchor = null;
  acts.draw();
  say();
  if (hadFocus) acts.leave();
  return true;
}

/** Alerts were read again. @param {Alert[]} alerts */
export function refresh(alerts) { for (const alert of alerts) if (isChosen(alert)) chosen.set(alert.id, alert); }

/** Alerts left the list by what was done with them. @param {Alert[]} alerts */
export function drop(alerts) { for (const alert of alerts) chosen.delete(alert.id); }

/** Goes to the bar. Returns whether it is there. */
export function focusChosen() {
  if (!bar.hidden) /** @type {HTMLElement[]} */ ([...bar.querySelectorAll("button, select")]).find((one) => one.checkVisibility())?.focus();
  return !bar.hidden;
}

/** Says it to who doesn't see it, once it is clear what is chosen. */
const say = debounced(300, () => { byId("chosen-count").textContent = chosen.size ? bar.querySelector("p")?.textContent ?? "" : "none chosen"; });

/**
 * Shows the bar as things are.
 * @param {Places} places
 */
export function showChosen({ folded, floods, gone }) {
  const hadFocus = bar.contains(document.activeElement);
  bar.hidden = !isShown();
  if (bar.hidden) {
    document.documentElement.style.removeProperty("--chosen");
    if (hadFocus) acts.leave();
    return;
  }
  count.textContent = `${number(chosen.size)} chosen`;
  note.textContent = [folded && `${number(folded)} of them in ${number(floods)} flood${floods === 1 ? "" : "s"}`, gone && `${number(gone)} no longer listed`].filter(Boolean).join(", ");
  toggle(acknowledge, "acknowledged", "Acknowledge", "Acknowledged ✓");
  toggle(star, "starred", "Star ☆", "Starred ★");
}

/** @param {Mark} mark */
const areAll = (mark) => all().every((alert) => alert.triage?.[mark]);

/**
 * @param {HTMLButtonElement} button
 * @param {Mark} mark
 * @param {string} off
 * @param {string} on
 */
function toggle(button, mark, off, on) {
  const is = areAll(mark);
  button.setAttribute("aria-pressed", String(is));
  button.textContent = is ? on : off;
}

/** Marks all of them; or if they are, none. @param {Mark} mark */
function markAll(mark) { acts.mark(all(), mark, !areAll(mark)); }

async function comment() {
  const alerts = all();
  if (!await commentOnEach(alerts, acts.store())) return;
  if (state.alert || state.comment || state.commented) dispatchEvent(new CustomEvent("triaged"));
}

/** @param {string} format */
async function saveAs(format) {
  const [ids, store] = [[...chosen.keys()], acts.store()];
  try {
    if (format === "pcapng") await save("packets", { store }, { ids });
    else await save("export", { format, store }, { ids });
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}
