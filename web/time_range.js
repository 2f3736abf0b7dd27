// The range of time: relative from a list, or absolute from two fields.

import { h } from "./dom.js";
import { go, state } from "./state.js";
import { dayBegin, fromField, instant, time, toField, zone } from "./times.js";

const SPANS = [["", "all time"], ["15m", "last 15 minutes"], ["1h", "last hour"], ["6h", "last 6 hours"], ["12h", "last 12 hours"], ["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"], ["today", "today"], ["yesterday", "since yesterday"]];

export const timeSelect = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Time" }));
const from = h("input", { type: "datetime-local", step: "1" });
const to = h("input", { type: "datetime-local", step: "1" });
const inZone = h("small");
export const timeFields = h("form", { class: "row span", hidden: true, "aria-label": "Range of time" },
  h("label", {}, "from ", from), h("label", {}, "to ", to), h("button", {}, "Apply"), inZone);

/** Listens to the list and the fields. */
export function buildTime() {
  timeSelect.addEventListener("change", () => {
    if (timeSelect.value === "night") return go(lastNight());
    if (timeSelect.value !== "chosen") return go({ since: timeSelect.value, until: "" });
    timeFields.hidden = false;
    if (!from.value) from.value = toField(dayBegin(1));
    if (!to.value) to.value = toField(new Date().toISOString());
    from.focus();
  });
  timeFields.addEventListener("submit", (event) => {
    event.preventDefault();
    const [since, until] = [fromField(from.value), fromField(to.value)];
    to.setCustomValidity(since && until && since >= until ? "The end must be after the begin" : "");
    if (timeFields.reportValidity()) go({ since, until });
  });
  to.addEventListener("input", () => to.setCustomValidity(""));
}

/** From eight in the evening to six in the morning. */
function lastNight() {
  const at = (/** @type {number} */ days, /** @type {number} */ hours) => new Date(Date.parse(dayBegin(days)) + hours * 3_600_000).toISOString();
  return { since: at(1, 20), until: at(0, 6) };
}

const isOwn = () => Boolean(state.until) || (state.since !== "" && !SPANS.some(([value]) => value === state.since));

/** Shows the range that is chosen. */
export function showTime() {
  const own = isOwn();
  timeSelect.replaceChildren(...[...SPANS, ["night", "last night"], ["chosen", "from … to …"]].map(([value, label]) => h("option", { value }, label)));
  timeSelect.value = own ? "chosen" : state.since;
  timeFields.hidden = !own;
  inZone.textContent = zone();
  const fieldOf = (/** @type {string | undefined} */ at) => (at ? toField(at) : "");
  from.value = fieldOf(instant(state.since));
  to.value = fieldOf(instant(state.until));
}

/** The range in words, if it isn't one of the list. */
export function timeChip() {
  const written = (/** @type {string} */ text) => {
    const at = instant(text);
    return at ? time(at) : text || "…";
  };
  return isOwn() ? `${written(state.since)} – ${written(state.until)}` : "";
}
