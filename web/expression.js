// Expressions: their words, and what completes them.

import { get } from "./api.js";

/** What can be asked of an alert, as the manual lists it. */
export const FIELD_WORDS = [
  "msg.msg", "msg.sig_id", "msg.sig_generator", "msg.sig_rev", "msg.priority", "msg.classification", "msg.caplen", "msg.pktlen", "msg.event_id", "msg.event_reference", "msg.app_name",
  "msg.ts_sec", "msg.ts_usec", "msg.tv_sec", "msg.tv_usec", "msg.dlthdr", "msg.nethdr", "msg.transhdr", "msg.data", "msg.val", "msg.pkt",
  "alert.src_ip", "alert.dst_ip", "alert.src_port", "alert.dst_port", "alert.proto", "alert.class", "alert.class_description", "alert.priority", "alert.sensor", "alert.action", "alert.vlan", "alert.references",
  "alert.payload", "alert.layers", "alert.untrusted", "alert.dissection_differs", "alert.timestamp", "alert.received", "alert.dialect", "alert.socket", "alert.thread", "alert.sender", "alert.source", "alert.inspected", "alert.extra",
];

const WORDS = [...FIELD_WORDS, "contains(", "starts_with(", "ends_with(", "ip_in(", "to_lower()", "len()", "true", "false"];

/** The fields of which stored values are known, by the names that the server has for them. */
/** @type {Record<string, string>} */
const STORED = { "alert.class": "class", "alert.sensor": "sensor", "alert.proto": "proto", "alert.src_ip": "src", "alert.dst_ip": "dst" };

/** A text that is being written, and the field that it is compared with. */
const COMPARED = /([\w.]+)\s*(?:==|!=)\s*"([^"]*)$/;

/** How many completions are offered. */
const MOST = 10;

/** @typedef {{text: string, label: string, note?: string, at: number}} Completion - `at` is where the cursor is then */

/**
 * What may stand at a place of an expression.
 * @param {string} text
 * @param {number} at
 * @returns {Promise<Completion[]>}
 */
export async function expressionCompletions(text, at) {
  const before = text.slice(0, at);
  const [, compared, begun = ""] = COMPARED.exec(before) ?? [];
  if (compared) return valuesOf(compared, begun, text, at);
  const word = /[\w.]+$/.exec(before)?.[0] ?? "";
  if (word.length < 2) return [];
  const found = WORDS.filter((known) => known.startsWith(word) || known.split(".")[1]?.startsWith(word)).slice(0, MOST);
  return found.filter((known) => known !== word).map((known) => completed(text, at, word, known, known));
}

/**
 * The values that stored alerts have.
 * @param {string} compared - such as `alert.class`
 * @param {string} begun @param {string} text @param {number} at
 */
async function valuesOf(compared, begun, text, at) {
  const field = Object.hasOwn(STORED, compared) ? STORED[compared] : undefined;
  if (!field) return [];
  const { values } = await get("values", { field, prefix: begun, limit: MOST });
  return values.map((/** @type {any} */ one) => ({
    ...completed(text, at, begun, `${one.value}${text[at] === "\"" ? "" : "\""}`, one.label ? `${one.value} ${one.label}` : one.value), note: one.alerts.toLocaleString("en"),
  }));
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
