// The newest alerts, and each new one as it comes. Floods of one signature are one row.

import { actionTools } from "./actions.js";
import { address, follow, get, mayChange } from "./api.js";
import { showFailure, showSensors } from "./bar.js";
import { all, choose, chooseRange, clear, connect, drop, focusChosen, isChosen, refresh, showChosen } from "./chosen.js";
import { connectList, countListed, refreshChart } from "./chart.js";
import { noteDamage } from "./damage.js";
import { openAlert, show as showDetail } from "./detail.js";
import { announce, byId, h, keepFocus, toast } from "./dom.js";
import { otherMeaning } from "./fields.js";
import { append, isFlood, oldest, prepend, trim } from "./grouping.js";
import { behind, changed, drawRows, listed, rows, showBoxes, table, withSensors } from "./list.js";
import { leave, relist, settled, watchMarks } from "./marks.js";
import { openNoise } from "./noise.js";
import { empty, go, link, onChange, params, state } from "./state.js";
import { withTimes } from "./times.js";
import { acknowledgeAll, triage } from "./triage.js";
import { number } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./grouping.js").Group} Group */
/** @typedef {import("./list.js").Row} Row */

/** How many alerts are fetched at once; and how many are kept, at least and at most. */
const PAGE = 100;
const KEPT = 600;

/** More alerts at once than a reader can follow: then no more than a page of them is kept. */
const MANY = 40;

/** What can be downloaded. */
const FORMATS = {
  pcapng: "packets, for Wireshark", json: "all fields, a line each", csv: "a table, as Snort's alert_csv", fast: "a line each, as Snort's alert_fast", full: "a paragraph each, with the packet", eve: "as Suricata's eve.json", ecs: "for Elasticsearch",
  ocsf: "for security lakes", cef: "for SIEMs such as ArcSight", snort: "as Snort 3's alert_fast", alert_json: "as Snort 3's alert_json",
};

/** How often new alerts are drawn, in milliseconds: less often if that takes long. */
const TICK = 250;
const SLOWEST_TICK = 2_000;

/** The time between two drawings, as a multiple of what one takes. */
const SPARE = 8;

/** @type {Group[]} */
let groups = [];
/** The newest alerts that are not listed yet, as JSON, the oldest first. @type {string[]} */
let pending = [];
/** How many came since some were listed. */
let arrived = 0;
/** Whether there are others between those that are listed and those that are pending. */
let gap = false;
/** Whether older alerts were asked for: then they stay listed. */
let reading = false;
let paused = false;
/** @type {(() => void) | null} */
let unfollow = null;
/** What is said of the stream. */
let following = "";
/** @type {string | undefined} */
let next;
/** The store that the alerts are of. */
let store = "";
/** @type {AbortController | null} */
let running = null;
/** The row that keys are about, or begin at; and its alert or group, which stays the same when rows come or go. */
let selected = 0;
/** @type {Alert | Group | null} */
let current = null;
/** Whether a row was clicked, opened or moved to: before, keys change none. */
let keyed = false;
/** What was asked for when the list was last loaded. */
let asked = "";

/** How long the list holds still after the pointer was moved over it, in milliseconds. */
const HELD = 3_000;
/** When the pointer was last moved over the list; 0 when it has left. */
let pointed = 0;

const newer = h("button", { type: "button", class: "newer", hidden: true, onclick: () => { setPaused(false); scrollTo({ top: 0 }); } });
const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => setPaused(!paused) }, "Pause");
const older = h("button", { type: "button", hidden: true, onclick: fetchOlder }, "Older alerts");
const message = h("div", { class: "empty", hidden: true });
const group = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", onchange: () => go({ group: group.checked }) }));
const others = h("div", { id: "others", class: "choices" }, h("label", { class: "check" }, group, "group floods"),
  h("button", { type: "button", class: "change", onclick: () => acknowledgeAll() }, "Acknowledge all…"), ...actionTools,
  h("button", { type: "button", class: "change", title: "Filters whose alerts are acknowledged as they come", onclick: openNoise }, "Noise…"), exportMenu());
