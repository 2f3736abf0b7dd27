// How values look: priorities, numbers, and values that can be clicked to include or exclude them.

import { byId, h, toast } from "./dom.js";
import { FIELDS, choose, go, including, link, meet, state } from "./state.js";

/** @typedef {import("./api.js").Alert} Alert */

/** What priorities are called. An alert without one has the priority 0 as a criterion. */
export const PRIORITIES = ["unknown", "high", "medium", "low", "very low"];

/** @param {number | undefined} priority */
export function priorityWord(priority) { return PRIORITIES[priority ?? 0] ?? `priority ${priority}`; }

/**
 * The number of a priority that is written as the page shows it, or as a number; of anything else the text.
 * @param {string} text - such as `high`, `very low`, `priority 5` or `5`
 */
export function priorityNumber(text) {
  const word = text.toLowerCase().replaceAll(/[-_]/g, " ").replace(/^priority /, "").replace(/^verylow$/, "very low");
  const at = PRIORITIES.indexOf(word);
  if (at >= 0) return String(at);
  return /^\d+$/.test(word) ? word : text;
}

/**
 * A value with its field, in words: `source 192.0.2.1`, `priority high`.
 * @param {string} field
 * @param {string} exact
 */
export function named(field, exact) {
  const word = field === "priority" && /^\d+$/.test(exact) ? PRIORITIES[Number(exact)] : undefined;
  return `${FIELDS[field].label} ${word ?? exact}${field === "proto" && exact === RESERVED ? " (reserved)" : ""}`;
}

/** The IP protocol that is reserved. Snort has it in packets that it makes up. */
const RESERVED = "255";

/**
 * An IP protocol, in a word, or as its number if it has none.
 * @param {string | number | undefined} protocol
 */
export function protocolValue(protocol) { return value("proto", protocol, String(protocol) === RESERVED ? "reserved" : undefined); }

/**
 * The same, with what is to be said about it.
 * @param {string | number | undefined} protocol
 */
export function protocolWithNote(protocol) {
  if (String(protocol) !== RESERVED) return [value("proto", protocol)];
  return [value("proto", protocol), " (reserved): Snort puts it into packets that it makes up itself, as for a port scan"];
}

/** From which priority on all have one colour: Snort's own classes have none of them. */
export const LOWER = 5;

/** The number of a priority's colour. @param {number | undefined} priority */
export const level = (priority) => Math.min(priority ?? 0, LOWER);

/**
 * A priority, as a colour and a word, which can be clicked.
 * @param {number | undefined} priority
 */
export function badge(priority) {
  const made = /** @type {HTMLElement} */ (value("priority", priority ?? 0, priorityWord(priority)));
  made.classList.add("priority", `p${level(priority)}`);
  return made;
}

/**
 * A value that can be included and excluded.
 * @param {string} field
 * @param {string | number | undefined} value
 * @param {string | Node} [text]
 * @param {Partial<import("./state.js").State>} [also] - what is chosen with it, if it is included
 */
export function value(field, value, text, also = {}) {
  if (value === undefined || value === "") return null;
  const exact = String(value);
  const others = field === "src" || field === "dst" ? [{ label: `Only from or to ${exact}`, act: () => choose("host", exact, false) }] : [];
  return button({
    name: named(field, exact), exact, others,
    choose: (not) => (not ? choose(field, exact, true) : go({ ...including(field, exact), ...also })),
    list: () => go({ ...including(field, exact), ...also, view: "now" }),
  }, text ?? exact);
}

/**
 * Something that no field has, but expressions know: it becomes a part of the expression.
 * @param {string} name - what alerts have that meet it
 * @param {string} expression
 * @param {string | Node} text
 * @param {string} [without] - what leaves them out
 */
export function condition(name, expression, text, without) {
  return button({ name, exact: expression, expression, without, choose: (not) => meet(expression, not), list: () => meet(expression, false, { view: "now" }) }, text);
}

/**
 * @typedef {object} Choice - what can be included and excluded
 * @property {string} name
 * @property {string} exact - what is copied
 * @property {string} [expression] - what becomes a part of the expression
 * @property {string} [without] - what is said of leaving it out, if that isn't "Without" and the name
 * @property {{label: string, act: () => void}[]} [others]
 * @property {(not: boolean) => void} choose
 * @property {() => void} [list] - lists its alerts, from another view
 */

/** @param {Choice} choice @param {string | Node} text */
function button(choice, text) {
  return h("button", {
    type: "button", class: "value", "aria-haspopup": "menu", title: `${choice.name}: include or exclude${choice.expression ? `\n${choice.expression}` : ""}`,
    onclick: (/** @type {MouseEvent} */ event) => {
      event.stopPropagation();
      if (event.altKey) choice.choose(true);
      else openMenu(/** @type {HTMLElement} */ (event.currentTarget), choice);
    },
  }, text);
}

/**
 * A link to what is looked at after a change; with Ctrl, for example, the browser opens it elsewhere.
 * @param {Partial<import("./state.js").State>} change
 * @param {Record<string, any>} attributes
 * @param {string} text
 */
