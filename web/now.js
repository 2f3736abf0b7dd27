// The newest alerts, and each new one as it comes. Floods of one signature are one row.

import { actionTools } from "./actions.js";
import { address, follow, get, mayChange, post } from "./api.js";
import { announce, byId, h, toast } from "./dom.js";
import { go, params, state } from "./state.js";
import { badge, number, plain, ruleValue, signature, timeElement, value } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {{alerts: Alert[], open: boolean, row: HTMLTableRowElement | null}} Group */

/** How many alerts are fetched at once, and how many are kept. */
const PAGE = 100;
const KEPT = 600;

/** A run of alerts of one signature is a flood from this on. */
const FLOOD = 3;

/** How often new alerts are drawn, in milliseconds. */
const TICK = 250;

/** @type {Group[]} */
let groups = [];
/** @type {Alert[]} */
let pending = [];
let paused = false;
/** @type {(() => void) | null} */
let unfollow = null;
/** @type {string | undefined} */
let next;
/** The store that the alerts are of. */
let store = "";
/** @type {AbortController | null} */
let running = null;
let selected = 0;
/** Whether keys were used: before, no row looks selected. */
let keyed = false;

const body = h("tbody");
const table = h("table", { class: "alerts" },
  h("caption", { class: "hidden" }, "Alerts, newest first"),
  h("thead", {}, h("tr", {}, ...["Time", "Priority", "Message", "Source", "Destination", ""].map((name) => h("th", { scope: "col" }, name || h("span", { class: "hidden" }, "Triage"))))),
  body);
const newer = h("button", { type: "button", class: "newer", hidden: true, onclick: () => { setPaused(false); scrollTo({ top: 0 }); } });
const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => setPaused(!paused) }, "Pause");
const older = h("button", { type: "button", onclick: () => more() }, "Older alerts");
const message = h("p", { class: "empty", hidden: true });
const group = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", onchange: () => go({ group: group.checked }) }));
const tools = h("div", { class: "tools row" }, pause, newer, h("label", { class: "check" }, group, "group floods"),
  h("button", { type: "button", class: "change", onclick: () => acknowledgeAll() }, "Acknowledge all"), ...actionTools, exportMenu());

export const view = h("section", { "aria-label": "Alerts" }, tools, table, message, h("p", { class: "row" }, older));

function exportMenu() {
  const select = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Download" }, h("option", { value: "" }, "Download…"),
    ...["pcapng", "json", "csv", "fast", "full", "eve", "ecs", "ocsf", "cef", "snort", "alert_json"].map((name) => h("option", { value: name }, name))));
  select.addEventListener("change", () => {
    const format = select.value;
    select.value = "";
    if (format) location.href = format === "pcapng" ? address("packets", params()) : address("export", { ...params(), format });
  });
  return select;
}

/** Loads the newest alerts, and follows. Throws what the server says is wrong. */
export async function load() {
  stop();
  group.checked = state.group;
  running = new AbortController();
  const page = await get("alerts", { ...params(), limit: PAGE, packet: "no" }, running.signal);
  groups = [];
  pending = [];
  arrived = 0;
  newer.hidden = true;
  page.alerts.forEach(append);
  next = page.next;
  store = page.store;
  selected = 0;
  draw();
  say(page.alerts.length ? "" : page.reason ? `No alerts found: ${page.reason}.` : "No alerts found.");
  if (state.until) { byId("state").textContent = ""; return; }
  unfollow = follow(params(), place(page.last), {
    alert: (alert) => { pending.push(alert); if (pending.length > 2 * KEPT) pending.splice(0, KEPT); arrived += 1; },
    reset: () => dispatchEvent(new CustomEvent("replaced")),
    state: (text) => { byId("state").textContent = paused ? "paused" : text; byId("state").dataset.live = text; },
  });
}

/** The place of an alert in its store. @param {number | undefined} id */
const place = (id) => `${id}-${store}`;

/** Ends what is under way. */
export function stop() {
  running?.abort();
  unfollow?.();
  unfollow = null;
}

let arrived = 0;

