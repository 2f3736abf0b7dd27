// What odd alerts and few values do to the page's looks; a drag that is broken off; paper.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, open, setUp, until, withMessage, withPriority, withSid } from "./harness.mjs";

let url;
const [ping] = datagrams("v2919/icmp_ping");
const setup = setUp(async (room) => {
  const odd = [1, 4, 5, 255, 65_535, 4_294_967_295].map((priority, n) => withPriority(withMessage(withSid(ping, 900 + n), `priority ${priority}, with a message that takes some room in its row`), priority));
  await room.store([...["v2919/http", "v2919/icmp_ping", "v2919/ssh", "v3122/sip", "v3122/http"].flatMap(datagrams), ...odd]);
  ({ url } = await room.web());
});

test("a priority of many digits lies over nothing, and moves no button", { timeout: 120_000 }, async () => {
  for (const width of [360, 768, 1024, 1280, 1440, 1920]) {
    const page = await open(setup.chrome, `${url}?group=no&text=priority`, { width, touch: width === 360 });
    await page.waitForSelector("tr.alert");
    const wrong = await page.locator("tr.alert").evaluateAll((rows) => rows.flatMap((row) => {
      const box = (selector) => row.querySelector(selector).getBoundingClientRect();
      const [badge, level, acts, edge] = [box(".priority"), box(".level"), box(".acts"), row.getBoundingClientRect()];
      const others = [...row.querySelectorAll("time, .message, .acts button, .end")].map((one) => one.getBoundingClientRect());
      const over = others.filter((one) => one.left < badge.right - 1 && one.right > badge.left + 1 && one.top < badge.bottom - 1 && one.bottom > badge.top + 1).length;
      const text = row.querySelector(".priority").textContent;
      return [over && `${text} lies over something`, badge.right > level.right + 1 && `${text} leaves its cell`, edge.right - acts.right > 30 && `the buttons of ${text} are ${edge.right - acts.right} px from the edge`].filter(Boolean);
    }));
    assert.deepEqual(wrong, [], `at ${width}`);
    await page.close();
  }
});

test("Esc breaks off a drag over the histogram, and nothing else", async () => {
  const page = await open(setup.chrome, `${url}?alert=1`);
  await page.waitForSelector(".bars g");
  await page.waitForSelector("#detail h2");
  const drag = async () => {
    await page.locator(".bars").scrollIntoViewIfNeeded();
    const box = await page.locator(".bars").boundingBox();
    await page.mouse.move(box.x + 4, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 3, box.y + 20);
  };
  const shade = () => page.locator(".bars .shade").getAttribute("width").then(Number);
  await drag();
  await until("a range is marked", async () => await shade() > 0);
  await page.keyboard.press("Escape");
  assert.equal(await shade(), 0);
  await page.mouse.up();
  assert.equal(new URL(page.url()).search, "?alert=1");
  assert.ok(await page.locator("#detail").isVisible());
  // The next one is one again, and Esc ends the alert again.
  await page.keyboard.press("Escape");
  await page.waitForSelector("#detail", { state: "hidden" });
  await drag();
  await page.mouse.up();
  await page.waitForURL((at) => at.searchParams.has("since"));
  await page.close();
});

test("on paper no value is larger than the text around it", async () => {
  const { alerts: [alert] } = await (await fetch(`${url}api/v1/alerts?proto=TCP&limit=1`)).json();
  const page = await open(setup.chrome, `${url}?alert=${alert.id}`);
  await page.waitForSelector("#detail .facts code");
  await page.emulateMedia({ media: "print" });
  const sizes = await page.locator("#detail :is(.facts code, .priority, .facts .value)").evaluateAll((all) => all.map((one) => [one.textContent, parseFloat(getComputedStyle(one).fontSize), parseFloat(getComputedStyle(one.closest("#detail")).fontSize)]));
  assert.deepEqual(sizes.filter(([, size, around]) => size > around), []);
  await page.close();
});

test("the columns of the overview end near each other, also with few sensors and nothing new", async () => {
  const demo = await setup.newRoom().serve(["demo", "--web", "--listen", "127.0.0.1:0"]);
  for (const [of, what] of [[url, "recorded"], [demo.url, "new"]]) {
    const page = await open(setup.chrome, `${of}?view=overview`, { width: 1280 });
    await page.waitForSelector(".cards.packed .card");
    const ends = () => page.locator(".cards").evaluate((cards) => {
      const columns = new Map();
      for (const one of cards.querySelectorAll(".card")) { const { left, bottom } = one.getBoundingClientRect(); columns.set(left, Math.max(columns.get(left) ?? 0, bottom)); }
      return [...columns.values()];
    });
    await until(`${what}: the columns end near each other`, async () => { const all = await ends(); return all.length === 3 && Math.max(...all) - Math.min(...all) < 160; });
    await page.close();
  }
});
