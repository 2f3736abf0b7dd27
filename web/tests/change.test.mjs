// Changing: triage, logins, roles; and new alerts as they come, whatever is in them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until, withMessage, withSid } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;

const count = async (url, query) => (await (await fetch(`${url}api/v1/alerts?limit=1000&${query}`)).json()).alerts.length;

test("alerts are acknowledged, starred and commented on, and it can be undone", async () => {
  const room = newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  const { url } = await room.web();
  const all = await count(url, "");
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.waitForSelector("tr.alert");
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.waitForSelector("tr.alert.acknowledged");
  await until("one is acknowledged", async () => await count(url, "acknowledged=yes") === 1);
  await page.locator("#toast button").click();
  await until("it is undone", async () => await count(url, "acknowledged=yes") === 0);
  await page.keyboard.press("s");
  await until("one is starred", async () => await count(url, "starred=yes") === 1);
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.locator("#ask[open]").getByRole("button", { name: `Acknowledge ${all} alerts` }).click();
  await until("all are acknowledged", async () => await count(url, "acknowledged=yes") === all);
  await page.getByLabel("hide acknowledged").check();
  await page.waitForSelector("text=No alerts found");
  await isAccessible(page, "nothing left");
  await page.locator("#toast button").click();
  await page.waitForSelector("tr.alert");
  await page.locator("tr.alert a.message").first().click();
  await page.fill("#comments textarea", "A <b>false</b> alarm");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForSelector("#comments li .text");
  assert.equal(await page.textContent("#comments li .text"), "A <b>false</b> alarm");
  await isAccessible(page, "a comment");
  assert.equal(await count(url, "comment=false"), 1);
  await page.getByRole("button", { name: "Remove this comment" }).click();
  await until("the comment is gone", async () => await count(url, "comment=false") === 0);
  const listed = await room.run(["query", "--store", "a.db", "--starred"]);
  assert.equal(listed.trim().split("\n").length, 1);
  await page.close();
});

test("a page that was open while the server started again can still change something", async () => {
  const room = newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  let server = await room.web();
  const { url } = server;
  const page = await open(setup.chrome, `${url}?group=no`, { allow: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "403 (Forbidden)"] });
  await page.waitForSelector("tr.alert");
  await until("it is live", async () => await page.textContent("#state") === "live");
  await server.end();
  server = await room.web([], new URL(url).port);
  await page.keyboard.press("j");
  await page.keyboard.press("s");
  await until("one is starred", async () => await count(url, "starred=yes") === 1);
  await page.close();
});

test("a filter of the triage acknowledges what comes", async () => {
  const room = newRoom();
  const { url } = await room.live();
  const { csrf } = await (await fetch(`${url}api/v1/session`)).json();
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  const added = await fetch(`${url}api/v1/triage/rules`, { method: "POST", headers, body: JSON.stringify({ expression: "alert.proto == \"ICMP\"" }) });
  assert.equal(added.status, 201);
  const wrong = await fetch(`${url}api/v1/triage/rules`, { method: "POST", headers, body: JSON.stringify({ expression: "alert.prto == 1" }) });
  assert.equal(wrong.status, 400);
  await room.play([...datagrams("v2919/icmp_ping"), ...datagrams("v2919/http")]);
  const all = datagrams("v2919/icmp_ping").length + datagrams("v2919/http").length;
  await until("all are stored", async () => await count(url, "") === all);
  const icmp = await count(url, "proto=icmp");
  await until("they are acknowledged", async () => await count(url, "acknowledged=yes") === icmp);
  assert.ok(icmp > 0 && await count(url, "acknowledged=no") > 0);
});

