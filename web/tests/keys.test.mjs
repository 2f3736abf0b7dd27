// Keys change no alert that nobody chose.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, idOf, open, row, setUp, triaged, until, withMessage, withSid } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;
const [ping] = datagrams("v2919/icmp_ping");
const alerts = (count, from = 1) => Array.from({ length: count }, (_, n) => withMessage(withSid(ping, 1_000_000 + from + n), `number ${from + n}`));

const chosen = (page) => page.$$eval("tr.selected .message", (all) => all.map((one) => one.textContent));

test("keys change nothing before an alert was chosen, and begin at the newest", async () => {
  const room = newRoom();
  const { url } = await room.live();
  await room.play(alerts(3));
  for (const [n, query] of ["?group=no", `?filter=${encodeURIComponent("alert.proto == \"ICMP\"")}`].entries()) {
    const page = await open(setup.chrome, url + query);
    const [asked, newest] = [triaged(page), `number ${5 + 2 * n}`];
    await row(page, "number 3").waitFor();
    await until("it is live", async () => await page.textContent("#state") === "live");
    await room.play(alerts(2, 4 + 2 * n));
    await row(page, newest).waitFor();
    for (const pressed of ["e", "s", "x"]) {
      await page.evaluate(() => document.querySelector("#toast").replaceChildren());
      await page.keyboard.press(pressed);
      assert.match(await page.locator("#toast").textContent(), /^Choose an alert first: j and k go to one/, pressed);
    }
    assert.deepEqual(await chosen(page), []);
    await page.keyboard.press("j");
    assert.deepEqual(await chosen(page), [newest]);
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("s");
    await until("it was starred", () => asked.length === 1);
    assert.deepEqual(asked, [[await idOf(page, newest)]]);
    await page.close();
  }
});

test("before a flood was chosen, keys don't change it", async () => {
  const room = newRoom();
  await room.store(Array.from({ length: 5 }, () => ping));
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  const asked = triaged(page);
  await page.waitForSelector("tr.flood");
  await page.keyboard.press("e");
  await page.waitForSelector("text=Choose an alert first");
  assert.deepEqual(asked, []);
  // Shift chooses from the first one on.
  await page.keyboard.press("Shift+J");
  await page.waitForSelector("tr.flood.chosen.selected");
  await page.close();
});

test("an alert that is open in the address is the one that keys are about, also once it is closed", async () => {
  const room = newRoom();
  await room.store(alerts(4));
  const { url } = await room.web();
  const page = await open(setup.chrome, `${url}?group=no&alert=2`);
  const asked = triaged(page);
  await page.waitForSelector("#packet");
  await page.waitForSelector("tr.shown");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#detail", { state: "hidden" });
  await page.keyboard.press("s");
  await until("it was starred", () => asked.length === 1);
  assert.deepEqual(asked, [[await idOf(page, "number 2")]]);
  await page.close();
});

test("keys stay with a flood that grows while another alert comes above it", async () => {
  const room = newRoom();
  const flood = () => withMessage(withSid(ping, 77), "flood");
  const { url } = await room.live();
  await room.play([...alerts(1, 11), flood(), flood(), flood()]);
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.flood");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await page.keyboard.press("j");
  assert.deepEqual(await chosen(page), ["flood"]);
  await room.play([flood(), ...alerts(1, 12)]);
  await row(page, "number 12").waitFor();
  assert.deepEqual(await chosen(page), ["flood"]);
  assert.equal(await page.evaluate(() => document.activeElement.className.includes("flood")), true);
  await page.close();
});
