// Numbers: each one leads to as many alerts, also to those without a value, and is as new as the list.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, messages, open, setUp, until, withMessage, withPriority, withSid } from "./harness.mjs";

let url;
const setup = setUp(async (room) => {
  await room.store(["v2919/http", "v2919/icmp_ping", "v2919/arp", "v2919/portscan", "v3122/sip", "v3122/http"].flatMap(datagrams));
  ({ url } = await room.web());
});

/** How many alerts the page has, as its histogram says; nothing while it is loading. */
const shown = (page) => page.evaluate(() => (document.querySelector("main").dataset.busy ? undefined : Number(/^([\d,]+) alert/.exec(document.querySelector("[role=slider]")?.ariaLabel ?? "")?.[1].replaceAll(",", ""))));
const card = (page, title) => page.locator("article.card", { has: page.getByRole("heading", { name: title }) });
const loaded = async (page) => { await page.waitForSelector("article.card li"); await page.waitForFunction(() => !document.querySelector("main").dataset.busy); };

test("each number of the overview is that of the alerts that a click lists", { timeout: 300_000 }, async () => {
  const page = await open(setup.chrome, `${url}?view=overview`);
  await loaded(page);
  const titles = await page.locator("article.card h2").allTextContents();
  for (const title of titles) {
    const lines = card(page, title).locator("li");
    for (let n = 0; n < await lines.count(); n += 1) {
      const line = lines.nth(n);
      const [what, alerts] = [await line.locator(".what").textContent(), Number((await line.locator(".n").textContent()).replaceAll(",", ""))];
      await line.getByRole("button").click();
      await page.getByRole("menuitem", { name: "List its alerts" }).click();
      await page.waitForURL((at) => !at.searchParams.has("view"));
      await until(`${title}, ${what}: ${alerts}`, async () => await shown(page) === alerts);
      await page.goBack();
      await page.waitForURL(/view=overview/);
      await loaded(page);
    }
  }
  await page.close();
});

test("new signatures have the alerts of their number, whatever time is chosen", async () => {
  const room = setup.newRoom();
  const server = await room.serve(["demo", "--web", "--listen", "127.0.0.1:0"]);
  const page = await open(setup.chrome, `${server.url}?view=overview&since=2h`);
  await loaded(page);
  const line = card(page, "New signatures since yesterday").locator("li").first();
  const alerts = Number(await line.locator(".n").textContent());
  await line.getByRole("button").click();
  await page.getByRole("menuitem", { name: "List its alerts" }).click();
  await page.waitForURL((at) => at.searchParams.has("sid") && at.searchParams.get("since") === "24h");
  await until(`they are ${alerts}`, async () => await shown(page) === alerts);
  await page.close();
});

test("alerts without an address or a port are included and excluded by a click", { timeout: 60_000 }, async () => {
  const page = await open(setup.chrome, `${url}?view=overview`);
  await loaded(page);
  const all = await shown(page);
  for (const [title, text, filter] of [["Sources", "no address", "alert.src_ip == ()"], ["Destinations", "no address", "alert.dst_ip == ()"], ["Destination ports", "no port", "alert.dst_port == ()"]]) {
    const line = card(page, title).locator("li", { hasText: text });
    const alerts = Number((await line.locator(".n").textContent()).replaceAll(",", ""));
    assert.ok(alerts > 0 && alerts < all);
    for (const [item, wanted, found] of [[/^Only alerts without/, filter, alerts], [/^Only alerts with a/, `!(${filter})`, all - alerts]]) {
      await line.getByRole("button", { name: text }).click();
      await page.getByRole("menuitem", { name: item }).click();
      await page.waitForURL((at) => at.searchParams.get("filter") === wanted);
      await until(`${wanted}: ${found}`, async () => await shown(page) === found);
      await page.goBack();
      await until("all are there again", async () => await shown(page) === all);
      await loaded(page);
    }
  }
  await page.close();
});

const [ping] = datagrams("v2919/icmp_ping");
const legend = (page) => page.textContent("figcaption .legend");

test("what comes is counted as it is listed, without asking the server", async () => {
  const room = setup.newRoom();
  await room.store([ping, ping].map((one) => withPriority(one, 2)));
  const live = await room.live();
  const page = await open(setup.chrome, live.url);
  await until("what is stored is counted", async () => await shown(page) === 2);
  await until("it is live", async () => await page.textContent("#state") === "live");
  let asked = 0;
  page.on("request", (request) => { asked += Number(/v1\/(series|counts)/.test(request.url())); });
  await room.play([1, 2, 3].map((n) => withPriority(withMessage(withSid(ping, 900 + n), `number ${n}`), n === 3 ? 1 : 2)));
  await until("they are listed", async () => (await messages(page)).filter((one) => one.startsWith("number")).length === 3);
  assert.equal(await shown(page), 5);
  assert.match(await legend(page) ?? "", /^5 alerts: .*1 high.*4 medium/);
  assert.equal(asked, 0);
  // While the list is held still, so are its numbers.
  await page.keyboard.press("p");
  await room.play([withMessage(withSid(ping, 910), "number 4")]);
  await page.waitForSelector(".newer:has-text('1 new')");
  assert.equal(await shown(page), 5);
  await page.keyboard.press("p");
  await until("it is listed", async () => (await messages(page)).includes("number 4"));
  assert.equal(await shown(page), 6);
  assert.equal(asked, 0);
  await page.close();
});

test("the first alerts of an empty store, and those of a flood, are counted soon", { timeout: 60_000 }, async () => {
  const room = setup.newRoom();
  const live = await room.live();
  const page = await open(setup.chrome, live.url);
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await room.play([ping]);
  await until("the first is counted", async () => await shown(page) === 1);
  let asked = 0;
  page.on("request", (request) => { asked += Number(request.url().includes("v1/series")); });
  await room.play(Array.from({ length: 8_000 }, (_, n) => withMessage(withSid(ping, 1_000 + (n % 20)), `number ${n + 1}`)), ["--rate", "10000"]);
  await until("all are counted", async () => await shown(page) === 8_001);
  assert.ok(asked <= 3, `the server was asked ${asked} times`);
  await page.close();
});
