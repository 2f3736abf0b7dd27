// The page: views, keys, login.

import { showTriage } from "./actions.js";
import { Problem, begin, get, post, session, whenLoginIsNeeded } from "./api.js";
import { buildBar, focusBar, mistakes, showBar, showFailure, showMistake } from "./bar.js";
import { chart, loadChart, refreshChart, stopChart } from "./chart.js";
import * as chosen from "./chosen.js";
import { forgetDamage, notice, noteDamage } from "./damage.js";
import * as detail from "./detail.js";
import { byId, focusMain, h, keepFocus, openDialog, show, toast } from "./dom.js";
import * as health from "./health.js";
import * as now from "./now.js";
import * as overview from "./overview.js";
import { differs, empty, go, onChange, params, state } from "./state.js";
import { setTimeStyle, timeStyle } from "./times.js";
import { linkTo } from "./values.js";

/** @typedef {import("./bar.js").Failure} Failure */

/** How often the overview and the histogram are loaded again, in seconds. */
const EVERY = 30;

/** `every` is how often a view that isn't live is loaded again, in seconds. */
/** @type {Record<string, {title: string, every?: number, module: {view: HTMLElement, load: () => Promise<Failure | undefined | void>, stop: () => void}}>} */
const VIEWS = { now: { title: "Now", module: now }, overview: { title: "Overview", every: EVERY, module: overview }, health: { title: "Health", every: health.EVERY / 1_000, module: health } };
const KEYS = [["j, k", "next, previous alert"], ["Enter", "open it"], ["e", "acknowledge, or not"], ["s", "star, or not"], ["x", "choose it, or not: then e and s are about all that are chosen"], ["Shift+j, k", "choose on to the next, previous"], ["a", "what else can be done with them"], ["Esc", "close the alert; choose none"], ["g", "newest alert"], ["p", "pause, resume"], ["/", "search"], ["1, 2, 3", "Now, Overview, Health"], ["?", "this help"]];

/** What each view shows: what was asked for. @type {Record<string, string>} */
const shownOf = {};

/** What is asked for: Health is the same for all searches. */
const asked = () => (state.view === "health" ? "" : JSON.stringify(params()));

/** Whether words stand in the place of what is asked for. */
let isAway = false;

/** Shows the view that the address names. */
async function load() {
  const { module } = VIEWS[state.view];
  const hadFocus = document.activeElement !== document.body;
  for (const [name, other] of Object.entries(VIEWS)) if (name !== state.view) other.module.stop();
  const [view, wanted] = [state.view, asked()];
  const hasBar = view !== "health";
  byId("bar").hidden = !hasBar;
  forgetDamage();
  const showView = () => { isAway = false; show(byId("main"), [...(hasBar ? [notice, chart] : []), module.view]); };
  // Words that stand there instead do so until there is an answer.
  if (!isAway) showView();
  byId("main").dataset.busy = "yes";
  showNav();
  showBar();
  clearTimeout(again);
  const before = mistakes;
  try {
    if (hasBar && state.mistakes.length) throw new Problem({ status: 400, detail: state.mistakes.join("; "), parameter: "address" });
    const [failure] = await Promise.all([module.load(), hasBar && loadChart()]);
    shownOf[view] = wanted;
    if (isAway) showView();
    if (mistakes === before) showMistake(null);
    if (failure) showFailure(failure);
    retry = 1;
    // Meanwhile the stream may have said how it is.
    if (troubled && byId("state").dataset.live === "no") byId("state").textContent = "";
    showFreshness();
    troubled = false;
  } catch (problem) {
    failed(problem);
  } finally {
    delete byId("main").dataset.busy;
    if (hadFocus) focusMain();
  }
}

/** Says how old what is shown may be, where it isn't live. */
function showFreshness() {
  const { every } = VIEWS[state.view];
  // Meanwhile another view may be shown.
  if (!every) return;
  byId("state").textContent = state.until && state.view === "overview" ? "" : `every ${every} s`;
  delete byId("state").dataset.live;
}