const more = h("button", { type: "button", class: "unfold", "aria-expanded": "false", "aria-controls": "others", onclick: () => more.setAttribute("aria-expanded", String(others.classList.toggle("open"))) }, "More");
const tools = h("div", { class: "tools row" }, pause, newer, more, others);

table.hidden = true;
table.addEventListener("pointermove", () => { pointed = Date.now(); });
// Shift chooses rows, and no text.
table.addEventListener("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); });
table.addEventListener("pointerleave", () => { pointed = 0; });
// Keys are about the row that was clicked, too.
table.addEventListener("focusin", (event) => {
  const row = /** @type {Element} */ (event.target).closest("tbody tr");
  const n = rows().findIndex((one) => one === row);
  if (n >= 0 && (n !== selected || !keyed)) select(n, false);
});
export const view = h("section", { "aria-label": "Alerts" }, tools, table, message, h("p", { class: "row" }, older));

function exportMenu() {
  const select = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Download" }, h("option", { value: "" }, "Download…"),
    ...Object.entries(FORMATS).map(([name, what]) => h("option", { value: name }, `${name}: ${what}`))));
  select.addEventListener("change", async () => {
    const format = select.value;
    select.value = "";
    if (!format) return;
    const wanted = params();
    try {
      // The file can't say what it lacks, so this is said here, of all that is chosen.
      const { filter_failed: failure } = await (wanted.filter ? get("counts", { ...wanted, by: "priority", limit: 1 }) : get("alerts", { ...wanted, limit: 1, packet: "no" }));
      if (failure) showFailure(failure);
      const query = failure ? { ...wanted, partial: "yes" } : wanted;
      // With `download`, an error is one of the download, and the page stays.
      h("a", { href: format === "pcapng" ? address("packets", query) : address("export", { ...query, format }), download: "" }).click();
    } catch (problem) {
      toast(`${/** @type {Error} */ (problem).message}: nothing was downloaded`);
    }
  });
  return select;
}

/** Loads the newest alerts, and follows. Returns what the filter failed on. Throws what the server says is wrong. */
export async function load() {
  stop();
  group.checked = state.group;
  const wanted = JSON.stringify(params());
  // Also if what is looked for now has a mistake: then no alert is in sight.
  if (wanted !== asked) clear();
  running = new AbortController();
  const page = await get("alerts", { ...params(), limit: PAGE, packet: "no" }, running.signal);
  noteDamage(page);
  groups = [];
  forget();
  reading = false;
  newer.hidden = true;
  page.alerts.forEach((/** @type {Alert} */ alert) => append(groups, alert, state.group));
  refresh(page.alerts);
  next = page.next;
  relist(page.alerts, wanted === asked && store === page.store);
  if (store !== page.store) clear();
  store = page.store;
  if (wanted !== asked) { selected = 0; current = null; }
  current = current && same(current);
  keyed = current !== null;
  asked = wanted;
  draw();
  if (page.alerts.length) say("");
  else sayNothing(page);
  if (page.alerts.length) lookForSensors();
  if (state.until) { byId("state").textContent = ""; return page.filter_failed; }
  unfollow = follow(params(), place(page.last), {
    alert: (text) => {
      arrived += 1;
      pending.push(text);
      if (pending.length < 2 * KEPT) return;
      pending.splice(0, KEPT);
      gap = true;
    },
    skipped: () => { pending = []; gap = true; },
    reset: () => dispatchEvent(new CustomEvent("replaced")),
    again: () => { checkNewest().catch(() => {}); },
    state: (text, isTrouble) => {
      following = text;
      byId("state").textContent = paused ? "paused" : text;
      byId("state").dataset.live = isTrouble ? "no" : text;
    },
  });
  return page.filter_failed;
}

/**
 * What is listed of an alert or group that was listed before.
 * @param {Alert | Group} before
 */
function same(before) {
  const id = "alerts" in before ? /** @type {Group} */ (before).alerts[0]?.id : /** @type {Alert} */ (before).id;
  const of = groups.find((one) => one.alerts.some((alert) => alert.id === id));
  if (!of || (isFlood(of) && "alerts" in before)) return of ?? null;
  return of.alerts.find((alert) => alert.id === id) ?? null;
}

