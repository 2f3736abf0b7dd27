// One alert: what it says, its layers beside its bytes, its rule, what people said, and what is around it.

import { address, get, mayChange, passes, post, session } from "./api.js";
import { byId, focusMain, h, keepFocus, toast } from "./dom.js";
import { mark, packet, span } from "./packet.js";
import { FIELDS, empty, go, quoted, state } from "./state.js";
import { ago, timeElement } from "./times.js";
import { triage } from "./triage.js";
import { badge, condition, copy, dialectValue, linkTo, number, plain, protocolWithNote, ruleValue, signature, value } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./packet.js").Match} Match */

/** The alert that is shown. */
/** @type {Alert | null} */
let shown = null;

/** The alert that is open, if it is shown. */
export const openAlert = () => shown;

/** Looks again for an alert that can't be shown. @type {ReturnType<typeof setTimeout> | undefined} */
let again;

/** How long to wait until then, in milliseconds: longer and longer. */
const SOONEST = 1_000;
const LATEST = 8_000;
let wait = SOONEST;

/**
 * Shows the chosen alert.
 * @param {boolean} [byItself] - nobody has asked for it: what has the focus keeps it
 */
export async function show(byItself = false) {
  clearTimeout(again);
  if (!byItself) wait = SOONEST;
  const pane = byId("detail");
  const before = shown;
  if (state.alert !== shown?.id) shown = null;
  if (!state.alert) return close(pane, before);
  const id = state.alert;
  document.body.classList.add("detailed");
  pane.hidden = false;
  try {
    const alert = await get(`alerts/${id}`);
    if (state.alert !== id) return;
    wait = SOONEST;
    const isAnother = shown?.id !== id;
    shown = alert;
    if (isAnother) { pane.replaceChildren(...build(alert)); pane.scrollTop = 0; } else rebuild(pane, alert);
    related(alert, pane).catch(() => {});
    rule(alert, pane).catch(() => {});
  } catch (problem) {
    if (state.alert !== id) return;
    const mayPass = passes(problem);
    if (mayPass) again = setTimeout(() => show(true), wait);
    wait = Math.min(LATEST, 2 * wait);
    // An alert that is shown stays as it was.
    if (shown && mayPass) return;
    shown = null;
    const said = String(/** @type {Error} */ (problem).message);
    const giveBack = keepFocus(pane);
    pane.replaceChildren(closeButton(), h("header", {}, h("h2", { tabIndex: -1 }, `Alert ${id} can't be shown`)), h("p", { class: "empty" }, mayPass ? `${said}. It is tried again by itself.` : said), ...(mayPass ? [h("button", { type: "button", onclick: () => show() }, "Try again")] : []));
    giveBack();
  }
  if (!byItself && !pane.contains(document.activeElement)) pane.querySelector("h2")?.focus();
}

/**
 * Closes the pane. The focus goes back to the row of the alert, or to the list.
 * @param {HTMLElement} pane
 * @param {Alert | null} alert - which was shown
 */
function close(pane, alert) {
  const hadFocus = !pane.hidden && (pane.contains(document.activeElement) || document.activeElement === document.body);
  pane.hidden = true;
  document.body.classList.remove("detailed");
  if (!hadFocus) return;
  const row = /** @type {HTMLElement | null} */ (alert && document.querySelector(`main tr[data-id="${alert.id}"]`));
  if (row) (/** @type {HTMLElement | null} */ (row.querySelector("a.message")) ?? row).focus();
  else if (pane.contains(document.activeElement)) byId("main").focus({ preventScroll: true });
  else focusMain();
}

/**
 * Builds the pane of an alert anew, and leaves the rest as the reader has it: what is open, a comment that is being
 * written, the focus, and what is still to be loaded again.
 * @param {HTMLElement} pane
 * @param {Alert} alert
 */
function rebuild(pane, alert) {
  const giveBack = keepFocus(pane);
  const open = [...pane.querySelectorAll("details")].map((one) => one.open);
  const { value: draft = "", selectionStart = 0, selectionEnd = 0 } = pane.querySelector("textarea") ?? {};
  const isWriting = document.activeElement === pane.querySelector("textarea");
  const { scrollTop } = pane;
  const loaded = ["rule", "related"].map((id) => pane.querySelector(`#${id}`));
  pane.replaceChildren(...build(alert));
  for (const old of loaded) if (old) pane.querySelector(`#${old.id}`)?.replaceWith(old);
  [...pane.querySelectorAll("details")].forEach((one, n) => { one.open = open[n] ?? one.open; });
  const text = pane.querySelector("textarea");
  if (text) text.value = draft;
  giveBack();
  // Comments of others move what is below them.
  if (text && isWriting) { text.focus({ preventScroll: true }); text.setSelectionRange(selectionStart, selectionEnd); }
  pane.scrollTop = scrollTop;
}

