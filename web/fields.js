// What is typed into the search field: words, and `field:value`.

import { classesWith } from "./check.js";
import { meantBy, synonym } from "./names.js";
import { FIELDS, endpointOf, endpointText, state, valuesOf } from "./state.js";
import { PRIORITIES, priorityNumber } from "./values.js";

/** What else can be chosen, by what was said about alerts. */
const OTHERS = ["comment", "acknowledged", "starred"];

/** Times are no fields of the search field. */
const TIMES = ["since", "until", "time", "timestamp", "@timestamp", "date", "from", "to"];

/**
 * @typedef {object} Chosen - a value that is chosen
 * @property {string} field
 * @property {string} value
 * @property {boolean} not
 * @property {number} [at] - of a value without its field: the place among the words that it may be one of
 * @property {string} [word] - how it was typed then
 */
/** @typedef {{acknowledged?: "yes" | "no", starred?: boolean}} Marks */
/** @typedef {{words: string[], comment?: string, marks: Marks, chosen: Chosen[], mistake?: string}} Typed */

/** What is typed behind some fields. @type {Record<string, string | undefined>} */
const EXAMPLES = {
  msg: "msg:login", class: "class:web-application-attack", priority: "priority:high", src: "src:10.0.0.0/8", dst: "dst:10.0.0.0/8", host: "host:192.0.2.1", port: "port:53", endpoint: "endpoint:192.0.2.1:80",
  proto: "proto:tcp", sensor: "sensor:dmz", app: "app:http", action: "action:drop", dialect: "dialect:snort3", socket: "socket:/var/log/snort/snort_alert", comment: "comment:checked", acknowledged: "acknowledged:no", starred: "starred:yes",
};

/** A field, and what stands behind it. */
const FIELD = /^(-?)([@a-z_][\w.]*):(?!\/\/)(.*)$/i;

/**
 * Reads what is typed.
 * @param {string} text
 * @returns {Promise<Typed>}
 */
export async function readWords(text) {
  /** @type {Typed} */
  const found = { words: [], marks: {}, chosen: [] };
  for (const word of await joined(text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [])) {
    const not = word.startsWith("-");
    const alone = word.replace(/^-/, "");
    const bare = bareField(alone);
    const [, , name, quoted] = FIELD.exec(word) ?? [];
    const value = quoted?.replaceAll("\"", "");
    const field = fieldOf(name, value);
    if (bare) found.chosen.push({ ...bare, not, at: found.words.length, word });
    else if (isClock(alone)) found.mistake ??= `${alone} looks like a time, and is no signature; choose a time from the list beside this field. ${asWords(alone)}`;
    else if (portOf(alone) !== undefined) found.mistake ??= `${JSON.stringify(alone)}: the port ${portOf(alone)} is none, they go up to 65535. ${asWords(alone)}`;
    else if (field && name && !value && !isLikeIpv6(alone)) found.mistake ??= `${name}: needs a value, such as ${EXAMPLES[field] ?? `${name}:1`}. ${asWords(alone)}`;
    else if (!value || isLikeIpv6(alone)) addWord(found, alone.replaceAll("\"", ""), not);
    else if (field === "acknowledged" || field === "starred") found.mistake ??= addMark(found.marks, field, value, not);
    else if (field === "comment" && not) found.mistake ??= `alerts can't be excluded by their comments; comment:${quoted} finds those with it`;
    else if (field === "comment") found.comment = value;
    else if (!field) found.mistake ??= noField(name, word);
    else if (field === "msg" && !not) found.words.push(value);
    else found.chosen.push(...valuesOf(field, value).map((one) => ({ field, value: exact(field, one), not })));
  }
  return found;
}

/**
 * A word of messages, or one to exclude. A line between words is one of them.
 * @param {Typed} found @param {string} word @param {boolean} not
 */
function addWord(found, word, not) {
  if (not && /[^-]/.test(word)) found.chosen.push({ field: "msg", value: word, not });
  else found.words.push(`${not ? "-" : ""}${word}`);
}

/**
 * What belongs together: a field and its value behind a space, and values of several words as the page shows them.
 * @param {string[]} words
 */
async function joined(words) {
  const found = [];
  for (let left = words; left.length;) {
    let [word, ...others] = left;
    const field = fieldOf(FIELD.exec(word)?.[2]);
    if (field && word.endsWith(":") && others.length && !fieldOf(FIELD.exec(others[0])?.[2])) {
      word += others[0];
      others = others.slice(1);
    }
    const [, minus, name, value] = FIELD.exec(word) ?? [];
    const known = field === "priority" ? PRIORITIES : field === "class" && value && others.length ? (await classesWith(value)).map(({ label = "" }) => label) : [];
    const rest = `${[value, ...others].join(" ").toLowerCase()} `;
    const long = known.filter((one) => one.includes(" ") && rest.startsWith(`${one.toLowerCase()} `)).sort((a, b) => b.length - a.length)[0];
    found.push(long ? `${minus}${name}:"${long}"` : word);
    left = others.slice(long ? long.split(" ").length - 1 : 0);
  }
  return found;
}