setInterval(() => {
  if (!pending.length || document.hidden) return;
  if (paused) {
    newer.hidden = false;
    newer.textContent = `${number(arrived)} new`;
    return;
  }
  // More than are kept: they are read from the store, so that none is left out.
  if (arrived > KEPT) {
    arrived = 0;
    pending = [];
    dispatchEvent(new CustomEvent("stale"));
    return;
  }
  const alerts = pending;
  pending = [];
  const count = arrived;
  arrived = 0;
  const before = groups[selected];
  alerts.forEach(prepend);
  trim();
  draw();
  const moved = before ? groups.indexOf(before) : 0;
  select(moved < 0 ? 0 : moved, false);
  say("");
  announce(() => `${count} new alert${count > 1 ? "s" : ""}`);
}, TICK);

/** @param {boolean} stopped */
function setPaused(stopped) {
  paused = stopped;
  pause.textContent = paused ? "Resume" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  newer.hidden = true;
  byId("state").textContent = paused ? "paused" : byId("state").dataset.live ?? "";
}

/** @param {string} text */
function say(text) {
  message.textContent = text;
  message.hidden = !text;
  older.hidden = !next;
}

async function more() {
  const [from, signal] = [next, running?.signal];
  if (!from || older.disabled) return;
  older.disabled = true;
  try {
    const page = await get("alerts", { ...params(), limit: PAGE, packet: "no", cursor: from }, signal);
    // Another search may have begun, or alerts may have left the end of the list.
    if (signal !== running?.signal || from !== next) return;
    page.alerts.forEach(append);
    next = page.next;
    draw();
    say("");
  } catch (problem) {
    if (!signal?.aborted) toast(String(/** @type {Error} */ (problem).message));
  } finally {
    older.disabled = false;
  }
}

/** @param {Alert} a @param {Alert} b */
const alike = (a, b) => a.sig_id === b.sig_id && a.sig_generator === b.sig_generator;

/** @param {Alert} alert */
function append(alert) {
  const last = groups[groups.length - 1];
  if (state.group && last && alike(last.alerts[0], alert)) { last.alerts.push(alert); last.row = null; }
  else groups.push({ alerts: [alert], open: false, row: null });
}

/** @param {Alert} alert */
function prepend(alert) {
  const first = groups[0];
  if (state.group && first && alike(first.alerts[0], alert)) { first.alerts.unshift(alert); first.row = null; }
  else groups.unshift({ alerts: [alert], open: false, row: null });
}

/** Lets the oldest alerts go. */
function trim() {
  let all = 0;
  groups.forEach((one, n) => {
    all += one.alerts.length;
    if (all > KEPT && n > 20) { groups.length = Math.min(groups.length, n); next = place(groups[groups.length - 1].alerts.at(-1)?.id); }
    else if (one.alerts.length > 5 * KEPT) { one.alerts.length = 5 * KEPT; groups.length = n + 1; next = place(one.alerts.at(-1)?.id); }
  });
}

/** Draws rows that have changed, and leaves the others. */
function draw() {
  /** @type {HTMLTableRowElement[]} */
  const rows = [];
  for (const one of groups) {
    const isFlood = one.alerts.length >= FLOOD;
    if (isFlood) {
      one.row ??= floodRow(one);
      rows.push(one.row);
    }
    if (!isFlood || one.open) rows.push(...one.alerts.map((alert) => alertRow(alert, isFlood)));
  }
  let at = body.firstElementChild;
  for (const row of rows) {
    if (row === at) at = at.nextElementSibling;
    else body.insertBefore(row, at);
  }
  while (at) { const gone = at; at = at.nextElementSibling; gone.remove(); }
  mark();
}

/** @type {WeakMap<Alert, HTMLTableRowElement>} */
const drawn = new WeakMap();

