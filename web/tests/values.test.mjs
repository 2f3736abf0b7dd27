// The values of an open alert: each is clicked to include or exclude it, and what that does is seen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, open, setUp, until } from "./harness.mjs";

let url;
let alert;

const setup = setUp(async (room) => {
  ({ url } = await room.live());
  await room.play(["v2919/vlan", "v3122/icmp_ping"].flatMap(datagrams));
  await room.play(datagrams("v2919/icmp_ping"));
  const find = async () => (await (await fetch(`${url}api/v1/alerts?${new URLSearchParams({ filter: "120 in alert.vlan && alert.src_ip == \"10.20.0.1\" && alert.class != ()" })}`)).json()).alerts[0];
  const all = async () => (await (await fetch(`${url}api/v1/counts?by=proto`)).json()).total;
  await until("all are stored", async () => await all() >= ["v2919/vlan", "v3122/icmp_ping", "v2919/icmp_ping"].flatMap(datagrams).length);
  alert = await find();
});

/** The open alert, with whatever criteria. */
const visit = async (query = "", how = {}) => {
  const page = await open(setup.chrome, `${url}?${query}${query && "&"}alert=${alert.id}`, how);
  await page.waitForSelector("#detail .facts");
  return page;
};

/** How many alerts there are with what the page has chosen, as it asks for them. */
const count = (page) => page.evaluate(async () => {
  const [{ get }, { params }] = await Promise.all(["api.js", "state.js"].map((name) => import(new URL(name, document.baseURI).href)));
  return (await get("counts", { ...params(), by: "priority" })).total;
});

const fact = (page, name) => page.locator(`#detail .facts dt:text-is("${name}") + dd .value`);
const expression = (page) => page.inputValue("#expression");
const click = async (page, value, item) => { await value.click(); await page.getByRole("menuitem", { name: item }).click(); };

test("the VLAN, the dialect, the socket, the process and its user choose alerts, or all others", async () => {
  const page = await visit();
  await isAccessible(page, "values");
  const all = await count(page);
  for (const [name, n, field, exact] of [
    ["VLAN", 0, "vlan", "120"], ["Snort", 0, "dialect", "snort2.9-appid"], ["Socket", 0, "socket", alert.socket], ["Sent by", 0, "pid", String(alert.sender.pid)], ["Sent by", 1, "uid", String(alert.sender.uid)],
    ["Class", 0, "class", alert.class],
  ]) {
    await click(page, fact(page, name).nth(n), /^Only /);
    await page.waitForURL((at) => at.searchParams.get(field) === exact);
    assert.ok((await page.textContent(".chips"))?.includes(exact), name);
    const included = await count(page);
    // All came through one socket, from one user.
    assert.ok(["socket", "uid"].includes(field) ? included === all : included > 0 && included < all, `${name}: ${included} of ${all}`);
    await page.locator(".chip button").first().click();
    await page.waitForURL((at) => at.searchParams.get("not") === `${field}:${exact}`);
    assert.equal(await count(page), all - included, name);
    await page.locator(".chip button").last().click();
    await page.waitForURL((at) => !at.searchParams.has("not"));
  }
  await page.close();
});

test("what no field has becomes a part of the expression, which is seen", async () => {
  const page = await visit();
  const all = await count(page);
  await page.locator("#packet summary", { hasText: "IPv4" }).evaluate((one) => { one.parentElement.open = true; });
  const layer = page.locator("#packet .layers > li", { has: page.locator("summary", { hasText: "IPv4" }) });
  const value = (name) => layer.locator("li", { has: page.locator(`.name:text-is("${name}")`) }).locator(".value");
  assert.ok(!await page.locator("#expression").isVisible());
  const ttl = await value("ttl").textContent();
  await click(page, value("ttl"), `Only IPv4 ttl ${ttl}`);
  const withTtl = `alert.layers.some(|layer| layer.name == "IPv4" && layer.ttl == ${ttl})`;
  await page.waitForURL((at) => at.searchParams.get("filter") === withTtl);
  assert.ok(await page.locator("#expression").isVisible());
  assert.equal(await expression(page), withTtl);
  const included = await count(page);
  assert.ok(included > 0 && included <= all);
  // A text is quoted; two conditions are both met; and the same one is turned over.
  await click(page, value("source"), /^Only IPv4 source /);
  const withSource = `alert.layers.some(|layer| layer.name == "IPv4" && layer.source == "${alert.src_ip}")`;
  await page.waitForURL((at) => at.searchParams.get("filter") === `${withTtl} && ${withSource}`);
  const both = await count(page);
  assert.ok(both > 0 && both <= included);
  await click(page, value("source"), /^Without IPv4 source /);
  await page.waitForURL((at) => at.searchParams.get("filter") === `${withTtl} && !(${withSource})`);
  assert.equal(await count(page), included - both);
  await page.close();
});

test("a header, an event and a flow are conditions, too, beside any expression", async () => {
  const filters = ["alert.priority == 1 || alert.priority == 3", "let wanted = [1, 3]; alert.priority in wanted", "alert.priority in [1, 3] // both"];
  for (const filter of filters) {
    const page = await visit(new URLSearchParams({ filter }).toString());
    const before = await count(page);
    const vlan = page.locator("#packet .layers > li", { has: page.locator("summary", { hasText: "VLAN" }) });
    await vlan.locator("details").evaluate((one) => { one.open = true; });
    await click(page, vlan.locator("li", { has: page.locator(".name:text-is(\"header\")") }).locator(".value"), "Only header VLAN");
    await page.waitForURL((at) => at.searchParams.get("filter")?.endsWith(" && alert.layers.some(|layer| layer.name == \"VLAN\")") ?? false);
    const found = await count(page);
    assert.ok(found > 0 && found < before, `${filter}: ${found} of ${before}`);
    await click(page, fact(page, "Event"), `Only event ${alert.event_id}`);
    await page.waitForURL((at) => at.searchParams.get("filter")?.endsWith(` && msg.event_id == ${alert.event_id}`) ?? false);
    assert.ok(await count(page) > 0);
    await page.close();
  }
  const page = await visit();
  await click(page, fact(page, "Community ID"), "Only the flow of this Community ID");
  await page.waitForURL((at) => at.searchParams.get("filter")?.includes(`alert.src_ip == "${alert.src_ip}"`) ?? false);
  assert.ok(await count(page) > 0);
  await page.close();
});

test("the health leads to the alerts of a process and a socket", async () => {
  const page = await open(setup.chrome, `${url}?view=health`);
  const card = page.locator("article", { has: page.getByRole("heading", { name: "Where alerts come from" }) });
  for (const [text, field] of [[String(alert.sender.pid), "pid"], [alert.socket, "socket"]]) {
    await page.goto(`${url}?view=health`);
    await card.getByRole("button", { name: text, exact: true }).first().click();
    await page.getByRole("menuitem", { name: "List its alerts" }).click();
    await page.waitForURL((at) => at.searchParams.get(field) === text && !at.searchParams.get("view"));
    await page.waitForSelector("tr.alert, tr.flood");
  }
  await page.close();
});
