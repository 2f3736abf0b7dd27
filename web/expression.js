// Expressions: their words, and what completes them.

import { get } from "./api.js";
import { quoted } from "./state.js";
import { plain } from "./values.js";

/** What can be asked of an alert, as the manual lists it. */
export const FIELD_WORDS = [
  "msg.msg", "msg.sig_id", "msg.sig_generator", "msg.sig_rev", "msg.priority", "msg.classification", "msg.caplen", "msg.pktlen", "msg.event_id", "msg.event_reference", "msg.app_name",
  "msg.ts_sec", "msg.ts_usec", "msg.tv_sec", "msg.tv_usec", "msg.dlthdr", "msg.nethdr", "msg.transhdr", "msg.data", "msg.val", "msg.pkt",
  "alert.src_ip", "alert.dst_ip", "alert.src_port", "alert.dst_port", "alert.proto", "alert.class", "alert.class_description", "alert.priority", "alert.sensor", "alert.action", "alert.vlan", "alert.references",
  "alert.payload", "alert.layers", "alert.untrusted", "alert.dissection_differs", "alert.timestamp", "alert.received", "alert.dialect", "alert.socket", "alert.thread", "alert.sender", "alert.source", "alert.inspected", "alert.extra",
];

const WORDS = [...FIELD_WORDS, "contains(", "starts_with(", "ends_with(", "ip_in(", "to_lower()", "len()", "true", "false"];

/** Those of them that are the names of what the server counts by. */
/** @type {Record<string, string>} */
const LABELS = { "msg.msg": "sid", "alert.class_description": "class" };

/** The fields of which stored values are known, by the names that the server has for them. */
/** @type {Record<string, string>} */
const STORED = { "alert.class": "class", "alert.sensor": "sensor", "alert.proto": "proto", "alert.src_ip": "src", "alert.dst_ip": "dst", ...LABELS };

/** What stands before a text that is compared with a field: an operator, a method or a function, and lists. */
const COMPARISONS = [
  /(?<field>[\w.]+?)(?<lower>\.to_lower\(\))?\s*(?:==|!=|<=?|>=?)\s*$/,
  /(?<field>[\w.]+?)(?<lower>\.to_lower\(\))?\.(?<method>contains|starts_with|ends_with)\(\s*$/,
  /(?<field>[\w.]+?)(?<lower>\.to_lower\(\))?\s*!?\bin\s*\[(?:\s*"",)*\s*$/,
  /\bip_in\(\s*(?<field>[\w.]+),\s*(?:\[(?:\s*"",)*\s*)?$/,
];

/** How many completions are offered, and of how many values they are. */
const MOST = 10;
const VALUES = 100;

/** @typedef {{text: string, label: string, note?: string, at: number}} Completion - `at` is where the cursor is then */

/**
 * What may stand at a place of an expression.
 * @param {string} text
 * @param {number} at
 * @returns {Promise<Completion[]>}
 */
export async function expressionCompletions(text, at) {
  const before = text.slice(0, at);
  const { begun, code } = openText(before);
  if (begun !== undefined) return valuesOf(code, begun, text, at);
  const word = /[\w.]+$/.exec(before)?.[0] ?? "";
  if (word.length < 2) return [];
  const found = WORDS.filter((known) => known.startsWith(word) || known.split(".")[1]?.startsWith(word)).slice(0, MOST);
  return found.filter((known) => known !== word).map((known) => completed(text, at, word, known, known));
}

/**
 * Whether an expression ends within a text: what of the text there is, and what stands before it, with other texts empty.
 * @param {string} before
 * @returns {{code: string, begun?: string}}
 */
function openText(before) {
  let code = "";
  let rest = before;
  for (;;) {
    const from = rest.search(/["`]/);
    if (from < 0) return { code: code + rest };
    const quote = rest[from];
    code += rest.slice(0, from);
    rest = rest.slice(from + 1);
    const [begun] = /** @type {RegExpExecArray} */ ((quote === "\"" ? /^(?:[^"\\]|\\.)*\\?/s : /^[^`]*/).exec(rest));
    if (begun.length === rest.length) return quote === "\"" ? { code, begun } : { code };
    code += "\"\"";
    rest = rest.slice(begun.length + 1);
  }
}

/**
 * The text that a literal stands for, as far as it is there.
 * @param {string} literal - without its quotes
 */
function unquoted(literal) {
  const signs = /** @type {Record<string, string>} */ ({ n: "\n", r: "\r", t: "\t" });
  const whole = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.?))/gs;
  return literal.replace(whole, (_, x, u, U, sign = "") => (x ?? u ?? U ? String.fromCodePoint(Math.min(parseInt(x ?? u ?? U, 16), 0x10ffff)) : signs[sign] ?? sign));
}

/**
 * The values that stored alerts have of the field that a text is compared with.
 * @param {string} code - what stands before the text
 * @param {string} begun @param {string} text @param {number} at
 */
async function valuesOf(code, begun, text, at) {
  const { field = "", lower, method } = COMPARISONS.map((one) => one.exec(code)?.groups).find(Boolean) ?? {};
  if (!Object.hasOwn(STORED, field)) return [];
  const start = unquoted(begun).toLowerCase();
  const isLabel = Object.hasOwn(LABELS, field);
  const { values } = await get("values", { field: STORED[field], prefix: start, limit: VALUES });
  /** @type {Map<string, {alerts: number, label: string}>} */
  const found = new Map();
  for (const { value, label = "", alerts } of /** @type {{value: string, label?: string, alerts: number}[]} */ (values)) {
    const whole = lower ? (isLabel ? label : value).toLowerCase() : isLabel ? label : value;
    const at = whole.toLowerCase().indexOf(start);
    const fits = isLabel ? (method === "contains" || method === "ends_with" ? at >= 0 : at === 0) : true;
    if (whole && fits) found.set(whole, { alerts: alerts + (found.get(whole)?.alerts ?? 0), label: label && !isLabel ? `${whole} ${label}` : whole });
  }
  // What ends the text is written, unless it is there already.
  const after = text.slice(at);
  const end = after.startsWith("\"") ? "" : method && !after.trim() ? "\")" : "\"";
  return [...found].slice(0, MOST).map(([whole, { alerts, label }]) => ({ ...completed(text, at, begun, quoted(whole).slice(1, -1) + end, plain(label)), note: alerts.toLocaleString("en") }));
}

/**
 * The text with what was begun written to its end.
 * @param {string} text @param {number} at @param {string} begun @param {string} whole @param {string} label
 * @returns {Completion}
 */
function completed(text, at, begun, whole, label) {
  const from = at - begun.length;
  return { text: text.slice(0, from) + whole + text.slice(at), label, at: from + whole.length };
}
