// The histogram above the alerts: it is loaded now and then, and counts what comes meanwhile.

import { get } from "./api.js";
import { noteDamage } from "./damage.js";
import { h, keepFocus } from "./dom.js";
import { histogram, isDragged } from "./histogram.js";
import { params, state } from "./state.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./histogram.js").Series & {last: number, store: string}} Counted */

/** How long to wait at least until what can't be counted here is counted by the server again, in milliseconds. */
const LEAST = 5_000;

/** The same, as a multiple of what that took: a large store isn't counted all the time. */
const SPARE = 50;

/** So many more intervals may be drawn than the server gave, as a part of them and some. */
const GROWTH = 1.5;

export const chart = h("div", { id: "chart" });

/** What is drawn. @type {Counted | null} */
let series = null;
/** Whether what was counted meanwhile is not drawn yet. */
let isBehind = false;
/** @type {AbortController | null} */
let charting = null;
/** When the last answer came, and how long that took. */
let [came, took] = [0, 0];
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** What is listed of what is asked for. @type {() => {alerts: Alert[], store: string}} */
let listed = () => ({ alerts: [], store: "" });

/** @param {typeof listed} list */
export function connectList(list) { listed = list; }

/**
 * Loads it.
 * @param {boolean} [mayWait] - it is drawn later if somebody uses what is drawn
 */
export async function loadChart(mayWait = false) {
  charting?.abort();
  charting = new AbortController();
  clearTimeout(timer);
  timer = undefined;
  const begin = performance.now();
  const found = await get("series", params(), charting.signal);
  came = performance.now();
  took = came - begin;
  noteDamage(found);
  series = found;
  draw(mayWait);
  // What was listed while this was on its way.
  const { alerts, store } = listed();
  countListed(alerts, store, true);
}

/** Ends what is under way. */
export function stopChart() {
  charting?.abort();
  clearTimeout(timer);
  timer = undefined;
  series = null;
}

/** Loads it again, unless nobody looks. */
export function refreshChart() {
  if (state.view === "health" || state.until || !chart.isConnected || document.hidden) return;
  // Who goes from bar to bar has them hold still.
  if (!isHeld()) loadChart(true).catch(() => {});
}

const isHeld = () => isDragged() || chart.contains(document.activeElement);

/** @param {boolean} mayWait */
function draw(mayWait) {
  isBehind = mayWait && isHeld();
  if (!series || isBehind) return;
  const drawn = histogram(series);
  const giveBack = keepFocus(chart);
  chart.replaceChildren(drawn);
  giveBack();
}
for (const end of ["focusout", "pointerup"]) chart.addEventListener(end, () => setTimeout(() => { if (isBehind) draw(true); }));

/**
 * Counts alerts that were listed: those that the server had not stored yet when it counted.
 * @param {Alert[]} alerts
 * @param {string} store
 * @param {boolean} areAll - whether none between them is missing
 */
export function countListed(alerts, store, areAll) {
  if (!series || series.store !== store) return;
  const { last, points, interval } = series;
  const others = alerts.filter(({ id }) => id > last);
  if (!areAll || (others.length && !points.length)) { countLater(); return; }
  if (!others.length) return;
  const step = interval * 1_000;
  const starts = new Map(points.map((point) => [Date.parse(point.time), point]));
  const [first] = starts.keys();
  for (const { timestamp, priority } of others) {
    const start = first + Math.floor((Date.parse(timestamp) - first) / step) * step;
    const point = starts.get(start) ?? { time: new Date(start).toISOString(), alerts: 0, priorities: {} };
    point.alerts += 1;
    const name = String(priority ?? "unknown");
    point.priorities[name] = (point.priorities[name] ?? 0) + 1;
    starts.set(start, point);
  }
  const sorted = [...starts].sort(([a], [b]) => a - b);
  const slots = (/** @type {number[]} */ ends) => (Math.max(...ends) - Math.min(...ends)) / step + 1;
  // Otherwise the server chooses longer intervals.
  if (slots([...starts.keys()]) > GROWTH * slots(points.map(({ time }) => Date.parse(time))) + 20) { countLater(); return; }
  series = { ...series, last: Math.max(last, ...others.map(({ id }) => id)), points: sorted.map(([, point]) => point) };
  draw(true);
}

/** Has the server count again soon. */
function countLater() {
  timer ??= setTimeout(() => { timer = undefined; refreshChart(); }, Math.max(0, came + Math.max(LEAST, SPARE * took) - performance.now()));
}
