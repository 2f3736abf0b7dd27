// The latest actions, undone from the page; and a page that may change nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, open, setUp, until } from "./harness.mjs";

const setup = setUp();
const { room } = setup;

test("an action is undone after the page was loaded again", async () => {
  await room.store(datagrams("v2919/icmp_ping"));
  const { url } = await room.web();
  const acknowledged = async () => (await (await fetch(`${url}api/v1/alerts?limit=1000&acknowledged=yes`)).json()).alerts.length;
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert, tr.flood");
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Acknowledge \d/ }).click();
  await until("all are acknowledged", async () => await acknowledged() === datagrams("v2919/icmp_ping").length);
  await page.reload();
  await page.waitForSelector("tr.alert, tr.flood");
  await page.getByRole("button", { name: "Latest actions" }).click();
  await page.waitForSelector("#actions[open] li button");
  await isAccessible(page, "latest actions");
  await page.getByRole("button", { name: "Undo action 1" }).click();
  await page.waitForSelector("#actions li:has-text('undone by local')");
  assert.equal(await acknowledged(), 0);
  await page.getByRole("button", { name: "Close" }).click();
  assert.ok(await page.getByRole("button", { name: "Acknowledge all" }).isVisible());
  await page.close();
});

test("what is said while a dialog is open is said in it, and above it", async () => {
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert, tr.flood");
  await page.getByRole("button", { name: "Noise" }).click();
  const dialog = page.getByRole("dialog", { name: "Noise" });
  await dialog.locator("textarea").fill("msg.sig_id == 4711");
  await dialog.getByRole("button", { name: "Add" }).click();
  // The rest of the page has no role while a dialog is open.
  const said = dialog.getByRole("status").filter({ hasText: "are acknowledged from now on" });
  await said.waitFor();
  const isOnTop = await said.evaluate((region) => {
    const { x, y, width, height } = /** @type {Element} */ (region.firstElementChild).getBoundingClientRect();
    return region.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  });
  assert.ok(isOnTop, "something hides it");
  await isAccessible(page, "noise");
  await dialog.getByRole("button", { name: "remove" }).click();
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.waitForSelector("body > #toast");
  await page.close();
});

test("a page over a store that can't be written says so, and offers no change", async () => {
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ json: { ...await answer.json(), can_triage: false, triage_problem: "cannot write the store" } });
  });
  await page.reload();
  await page.waitForSelector("tr.alert, tr.flood");
  await page.locator(".reason", { hasText: "can't be marked: cannot write the store" }).waitFor();
  assert.ok(!await page.getByRole("button", { name: "Acknowledge all" }).isVisible());
  await isAccessible(page, "no change");
  await page.close();
});

test("the latest actions of a store are not undone in another one", async () => {
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert, tr.flood");
  const stores = [];
  await page.route("**/api/v1/triage/actions*", (route) => route.fulfill({ json: { store: "0123456789abcdef", actions: [{ id: 1, at: new Date().toISOString(), by: "ann", mark: "starred", set: true, alerts: 3, undoable: true }] } }));
  await page.route("**/api/v1/triage/undo*", (route) => {
    stores.push(new URL(route.request().url()).searchParams.get("store"));
    return route.fulfill({ json: { alerts: 0 } });
  });
  await page.getByRole("button", { name: "Latest actions" }).click();
  await page.getByRole("button", { name: "Undo action 1" }).click();
  await until("it was asked for", async () => stores.length === 1);
  assert.deepEqual(stores, ["0123456789abcdef"]);
  await page.close();
});

test("what is asked for of an alert names its store", async () => {
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert, tr.flood");
  const asked = [];
  page.on("request", (request) => { if (/alerts\/1(\/|\?|$)/.test(request.url())) asked.push(request.url()); });
  await page.goto(`${url}?alert=1`);
  await page.waitForSelector("#packet");
  const { store } = await (await fetch(`${url}api/v1/alerts?limit=1`)).json();
  assert.ok((await page.getAttribute("a[href*='packet']", "href")).endsWith(`store=${store}`));
  await until("the rule was asked for", async () => asked.some((one) => one.endsWith(`rule?store=${store}`)));
  await page.close();
});
