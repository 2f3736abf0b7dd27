// How long the page takes until it is drawn: `node look.mjs URL TIMES` prints milliseconds as JSON, and the bytes of the
// page's own files as they were sent.

import { browser, open } from "../tests/harness.mjs";

const [url, times] = [process.argv[2], Number(process.argv[3])];

/**
 * How long a new window of the browser, or a page that was just opened, is left alone. In that time the browser loads
 * what it has in its own window, such as the list below its address field, beside any page.
 */
const SETTLE = 2_000;

/** Runs in the page before its scripts: notes when rows and the histogram are drawn, at first and after each change. */
function watch() {
  const rows = () => document.querySelector("table.alerts tbody tr");
  const bars = () => document.querySelector("#chart svg");
  /**
   * Calls back once a frame with other rows and another histogram than these is on the screen: as the next one begins,
   * and not after it, since that one is of rows further down.
   */
  const drawn = (oldRows, oldBars, act) => {
    const look = () => {
      const isNew = rows() && rows() !== oldRows && bars() && bars() !== oldBars && !document.querySelector("main").dataset.busy;
      requestAnimationFrame(isNew ? () => act(performance.now()) : look);
    };
    look();
  };
  addEventListener("DOMContentLoaded", () => drawn(null, null, (at) => { window.painted = at; }));
  /** The next event of this kind changes what is shown. */
  window.measure = (kind) => {
    window.took = null;
    addEventListener(kind, (event) => {
      const from = event.timeStamp;
      drawn(rows(), bars(), (at) => { window.took = at - from; });
    }, { capture: true, once: true });
  };
}

const menuItem = (page, first) => async () => {
  await page.locator(first).first().click();
  const item = page.getByRole("menuitem").first();
  await item.waitFor();
  return { kind: "click", act: () => item.click() };
};

/** What changes the filter, each: prepares, and returns the event that begins the change, and what causes it. */
const CHANGES = {
  sid: (page) => menuItem(page, "tr.alert .sid .value")(),
  src: (page) => menuItem(page, "tr.alert td.end .value")(),
  priority: async (page) => {
    await page.locator("#words").fill("priority:1");
    await page.keyboard.press("Escape");
    await page.locator("#words").fill("priority:1");
    return { kind: "submit", act: () => page.keyboard.press("Enter") };
  },
  time: async (page) => {
    const box = await page.locator("#chart svg").boundingBox();
    const at = (part) => [box.x + box.width * part, box.y + box.height / 2];
    await page.mouse.move(...at(0.3));
    await page.mouse.down();
    await page.mouse.move(...at(0.45), { steps: 3 });
    return { kind: "pointerup", act: () => page.mouse.up() };
  },
};

const chrome = await browser();
const found = { paint: [] };
try {
  for (let n = 0; n < times; n += 1) {
    for (const [name, prepare] of Object.entries(CHANGES)) {
      const page = await open(chrome, url, { before: watch, settle: SETTLE });
      await page.waitForFunction(() => window.painted);
      found.paint.push(await page.evaluate(() => window.painted));
      found.bytes = await page.evaluate(() => performance.getEntries().filter((one) => "encodedBodySize" in one && !one.name.includes("/api/")).reduce((sum, one) => sum + one.encodedBodySize, 0));
      await page.waitForTimeout(SETTLE);
      const { kind, act } = await prepare(page);
      await page.evaluate((kind) => window.measure(kind), kind);
      await act();
      await page.waitForFunction(() => window.took);
      (found[name] ??= []).push(await page.evaluate(() => window.took));
      await page.close();
    }
  }
} finally {
  await chrome.close();
}
console.log(JSON.stringify(found));
