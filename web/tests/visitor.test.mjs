// A first-time visitor of `pigear demo --web`, who has read nothing: who scanned us most this night, and what did
// the packet look like?

import assert from "node:assert/strict";
import { test } from "node:test";

import { isAccessible, open, setUp, until } from "./harness.mjs";

let url;

const setup = setUp(async (room) => {
  ({ url } = await room.serve(["demo", "--web", "--listen", "127.0.0.1:0"]));
});

test("who scanned us most this night, and the packet, in a few clicks", async () => {
  const page = await open(setup.chrome, url);
  let clicks = 0;
  const click = async (what) => { clicks += 1; await what.click(); };
  await click(page.getByRole("link", { name: "Overview" }));
  clicks += 1;
  await page.getByLabel("Time", { exact: true }).selectOption({ label: "last 12 hours" });
  await page.waitForURL(/since=12h/);
  const card = (title) => page.locator("article.card", { has: page.getByRole("heading", { name: title, exact: true }) });
  await click(card("Classes").getByRole("button", { name: /scan/ }));
  await click(page.getByRole("menuitem", { name: /^Only class/ }));
  await page.waitForURL(/class=network-scan/);
  await until("the sources are those of scans", async () => (await page.textContent(".chips")).includes("class network-scan") && !(await page.locator("main").getAttribute("data-busy")));
  const most = card("Sources").locator("li").first();
  const [source, count] = [await most.locator(".what").textContent(), Number(await most.locator(".n").textContent())];
  const others = (await card("Sources").locator("li .n").allTextContents()).slice(1).map(Number);
  assert.equal(source, "203.0.113.99");
  assert.ok(others.length > 0 && others.every((other) => other < count), `${count}, ${others}`);
  await click(most.getByRole("button"));
  await click(page.getByRole("menuitem", { name: "List its alerts" }));
  await page.waitForURL((at) => at.searchParams.get("src") === source && !at.searchParams.get("view"));
  await click(page.locator("tr.alert a.message, tr.flood .count").first());
  if (!/alert=/.test(page.url())) await click(page.locator("tr.alert a.message").first());
  await page.waitForSelector("#detail .dump .line");
  await isAccessible(page, "the packet");
  assert.match(await page.textContent("#detail .facts"), new RegExp(source.replaceAll(".", "\\.")));
  assert.ok(clicks <= 8, `${clicks} clicks`);
  await page.close();
});
