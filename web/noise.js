// Filters of the triage: whose alerts are acknowledged as they come.

import { get, mayChange, post } from "./api.js";
import { h, openDialog, toast } from "./dom.js";
import { FIELDS, quoted, state, whole } from "./state.js";
import { timeElement } from "./times.js";
import { plain } from "./values.js";

/** @typedef {{id: number, expression: string, at: string, by: string}} Rule */

/** The store that the filters are in. @type {string | undefined} */
let store;

const list = h("ul", { class: "noise" });
const none = h("p", { class: "empty", hidden: true }, "No filters yet.");
const expression = h("textarea", { rows: 3, required: true, placeholder: "msg.sig_id == 1000134 && ip_in(alert.src_ip, \"10.0.0.0/8\")", spellcheck: false, "aria-labelledby": "noise-label" });
const left = h("p", { class: "note", hidden: true });
const mistake = h("p", { class: "mistake", role: "alert", hidden: true });
const add = h("form", { id: "noise-form", class: "change" }, h("label", { id: "noise-label" }, "A new alert that passes this filter is acknowledged as it comes:", expression), left, mistake);
const end = h("p", { class: "row" }, h("button", { class: "main change", type: "submit" }, "Add"), h("button", { type: "button", onclick: () => dialog.close() }, "Close"));
end.firstElementChild?.setAttribute("form", "noise-form");
const dialog = h("dialog", { id: "noise", "aria-labelledby": "noise-title" }, h("h2", { id: "noise-title" }, "Noise"),
  h("p", { class: "note" }, "Filters here acknowledge alerts as they come (others call it suppress, or auto-acknowledge). ", h("em", {}, "Hide acknowledged"), " hides them then. Nothing is deleted, handlers still get them, and alerts that are stored already stay as they are: ", h("em", {}, "Acknowledge all…"), " is for those."), none, list, add, end);
document.body.append(dialog);

add.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("triage/rules", { expression: expression.value.trim() }, "POST", { store });
    mistake.hidden = true;
    await show();
    toast("Alerts that pass it are acknowledged from now on.");
  } catch (problem) {
    mistake.hidden = false;
    mistake.textContent = String(/** @type {Error} */ (problem).message);
  }
});

/** Shows the filters, and offers what is chosen as another one. */
export async function openNoise() {
  mistake.hidden = true;
  expression.value = chosen();
  const missing = leftOut();
  left.hidden = !missing;
  left.textContent = `Left out of what is chosen: ${missing}. A filter knows an alert as it comes only.`;
  try {
    await show();
    openDialog(dialog);
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}

async function show() {
  const { rules, store: of } = await get("triage/rules");
  store = of;
  none.hidden = rules.length > 0;
  list.replaceChildren(...rules.map((/** @type {Rule} */ rule) => h("li", {}, h("code", {}, plain(rule.expression, true)), " ", h("small", {}, `${rule.by || "somebody"}, `, timeElement(rule.at)), " ",
    mayChange() && h("button", { type: "button", class: "quiet change", "aria-label": `Remove ${plain(rule.expression)}`, onclick: () => remove(rule.id) }, "remove"))));
}

/** @param {number} id */
async function remove(id) {
  try {
    await post(`triage/rules/${id}`, {}, "DELETE", { store });
    await show();
  } catch (problem) {
    toast(String(/** @type {Error} */ (problem).message));
  }
}

/** What is chosen that a filter of the triage can't have, because it knows an alert as it comes, and not what becomes of it. */
function leftOut() {
  const parts = { times: state.since || state.until, acknowledged: state.acknowledged === "yes", stars: state.starred, comments: state.comment || state.commented };
  return Object.entries(parts).filter(([, is]) => is).map(([name]) => name).join(", ");
}

/** What is chosen in the filter bar, without what is left out, as an expression. */
function chosen() {
  const parts = state.text ? [`msg.msg.to_lower().contains(${quoted(state.text.toLowerCase())})`] : [];
  for (const [name, values] of Object.entries(state.include)) {
    const any = values.map(FIELDS[name].expression);
    parts.push(any.length > 1 ? `(${any.join(" || ")})` : any[0]);
  }
  for (const [name, value] of state.exclude) parts.push(`!(${FIELDS[name].expression(value)})`);
  if (state.filter) parts.push(parts.length ? whole(state.filter) : state.filter);
  return parts.join(" && ");
}
