// What is looked at: the whole of it is in the page's address.

import { meantBy, synonym } from "./names.js";
import { dayBegin } from "./times.js";

/** The protocols that are known by their numbers, which filters have by their names. */
/** @type {Record<string, string>} */
const PROTOCOLS = { 1: "ICMP", 6: "TCP", 17: "UDP", 47: "GRE", 58: "ICMPv6", 132: "SCTP" };

/** Fields that can be included and excluded, each with its form in an expression. */
/** @type {Record<string, {label: string, expression: (value: string) => string}>} */
export const FIELDS = {
  msg: { label: "message", expression: (value) => `msg.msg.to_lower().contains(${quoted(value.toLowerCase())})` },
  sid: { label: "signature", expression: rule },
  gid: { label: "generator", expression: (value) => `msg.sig_generator == ${numeral(value)}` },
  priority: { label: "priority", expression: (value) => (value === "0" ? "alert.priority == ()" : `alert.priority == ${numeral(value)}`) },
  class: { label: "class", expression: (value) => (value === "none" ? "alert.class == ()" : `alert.class == ${quoted(value)}`) },
  src: { label: "source", expression: (value) => network("alert.src_ip", value) },
  dst: { label: "destination", expression: (value) => network("alert.dst_ip", value) },
  host: { label: "host", expression: (value) => `(${network("alert.src_ip", value)} || ${network("alert.dst_ip", value)})` },
  port: { label: "port", expression: (value) => `(alert.src_port == ${numeral(value)} || alert.dst_port == ${numeral(value)})` },
  endpoint: { label: "endpoint", expression: endpoint },
  src_port: { label: "source port", expression: (value) => `alert.src_port == ${numeral(value)}` },
  dst_port: { label: "destination port", expression: (value) => `alert.dst_port == ${numeral(value)}` },
  proto: { label: "protocol", expression: (value) => `alert.proto == ${quoted(PROTOCOLS[value] ?? value)}` },
  sensor: { label: "sensor", expression: (value) => `alert.sensor == ${quoted(value)}` },
  app: { label: "application", expression: (value) => `(msg.app_name ?? "").to_lower() == ${quoted(value.toLowerCase())}` },
  action: { label: "action", expression: (value) => `alert.action == ${quoted(value)}` },
  vlan: { label: "VLAN", expression: (value) => `${numeral(value)} in alert.vlan` },
  dialect: { label: "dialect", expression: (value) => `alert.dialect == ${quoted(value)}` },
  socket: { label: "socket", expression: (value) => `alert.socket == ${quoted(value)}` },
  thread: { label: "packet thread", expression: (value) => `alert.thread == ${numeral(value)}` },
  pid: { label: "process", expression: (value) => `alert.sender?.pid == ${numeral(value)}` },
  uid: { label: "user", expression: (value) => `alert.sender?.uid == ${numeral(value)}` },
};

/** These are not criteria of the API, but filters. */
export const FILTERS = ["msg", "endpoint", "src_port", "dst_port", "app", "action", "vlan", "dialect", "socket", "thread", "pid", "uid"];

/** @param {string} text - `384` or `1:384` */
function rule(text) {
  const [gid, sid] = text.includes(":") ? text.split(":").map(numeral) : [undefined, numeral(text)];
  return gid === undefined ? `msg.sig_id == ${sid}` : `(msg.sig_generator == ${gid} && msg.sig_id == ${sid})`;
}

/** The server takes several values of these, with commas between. */
const LISTS = ["sid", "gid", "priority", "class"];

/** A comma is part of these values. Between values of other fields it separates them. */
const TEXTS = ["msg", "sensor", "app", "socket"];

/**
 * The values of a field that are written with commas between.
 * @param {string} field
 * @param {string} text
 */
export function valuesOf(field, text) {
  const values = TEXTS.includes(field) ? [text] : text.split(",").map((one) => one.trim()).filter(Boolean);
  return values.length ? values : [text];
}

/**
 * A text as expressions have it: they know fewer escapes than JSON.
 * @param {string} text
 */
export function quoted(text) {
  const others = /** @type {Record<string, string>} */ ({ "\\b": "\\u0008", "\\f": "\\u000c" });
  return JSON.stringify(text).replace(/\\./g, (escape) => others[escape] ?? escape);
}

