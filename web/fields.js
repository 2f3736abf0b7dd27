// What is typed into the search field: words, and `field:value`.

import { Problem, get } from "./api.js";
import { FIELDS, state } from "./state.js";
import { priorityNumber } from "./values.js";

/** The names that each field has elsewhere: in Suricata's EVE, ECS, CEF, Snort's alert_json and alert_csv, and in talk. */
/** @type {Record<string, string[]>} */
const NAMES = {
  msg: ["message", "text", "signature", "alert.signature", "rule.name"],
  sid: ["sig_id", "signature_id", "alert.signature_id", "rule", "rule.id"],
  gid: ["generator", "sig_generator", "generator_id", "alert.gid", "snort.gid"],
  priority: ["prio", "severity", "alert.severity", "event.severity"],
  class: ["classification", "classtype", "category", "alert.category", "rule.category", "class_description", "snort.class"],
  src: ["src_ip", "srcip", "src_addr", "source", "source.ip", "source.address"],
  dst: ["dst_ip", "dstip", "dst_addr", "dest_ip", "dest", "destination", "destination.ip", "destination.address"],
  host: ["ip", "addr", "address", "related.ip"],
  src_port: ["sport", "spt", "source.port"],
  dst_port: ["dport", "dpt", "dest_port", "destination.port"],
  proto: ["protocol", "network.transport"],
  sensor: ["sensor_name", "observer.name", "dvchost"],
  app: ["application", "app_name", "app_id"],
  action: ["alert.action"],
};

/** Names that may mean something else elsewhere: the field that is near. */
/** @type {Record<string, string>} */
const NEAR = { sig: "sid", id: "sid", app_proto: "app", service: "app", hostname: "sensor" };

/** Times are no fields of the search field. */
const TIMES = ["since", "until", "time", "timestamp", "@timestamp", "date", "from", "to"];

/** What of the server's criteria has the values of a field, where it is another name; none, if a value may be any text. */
/** @type {Record<string, string | undefined>} */
const CRITERIA = { src_port: "port", dst_port: "port", msg: undefined, app: undefined, action: undefined };

/**
 * @typedef {object} Chosen - a value that is chosen
 * @property {string} field
 * @property {string} value
 * @property {boolean} not
 * @property {number} [at] - of a value without its field: the place among the words that it may be one of
 * @property {string} [word] - how it was typed then
 */
/** @typedef {{words: string[], comment?: string, chosen: Chosen[], mistake?: string}} Typed */

/**
 * Reads what is typed.
 * @param {string} text
 * @returns {Typed}
 */
