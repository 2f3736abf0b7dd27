// Saved searches, which are kept in the browser.

import { ask } from "./dialogs.js";
import { h, toast } from "./dom.js";
import { link, state } from "./state.js";

export const saved = /** @type {HTMLSelectElement} */ (h("select", { "aria-label": "Saved searches" }));

/** @returns {Record<string, string>} */
function searches() {
  try { return JSON.parse(localStorage.getItem("pigear.searches") ?? "{}"); } catch { return {}; }
}

/** Shows the names of the saved searches. */
export function showSaved() {
  const names = Object.keys(searches()).sort();
  saved.replaceChildren(h("option", { value: "" }, "Saved searches"), ...names.map((name) => h("option", { value: `=${name}` }, name)),
    h("option", { value: "save" }, "Save this search…"), ...(names.length ? [h("option", { value: "forget" }, "Forget a search…")] : []));
}

/** Does what was chosen: shows a search, saves this one, or forgets one. */
export async function pickSaved() {
  const picked = saved.value;
  saved.value = "";
  if (picked.startsWith("=")) {
    history.pushState(null, "", searches()[picked.slice(1)]);
    dispatchEvent(new PopStateEvent("popstate"));
    return;
  }
  const saves = picked === "save";
  const name = await ask(saves
    ? { title: "Save this search", text: "It is kept in this browser.", action: "Save", field: { label: "Name" } }
    : { title: "Forget a search", action: "Forget", field: { label: "Which", choices: Object.keys(searches()).sort() } });
  if (!name) return;
  const all = searches();
  if (saves) all[name] = link({ ...state, alert: null });
  else delete all[name];
  localStorage.setItem("pigear.searches", JSON.stringify(all));
  toast(saves ? `Saved as ${name}.` : `Forgot ${name}.`);
  showSaved();
}