function closeButton() { return h("button", { type: "button", class: "close", "aria-label": "Close the alert", onclick: () => go({ alert: null }) }, "×"); }

/** @param {Alert} alert */
function build(alert) {
  return [
    closeButton(),
    h("header", {}, h("p", {}, badge(alert.priority), " ", alert.class && value("class", alert.class), " ", ruleValue(alert)), h("h2", { tabIndex: -1 }, plain(alert.msg) || signature(alert)),
      alert.untrusted && h("p", { class: "warning" }, "The event may be forged: the packet ran over the fields of this datagram."),
      alert.difference && h("p", { class: "warning" }, `The packet's headers differ from what Snort states: ${alert.difference}.`)),
    buttons(alert),
    facts(alert),
    h("section", { id: "rule", hidden: true, "aria-label": "Rule" }),
    packet(alert, isOwn(alert)),
    comments(alert),
    h("section", { id: "related", "aria-label": "Around it" }),
    h("details", { class: "screen" }, h("summary", {}, "JSON"), h("pre", { class: "json" }, JSON.stringify(alert, null, 2))),
  ];
}

/** @param {Alert} alert */
function buttons(alert) {
  const mark = (/** @type {"acknowledged" | "starred"} */ kind, /** @type {string} */ on, /** @type {string} */ off) => {
    const is = Boolean(alert.triage?.[kind]);
    return mayChange() && h("button", { type: "button", class: "change", "aria-pressed": String(is), onclick: () => change(alert, kind, !is) }, is ? on : off);
  };
  const copies = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Copy" }, h("option", { value: "" }, "Copy…"), ...["JSON", "EVE", "curl", "filter", "link"].map((name) => h("option", { value: name }, name))));
  copies.addEventListener("change", async () => {
    const what = copies.value;
    copies.value = "";
    const path = new URL(address(`alerts/${alert.id}`), location.href).href;
    if (what === "JSON") copy(JSON.stringify(alert));
    else if (what === "EVE") copy((await (await fetch(address(`alerts/${alert.id}/export`, { format: "eve", store: alert.store }))).text()).trim());
    else if (what === "curl") copy(`curl ${session.login.length ? "--header \"Authorization: Bearer $TOKEN\" " : ""}'${path}'`, session.login.length ? "Copied. TOKEN is a token of this page." : undefined);
    else if (what === "filter") copy(filterOf(alert));
    else if (what === "link") copy(new URL(`?alert=${alert.id}`, location.href).href);
  });
  return h("p", { class: "row" }, mark("acknowledged", "Acknowledged ✓", "Acknowledge"), mark("starred", "Starred ★", "Star ☆"), copies,
    alert.pkt && h("a", { class: "button", href: address(`alerts/${alert.id}/packet`, { store: alert.store }), download: "" }, "Packet (pcapng)"),
    h("button", { type: "button", onclick: () => print() }, "Print"));
}

/** @param {Alert} alert */
function filterOf(alert) {
  /** @type {[string, any][]} */
  const parts = [["sid", `${alert.sig_generator}:${alert.sig_id}`], ["src", alert.src_ip], ["dst", alert.dst_ip]];
  return parts.filter(([, one]) => one !== undefined).map(([name, one]) => FIELDS[name].expression(String(one))).join(" && ");
}

/** @param {Alert} alert @param {"acknowledged" | "starred"} kind @param {boolean} set */
async function change(alert, kind, set) {
  if (await triage([alert], kind, set, alert.store)) dispatchEvent(new CustomEvent("triaged"));
}

/**
 * A key that was pressed outside of inputs while an alert is open. True if it was used.
 * @param {KeyboardEvent} event
 */
export function key({ key: pressed }) {
  if (!shown || !mayChange() || (pressed !== "e" && pressed !== "s")) return false;
  const kind = pressed === "e" ? "acknowledged" : "starred";
  change(shown, kind, !shown.triage?.[kind]);
  return true;
}

/** Whether Pigear made an alert itself, as of a sensor that is silent. @param {Alert} alert */
const isOwn = (alert) => alert.sig_generator === 9001;

