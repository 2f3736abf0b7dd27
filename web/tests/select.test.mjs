// What keys and clicks are about: the alert that somebody looks at, whatever comes or goes meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, idOf, messages, open, row, setUp, triaged, until, withMessage } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;
const [ping] = datagrams("v2919/icmp_ping");
const alerts = (count, from = 1) => Array.from({ length: count }, (_, n) => withMessage(ping, `number ${from + n}`));

const closed = (page) => page.waitForSelector("#detail", { state: "hidden" });

test("keys are about the alert that was clicked", async () => {
  const room = newRoom();
  await room.store(alerts(6));
  const { url } = await room.web();
  const page = await open(setup.chrome, `${url}?group=no`);
  const asked = triaged(page);
  await row(page, "number 3").locator("td.time").click();
  await page.waitForSelector("#packet");
  await page.keyboard.press("Escape");
  await closed(page);
  await page.keyboard.press("e");
  await until("it was acknowledged", () => asked.length === 1);
  assert.deepEqual(asked, [[await idOf(page, "number 3")]]);
  await page.close();
});

test("keys stay with an alert that was marked while it was open", async () => {
  const room = newRoom();
  await room.store(alerts(6));
  const { url } = await room.web();
  const page = await open(setup.chrome, `${url}?group=no`);
  const asked = triaged(page);
  await page.waitForSelector("tr.alert");
  for (const pressed of ["j", "j", "j", "Enter"]) await page.keyboard.press(pressed);
  await page.waitForSelector("#packet");
  const id = Number(new URL(page.url()).searchParams.get("alert"));
  const starred = async () => Boolean((await (await fetch(`${url}api/v1/alerts/${id}`)).json()).triage?.starred);
  await page.keyboard.press("s");
  await until("it is starred", starred);
  await page.waitForSelector(`tr.alert[data-id="${id}"] button[aria-pressed=true]`);
  await page.keyboard.press("Escape");
  await closed(page);
  await page.keyboard.press("s");
  await until("it isn't any more", async () => !await starred());
  // The server may know of a request before this does.
  await until("two were seen", () => asked.length === 2);
  assert.deepEqual(asked, [[id], [id]]);
  await page.close();
});

test("no alert goes from below the pointer that is about to mark it", async () => {
  const room = newRoom();
  const { url } = await room.live();
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await room.play(alerts(3));
  await row(page, "number 3").waitFor();
  const [id, asked] = [await idOf(page, "number 2"), triaged(page)];
  const button = await row(page, "number 2").getByRole("button", { name: "Acknowledge" }).boundingBox();
  const [x, y] = [button.x + button.width / 2, button.y + button.height / 2];
  await page.mouse.move(x, y);
  await room.play(alerts(2, 4));
  await page.getByRole("button", { name: "2 new" }).waitFor();
  await page.mouse.down();
  await page.mouse.up();
  await until("it was acknowledged", () => asked.length === 1);
  assert.deepEqual(asked, [[id]]);
  await page.mouse.move(0, 0);
  await until("the others are listed", async () => (await messages(page))[0] === "number 5");
  await page.close();
});

test("when the last alert that is not acknowledged is, the page says that there is none", async () => {
  const room = newRoom();
  await room.store(alerts(1));
  const { url } = await room.web();
  const page = await open(setup.chrome, `${url}?acknowledged=no`);
  await page.waitForSelector("tr.alert");
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.waitForSelector("text=No alerts found");
  await until("no bar is there", async () => await page.locator(".histogram").count() === 0);
  await page.close();
});

test("a flood shows that all of it are acknowledged, and how many are starred", async () => {
  const room = newRoom();
  await room.store(Array.from({ length: 4 }, () => ping));
  const { url } = await room.web();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.flood");
  await page.keyboard.press("j");
  await page.keyboard.press("s");
  await page.waitForSelector("tr.flood:has-text('★4')");
  await page.keyboard.press("e");
  await page.waitForSelector("tr.flood.acknowledged");
  await page.reload();
  await page.waitForSelector("tr.flood.acknowledged:has-text('★4')");
  await page.close();
});
