// Choosing: filters, triage, times, sensors; what is folded; an alert by keys and on paper.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until } from "./harness.mjs";

let url;
const CASES = ["v2919/http", "v2919/icmp_ping", "v2919/ssh"];

const setup = setUp(async (room) => {
  await room.store(CASES.flatMap(datagrams));
  ({ url } = await room.web());
});

const total = async (query) => (await (await fetch(`${url}api/v1/counts?by=priority&${query}`)).json()).total;
const settled = (page) => page.waitForFunction(() => !document.querySelector("main").dataset.busy);

test("an expression with statements goes together with excluded values", async () => {
  const page = await open(setup.chrome, `${url}?group=no&filter=${encodeURIComponent("let n = msg.caplen; n > 60")}`);
  await page.waitForSelector("tr.alert");
  const source = await page.locator("tr.alert td.src .value").first().textContent();
  await page.locator("tr.alert td.src .value").first().click();
  await page.getByRole("menuitem", { name: /^Without/ }).click();
  await page.waitForURL((at) => at.searchParams.get("not") === `src:${source}`);
  await settled(page);
  await until("the source is gone", async () => !(await page.$$eval("tr.alert td.src .value:first-child", (all) => all.map((one) => one.textContent))).includes(source));
  assert.equal(await page.isVisible("#mistake"), false);
  const shown = (await messages(page)).length;
  assert.equal(shown, await total(`filter=${encodeURIComponent("let n = msg.caplen; n > 60")}&filter=${encodeURIComponent(`alert.src_ip != "${source}"`)}`));
  assert.ok(shown > 0);
  // All of them are acknowledged by the same criteria, and it is said before how many.
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.waitForSelector("#ask[open]");
  await isAccessible(page, "the question");
  await page.getByRole("button", { name: `Acknowledge ${shown} alerts` }).click();
  await until("they are acknowledged", async () => await total("acknowledged=yes") === shown);
  await page.locator("#toast button").click();
  await until("it is undone", async () => await total("acknowledged=yes") === 0);
  await page.close();
});