let retry = 1;
/** Whether it is said that something is wrong. */
let troubled = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;

/** @param {unknown} problem */
function failed(problem) {
  if (problem instanceof DOMException && problem.name === "AbortError") return;
  clearTimeout(again);
  if (problem instanceof Problem && problem.status < 500) {
    if (problem.status !== 401) showMistake(problem);
    if (problem.parameter) showUnfiltered();
    else if (problem.status !== 401 && shownOf[state.view] !== asked()) showAway(problem, false);
    return;
  }
  byId("state").textContent = problem instanceof Problem ? problem.message : "Pigear is not there; trying again…";
  byId("state").dataset.live = "no";
  troubled = true;
  // What was found before is no answer to what is asked now.
  if (isAway || shownOf[state.view] !== asked()) showAway(problem, true);
  again = setTimeout(load, Math.min(30, retry) * 1_000);
  retry *= 2;
}

/** Shows that there is no result, in the place of what was found before. */
function showUnfiltered() {
  stopAll();
  const where = state.mistakes.length ? "the address has a mistake" : "the filter has a mistake";
  instead(`Nothing is shown: ${where}, which is ${state.mistakes.length ? "named" : "marked"} above. `,
    h("button", { type: "button", onclick: () => go({ ...empty(), view: state.view, group: state.group }) }, "Show all alerts"));
}

/** The same, as there is no answer. @param {unknown} problem @param {boolean} isRetried - whether it is asked again by itself */
function showAway(problem, isRetried) {
  stopAll();
  const why = problem instanceof Problem ? problem.message : "Pigear can't be reached: it has ended, it is being restarted, or the network is down";
  instead(`Nothing is shown: ${why}. ${isRetried ? "It is tried again by itself. " : ""}`, h("button", { type: "button", onclick: () => load() }, "Try again"));
}

/** What is under way is about what is no longer shown. */
function stopAll() {
  stopChart();
  for (const { module } of Object.values(VIEWS)) module.stop();
  delete shownOf[state.view];
  isAway = true;
}

/** @param {...(string | Node)} words */
function instead(...words) {
  const main = byId("main");
  const giveBack = keepFocus(main);
  main.replaceChildren(h("p", { class: "empty unfiltered" }, ...words));
  giveBack();
}

setInterval(() => {
  if (state.view === "health" || state.until || isAway || document.hidden || byId("login").hasAttribute("open")) return;
  refreshChart();
  if (state.view === "overview") overview.load().then(showFreshness, failed);
}, EVERY * 1_000);

function showNav() {
  const hadFocus = byId("views").contains(document.activeElement);
  byId("views").replaceChildren(...Object.entries(VIEWS).map(([name, { title }]) => linkTo({ view: name, alert: null }, { "aria-current": name === state.view ? "page" : undefined }, title)));
  if (hadFocus) /** @type {HTMLElement | null} */ (byId("views").querySelector("[aria-current]"))?.focus();
  document.title = `${VIEWS[state.view].title} – Pigear`;
}

onChange((before) => {
  if (before.view !== state.view || before.group !== state.group || differs(before, state)) load();
  if (before.alert !== state.alert) detail.show();
});
addEventListener("failed", (event) => failed(/** @type {CustomEvent} */ (event).detail));
addEventListener("replaced", () => { toast("Another store is there now; its alerts are shown."); load(); if (state.alert) detail.show(); });
addEventListener("counted", () => { loadChart().catch(() => {}); });
addEventListener("triaged", () => { load(); if (state.alert) detail.show(); });
const times = /** @type {HTMLSelectElement} */ (byId("zone"));
times.value = timeStyle();
times.addEventListener("change", () => { setTimeStyle(times.value); load(); detail.show(); });
byId("more-tools").addEventListener("click", () => byId("more-tools").setAttribute("aria-expanded", String(byId("tools").classList.toggle("open"))));

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && /** @type {HTMLInputElement} */ (target).type !== "checkbox";
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (typing) target.blur();
    else if (state.alert) go({ alert: null });
    else chosen.clear();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") || !byId("menu").hidden) return;
  const views = Object.keys(VIEWS);
  if (event.key === "/") focusBar();
  else if (event.key === "?") help();
  else if (views[Number(event.key) - 1]) go({ view: views[Number(event.key) - 1], alert: null });
  else if (!(state.alert && detail.key(event)) && (state.view !== "now" || !now.view.isConnected || !now.key(event))) return;
  event.preventDefault();
});

