// Looking: views, keys, filters, one alert.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until, withPriority, withSid } from "./harness.mjs";

let url;
const CASES = ["v2919/http", "v2919/icmp_ping", "v2919/ssh", "v3122/sip", "v3122/http"];

const setup = setUp(async (room) => {
  await room.store(CASES.flatMap(datagrams));
  ({ url } = await room.web());
});

const rows = (page) => page.locator("table.alerts tbody tr");

test("every view is accessible, light and dark, wide and narrow", { timeout: 300_000 }, async () => {
  for (const [width, scheme] of [[1280, "light"], [360, "dark"]]) {
    for (const query of ["", "?view=overview", "?view=health", "?alert=1", "?text=nothing-at-all", "?filter=msg.foo+%3D%3D+1"]) {
      const page = await open(setup.chrome, url + query, { width, scheme, allow: ["400 (Bad Request)"] });
      await page.waitForSelector(query.includes("alert=") ? "#detail h2" : query.includes("filter=") ? "text=Nothing is shown" : "main section");
      await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
      await isAccessible(page, `${query} ${width} ${scheme}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `${query} at ${width} is ${overflow} pixels too wide`);
      await page.close();
    }
  }
});

test("who wants no motion sees none", async () => {
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert, tr.flood");
  const motion = () => page.evaluate(() => { const main = document.querySelector("main"); main.dataset.busy = "yes"; return getComputedStyle(main).animationName; });
  assert.equal(await motion(), "wait");
  await page.emulateMedia({ reducedMotion: "reduce" });
  assert.equal(await motion(), "none");
  assert.deepEqual(await page.evaluate(() => document.getAnimations().map((one) => one.id)), []);
  await page.close();
});

test("the keys move, open, close, search and help", async () => {
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  assert.equal(await page.evaluate(() => [...document.querySelectorAll("table.alerts tbody tr")].indexOf(document.activeElement)), 1);
  const chosen = rows(page).nth(1);
  if (await chosen.evaluate((row) => row.classList.contains("flood"))) {
    await page.keyboard.press("Enter");
    await page.keyboard.press("j");
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail h2");
  assert.match(page.url(), /alert=\d+/);
  await page.keyboard.press("Escape");
  await page.waitForSelector("#detail", { state: "hidden" });
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "words");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await page.waitForSelector("#help[open]");
  await isAccessible(page, "help");
  await page.keyboard.press("Escape");
  await page.keyboard.press("2");
  await page.waitForURL(/view=overview/);
  await page.close();
});

test("a value is included and excluded by a click, and back and forward know it", async () => {
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert");
  const source = page.locator("td.end .value").first();
  const text = await source.textContent();
  await source.click();
  await page.getByRole("menuitem").first().click();
  await page.waitForURL((at) => at.searchParams.get("src") === text);
  await until("only this source", async () => new Set(await page.$$eval("tr.alert td.src .value:first-child", (all) => all.map((one) => one.textContent))).size === 1);
  await page.locator(".chip button").first().click();
  await page.waitForURL((at) => at.searchParams.get("not") === `src:${text}`);
  await until("not this source", async () => !(await page.$$eval("tr.alert td.src .value", (all) => all.map((one) => one.textContent))).includes(text));
  await page.goBack();
  await page.waitForURL((at) => at.searchParams.get("src") === text);
  assert.match(await page.textContent(".chips"), /^source /);
  await page.goForward();
  await page.reload();
  assert.match(await page.textContent(".chips"), /^not source /);
  await page.locator(".chip button").last().click();
  await page.waitForURL((at) => !at.search);
  await page.close();
});

test("words, fields and expressions are completed, and a mistake is marked where it is", async () => {
  const page = await open(setup.chrome, url, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr.alert");
  await page.fill("#words", "class:at");
  await page.locator("#words-list li").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await isAccessible(page, "completion");
  await page.keyboard.press("Enter");
  await page.waitForURL(/class=attempted/);
  await page.goto(url);
  await page.fill("#words", "ping -proto:TCP");
  await page.keyboard.press("Enter");
  await page.waitForURL((at) => at.searchParams.get("text") === "ping" && at.searchParams.get("not") === "proto:TCP");
  await page.goto(url);
  await page.getByRole("button", { name: "Expression" }).click();
  // In the middle, with the cursor behind what was completed; and a value that stored alerts have.
  await page.fill("#expression", "alert.lay == ()");
  await page.locator("#expression").evaluate((/** @type {HTMLInputElement} */ input) => { input.setSelectionRange(9, 9); input.dispatchEvent(new Event("input")); });
  await page.locator("#expression-list li", { hasText: "alert.layers" }).click();
  assert.deepEqual(await page.locator("#expression").evaluate((/** @type {HTMLInputElement} */ input) => [input.value, input.selectionStart]), ["alert.layers == ()", 12]);
  await page.fill("#expression", "alert.class == \"attem");
  await page.locator("#expression-list li").first().click();
  assert.match(await page.inputValue("#expression"), /^alert\.class == "attempted-[a-z]+"$/);
  await page.fill("#expression", "msg.priority == 1 && alert.src_prt == 5");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#mistake mark");
  assert.match(await page.textContent("#mistake"), /did you mean `src_port`\?/);
  // The page still works.
  await page.fill("#expression", "msg.priority <= 3");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#mistake", { state: "hidden" });
  await page.waitForSelector("tr.alert, tr.flood");
  await page.close();
});

test("a time is chosen by dragging over the histogram", async () => {
  const page = await open(setup.chrome, url);
  await page.waitForSelector(".bars");
  const box = await page.locator(".bars").boundingBox();
  await page.mouse.move(box.x + 2, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 20);
  await page.mouse.up();
  await page.waitForURL((at) => at.searchParams.has("since") && at.searchParams.has("until"));
  const [since, before] = await page.evaluate(() => { const at = new URL(location.href).searchParams; return [at.get("since"), at.get("until")]; });
  await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
  const times = await page.$$eval("tr.alert time", (all) => all.map((one) => one.dateTime));
  assert.ok(times.length > 0 && times.every((time) => new Date(time) >= new Date(since) && new Date(time) < new Date(before)), `${since} ${before} ${times}`);
  await page.close();
});

/** The bars of the histogram: their times, and how many alerts each has. */
async function series(query = "") {
  const { interval, points } = await (await fetch(`${url}api/v1/series${query}`)).json();
  return points.map(({ time, alerts }) => ({ alerts, since: new Date(time).toISOString(), until: new Date(Date.parse(time) + interval * 1_000).toISOString() }));
}

const span = (page) => page.evaluate(() => { const at = new URL(location.href).searchParams; return [at.get("since"), at.get("until")]; });

test("a click on a bar of the histogram chooses its time", async () => {
  const all = await series();
  assert.ok(all.length > 1);
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector(".bars g");
  // A bar is its whole column: a low one would be hard to meet.
  const [picture, bar] = [await page.locator(".bars").boundingBox(), await page.locator(".bars g").nth(1).boundingBox()];
  await page.mouse.click(bar.x + bar.width / 2, picture.y + 3);
  await page.waitForURL((at) => at.searchParams.has("since"));
  assert.deepEqual(await span(page), [all[1].since, all[1].until]);
  await until("its alerts are listed", async () => await page.locator("tr.alert").count() === all[1].alerts);
  await page.goBack();
  // Where there is none, nothing happens.
  await until("all bars are there again", async () => await page.locator(".bars g").count() === all.length);
  await page.mouse.click((await page.locator(".bars g").last().boundingBox()).x - 40, picture.y + 3);
  assert.deepEqual(await span(page), [null, null]);
  await page.close();
});

test("keys go from bar to bar of the histogram, and choose one", async () => {
  const all = await series();
  const page = await open(setup.chrome, url);
  const bars = page.getByRole("slider", { name: /^\d+ alerts from / });
  const said = () => bars.getAttribute("aria-valuetext");
  await bars.focus();
  await page.keyboard.press("Home");
  const first = await said();
  assert.match(first, new RegExp(`: ${all[0].alerts} alerts?$`));
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await said(), first);
  // Who sees it reads the same.
  assert.ok((await page.textContent("figcaption .hint")).startsWith((await said()).replace(/ alerts?$/, "")));
  assert.equal(await page.locator(".bars g.at").count(), 1);
  await isAccessible(page, "a bar with the focus");
  await page.keyboard.press("Enter");
  await page.waitForURL((at) => at.searchParams.has("since"));
  assert.deepEqual(await span(page), [all[1].since, all[1].until]);
  await page.waitForFunction((alerts) => document.querySelector(".plot[aria-label]")?.ariaLabel.startsWith(`${alerts} alert`), all[1].alerts);
  assert.equal(await page.evaluate(() => document.activeElement.className.split(" ")[0]), "plot");
  await page.close();
});

test("the histogram has an axis with a few numbers", async () => {
  const most = Math.max(...(await series()).map(({ alerts }) => alerts));
  for (const width of [1280, 360]) {
    const page = await open(setup.chrome, url, { width });
    await page.waitForSelector(".bars g");
    const ticks = (await page.locator(".axis span").allTextContents()).map(Number);
    assert.ok(ticks.length >= 2 && ticks.length <= 3 && ticks.at(-1) >= most && ticks.at(-2) < most, `${ticks} ${most}`);
    // The highest bar is as high as the axis says, and no number is in another or in the bars.
    const [picture, labels] = [await page.locator(".bars").boundingBox(), await page.locator(".axis span").evaluateAll((all) => all.map((one) => { const { top, bottom, right } = one.getBoundingClientRect(); return { top, bottom, right }; }))];
    const highest = Math.min(...await page.locator(".bars g rect").evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top)));
    assert.ok(Math.abs((picture.y + picture.height - highest) / picture.height - most / ticks.at(-1)) < 0.03);
    assert.ok(labels.every(({ top, right }, n) => right <= picture.x && (n === labels.length - 1 || top >= labels[n + 1].bottom)), JSON.stringify(labels));
    await page.close();
  }
});

test("beside an open alert the list, the search and the tools are in sight", async () => {
  for (const width of [1160, 1280, 1600, 1920]) {
    const page = await open(setup.chrome, `${url}?alert=1&group=no`, { width });
    await page.waitForSelector("#detail h2");
    await page.waitForSelector("tr.alert");
    const left = (await page.locator("#detail").boundingBox()).x;
    const covered = await page.$$eval(":is(.top, #bar, main) :is(button, a, select, input, td, time)", (all, edge) => all.filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > edge).map((one) => one.outerHTML.slice(0, 80)), left);
    assert.deepEqual(covered, [], `at ${width}`);
    const message = (await page.locator("td.msg").first().boundingBox()).width;
    assert.ok(message >= 200, `at ${width} a message has ${message} pixels`);
    const { height } = await page.locator(".top").boundingBox();
    assert.ok(height < 60, `at ${width} the top bar takes two lines: ${height} pixels`);
    const more = page.locator("#more-tools");
    if (await more.isVisible()) {
      await more.click();
      assert.ok(await page.locator("#zone").evaluate((one) => { const { x, y, width: wide, height: high } = one.getBoundingClientRect(); return document.elementFromPoint(x + wide / 2, y + high / 2) === one; }), "something hides what ⋯ unfolds");
    }
    await page.close();
  }
});

test("of the reserved protocol, which Snort uses for packets of its own, it is said that it is", async () => {
  const own = setup.newRoom();
  await own.store(datagrams("v2919/portscan"));
  const server = await own.web();
  const { alerts: [alert] } = await (await fetch(`${server.url}api/v1/alerts?proto=255&limit=1`)).json();
  const page = await open(setup.chrome, `${server.url}?proto=255&group=no&alert=${alert.id}`, { width: 2600 });
  await page.waitForSelector("#detail h2");
  assert.match(await page.textContent("#detail .facts"), /Protocol255 \(reserved\): Snort puts it into packets that it makes up itself/);
  assert.equal(await page.locator("td.proto").first().textContent(), "reserved");
  assert.match(await page.textContent(".chips"), /protocol 255 \(reserved\)/);
  await page.close();
});

test("an alert's layers and bytes light up together", async () => {
  const page = await open(setup.chrome, `${url}?text=ICMP`);
  await page.locator("tr.alert a.message, tr.flood .count").first().click();
  if (!/alert=/.test(page.url())) await page.locator("tr.alert.inside a.message").first().click();
  await page.waitForSelector(".dump .line");
  const layer = page.locator(".layers > li", { has: page.locator("summary", { hasText: "IPv4" }) });
  const [from, last] = (await layer.locator("small").first().textContent()).match(/\d+/g).map(Number);
  await layer.hover();
  const lit = () => page.$$eval(".dump .hex .lit", (all) => all.map((one) => Number(one.dataset.at)));
  assert.deepEqual(await lit(), Array.from({ length: last + 1 - from }, (_, n) => from + n));
  await page.locator(".dump .hex [data-at='0']").hover();
  assert.match(await page.textContent(".layers > li.lit"), /Ethernet/);
  const id = new URL(page.url()).searchParams.get("alert");
  const alert = await (await fetch(`${url}api/v1/alerts/${id}`)).json();
  const shown = await page.$$eval(".dump .hex span", (all) => all.map((one) => one.textContent).join(""));
  assert.equal(shown, Buffer.from(alert.pkt, "base64").toString("hex"));
  const capture = await fetch(await page.getAttribute("a[download]", "href").then((href) => url + href));
  assert.equal(Buffer.from(await capture.arrayBuffer()).readUInt32LE(0), 0x0a0d0d0a);
  for (const [what, pattern] of [["JSON", /^\{"id"/], ["EVE", /"event_type":"alert"/], ["curl", /^curl '/], ["filter", /msg\.sig_id == /]]) {
    await page.selectOption("#detail select[aria-label=Copy]", what);
    await until(`copied ${what}`, async () => pattern.test(await page.evaluate(() => navigator.clipboard.readText())));
  }
  const filter = await page.evaluate(() => navigator.clipboard.readText());
  assert.ok((await (await fetch(`${url}api/v1/alerts?filter=${encodeURIComponent(filter)}`)).json()).alerts.length > 0, filter);
  await page.close();
});

test("the rule is shown, and its contents are marked in the packet", async () => {
  const own = setup.newRoom();
  await own.store(datagrams("v2919/http"));
  fs.writeFileSync(own.at("local.rules"), [
    "alert tcp any any -> any any (msg:\"ours\"; content:\"GET \"; nocase; metadata:policy test; sid:1000101; rev:9;)",
    "alert tcp any any -> any any (content:\"no sid\";)",
  ].join("\n"));
  const server = await own.web(["--rules", "local.rules"]);
  const page = await open(setup.chrome, `${server.url}?sid=1000101`);
  await page.locator("tr.alert a.message, tr.flood .count").first().click();
  if (!/alert=/.test(page.url())) await page.locator("tr.alert.inside a.message").first().click();
  await page.waitForSelector("#rule pre");
  assert.match(await page.textContent("#rule"), /metadata:policy test.*local\.rules, line 1; policy test.*The file has revision 9/s);
  await page.waitForSelector(".dump .content");
  const marked = await page.$$eval(".dump .text .content", (all) => all.map((one) => one.textContent).join(""));
  assert.match(marked, /^(GET )+$/);
  await page.goto(`${server.url}?view=health`);
  await page.waitForSelector("article:has-text('local.rules:2')");
  await isAccessible(page, "rules");
  await page.close();
});

test("what a rule looks for is marked also where a long packet was cut", async () => {
  const own = setup.newRoom();
  await own.store(datagrams("v3122/ipfrag"));
  fs.writeFileSync(own.at("local.rules"), "alert ip any any -> any any (msg:\"fragment\"; content:\"FRAGMARK\"; gid:1; sid:1000140; rev:1;)\n");
  const server = await own.web(["--rules", "local.rules"]);
  const { alerts } = await (await fetch(`${server.url}api/v1/alerts`)).json();
  const long = alerts.find((one) => one.caplen > 2_200);
  fs.writeFileSync(own.at("local.rules"), `alert ip any any -> any any (msg:"fragment"; content:"FRAGMARK"; gid:${long.sig_generator}; sid:${long.sig_id}; rev:1;)\n`);
  const page = await open(setup.chrome, `${server.url}?alert=${long.id}`);
  const marked = () => page.$$eval(".dump .text .content", (all) => all.map((one) => one.textContent).join(""));
  await until("the rule is read again, and its content marked", async () => { await page.reload(); await page.waitForSelector("#rule h3"); return await marked() === "FRAGMARK"; });
  const all = page.getByRole("button", { name: /^All [\d,]+ bytes$/ });
  if (await all.count()) await all.click();
  assert.equal(await marked(), "FRAGMARK");
  await page.close();
});

test("the overview leads to the alerts behind each number", async () => {
  const page = await open(setup.chrome, `${url}?view=overview`);
  await page.waitForSelector(".card ol li");
  assert.deepEqual(await page.$$eval(".card h2", (all) => all.map((one) => one.textContent)), ["Signatures", "Sources", "Destinations", "Destination ports", "Classes", "New signatures since yesterday", "Sensors"]);
  const first = page.locator(".card").first().locator("li").first();
  // It isn't live, and doesn't say so, wherever one comes from.
  await until("it says how old it may be", async () => await page.textContent("#state") === "every 30 s");
  await page.keyboard.press("1");
  await until("the list is live", async () => await page.textContent("#state") === "live");
  await page.keyboard.press("2");
  await until("the overview is not", async () => await page.textContent("#state") === "every 30 s" && await page.locator("#state[data-live]").count() === 0);
  const [name, count] = [await first.locator(".what").textContent(), Number(await first.locator(".n").textContent())];
  await first.locator(".value").click();
  await isAccessible(page, "the menu of a value");
  await page.getByRole("menuitem").first().click();
  await page.waitForURL(/sid=/);
  await page.keyboard.press("1");
  await page.waitForSelector("tr.flood, tr.alert");
  await until("the list has these alone", async () => (await messages(page)).every((message) => name.startsWith(message)));
  const all = await (await fetch(`${url}api/v1/alerts?sid=${new URL(page.url()).searchParams.get("sid")}`)).json();
  assert.equal(all.alerts.length, count);
  assert.ok((await messages(page)).length > 0, name);
  await page.close();
});

test("the health says where alerts come from, and leads to them", async () => {
  const page = await open(setup.chrome, `${url}?view=health`);
  const card = page.locator("article", { has: page.getByRole("heading", { name: "Where alerts come from" }) });
  await card.locator("tbody tr").first().waitFor();
  const sensor = await card.locator("tbody .value").first().textContent();
  await card.locator("tbody .value").first().click();
  await page.getByRole("menuitem", { name: "List its alerts" }).click();
  await page.waitForURL((at) => at.searchParams.get("sensor") === sensor && !at.searchParams.get("view"));
  await page.waitForSelector("tr.alert, tr.flood");
  await page.close();
});

test("the health knows the last minutes at once, and says which handler is held up", async () => {
  const history = async () => (await (await fetch(`${url}api/v1/health`)).json()).history;
  await until("the server has noted the counters a few times", async () => (await history()).counters.stored?.length >= 3);
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr .message");
  await page.route("**/api/v1/health", async (route) => {
    const answer = await (await route.fetch()).json();
    const lane = (name, ago) => ({ name, waiting: 1, waiting_since: new Date(Date.now() - ago * 1_000).toISOString(), dead_letters: 0, handled: 1, failed: 0, dropped: 0, filtered: 0, muted: 0 });
    await route.fulfill({ json: { ...answer, history: { seconds: 5, counters: { stored: [0, 50, 50, 150] } }, lanes: [lane("slow", 150), lane("quick", 2)] } });
  });
  await page.keyboard.press("3");
  const stored = page.locator("tr", { has: page.getByRole("rowheader", { name: "stored" }) });
  assert.match(await stored.textContent(), /20\/s/);
  const points = (await stored.locator("polyline").getAttribute("points")).split(" ").map((point) => point.split(",").map(Number));
  assert.deepEqual(points.map(([, y]) => y), [11, 20, 2]);
  assert.ok(points.at(-1)[0] === 100 && points[0][0] > 90, "what is not known yet is empty");
  const lanes = await page.$$eval("table[aria-label='Durable handlers'] tbody tr", (all) => all.map((one) => one.textContent));
  assert.match(lanes[0], /slowheld up, see its log lines1 the oldest 2 minutes ago/);
  assert.match(lanes[1], /^quick1 the oldest just now/);
  await page.close();
});

test("what belongs on one line of the list is on one line", async () => {
  const narrow = await open(setup.chrome, `${url}?group=no`, { width: 360, touch: true });
  await narrow.waitForSelector("tr.alert");
  const heads = await narrow.locator("tr.alert").evaluateAll((all) => all.map((row) => [...row.querySelectorAll(".level, .time, .pick, .acts")].map((cell) => { const { top, bottom } = cell.getBoundingClientRect(); return (top + bottom) / 2; })));
  assert.ok(heads.every((middles) => Math.max(...middles) - Math.min(...middles) < 12), JSON.stringify(heads));
  await narrow.close();
  const room = setup.newRoom();
  const [ping] = datagrams("v2919/icmp_ping");
  await room.store([...Array.from({ length: 4 }, () => withPriority(ping, 4)), ...[5, 9].map((priority) => withPriority(withSid(ping, priority), priority))]);
  const server = await room.web();
  const folded = await open(setup.chrome, server.url, { width: 360, touch: true });
  await folded.getByRole("button", { name: "4×" }).click();
  await folded.locator("tr.inside").getByRole("button", { name: "Acknowledge" }).nth(1).click();
  await folded.waitForSelector("tr.inside.acknowledged");
  const inside = await folded.locator("tr.alert").evaluateAll((all) => all.map((row) => [...row.querySelectorAll(".level, .time, .pick, .acts")].map((cell) => { const { top, bottom } = cell.getBoundingClientRect(); return (top + bottom) / 2; })));
  assert.ok(inside.every((middles) => Math.max(...middles) - Math.min(...middles) < 12), JSON.stringify(inside));
  // Nothing cuts a part of the ring off.
  await folded.locator("tr.inside a.message").first().evaluate((one) => one.focus({ focusVisible: true }));
  const ring = await folded.locator("tr.inside a.message").first().evaluate((one) => [getComputedStyle(one).outlineStyle, parseFloat(getComputedStyle(one).outlineOffset) + parseFloat(getComputedStyle(one).outlineWidth)]);
  assert.deepEqual(ring, ["solid", 0]);
  await folded.close();
  const usual = await open(setup.chrome, `${server.url}?group=no`, { width: 1280 });
  await usual.waitForSelector("tr.alert");
  const high = await usual.locator("tr.alert .priority").evaluateAll((all) => all.filter((one) => one.offsetHeight > 30).map((one) => one.textContent));
  assert.deepEqual(high, []);
  await usual.close();
  const wide = await open(setup.chrome, `${url}?group=no`, { width: 1920 });
  await wide.waitForSelector("tr.alert");
  const broken = await wide.locator("tr.alert :is(.kind, .src, .dst) .value").evaluateAll((all) => all.filter((one) => one.getClientRects().length > 1 || one.offsetHeight > 30).map((one) => one.textContent));
  assert.deepEqual(broken, []);
  await wide.close();
});

test("a dialog begins with its title, and leaves room beside it", async () => {
  const page = await open(setup.chrome, url, { width: 360, height: 600, touch: true });
  await page.waitForSelector("tr.alert, tr.flood");
  await page.keyboard.press("?");
  assert.ok((await page.locator("#help-title").boundingBox()).y >= (await page.locator("#help").boundingBox()).y, "the title of the help is scrolled away");
  await page.keyboard.press("Escape");
  for (const pressed of ["j", "x", "a"]) await page.keyboard.press(pressed);
  await page.getByRole("button", { name: "Comment…" }).click();
  const [dialog, field] = [await page.locator("#ask").boundingBox(), await page.locator("#ask textarea").boundingBox()];
  assert.ok(dialog.x >= 8 && dialog.x + dialog.width <= 352 && field.width > 260, JSON.stringify([dialog, field]));
  await page.close();
});

test("all of the page is small", async () => {
  const files = new Set(["", "style.css", "icon.svg", "app.js"]);
  let bytes = 0;
  for (const file of files) {
    const response = await fetch(url + file, { headers: { "accept-encoding": "gzip" } });
    const text = await response.text();
    bytes += Number(response.headers.get("content-length") ?? text.length);
    for (const [, name] of text.matchAll(/from "\.\/(\w+\.js)"/g)) files.add(name);
  }
  assert.ok(files.size > 10 && bytes < 150_000, `${bytes} bytes in ${[...files]}`);
  console.log(`the page has ${bytes} bytes, compressed`);
});