/** The place of an alert in its store. @param {number | undefined} id */
const place = (id) => `${id}-${store}`;

/**
 * Looks whether the newest alert is still the one that is listed. A backup that was put back may have got others
 * with the same numbers, while nobody looked.
 */
async function checkNewest() {
  const newest = groups[0]?.alerts[0];
  if (!newest) return;
  // Without its store: that another one is there, the stream says.
  const now = await get(`alerts/${newest.id}`);
  if (now.store === store && now.received !== newest.received) dispatchEvent(new CustomEvent("replaced"));
}

/** Ends what is under way. */
export function stop() {
  running?.abort();
  unfollow?.();
  unfollow = null;
  following = "";
}

function forget() {
  pending = [];
  arrived = 0;
  gap = false;
}

/** How long it took to draw new alerts, in milliseconds. */
let took = 0;

/** Draws what is new, and again after a while. */
function tick() {
  setTimeout(tick, Math.min(SLOWEST_TICK, Math.max(TICK, SPARE * took)));
  if (!document.hidden && !isHeld()) settle();
  if (!pending.length || document.hidden) return;
  if (paused || isHeld()) {
    newer.hidden = false;
    newer.textContent = `${number(arrived)}${gap ? "+" : ""} new`;
    return;
  }
  const begin = performance.now();
  drawNew();
  // With what the browser does until it is on the screen.
  requestAnimationFrame(() => setTimeout(() => { took = performance.now() - begin; }));
}
setTimeout(tick, TICK);

/**
 * Whether somebody is about to click in the list: then no row goes from below the pointer. Once it rests, only what
 * changes an alert is held.
 */
function isHeld() {
  return pointed > 0 && (Date.now() - pointed < HELD || table.querySelector(".acts:hover") !== null);
}

function drawNew() {
  newer.hidden = true;
  const [count, texts] = [arrived, pending];
  if (gap) groups = [];
  const alerts = texts.map((text) => /** @type {Alert} */ (JSON.parse(text)));
  alerts.forEach((alert) => prepend(groups, alert, state.group));
  const end = trim(groups, count > MANY && !reading ? PAGE : KEPT) ?? (gap && groups.length ? oldest(groups) : undefined);
  if (end) next = place(end);
  const said = `${number(count)}${gap ? " or more" : ""} new alert${count > 1 ? "s" : ""}`;
  const areAll = !gap;
  forget();
  draw();
  countListed(alerts, store, areAll);
  say("");
  announce(() => said);
}

/** @param {boolean} stopped */
function setPaused(stopped) {
  paused = stopped;
  pause.textContent = paused ? "Resume" : "Pause";
  pause.setAttribute("aria-pressed", String(paused));
  newer.hidden = true;
  byId("state").textContent = paused ? "paused" : following;
}

/** @param {string} text */
function say(text) {
  message.textContent = text;
  message.hidden = !text;
  table.hidden = Boolean(text);
  older.hidden = !next;
}

/**
 * Says why there is nothing, and what can be done.
 * @param {{last: number, reason?: string}} page
 */
function sayNothing({ last, reason }) {
  next = undefined;
  say(last ? `No alerts found${reason ? `: ${withTimes(reason)}` : ""}.` : "No alerts found: none is stored yet. Each one is shown here as soon as it is.");
  const isChosen = link({ ...state, view: "now", alert: null, group: true }) !== link(empty());
  const other = last ? otherMeaning() : undefined;
  if (other) message.append(" ", h("button", { type: "button", onclick: () => go(other.change) }, other.label));
  if (last && isChosen) message.append(" ", h("button", { type: "button", onclick: () => go({ ...empty(), group: state.group }) }, "Show all alerts"));
}

/** When sensors were looked for. */
let lookedAt = 0;

/** Offers the sensors, if there are several: looked for when nothing else is to be done. */
function lookForSensors() {
  if (Date.now() - lookedAt < 600_000) return;
  lookedAt = Date.now();
  setTimeout(async () => {
    const { origins } = await get("health").catch(() => ({ origins: [] }));
    const names = /** @type {string[]} */ ([...new Set(origins.map((/** @type {{sensor?: string}} */ one) => one.sensor).filter(Boolean))]).sort();
    withSensors(names.length > 1);
    showSensors(names);
  }, 1_000);
}

