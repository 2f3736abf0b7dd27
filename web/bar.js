// The filter bar: words and fields, an expression, a range of time, chips, saved searches.

import { get } from "./api.js";
import { check, problemWith, unmet } from "./check.js";
import { byId, debounced, focusMain, h, toast } from "./dom.js";
import { pickSaved, saved, showSaved } from "./saved.js";
import { FIELD_WORDS, expressionCompletions } from "./expression.js";
import { bareField, fieldOf, isNumber, readWords } from "./fields.js";
import { FIELDS, FILTERS, choose, drop, empty, go, params, state } from "./state.js";
import { buildTime, showTime, timeChip, timeFields, timeSelect } from "./time_range.js";
import { PRIORITIES, named, number, plain, priorityWord } from "./values.js";

const words = /** @type {HTMLInputElement} */ (h("input", {
  id: "words", type: "search", autocomplete: "off", spellcheck: false, placeholder: "words, or src:10.0.0.0/8",
  role: "combobox", "aria-label": "Search: words, or field:value", "aria-expanded": "false", "aria-controls": "words-list", "aria-autocomplete": "list", "aria-describedby": "mistake",
}));
const wordsList = h("ul", { id: "words-list", role: "listbox", class: "completion", hidden: true, "aria-label": "Values" });
const expression = /** @type {HTMLInputElement} */ (h("input", {
  id: "expression", autocomplete: "off", spellcheck: false, placeholder: "alert.dst_port == 445 && msg.priority <= 2",
  role: "combobox", "aria-label": "Expression", "aria-expanded": "false", "aria-controls": "expression-list", "aria-autocomplete": "list", "aria-describedby": "mistake",
}));
const fields = h("details", { class: "fields" }, h("summary", {}, "Fields"), ...FIELD_WORDS.map((word) => h("button", { type: "button", class: "quiet", onclick: () => insert(word) }, word)));
const expressionList = h("ul", { id: "expression-list", role: "listbox", class: "completion", hidden: true, "aria-label": "Words of expressions" });
const mistake = h("p", { id: "mistake", role: "alert", class: "mistake", hidden: true });
const chips = h("ul", { class: "chips", "aria-label": "Chosen" });
const hide = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", role: "switch", onchange: () => go({ acknowledged: hide.checked ? "no" : "" }) }));
const marks = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Triage" },
  ...[["", "any triage"], ["acknowledged", "acknowledged only"], ["starred", "starred only"], ["commented", "with comments only"]].map(([value, label]) => h("option", { value }, label))));
const sensors = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Sensor", hidden: true }));
const fold = h("button", { type: "button", class: "unfold", "aria-expanded": "false", "aria-controls": "choices" }, "Filters");

const expert = h("div", { class: "expert", hidden: true }, h("label", { for: "expression" }, "Expression"), h("div", { class: "field" }, expression, expressionList), fields);
const more = h("button", { type: "button", "aria-expanded": "false", onclick: () => { showExpert(Boolean(expert.hidden)); if (!expert.hidden) expression.focus(); } }, "Expression");

/** Shows the expression's input, or not. @param {boolean} is */
function showExpert(is) {
  expert.hidden = !is;
  more.setAttribute("aria-expanded", String(is));
}

/** The expression that was shown last. */
let known = "";

/** Builds the bar, once. */
export function buildBar() {
  const choices = h("div", { id: "choices", class: "choices" }, timeSelect, sensors, more, saved, marks, h("label", { class: "check" }, hide, "hide acknowledged"));
  fold.addEventListener("click", () => fold.setAttribute("aria-expanded", String(choices.classList.toggle("open"))));
  byId("bar").replaceChildren(
    h("form", { role: "search", onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); submitWords(); } },
      h("div", { class: "field grow" }, words, wordsList), fold, choices),
    timeFields, expert, mistake, chips);
  complete(words, wordsList, wordCompletions, (text) => { words.value = text; if (!text.endsWith(":")) submitWords(); else words.dispatchEvent(new Event("input")); });
  complete(expression, expressionList, expressionCompletions, (text, at) => { expression.value = text; expression.setSelectionRange(at, at); });
  expression.addEventListener("keydown", (event) => { if (event.key === "Enter" && expressionList.hidden) go({ filter: expression.value.trim() }); });
  expression.addEventListener("change", () => go({ filter: expression.value.trim() }));
  marks.addEventListener("change", () => go({
    acknowledged: marks.value === "acknowledged" ? "yes" : state.acknowledged === "yes" ? "" : state.acknowledged,
    starred: marks.value === "starred", commented: marks.value === "commented", comment: "",
  }));
  sensors.addEventListener("change", () => {
    const { sensor: _all, ...others } = state.include;
    go(sensors.value ? { include: { ...others, sensor: [sensors.value] } } : { include: others });
  });
  buildTime();
  saved.addEventListener("change", pickSaved);
}

