// Used by keyboard and with a screen reader: where the focus goes, and that nothing is lost or hidden.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, open, setUp, until, withPriority } from "./harness.mjs";

let url;
const setup = setUp(async (room) => {
  await room.store(["v2919/http", "v2919/dns", "v2919/portscan", "v3122/sip"].flatMap(datagrams));
  ({ url } = await room.web());
});

/** What has the focus: its name, and the alert of its row. */
const focused = (page) => page.evaluate(() => {
  const active = document.activeElement;
  return `${active.tagName} ${active.closest("[data-id]")?.dataset.id ?? ""}`.trim();
});

const list = async (query = "?group=no", how = {}) => {
  const page = await open(setup.chrome, url + query, how);
  await page.waitForSelector("tr.alert");
  return page;
};

test("an alert that is closed gives the focus back to its row", async () => {
  const page = await list();
  const link = page.locator("tr.alert a.message").nth(1);
  const id = await page.locator("tr.alert").nth(1).getAttribute("data-id");
  for (const close of [() => page.keyboard.press("Escape"), () => page.getByRole("button", { name: "Close the alert" }).click()]) {
    await link.focus();
    await page.keyboard.press("Enter");
    await until("its heading has the focus", async () => await focused(page) === "H2");
    await close();
    await page.waitForSelector("#detail", { state: "hidden" });
    assert.equal(await focused(page), `A ${id}`);
  }
  await page.close();
});

