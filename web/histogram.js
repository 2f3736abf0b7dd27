// Alerts over time, stacked by priority. A range of time is chosen by dragging, that of a bar by a click or by keys.

import { h, svg } from "./dom.js";
import { go } from "./state.js";
import { time } from "./times.js";
import { LOWER, level, number, priorityWord, value } from "./values.js";

const WIDTH = 1000;
const HEIGHT = 90;
/** The levels of priorities, as they are stacked: the unknown one is above all others. */
const LEVELS = [1, 2, 3, 4, LOWER, 0];

/** @typedef {{interval: number, first?: string, points: {time: string, alerts: number, priorities: Record<string, number>}[]}} Series */

/** How far beside a bar a click may be, in pixels: some are as thin as one. */
const REACH = 6;

/** The most ticks of the axis of counts. */
const TICKS = 3;

/** The begin of the bar that keys chose last: it is the same in the next picture. */
let chosen = 0;

/**
 * Draws a series.
 * @param {Series} series
 */
export function histogram(series) {
  if (!series.points.length) return h("div");
  const step = series.interval * 1000;
  const starts = series.points.map((point) => new Date(point.time).getTime());
  const first = starts[0];
  const last = starts[starts.length - 1];
  const slots = Math.max(1, Math.round((last - first) / step) + 1);
  const most = Math.max(...series.points.map((point) => point.alerts));
  const scale = ticks(most);
  const top = scale[scale.length - 1];
  const width = WIDTH / slots;
  const slotOf = (/** @type {number} */ n) => Math.round((starts[n] - first) / step);
  const said = (/** @type {number} */ n) => `${time(series.points[n].time)}: ${number(series.points[n].alerts)}`;
  const bars = series.points.map((point, n) => {
    const x = slotOf(n) * width;
    let y = HEIGHT;
    const parts = LEVELS.map((of) => {
      const alerts = count(point, of);
      const height = (alerts / top) * HEIGHT;
      y -= height;
      return alerts > 0 && svg("rect", { x, y, width: Math.max(0.5, width * 0.92), height, class: `p${of}` });
    });
    return svg("g", {}, svg("title", {}, said(n)), ...parts);
  });
  const lines = scale.map((tick) => svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT * (1 - tick / top), y2: HEIGHT * (1 - tick / top) }));
  const shade = svg("rect", { y: 0, height: HEIGHT, x: 0, width: 0, class: "shade" });
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", class: "bars", "aria-hidden": "true" }, ...lines, ...bars, shade);
  const narrow = (/** @type {number} */ n) => go({ since: new Date(starts[n]).toISOString(), until: new Date(starts[n] + step).toISOString() });
  drag(picture, shade, (from, to) => {
    const at = (/** @type {number} */ part) => new Date(first + part * slots * step).toISOString();
    go({ since: at(from), until: at(to) });
  }, (part, reach) => {
    // The middles of bars beside the place; that of the bar that it is in has no distance.
    const distance = (/** @type {number} */ n) => Math.max(0, Math.abs(part * slots - slotOf(n) - 0.5) - 0.5) / slots;
    const nearest = starts.reduce((best, _, n) => (distance(n) < distance(best) ? n : best), 0);
    if (distance(nearest) <= reach) narrow(nearest);
  });
  const total = series.points.reduce((sum, point) => sum + point.alerts, 0);
  const keys = legend(series);
  const unit = [[86_400, "day"], [3_600, "hour"], [60, "minute"], [1, "second"]].find(([size]) => series.interval % Number(size) === 0) ?? [1, "second"];
  const each = series.interval / Number(unit[0]);
  const size = `${each} ${unit[1]}${each > 1 ? "s" : ""}`;
  const hint = h("span", { class: "hint" });
  const labels = scale.map((tick) => {
    const label = h("span", {}, short(tick));
    label.style.insetBlockEnd = `${(tick / top) * 100}%`;
    return label;
  });
  // A slider: screen readers say the bar that keys go to, and nothing else.
  const plot = h("div", {
    class: "plot", tabIndex: 0, role: "slider", "aria-valuemin": 1, "aria-valuemax": starts.length, "aria-orientation": "horizontal",
    "aria-label": `${number(total)} alert${total === 1 ? "" : "s"} from ${time(first)} to ${time(last + step)}, at most ${number(most)} in ${size}; Enter chooses the time of a bar`,
  }, h("div", { class: "axis", "aria-hidden": "true" }, ...labels), /** @type {any} */ (picture));
  let at = Math.max(0, starts.findLastIndex((start) => start <= chosen));
  if (!chosen) at = starts.length - 1;
  const show = (/** @type {number} */ n) => {
    at = Math.max(0, Math.min(n, starts.length - 1));
    plot.setAttribute("aria-valuenow", String(at + 1));
    plot.setAttribute("aria-valuetext", `${said(at)} alert${series.points[at].alerts === 1 ? "" : "s"}`);
    const isFocused = plot.matches(":focus-visible");
    bars.forEach((bar, one) => bar.classList.toggle("at", isFocused && one === at));
    hint.textContent = isFocused ? `${said(at)}; Enter chooses its ${size}` : `a bar is ${size}; click it, or drag, to choose a time`;
    plot.classList.toggle("keyed", isFocused);
  };
  show(at);
  plot.addEventListener("focus", () => show(at));
  plot.addEventListener("blur", () => show(at));
  plot.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (by !== undefined) { show(at + by); chosen = starts[at]; }
    else if (event.key === "Enter") { chosen = starts[at]; narrow(at); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const figure = h("figure", { class: "histogram" }, plot,
    h("figcaption", {},
      h("span", {}, time(first, { seconds: step < 60_000 })),
      h("span", { class: "legend" }, h("span", {}, `${number(total)} alert${total === 1 ? "" : "s"}: `), ...keys, hint),
      h("span", {}, time(last + step, { seconds: step < 60_000 }))));
  figure.style.setProperty("--digits", String(Math.max(...scale.map((tick) => short(tick).length))));
  return figure;
}