test("a filter that fails acknowledges nothing, and one that is slow holds nobody up", async () => {
  const room = newRoom();
  const { url } = await room.live();
  const { csrf } = await (await fetch(`${url}api/v1/session`)).json();
  const headers = { "content-type": "application/json", "x-csrf-token": csrf };
  const send = (path, body) => fetch(`${url}api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  assert.equal((await send("triage/rules", { expression: "alert.vlan[0] == 7" })).status, 201);
  const all = datagrams("v2919/http").length;
  await room.play(datagrams("v2919/http"));
  await until("all are stored", async () => await count(url, "") === all);
  const failing = await (await send("triage", { criteria: { filter: "alert.vlan[0] == 7" }, mark: "starred", set: true })).json();
  assert.equal(failing.alerts, 0);
  assert.equal((await send("triage/rules", { expression: "msg.sig_id > 0" })).status, 201);
  await room.play(datagrams("v2919/icmp_ping"));
  const later = datagrams("v2919/icmp_ping").length;
  await until("what came later is acknowledged", async () => await count(url, "acknowledged=yes") === later);
});

test("new alerts come by themselves, wait while paused, and none is missed over a restart", { timeout: 60_000 }, async () => {
  const room = newRoom();
  let server = await room.live();
  const { url } = server;
  const page = await open(setup.chrome, `${url}?group=no`, { allow: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"] });
  await page.waitForSelector("text=No alerts found");
  await until("it is live", async () => await page.textContent("#state") === "live");
  const [first, second, third] = ["v2919/icmp_ping", "v2919/http", "v2919/ssh"].map(datagrams);
  await room.play(first);
  await until("the first are shown", async () => (await messages(page)).length === first.length);
  await page.keyboard.press("p");
  await room.play(second);
  await page.waitForSelector(`.newer:has-text("${second.length} new")`);
  assert.equal((await messages(page)).length, first.length);
  await page.keyboard.press("p");
  await until("all are shown", async () => (await messages(page)).length === first.length + second.length);
  await server.end("SIGKILL");
  server = await room.live([], new URL(url).port);
  await room.play(third);
  const all = first.length + second.length + third.length;
  await until("what came after the restart is shown", async () => (await messages(page)).length === all);
  const ids = await page.$$eval("tr.alert", (rows) => rows.map((row) => Number(row.dataset.id)));
  assert.deepEqual(ids, Array.from({ length: all }, (_, n) => all - n));
  await page.close();
});

test("the chosen alert stays the same while others come, and is the one that a key acknowledges", { timeout: 60_000 }, async () => {
  const room = newRoom();
  const [ping] = datagrams("v2919/icmp_ping");
  const [http] = datagrams("v2919/http");
  const { url } = await room.live();
  // A flood first, so that a row is not a group; then alerts of other signatures.
  const others = Array.from({ length: 9 }, (_, n) => withSid(http, 2_000_000 + n));
  const first = [...Array.from({ length: 5 }, () => ping), ...others.slice(0, 5)];
  await room.play(first);
  await until("they are stored", async () => await count(url, "") === first.length);
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.alert");
  const chosen = () => page.evaluate(() => Number(document.querySelector("table.alerts tr.selected")?.dataset.id));
  const focused = () => page.evaluate(() => Number(document.activeElement?.dataset.id));
  for (let n = 0; n < 4; n += 1) await page.keyboard.press("j");
  const id = await chosen();
  assert.ok(id > 0);
  assert.equal(await focused(), id);
  await room.play(others.slice(5));
  await until("the new ones are shown", async () => await page.locator("tr.alert").first().getAttribute("data-id") === String(first.length + 4));
  assert.deepEqual([await chosen(), await focused()], [id, id]);
  await page.keyboard.press("e");
  await until("one is acknowledged", async () => await count(url, "acknowledged=yes") === 1);
  const { alerts } = await (await fetch(`${url}api/v1/alerts?acknowledged=yes`)).json();
  assert.deepEqual(alerts.map((one) => one.id), [id]);
  // The newest becomes one of a flood: it stays a row of its own, and the flood is not acknowledged with it.
  await page.keyboard.press("g");
  const newest = await chosen();
  await room.play([others[8], others[8], others[8]]);
  await page.waitForSelector("tr.flood");
  await until("the flood is shown", async () => (await page.$$eval("tr.alert", (rows) => rows.map((row) => Number(row.dataset.id)))).includes(first.length + 7));
  assert.equal(await chosen(), newest);
  await page.keyboard.press("e");
  await until("another one is acknowledged", async () => await count(url, "acknowledged=yes") === 2);
  await page.close();
});

test("alerts that come while it is asked are not acknowledged with the others", { timeout: 60_000 }, async () => {
  const room = newRoom();
  const [ping] = datagrams("v2919/icmp_ping");
  const { url } = await room.live();
  await room.play([ping, ping, ping]);
  await until("they are stored", async () => await count(url, "") === 3);
  const page = await open(setup.chrome, url);
  await page.waitForSelector("tr.flood");
  await page.getByRole("button", { name: "Acknowledge all" }).click();
  await page.waitForSelector("#ask[open]");
  await room.play([ping, ping]);
  await until("more are stored", async () => await count(url, "") === 5);
  await page.locator("#ask[open]").getByRole("button", { name: "Acknowledge 3 alerts" }).click();
  await page.waitForSelector("#toast:has-text('3 alerts acknowledged')");
  assert.equal(await count(url, "acknowledged=yes"), 3);
  await page.close();
});

/** What no screen shows: a tag, selectors of variants, a joiner, fillers, a mark of Arabic. */
const UNSEEN = ["\u{e0041}", "\u{e0100}", "\ufe0f", "\u034f", "\u3164", "\u115f", "\u0600"];

test("nothing of an alert is taken for anything but text", async () => {
  const room = newRoom();
  const [datagram] = datagrams("v2919/icmp_ping");
  const hostile = [
    "<script>window.hit = 1</script><img src=x onerror=\"window.hit = 1\">",
    "\"'><svg onload=window.hit=1> javascript:window.hit=1",
    "\u001b[31mred\u001b[0m \u202eesrever\u202c z\u200bero",
    `hidden ${UNSEEN.map((sign) => `a${sign}b`).join(" ")}`,
    Buffer.from([0xff, 0xfe, 0x80, 0x41]),
    "x".repeat(255),
  ];
  await room.store(hostile.map((message) => withMessage(datagram, message)));
  const { url } = await room.web();
  for (const width of [1280, 360]) {
    const page = await open(setup.chrome, `${url}?group=no`, { width });
    await page.waitForSelector("tr.alert");
    assert.equal((await messages(page)).length, hostile.length);
    assert.ok((await messages(page)).some((text) => text.includes("\\u{1b}[31mred\\u{1b}[0m \\u{202e}esrever")), await messages(page));
    const shown = UNSEEN.map((sign) => `a\\u{${sign.codePointAt(0).toString(16)}}b`).join(" ");
    assert.ok((await messages(page)).includes(`hidden ${shown}`), await messages(page));
    for (let id = 1; id <= hostile.length; id += 1) {
      await page.goto(`${url}?alert=${id}`);
      await page.waitForSelector("#detail h2");
      if (width === 360) await isAccessible(page, `alert ${id}`);
    }
    await page.goto(`${url}?view=overview`);
    await page.waitForSelector(".card ol li");
    assert.equal(await page.evaluate(() => "hit" in window), false);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} pixels too wide`);
    assert.equal(await page.evaluate(() => document.querySelectorAll("main script, main img").length), 0);
    await page.close();
  }
});