test("a broken expression beside excluded values is marked where it is", async () => {
  const page = await open(setup.chrome, `${url}?not=src:192.0.2.1&filter=${encodeURIComponent("msg.priority <= 2 && msg.foo")}`, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("#mistake mark");
  assert.equal(await page.textContent("#mistake code"), "msg.priority <= 2 && msg.foo");
  assert.equal(await page.textContent("#mistake mark"), "f");
  await page.close();
});

test("alerts are chosen by what people said about them", async () => {
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector("tr.alert");
  const all = (await messages(page)).length;
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.keyboard.press("j");
  await page.keyboard.press("s");
  await until("both are marked", async () => await total("acknowledged=yes") + await total("starred=yes") === 2);
  await page.locator("tr.alert a.message").nth(2).click();
  await page.fill("#comments textarea", "why");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("#comments li .text");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  const shows = async (count) => { await settled(page); await until(`${count} are shown: ${page.url()}`, async () => (await messages(page)).length === count); };
  for (const [option, query, count] of [["acknowledged", "acknowledged=yes", 1], ["starred", "starred=yes", 1], ["commented", "comment=", 1], ["", "", all]]) {
    await page.selectOption("#bar select[aria-label=Triage]", option);
    await page.waitForURL((at) => at.search.includes(query));
    await shows(count);
    if (option) assert.equal(await page.locator(".chip.triage").count(), 1);
  }
  const hide = page.getByRole("switch", { name: "hide acknowledged" });
  await hide.check();
  await shows(all - 1);
  await page.reload();
  assert.equal(await hide.isChecked(), true);
  await hide.uncheck();
  await shows(all);
  await page.evaluate(async () => {
    const { csrf } = await (await fetch("api/v1/session")).json();
    const send = (body) => fetch("api/v1/triage", { method: "POST", headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify(body) });
    await send({ criteria: { acknowledged: "yes" }, mark: "acknowledged", set: false });
    await send({ criteria: { starred: "yes" }, mark: "starred", set: false });
  });
  await page.close();
});

test("noise is acknowledged as it comes, by what is chosen or any filter", async () => {
  const page = await open(setup.chrome, `${url}?sid=1:1000134&not=src:192.0.2.1`, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr.alert, tr.flood");
  await page.getByRole("button", { name: "Noise…" }).click();
  const filter = page.locator("#noise textarea");
  assert.equal(await filter.inputValue(), "(msg.sig_generator == 1 && msg.sig_id == 1000134) && !(alert.src_ip == \"192.0.2.1\")");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("#noise li code");
  await isAccessible(page, "noise");
  await filter.fill("alert.foo");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("#noise .mistake:not([hidden])");
  assert.equal(await page.locator("#noise li").count(), 1);
  await page.locator("#noise li button").click();
  await until("it is gone", async () => await page.locator("#noise li").count() === 0);
  await page.getByRole("button", { name: "Close" }).click();
  await page.close();
});

test("noise says what it leaves out, and takes an expression with statements", async () => {
  const chosen = new URLSearchParams({ filter: "let n = msg.caplen; n > 60 // long", not: "src:2001:DB8::1", since: "2000-01-01", starred: "yes" });
  const page = await open(setup.chrome, `${url}?${chosen}`);
  await settled(page);
  await page.getByRole("button", { name: "Noise…" }).click();
  await page.getByText("Left out of what is chosen: times, stars.").waitFor();
  assert.equal(await page.locator("#noise textarea").inputValue(), "!(alert.src_ip == \"2001:db8::1\") && ({ let n = msg.caplen; n > 60 // long\n})");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("#noise li code");
  await page.locator("#noise li button").click();
  await until("it is gone", async () => await page.locator("#noise li").count() === 0);
  await page.getByRole("button", { name: "Close" }).click();
  await page.close();
});

test("excluded values that are none are said, and addresses are found however they are written", async () => {
  const page = await open(setup.chrome, `${url}?not=port:abc`, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("#mistake:not([hidden])");
  assert.equal(await page.textContent("#mistake"), "alert.src_port is a number, not a text");
  assert.match(await page.textContent(".chip.wrong"), /not port abc/);
  await page.close();
  const all = await total("");
  const other = await open(setup.chrome, `${url}?group=no&not=src:2001:DB8:0::1`);
  await settled(other);
  await until("all are shown", async () => (await messages(other)).length === all);
  assert.equal(await other.isVisible("#mistake"), false);
  await other.close();
});

test("a time is chosen from fields, in the viewer's zone or UTC", async () => {
  const page = await open(setup.chrome, url, { zone: "Asia/Kolkata" });
  await page.waitForSelector("tr.alert, tr.flood");
  const newest = new Date(await page.locator("table.alerts time").first().getAttribute("datetime"));
  const inZone = (offset) => new Date(Math.floor(newest.getTime() / 1000) * 1000 + offset).toISOString().slice(0, 19);
  const local = 5.5 * 3_600_000;
  assert.equal(await page.locator("table.alerts time").first().textContent(), inZone(local).replace("T", " "));
  await page.selectOption("select[aria-label=Time]", "chosen");
  await page.getByLabel("from", { exact: true }).fill(inZone(local));
  await page.getByLabel("to", { exact: true }).fill(inZone(local + 1_000));
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL((at) => at.searchParams.get("since") === `${inZone(0)}.000Z` && at.searchParams.get("until") === `${inZone(1_000)}.000Z`);
  assert.match(await page.textContent(".chip.time"), new RegExp(inZone(local).replace("T", " ")));
  await page.selectOption("#zone", "utc");
  await until("the chip is in UTC", async () => (await page.textContent(".chip.time")).includes(inZone(0).replace("T", " ")));
  assert.equal(await page.getByLabel("from", { exact: true }).inputValue(), inZone(0));
  await page.selectOption("#zone", "ago");
  await until("the times are relative", async () => /ago$/.test(await page.locator("table.alerts time").first().textContent()));
  // The end before the begin is refused where it was typed.
  await page.getByLabel("to", { exact: true }).fill(inZone(-60_000_000));
  const before = page.url();
  await page.getByRole("button", { name: "Apply" }).click();
  assert.equal(await page.evaluate(() => document.querySelector(".span").checkValidity()), false);
  assert.equal(page.url(), before);
  // The viewer's day begins at the viewer's midnight.
  await page.selectOption("#zone", "local");
  const asked = page.waitForRequest((request) => /alerts\?.*since=/.test(request.url()));
  await page.selectOption("select[aria-label=Time]", "today");
  assert.match(new URL((await asked).url()).searchParams.get("since"), /T18:30:00\.000Z$/);
  await page.close();
});

test("searches are saved and forgotten by name", async () => {
  const page = await open(setup.chrome, `${url}?sid=1000134`);
  await page.waitForSelector("tr.alert, tr.flood");
  const saved = page.locator("select[aria-label='Saved searches']");
  await saved.selectOption("save");
  await page.getByLabel("Name").fill("pings");
  await page.keyboard.press("Enter");
  await page.goto(url);
  await page.waitForSelector("tr.alert, tr.flood");
  await saved.selectOption("=pings");
  await page.waitForURL(/sid=1000134/);
  await saved.selectOption("forget");
  await page.getByRole("button", { name: "Forget" }).click();
  await until("it is gone", async () => await saved.locator("option[value='=pings']").count() === 0);
  await page.close();
});

test("with an alert open, the keys are about that alert, and go to the next", async () => {
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector("tr.alert");
  const ids = await page.$$eval("tr.alert", (rows) => rows.map((row) => Number(row.dataset.id)));
  await page.locator("tr.alert a.message").nth(3).click();
  await page.waitForSelector("#detail h2");
  await page.keyboard.press("s");
  await until("the open one is starred", async () => (await (await fetch(`${url}api/v1/alerts?starred=yes`)).json()).alerts.map((one) => one.id).join() === String(ids[3]));
  await page.locator("#detail").getByRole("button", { name: "Starred ★" }).waitFor();
  await page.keyboard.press("s");
  await until("the star is gone", async () => await total("starred=yes") === 0);
  await page.keyboard.press("j");
  await page.waitForURL((at) => at.searchParams.get("alert") === String(ids[4]));
  assert.deepEqual(await page.$$eval("tr.shown", (rows) => rows.map((row) => Number(row.dataset.id))), [ids[4]]);
  await page.keyboard.press("k");
  await page.waitForURL((at) => at.searchParams.get("alert") === String(ids[3]));
  await page.close();
});

test("an alert has its Community ID, and all of its flow is one click away", async () => {
  const page = await open(setup.chrome, `${url}?src=192.168.10.21&proto=TCP&group=no`);
  await page.locator("tr.alert a.message").first().click();
  await page.waitForSelector("#related article");
  assert.match(await page.textContent("#detail .facts"), /Community ID1:[\w+/]{27}=/);
  const flow = page.locator("#related article", { hasText: "The flow around it" });
  assert.ok(await flow.locator("li").count() > 0);
  await page.close();
});

test("one alert is printed as one clean page", async () => {
  const id = (await (await fetch(`${url}api/v1/alerts?limit=1&proto=ICMP&filter=msg.caplen+%3C+120`)).json()).alerts[0].id;
  const page = await open(setup.chrome, `${url}?alert=${id}`);
  await page.waitForSelector("#detail .dump .line");
  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.equal((pdf.match(/\/Type \/Page\b(?!s)/g) ?? []).length, 1);
  // So is one with a long packet, or with many layers.
  const { alerts } = await (await fetch(`${url}api/v1/alerts?limit=100`)).json();
  const kinds = [...new Map(alerts.map((one) => [`${one.sig_id} ${(one.layers ?? []).length}`, one])).values(), ...alerts.toSorted((a, b) => b.caplen - a.caplen).slice(0, 2)];
  for (const { id: other } of kinds) {
    await page.goto(`${url}?alert=${other}`);
    await page.waitForSelector("#detail h2");
    await page.waitForLoadState("networkidle");
    const printed = (await page.pdf({ format: "A4" })).toString("latin1");
    assert.equal((printed.match(/\/Type \/Page\b(?!s)/g) ?? []).length, 1, `alert ${other}`);
  }
  await page.goto(`${url}?alert=${id}`);
  await page.waitForSelector("#detail .dump .line");
  await page.emulateMedia({ media: "print" });
  for (const selector of [".top", "#bar", "main", "#related", "#detail details.screen", "#detail textarea"]) assert.equal(await page.isVisible(selector), false, selector);
  assert.equal(await page.isVisible("#detail .dump"), true);
  await page.close();
});

test("more columns are shown where there is room, and sensors if there are several", async () => {
  const own = setup.newRoom();
  await own.store(datagrams("v2919/icmp_ping"));
  for (const [name, all] of [["dmz", "v2919/http"], ["lan", "v2919/ssh"]]) {
    const from = own.record("more.dgrams", datagrams(all));
    await own.run(["--store", "a.db", "--socket-handler", "play", "--from", from, "--data-handler", "null", "--quiet", "--sensor", name]);
  }
  const server = await own.web();
  const page = await open(setup.chrome, `${server.url}?group=no`, { width: 1700 });
  await page.waitForSelector("tr.alert");
  const columns = () => page.$$eval("table.alerts th", (all) => all.filter((one) => one.offsetWidth).map((one) => one.textContent));
  await until("there is a column of sensors", async () => (await columns()).join() === "Choose,Time,Priority,Message,Class,Protocol,Source,Destination,Sensor,Triage");
  await isAccessible(page, "all columns");
  await page.selectOption("select[aria-label=Sensor]", "dmz");
  await page.waitForURL(/sensor=dmz/);
  await until("only alerts of this sensor", async () => new Set(await page.$$eval("td.sensor", (all) => all.map((one) => one.textContent))).size === 1);
  await page.setViewportSize({ width: 1000, height: 700 });
  assert.equal((await columns()).join(), "Choose,Time,Priority,Message,Source,Destination,Sensor,Triage");
  await page.close();
});

test("at 360 pixels, the alerts have most of the screen, and the rest unfolds", async () => {
  const page = await open(setup.chrome, url, { width: 360, height: 740 });
  await page.waitForSelector("tr.alert, tr.flood");
  const top = await page.evaluate(() => document.querySelector("table.alerts").getBoundingClientRect().top);
  assert.ok(top < 740 / 3, `the alerts begin at ${top}`);
  for (const [button, found] of [["Filters", "select[aria-label=Time]"], ["More", "select[aria-label=Download]"]]) {
    assert.equal(await page.isVisible(found), false, found);
    await page.getByRole("button", { name: button, exact: true }).last().click();
    assert.equal(await page.isVisible(found), true, found);
  }
  await page.locator("#more-tools").click();
  assert.equal(await page.isVisible("#zone"), true);
  await isAccessible(page, "unfolded");
  await page.selectOption("select[aria-label=Time]", "chosen");
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(overflow <= 0, `${overflow} pixels too wide`);
  await page.selectOption("#zone", "utc");
  await page.close();
});

test("a time of the address is what the server takes, in the viewer's zone", async () => {
  const newest = await (await fetch(`${url}api/v1/alerts?limit=1`)).json();
  const day = newest.alerts[0].timestamp.slice(0, 10);
  const asked = (page) => page.$eval(".chip.time", (one) => one.querySelector("span").textContent);
  for (const [since, until, chip, from] of [
    [`${day}T03:00`, `${day}T05:00`, `${day} 04:00:00 – ${day} 06:00:00`, `${day}T04:00`],
    [`${day} 03:00`, "", `${day} 04:00:00 – …`, `${day}T04:00`],
    [day, "", `${day} 01:00:00 – …`, `${day}T01:00`],
    [`${day}T03:00:00+01:00`, "", `${day} 03:00:00 – …`, `${day}T03:00`],
  ]) {
    const page = await open(setup.chrome, `${url}?${new URLSearchParams({ since, ...(until && { until }) })}`, { zone: "Etc/GMT-1" });
    await page.waitForSelector(".chip.time");
    assert.equal(await asked(page), chip);
    assert.equal((await page.getByLabel("from", { exact: true }).inputValue()).slice(0, 16), from);
    // Without a change, what is applied is what was there.
    await settled(page);
    await page.getByRole("button", { name: "Apply" }).click();
    await page.waitForURL((at) => at.searchParams.get("since")?.endsWith(".000Z"));
    assert.equal(await asked(page), chip);
    await page.close();
  }
  const page = await open(setup.chrome, `${url}?since=16:00`, { zone: "Etc/GMT-1" });
  await page.waitForSelector(".chip.time");
  assert.match(await asked(page), /^\d{4}-\d\d-\d\d 17:00:00 – …$/);
  await page.close();
});
