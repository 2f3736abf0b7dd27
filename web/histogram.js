// Alerts over time, stacked by priority. A range of time is chosen by dragging.

import { h, svg } from "./dom.js";
import { go } from "./state.js";
import { time } from "./times.js";
import { number, priorityWord, value } from "./values.js";

const WIDTH = 1000;
const HEIGHT = 90;
const LEVELS = ["1", "2", "3", "4", "unknown"];

/** @typedef {{interval: number, first?: string, points: {time: string, alerts: number, priorities: Record<string, number>}[]}} Series */

/**
 * Draws a series.
 * @param {Series} series
 */
export function histogram(series) {
  if (!series.points.length) return h("div");
  const step = series.interval * 1000;
  const first = new Date(series.points[0].time).getTime();
  const last = new Date(series.points[series.points.length - 1].time).getTime();
  const slots = Math.max(1, Math.round((last - first) / step) + 1);
  const most = Math.max(...series.points.map((point) => point.alerts));
  const width = WIDTH / slots;
  const bars = series.points.map((point) => {
    const x = Math.round((new Date(point.time).getTime() - first) / step) * width;
    let y = HEIGHT;
    const parts = LEVELS.map((level, index) => {
      const alerts = count(point, level);
      const height = (alerts / most) * HEIGHT;
      y -= height;
      return alerts > 0 && svg("rect", { x, y, width: Math.max(0.5, width * 0.92), height, class: `p${index < 4 ? index + 1 : 0}` });
    });
    const said = `${time(point.time)}: ${number(point.alerts)}`;
    return svg("g", {}, svg("title", {}, said), ...parts);
  });
  const shade = svg("rect", { y: 0, height: HEIGHT, x: 0, width: 0, class: "shade" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "bars" }, ...bars, shade);
  drag(picture, shade, (from, to) => {
    const at = (/** @type {number} */ part) => new Date(first + part * slots * step).toISOString();
    go({ since: at(from), until: at(to) });
  });
  const total = series.points.reduce((sum, point) => sum + point.alerts, 0);
  const keys = totals(series).flatMap(([priority, alerts]) => [h("span", { class: "level" }, h("i", { class: `key p${Math.min(4, priority)}`, "aria-hidden": "true" }), `${number(alerts)} `, value("priority", priority, priorityWord(priority))), " "]);
  const unit = [[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]].find(([size]) => series.interval % Number(size) === 0) ?? [1, "second"];
  const each = series.interval / Number(unit[0]);
  return h("figure", { class: "histogram" },
    h("div", { role: "img", "aria-label": `${number(total)} alert${total === 1 ? "" : "s"} from ${time(first)} to ${time(last + step)}, at most ${number(most)} in ${each} ${unit[1]}${each > 1 ? "s" : ""}` }, /** @type {any} */ (picture)),
    h("figcaption", {},
      h("span", {}, time(first, { seconds: step < 60_000 })),
      h("span", { class: "legend" }, `${number(total)} alert${total === 1 ? "" : "s"}: `, ...keys, h("span", { class: "hint" }, `a bar is ${each} ${unit[1]}${each > 1 ? "s" : ""}; drag to choose a time`)),
      h("span", {}, time(last + step, { seconds: step < 60_000 }))));
}

/**
 * How many alerts there are of each priority, the unknown one last.
 * @param {Series} series
 * @returns {[number, number][]}
 */
function totals(series) {
  /** @type {Map<number, number>} */
  const all = new Map();
  for (const point of series.points) {
    for (const [name, alerts] of Object.entries(point.priorities)) {
      const priority = Number(name) || 0;
      all.set(priority, (all.get(priority) ?? 0) + alerts);
    }
  }
  return [...all].sort(([a], [b]) => (a || Infinity) - (b || Infinity));
}

/** @param {{priorities: Record<string, number>}} point @param {string} level */
function count(point, level) {
  if (level !== "4") return point.priorities[level] ?? 0;
  return Object.entries(point.priorities).filter(([name]) => Number(name) >= 4).reduce((sum, [, alerts]) => sum + alerts, 0);
}

/**
 * @param {SVGElement} picture
 * @param {SVGElement} shade
 * @param {(from: number, to: number) => void} chosen - parts of the width
 */
function drag(picture, shade, chosen) {
  /** @type {number | null} */
  let from = null;
  const part = (/** @type {PointerEvent} */ event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const show = (/** @type {number} */ a, /** @type {number} */ b) => {
    shade.setAttribute("x", String(Math.min(a, b) * WIDTH));
    shade.setAttribute("width", String(Math.abs(a - b) * WIDTH));
  };
  picture.addEventListener("pointerdown", (event) => {
    from = part(event);
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => { if (from !== null) show(from, part(event)); });
  picture.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [start, end] = [from, part(event)];
    from = null;
    show(0, 0);
    if (Math.abs(start - end) > 0.005) chosen(Math.min(start, end), Math.max(start, end));
  });
  picture.addEventListener("pointercancel", () => { from = null; show(0, 0); });
}
