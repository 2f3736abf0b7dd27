// What the server is asked about what was typed: whether it can be looked for, and what stored alerts have of it.

import { Problem, get } from "./api.js";
import { FILTERS, endpointOf, endpointProblem } from "./state.js";

/** @typedef {{value: string, label?: string}} Class - its short name and its description */

/** What of the server's criteria has the values of a field, where the field itself is none. */
/** @type {Record<string, string | undefined>} */
const CRITERIA = { src_port: "port", dst_port: "port" };

/**
 * Has the server check what was read. Its values are then as stored alerts have them; what stood alone and isn't what
 * it looks like is a word again. With a mistake it is said.
 * @param {import("./fields.js").Typed} typed
 * @returns {Promise<import("./fields.js").Typed>}
 */
export async function check(typed) {
  const looked = await Promise.all(typed.chosen.map(async (one) => ({ ...one, value: one.field === "class" ? await className(one.value) : one.value, problem: await problemOf(one) })));
  const words = [...typed.words];
  // From the last one on, so that the places of the others stay.
  for (const { at, word, problem } of looked.toReversed()) if (at !== undefined && problem) words.splice(at, 0, word ?? "");
  const chosen = looked.filter(({ at, problem }) => at === undefined || !problem)
    .map(({ field, value, not }) => ({ field, value, not }));
  return { ...typed, words, chosen, mistake: looked.find(({ at, problem }) => at === undefined && problem)?.problem };
}

/**
 * What the server says is wrong with a value.
 * @param {import("./fields.js").Chosen} chosen
 */
async function problemOf({ field, value }) {
  if (field === "endpoint") return endpointProblem(value) ?? problemWith({ host: endpointOf(value)?.ip });
  const criterion = FILTERS.includes(field) ? CRITERIA[field] : field;
  const problem = criterion && await problemWith({ [criterion]: value });
  // It is said of the field that was typed.
  return problem && criterion !== field && problem.startsWith(`${criterion}: `) ? `${field}${problem.slice(criterion.length)}` : problem || undefined;
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
 * Classes of stored alerts whose short name or description begins with a text.
 * @param {string} text
 * @returns {Promise<Class[]>}
 */
export async function classesWith(text) {
  const { values } = await get("values", { field: "class", prefix: text, limit: 100 }).catch(() => ({ values: [] }));
  return values;
}

/**
 * The short name of a class that is given in other letters, or by its description.
 * @param {string} text
 */
async function className(text) {
  const classes = await classesWith(text);
  const is = (/** @type {string | undefined} */ other) => other?.toLowerCase() === text.toLowerCase();
  /** @type {((one: Class) => boolean)[]} */
  const ways = [({ value }) => value === text, ({ value }) => is(value), ({ label }) => is(label)];
  const found = ways.map((way) => classes.find(way)).find(Boolean);
  return found?.value ?? (is("none") ? "none" : text);
}

/** The server knows whether any stored alert has such a value. */
const KNOWN = ["sid", "gid", "priority", "class", "sensor"];

/**
 * In the words of the server, which of the values to exclude no stored alert has: nothing is left out for them.
 * @param {import("./fields.js").Chosen[]} chosen
 * @returns {Promise<string[]>}
 */
export async function unmet(chosen) {
  const reasons = await Promise.all(chosen.filter(({ field, not }) => not && KNOWN.includes(field))
    .map(async ({ field, value }) => (await get("alerts", { [field]: value, limit: 1, packet: "no" }).catch(() => ({}))).reason));
  return reasons.filter(Boolean);
}