export function linkTo(change, attributes, text) {
  return h("a", {
    href: link({ ...state, ...change }), ...attributes,
    onclick: (/** @type {MouseEvent} */ event) => { if (event.ctrlKey || event.metaKey || event.shiftKey) return; event.preventDefault(); go(change); },
  }, text);
}

/**
 * The menu of a value.
 * @param {HTMLElement} at
 * @param {Choice} choice
 */
function openMenu(at, { name, exact, expression, without, choose, list, others = [] }) {
  const menu = byId("menu");
  const close = () => { menu.hidden = true; removeEventListener("pointerdown", outside, true); };
  /** @param {Event} event */
  const outside = (event) => { if (!menu.contains(/** @type {Node} */ (event.target))) close(); };
  /** @param {string} label @param {() => void} act */
  const item = (label, act) => h("button", { type: "button", role: "menuitem", onclick: () => { close(); at.focus(); act(); } }, label);
  const items = [
    ...(state.view === "health" ? [] : [item(`Only ${name}`, () => choose(false))]),
    ...(state.view === "now" || !list ? [] : [item("List its alerts", list)]),
    ...(state.view === "health" ? [] : [item(without ?? `Without ${name}`, () => choose(true)), ...others.map(({ label, act }) => item(label, act))]),
    item(expression ? "Copy the expression" : "Copy", () => copy(exact)),
  ];
  menu.replaceChildren(h("div", { role: "menu", "aria-label": name }, ...items));
  menu.onkeydown = (event) => {
    const now = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (event.key === "Escape") { close(); at.focus(); }
    else if (event.key === "ArrowDown") items[(now + 1) % items.length].focus();
    else if (event.key === "ArrowUp") items[(now + items.length - 1) % items.length].focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items[items.length - 1].focus();
    else if (event.key === "Tab") close();
    else return;
    event.stopPropagation();
    if (event.key !== "Tab") event.preventDefault();
  };
  menu.hidden = false;
  const box = at.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(box.left, innerWidth - menu.offsetWidth - 8))}px`;
  const below = box.bottom + 4 + menu.offsetHeight < innerHeight;
  menu.style.top = `${below ? box.bottom + 4 : Math.max(4, box.top - menu.offsetHeight - 4)}px`;
  addEventListener("pointerdown", outside, true);
  items[0].focus();
}

/** @param {string} text @param {string} [said] */
export async function copy(text, said = "Copied.") {
  try {
    await navigator.clipboard.writeText(text);
    toast(said);
  } catch {
    // Without https the browser has no clipboard for pages.
    const area = h("textarea", { value: text, class: "hidden" });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    toast(said);
  }
}

/** What no screen shows by itself, or what changes the order of signs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u202f]/gu;

/**
 * Text as it is, but what has no sign on a screen, or changes the order of signs, as its number.
 * @param {string} text
 * @param {boolean} [lines] - keeps line feeds and tabs
 */
export function plain(text, lines = false) {
  return (text ?? "").replace(UNSEEN, (sign) => (lines && (sign === "\n" || sign === "\t") ? sign : `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`));
}

/** Who sends each layout of datagrams. */
/** @type {Record<string, string>} */
const DIALECTS = {
  "snort3": "Snort 3",
  "snort2.9": "Snort 2.9 without OpenAppID",
  "snort2.9-appid": "Snort 2.9.8 to 2.9.20 with OpenAppID, which names the application",
  "snort2.9.7-appid": "Snort 2.9.7 with OpenAppID, which names the application",
  "snort2.7": "Snort 2.7 to 2.8.5 of 64 bits",
  "snort2.2": "Snort 2.2 to 2.3.3 of 64 bits",
  "snort2-32bit": "Snort 2.2 to 2.8.5 of 32 bits",
  "barnyard2": "barnyard2 of 64 bits",
  "barnyard2-32bit": "barnyard2 of 32 bits",
};

/**
 * A dialect, with what it means.
 * @param {string} name - such as `snort2.9-appid`; anything else, as the version of Snort that wrote a log, stays as it is
 */
export function dialect(name) {
  const meaning = Object.hasOwn(DIALECTS, name) ? DIALECTS[name] : undefined;
  return meaning ? h("span", { class: "dialect" }, meaning, " ", h("small", {}, name)) : plain(name);
}

/**
 * The same, if a datagram has it, as a value that can be included and excluded.
 * @param {string} name
 */
export function dialectValue(name) {
  const shown = dialect(name);
  return shown instanceof Node ? value("dialect", name, shown) : shown;
}

const NUMBERS = new Intl.NumberFormat("en");

/** @param {number} n */
export function number(n) { return NUMBERS.format(n); }

/** @param {number} n */
export function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) { n /= 1000; unit += 1; }
  return `${unit && n < 10 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

/**
 * The rule of an alert, as a value.
 * @param {Alert} alert
 */
export function ruleValue(alert) { return value("sid", `${alert.sig_generator}:${alert.sig_id}`, signature(alert)); }

/** @param {Alert} alert */
export function signature(alert) { return `${alert.sig_generator}:${alert.sig_id}:${alert.sig_rev}`; }
