// The API: requests, errors, and the live stream.

import { byId, h } from "./dom.js";

/** @typedef {Record<string, any> & {id: number}} Alert */
/** @typedef {Record<string, string | string[] | number | undefined>} Params */

/** An error that the server describes. */
export class Problem extends Error {
  /** @param {Record<string, any>} problem */
  constructor(problem) {
    super([problem.detail, problem.hint].filter(Boolean).join("; "));
    this.status = Number(problem.status);
    this.type = String(problem.type ?? "");
    /** @type {number | undefined} */
    this.line = problem.line;
    /** @type {number | undefined} */
    this.column = problem.column;
    /** @type {string | undefined} */
    this.parameter = problem.parameter;
    /** @type {string[]} */
    this.ways = problem.login ?? [];
  }
}

/** No answer came: the program has ended, or the network is down. What browsers say of it differs, and helps nobody. */
export class Unreachable extends Error {
  constructor() { super("Pigear can't be reached"); }
}

/** Whether it may go away by itself. @param {unknown} problem */
export const passes = (problem) => problem instanceof Unreachable || (problem instanceof Problem && problem.status >= 500);

/**
 * What an answer or its body is, if it comes.
 * @template T
 * @param {Promise<T>} coming
 * @returns {Promise<T>}
 */
async function reached(coming) {
  try {
    return await coming;
  } catch (error) {
    throw error instanceof DOMException && error.name === "AbortError" ? error : new Unreachable();
  }
}

/** @type {{csrf?: string, user?: string, role?: string, can_triage?: boolean, triage_problem?: string, login: string[]}} */
export const session = { login: [] };

/** @type {(problem: Problem) => void} */
let onLogin = () => {};

/** @param {(problem: Problem) => void} act */
export function whenLoginIsNeeded(act) { onLogin = act; }

/** Whether this visitor may change something. */
export function mayChange() { return session.role !== "read-only" && session.can_triage !== false; }

/**
 * A path below the API, with its parameters.
 * @param {string} path
 * @param {Params} [params]
 */
export function address(path, params = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of [value].flat()) if (one !== undefined) query.append(name, String(one));
  }
  const text = query.toString();
  return `api/v1/${path}${text && "?"}${text}`;
}

/** How many alerts of a flood come, about as many as fit on a screen. */
const NEWEST = 100;

/** The problem of a number that is of another store than the one that is there now. */
export const OTHER_STORE = "urn:pigear:problem:other-store";

/** The problem of a change without the token that the server gives now. */
const OLD_TOKEN = "urn:pigear:problem:csrf";

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function answer(response) {
  const is = response.headers.get("content-type") ?? "";
  // What is no JSON is of a server in between.
  const body = is.includes("json") ? await reached(response.json()) : { detail: `the answer has status ${response.status}, and is not Pigear's` };
  if (response.ok) return body;
  const problem = new Problem({ status: response.status, ...body });
  if (response.status === 401) onLogin(problem);
  if (problem.type === OTHER_STORE) dispatchEvent(new CustomEvent("replaced"));
  throw problem;
}

/**
 * Reads something. A request that replaces another ends it.
 * @param {string} path
 * @param {Params} [params]
 * @param {AbortSignal} [signal]
 */
export async function get(path, params = {}, signal) {
  byId("state").dataset.busy = "yes";
  try {
    return await answer(await reached(fetch(address(path, params), { signal })));
  } finally {
    delete byId("state").dataset.busy;
  }
}

/**
 * Changes something.
 * @param {string} path
 * @param {Record<string, any>} body
 * @param {string} [method]
 * @param {Params} [params]
 */
export async function post(path, body = {}, method = "POST", params = {}) {
  const send = async () => {
    const headers = { "content-type": "application/json", "x-csrf-token": session.csrf ?? "" };
    const response = await reached(fetch(address(path, params), { method, headers, body: JSON.stringify(body) }));
    return response.status === 204 ? {} : answer(response);
  };
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof Problem && error.type === OLD_TOKEN)) throw error;
    // The server has started again since the session was read.
    await begin();
    return send();
  }
}

/**
 * Downloads what is asked for with a body.
 * @param {string} path
 * @param {Params} params
 * @param {Record<string, any>} body
 */
export async function save(path, params, body) {
  const response = await reached(fetch(address(path, params), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }));
  if (!response.ok) { await answer(response); return; }
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? path;
  // A download that is cut short fails here, so that half of one is never saved.
  const href = URL.createObjectURL(await reached(response.blob()));
  h("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Reads who is logged in, and what a change needs. */
export async function begin() {
  Object.assign(session, { triage_problem: undefined }, await get("session"));
}

/** How long a tab that nobody looks at keeps its stream: a browser has six connections for all tabs of a page. */
const HIDDEN = 5_000;

/**
 * Follows new alerts, which are given as JSON, without their packets. The browser connects again by itself, and misses
 * nothing; where it gives up, this does, and `again` is called each time. So it does once somebody looks again at a tab
 * that was hidden. Of a flood come only the newest: before these it is said that some were skipped.
 * @param {Params} params
 * @param {string} last - the number of the last alert, with its store
 * @param {{alert: (text: string) => void, skipped: () => void, reset: () => void, again: () => void, state: (text: string, isTrouble?: boolean) => void}} on
 * @returns {() => void} ends it
 */
export function follow(params, last, on) {
  /** @type {EventSource | undefined} */
  let events;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let ended = false;
  let wasOpen = false;
  const open = () => {
    events = new EventSource(address("stream", { ...params, packet: "no", newest: NEWEST, last_event_id: last }));
    events.onopen = () => {
      on.state("live");
      if (wasOpen) on.again();
      wasOpen = true;
    };
    events.onmessage = (event) => {
      last = event.lastEventId;
      on.alert(event.data);
    };
    events.addEventListener("skipped", () => on.skipped());
    events.addEventListener("reset", () => on.reset());
    events.addEventListener("problem", (event) => on.state(new Problem(JSON.parse(event.data)).message, true));
    events.addEventListener("ready", () => on.state("live"));
    events.onerror = () => {
      on.state("connecting…");
      if (events?.readyState !== EventSource.CLOSED || ended) return;
      // Perhaps a login has ended: then this asks for one, and the page begins again.
      get("session").catch(() => {});
      timer = setTimeout(open, 3_000);
    };
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let hiding;
  let isResting = false;
  const rest = () => {
    isResting = true;
    clearTimeout(timer);
    events?.close();
  };
  const look = () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(rest, HIDDEN);
    else if (isResting) { isResting = false; open(); }
  };
  open();
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", look);
    clearTimeout(hiding);
    clearTimeout(timer);
    events?.close();
  };
}