/** @param {Alert} alert @param {boolean} inside */
function alertRow(alert, inside) {
  let row = drawn.get(alert);
  if (!row) {
    row = h("tr", { class: rowClass(alert), tabIndex: -1, "data-id": alert.id, onclick: (/** @type {MouseEvent} */ event) => open(event, alert) },
      h("td", { class: "time" }, timeElement(alert.timestamp)), h("td", {}, badge(alert.priority)),
      h("td", { class: "msg" }, h("a", { href: `?alert=${alert.id}`, class: "message" }, plain(alert.msg) || "(no message)"), " ", h("span", { class: "sid" }, ruleValue(alert))),
      h("td", { class: "end" }, end(alert, "src")), h("td", { class: "end" }, end(alert, "dst")), h("td", { class: "acts" }, ...acts(alert)));
    drawn.set(alert, row);
  }
  row.classList.toggle("inside", inside);
  return row;
}

/** @param {Alert} alert */
function rowClass(alert) { return `alert${alert.triage?.acknowledged ? " acknowledged" : ""}`; }

/** @param {Alert} alert @param {"src" | "dst"} which */
function end(alert, which) {
  const [ip, port] = [alert[`${which}_ip`], alert[`${which}_port`]];
  if (ip === undefined || port === undefined) return [value(which, ip)];
  const [before, after] = ip.includes(":") ? ["[", "]:"] : ["", ":"];
  return [before, value(which, ip), after, value("port", port)];
}

/** @param {Group} one */
function floodRow(one) {
  const [newest, oldest] = [one.alerts[0], one.alerts[one.alerts.length - 1]];
  const count = (/** @type {string} */ name) => {
    const all = [...new Set(one.alerts.map((alert) => alert[name]).filter(Boolean))];
    return all.length === 1 ? value(name === "src_ip" ? "src" : "dst", all[0]) : all.length ? `${number(all.length)} addresses` : null;
  };
  const toggle = h("button", { type: "button", class: "count", "aria-expanded": String(one.open), onclick: (/** @type {Event} */ event) => { event.stopPropagation(); flip(one); } }, `${number(one.alerts.length)}×`);
  return h("tr", { class: "flood", tabIndex: -1, onclick: (/** @type {Event} */ event) => { if (!(/** @type {Element} */ (event.target).closest("button, a"))) flip(one); } },
    h("td", { class: "time" }, timeElement(newest.timestamp), h("br"), h("small", {}, "since ", timeElement(oldest.timestamp, false))), h("td", {}, badge(newest.priority)),
    h("td", { class: "msg" }, toggle, " ", h("span", { class: "message" }, plain(newest.msg) || "(no message)"), " ", h("span", { class: "sid" }, ruleValue(newest))),
    h("td", { class: "end" }, count("src_ip")), h("td", { class: "end" }, count("dst_ip")),
    h("td", { class: "acts" }, mayChange() && h("button", { type: "button", class: "change", title: "Acknowledge all of these", "aria-label": `Acknowledge these ${one.alerts.length}`, onclick: (/** @type {Event} */ event) => { event.stopPropagation(); triage(one.alerts, "acknowledged", true); } }, "✓")));
}

/** @param {Group} one */
function flip(one) {
  one.open = !one.open;
  one.row = null;
  draw();
}

/** @param {Alert} alert */
function acts(alert) {
  if (!mayChange()) return [];
  const is = (/** @type {"acknowledged" | "starred"} */ kind) => Boolean(alert.triage?.[kind]);
  const act = (/** @type {"acknowledged" | "starred"} */ kind, /** @type {string} */ sign, /** @type {string} */ label) => h("button", {
    type: "button", class: "change", "aria-pressed": String(is(kind)), "aria-label": label, title: label,
    onclick: (/** @type {Event} */ event) => { event.stopPropagation(); triage([alert], kind, !is(kind)); },
  }, sign);
  return [act("acknowledged", "✓", "Acknowledge"), act("starred", is("starred") ? "★" : "☆", "Star")];
}

/**
 * Marks alerts, or takes the mark away; it can be undone.
 * @param {Alert[]} alerts
 * @param {"acknowledged" | "starred"} kind
 * @param {boolean} set
 */
