// Acknowledging and starring, with undo.

import { get, post } from "./api.js";
import { toast } from "./dom.js";
import { params } from "./state.js";
import { number } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./list.js").Mark} Mark */

/**
 * Marks alerts, or takes the mark away; it can be undone. Returns whether that was done.
 * @param {Alert[]} alerts
 * @param {Mark} mark
 * @param {boolean} set
 * @param {string} store - which they are of
 */
export async function triage(alerts, mark, set, store) {
  try {
    const done = await post("triage", { ids: alerts.map((alert) => alert.id), mark, set }, "POST", { store });
    for (const alert of alerts) alert.triage = { ...alert.triage, [mark]: set ? { at: new Date().toISOString(), by: "" } : undefined };
    const what = set ? mark : mark === "starred" ? "without star now" : "not acknowledged any more";
    toast(`${number(done.alerts)} alert${done.alerts === 1 ? "" : "s"} ${what}.`, undo(done.action, store));
    return true;
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
    return false;
  }
}

/** @param {number} action @param {string} store */
function undo(action, store) {
  return {
    label: "Undo",
    act: async () => {
      const done = await post("triage/undo", { action }, "POST", { store });
      toast(`${number(done.alerts)} alerts are as before.`);
      dispatchEvent(new CustomEvent("triaged"));
    },
  };
}

/**
 * Acknowledges all that match what is chosen, after a question with their number.
 * @param {string} store
 */
export async function acknowledgeAll(store) {
  try {
    const { total } = await get("counts", { ...params(), acknowledged: "no", by: "priority", limit: 1 });
    if (!total) return toast("There is nothing to acknowledge.");
    if (!confirm(`Acknowledge ${number(total)} alert${total === 1 ? "" : "s"} that match what is chosen?`)) return;
    const done = await post("triage", { criteria: { ...params(), acknowledged: "no" }, mark: "acknowledged", set: true });
    toast(`${number(done.alerts)} alerts acknowledged.`, undo(done.action, store));
    dispatchEvent(new CustomEvent("triaged"));
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}
