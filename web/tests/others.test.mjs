// What others do with alerts is seen on a page that is open, and moves nothing that its reader has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, messages, open, row, setUp, until, withMessage, withSid } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;
const [ping] = datagrams("v2919/icmp_ping");
const alerts = (count) => Array.from({ length: count }, (_, n) => withMessage(withSid(ping, 1_000_000 + n), `number ${n + 1}`));


/** A store with alerts, and what another analyst does there. */
async function over(count) {
  const room = newRoom();
  await room.store(alerts(count));
  const { url } = await room.web();
  const { csrf } = await (await fetch(`${url}api/v1/session`)).json();
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  const post = async (path, body) => (await fetch(`${url}api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  return { room, url, post };
}

test("marks and comments of others are seen within seconds, and what they undo", async () => {
  const { url, post } = await over(6);
  for (const query of ["?group=no", "?group=no&until=2099-01-01"]) {
    const page = await open(setup.chrome, url + query);
    await row(page, "number 4").waitFor();
    const loads = [];
    page.on("request", (request) => { if (new URL(request.url()).pathname.endsWith("/alerts")) loads.push(request.url()); });
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const { action } = await post("triage", { ids: [4, 5], mark: "acknowledged", set: true });
    const star = await post("triage", { ids: [4], mark: "starred", set: true });
    await page.waitForSelector("tr.alert.acknowledged[data-id='4'] button[aria-label=Star][aria-pressed=true]");
    await page.waitForSelector("tr.alert.acknowledged[data-id='5']");
    // The row of the keys was drawn anew.
    assert.deepEqual(await page.$$eval("tr.selected", (all) => all.map((one) => one.dataset.id)), ["5"]);
    assert.equal(await page.evaluate(() => document.activeElement.dataset.id), "5");
    await post("triage/undo", { action });
    await post("triage/undo", { action: star.action });
    await until("they are as before", async () => await page.locator("tr.acknowledged, tr.alert button[aria-pressed=true]").count() === 0);
    assert.deepEqual(loads, []);
    await page.close();
  }
});

test("what others acknowledge leaves the list where that is hidden, and no key meets its neighbour", async () => {
  const { url, post } = await over(6);
  const page = await open(setup.chrome, `${url}?group=no&acknowledged=no`);
  await row(page, "number 4").waitFor();
  await until("it is live", async () => await page.textContent("#state") === "live");
  for (const pressed of ["j", "j", "j"]) await page.keyboard.press(pressed);
  const { action } = await post("triage", { ids: [4], mark: "acknowledged", set: true });
  await row(page, "number 4").waitFor({ state: "detached" });
  assert.equal(await page.locator("tr.selected").count(), 0);
  await page.keyboard.press("e");
  await page.waitForSelector("text=Choose an alert first");
  assert.deepEqual(await messages(page), ["number 6", "number 5", "number 3", "number 2", "number 1"]);
  await page.keyboard.press("j");
  assert.deepEqual(await page.$$eval("tr.selected", (all) => all.map((one) => one.dataset.id)), ["3"]);
  await post("triage/undo", { action });
  await row(page, "number 4").waitFor();
  assert.deepEqual(await messages(page), ["number 6", "number 5", "number 4", "number 3", "number 2", "number 1"]);
  assert.deepEqual(await page.$$eval("tr.selected", (all) => all.map((one) => one.dataset.id)), ["3"]);
  // A list that is paused holds still, and catches up.
  await page.keyboard.press("p");
  await post("triage", { ids: [5], mark: "acknowledged", set: true });
  await page.waitForSelector("tr.alert.acknowledged[data-id='5']");
  await page.keyboard.press("p");
  await row(page, "number 5").waitFor({ state: "detached" });
  // Once none is left, that is said.
  await post("triage", { ids: [1, 2, 3, 4, 6], mark: "acknowledged", set: true });
  await page.waitForSelector("text=No alerts found");
  await page.close();
});

test("an open alert shows what others say of it, and a draft stays", async () => {
  const { url, post } = await over(3);
  for (const query of ["?alert=2", "?alert=2&view=overview"]) {
    const page = await open(setup.chrome, url + query);
    const text = page.locator("#comments textarea");
    await text.fill("my own");
    await post("triage", { ids: [2], mark: "starred", set: true });
    await page.locator("#detail").getByRole("button", { name: "Starred ★" }).waitFor();
    const { ids } = await post("comments", { ids: [2], text: "from another one" });
    await page.waitForSelector("#comments .text:text('from another one')");
    assert.equal(await text.inputValue(), "my own");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
    await post("comments/remove", { ids });
    await page.waitForSelector("#comments .text", { state: "detached" });
    await post("triage", { ids: [2], mark: "starred", set: false });
    await page.locator("#detail").getByRole("button", { name: "Star ☆" }).waitFor();
    await page.close();
  }
});
