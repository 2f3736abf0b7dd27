// Questions: whether to go on, and for a name.

import { byId, h, openDialog } from "./dom.js";

/**
 * Asks, and returns what was typed or chosen; without a field, an empty text. Null if it was cancelled.
 * @param {{title: string, action: string, text?: string, field?: {label: string, value?: string, choices?: string[], long?: boolean}}} question
 * @returns {Promise<string | null>}
 */
export function ask({ title, action, text = "", field }) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("ask"));
  const input = field && (field.choices
    ? h("select", {}, ...field.choices.map((choice) => h("option", { value: choice }, choice)))
    : field.long ? h("textarea", { rows: 4, required: true, maxLength: 10_000 })
    : h("input", { value: field.value ?? "", required: true, maxLength: 100, autocomplete: "off" }));
  return new Promise((resolve) => {
    const end = (/** @type {string | null} */ said) => { dialog.close(); resolve(said); };
    const form = h("form", { onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); end(input?.value.trim() ?? ""); } },
      h("h2", { id: "ask-title" }, title), text && h("p", {}, text), input && h("label", {}, field?.label, input),
      h("p", { class: "row" }, h("button", { class: "main" }, action), h("button", { type: "button", onclick: () => end(null) }, "Cancel")));
    dialog.replaceChildren(form);
    dialog.oncancel = () => resolve(null);
    openDialog(dialog);
  });
}
