// The latest actions of the triage, to undo one of them; and why alerts can't be marked, if they can't.

import { get, mayChange, post, session } from "./api.js";
import { h, openDialog, toast } from "./dom.js";
import { timeElement } from "./times.js";
import { number } from "./values.js";

/** @typedef {{id: number, at: string, by: string, mark: string, set: boolean, criteria?: Record<string, string | string[]>, alerts: number, undoable: boolean, undone?: {at: string, by: string}}} Action */

const list = h("ol", { class: "actions" });
const dialog = h("dialog", { id: "actions", "aria-labelledby": "actions-title" },
  h("h2", { id: "actions-title" }, "Latest actions"), list,
  h("form", { method: "dialog" }, h("button", {}, "Close")));
document.body.append(dialog);

const button = h("button", { type: "button", class: "change", "aria-haspopup": "dialog", onclick: () => open() }, "Latest actions");
const reason = h("span", { class: "reason", hidden: true });

/** Beside the list of alerts. */
export const actionTools = [button, reason];

/** Shows whether alerts can be marked, as the session says. */
export function showTriage() {
  document.body.classList.toggle("read-only", !mayChange());
  reason.hidden = mayChange();
  reason.textContent = mayChange() ? "" : `Alerts can't be marked: ${session.triage_problem ?? "this user may only look"}`;
}

async function open() {
  try {
    const { actions, store } = await get("triage/actions");
    list.replaceChildren(...actions.map((/** @type {Action} */ action) => row(action, store)));
    if (!actions.length) list.replaceChildren(h("li", {}, "Nothing was acknowledged or starred yet."));
    openDialog(dialog);
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}

/** @param {Action} action @param {string} store */
function row(action, store) {
  const what = action.mark === "starred" ? (action.set ? "starred" : "without star") : (action.set ? "acknowledged" : "not acknowledged any more");
  const chosen = Object.entries(action.criteria ?? {}).flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}`)).join(", ");
  return h("li", {},
    h("span", {}, timeElement(action.at), " ", action.by, ": ", `${number(action.alerts)} alert${action.alerts === 1 ? "" : "s"} ${what}`), " ",
    chosen && h("small", {}, `(${chosen})`), " ",
    action.undone ? h("small", {}, `undone by ${action.undone.by}`) : action.undoable && h("button", { type: "button", "aria-label": `Undo action ${action.id}`, onclick: () => undo(action.id, store) }, "Undo"));
}

/** @param {number} action @param {string} store - whose action it is */
async function undo(action, store) {
  try {
    const done = await post("triage/undo", { action }, "POST", { store });
    toast(`${number(done.alerts)} alert${done.alerts === 1 ? " is" : "s are"} as before.`);
    dispatchEvent(new CustomEvent("triaged"));
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
  await open();
}
