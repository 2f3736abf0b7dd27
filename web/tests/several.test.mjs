// Several alerts are chosen in the list; what is done is done with exactly these, whatever comes or moves meanwhile.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, isAccessible, open, row, setUp, until, withMessage } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;
const [ping] = datagrams("v2919/icmp_ping");
const alerts = (count, from = 1) => Array.from({ length: count }, (_, n) => withMessage(ping, `number ${from + n}`));

const box = (page, text) => row(page, text).getByRole("checkbox");
const idsOf = (page, texts) => Promise.all(texts.map(async (text) => Number(await row(page, text).getAttribute("data-id"))));
const bar = (page) => page.getByRole("region", { name: "Chosen alerts" });
const says = (page, text) => until(`the bar says: ${text}`, async () => await bar(page).isVisible() && (await bar(page).locator("p").textContent()).trim() === text);
const boxes = (page) => page.locator("tr.alert .pick input").evaluateAll((all) => all.filter((one) => one.checked).map((one) => Number(one.closest("tr").dataset.id)));
const sorted = (ids) => [...ids].sort((a, b) => a - b);

/** The bodies of what a page posts to a path. */
function posts(page, path) {
  const all = [];
  page.on("request", (request) => { if (request.method() === "POST" && new URL(request.url()).pathname.endsWith(`/api/v1/${path}`)) all.push(request.postDataJSON()); });
  return all;
}

/** A page over a store with alerts, which is loaded. */
async function over(count, query = "?group=no", options = {}) {
  const room = newRoom();
  await room.store(alerts(count));
  const { url } = await room.web();
  const page = await open(setup.chrome, url + query, options);
  await page.waitForSelector("tr.alert");
  return { page, url };
}

const listed = async (url, query) => sorted((await (await fetch(`${url}api/v1/alerts?limit=1000&packet=no${query}`)).json()).alerts.map((one) => one.id));

test("keys choose alerts one by one and on, and what is done is undone", async () => {
  const { page, url } = await over(8);
  const asked = posts(page, "triage");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await says(page, "1 chosen");
  for (const pressed of ["j", "j", "Shift+J", "Shift+J", "Shift+J", "Shift+K"]) await page.keyboard.press(pressed);
  await says(page, "4 chosen");
  const wanted = await idsOf(page, ["number 8", "number 6", "number 5", "number 4"]);
  assert.deepEqual(await boxes(page), wanted);
  // It is said once, and not for each key.
  await until("it is said", async () => await page.textContent("#chosen-count") === "4 chosen ");
  await page.keyboard.press("e");
  await page.waitForSelector("text=4 alerts acknowledged.");
  assert.deepEqual(asked.map(({ ids }) => sorted(ids)), [sorted(wanted)]);
  assert.deepEqual(await listed(url, "&acknowledged=yes"), sorted(wanted));
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForSelector("text=4 alerts as before.");
  assert.deepEqual(await listed(url, "&acknowledged=yes"), []);
  await says(page, "4 chosen");
  await until("they still look chosen", async () => (await boxes(page)).length === 4);
  // To the bar and back.
  await page.keyboard.press("a");
  assert.equal(await page.evaluate(() => document.activeElement.closest("#chosen")?.id), "chosen");
  await page.keyboard.press("Escape");
  await bar(page).waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TR");
  assert.deepEqual(await boxes(page), []);
  await page.close();
});

test("clicks on checkboxes and with Shift choose alerts, and open none", async () => {
  const { page } = await over(8);
  const opacity = () => box(page, "number 6").evaluate((one) => getComputedStyle(one).opacity);
  assert.equal(await opacity(), "0");
  await row(page, "number 6").hover();
  assert.equal(await opacity(), "1");
  await box(page, "number 6").click();
  await says(page, "1 chosen");
  await row(page, "number 3").locator("td.time").click({ modifiers: ["Shift"] });
  await says(page, "4 chosen");
  await row(page, "number 8").locator("a.message").click({ modifiers: ["Shift"] });
  await says(page, "3 chosen");
  await box(page, "number 4").click();
  await says(page, "4 chosen");
  assert.deepEqual(await boxes(page), await idsOf(page, ["number 8", "number 7", "number 6", "number 4"]));
  await box(page, "number 2").click({ modifiers: ["Shift"] });
  await says(page, "6 chosen");
  await box(page, "number 8").click();
  await says(page, "5 chosen");
  assert.equal(new URL(page.url()).searchParams.get("alert"), null);
  assert.equal(await page.evaluate(() => String(getSelection())), "");
  assert.equal(page.context().pages().length, 1, "a window was opened");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await bar(page).waitFor({ state: "hidden" });
  await page.close();
});