/**
 * The ticks of an axis: a few round numbers, of which the last is not below the most that is shown.
 * @param {number} most
 */
function ticks(most) {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) {
      const n = Math.ceil(most / (digit * power));
      if (n <= TICKS) return Array.from({ length: n }, (_, index) => (index + 1) * digit * power);
    }
  }
}

/** A number that has little room. @param {number} n */
const short = (n) => (n < 10_000 ? number(n) : n.toLocaleString("en", { notation: "compact" }));

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

/**
 * What each colour means. Priorities that share one are behind one key: they are below all that have a word.
 * @param {Series} series
 */
function legend(series) {
  const all = totals(series);
  const lower = all.filter(([priority]) => level(priority) === LOWER);
  return all.flatMap(([priority, alerts], n) => {
    const isLower = level(priority) === LOWER;
    const hasKey = !isLower || priority === lower[0][0];
    const key = hasKey && h("i", { class: `key p${level(priority)}`, "aria-hidden": "true" });
    const word = isLower && hasKey && (lower.length > 1 ? "below very low: " : "");
    return [h("span", { class: "level" }, key, word, `${number(alerts)} `, value("priority", priority, priorityWord(priority))), isLower && level(all[n + 1]?.[0]) === LOWER ? ", " : " "];
  });
}

/** @param {{priorities: Record<string, number>}} point @param {number} of */
function count(point, of) {
  return Object.entries(point.priorities).filter(([name]) => level(Number(name) || 0) === of).reduce((sum, [, alerts]) => sum + alerts, 0);
}

/** What is being dragged over. @type {Element | null} */
let dragging = null;

/** Whether a time is being chosen by dragging: what is drawn stays until then. */
export const isDragged = () => dragging?.isConnected ?? false;

/**
 * @param {SVGElement} picture
 * @param {SVGElement} shade
 * @param {(from: number, to: number) => void} dragged - parts of the width
 * @param {(at: number, reach: number) => void} clicked - the same
 */
function drag(picture, shade, dragged, clicked) {
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
  const cancel = () => {
    from = dragging = null;
    removeEventListener("keydown", escape, true);
    show(0, 0);
  };
  // Then Esc ends nothing else.
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    cancel();
  };
  picture.addEventListener("pointerdown", (event) => {
    from = part(event);
    dragging = picture;
    picture.setPointerCapture(event.pointerId);
    addEventListener("keydown", escape, true);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => { if (from !== null) show(from, part(event)); });
  picture.addEventListener("pointerup", (event) => {
    if (from === null) return;
    const [start, end] = [from, part(event)];
    cancel();
    if (Math.abs(start - end) > 0.005) dragged(Math.min(start, end), Math.max(start, end));
    else clicked(end, REACH / picture.getBoundingClientRect().width);
  });
  picture.addEventListener("pointercancel", cancel);
}