async function fetchOlder() {
  const [from, signal] = [next, running?.signal];
  if (!from || older.disabled) return;
  older.disabled = true;
  try {
    const page = await get("alerts", { ...params(), limit: PAGE, packet: "no", cursor: from }, signal);
    // Another search may have begun, or alerts may have left the end of the list.
    if (signal !== running?.signal || from !== next) return;
    noteDamage(page);
    relist(page.alerts, true);
    page.alerts.forEach((/** @type {Alert} */ alert) => append(groups, alert, state.group));
    refresh(page.alerts);
    next = page.next;
    reading = true;
    draw();
    say("");
  } catch (problem) {
    if (!signal?.aborted) toast(String(/** @type {Error} */ (problem).message));
  } finally {
    older.disabled = false;
  }
}

/** @param {boolean} [next] - whether keys go on at the next row if theirs is gone; otherwise another one is chosen first */
function draw(next = false) {
  const was = rows()[selected];
  const hadFocus = was !== undefined && was === document.activeElement;
  // The alert of the keys that is about to be one of a flood stays a row of its own.
  const alert = /** @type {Alert} */ (current);
  const within = keyed && alert && was?.dataset.id ? groups.find((one) => isFlood(one) && !one.open && one.alerts.includes(alert)) : undefined;
  if (within) { within.open = true; within.row = null; }
  // The row of a flood is another one once it has grown.
  const of = current && "alerts" in current ? current : null;
  const giveBack = of ? keepFocus(table, was, () => groups.find((one) => one === same(of))?.row) : keepFocus(table);
  drawRows(groups, { flip, mark: marked, choose: chooseRow }, mark);
  giveBack();
  const still = current && same(current);
  const moved = still ? rows().findIndex((row) => behind(groups, row) === still) : -1;
  selected = Math.max(0, moved < 0 ? Math.min(selected, rows().length - 1) : moved);
  keyed &&= moved >= 0 || (next && rows().length > 0);
  selectShown();
  mark();
  if (hadFocus && was !== rows()[selected]) (keyed ? rows()[selected] : byId("main")).focus({ preventScroll: true });
}

/** @param {Group} one */
function flip(one) {
  one.open = !one.open;
  one.row = null;
  draw();
}

/** @type {import("./list.js").Acts["mark"]} */
async function marked(alerts, kind, set) {
  if (!await triage(alerts, kind, set, store)) return;
  for (const alert of alerts) {
    changed(alert);
    const of = groups.find((one) => one.alerts.includes(alert));
    if (of) of.row = null;
  }
  if (kind === "acknowledged" && set && state.acknowledged === "no") { leave(groups, alerts); drop(alerts); }
  draw(true);
  // Others may be older; and the bars count what is chosen.
  if (!groups.length || state[kind] !== empty()[kind]) dispatchEvent(new CustomEvent(groups.length ? "counted" : "triaged"));
}

/** Shows what others have done with the alerts that are listed. */
function settle() {
  const now = settled(groups, { grouped: state.group, hides: state.acknowledged === "no", isPaused: paused, oldest: parseInt(next ?? "0", 10) });
  if (!now) return;
  groups = now.groups;
  draw();
  // Others may be older.
  if (!groups.length) dispatchEvent(new CustomEvent("triaged"));
  else if (now.isOther) { say(""); refreshChart(); }
}

/** The alerts that are listed, as long as the list is the answer to what is asked for. */
const shownAlerts = () => (state.view === "now" && asked === JSON.stringify(params()) ? groups.flatMap((one) => one.alerts) : []);
watchMarks(() => ({ alerts: [...shownAlerts(), ...all()], open: openAlert(), store }), () => { showDetail(true); });

/** @param {Row} row @param {boolean} isRange - all lines from where a range began to this one, and not this one alone */
function chooseRow(row, isRange) {
  const lines = listed();
  if (isRange) chooseRange(lines, row); else choose(row);
  const n = rows().findIndex((one) => behind(groups, one) === row);
  if (n >= 0) select(n, false);
}

