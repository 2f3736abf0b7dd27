// What is typed into the search field: words, and `field:value`.

import { FIELDS } from "./state.js";
import { PRIORITIES, priorityNumber } from "./values.js";

/** Names that fields have elsewhere, where these can mean only one thing. */
/** @type {Record<string, string>} */
const ALIASES = {
  ip: "host", sig_id: "sid", signature_id: "sid", "alert.signature_id": "sid", generator: "gid", prio: "priority",
  src_ip: "src", srcip: "src", source: "src", "source.ip": "src", dst_ip: "dst", dstip: "dst", dest_ip: "dst", dest: "dst", destination: "dst", "destination.ip": "dst",
  sport: "src_port", "source.port": "src_port", dport: "dst_port", dest_port: "dst_port", "destination.port": "dst_port",
  protocol: "proto", "network.transport": "proto", classification: "class", application: "app", app_name: "app", "alert.action": "action",
};

/** Names that may mean something else elsewhere: the field that is near. */
/** @type {Record<string, string>} */
const NEAR = { severity: "priority", "alert.severity": "priority", sig: "sid", signature: "sid", rule: "sid", id: "sid", category: "class", "alert.category": "class", addr: "host", address: "host", app_proto: "app", hostname: "sensor" };

const NUMBERS = ["gid", "priority", "port", "src_port", "dst_port"];

/** @typedef {{words: string[], comment?: string, chosen: {field: string, value: string, not: boolean}[], mistake?: string}} Typed */

/**
 * Reads what is typed.
 * @param {string} text
 * @returns {Typed}
 */
export function readWords(text) {
  /** @type {Typed} */
  const found = { words: [], chosen: [] };
  const whole = text.replace(/(^|\s)(-?prio(?:rity)?:)very low(?=\s|$)/gi, "$1$2\"very low\"");
  for (const word of whole.match(/(?:[^\s"]|"[^"]*")+/g) ?? []) {
    const [, minus, name, quoted] = /^(-?)([a-z_][\w.]*):(?!\/\/)(.+)$/i.exec(word) ?? [];
    const field = fieldOf(name);
    const value = quoted?.replaceAll("\"", "");
    if (!name) found.words.push(word.replaceAll("\"", ""));
    else if (field === "comment") found.comment = value;
    else if (!field) found.mistake ??= noField(name, word);
    else {
      const exact = field === "priority" ? priorityNumber(value) : value;
      if (NUMBERS.includes(field) && !/^\d+$/.test(exact)) found.mistake ??= `${name}: ${value} is not a number${field === "priority" ? `, and not ${[...PRIORITIES.slice(1), PRIORITIES[0]].join(", ")}` : ""}`;
      found.chosen.push({ field, value: exact, not: Boolean(minus) });
    }
  }
  return found;
}

/**
 * The field that a name means, if it means one.
 * @param {string | undefined} name
 * @returns {string | undefined}
 */
export function fieldOf(name) {
  const lower = name?.toLowerCase() ?? "";
  if (lower === "comment" || Object.hasOwn(FIELDS, lower)) return lower;
  return Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : undefined;
}

/** @param {string} name @param {string} word */
function noField(name, word) {
  const lower = name.toLowerCase();
  const meant = Object.hasOwn(NEAR, lower) ? NEAR[lower] : Object.keys(FIELDS).find((known) => isNear(known, lower));
  const hint = meant ? `did you mean ${meant}?` : `there are ${Object.keys(FIELDS).join(", ")} and comment.`;
  return `there is no field ${name}; ${hint} To look for the words, write ${JSON.stringify(word)}`;
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