export async function triage(alerts, kind, set) {
  try {
    const done = await post("triage", { ids: alerts.map((alert) => alert.id), mark: kind, set }, "POST", { store });
    for (const alert of alerts) show(alert, kind, set);
    draw();
    const what = set ? (kind === "starred" ? "starred" : "acknowledged") : (kind === "starred" ? "without star now" : "not acknowledged any more");
    toast(`${number(done.alerts)} alert${done.alerts === 1 ? "" : "s"} ${what}.`, undo(done.action));
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}

/** @param {number} action */
function undo(action) {
  const of = store;
  return {
    label: "Undo",
    act: async () => {
      const done = await post("triage/undo", { action }, "POST", { store: of });
      toast(`${number(done.alerts)} alerts are as before.`);
      dispatchEvent(new CustomEvent("triaged"));
    },
  };
}

/** @param {Alert} alert @param {"acknowledged" | "starred"} kind @param {boolean} set */
function show(alert, kind, set) {
  const mark = set ? { at: new Date().toISOString(), by: "" } : undefined;
  alert.triage = { ...alert.triage, [kind]: mark };
  drawn.delete(alert);
  const of = groups.find((one) => one.alerts.includes(alert));
  if (of && kind === "acknowledged" && set && state.hide) {
    of.alerts = of.alerts.filter((one) => one !== alert);
    of.row = null;
    groups = groups.filter((one) => one.alerts.length);
  }
}

async function acknowledgeAll() {
  try {
    const { total } = await get("counts", { ...params(), acknowledged: "no", by: "priority", limit: 1 });
    if (!total) return toast("There is nothing to acknowledge.");
    if (!confirm(`Acknowledge ${number(total)} alert${total === 1 ? "" : "s"} that match what is chosen?`)) return;
    const done = await post("triage", { criteria: { ...params(), acknowledged: "no" }, mark: "acknowledged", set: true });
    toast(`${number(done.alerts)} alerts acknowledged.`, undo(done.action));
    dispatchEvent(new CustomEvent("triaged"));
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}

/** @param {MouseEvent} event @param {Alert} alert */
function open(event, alert) {
  const target = /** @type {Element} */ (event.target);
  if (target.closest("button") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ alert: alert.id });
}

const rows = () => /** @type {HTMLTableRowElement[]} */ ([...body.children]);

function mark() {
  rows().forEach((row, n) => {
    const is = n === selected;
    if (row.tabIndex !== (is ? 0 : -1)) row.tabIndex = is ? 0 : -1;
    row.classList.toggle("selected", is && keyed);
  });
}

/** @param {number} n @param {boolean} focus */
function select(n, focus) {
  selected = Math.max(0, Math.min(n, body.childElementCount - 1));
  mark();
  if (focus) { rows()[selected]?.focus(); rows()[selected]?.scrollIntoView({ block: "nearest" }); }
}

/** The alert of a row, or the group. */
/** @param {HTMLTableRowElement | undefined} row */
function behind(row) {
  const id = Number(row?.dataset.id);
  for (const one of groups) {
    if (one.row === row) return one;
    const alert = id && one.alerts.find((found) => found.id === id);
    if (alert) return alert;
  }
  return null;
}

/**
 * A key that was pressed outside of inputs. True if it was used.
 * @param {KeyboardEvent} event
 */
export function key(event) {
  const found = behind(rows()[selected]);
  keyed = true;
  const alerts = /** @type {Alert[]} */ (found ? ("alerts" in found ? found.alerts : [/** @type {Alert} */ (found)]) : []);
  switch (event.key) {
    case "j": case "ArrowDown": select(selected + 1, true); break;
    case "k": case "ArrowUp": select(selected - 1, true); break;
    case "g": select(0, true); break;
    case "Enter":
      if (!(event.target instanceof HTMLTableRowElement) || !found) return false;
      if ("alerts" in found) flip(/** @type {Group} */ (found));
      else go({ alert: found.id });
      break;
    case "e": if (alerts.length && mayChange()) triage(alerts, "acknowledged", !alerts.every((one) => one.triage?.acknowledged)); break;
    case "s": if (alerts.length && mayChange()) triage(alerts, "starred", !alerts.every((one) => one.triage?.starred)); break;
    case "p": setPaused(!paused); break;
    default: return false;
  }
  return true;
}