/** @param {Alert} alert */
function facts(alert) {
  const end = (/** @type {"src" | "dst"} */ which) => alert[`${which}_ip`] && [value(which, alert[`${which}_ip`]), alert[`${which}_port`] !== undefined && [" port ", value("port", alert[`${which}_port`])]].flat();
  const links = (alert.references ?? []).map((/** @type {string} */ text) => h("li", {}, /^https?:\/\//.test(text) ? h("a", { href: text, rel: "noreferrer noopener", target: "_blank" }, text) : text));
  const mark = (/** @type {any} */ one) => one && [`by ${one.by || "you"}, `, timeElement(one.at)];
  /** @type {[string, any][]} */
  const rows = [
    ["When", [timeElement(alert.timestamp), ` (${ago(alert.timestamp)})`]],
    ["Received", alert.received && timeElement(alert.received)],
    ["Source", end("src")], ["Destination", end("dst")], ["Protocol", protocolWithNote(alert.proto)],
    ["VLAN", alert.vlan && [alert.vlan].flat().flatMap((id, n) => [n > 0 && ", ", value("vlan", id)])],
    ["Class", alert.class_description && value("class", alert.class, alert.class_description)],
    ["Application", value("app", alert.app_name)], ["Action", value("action", alert.action)],
    ["Community ID", alert.community_id && condition("the flow of this Community ID", flowOf(alert), h("code", {}, alert.community_id))],
    ["References", links.length ? h("ul", {}, ...links) : null],
    ["Sensor", [value("sensor", alert.sensor), alert.thread !== undefined && [", packet thread ", value("thread", alert.thread)]].flat()],
    ["Socket", alert.socket && value("socket", alert.socket, h("code", {}, plain(alert.socket)))],
    ["Sent by", alert.sender && ["process ", value("pid", alert.sender.pid), " of user ", value("uid", alert.sender.uid)]],
    ["Snort", isOwn(alert) ? "none: Pigear made this alert" : alert.dialect ? dialectValue(alert.dialect) : alert.source && condition("alerts from Snort's log", `alert.source == ${quoted(alert.source)}`, "from its log")],
    ["Event", alert.event_id !== undefined && condition(`event ${alert.event_id}`, `msg.event_id == ${alert.event_id}`, alert.event_id)],
    ["Acknowledged", mark(alert.triage?.acknowledged)], ["Starred", mark(alert.triage?.starred)],
  ];
  const known = rows.map(([name, one]) => /** @type {const} */ ([name, [one].flat().filter((part) => part !== undefined && part !== null && part !== false && part !== "")])).filter(([, parts]) => parts.length);
  return h("dl", { class: "facts" }, ...known.flatMap(([name, parts]) => [h("dt", {}, name), h("dd", {}, ...parts)]));
}

/**
 * The rule, if the server has rules, and where its contents are in the packet.
 * @param {Alert} alert
 * @param {HTMLElement} pane
 */
async function rule(alert, pane) {
  const section = /** @type {HTMLElement | null} */ (pane.querySelector("#rule"));
  if (isOwn(alert)) return;
  const { rule: found, rules } = await get(`alerts/${alert.id}/rule`, { store: alert.store });
  // Meanwhile another alert may be shown.
  if (!section?.isConnected) return;
  section.hidden = false;
  if (!found) {
    const none = rules ? `None with ${alert.sig_generator}:${alert.sig_id} in the files that were read (${number(rules)} rule${rules === 1 ? "" : "s"}).` : "None was read: start Pigear with --rules PATH.";
    section.classList.add("screen");
    section.replaceChildren(h("h3", {}, "Rule"), h("p", { class: "note" }, none));
    return;
  }
  const named = (/** @type {Match} */ match) => `${match.content} at ${span(match)}`;
  const metadata = found.metadata.map((/** @type {any} */ one) => `${one.name} ${one.value}`).join(", ");
  const shown = found.matches.slice(0, 20);
  section.replaceChildren(h("h3", {}, "Rule"), h("pre", { class: "rule" }, plain(found.text)),
    h("p", { class: "note" }, `${found.file}, line ${found.line}${found.enabled ? "" : ", commented out"}${metadata && `; ${metadata}`}`),
    ...(found.rev !== undefined && found.rev !== alert.sig_rev ? [h("p", { class: "warning" }, `The file has revision ${found.rev}, but the alert is of revision ${alert.sig_rev}.`)] : []),
    ...(found.others.length ? [h("p", { class: "warning" }, `There are others with these ids: ${found.others.join(", ")}${found.more_others ? `, and ${found.more_others} more` : ""}.`)] : []),
    ...(shown.length ? [h("p", { class: "note" }, `Marked in the packet: ${shown.map(named).join("; ")}${found.matches.length > shown.length ? "; …" : ""}`)] : []));
  mark(found.matches);
}

/** @param {Alert} alert @param {number} id */
async function removeComment(alert, id) {
  try { await post(`comments/${id}`, {}, "DELETE", { store: alert.store }); show(); } catch (problem) { toast(`${/** @type {Error} */ (problem).message}: the comment was not removed`); }
}

/** @param {Alert} alert */
function comments(alert) {
  const text = /** @type {HTMLTextAreaElement} */ (h("textarea", { rows: 2, maxLength: 10000, "aria-label": "Comment", placeholder: "Comment" }));
  const items = (alert.triage?.comments ?? []).map((/** @type {any} */ comment) => h("li", {}, h("p", { class: "by" }, `${comment.by || "somebody"}, `, timeElement(comment.at), " ",
    mayChange() && (!session.user || session.user === comment.by) && h("button", { type: "button", class: "quiet change", "aria-label": "Remove this comment", onclick: () => removeComment(alert, comment.id) }, "remove")), h("p", { class: "text" }, plain(comment.text, true))));
  const form = h("form", {
    class: "change row",
    onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (!text.value.trim()) return;
      try { await post(`alerts/${alert.id}/comments`, { text: text.value }, "POST", { store: alert.store }); text.value = ""; await show(); byId("comments").querySelector("textarea")?.focus({ preventScroll: true }); } catch (problem) { toast(`${/** @type {Error} */ (problem).message}: the comment was not added`); }
    },
  }, text, h("button", {}, "Add"));
  return h("section", { id: "comments", "aria-label": "Comments", class: items.length ? "" : "screen" }, h("h3", {}, "Comments"), items.length ? h("ul", {}, ...items) : null, mayChange() && form);
}

/** A text or a number, as expressions have it. @param {string | number} one */
const literal = (one) => (typeof one === "string" ? quoted(one) : String(one));

/**
 * The flow of an alert in both directions, as a filter.
 * @param {Alert} alert - one with a Community ID, and so with addresses
 */
function flowOf({ src_ip: src, dst_ip: dst, src_port: from, dst_port: to, proto }) {
  const way = (/** @type {any[]} */ ...ends) => ["src_ip", "dst_ip", "src_port", "dst_port"].map((name, n) => [name, ends[n]]).filter(([, end]) => end !== undefined)
    .map(([name, end]) => `alert.${name} == ${literal(end)}`).join(" && ");
  return `alert.proto == ${literal(proto)} && ((${way(src, dst, from, to)}) || (${way(dst, src, to, from)}))`;
}

/**
 * Older alerts of the same signature, source and pair, and the flow around it.
 * @param {Alert} alert
 * @param {HTMLElement} pane
 */
async function related(alert, pane) {
  const section = pane.querySelector("#related");
  const at = new Date(alert.timestamp).getTime();
  const around = { since: new Date(at - 3_600_000).toISOString(), until: new Date(at + 3_600_000).toISOString() };
  const { src_ip: src, dst_ip: dst } = alert;
  const rule = `${alert.sig_generator}:${alert.sig_id}`;
  const cursor = `${alert.id}-${alert.store}`;
  /** @type {[string, Record<string, any>, Partial<import("./state.js").State>][]} */
  const lists = [["Older alerts of this signature", { sid: rule, cursor }, { include: { sid: [rule] } }]];
  if (src) lists.push(["Older alerts from this source", { src, cursor }, { include: { src: [src] } }]);
  if (src && dst) lists.push(["Older alerts of this pair", { src, dst, cursor }, { include: { src: [src], dst: [dst] } }]);
  if (alert.community_id) {
    const filter = flowOf(alert);
    lists.push(["The flow around it: both directions, from an hour before to an hour after", { host: src, port: alert.src_port, filter, ...around }, { filter, ...around }]);
  }
  const shown = await Promise.all(lists.map(async ([title, criteria, chosen]) => {
    const page = await get("alerts", { ...criteria, limit: 6, packet: "no" });
    const others = page.alerts.filter((/** @type {Alert} */ one) => one.id !== alert.id).slice(0, 5);
    if (!others.length) return null;
    const items = others.map((/** @type {Alert} */ one) => h("li", {}, timeElement(one.timestamp), " ", linkTo({ alert: one.id }, {}, plain(one.msg) || signature(one)), " ", h("small", {}, `${one.src_ip ?? ""} → ${one.dst_ip ?? ""}`)));
    const all = page.next && h("button", { type: "button", class: "quiet", onclick: () => go({ ...empty(), ...chosen }) }, "all of them");
    return h("article", {}, h("h3", {}, title), h("ul", {}, ...items), all);
  }));
  section?.replaceChildren(...shown.filter((one) => one !== null));
}
