// Many tabs of one browser: those that nobody looks at take no connection from the others.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, messages, open, setUp, until, withMessage, withSid } from "./harness.mjs";

const setup = setUp();
const [ping] = datagrams("v2919/icmp_ping");
const alerts = (count, from = 1) => Array.from({ length: count }, (_, n) => withMessage(withSid(ping, 1_000_000 + from + n), `number ${from + n}`));

/** What a browser says of a tab that nobody looks at. */
const hide = (page, hidden) => page.evaluate((is) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => is });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

const streams = async (url) => (await (await fetch(`${url}api/v1/health`)).json()).streams.open;

test("a seventh tab of a browser loads, and a hidden one misses nothing", { timeout: 120_000 }, async () => {
  const room = setup.newRoom();
  const { url } = await room.live();
  await room.play(alerts(3));
  const first = await open(setup.chrome, `${url}?group=no`);
  await first.waitForSelector("tr.alert");
  const others = [];
  for (let n = 0; n < 5; n += 1) {
    const page = await first.context().newPage();
    await page.goto(`${url}?group=no`);
    await page.waitForSelector("tr.alert");
    others.push(page);
  }
  await until("all follow", async () => await streams(url) === 6);
  for (const page of [first, ...others]) await hide(page, true);
  await until("none follows", async () => await streams(url) === 0);
  const seventh = await first.context().newPage();
  await seventh.goto(url);
  await seventh.waitForSelector("tr.alert, tr.flood");
  await room.play(alerts(2, 4));
  assert.deepEqual((await messages(first)).slice(0, 1), ["number 3"]);
  await hide(first, false);
  await until("what is new is there, once", async () => (await messages(first)).join() === "number 5,number 4,number 3,number 2,number 1");
  await until("it is live", async () => await first.textContent("#state") === "live");
  await room.play(alerts(1, 6));
  await until("it follows on", async () => (await messages(first)).join() === "number 6,number 5,number 4,number 3,number 2,number 1");
  // Who comes back at once has lost nothing.
  await hide(first, true);
  await hide(first, false);
  assert.equal(await first.textContent("#state"), "live");
  await first.close();
});
