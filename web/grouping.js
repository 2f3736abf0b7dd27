// Which alerts are listed, newest first. Alerts of one signature that are near each other are a group.

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {{alerts: Alert[], open: boolean, row: HTMLTableRowElement | null}} Group - `row` is null once it must be drawn again */

/** The most alerts of a group that are kept. */
const MOST = 3_000;

/** A group of this many alerts or more is a flood, which is one row. */
const FLOOD = 3;

/**
 * So many groups may stand between alerts of one flood: two rules that meet the same packets alert in turn, and so do
 * floods at the same time.
 */
const NEAR = 8;

/** @param {Group} group */
export function isFlood(group) { return group.alerts.length >= FLOOD; }

/** @param {Alert} a @param {Alert} b */
const alike = (a, b) => a.sig_id === b.sig_id && a.sig_generator === b.sig_generator;

/** @param {Alert} alert @returns {Group} */
const alone = (alert) => ({ alerts: [alert], open: false, row: null });

/**
 * The flood that an alert makes with near groups of its signature, if it makes one. Those groups are taken out.
 * @param {Group[]} groups
 * @param {Group[]} near - the newest first
 * @param {Alert} alert
 * @param {boolean} isNewer - than all others; otherwise it is older
 * @returns {{flood: Group, place: number} | undefined} - and the place where its newest part was
 */
function floodWith(groups, near, alert, isNewer) {
  const same = near.filter((one) => alike(one.alerts[0], alert));
  if (same.reduce((sum, { alerts }) => sum + alerts.length, 1) < FLOOD) return undefined;
  const flood = same.find(isFlood) ?? same[0];
  const place = groups.indexOf(same[0]);
  for (const one of same) groups.splice(groups.indexOf(one), 1);
  if (same.length > 1) flood.alerts = same.flatMap(({ alerts }) => alerts);
  if (isNewer) flood.alerts.unshift(alert); else flood.alerts.push(alert);
  flood.row = null;
  return { flood, place };
}

/**
 * Adds an older alert than all others.
 * @param {Group[]} groups
 * @param {Alert} alert
 * @param {boolean} grouped
 */
export function append(groups, alert, grouped) {
  const found = grouped && floodWith(groups, groups.slice(-NEAR), alert, false);
  if (found) groups.splice(found.place, 0, found.flood);
  else groups.push(alone(alert));
}

/**
 * Adds a newer alert than all others. Floods that grow at the same time stay in their order.
 * @param {Group[]} groups
 * @param {Alert} alert
 * @param {boolean} grouped
 */
export function prepend(groups, alert, grouped) {
  const found = grouped && floodWith(groups, groups.slice(0, NEAR), alert, true);
  if (!found) groups.unshift(alone(alert));
  else groups.splice(groups.slice(0, found.place).every(isFlood) ? found.place : 0, 0, found.flood);
}

/**
 * The groups with alerts that were among them before. Floods that are open stay so.
 * @param {Group[]} groups
 * @param {Alert[]} back
 * @param {boolean} grouped
 */
export function regroup(groups, back, grouped) {
  const open = new Set(groups.filter((one) => one.open).flatMap(({ alerts }) => alerts));
  /** @type {Group[]} */
  const found = [];
  for (const alert of [...groups.flatMap(({ alerts }) => alerts), ...back].sort((a, b) => b.id - a.id)) append(found, alert, grouped);
  for (const one of found) one.open = isFlood(one) && one.alerts.some((alert) => open.has(alert));
  return found;
}

/** The number of the oldest alert. @param {Group[]} groups */
export const oldest = (groups) => groups.reduce((least, { alerts }) => Math.min(least, alerts[alerts.length - 1].id), Infinity);

/**
 * Lets the oldest alerts go, if there are more than these. Returns the number of the oldest that is left, if any
 * went.
 * @param {Group[]} groups
 * @param {number} kept
 */
export function trim(groups, kept) {
  let all = 0;
  /** The newest alert that goes: nothing older stays, so that older ones can be asked for again without a hole. */
  let last = 0;
  for (let n = 0; n < groups.length; n += 1) {
    const { alerts } = groups[n];
    all += alerts.length;
    if (all > kept && n > 20) last = Math.max(last, alerts[0].id);
    else if (alerts.length > MOST) last = Math.max(last, alerts[MOST].id);
  }
  if (!last) return undefined;
  for (const one of groups) {
    const end = one.alerts.findIndex(({ id }) => id <= last);
    if (end < 0) continue;
    one.alerts.length = end;
    one.row = null;
  }
  groups.splice(0, groups.length, ...groups.filter(({ alerts }) => alerts.length));
  return oldest(groups);
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