/** Chooses the row of the keys, and the next one. @param {number} by */
function extend(by) {
  // The first one begins with the row that it goes to.
  const from = keyed ? behind(groups, rows()[selected]) : null;
  step(by);
  const to = behind(groups, rows()[selected]);
  if (to) chooseRange(listed(), to, from ?? to);
}

/** Shows which rows are chosen, and the bar. */
function showChoice() {
  const places = { folded: 0, floods: 0, gone: all().length };
  for (const one of places.gone ? groups : []) {
    const n = one.alerts.filter(isChosen).length;
    places.gone -= n;
    if (!n || !isFlood(one) || one.open) continue;
    places.folded += n;
    places.floods += 1;
  }
  showBoxes(isChosen, all().length > 0);
  showChosen(places);
}

connectList(() => ({ alerts: shownAlerts(), store }));
connect({ mark: marked, draw: showChoice, store: () => store, leave: () => (rows()[selected] ?? byId("main")).focus({ preventScroll: true }) });

function mark() {
  showChoice();
  current = keyed ? behind(groups, rows()[selected]) : null;
  rows().forEach((row, n) => {
    const is = n === selected;
    if (row.tabIndex !== (is ? 0 : -1)) row.tabIndex = is ? 0 : -1;
    row.classList.toggle("selected", is && keyed);
    row.classList.toggle("shown", state.alert !== null && row.dataset.id === String(state.alert));
  });
}

/** Keys are about the alert that is open, if it has a row. */
function selectShown() {
  const n = state.alert ? rows().findIndex((row) => row.dataset.id === String(state.alert)) : -1;
  if (n >= 0) [selected, keyed] = [n, true];
}

onChange(() => {
  selectShown();
  mark();
});

/** @param {number} n @param {boolean} focus */
function select(n, focus) {
  selected = Math.max(0, Math.min(n, rows().length - 1));
  keyed = rows().length > 0;
  mark();
  if (focus) { rows()[selected]?.focus(); rows()[selected]?.scrollIntoView({ block: "nearest" }); }
}

/**
 * Goes to another row, at first to the one where keys begin; if an alert is open, the one of that row is instead.
 * @param {number} by
 */
function step(by) {
  select(keyed ? selected + by : selected, true);
  const found = behind(groups, rows()[selected]);
  if (state.alert && found) go({ alert: "alerts" in found ? found.alerts[0].id : found.id }, { replace: true });
}

/** Marks these alerts; or if all of them are marked, takes the marks away. @param {Alert[]} alerts @param {import("./list.js").Mark} kind */
function change(alerts, kind) {
  if (!mayChange()) return;
  if (alerts.length) marked(alerts, kind, !alerts.every((one) => one.triage?.[kind]));
  else sayHowToChoose();
}

const sayHowToChoose = () => toast(rows().length ? "Choose an alert first: j and k go to one, a click opens it." : "No alert is listed.");

/**
 * A key that was pressed outside of inputs. True if it was used.
 * @param {KeyboardEvent} event
 */
export function key(event) {
  const found = keyed ? behind(groups, rows()[selected]) : null;
  const isOfChosen = !state.alert && all().length > 0;
  const alerts = isOfChosen ? all() : /** @type {Alert[]} */ (found ? ("alerts" in found ? found.alerts : [/** @type {Alert} */ (found)]) : []);
  switch (event.key) {
    case "j": step(1); break;
    case "k": step(-1); break;
    case "ArrowDown": if (event.shiftKey) extend(1); else step(1); break;
    case "ArrowUp": if (event.shiftKey) extend(-1); else step(-1); break;
    case "J": extend(1); break;
    case "K": extend(-1); break;
    case "x": if (found) chooseRow(found, false); else sayHowToChoose(); break;
    case "a": return focusChosen();
    case "g": select(0, true); break;
    case "Enter":
      if (event.shiftKey || !(event.target instanceof HTMLTableRowElement) || !found) return false;
      if ("alerts" in found) flip(/** @type {Group} */ (found));
      else go({ alert: found.id });
      break;
    case "e": change(alerts, "acknowledged"); break;
    case "s": change(alerts, "starred"); break;
    case "p": setPaused(!paused); break;
    default: return false;
  }
  return true;
}