/**
 * Chooses by a mark, or returns what is wrong.
 * @param {Marks} marks @param {"acknowledged" | "starred"} mark @param {string} value @param {boolean} not
 */
function addMark(marks, mark, value, not) {
  const said = [["yes", "true"], ["no", "false"]].findIndex((words) => words.includes(value.toLowerCase()));
  if (said < 0) return `${mark}: ${JSON.stringify(value)}: expected yes or no`;
  const is = (said === 0) !== not;
  if (mark === "acknowledged") marks.acknowledged = is ? "yes" : "no";
  else if (is) marks.starred = true;
  else return "alerts without a star can't be chosen here; pigear query --starred=no finds them";
  return undefined;
}

/**
 * A value as the page writes it.
 * @param {string} field @param {string} value
 */
function exact(field, value) {
  if (field === "priority") return priorityNumber(value);
  if (field === "endpoint") return endpointText(endpointOf(value)) ?? value;
  return field === "sid" ? withoutRevision(value) : value;
}

/** @param {string} text - `1:384:8`, as the page shows signatures */
const withoutRevision = (text) => /^(\d+:\d+):\d+$/.exec(text)?.[1] ?? text;

/**
 * The port of what looks like an endpoint, if it is too high.
 * @param {string} text
 */
function portOf(text) {
  const [, end, port] = /^(.+):(\d+)$/.exec(text) ?? [];
  return end && Number(port) >= 2 ** 16 && endpointOf(`${end}:1`) ? port : undefined;
}

/** A number of up to 32 bits, without zeros before it. */
export const isNumber = (/** @type {string} */ text) => /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) < 2 ** 32;

/** Whether it is a time of day, such as `16:00`: numbers of signatures have no zeros before them. */
const isClock = (/** @type {string} */ text) => /^\d{1,2}(:\d\d){1,2}$/.test(text) && /(^|:)0\d/.test(text);

/** Of such a text the begin is no field, whether it is an address or not. */
const isLikeIpv6 = (/** @type {string} */ text) => /^[\da-f]*:[\da-f]*:[\da-f:.]*(\/\d+)?$/i.test(text);

/**
 * Whether it is an address, or a network with the length of its prefix.
 * @param {string} text
 */
function isNetwork(text) {
  const [address, length, ...more] = text.split("/");
  const isV6 = address.includes(":");
  if (more.length || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= (isV6 ? 128 : 32)))) return false;
  if (!isV6) return /^\d+(\.\d+){3}$/.test(address) && address.split(".").every((one) => isNumber(one) && Number(one) < 256);
  return /^[\da-f:.]+$/i.test(address) && URL.canParse(`http://[${address}]/`);
}

/**
 * What a value means that stands alone and looks like only one thing: an address, also with a port, a network, or a
 * signature. It may be in brackets, as Snort prints some.
 * @param {string} text
 * @returns {{field: "host" | "sid" | "endpoint", value: string} | undefined}
 */
export function bareField(text) {
  const inner = /^\[([^[\]]+)\]$/.exec(text)?.[1] ?? text;
  const numbers = inner.split(":");
  if ([2, 3].includes(numbers.length) && numbers.every(isNumber)) return { field: "sid", value: withoutRevision(inner) };
  if (isNetwork(inner)) return { field: "host", value: inner };
  const endpoint = endpointText(endpointOf(text));
  return endpoint === undefined ? undefined : { field: "endpoint", value: endpoint };
}

/**
 * The other meaning of what is looked for, if it may have two: an address or a signature may be in messages, too.
 * @returns {{label: string, change: Partial<import("./state.js").State>} | undefined}
 */
export function otherMeaning() {
  const bare = bareField(state.text);
  if (bare) return { label: `Alerts of ${FIELDS[bare.field].label} ${bare.value}`, change: { text: "", include: { ...state.include, [bare.field]: [bare.value] } } };
  for (const field of ["host", "sid", "endpoint"]) {
    const { [field]: values = [], ...include } = state.include;
    if (values.length === 1 && !state.text && bareField(values[0])) return { label: `Look for “${values[0]}” in messages`, change: { include, text: values[0] } };
  }
  return undefined;
}

/**
 * The field that a name means, if it means one.
 * @param {string | undefined} name
 * @param {string} [value] - what stands behind it
 * @returns {string | undefined}
 */
export function fieldOf(name, value = "") {
  const lower = name?.toLowerCase() ?? "";
  if (OTHERS.includes(lower) || Object.hasOwn(FIELDS, lower)) return lower;
  return synonym(lower, value);
}

/** @param {string} word */
const asWords = (word) => `To look for the words, write ${JSON.stringify(word)}`;

/** @param {string} name @param {string} word */
function noField(name, word) {
  const lower = name.toLowerCase();
  const words = asWords(word);
  if (TIMES.includes(lower)) return `there is no field ${name}; choose a time from the list beside this field. ${words}`;
  const known = [...Object.keys(FIELDS), ...OTHERS];
  const meant = meantBy(name, known);
  const hint = meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}.`;
  return `there is no field ${name}; ${hint} ${words}`;
}
