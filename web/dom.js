// Elements made from text only: nothing of an alert is ever read as HTML.

/** @typedef {Node | string | number | null | undefined | false} Child */

const ATTRIBUTE = /^(role|for|scope|colspan|data-.*|aria-.*)$/;

/**
 * Makes an element. `on…` properties are listeners, `class`, `data-…` and `aria-…` are attributes, others
 * are properties of the element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const name in props) {
    const value = props[name];
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (ATTRIBUTE.test(name)) element.setAttribute(name, String(value));
    else /** @type {any} */ (element)[name] = value;
  }
  put(element, children);
  return element;
}

/**
 * Makes an element of SVG.
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...Child} children
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  put(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
function put(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) put(element, child);
    else if (child !== undefined && child !== null && child !== false) element.append(/** @type {Node | string} */ (typeof child === "number" ? String(child) : child));
  }
}

/**
 * Has these children in an element. Those that are there already are left as they are: the browser need not lay them
 * out again.
 * @param {Element} element
 * @param {Node[]} children
 */
export function show(element, children) {
  const are = element.childNodes;
  if (are.length !== children.length || children.some((child, n) => child !== are[n])) element.replaceChildren(...children);
}

/**
 * The element with an id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return found;
}

/** The space above and below what is said, in pixels. */
const GAP = 12;

/**
 * Says something for a while, with an action if there is one. It stays while it is pointed at, or has the focus.
 * @param {string} text
 * @param {{label: string, act: () => void}} [action]
 */
export function toast(text, action) {
  const button = action && h("button", { type: "button", onclick: () => { words.remove(); focusMain(); action.act(); } }, action.label);
  const words = h("p", {}, text, " ", button);
  said.replaceChildren(words);
  // It stands above the bar of chosen alerts, whose buttons stay where they are. What is open beside it ends above it,
  // so that it hides nothing.
  const { style } = document.documentElement;
  style.setProperty("--said", `calc(${said.offsetHeight + 2 * GAP}px + var(--chosen, 0px))`);
  const isUsed = () => words.matches(":hover, :focus-within");
  const end = () => {
    if (words.isConnected && isUsed()) { setTimeout(end, 2_000); return; }
    words.remove();
    if (!said.hasChildNodes()) style.removeProperty("--said");
  };
  setTimeout(end, action ? 20_000 : 6_000);
  if (document.activeElement?.closest("#detail")) document.activeElement.scrollIntoView({ block: "nearest" });
}

/** What is said stands here: in the dialog that is open, as all else is hidden then, also from screen readers. */
const said = byId("toast");

/**
 * Opens a modal dialog.
 * @param {HTMLDialogElement} dialog
 */
export function openDialog(dialog) {
  if (dialog.open) return;
  dialog.showModal();
  dialog.append(said);
  dialog.addEventListener("close", () => ([...document.querySelectorAll("dialog:modal")].at(-1) ?? document.body).append(said), { once: true });
}

/** @param {Element} within */
const controls = (within) => /** @type {HTMLElement[]} */ ([...within.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]);

/**
 * Remembers what has the focus within an element. What is returned gives the focus back after the element was drawn
 * anew: to the control in the same place of the row with the same `data-id`, or of the element; or of a row that is
 * found otherwise.
 * @param {HTMLElement} within
 * @param {HTMLElement} [known] - that row
 * @param {() => HTMLElement | null | undefined} [find] - finds it again
 * @returns {() => void}
 */
export function keepFocus(within, known, find) {
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  if (!active || active === within || !within.contains(active)) return () => {};
  const isKnown = known?.contains(active) && find;
  const row = isKnown ? known : /** @type {HTMLElement | null} */ (active.closest("[data-id]"));
  const places = (/** @type {HTMLElement} */ of) => [of, ...controls(of)];
  const at = places(row ?? within).indexOf(active);
  return () => {
    if (active.isConnected) return;
    const drawn = isKnown ? find() : row ? /** @type {HTMLElement | null} */ (within.querySelector(`[data-id="${row.dataset.id}"]`)) : within;
    if (drawn) places(drawn)[at]?.focus({ preventScroll: true });
  };
}

/** Gives the focus to the main part, if what had it is gone: keys and screen readers go on there. */
export function focusMain() {
  if (document.activeElement === document.body) byId("main").focus({ preventScroll: true });
}

let spoken = 0;

/**
 * Tells users of screen readers something, at most every ten seconds.
 * @param {() => string} text
 */
export function announce(text) {
  if (Date.now() - spoken < 10_000) return false;
  spoken = Date.now();
  byId("announce").textContent = text();
  return true;
}

/**
 * Calls a function once nothing has called for it for a while.
 * @template {any[]} A
 * @param {number} wait
 * @param {(...args: A) => void} act
 * @returns {(...args: A) => void}
 */
export function debounced(wait, act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...args), wait);
  };
}
