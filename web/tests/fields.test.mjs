// Each field of the search field, as it is typed: what it includes and what it excludes are all alerts together.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, open, setUp } from "./harness.mjs";

let server;

const setup = setUp(async (room) => {
  await room.store(["v2919/http", "v2919/icmp_ping", "v2919/appmix_appid", "v2919/dns_appid", "v2919/vlan", "v3122/sip"].flatMap(datagrams));
  server = await room.web();
});

/** A value of each field that some stored alerts have, and several, of which some have one. No recorded log names actions. */
const VALUES = {
  msg: ["ping"],
  sid: ["1000134", "1:1000110", "1000134,1:1000110"],
  gid: ["1", "119", "1,119"],
  priority: ["high", "2", "0", "unknown", "low,high", "1,2"],
  class: ["misc-activity", "none", "\"Misc activity\"", "misc-activity,attempted-recon", "attempted-recon,none"],
  src: ["192.168.0.0/16", "192.168.10.21,198.51.100.20"],
  dst: ["198.51.100.20", "192.168.0.0/16,198.51.100.0/24"],
  host: ["198.51.100.20", "198.51.100.20,192.168.10.21"],
  port: ["80", "80,53"],
  endpoint: ["198.51.100.20:80", "198.51.100.20:80,192.168.10.21:80"],
  src_port: ["53", "53,25"],
  dst_port: ["80", "80,53"],
  proto: ["tcp", "TCP", "6", "icmp", "tcp,udp", "17,1"],
  sensor: ["dmz"],
  app: ["dns", "DNS"],
  action: ["allowed", "blocked,allowed"],
  vlan: ["120", "120,34"],
  dialect: ["snort3", "SNORT3"],
  socket: ["/run/snort,one/snort_alert"],
  thread: ["1", "0,1"],
  pid: ["4711", "1,2"],
  uid: ["0"],
};
/** What of these no stored alert has: they were read from a recording. */
const NONE = ["action", "sensor", "socket", "thread", "pid", "uid"];

/** How many alerts there are with what the page has chosen, as it asks for them. */
const count = (page) => page.evaluate(async () => {
  const [{ get }, { params }] = await Promise.all(["api.js", "state.js"].map((name) => import(new URL(name, document.baseURI).href)));
  return (await get("counts", { ...params(), by: "priority" })).total;
});

test("each field includes what has its value, and excludes the same", async () => {
  const page = await open(setup.chrome, server.url, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr .message");
  const fields = await page.evaluate(async () => Object.keys((await import(new URL("state.js", document.baseURI).href)).FIELDS));
  assert.deepEqual(Object.keys(VALUES), fields);
  const all = await count(page);
  const found = async (typed) => {
    const before = page.url();
    await page.fill("#words", typed);
    await page.press("#words", "Enter");
    await page.waitForFunction(() => !document.querySelector("#mistake")?.hidden || !document.querySelector("#words")?.value);
    const mistake = await page.textContent("#mistake");
    if (mistake) return mistake;
    const alerts = await count(page);
    await page.goBack();
    await page.waitForURL(before);
    return alerts;
  };
  const wrong = [];
  for (const [field, values] of Object.entries(VALUES)) for (const value of values) {
    const [included, excluded] = [await found(`${field}:${value}`), await found(`-${field}:${value}`)];
    const isExpected = NONE.includes(field) ? included === 0 : included > 0 && included < all;
    if (!isExpected || included + excluded !== all) wrong.push(`${field}:${value}: ${included} and ${excluded} of ${all}`);
  }
  assert.deepEqual(wrong, []);
  await page.close();
});

test("a word with a minus is excluded from messages, and in quotes it is a word", async () => {
  const page = await open(setup.chrome, server.url, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr .message");
  const all = await count(page);
  const submit = async (typed) => {
    await page.goto(server.url);
    await page.fill("#words", typed);
    await page.press("#words", "Enter");
    await page.waitForURL((at) => Boolean(at.search));
    const query = new URL(page.url()).searchParams;
    return [query.getAll("text"), query.getAll("not"), await count(page)];
  };
  const [, , included] = await submit("PASSWD");
  assert.ok(included > 0 && included < all);
  for (const [typed, text, not, found] of [
    ["-passwd", [], ["msg:passwd"], all - included],
    ["-PASSWD -etc/passwd", [], ["msg:PASSWD", "msg:etc/passwd"], all - included],
    ["-\"/etc/passwd access\"", [], ["msg:/etc/passwd access"], all - included],
    ["web-misc -passwd", ["web-misc"], ["msg:passwd"], undefined],
    ["\"-passwd\"", ["-passwd"], [], 0],
    ["icmp - ping", ["icmp - ping"], [], 0],
  ]) {
    const [words, excluded, alerts] = await submit(typed);
    assert.deepEqual([words, excluded], [text, not], typed);
    if (found !== undefined) assert.equal(alerts, found, typed);
  }
  await submit("-passwd");
  assert.equal(await page.locator(".chip.not button").first().textContent(), "not message passwd");
  await page.close();
});

test("each value of a list excludes by itself, also from a link", async () => {
  const page = await open(setup.chrome, `${server.url}?not=class:misc-activity,attempted-recon`);
  await page.waitForSelector("tr .message");
  assert.deepEqual(await page.$$eval(".chip.not button:first-child", (all) => all.map((one) => one.textContent)), ["not class misc-activity", "not class attempted-recon"]);
  await page.close();
});

test("each field that is listed for expressions is one", async () => {
  const page = await open(setup.chrome, server.url);
  await page.waitForSelector("tr .message");
  const listed = await page.$$eval("details.fields button", (all) => all.map((one) => one.textContent));
  assert.ok(listed.length > 20);
  for (const field of listed) {
    const { status } = await fetch(`${server.url}api/v1/criteria?filter=${encodeURIComponent(`let it = ${field}; true`)}`);
    assert.equal(status, 204, field);
  }
  await page.close();
});

test("numbers are looked for at once; of other values the server is asked first", async () => {
  const page = await open(setup.chrome, server.url, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr .message");
  let asked = 0;
  page.on("request", (request) => { asked += Number(request.url().includes("api/v1/criteria")); });
  const submit = async (typed) => {
    asked = 0;
    await page.fill("#words", typed);
    await page.press("#words", "Enter");
    await page.waitForFunction(() => !document.querySelector("#mistake")?.hidden || !document.querySelector("#words")?.value);
    return asked > 0;
  };
  for (const typed of ["priority:high", "1:1000134", "sid:1000134,1:1000110 -gid:119"]) assert.ok(!await submit(typed), typed);
  for (const typed of ["src:192.168.0.0/16", "priority:2 port:80", "priority:2 ping"]) assert.ok(await submit(typed), typed);
  for (const typed of ["priority:4294967296", "gid:1:2", "sid:1:2:3:4"]) {
    assert.ok(await submit(typed), typed);
    assert.match(await page.textContent("#mistake"), /expected|not selected by their revision/, typed);
  }
});