/**
 * Offers a choice of sensors, if there are several.
 * @param {string[]} names
 */
export function showSensors(names) {
  sensors.hidden = names.length < 2;
  sensors.replaceChildren(h("option", { value: "" }, "all sensors"), ...names.map((name) => h("option", { value: name }, name)));
  sensors.value = state.include.sensor?.length === 1 ? state.include.sensor[0] : "";
}

/**
 * Puts a word where the cursor is in the expression.
 * @param {string} word
 */
function insert(word) {
  expression.focus();
  expression.setRangeText(word, expression.selectionStart ?? expression.value.length, expression.selectionEnd ?? expression.value.length, "end");
}

/** Shows what is chosen. */
export function showBar() {
  if (document.activeElement !== expression) expression.value = state.filter;
  // One that a click, or the address, has given is seen.
  if (state.filter && state.filter !== known) showExpert(true);
  known = state.filter;
  hide.checked = state.acknowledged === "no";
  marks.value = state.acknowledged === "yes" ? "acknowledged" : state.starred ? "starred" : state.commented ? "commented" : "";
  sensors.value = state.include.sensor?.length === 1 ? state.include.sensor[0] : "";
  showTime();
  showSaved();
  const shown = [];
  if (state.text) shown.push(chip(`“${state.text}”`, "text", false, () => go({ text: "" })));
  if (state.comment) shown.push(chip(`comment “${state.comment}”`, "text", false, () => go({ comment: "" })));
  for (const [field, values] of Object.entries(state.include)) for (const value of values) shown.push(chip(named(field, value), field, false, () => drop(field, value), () => choose(field, value, true)));
  for (const [field, value] of state.exclude) shown.push(chip(`not ${named(field, value)}`, field, true, () => drop(field, value), () => choose(field, value, false)));
  if (state.filter) shown.push(chip(state.filter, "filter", false, () => { expression.value = ""; go({ filter: "" }); }));
  if (state.acknowledged === "yes") shown.push(chip("acknowledged", "triage", false, () => go({ acknowledged: "" })));
  if (state.starred) shown.push(chip("starred", "triage", false, () => go({ starred: false })));
  if (state.commented) shown.push(chip("with comments", "triage", false, () => go({ commented: false })));
  const span = timeChip();
  if (span) shown.push(chip(span, "time", false, () => go({ since: "", until: "" })));
  const chosen = shown.length + Number(state.acknowledged === "no") + Number(Boolean(state.since) && !span);
  if (shown.length > 1) shown.push(h("li", {}, h("button", { type: "button", class: "quiet", onclick: () => go({ ...empty(), view: state.view }) }, "clear all")));
  const hadFocus = chips.contains(document.activeElement);
  chips.replaceChildren(...shown);
  chips.hidden = !shown.length;
  if (hadFocus) chips.querySelector("button")?.focus();
  if (hadFocus) focusMain();
  fold.textContent = chosen ? `Filters (${chosen})` : "Filters";
}

/**
 * @param {string} text
 * @param {string} kind
 * @param {boolean} not
 * @param {() => void} remove
 * @param {() => void} [turn]
 */
function chip(text, kind, not, remove, turn) {
  const label = turn ? h("button", { type: "button", title: not ? "Include it instead" : "Exclude it instead", onclick: turn }, text) : h("span", {}, text);
  return h("li", { class: `chip ${kind}${not ? " not" : ""}` }, label, h("button", { type: "button", "aria-label": `Remove ${text}`, onclick: remove }, "×"));
}

/**
 * Says what is wrong with the criteria, or that nothing is.
 * @param {import("./api.js").Problem | null} problem
 */
export function showMistake(problem) {
  mistake.hidden = !problem;
  words.removeAttribute("aria-invalid");
  markChips(problem?.parameter);
  expression.setAttribute("aria-invalid", String(problem?.parameter === "filter"));
  mistake.replaceChildren();
  if (!problem) return;
  // The user's filter is the first one; the others are of excluded values, and are right.
  const filter = params().filter?.[0] ?? "";
  if (problem.parameter === "filter" && problem.column && state.filter) {
    const line = filter.split("\n")[(problem.line ?? 1) - 1] ?? "";
    const at = problem.column - 1;
    mistake.append(h("code", {}, line.slice(0, at), h("mark", {}, line.slice(at, at + 1) || " "), line.slice(at + 1)), " ");
  }
  mistake.append(problem.message);
}

