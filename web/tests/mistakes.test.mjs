// What a new user gets wrong: fields that there are not, filters with a mistake, no rules.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until } from "./harness.mjs";

const BAD = ["400 (Bad Request)"];
let server;

const setup = setUp(async (room) => {
  await room.store([...datagrams("v2919/http"), ...datagrams("v2919/icmp_ping")]);
  server = await room.web();
});
const { room } = setup;

const visit = (query = "", options = {}) => open(setup.chrome, server.url + query, { allow: BAD, ...options });

test("a filter with a mistake shows no alerts that could be taken for what it finds", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  await page.waitForSelector("#chosen");
  await page.getByRole("button", { name: "Expression" }).click();
  await page.fill("#expression", "alert.dst_prt == 80");
  await page.press("#expression", "Enter");
  await page.waitForSelector("#mistake:not([hidden])");
  await page.getByText("Nothing is shown: the filter has a mistake").waitFor();
  assert.deepEqual(await messages(page), []);
  assert.equal(await page.locator("figure.histogram").count(), 0);
  for (const name of ["Noise…", "Acknowledge all…"]) assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  assert.equal(await page.getByLabel("Download", { exact: true }).count(), 0);
  assert.ok(await page.locator("#chosen").isHidden());
  assert.match(await page.textContent(".chip.wrong"), /dst_prt/);
  await isAccessible(page, "a mistake");
  // Keys do nothing to alerts that are not in sight.
  await page.locator("#expression").blur();
  await page.keyboard.press("e");
  const { total } = await (await fetch(`${server.url}api/v1/counts?by=sid&acknowledged=yes`)).json();
  assert.equal(total, 0);
  await page.getByRole("button", { name: "Show all alerts" }).click();
  await page.waitForSelector("tr .message");
  assert.equal(await page.locator(".chip.wrong").count(), 0);
  assert.ok(await page.locator("figure.histogram").count());
  await page.close();
});

test("an address that is none is named, with its chip, on each view", async () => {
  for (const view of ["", "view=overview&"]) {
    const page = await visit(`?${view}src=999.1&sid=384`);
    await page.waitForSelector("#mistake:not([hidden])");
    assert.match(await page.textContent("#mistake"), /^src: "999\.1": expected an address or a network/);
    assert.deepEqual(await page.$$eval(".chip.wrong", (all) => all.map((one) => one.className)), ["chip src wrong"]);
    await page.getByText("Nothing is shown").waitFor();
    assert.equal(await page.locator("article.card, tr.alert").count(), 0);
    await page.close();
  }
});

