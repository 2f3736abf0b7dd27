// Times, as the viewer wants them: local, in UTC, or how long ago.

import { h } from "./dom.js";

/** @typedef {"local" | "utc" | "ago"} Style */

/** @type {Style} */
let style = stored();

/** @returns {Style} */
function stored() {
  const text = localStorage.getItem("pigear.zone");
  return text === "utc" || text === "ago" ? text : "local";
}

export function timeStyle() { return style; }

/** @param {string} text */
export function setTimeStyle(text) {
  localStorage.setItem("pigear.zone", text);
  style = stored();
}

const isUtc = () => style === "utc";

/** The name of the zone of times that are shown. */
export function zone() { return isUtc() ? "UTC" : "local time"; }

/**
 * The begin of a day in the viewer's zone.
 * @param {number} days - days before today
 */
export function dayBegin(days) {
  const at = new Date();
  if (isUtc()) at.setUTCHours(-24 * days, 0, 0, 0);
  else { at.setHours(0, 0, 0, 0); at.setDate(at.getDate() - days); }
  return at.toISOString();
}

/** A date, and perhaps a time, without an offset; or with one, or UTC. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d(?::\d\d){0,2}(?:[.,]\d+)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

/** A time of today, or of a day that is named. */
const CLOCK = /^(?:(today|yesterday) )?(\d\d:\d\d(?::\d\d)?)$/;

/**
 * A date with or without a time, or a time, as the server takes it: without an offset it is in UTC. Nothing if it is
 * something else, such as how long ago.
 * @param {string} text
 */
export function instant(text) {
  const [, day, time] = CLOCK.exec(text.trim()) ?? [];
  const dated = time ? `${new Date(Date.now() - (day === "yesterday" ? 86_400_000 : 0)).toISOString().slice(0, 10)}T${time}` : text.trim();
  const [, date, clock = "00", offset = "Z"] = DATE.exec(dated) ?? [];
  if (!date) return undefined;
  const whole = `${clock.replace(",", ".")}${clock.length === 2 ? ":00" : ""}`;
  const zoned = offset.length === 3 ? `${offset}:00` : offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset.toUpperCase();
  const at = new Date(`${date}T${whole}${zoned}`);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/**
 * A time as `datetime-local` has it.
 * @param {string} text - RFC 3339
 */
export function toField(text) { return time(text).replace(" ", "T"); }

/**
 * The time of a `datetime-local`, in RFC 3339; nothing if it isn't one.
 * @param {string} text
 */
export function fromField(text) {
  const at = new Date(isUtc() ? `${text}Z` : text);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString();
}

/** @param {number} n @param {number} [digits] */
const pad = (n, digits = 2) => String(n).padStart(digits, "0");

/**
 * A time, as `2026-11-28 09:03:42`.
 * @param {string | number | Date} time
 * @param {{seconds?: boolean, date?: boolean}} [how]
 */
export function time(time, { seconds = true, date = true } = {}) {
  const at = new Date(time);
  const [y, m, d, hour, minute, second] = isUtc()
    ? [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()]
    : [at.getFullYear(), at.getMonth(), at.getDate(), at.getHours(), at.getMinutes(), at.getSeconds()];
  const day = `${y}-${pad(m + 1)}-${pad(d)}`;
  const clock = `${pad(hour)}:${pad(minute)}${seconds ? `:${pad(second)}` : ""}`;
  return date ? `${day} ${clock}` : clock;
}

/**
 * An element with a time; its title has all of it, and the zone.
 * @param {string} text - RFC 3339
 * @param {boolean} [date]
 */
export function timeElement(text, date = true) {
  const shown = style === "ago" ? ago(text) : time(text, { date });
  return h("time", { dateTime: text, title: `${time(text)} ${zone()}\n${text}`, "data-ago": style === "ago" ? "" : undefined }, shown);
}

/**
 * A text of the server, with its times in UTC as the viewer wants them.
 * @param {string} text
 */
export function withTimes(text) {
  const found = text.replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\+00:00/g, (_, date, clock) => time(`${date}T${clock}Z`));
  return found === text ? text : `${found} (${zone()})`;
}

/**
 * How long ago, in words.
 * @param {string} text
 */
export function ago(text) {
  const seconds = Math.max(0, (Date.now() - new Date(text).getTime()) / 1000);
  for (const [unit, name] of /** @type {[number, string][]} */ ([[86_400, "day"], [3_600, "hour"], [60, "minute"]])) {
    if (seconds >= unit) {
      const n = Math.floor(seconds / unit);
      return `${n} ${name}${n > 1 ? "s" : ""} ago`;
    }
  }
  return seconds < 10 ? "just now" : `${Math.floor(seconds)} seconds ago`;
}

// How long ago something was changes while it is shown.
setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const said = ago(/** @type {HTMLTimeElement} */ (element).dateTime);
    if (element.textContent !== said) element.textContent = said;
  }
}, 10_000);