/** @typedef {{alerts: number, problem: string}} Failure - what a filter failed on */

/**
 * Says that the filter could not tell whether some alerts are wanted.
 * @param {Failure} failure
 */
export function showFailure({ alerts, problem }) {
  mistake.hidden = false;
  mistake.replaceChildren(`The filter failed on ${number(alerts)} alert${alerts === 1 ? ", which is" : "s, which are"} left out: ${plain(problem)}`);
}

/**
 * Marks the chips of the criterion that is wrong.
 * @param {string} [parameter]
 */
function markChips(parameter) {
  const kind = parameter === "since" || parameter === "until" ? "time" : parameter === "ip" ? "host" : parameter;
  for (const one of chips.querySelectorAll(".chip")) {
    const isWrong = kind === "filter" && !state.filter ? one.classList.contains("not") : Boolean(kind) && one.classList.contains(String(kind)) && !one.classList.contains("not");
    one.classList.toggle("wrong", isWrong);
  }
}

/** How often words were submitted. */
let submitted = 0;

/** How often these had a mistake: what was loaded before knows nothing of it. */
export let mistakes = 0;

/** Reads words and `field:value`, with `-` before it to exclude. With a mistake nothing is chosen. */
async function submitWords() {
  submitted += 1;
  const [mine, text] = [submitted, words.value];
  const typed = await readWords(text);
  // All of it is checked at once, as it is typed; and again if a value is written otherwise. Numbers need no check.
  const wanted = (/** @type {import("./fields.js").Typed} */ read) => params({ ...state, ...chosenBy(read) });
  const [found, problem] = typed.mistake || isOnlyNumbers(typed) ? [typed] : await Promise.all([check(typed), problemWith(wanted(typed))]);
  const isAsTyped = JSON.stringify(wanted(found)) === JSON.stringify(wanted(typed));
  const wrong = found.mistake ?? (isAsTyped ? problem : await problemWith(wanted(found)));
  // Meanwhile something else may have been typed.
  if (mine !== submitted || words.value !== text) return;
  words.setAttribute("aria-invalid", String(Boolean(wrong)));
  mistake.hidden = !wrong;
  mistake.replaceChildren(wrong ? `${wrong}. Below is what was chosen before.` : "");
  mistakes += Number(Boolean(wrong));
  if (wrong) return;
  words.value = "";
  go(chosenBy(found));
  const reasons = await unmet(found.chosen);
  if (reasons.length) toast(`Nothing is left out: ${reasons.join("; ")}.`);
}

/**
 * Whether it is nothing but numbers of fields that any number is right for, so that the server has nothing to say of it.
 * @param {import("./fields.js").Typed} typed
 */
const isOnlyNumbers = ({ words: others, comment, chosen }) => !others.length && comment === undefined
  && chosen.every(({ field, value }) => (field === "sid" && bareField(value)?.field === "sid") || (NUMBERS.includes(field) && isNumber(value)));

/** What is chosen by any number of up to 32 bits. */
const NUMBERS = ["priority", "sid", "gid"];

/**
 * What is chosen with what was typed.
 * @param {import("./fields.js").Typed} typed
 */
function chosenBy({ words: others, comment, marks, chosen }) {
  const include = { ...state.include };
  const exclude = [...state.exclude];
  for (const { field, value, not } of chosen) {
    if (not) exclude.push(/** @type {[string, string]} */ ([field, value]));
    else include[field] = [...new Set([...(include[field] ?? []), value])];
  }
  return { include, exclude, text: others.length ? others.join(" ") : state.text, ...(comment && { comment }), ...marks };
}

/**
 * A list of completions below an input.
 * @param {HTMLInputElement} input
 * @param {HTMLElement} list
 * @param {(text: string, at: number) => Promise<{text: string, label: string, note?: string, at?: number}[]>} find
 * @param {(text: string, at: number) => void} take - the text, and where the cursor is then
 */