test("what is drawn anew gives the focus back", async () => {
  const page = await list();
  const row = page.locator("tr.alert").nth(2);
  const id = await row.getAttribute("data-id");
  await row.getByRole("button", { name: "Acknowledge" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(`tr.acknowledged[data-id="${id}"]`);
  assert.equal(await focused(page), `BUTTON ${id}`);
  // It is there as long as it has the focus; then the focus goes to the list.
  await page.getByRole("button", { name: "Undo" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(`tr.alert:not(.acknowledged)[data-id="${id}"]`);
  await until("the list has the focus", async () => await focused(page) === "MAIN");
  await page.getByRole("link", { name: "Overview" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(".card");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Overview");
  await page.goto(`${url}?src=192.168.10.21&proto=TCP`);
  await page.waitForSelector(".chip");
  for (const left of ["BUTTON", "MAIN"]) {
    await page.locator(".chip").first().getByRole("button").last().focus();
    await page.keyboard.press("Enter");
    await until(`${left} has the focus`, async () => await focused(page) === left);
  }
  await page.close();
});

test("an alert that is starred keeps a comment that is being written, and what is open", async () => {
  const page = await list();
  await page.locator("tr.alert a.message").first().click();
  await page.waitForSelector("#related article, #related:empty");
  await page.fill("#comments textarea", "half a com");
  const first = page.locator(".layers details").first();
  await first.locator("summary").click();
  assert.equal(await first.getAttribute("open"), "");
  const star = page.locator("#detail").getByRole("button", { name: "Star" });
  await star.focus();
  const before = await page.evaluate(() => document.querySelector("#detail").scrollTop);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail button[aria-pressed='true']");
  assert.equal(await page.inputValue("#comments textarea"), "half a com");
  assert.equal(await first.getAttribute("open"), "");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Starred ★");
  assert.equal(await page.evaluate(() => document.querySelector("#detail").scrollTop), before);
  await page.locator("#comments button", { hasText: "Add" }).click();
  await page.waitForSelector("#comments .text");
  assert.equal(await page.inputValue("#comments textarea"), "");
  assert.equal(await focused(page), "TEXTAREA");
  await page.close();
});

test("what is said hides nothing of an open alert, wide and narrow", async () => {
  for (const width of [1280, 360]) {
    const page = await list("?group=no", { width, height: 640 });
    await page.locator("tr.alert a.message").first().click();
    const text = page.locator("#comments textarea");
    await text.focus();
    await text.evaluate((area) => area.scrollIntoView({ block: "end" }));
    // The key is about the alert only while nothing is typed.
    await page.locator("#detail h2").evaluate((heading) => heading.focus({ preventScroll: true }));
    await page.keyboard.press("s");
    const said = page.locator("#toast p");
    await said.waitFor();
    const [pane, toast] = [await page.locator("#detail").boundingBox(), await said.boundingBox()];
    assert.ok(pane.y + pane.height <= toast.y, `${width}: ${JSON.stringify([pane, toast])}`);
    assert.ok(toast.y + toast.height <= 640 && toast.x >= 0 && toast.x + toast.width <= width, `${width}: ${JSON.stringify(toast)}`);
    await text.focus();
    await text.evaluate((area) => area.scrollIntoView({ block: "nearest" }));
    const box = await text.boundingBox();
    assert.ok(box.y + box.height <= toast.y, `${width}: ${JSON.stringify([box, toast])}`);
    await page.keyboard.type("seen");
    assert.equal(await text.inputValue(), "seen");
    await isAccessible(page, `said at ${width}`);
    await page.close();
  }
});

test("priorities have the same words in the list, the bar, the menu and the completion, and lead to their alerts", async () => {
  const page = await list("");
  const shown = page.locator("figcaption .level");
  await shown.first().waitFor();
  const keys = await shown.evaluateAll((all) => all.map((one) => one.textContent));
  assert.ok(keys.some((one) => / very low$/.test(one)) && keys.some((one) => / unknown$/.test(one)) && keys.some((one) => / priority \d+$/.test(one)), keys.join());
  for (const [word, priority] of [["very low", "4"], ["unknown", "0"]]) {
    await page.goto(url);
    const key = shown.filter({ hasText: new RegExp(` ${word}$`) });
    const [count] = (await key.textContent()).split(" ");
    await key.getByRole("button").click();
    await page.getByRole("menu", { name: `priority ${word}` }).waitFor();
    await page.getByRole("menuitem", { name: `Only priority ${word}` }).click();
    await page.waitForURL((at) => at.searchParams.get("priority") === priority);
    assert.match(await page.textContent(".chips"), new RegExp(`^priority ${word}`));
    await until(`all ${count} of ${word}`, async () => await page.locator("figcaption .legend").textContent().then((text) => new RegExp(`^${count} alerts?:`).test(text ?? "")));
    // Without them, none of them is left.
    await page.locator(".chip button").first().click();
    await page.waitForURL((at) => at.searchParams.get("not") === `priority:${priority}`);
    await until(`none of ${word}`, async () => !(await shown.allTextContents()).some((text) => text.endsWith(` ${word}`)));
  }
  await page.goto(url);
  await page.fill("#words", "priority:ve");
  await page.locator("#words-list li", { hasText: "very low" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL((at) => at.searchParams.get("priority") === "4");
  await page.close();
});

test("priorities that have no word have a colour and a border of their own, behind one key", async () => {
  const room = setup.newRoom();
  const [ping] = datagrams("v2919/icmp_ping");
  await room.store([0, 3, 4, 5, 9].map((priority) => withPriority(ping, priority)));
  const { url: of } = await room.web();
  for (const scheme of ["light", "dark"]) {
    const page = await open(setup.chrome, of, { scheme });
    const looks = async (priority) => {
      await page.goto(`${of}?priority=${priority}`);
      const badge = page.locator("td.level .priority").first();
      await badge.waitFor();
      await isAccessible(page, `priority ${priority}, ${scheme}`);
      return badge.evaluate((one) => { const { color, borderTopStyle } = getComputedStyle(one); return { color, border: borderTopStyle }; });
    };
    const [low, veryLow, five, nine, unknown] = [await looks(3), await looks(4), await looks(5), await looks(9), await looks(0)];
    assert.equal(new Set([low, veryLow, five, unknown].map(({ color }) => color)).size, 4, JSON.stringify([low, veryLow, five, unknown]));
    assert.deepEqual(five, nine);
    assert.deepEqual([veryLow.border, five.border, unknown.border], ["solid", "dashed", "dotted"]);
    await page.goto(of);
    const key = page.locator("figcaption .key.p5");
    await key.waitFor();
    assert.equal(await key.count(), 1);
    assert.match((await page.textContent("figcaption .legend")) ?? "", /below very low: 1 priority 5, 1 priority 9/);
    const fills = await page.$$eval(".bars g rect", (all) => Object.fromEntries(all.map((one) => [one.getAttribute("class"), getComputedStyle(one).fill])));
    assert.notEqual(fills.p5, fills.p4);
    await page.close();
  }
});

test("the number beside Filters is that of what is chosen", async () => {
  const page = await list("?src=192.168.10.21&proto=TCP", { width: 360 });
  assert.equal(await page.getByRole("button", { name: "Filters" }).textContent(), "Filters (2)");
  await page.close();
});

test("an alert that can't be shown says so in a heading, which has the focus", async () => {
  const page = await open(setup.chrome, `${url}?alert=99999`, { allow: ["404 (Not Found)"] });
  await page.getByRole("heading", { name: "Alert 99999 can't be shown" }).waitFor();
  assert.equal(await focused(page), "H2");
  await isAccessible(page, "no alert");
  await page.close();
});

test("who may only look can close the dialogue about noise", async () => {
  const page = await list();
  await page.getByRole("button", { name: "Noise…" }).click();
  await page.waitForSelector("#noise[open]");
  // As the page is for a user with the role read-only, who has logged in meanwhile.
  await page.evaluate(() => document.body.classList.add("read-only"));
  await page.locator("#noise").getByRole("button", { name: "Close" }).click();
  await page.waitForSelector("#noise", { state: "hidden" });
  await page.close();
});

test("a printed list has the alerts and what was chosen, and no controls", async () => {
  const page = await list("?proto=TCP");
  await page.emulateMedia({ media: "print" });
  const visible = await page.$$eval("nav, form[role=search], .tools, td.acts, #state, .chip button[aria-label]", (all) => all.filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 60)));
  assert.deepEqual(visible, []);
  assert.ok(await page.locator("tr.alert, tr.flood").first().isVisible());
  assert.ok(await page.locator(".chip").isVisible());
  await page.close();
});

test("the shown row has one ground, also where it is a card", async () => {
  const page = await list("?group=no", { width: 360 });
  await page.locator("tr.alert a.message").first().click();
  const grounds = await page.locator("tr.shown").evaluate((row) => [row, ...row.querySelectorAll("td")].map((one) => getComputedStyle(one).backgroundColor));
  assert.notEqual(grounds[0], "rgba(0, 0, 0, 0)");
  assert.deepEqual([...new Set(grounds.slice(1))], ["rgba(0, 0, 0, 0)"]);
  await page.close();
});

test("each table of the health has a name", async () => {
  const page = await open(setup.chrome, `${url}?view=health`);
  await page.waitForSelector("main table");
  const unnamed = await page.$$eval("main table", (all) => all.filter((one) => !one.ariaLabel && !one.caption).length);
  assert.equal(unnamed, 0);
  await page.close();
});

test("the health's tables are read at 360 px without scrolling sideways", async () => {
  const room = setup.newRoom();
  const live = await room.live(["--data-handler", "exec", "exec.command=false", "exec.durable=true"]);
  await room.play(datagrams("v2919/icmp_ping"));
  const page = await open(setup.chrome, `${live.url}?view=health`, { width: 360, height: 740 });
  await page.locator("article:has(h2:text('Dead letters')) tbody tr").first().waitFor();
  const cut = await page.$$eval("main tbody :is(th, td), main .card", (all) => all.filter((one) => one.getBoundingClientRect().right > innerWidth || one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent.slice(0, 60)));
  assert.deepEqual(cut, []);
  // A cell says what it is about, and is still one for those who listen.
  const cells = page.getByRole("table", { name: "Counters" }).getByRole("row").last().getByRole("cell");
  assert.equal(await cells.count(), 3);
  assert.equal(await cells.first().evaluate((cell) => getComputedStyle(cell, "::before").content.includes("all")), true);
  await isAccessible(page, "narrow health");
  await page.close();
});

test("no card of the health is cut where there is room", async () => {
  const room = setup.newRoom();
  const live = await room.live(["--data-handler", "exec", "exec.command=false", "exec.durable=true"]);
  await room.play(datagrams("v2919/icmp_ping"));
  for (const width of [1280, 1024, 720]) {
    const page = await open(setup.chrome, `${live.url}?view=health`, { width });
    await page.locator("article:has(h2:text('Dead letters')) tbody tr").first().waitFor();
    const cut = await page.$$eval("main .card", (all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.querySelector("h2").textContent));
    assert.deepEqual(cut, [], `at ${width}`);
    await page.close();
  }
});

test("an overview of nothing says so once, and leads back to all alerts", async () => {
  const page = await open(setup.chrome, `${url}?view=overview&text=nothing-at-all`);
  await page.getByText("No alerts found.").waitFor();
  assert.equal(await page.locator(".card").count(), 0);
  await isAccessible(page, "nothing");
  await page.getByRole("button", { name: "Show all alerts" }).click();
  await page.locator(".card").first().waitFor();
  await page.waitForURL((at) => at.searchParams.get("view") === "overview" && !at.searchParams.has("text"));
  await page.close();
});