test("those that are chosen stay the same while others come, and when they are listed no longer", async () => {
  const room = newRoom();
  const { url } = await room.live();
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await room.play(alerts(4));
  await row(page, "number 4").waitFor();
  const wanted = await idsOf(page, ["number 3", "number 1"]);
  const asked = posts(page, "triage");
  await box(page, "number 3").click();
  await box(page, "number 1").click();
  await page.mouse.move(0, 0);
  await room.play(alerts(2, 5));
  await row(page, "number 6").waitFor();
  assert.deepEqual(await boxes(page), wanted);
  await bar(page).getByRole("button", { name: "Star" }).click();
  await page.waitForSelector("text=2 alerts starred.");
  await page.mouse.move(0, 0);
  await room.play(alerts(150, 7));
  await row(page, "number 156").waitFor();
  await says(page, "2 chosen 2 no longer listed");
  await bar(page).getByRole("button", { name: "Acknowledge" }).click();
  await page.waitForSelector("text=2 alerts acknowledged.");
  assert.deepEqual(asked.map(({ ids }) => sorted(ids)), [sorted(wanted), sorted(wanted)]);
  assert.deepEqual(await listed(url, "&acknowledged=yes&starred=yes"), sorted(wanted));
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForSelector("text=2 alerts as before.");
  await until("the bar acknowledges them again", async () => await bar(page).getByRole("button", { name: "Acknowledge" }).getAttribute("aria-pressed") === "false");
  // What else is looked for has other alerts.
  await page.fill("#words", "number");
  await page.keyboard.press("Enter");
  await bar(page).waitFor({ state: "hidden" });
  await page.close();
});

test("a flood is chosen as a whole only where that is said, and without those that come later", async () => {
  const room = newRoom();
  const { url } = await room.live();
  const page = await open(setup.chrome, url);
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await room.play(Array.from({ length: 4 }, () => ping));
  const flood = (n) => page.getByRole("checkbox", { name: `Choose all ${n} of this flood: ` });
  await flood(4).waitFor();
  const before = await listed(url, "");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await says(page, "4 chosen 4 of them in 1 flood");
  assert.ok(await flood(4).isChecked());
  await room.play([ping]);
  await flood(5).waitFor();
  await says(page, "4 chosen 4 of them in 1 flood");
  assert.ok(await flood(5).evaluate((one) => one.indeterminate));
  await page.keyboard.press("e");
  await page.waitForSelector("text=4 alerts acknowledged.");
  assert.deepEqual(await listed(url, "&acknowledged=yes"), before);
  // Each of an open one is chosen by itself.
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "5×" }).click();
  await page.locator("tr.alert .pick input").nth(1).click();
  await says(page, "1 chosen");
  assert.ok(await flood(5).evaluate((one) => one.indeterminate && !one.checked));
  // A range to its head chooses those between, and not those below.
  for (const wanted of ["2 chosen", "2 chosen"]) {
    await page.keyboard.press("Shift+K");
    await says(page, wanted);
  }
  assert.equal(await page.evaluate(() => document.activeElement.className.split(" ")[0]), "flood");
  await isAccessible(page, "an alert of a flood is chosen");
  await page.close();
});

