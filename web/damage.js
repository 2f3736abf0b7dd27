// What of the store is damaged, as far as it was met: in the words of `pigear query`, with what to do.

import { h } from "./dom.js";
import { number } from "./values.js";

/** @typedef {{damaged?: boolean, unreadable?: number}} Met - what an answer says of damage */

/** What was met since something was looked for. */
let met = { damaged: false, unreadable: 0 };

export const notice = h("div", { id: "damage", class: "warning", role: "status", hidden: true });

/** Begins anew: something else is looked for. */
export function forgetDamage() {
  met = { damaged: false, unreadable: 0 };
  notice.hidden = true;
}

/**
 * Says what an answer met that is damaged, beside what others met.
 * @param {Met} answer
 */
export function noteDamage({ damaged = false, unreadable = 0 }) {
  if (!damaged && !unreadable) return;
  // Several answers about the same alerts.
  met = { damaged: met.damaged || damaged, unreadable: Math.max(met.unreadable, unreadable) };
  notice.replaceChildren(...damageText(met));
  notice.hidden = false;
}

/**
 * What is damaged, and what to do.
 * @param {Met} of
 * @param {string} [file] - the store's
 */
export function damageText({ damaged, unreadable = 0 }, file = "FILE") {
  /** @type {(HTMLElement | false | undefined)[]} */
  const parts = [
    unreadable > 0 && h("p", {}, unreadable === 1 ? "1 alert could not be read: its record is damaged. Others are not affected." : `${number(unreadable)} alerts could not be read: their records are damaged. Others are not affected.`),
    damaged && h("p", {}, "The store is damaged: the index could not be used everywhere, so alerts were read instead. All that can be read are found, but searches take longer."),
    h("p", {}, "Look for damage of the disk. To begin a new store, move the file away together with those that end in -wal and -shm; ", h("code", {}, `sqlite3 ${file} .recover`), " saves what can be read of the old one."),
  ];
  return parts.filter((part) => part instanceof HTMLElement);
}
