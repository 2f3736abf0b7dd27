// Acknowledging and starring, with undo.

import { get, post } from "./api.js";
import { ask } from "./dialogs.js";
import { toast } from "./dom.js";
import { empty, params, state } from "./state.js";
import { number } from "./values.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./list.js").Mark} Mark */

/** @param {number} n */
const alertsOf = (n) => `${number(n)} alert${n === 1 ? "" : "s"}`;

/**
 * Marks alerts, or takes the mark away; it can be undone. Returns whether that was done.
 * @param {Alert[]} alerts
 * @param {Mark} mark
 * @param {boolean} set
 * @param {string} store - which they are of
 */
export async function triage(alerts, mark, set, store) {
  const before = alerts.map((alert) => alert.triage);
  try {
    const done = await post("triage", { ids: alerts.map((alert) => alert.id), mark, set }, "POST", { store });
    for (const alert of alerts) alert.triage = { ...alert.triage, [mark]: set ? { at: new Date().toISOString(), by: "" } : undefined };
    const what = set ? mark : mark === "starred" ? "without star now" : "not acknowledged any more";
    // Alerts that are no longer listed are not read again.
    const putBack = () => alerts.forEach((alert, n) => { alert.triage = before[n]; });
    toast(`${alertsOf(done.alerts)} ${what}.`, done.action && undo(done.action, store, putBack));
    return true;
  } catch (problem) {
    toast(`${because(problem)}: ${isOne(alerts) ? "the alert was" : "the alerts were"} not ${set ? mark : "changed"}`);
    return false;
  }
}

/** @param {unknown} problem */
const because = (problem) => String(/** @type {Error} */ (problem).message).replace(/\.$/, "");

/** @param {Alert[]} alerts */
const isOne = (alerts) => alerts.length === 1;

/** @param {number} action @param {string} store @param {() => void} [undone] - called once it is */
function undo(action, store, undone) {
  return {
    label: "Undo",
    act: async () => {
      try {
        const done = await post("triage/undo", { action }, "POST", { store });
        toast(`${alertsOf(done.alerts)} as before.`);
        undone?.();
        dispatchEvent(new CustomEvent("triaged"));
      } catch (problem) {
        toast(`${because(problem)}: nothing was undone`, undo(action, store, undone));
      }
    },
  };
}

/**
 * Asks for a comment, and makes it on each of these alerts; it can be undone. Returns whether that was done.
 * @param {Alert[]} alerts
 * @param {string} store - which they are of
 */
export async function commentOnEach(alerts, store) {
  const text = await ask({ title: `Comment on ${alertsOf(alerts.length)}`, action: "Add", field: { label: alerts.length > 1 ? "The same comment on each" : "Comment", long: true } });
  if (text === null) return false;
  try {
    const { ids } = await post("comments", { ids: alerts.map((alert) => alert.id), text }, "POST", { store });
    const act = async () => {
      try {
        const { comments } = await post("comments/remove", { ids }, "POST", { store });
        toast(`${number(comments)} comment${comments === 1 ? "" : "s"} removed.`);
        dispatchEvent(new CustomEvent("triaged"));
      } catch (problem) {
        toast(`${because(problem)}: no comment was removed`, { label: "Undo", act });
      }
    };
    toast(`${alertsOf(ids.length)} commented on.`, { label: "Undo", act });
    return true;
  } catch (problem) {
    toast(`${because(problem)}: no comment was made`);
    return false;
  }
}

/** Acknowledges all that match what is chosen, after a question with their number. */
export async function acknowledgeAll() {
  try {
    const criteria = { ...params(), acknowledged: "no" };
    const { total, store, last, since, until } = await get("counts", { ...criteria, by: "priority", limit: 1 });
    if (!total || state.acknowledged === "yes") return toast("Nothing is left to acknowledge.");
    const isAll = JSON.stringify(params({ ...empty(), acknowledged: state.acknowledged })) === JSON.stringify(params());
    const text = isAll ? "That is every alert in the store: nothing is chosen in the filter bar." : "These are all that match what is chosen in the filter bar, also those that are not on the page.";
    if (await ask({ title: `Acknowledge ${alertsOf(total)}?`, text: `${text} It can be undone.`, action: `Acknowledge ${alertsOf(total)}` }) === null) return;
    // Those that were counted, and not what came while it was asked.
    const counted = { ...criteria, ...(since && { since }), ...(until && { until }) };
    const done = await post("triage", { criteria: counted, through: last, mark: "acknowledged", set: true }, "POST", { store });
    toast(`${alertsOf(done.alerts)} acknowledged.`, done.action && undo(done.action, store));
    dispatchEvent(new CustomEvent("triaged"));
  } catch (problem) {
    toast(`${because(problem)}: nothing was acknowledged`);
  }
}
