// A tab that is asleep, floods, and logins that end under an open page.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, messages, open, setUp, until, withMessage, withSid } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;

const last = async (url) => (await (await fetch(`${url}api/v1/alerts?limit=1`)).json()).last;
const [ping] = datagrams("v2919/icmp_ping");

/** Alerts of so many signatures in turn that no two of them are one row. */
const flood = (count) => Array.from({ length: count }, (_, n) => withMessage(withSid(ping, 1_000_000 + (n % 20)), `number ${n + 1}`));

/** What a browser says of a tab that nobody looks at. */
const hide = (page, hidden) => page.evaluate((is) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => is });
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (is ? "hidden" : "visible") });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

test("ten thousand alerts a second leave the page quick, with the newest alerts", { timeout: 120_000 }, async () => {
  const room = newRoom();
  const { url } = await room.live();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await page.evaluate(() => {
    globalThis.said = 0;
    new MutationObserver((changes) => { globalThis.said += changes.length; }).observe(document.querySelector("#announce"), { childList: true });
    globalThis.begin = performance.now();
  });
  const count = 20_000;
  await room.play(flood(count), ["--rate", "10000"]);
  await until("all are stored", async () => await last(url) === count);
  await until("the newest is shown", async () => (await messages(page))[0] === `number ${count}`);
  const rows = await page.locator("table.alerts tbody tr").count();
  assert.ok(rows <= 700, `${rows} rows`);
  const ids = await page.$$eval("tr.alert", (all) => all.map((row) => Number(row.dataset.id)));
  assert.deepEqual(ids, ids.map((_, n) => count - n), "none is missing, none is there twice");
  const [said, seconds] = await page.evaluate(() => [globalThis.said, (performance.now() - globalThis.begin) / 1_000]);
  assert.ok(said >= 1 && said <= 2 * (1 + seconds / 10), `a screen reader was told ${said} times in ${seconds} seconds`);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail h2");
  await page.close();
});

test("a tab that was asleep shows what is new when it wakes, without having kept all of it", { timeout: 120_000 }, async () => {
  const room = newRoom();
  const { url } = await room.live();
  const page = await open(setup.chrome, url, { allow: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"] });
  await page.waitForSelector("text=No alerts found");
  await room.play(flood(10));
  await until("they are shown", async () => (await messages(page)).length === 10);
  await hide(page, true);
  await room.play(flood(3_000), ["--rate", "10000"]);
  await until("all are stored", async () => await last(url) === 3_010);
  assert.equal((await messages(page)).length, 10, "nothing is drawn while nobody looks");
  await hide(page, false);
  await until("the newest is shown", async () => (await messages(page))[0] === "number 3000");
  const ids = await page.$$eval("tr.alert", (all) => all.map((row) => Number(row.dataset.id)));
  assert.deepEqual(ids, ids.map((_, n) => 3_010 - n));
  await room.play(flood(1));
  await until("it follows on", async () => (await messages(page))[0] === "number 1");
  await page.close();
});

test("a login that ended under an open page is asked for again", { timeout: 60_000 }, async () => {
  const room = newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  await room.run(["web", "user", "add", "ann", "--users", "users"], "correct horse\n");
  const first = await room.web(["--users", "users"]);
  const page = await open(setup.chrome, first.url, { allow: ["401 (Unauthorized)", "ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_FAILED", "EventSource"] });
  const logIn = async () => {
    await page.waitForSelector("#login[open]");
    await page.fill("#login input[name=name]", "ann");
    await page.fill("#login input[name=password]", "correct horse");
    await page.keyboard.press("Enter");
    await until("it is live", async () => await page.textContent("#state") === "live");
  };
  await logIn();
  // All logins end with the program.
  await first.end();
  // Only the stream learns of it: what is asked for now and then would do, too.
  await page.route(/v1\/(series|health)/, (route) => route.abort());
  await room.web(["--users", "users"], new URL(first.url).port);
  await page.waitForSelector("#login[open]");
  await page.unroute(/v1\/(series|health)/);
  await logIn();
  await page.waitForSelector("tr.alert, tr.flood");
  await page.close();
});