/**
 * An expression as a part of another one. One that has statements, or a comment, is a block.
 * @param {string} filter
 */
export function whole(filter) { return /;|\/[/*]/.test(filter) ? `({ ${filter}\n})` : `(${filter})`; }

/**
 * A number. Anything else is quoted, so that the server says that it must be a number.
 * @param {string} text
 */
function numeral(text) { return /^\d+$/.test(text) ? String(Number(text)) : quoted(text); }

/**
 * An address as alerts have it: one of IPv6 in lower case, and short.
 * @param {string} text
 */
function exactAddress(text) {
  if (!text.includes(":") || text.includes(".")) return text.toLowerCase();
  try { return new URL(`http://[${text}]/`).hostname.slice(1, -1); } catch { return text; }
}

/** @param {string} field @param {string} value */
function network(field, value) {
  return value.includes("/") ? `ip_in(${field}, ${quoted(value)})` : `${field} == ${quoted(exactAddress(value))}`;
}

/**
 * The address and the port of an endpoint, such as `192.0.2.1:80` or `[2001:db8::1]:80`.
 * @param {string} text
 * @returns {{ip: string, port: string} | undefined}
 */
export function endpointOf(text) {
  const [, v6, v4, port] = /^(?:\[([\da-f:.]+)\]|(\d+(?:\.\d+){3})):(\d{1,5})$/i.exec(text) ?? [];
  const isAddress = v6 ? v6.includes(":") && URL.canParse(`http://[${v6}]/`) : v4?.split(".").every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return isAddress && Number(port) < 2 ** 16 ? { ip: exactAddress(v6 ?? v4), port: String(Number(port)) } : undefined;
}

/** @param {{ip: string, port: string} | undefined} of */
export const endpointText = (of) => of && (of.ip.includes(":") ? `[${of.ip}]:${of.port}` : `${of.ip}:${of.port}`);

/** What is wrong with an endpoint. @param {string} value */
export const endpointProblem = (value) => (endpointOf(value) ? undefined : `endpoint: ${JSON.stringify(value)}: expected an address with its port, such as 192.0.2.1:80 or [2001:db8::1]:80`);

/** @param {string} value */
function endpoint(value) {
  const { ip, port } = endpointOf(value) ?? { ip: value, port: "" };
  const [one, other] = ["src", "dst"].map((end) => `alert.${end}_ip == ${quoted(ip)} && alert.${end}_port == ${numeral(port)}`);
  return `(${one} || ${other})`;
}

/**
 * @typedef {object} State
 * @property {string} view
 * @property {string} since
 * @property {string} until
 * @property {string} text
 * @property {string} filter
 * @property {string} comment - a text of comments
 * @property {boolean} commented - alerts with comments only
 * @property {Record<string, string[]>} include
 * @property {[string, string][]} exclude
 * @property {"" | "yes" | "no"} acknowledged - only acknowledged alerts, or only others
 * @property {boolean} starred - starred alerts only
 * @property {boolean} group - group floods
 * @property {number | null} alert
 * @property {string[]} mistakes - what of the address nothing is known of: then nothing is shown
 */

/** @returns {State} */
export function empty() {
  return { view: "now", since: "", until: "", text: "", filter: "", comment: "", commented: false, include: {}, exclude: [], acknowledged: "", starred: false, group: true, alert: null, mistakes: [] };
}

/** What the address may have once, besides fields. */
const ONCE = ["view", "since", "until", "text", "filter", "comment", "acknowledged", "starred", "group", "alert"];

/** Those of them that have a few words. */
/** @type {Record<string, string[]>} */
const CHOICES = { view: ["now", "overview", "health"], acknowledged: ["yes", "no"], starred: ["yes", "no"], group: ["yes", "no"] };

/** @returns {State} */
function read() {
  const query = new URLSearchParams(location.search);
  const found = empty();
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    const mistake = ONCE.includes(name) ? readOnce(found, name, values) : name === "not" ? values.map((one) => readExcluded(found, one)).find(Boolean) : readIncluded(found, name, values);
    if (mistake) found.mistakes.push(mistake);
  }
  return found;
}

/**
 * Reads what is there once, or says what is wrong.
 * @param {State} found @param {string} name @param {string[]} values
 */
function readOnce(found, name, [value, ...more]) {
  if (more.length) return `${name} is there twice`;
  const choices = CHOICES[name];
  if (choices && value && !choices.includes(value)) return `${name}: ${JSON.stringify(value)}: expected ${choices.slice(0, -1).join(", ")} or ${choices.at(-1)}`;
  if (name === "starred" && value === "no") return "alerts without a star can't be chosen here; pigear query --starred=no finds them";
  if (name === "alert" && value && !/^[1-9]\d{0,15}$/.test(value)) return `alert: ${JSON.stringify(value)}: expected its number`;
  if (name === "starred") found.starred = value === "yes";
  else if (name === "group") found.group = value !== "no";
  else if (name === "alert") found.alert = Number(value) || null;
  else if (name === "view") found.view = value || "now";
  else Object.assign(found, { [name]: value });
  if (name === "comment") found.commented = !value;
  return undefined;
}

/**
 * Reads values of a field, or says what is wrong.
 * @param {State} found @param {string} name @param {string[]} values
 */
function readIncluded(found, name, values) {
  const field = fieldNamed(name, values[0]);
  if (!field) return noParameter(name);
  const read = values.filter(Boolean).flatMap((one) => valuesOf(field, one));
  if (!read.length) return `${name} has no value`;
  found.include[field] = [...found.include[field] ?? [], ...read];
  return field === "endpoint" ? read.map(endpointProblem).find(Boolean) : undefined;
}

/**
 * Reads an excluded value, such as `src:10.0.0.1`, or says what is wrong.
 * @param {State} found @param {string} text
 */
function readExcluded(found, text) {
  const [name, ...rest] = text.split(":");
  const value = rest.join(":");
  const field = fieldNamed(name, value);
  if (!field) return noExcluded(name);
  if (!value) return `not: ${name} has no value`;
  const values = valuesOf(field, value);
  found.exclude.push(...values.map((one) => /** @type {[string, string]} */ ([field, one])));
  return field === "endpoint" ? values.map(endpointProblem).find(Boolean) : undefined;
}

/** @param {string} name @param {string} value */
const fieldNamed = (name, value) => (Object.hasOwn(FIELDS, name) ? name : synonym(name, value));

/** @param {string} name */
const noParameter = (name) => `the address has an unknown parameter ${JSON.stringify(name)}; ${hint(name, [...Object.keys(FIELDS), ...ONCE, "not"])}`;

/** @param {string} name */
const noExcluded = (name) => `not: there is no field ${JSON.stringify(name)} to exclude by, as in not=src:192.0.2.1; ${hint(name, Object.keys(FIELDS))}`;

/** @param {string} name @param {string[]} known */
function hint(name, known) {
  const meant = meantBy(name, known);
  return meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}`;
}

/** @type {State} */
export let state = read();

/** @type {((before: State) => void)[]} */
const listeners = [];

/** @param {(before: State) => void} act */
export function onChange(act) { listeners.push(act); }

/**
 * The page's address for a state.
 * @param {State} of
 */
export function link(of) {
  const query = new URLSearchParams();
  if (of.view !== "now") query.set("view", of.view);
  for (const name of /** @type {const} */ (["since", "until", "text", "filter", "comment"])) if (of[name]) query.set(name, of[name]);
  for (const [name, values] of Object.entries(of.include)) values.forEach((value) => query.append(name, value));
  for (const [name, value] of of.exclude) query.append("not", `${name}:${value}`);
  if (of.commented && !of.comment) query.set("comment", "");
  if (of.acknowledged) query.set("acknowledged", of.acknowledged);
  if (of.starred) query.set("starred", "yes");
  if (!of.group) query.set("group", "no");
  if (of.alert) query.set("alert", String(of.alert));
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

/**
 * Changes what is looked at. Back goes to what was there before, unless it is replaced.
 * @param {Partial<State>} change
 * @param {{replace?: boolean}} [how]
 */
export function go(change, { replace = false } = {}) {
  const before = state;
  // What was unknown in the address is not in the next one.
  state = { ...state, mistakes: [], ...change };
  if (link(state) === link(before) && !before.mistakes.length) return;
  history[replace ? "replaceState" : "pushState"](null, "", link(state));
  listeners.forEach((act) => act(before));
}

addEventListener("popstate", () => {
  const before = state;
  state = read();
  listeners.forEach((act) => act(before));
});

/** Whether the criteria differ, and not only the view. */
/** @param {State} a @param {State} b */
export function differs(a, b) { return JSON.stringify([params(a), a.mistakes]) !== JSON.stringify([params(b), b.mistakes]); }

/**
 * The criteria, as the API's parameters. Each excluded value is a filter of its own, so that the user's own filter
 * may be anything.
 * @param {State} [of]
 * @returns {Record<string, string | string[] | undefined>}
 */
export function params(of = state) {
  /** @type {Record<string, string | string[] | undefined>} */
  const found = {};
  if (of.since) found.since = moment(of.since);
  if (of.until) found.until = moment(of.until);
  if (of.text) found.text = of.text;
  if (of.comment || of.commented) found.comment = of.comment;
  const filters = of.filter ? [of.filter] : [];
  for (const [name, values] of Object.entries(of.include)) {
    if (LISTS.includes(name)) found[name] = values.join(",");
    else if (values.length === 1 && !FILTERS.includes(name)) found[name] = values[0];
    else filters.push(values.map(FIELDS[name].expression).join(" || "));
  }
  for (const [name, value] of of.exclude) filters.push(`!(${FIELDS[name].expression(value)})`);
  // The store finds an address quicker than an expression does.
  const only = of.include.endpoint?.length === 1 ? endpointOf(of.include.endpoint[0]) : undefined;
  if (only) Object.assign(found, { host: found.host ?? only.ip, port: found.port ?? only.port });
  if (filters.length) found.filter = filters;
  if (of.acknowledged) found.acknowledged = of.acknowledged;
  if (of.starred) found.starred = "yes";
  return found;
}

/** The server has days in UTC, but the viewer's may begin at another time. */
/** @param {string} text */
function moment(text) {
  const days = ["today", "yesterday"].indexOf(text);
  return days < 0 ? text : dayBegin(days);
}

/**
 * What is included if a value is, too.
 * @param {string} field
 * @param {string} value
 */
export function including(field, value) {
  const { [field]: values = [], ...others } = state.include;
  return { include: { ...others, [field]: [...values.filter((one) => one !== value), value] }, exclude: state.exclude.filter(([name, one]) => name !== field || one !== value) };
}

/**
 * Includes or excludes a value.
 * @param {string} field
 * @param {string} value
 * @param {boolean} exclude
 */
export function choose(field, value, exclude) {
  if (!exclude) return go(including(field, value));
  drop(field, value, [[field, value]]);
}

/** What needs parentheses, or a block, as a part of another expression. */
const LOOSE = /\|\||[?;{]|\/[/*]/;

/**
 * Adds a condition to the expression, or that it isn't met: one that is about no field.
 * @param {string} condition
 * @param {boolean} not
 * @param {Partial<State>} [change] - what else is changed
 */
export function meet(condition, not, change = {}) {
  const unmet = `!(${condition})`;
  const wanted = not ? unmet : condition;
  let rest = state.filter;
  // What was chosen last is chosen once, or turned over.
  for (const one of [condition, unmet]) {
    if (rest === one) rest = "";
    else if (!LOOSE.test(rest) && rest.endsWith(` && ${one}`)) rest = rest.slice(0, -` && ${one}`.length);
  }
  if (rest) rest = `${LOOSE.test(rest) ? whole(rest) : rest} && `;
  go({ filter: rest + wanted, ...change });
}

/**
 * Takes a value out of the criteria.
 * @param {string} field
 * @param {string} value
 * @param {[string, string][]} [excluded] - what is excluded from now on
 */
export function drop(field, value, excluded = []) {
  const { [field]: values = [], ...others } = state.include;
  const include = values.filter((one) => one !== value);
  const exclude = state.exclude.filter(([name, one]) => name !== field || one !== value);
  go({ include: include.length ? { ...others, [field]: include } : others, exclude: [...exclude, ...excluded] });
}