test("who is not logged in sees nothing, and who may only look changes nothing", async () => {
  const room = newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  await room.run(["web", "user", "add", "ann", "--users", "users"], "correct horse\n");
  await room.run(["web", "user", "add", "eve", "--users", "users", "--read-only"], "battery staple\n");
  const { url } = await room.web(["--users", "users"]);
  const page = await open(setup.chrome, url, { allow: ["401 (Unauthorized)", "403 (Forbidden)"] });
  await page.waitForSelector("#login[open]");
  await isAccessible(page, "login");
  assert.equal(await page.locator("tr.alert").count(), 0);
  const logIn = async (name, password) => {
    await page.fill("#login input[name=name]", name);
    await page.fill("#login input[name=password]", password);
    await page.keyboard.press("Enter");
  };
  await logIn("ann", "wrong");
  await page.waitForSelector("#login [role=alert]:not([hidden])");
  await logIn("eve", "battery staple");
  await page.waitForSelector("tr.alert, tr.flood");
  assert.equal(await page.locator(".acts button:visible").count(), 0);
  const refused = await page.evaluate(async () => {
    const { csrf } = await (await fetch("api/v1/session")).json();
    const headers = { "content-type": "application/json", "x-csrf-token": csrf };
    const send = async (path, body) => (await fetch(`api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) })).status;
    return [await send("triage", { ids: [1], mark: "starred", set: true }), await send("alerts/1/comments", { text: "x" }), await send("redeliver", {}), await send("triage/rules", { expression: "true" })];
  });
  assert.deepEqual(refused, [403, 403, 403, 403]);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForSelector("#login[open]");
  await logIn("ann", "correct horse");
  await page.waitForSelector(".acts button:visible");
  await page.close();
});

test("with users and a token, the login takes either", async () => {
  const room = newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  await room.run(["web", "user", "add", "ann", "--users", "users"], "correct horse\n");
  const { url } = await room.web(["--users", "users", "--token", "s3cret-of-the-page"]);
  const page = await open(setup.chrome, url, { allow: ["401 (Unauthorized)"] });
  await page.waitForSelector("#login[open]");
  assert.equal(await page.locator("#login input[name=password]").count(), 1);
  await page.getByRole("button", { name: "With token" }).click();
  await isAccessible(page, "login");
  await page.fill("#login input[name=token]", "s3cret-of-the-page");
  await page.keyboard.press("Enter");
  await page.waitForSelector("tr.alert, tr.flood");
  await page.getByRole("button", { name: "Log out" }).click();
  await page.waitForSelector("#login[open]");
  await page.getByRole("button", { name: "With token" }).click();
  await page.getByRole("button", { name: "With password" }).click();
  await page.fill("#login input[name=name]", "ann");
  await page.fill("#login input[name=password]", "correct horse");
  await page.keyboard.press("Enter");
  await page.waitForSelector("tr.alert, tr.flood");
  await page.close();
});

test("what is refused for good is shown, and sent again", { timeout: 60_000 }, async () => {
  const room = newRoom();
  const { url } = await room.live(["--data-handler", "exec", "exec.command=false", "exec.durable=true"]);
  await room.play(datagrams("v2919/icmp_ping"));
  const all = datagrams("v2919/icmp_ping").length;
  const page = await open(setup.chrome, `${url}?view=health`);
  await until("dead letters are shown", async () => (await page.locator("article:has(h2:text('Dead letters')) tbody tr").count()) === Math.min(all, 20));
  await isAccessible(page, "health");
  assert.match(await page.textContent("main"), /received/);
  await page.locator("article:has(h2:text('Dead letters')) tbody a").first().click();
  await page.waitForSelector("#detail .dump");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Send all again" }).click();
  await page.waitForSelector(`#toast:has-text("${all} dead letters are sent again")`);
  await page.close();
});