test("those that are chosen are commented on, downloaded and copied", async () => {
  const { page, url } = await over(6);
  for (const text of ["number 5", "number 2"]) await box(page, text).click();
  const wanted = sorted(await idsOf(page, ["number 5", "number 2"]));
  await bar(page).getByRole("button", { name: "Comment…" }).click();
  const dialog = page.getByRole("dialog", { name: "Comment on 2 alerts" });
  await isAccessible(page, "a comment on several");
  await dialog.getByLabel("The same comment on each").fill("one scan");
  await dialog.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("text=2 alerts commented on.");
  assert.deepEqual(await listed(url, "&comment=one+scan"), wanted);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForSelector("text=2 comments removed.");
  assert.deepEqual(await listed(url, "&comment="), []);

  const file = async (format) => {
    const [download] = await Promise.all([page.waitForEvent("download"), bar(page).getByLabel("Download the chosen alerts").selectOption(format)]);
    return { name: download.suggestedFilename(), bytes: fs.readFileSync(await download.path()) };
  };
  const json = await file("json");
  assert.equal(json.name, "alerts.json");
  assert.deepEqual(json.bytes.toString().trim().split("\n").map((line) => JSON.parse(line).msg), ["number 5", "number 2"]);
  const pcapng = await file("pcapng");
  assert.equal(pcapng.name, "alerts.pcapng");
  assert.equal(pcapng.bytes.readUInt32LE(0), 0x0a0d0d0a);
  await bar(page).getByRole("button", { name: "Copy ids" }).click();
  await page.waitForSelector("text=2 ids copied.");
  assert.deepEqual(sorted((await page.evaluate(() => navigator.clipboard.readText())).split(",").map(Number)), wanted);
  await bar(page).getByRole("button", { name: "Clear" }).click();
  await bar(page).waitFor({ state: "hidden" });
  await page.close();
});

test("who may only look chooses what to download", async () => {
  const { page } = await over(3);
  await page.route("**/api/v1/session", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ json: { ...await answer.json(), role: "read-only" } });
  });
  await page.reload();
  await page.waitForSelector("body.read-only tr.alert");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await says(page, "1 chosen");
  assert.deepEqual(await bar(page).getByRole("button").allTextContents(), ["Copy ids", "Clear Esc"]);
  for (const name of ["Noise…", "Acknowledge all…"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  await page.keyboard.press("a");
  assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Download the chosen alerts");
  await page.close();
});

test("the bar hides no row, wide and narrow, and can be touched", async () => {
  for (const [width, scheme, touch] of [[360, "dark", true], [360, "light", true], [1280, "dark", false]]) {
    const { page } = await over(30, "?group=no", { width, height: 640, scheme, touch });
    if (touch) assert.equal(await box(page, "number 29").evaluate((one) => getComputedStyle(one).opacity), "1");
    const { width: wide, height } = await row(page, "number 29").locator(".pick label").boundingBox();
    assert.ok(wide >= 24 && height >= 24, `${wide}×${height}`);
    await box(page, "number 29").click();
    await box(page, "number 28").click();
    await says(page, "2 chosen");
    await isAccessible(page, `2 chosen, ${width} ${scheme}`);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `at ${width} the page is ${overflow} pixels too wide`);
    const top = async () => (await bar(page).boundingBox()).y;
    assert.ok(await top() > 640 * 0.7, `at ${width} the bar begins at ${await top()}`);
    // What is said then is above the bar, whose buttons stay where they are.
    const before = await top();
    await bar(page).getByRole("button", { name: "Star" }).click();
    const [said, undo] = [page.locator("#toast p"), page.locator("#toast button")];
    await said.filter({ hasText: "2 alerts starred." }).waitFor();
    const { y, height: high } = await said.boundingBox();
    assert.equal(await top(), before);
    assert.ok(y + high <= before, `at ${width} what is said ends at ${y + high}, and the bar begins at ${before}`);
    assert.ok((await undo.boundingBox()).height < 40, "Undo takes two lines");
    // Keys that go down show each row above the bar.
    for (let n = 0; n < 29; n += 1) await page.keyboard.press("j");
    const last = await row(page, "number 1").boundingBox();
    assert.ok(last.y + last.height <= y + 1, `at ${width} the last row ends at ${last.y + last.height}, and what is said begins at ${y}`);
    await page.close();
  }
});