test("a field that there is not is said, with the one that is meant, and nothing is searched", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  for (const [typed, said] of [
    ["sig:foo", /there is no field sig; did you mean sid\?/],
    ["prioritty:1", /did you mean priority\?/],
    ["colour:red", /there is no field colour.*sid, .*priority, .*"colour:red"/],
    ["since:1h", /there is no field since; choose a time from the list/],
    // In the words of the server, which checks each value.
    ["port:http", /^port: "http": expected a whole number from 0 to 65535/],
    ["dport:99999", /^dst_port: "99999": expected a whole number from 0 to 65535/],
    ["-src_port:http", /^src_port: "http": expected a whole number/],
    ["src_port:5060-5070", /^src_port: "5060-5070": expected a whole number/],
    ["192.168.10.21:99999", /^"192\.168\.10\.21:99999": the port 99999 is none, they go up to 65535/],
    ["-[2001:db8::1]:65536", /the port 65536 is none, they go up to 65535/],
    ["src:", /^src: needs a value, such as src:10\.0\.0\.0\/8\. To look for the words, write "src:"/],
    ["ping -dst_port:", /^dst_port: needs a value/],
    ["sid:\"\"", /^sid: needs a value/],
    ["priority:urgent", /^priority: "urgent": expected a number, or unknown, high, medium, low, very-low/],
    ["sid:abc", /^sid: "abc": expected a whole number from 0 to \d+, or with its generator, such as 1:384/],
    ["gid:x", /^gid: "x": expected a whole number/],
    ["src:nosuch", /^src: "nosuch": expected an address or a network/],
    ["-dst:10.0.0.0/33", /^dst: "10\.0\.0\.0\/33": expected an address or a network/],
    ["src:10.0.0.1 src:10.0.0.x", /^src: "10\.0\.0\.x": expected an address/],
    ["proto:foo", /^proto: "foo": expected tcp, udp/],
    ["priority:1-2", /^priority: "1-2": expected/],
    ["action:allow", /alert\.action is never "allow"; write alert\.action == "allowed"/],
    // What has no negation is never taken as its opposite.
    ["-comment:x", /^alerts can't be excluded by their comments; comment:x finds those with it/],
    ["starred:no", /^alerts without a star can't be chosen here; pigear query --starred=no/],
    ["-starred:yes", /^alerts without a star can't be chosen here/],
    ["acknowledged:perhaps", /^acknowledged: "perhaps": expected yes or no/],
    ["ack:no", /did you mean acknowledged\?/],
    ["endpoint:192.168.10.21", /^endpoint: "192\.168\.10\.21": expected an address with its port, such as 192\.0\.2\.1:80/],
    ["-endpoint:[2001:db8::1]:99999", /^endpoint: "\[2001:db8::1\]:99999": expected an address with its port/],
    ["16:00", /^16:00 looks like a time.*choose a time from the list.*"16:00"/],
    ["ping 08:15:00", /^08:15:00 looks like a time/],
    [Array.from({ length: 17 }, (_, n) => `-port:${n}`).join(" "), /there are more than 16 filters/],
  ]) {
    await page.fill("#words", typed);
    await page.press("#words", "Enter");
    await until(`${typed}: ${said}`, async () => await page.isVisible("#mistake") && said.test(await page.textContent("#mistake")));
    assert.equal(await page.inputValue("#words"), typed);
    assert.equal(new URL(page.url()).search, "");
  }
  await page.fill("#words", "\"colour:red\"");
  await page.press("#words", "Enter");
  await page.waitForURL((at) => at.searchParams.get("text") === "colour:red");
  await page.waitForSelector("#mistake", { state: "hidden" });
  await page.close();
});

test("a mistake that is typed while alerts are loaded stays when they are there", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  /** @type {() => void} */
  let release = () => {};
  const held = new Promise((resolve) => { release = () => resolve(undefined); });
  await page.route("**/api/v1/series*", async (route) => { await held; await route.continue(); });
  await page.fill("#words", "ping");
  await page.keyboard.press("Enter");
  await page.waitForURL(/text=ping/);
  await page.fill("#words", "priority:4294967296");
  await page.keyboard.press("Enter");
  await page.locator("#mistake", { hasText: "expected a whole number" }).waitFor();
  release();
  await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
  assert.ok(await page.locator("#mistake").isVisible());
  await page.close();
});

test("usual names of fields, and words for priorities, mean what they mean elsewhere", async () => {
  const other = await visit();
  for (const [typed, name, value] of [
    ["dport:80", "dst_port", "80"], ["dst_port:80", "dst_port", "80"], ["sport:80", "src_port", "80"], ["dest_ip:10.0.0.1", "dst", "10.0.0.1"],
    ["source.ip:10.0.0.1", "src", "10.0.0.1"], ["prio:1", "priority", "1"], ["priority:high", "priority", "1"], ["priority:very-low", "priority", "4"], ["priority:\"very low\"", "priority", "4"], ["priority:very low", "priority", "4"],
    ["priority:\"priority 5\"", "priority", "5"], ["-priority:unknown", "not", "priority:0"], ["signature_id:384", "sid", "384"],
    ["signature:1:384", "sid", "1:384"], ["sid:1:384:8", "sid", "1:384"], ["rule:1:384:8", "sid", "1:384"], ["alert.gid:116", "gid", "116"],
    ["severity:high", "priority", "1"], ["alert.severity:very low", "priority", "4"], ["event.severity:2", "priority", "2"],
    ["msg:passwd", "text", "passwd"], ["signature:\"ICMP PING\"", "text", "ICMP PING"], ["-msg:ping", "not", "msg:ping"],
    ["src_addr:10.0.0.1", "src", "10.0.0.1"], ["destination.ip:10.0.0.1", "dst", "10.0.0.1"], ["dest_port:80", "dst_port", "80"], ["observer.name:dmz", "sensor", "dmz"],
    ["category:\"Attempted Information Leak\"", "class", "attempted-recon"], ["-class:\"attempted information leak\"", "not", "class:attempted-recon"],
    ["class:Misc activity", "class", "misc-activity"], ["-class:attempted information leak", "not", "class:attempted-recon"], ["class: generic ICMP event", "class", "icmp-event"],
    ["class:MISC-ACTIVITY", "class", "misc-activity"], ["-class:None", "not", "class:none"], ["priority: very low", "priority", "4"],
    ["acknowledged:no", "acknowledged", "no"], ["-acknowledged:no", "acknowledged", "yes"], ["starred:yes", "starred", "yes"],
    ["protocol:tcp", "proto", "tcp"], ["classification:misc-activity", "class", "misc-activity"],
  ]) {
    await other.goto(server.url);
    await other.waitForSelector("#words");
    await other.fill("#words", typed);
    await other.press("#words", "Enter");
    await until(`${typed}: ${name}=${value}`, () => new URL(other.url()).searchParams.get(name) === value);
  }
  await other.close();
  const page = await visit("?dst_port=80");
  await until("they are found", async () => (await messages(page)).length > 0);
  assert.match(await page.textContent(".chips"), /destination port 80/);
  assert.ok((await messages(page)).every((one) => !one.includes("PING")));
  await page.close();
});

test("what is excluded, and no stored alert has, is said", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  for (const [typed, said] of [
    ["-class:nosuch", "Nothing is left out: no stored alert has the class \"nosuch\"; there are "],
    ["-sid:1,1000134", "Nothing is left out: no stored alert has sid 1"],
    ["-priority:99 -gid:98", "Nothing is left out: no stored alert has priority 99; no stored alert has gid 98"],
  ]) {
    await page.fill("#words", typed);
    await page.press("#words", "Enter");
    await until(said, async () => (await page.textContent("#toast"))?.startsWith(said));
  }
  await page.close();
});

