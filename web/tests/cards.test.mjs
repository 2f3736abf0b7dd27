// The cards of the overview and the health: where they stand, and what they say of where alerts come from.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, isAccessible, open, setUp, until } from "./harness.mjs";

let url;

const setup = setUp(async (room) => {
  await room.store(["v2919/http", "v2919/icmp_ping", "v2919/ssh", "v3122/sip", "v3122/http"].flatMap(datagrams));
  ({ url } = await room.web());
});

/**
 * The gaps below cards: in no column is one higher than the least card could be. Below the last cards there may be
 * more, but less than what the highest column has.
 */
const gaps = (page) => page.locator(".cards").evaluate((cards) => {
  const boxes = [...cards.children].map((card) => card.getBoundingClientRect());
  const { top, bottom } = cards.getBoundingClientRect();
  const found = [];
  for (const x of new Set(boxes.map(({ left, width }) => Math.round(left + Math.min(100, width / 2))))) {
    let end = top;
    for (const box of boxes.filter(({ left, right }) => left <= x && x < right).sort((a, b) => a.top - b.top)) {
      if (box.top - end > 130) found.push(`${Math.round(box.top - end)} px above ${Math.round(box.top)} at ${x}`);
      if (box.top < end - 1) found.push(`one above another at ${x}`);
      end = box.bottom;
    }
    if (bottom - end > 0.45 * (bottom - top)) found.push(`${Math.round(bottom - end)} px at the end of ${x}`);
  }
  return found;
});

test("cards leave no gap between them, and those that scroll have a name and are reached by keys", { timeout: 120_000 }, async () => {
  for (const view of ["overview", "health"]) {
    for (const width of [360, 768, 1280, 1920]) {
      const page = await open(setup.chrome, `${url}?view=${view}`, { width });
      await page.route("**/api/v1/health", async (route) => {
        const answer = await route.fetch();
        const lane = { name: "a_handler_with_a_name_that_is_too_long_for_most_screens_".repeat(5), waiting: 1, dead_letters: 0, handled: 1, failed: 0, dropped: 0, filtered: 0, muted: 0 };
        await route.fulfill({ json: { ...await answer.json(), lanes: [lane] } });
      });
      await page.reload();
      await page.waitForSelector(".cards.packed .card");
      assert.deepEqual(await gaps(page), [], `${view} at ${width}`);
      const stops = await page.locator(".card").evaluateAll((all) => all.map((one) => [one.scrollWidth > one.clientWidth, one.tabIndex === 0, one.role === "region" && one.ariaLabel === one.querySelector("h2").textContent]));
      assert.ok(stops.every(([scrolls, stop, named]) => scrolls === stop && stop === named), JSON.stringify(stops));
      if (view === "health") assert.equal(stops.some(([scrolls]) => scrolls), width > 700, `at ${width}`);
      if (view === "health" && width === 768) {
        await isAccessible(page, "a card that scrolls");
        // Somebody who reads one goes on reading when it is drawn anew.
        const card = page.getByRole("region", { name: "Durable handlers" });
        await card.focus();
        await card.evaluate((one) => { one.dataset.before = "yes"; });
        await page.waitForSelector(".card:not([data-before]):has-text('Durable handlers')");
        assert.equal(await page.evaluate(() => document.activeElement.ariaLabel), "Durable handlers");
      }
      await page.close();
    }
  }
});

test("a card of another height has the others below it, not under it", async () => {
  const page = await open(setup.chrome, `${url}?view=overview`);
  await page.getByRole("button", { name: "Show more of Signatures" }).click();
  await until("there are more", async () => (await page.locator("article:has(h2:text-is('Signatures')) li").count()) > 10);
  await until("nothing overlaps", async () => (await gaps(page)).every((gap) => !gap.startsWith("one above")));
  await page.setViewportSize({ width: 700, height: 800 });
  await until("nor where it is narrow", async () => (await gaps(page)).every((gap) => !gap.startsWith("one above")));
  await page.close();
});

test("the health of a receiver has no gap beside its counters", { timeout: 60_000 }, async () => {
  const room = setup.newRoom();
  const live = await room.live(["--data-handler", "exec", "exec.command=false", "exec.durable=true"]);
  // Snort is started again a few times.
  for (let n = 0; n < 3; n += 1) await room.play(datagrams("v2919/icmp_ping"));
  for (const width of [1280, 1920]) {
    const page = await open(setup.chrome, `${live.url}?view=health`, { width });
    await page.locator("article:has(h2:text('Dead letters')) tbody tr").first().waitFor();
    assert.deepEqual(await gaps(page), [], `at ${width}`);
    await page.close();
  }
  // Each start is another process: they are in one row, the latest first.
  const { origins } = await (await fetch(`${live.url}api/v1/health`)).json();
  assert.equal(origins.length, 3);
  const page = await open(setup.chrome, `${live.url}?view=health`);
  const rows = page.getByRole("table", { name: "Where alerts come from" }).locator("tbody tr");
  await rows.first().waitFor();
  assert.equal(await rows.count(), 1);
  const [latest, ...earlier] = origins.map(({ pid }) => pid);
  assert.equal(await rows.locator("td[data-column=process]").textContent(), `${latest}; before it 2: ${earlier.join(", ")}`);
  await isAccessible(page, "processes");

  // A page beside it knows what the store tells, and says where the rest is.
  const beside = await room.web();
  const other = await open(setup.chrome, `${beside.url}?view=health`);
  const counters = other.locator("article", { has: other.getByRole("heading", { name: "Counters" }) });
  await counters.waitFor();
  const told = await counters.locator("tbody th").evaluateAll((all) => all.map((one) => one.firstChild.textContent));
  assert.deepEqual(told, ["stored", "waiting", "dead letters"]);
  const { dead_letters: letters } = await (await fetch(`${beside.url}api/v1/health`)).json();
  assert.ok(letters > 0);
  const row = counters.locator("tr", { has: other.getByRole("rowheader", { name: "dead letters" }) });
  assert.equal(await row.locator("td").first().textContent(), String(letters));
  assert.match((await counters.locator(".note").textContent()) ?? "", /only serves the page.*received, malformed, refused and missed.*--stats.*--metrics.*--data-handler web/);
  await isAccessible(other, "a page beside");
  await other.close();
  await page.close();
});

test("the health says which socket no alerts arrive at, and why", async () => {
  const room = setup.newRoom();
  const live = await room.live();
  const page = await open(setup.chrome, `${live.url}?view=health`);
  const card = page.locator("article", { has: page.getByRole("heading", { name: "No alerts arrive" }) });
  await page.getByRole("heading", { name: "Counters" }).waitFor();
  assert.equal(await card.count(), 0);
  fs.renameSync(room.at("log"), room.at("moved"));
  await card.waitFor();
  assert.match(await card.textContent(), /^No alerts arrivelog\/snort_alert was removed or replaced, so no alerts arrive: /);
  await isAccessible(page, "a socket that is gone");
  fs.renameSync(room.at("moved"), room.at("log"));
  await card.waitFor({ state: "detached" });
  await page.close();
});