function complete(input, list, find, take) {
  let chosen = -1;
  /** @type {Awaited<ReturnType<typeof find>>} */
  let found = [];
  const close = () => { list.hidden = true; chosen = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const mark = () => {
    [...list.children].forEach((item, n) => item.setAttribute("aria-selected", String(n === chosen)));
    if (chosen >= 0) input.setAttribute("aria-activedescendant", list.children[chosen].id);
  };
  const pick = (/** @type {number} */ n) => { const { text, at = text.length } = found[n]; close(); input.focus(); take(text, at); };
  const look = debounced(120, async () => {
    const text = input.value;
    try { found = await find(text, input.selectionStart ?? text.length); } catch { found = []; }
    if (input.value !== text || document.activeElement !== input) return;
    chosen = -1;
    list.replaceChildren(...found.map((one, n) => h("li", {
      id: `${list.id}-${n}`, role: "option", "aria-selected": "false",
      onpointerdown: (/** @type {Event} */ event) => { event.preventDefault(); pick(n); },
    }, one.label, one.note && h("small", {}, one.note))));
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!!found.length));
  });
  input.addEventListener("input", look);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    if (event.key === "ArrowDown") chosen = (chosen + 1) % found.length;
    else if (event.key === "ArrowUp") chosen = (chosen + found.length - 1) % found.length;
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) pick(chosen);
    else return;
    event.preventDefault();
    event.stopPropagation();
    mark();
  });
}

/** @param {string} text */
async function wordCompletions(text) {
  const last = /(\S*)$/.exec(text)?.[1] ?? "";
  const before = text.slice(0, text.length - last.length);
  if (!last) return [];
  const bare = bareField(last.replace(/^-/, ""));
  if (bare) return bareCompletions(`${before}${last.startsWith("-") ? "-" : ""}`, bare);
  const [, minus, name, prefix] = /^(-?)([\w.]+):(.*)$/.exec(last) ?? [];
  const meant = fieldOf(name, prefix);
  if (meant === "msg" && prefix) return signatureCompletions(`${before}${minus}`, prefix);
  const field = meant === "host" ? "src" : meant?.endsWith("_port") ? "port" : meant;
  // Of what only filters know, the server has no list.
  if (field && FILTERS.includes(field)) return [];
  if (field === "priority") return priorityCompletions(`${before}${minus}${name}:`, prefix);
  if (field && field in FIELDS) {
    const values = (await get("values", { field, prefix, limit: 8 })).values;
    return values.map((/** @type {any} */ one) => ({ text: `${before}${minus}${name}:${/\s/.test(one.value) ? JSON.stringify(one.value) : one.value}`, label: one.label ? `${one.value} ${one.label}` : one.value, note: one.alerts.toLocaleString("en") }));
  }
  const plain = last.replace(/^-/, "");
  return Object.entries(FIELDS).filter(([known]) => plain && known.startsWith(plain)).map(([known, { label }]) => ({ text: `${before}${last.startsWith("-") ? "-" : ""}${known}:`, label: `${known}:`, note: label }));
}

/**
 * What an address or a signature means without a field: what comes first is taken if nothing is chosen.
 * @param {string} before
 * @param {{field: string, value: string}} bare
 */
function bareCompletions(before, { field, value }) {
  const fields = field === "host" ? ["host", "src", "dst"] : [field];
  const notes = /** @type {Record<string, string>} */ ({ host: "source or destination", endpoint: "source or destination, with its port", sid: "signature, of any revision" });
  const offered = fields.map((one) => [`${one}:${value}`, notes[one] ?? FIELDS[one].label]);
  return [...offered, [`"${value}"`, "in messages"]].map(([label, note]) => ({ text: before + label, label, note }));
}

/**
 * Signatures with a text in their messages.
 * @param {string} before
 * @param {string} text
 */
async function signatureCompletions(before, text) {
  const { values } = await get("values", { field: "sid", prefix: text.replaceAll("\"", ""), limit: 8 });
  return values.map((/** @type {any} */ one) => ({ text: `${before}sid:${one.value}`, label: `${one.value} ${one.label ?? ""}`, note: one.alerts.toLocaleString("en") }));
}

/**
 * Priorities by their words, also if a number is typed.
 * @param {string} before
 * @param {string} prefix
 */
async function priorityCompletions(before, prefix) {
  const found = (await get("values", { field: "priority", limit: 20 })).values.map((/** @type {any} */ one) => ({ alerts: one.alerts, value: one.value, word: priorityWord(Number(one.value)) }));
  return found.filter((/** @type {any} */ { value, word }) => value.startsWith(prefix) || word.startsWith(prefix.toLowerCase().replace(/^"/, "")))
    .map((/** @type {any} */ { alerts, value, word }) => ({ text: `${before}${PRIORITIES.includes(word) ? word.replace(" ", "-") : value}`, label: `${value} ${word}`, note: alerts.toLocaleString("en") }));
}

/** Puts the cursor into the search field. */
export function focusBar() { words.focus(); words.select(); }