test("the expression has an example, and a list of fields to choose from", async () => {
  const page = await visit();
  await page.getByRole("button", { name: "Expression" }).click();
  assert.equal(await page.getAttribute("#expression", "placeholder"), "alert.dst_port == 445 && msg.priority <= 2");
  await page.getByText("Fields", { exact: true }).click();
  await page.getByRole("button", { name: "alert.dst_port", exact: true }).click();
  assert.equal(await page.inputValue("#expression"), "alert.dst_port");
  await isAccessible(page, "the fields");
  await page.close();
});

test("an alert without its rule says why there is none", async () => {
  const none = await visit("?alert=1");
  await none.locator("#rule").getByText("None was read: start Pigear with --rules PATH").waitFor();
  await none.close();
  const { alerts: [alert] } = await (await fetch(`${server.url}api/v1/alerts?limit=1`)).json();
  const rules = room.at("other.rules");
  const fs = await import("node:fs");
  fs.writeFileSync(rules, "alert tcp any any -> any any (msg:\"other\"; sid:42;)\n");
  const other = await room.web(["--rules", rules]);
  const page = await open(setup.chrome, `${other.url}?alert=${alert.id}`);
  await page.locator("#rule").getByText(`None with ${alert.sig_generator}:${alert.sig_id} in the files that were read (1 rule).`).waitFor();
  await page.close();
});

test("who sends a layout of alerts is said in words", async () => {
  const { alerts: [alert] } = await (await fetch(`${server.url}api/v1/alerts?limit=1`)).json();
  const said = { "snort2.9": "Snort 2.9 without OpenAppID", "snort2.9-appid": "Snort 2.9.8 to 2.9.20 with OpenAppID, which names the application" }[alert.dialect];
  const page = await visit(`?alert=${alert.id}`);
  await page.locator("#detail .dialect").waitFor();
  assert.equal(await page.textContent("#detail .dialect"), `${said} ${alert.dialect}`);
  await page.getByRole("link", { name: "Health" }).click();
  await page.locator("main .dialect").first().waitFor();
  assert.equal(await page.locator("main .dialect").first().textContent(), `${said} ${alert.dialect}`);
  await page.close();
});

test("the demonstration shows rules", async () => {
  const { url } = await room.serve(["demo", "--web", "--listen", "127.0.0.1:0"]);
  const { alerts: [alert] } = await (await fetch(`${url}api/v1/alerts?sid=1000101&limit=1`)).json();
  const page = await open(setup.chrome, `${url}?alert=${alert.id}`);
  await page.locator("#rule pre.rule").waitFor();
  assert.match(await page.textContent("#rule pre.rule"), /sid:1000101;/);
  await page.close();
});

test("of a filter that fails on alerts, the page says how many are left out", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  await page.getByRole("button", { name: "Expression" }).click();
  await page.fill("#expression", "msg.msg.len() / (msg.priority - 3) != 0");
  await page.press("#expression", "Enter");
  await page.getByText(/^The filter failed on \d+ alerts, which are left out: division by zero/).waitFor();
  const { total } = await (await fetch(`${server.url}api/v1/counts?by=sid`)).json();
  const { alerts, filter_failed: failed } = await (await fetch(`${server.url}api/v1/alerts?limit=1000&filter=${encodeURIComponent("msg.msg.len() / (msg.priority - 3) != 0")}`)).json();
  assert.ok(alerts.every((alert) => alert.priority !== 3));
  assert.equal(alerts.length + failed.alerts, total);
  await page.close();
});
