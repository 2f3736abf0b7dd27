// The packet of an alert: its layers beside its bytes, and what of a rule is in it.

import { h } from "./dom.js";
import { quoted } from "./state.js";
import { bytes as size, condition, number, plain } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {{name: string, start: number, end: number, fields: Record<string, any>}} Layer */
/** @typedef {{start: number, end: number, content: string}} Match */

/** How many bytes are shown at first; and at most, until all are asked for. */
const FIRST = 2_048;
const MOST = 16_384;

/** How many bytes a line has, where there is room. */
const LINE = 16;

/** @param {string} base64 */
function decode(base64) { return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)); }

/**
 * The layers as a tree, beside the bytes: where either is pointed at, both light up.
 * @param {Alert} alert
 * @param {boolean} isOwn - Pigear made the alert itself
 */
export function packet(alert, isOwn) {
  const bytes = decode(alert.pkt ?? "");
  drawn = undefined;
  if (!bytes.length) {
    return h("section", { "aria-label": "Packet" }, h("h3", {}, "Packet"), h("p", { class: "empty" }, isOwn ? "None: Pigear made this alert itself." : "Snort sent no packet with this alert. Snort 3 does so where a rule met a rebuilt stream; with --complete-from, Pigear takes it from Snort's log."));
  }
  /** @type {Layer[]} */
  const layers = [...(alert.layers ?? [])];
  const headers = layers.length;
  if (alert.payload) layers.push({ name: "Payload", ...alert.payload, fields: { length: alert.payload.end - alert.payload.start } });
  const dump = h("div", { class: "dump", role: "group", tabIndex: 0, "aria-label": `Hexdump of ${bytes.length} bytes` });
  const tree = h("ul", { class: "layers" }, ...layers.map((layer, n) => {
    const fields = Object.entries(layer.fields ?? {}).map(([name, one]) => h("li", {}, h("span", { class: "name" }, name), " ", n < headers ? headerValue(layer.name, name, one) : String(one)));
    if (n < headers) fields.push(h("li", {}, h("span", { class: "name" }, "header"), " ", condition(`header ${layer.name}`, hasHeader(layer.name), layer.name)));
    const light = (/** @type {boolean} */ on) => highlight(dump, tree, on ? n : -1, layers);
    return h("li", { "data-layer": n, onpointerenter: () => light(true), onpointerleave: () => light(false), onfocusin: () => light(true), onfocusout: () => light(false) },
      h("details", { open: n >= layers.length - 2 }, h("summary", {}, layer.name, " ", h("small", {}, span(layer))), h("ul", {}, ...fields)));
  }));
  drawn = { dump, bytes, matches: [] };
  draw(FIRST);
  dump.addEventListener("pointerover", (event) => {
    const at = Number(/** @type {HTMLElement} */ (event.target).dataset.at ?? NaN);
    if (!Number.isNaN(at)) highlight(dump, tree, layers.findLastIndex((layer) => layer.start <= at && at < layer.end), layers);
  });
  dump.addEventListener("pointerleave", () => highlight(dump, tree, -1, layers));
  const payload = alert.payload ? bytes.subarray(alert.payload.start, alert.payload.end) : new Uint8Array();
  return h("section", { id: "packet", "aria-label": "Packet" }, h("h3", {}, "Packet ", h("small", {}, `${size(bytes.length)}${alert.pktlen > bytes.length ? ` of ${size(alert.pktlen)}` : ""}`)),
    alert.stopped && h("p", { class: "warning" }, alert.stopped),
    h("div", { class: "packet" }, tree, dump),
    payload.length > 0 && h("details", {}, h("summary", {}, `Payload as text (${size(payload.length)})`), h("pre", { class: "payload" }, printable(payload))));
}

/**
 * That an alert has a header, and what else is asked of this one.
 * @param {string} name @param {string} [test]
 */
const hasHeader = (name, test = "") => `alert.layers.some(|layer| layer.name == ${quoted(name)}${test})`;

/**
 * The value of a header's field, by which alerts can be chosen.
 * @param {string} header @param {string} name @param {string | number | boolean} one
 */
function headerValue(header, name, one) {
  return condition(`${header} ${name} ${one}`, hasHeader(header, ` && layer.${name} == ${typeof one === "string" ? quoted(one) : one}`), String(one));
}

/** The packet that was drawn last, and what of a rule is in it. @type {{dump: HTMLElement, bytes: Uint8Array, matches: Match[]} | undefined} */
let drawn;

/** Draws so many bytes, at least. @param {number} count */
function draw(count) {
  if (!drawn) return;
  const { dump, bytes, matches } = drawn;
  const shown = Math.min(bytes.length, Math.ceil(count / LINE) * LINE);
  const all = h("button", { type: "button", onclick: () => draw(bytes.length) }, `All ${number(bytes.length)} bytes`);
  dump.replaceChildren(...lines(bytes, shown), ...(shown < bytes.length ? [all] : []));
  for (const span of dump.querySelectorAll("[data-at]")) {
    const at = Number(/** @type {HTMLElement} */ (span).dataset.at);
    if (matches.some(({ start, end }) => start <= at && at < end)) span.classList.add("content");
  }
}

/**
 * Marks what of a rule is in the packet that was drawn last, and shows as much of it.
 * @param {Match[]} matches
 */
export function mark(matches) {
  if (!drawn || !matches.length) return;
  drawn.matches = matches;
  draw(Math.max(FIRST, ...matches.map(({ end }) => end).filter((end) => end <= MOST)));
}

/** Which bytes something is, the last one included. @param {{start: number, end: number}} part */
export const span = ({ start, end }) => (end - start > 1 ? `bytes ${start}–${end - 1}` : end > start ? `byte ${start}` : "no bytes");

/** @param {Uint8Array} bytes */
function printable(bytes) {
  return plain(new TextDecoder("utf-8", { fatal: false }).decode(bytes).replaceAll("\r\n", "\n").replaceAll("\ufffd", "·"), true);
}

/** @param {Uint8Array} bytes @param {number} shown */
function lines(bytes, shown) {
  const all = [];
  const wide = matchMedia("(max-width: 30rem)").matches ? 8 : LINE;
  for (let from = 0; from < Math.min(shown, bytes.length); from += wide) {
    const part = [...bytes.subarray(from, Math.min(from + wide, shown))];
    const hex = part.map((byte, n) => h("span", { "data-at": from + n }, byte.toString(16).padStart(2, "0")));
    const text = part.map((byte, n) => h("span", { "data-at": from + n }, byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."));
    all.push(h("div", { class: "line" }, h("span", { class: "offset" }, from.toString(16).padStart(4, "0")), h("span", { class: "hex" }, ...hex), h("span", { class: "text" }, ...text)));
  }
  return all;
}

/**
 * @param {HTMLElement} dump
 * @param {HTMLElement} tree
 * @param {number} chosen
 * @param {Layer[]} layers
 */
function highlight(dump, tree, chosen, layers) {
  const layer = layers[chosen];
  dump.querySelectorAll(".lit").forEach((span) => span.classList.remove("lit"));
  [...tree.children].forEach((item, n) => item.classList.toggle("lit", n === chosen));
  if (layer) dump.querySelectorAll("[data-at]").forEach((span) => {
    const at = Number(/** @type {HTMLElement} */ (span).dataset.at);
    if (layer.start <= at && at < layer.end) span.classList.add("lit");
  });
}
