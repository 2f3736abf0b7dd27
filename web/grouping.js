// Which alerts are listed, newest first. A run of alerts of one signature is a group.

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {{alerts: Alert[], open: boolean, row: HTMLTableRowElement | null}} Group - `row` is null once it must be drawn again */

/** The most alerts of a group that are kept. */
const MOST = 3_000;

/** A group of this many alerts or more is a flood, which is one row. */
const FLOOD = 3;

/** @param {Group} group */
export function isFlood(group) { return group.alerts.length >= FLOOD; }

/** @param {Alert} a @param {Alert} b */
const alike = (a, b) => a.sig_id === b.sig_id && a.sig_generator === b.sig_generator;

/**
 * Adds an older alert than all others.
 * @param {Group[]} groups
 * @param {Alert} alert
 * @param {boolean} grouped
 */
export function append(groups, alert, grouped) {
  const last = groups[groups.length - 1];
  if (grouped && last && alike(last.alerts[0], alert)) { last.alerts.push(alert); last.row = null; }
  else groups.push({ alerts: [alert], open: false, row: null });
}

/**
 * Adds a newer alert than all others.
 * @param {Group[]} groups
 * @param {Alert} alert
 * @param {boolean} grouped
 */
export function prepend(groups, alert, grouped) {
  const first = groups[0];
  if (grouped && first && alike(first.alerts[0], alert)) { first.alerts.unshift(alert); first.row = null; }
  else groups.unshift({ alerts: [alert], open: false, row: null });
}

/**
 * Lets the oldest alerts go, if there are more than these. Returns the number of the oldest that is left, if any
 * went.
 * @param {Group[]} groups
 * @param {number} kept
 */
export function trim(groups, kept) {
  let all = 0;
  /** @type {number | undefined} */
  let oldest;
  for (let n = 0; n < groups.length; n += 1) {
    const { alerts } = groups[n];
    all += alerts.length;
    if (all > kept && n > 20) groups.length = n;
    else if (alerts.length > MOST) { alerts.length = MOST; groups.length = n + 1; }
    else continue;
    oldest = groups[groups.length - 1].alerts.at(-1)?.id;
  }
  return oldest;
}

/**
 * Takes an alert out.
 * @param {Group[]} groups
 * @param {Alert} alert
 */
export function remove(groups, alert) {
  const n = groups.findIndex((one) => one.alerts.includes(alert));
  if (n < 0) return;
  groups[n].alerts = groups[n].alerts.filter((one) => one !== alert);
  groups[n].row = null;
  if (!groups[n].alerts.length) groups.splice(n, 1);
}