function help() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("help"));
  dialog.replaceChildren(h("h2", { id: "help-title", tabIndex: -1, autofocus: true }, "Keys"), h("dl", { class: "facts" }, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, h("kbd", {}, keys)), h("dd", {}, what)])),
    h("p", {}, "Click any value to include or exclude it. Words in the search field are looked for in messages; ", h("code", {}, "src:10.0.0.0/8"), " and ", h("code", {}, "-sid:1000"), " choose fields, and ", h("code", {}, "-word"), " leaves out messages with it. A checkbox of the list chooses an alert, or all of a flood that are listed; with Shift, all from the last one to it. Click a bar of the histogram, or drag over it, to choose a time; with Tab, the arrows go from bar to bar, and Enter chooses one."),
    h("form", { method: "dialog" }, h("button", {}, "Close")));
  openDialog(dialog);
}
byId("help-button").addEventListener("click", help);

whenLoginIsNeeded((problem) => {
  const dialog = /** @type {HTMLDialogElement} */ (byId("login"));
  if (dialog.open) return;
  const ways = problem.ways;
  const said = h("p", { role: "alert", class: "mistake", hidden: true });
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ complete, /** @type {string} */ type) => h("p", {}, h("label", {}, label, h("input", { name, autocomplete: /** @type {any} */ (complete), type, required: true })));
  const form = h("form", {
    onsubmit: async (/** @type {Event} */ event) => {
      event.preventDefault();
      const typed = Object.fromEntries([...new FormData(form)].filter(([, text]) => text));
      try {
        await post("login", typed);
        dialog.close();
        start();
      } catch (wrong) {
        said.hidden = false;
        said.textContent = String(/** @type {Error} */ (wrong).message);
      }
    },
  });
  /** @type {Record<string, () => Node[]>} */
  const fields = {
    password: () => [field("name", "Name", "username", "text"), field("password", "Password", "current-password", "password")],
    token: () => [field("token", "Token", "off", "password")],
  };
  const ask = (/** @type {string} */ way) => {
    const other = ways.find((one) => one !== way);
    said.hidden = true;
    form.replaceChildren(h("h2", { id: "login-title" }, "Log in"), ...fields[way](), said, h("button", {}, "Log in"),
      ...(other ? [" ", h("button", { type: "button", class: "quiet", onclick: () => ask(other) }, `With ${other}`)] : []));
    form.querySelector("input")?.focus();
  };
  ask(ways[0] ?? "token");
  dialog.replaceChildren(form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  openDialog(dialog);
});

async function start() {
  // Meanwhile: the first look need not wait for who is logged in.
  const loading = load();
  try {
    await begin();
    showTriage();
    byId("who").replaceChildren(...(session.login.length ? [h("span", {}, session.user ?? "token"), " ", h("button", { type: "button", class: "quiet", onclick: async () => { await post("logout"); location.reload(); } }, "Log out")] : []));
    await loading;
    await detail.show();
  } catch (problem) {
    await loading;
    clearTimeout(again);
    if (problem instanceof Problem && problem.status === 401) return;
    byId("state").textContent = problem instanceof Problem ? problem.message : "Pigear is not there; trying again…";
    byId("state").dataset.live = "no";
    troubled = true;
    setTimeout(start, Math.min(30, retry) * 1_000);
    retry *= 2;
  }
}

addEventListener("unhandledrejection", (event) => { if (event.reason instanceof Problem) toast(event.reason.message); });
buildBar();
showNav();
showBar();
start();
