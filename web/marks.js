// What others do with the alerts that are listed, or open: looked for now and then, as long as somebody looks.

import { post } from "./api.js";
import { regroup, remove } from "./grouping.js";
import { changed } from "./list.js";

/** @typedef {import("./api.js").Alert} Alert */
/** @typedef {import("./grouping.js").Group} Group */
/** @typedef {{id: number, acknowledged: boolean, starred: boolean, comments: number, last_comment?: number}} Marks */
/** @typedef {{alerts: Alert[], open: Alert | null, store: string}} Sight - the alerts of the list, and the one that is open */

/** How long to wait until it is looked again, in milliseconds: pages that were loaded together don't all ask at once. */
const EVERY = 4_000;
const SPREAD = 1_000;

/** The same, as a multiple of what the answer took. */
const SPARE = 50;

/** The most alerts that a request names. */
const MOST = 10_000;

/** How many alerts that left the list are remembered. */
const REMEMBERED = 1_000;

/** Alerts that others have marked, which are not drawn so yet. @type {Set<Alert>} */
const touched = new Set();

/** Alerts that left the list as they were acknowledged. They come back if they are so no more. @type {Map<number, Alert>} */
const gone = new Map();

/** Whether some are to leave the list, or to come back. */
let isUnsettled = false;

/** What is in sight. @type {() => Sight} */
let look = () => ({ alerts: [], open: null, store: "" });

/** Shows the alert anew that is open. */
let reopen = () => {};

/** How long the last answer took, in milliseconds. */
let took = 0;

/** @param {typeof look} sight @param {typeof reopen} show */
export function watchMarks(sight, show) {
  [look, reopen] = [sight, show];
  next();
  // Who comes back sees at once what was done meanwhile.
  document.addEventListener("visibilitychange", () => { ask().catch(() => {}); });
}

function next() {
  setTimeout(() => ask().catch(() => {}).finally(next), Math.max(EVERY + SPREAD * Math.random(), SPARE * took));
}

async function ask() {
  const { alerts, open, store } = look();
  const known = [...alerts, ...gone.values()];
  const ids = [...new Set([...(open ? [open.id] : []), ...known.map(({ id }) => id)])].slice(0, MOST);
  const of = store || open?.store;
  if (document.hidden || !ids.length) return;
  const before = new Map(known.map((alert) => [alert, alert.triage]));
  const begin = performance.now();
  const { marks } = await post("triage/marks", { ids }, "POST", { store: of });
  took = performance.now() - begin;
  const found = new Map(marks.map((/** @type {Marks} */ one) => [one.id, one]));
  const asked = new Set(ids);
  for (const [alert, was] of before) {
    // What was marked here meanwhile is newer.
    if (asked.has(alert.id) && alert.triage === was) take(alert, found.get(alert.id));
  }
  const now = look().open;
  if (open && now === open && said(open) !== JSON.stringify(inShort(found.get(open.id)))) reopen();
}

/** @param {Alert} alert @param {Marks | undefined} marks */
function take(alert, marks) {
  const was = alert.triage;
  const is = (/** @type {"acknowledged" | "starred"} */ mark) => (marks?.[mark] ? was?.[mark] ?? {} : undefined);
  if (Boolean(is("acknowledged")) === Boolean(was?.acknowledged) && Boolean(is("starred")) === Boolean(was?.starred)) return;
  alert.triage = { ...was, acknowledged: is("acknowledged"), starred: is("starred") };
  touched.add(alert);
  isUnsettled = true;
}

/** @param {Marks | undefined} marks */
const inShort = (marks) => [Boolean(marks?.acknowledged), Boolean(marks?.starred), marks?.comments ?? 0, marks?.last_comment ?? 0];

/** @param {Alert} alert */
function said({ triage }) {
  const comments = triage?.comments ?? [];
  return JSON.stringify([Boolean(triage?.acknowledged), Boolean(triage?.starred), comments.length, comments.at(-1)?.id ?? 0]);
}

/** Alerts leave the list as they are acknowledged. @param {Group[]} groups @param {Alert[]} alerts */
export function leave(groups, alerts) {
  for (const alert of alerts) {
    remove(groups, alert);
    gone.set(alert.id, alert);
  }
  for (const id of [...gone.keys()].slice(0, Math.max(0, gone.size - REMEMBERED))) gone.delete(id);
}

/** The list was read again. @param {Alert[]} alerts @param {boolean} isSame - whether the same was asked for as before */
export function relist(alerts, isSame) {
  if (!isSame) { touched.clear(); gone.clear(); }
  for (const { id } of alerts) gone.delete(id);
}

/**
 * The list with the marks that others have made since; nothing if that changes nothing.
 * @param {Group[]} groups
 * @param {{grouped: boolean, hides: boolean, isPaused: boolean, oldest: number}} how - whether acknowledged alerts are hidden, whether the list holds still, and how far down it goes
 * @returns {{groups: Group[], isOther: boolean} | undefined} - and whether alerts have left it or come back
 */
export function settled(groups, { grouped, hides, isPaused, oldest }) {
  if (!touched.size && (!isUnsettled || isPaused)) return undefined;
  for (const one of groups) if (one.alerts.some((alert) => touched.has(alert))) one.row = null;
  for (const alert of touched) changed(alert);
  touched.clear();
  if (isPaused) return { groups, isOther: false };
  isUnsettled = false;
  if (!hides) return { groups, isOther: false };
  const isDone = (/** @type {Alert} */ alert) => Boolean(alert.triage?.acknowledged);
  const back = [...gone.values()].filter((alert) => !isDone(alert));
  const went = groups.flatMap(({ alerts }) => alerts).filter(isDone);
  leave(groups, went);
  for (const { id } of back) gone.delete(id);
  // What is further down is read with the older ones.
  const listed = back.filter(({ id }) => id >= oldest);
  return { groups: listed.length ? regroup(groups, listed, grouped) : groups, isOther: went.length + back.length > 0 };
}