export function readWords(text) {
  /** @type {Typed} */
  const found = { words: [], chosen: [] };
  const whole = text.replace(/(^|\s)(-?[\w.]+:)very low(?=\s|$)/gi, (all, before, name) => (fieldOf(name.replace(/^-|:$/g, "")) === "priority" ? `${before}${name}"very low"` : all));
  for (const word of whole.match(/(?:[^\s"]|"[^"]*")+/g) ?? []) {
    const bare = bareField(word.replace(/^-/, ""));
    if (bare) { found.chosen.push({ ...bare, not: word.startsWith("-"), at: found.words.length, word }); continue; }
    const [, minus, name, quoted] = /^(-?)([@a-z_][\w.]*):(?!\/\/)(.+)$/i.exec(word) ?? [];
    const value = quoted?.replaceAll("\"", "");
    const field = fieldOf(name, value);
    if (!name) found.words.push(word.replaceAll("\"", ""));
    else if (field === "comment") found.comment = value;
    else if (!field) found.mistake ??= noField(name, word);
    else if (field === "msg" && !minus) found.words.push(value);
    else found.chosen.push({ field, value: exact(field, value), not: Boolean(minus) });
  }
  return found;
}

/**
 * A value as the page writes it.
 * @param {string} field @param {string} value
 */
function exact(field, value) {
  if (field === "priority") return priorityNumber(value);
  return field === "sid" ? withoutRevision(value) : value;
}

/** @param {string} text - `1:384:8`, as the page shows signatures */
const withoutRevision = (text) => /^(\d+:\d+):\d+$/.exec(text)?.[1] ?? text;

/**
 * What a value means that stands alone and looks like only one thing: an address, a network, or a signature.
 * @param {string} text
 * @returns {{field: "host" | "sid", value: string} | undefined}
 */
export function bareField(text) {
  if (/^\d{1,10}:\d{1,10}(:\d{1,10})?$/.test(text)) return { field: "sid", value: withoutRevision(text) };
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(text);
  const isV6 = /^[\da-f:]+(\d{1,3}(\.\d{1,3}){3})?(\/\d{1,3})?$/i.test(text) && (text.includes("::") || text.split(":").length === 8);
  return isV4 || isV6 ? { field: "host", value: text } : undefined;
}

/**
 * Has the server check what was read. Its values are then as stored alerts have them; what stood alone and isn't what
 * it looks like is a word again. With a mistake it is said.
 * @param {Typed} typed
 * @returns {Promise<Typed>}
 */
export async function check(typed) {
  const looked = await Promise.all(typed.chosen.map(async (one) => ({ ...one, value: one.field === "class" ? await className(one.value) : one.value, problem: await problemOf(one) })));
  const words = [...typed.words];
  // From the last one on, so that the places of the others stay.
  for (const { at, word, problem } of looked.toReversed()) if (at !== undefined && problem) words.splice(at, 0, word ?? "");
  const chosen = looked.filter(({ at, problem }) => at === undefined || !problem).map(({ field, value, not }) => ({ field, value, not }));
  return { ...typed, words, chosen, mistake: looked.find(({ at, problem }) => at === undefined && problem)?.problem };
}

/**
 * What the server says is wrong with a value.
 * @param {Chosen} chosen
 */
async function problemOf({ field, value }) {
  const criterion = Object.hasOwn(CRITERIA, field) ? CRITERIA[field] : field;
  return criterion ? problemWith({ [criterion]: value }) : undefined;
}

/**
 * What the server says is wrong with criteria. Without an answer they are not refused: what is shown then says why.
 * @param {import("./api.js").Params} criteria
 * @returns {Promise<string | undefined>}
 */
export async function problemWith(criteria) {
  try {
    await get("criteria", criteria);
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 400) return problem.message;
  }
  return undefined;
}

/**
 * The short name of a class that is given by its description.
 * @param {string} text
 */
async function className(text) {
  const { values } = await get("values", { field: "class", prefix: text, limit: 100 }).catch(() => ({ values: [] }));
  const found = values.find((/** @type {{label?: string}} */ one) => one.label?.toLowerCase() === text.toLowerCase());
  return found && !values.some((/** @type {{value: string}} */ one) => one.value === text) ? found.value : text;
}

/**
 * The other meaning of what is looked for, if it may have two: an address or a signature may be in messages, too.
 * @returns {{label: string, change: Partial<import("./state.js").State>} | undefined}
 */
export function otherMeaning() {
  const bare = bareField(state.text);
  if (bare) return { label: `Alerts of ${FIELDS[bare.field].label} ${bare.value}`, change: { text: "", include: { ...state.include, [bare.field]: [bare.value] } } };
  for (const field of ["host", "sid"]) {
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
  if (lower === "comment" || Object.hasOwn(FIELDS, lower)) return lower;
  // Elsewhere that is the message; here it is what signatures are called.
  if (lower === "signature" && /^\d+(:\d+){0,2}$/.test(value)) return "sid";
  return Object.keys(NAMES).find((field) => NAMES[field].includes(lower));
}

/** @param {string} name @param {string} word */
function noField(name, word) {
  const lower = name.toLowerCase();
  const words = `To look for the words, write ${JSON.stringify(word)}`;
  if (TIMES.includes(lower)) return `there is no field ${name}; choose a time from the list beside this field. ${words}`;
  const meant = Object.hasOwn(NEAR, lower) ? NEAR[lower] : Object.keys(FIELDS).find((known) => isNear(known, lower));
  const hint = meant ? `did you mean ${meant}?` : `there are ${Object.keys(FIELDS).join(", ")} and comment.`;
  return `there is no field ${name}; ${hint} ${words}`;
}

/**
 * Whether a word is another one with a letter more, less, or other, or two.
 * @param {string} a @param {string} b
 */
function isNear(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    row = next;
  }
  return row[b.length] <= (a.length > 4 ? 2 : 1);
}
