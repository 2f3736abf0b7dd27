// Addresses and signatures that are typed as they are, without a field.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until } from "./harness.mjs";

let server;

const setup = setUp(async (room) => {
  await room.store([...datagrams("v2919/http"), ...datagrams("v2919/icmp_ping")]);
  server = await room.web();
});

const visit = (query = "") => open(setup.chrome, server.url + query, { allow: ["400 (Bad Request)"] });

/** Types something and presses Enter. */
async function submit(page, typed) {
  await page.fill("#words", typed);
  await page.press("#words", "Enter");
}

test("an address or a signature is taken as what it is", async () => {
  const page = await visit();
  for (const [typed, ...expected] of [
    ["198.51.100.20", ["host", "198.51.100.20"]],
    ["-198.51.100.0/24", ["not", "host:198.51.100.0/24"]],
    ["2001:db8::1", ["host", "2001:db8::1"]],
    ["fe80::/10", ["host", "fe80::/10"]],
    ["1:1000134", ["sid", "1:1000134"]],
    ["1:1000134:1", ["sid", "1:1000134"]],
    ["echo 198.51.100.20", ["text", "echo"], ["host", "198.51.100.20"]],
    // As Snort prints them, and as they are pasted.
    ["[1:1000134:3]", ["sid", "1:1000134"]],
    ["-[1:1000134:3]", ["not", "sid:1:1000134"]],
    ["[2001:db8:1::21]", ["host", "2001:db8:1::21"]],
    ["192.168.10.21:80", ["endpoint", "192.168.10.21:80"]],
    ["-192.168.10.21:080", ["not", "endpoint:192.168.10.21:80"]],
    ["[2001:DB8:1:0::21]:80", ["endpoint", "[2001:db8:1::21]:80"]],
    ["endpoint: [2001:DB8:1:0::21]:80", ["endpoint", "[2001:db8:1::21]:80"]],
    ["src: 10.20.0.50", ["src", "10.20.0.50"]],
    ["-src: 2001:db8::1 echo", ["not", "src:2001:db8::1"], ["text", "echo"]],
    ["sid: 1000101", ["sid", "1000101"]],
    // What isn't one is a word, in its place.
    ["300.1.2.3 x", ["text", "300.1.2.3 x"]],
    ["10.0.0.0/33", ["text", "10.0.0.0/33"]],
    ["\"192.168.10.21:99999\"", ["text", "192.168.10.21:99999"]],
    ["300.1.2.3:99999", ["text", "300.1.2.3:99999"]],
    ["fe80::/129", ["text", "fe80::/129"]],
    ["1:4294967296", ["text", "1:4294967296"]],
    ["version 1.2.3.400 of it", ["text", "version 1.2.3.400 of it"]],
    ["\"198.51.100.20\"", ["text", "198.51.100.20"]],
  ]) {
    await page.goto(server.url);
    await page.waitForSelector("#words");
    await submit(page, typed);
    await until(`${typed}: ${expected.join(" and ")}`, () => {
      const { searchParams: found } = new URL(page.url());
      return [...found].length === expected.length && expected.every(([name, value]) => found.get(name) === value);
    });
  }
  await page.close();
});

test("it is the first that is suggested, and what else it may be is beside it", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  for (const [typed, suggested] of [
    ["198.51.100.20", ["host:198.51.100.20", "src:198.51.100.20", "dst:198.51.100.20", "\"198.51.100.20\""]],
    ["192.168.10.21:80", ["endpoint:192.168.10.21:80", "\"192.168.10.21:80\""]],
    ["1:1000134:1", ["sid:1:1000134", "\"1:1000134\""]],
  ]) {
    await page.fill("#words", typed);
    await until(typed, async () => (await page.locator("#words-list li").first().textContent())?.startsWith(suggested[0]));
    const found = await page.$$eval("#words-list li", (all) => all.map((one) => one.firstChild.textContent));
    assert.deepEqual(found, suggested);
  }
  await isAccessible(page, "suggestions");
  await page.press("#words", "ArrowDown");
  await page.press("#words", "Enter");
  await page.waitForURL((at) => at.searchParams.get("sid") === "1:1000134");
  await until("only they are listed", async () => { const found = await messages(page); return found.length > 0 && found.every((one) => one === "ICMP Echo Request"); });
  await page.close();
});

test("where nothing is found, the other meaning is a button", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  await submit(page, "203.0.113.99");
  await page.waitForURL((at) => at.searchParams.get("host") === "203.0.113.99");
  await page.getByText("No alerts found").waitFor();
  await page.getByRole("button", { name: "Look for “203.0.113.99” in messages" }).click();
  await page.waitForURL((at) => at.searchParams.get("text") === "203.0.113.99" && !at.searchParams.has("host"));
  await page.getByRole("button", { name: "Alerts of host 203.0.113.99" }).click();
  await page.waitForURL((at) => at.searchParams.get("host") === "203.0.113.99" && !at.searchParams.has("text"));
  await page.getByText("No alerts found").waitFor();
  await isAccessible(page, "nothing found");
  await page.close();
  // Also of a link that somebody sent, on each view.
  for (const view of ["", "view=overview&"]) {
    const other = await visit(`?${view}text=1:1000134`);
    await other.getByRole("button", { name: "Alerts of signature 1:1000134" }).click();
    await other.waitForURL((at) => at.searchParams.get("sid") === "1:1000134" && !at.searchParams.has("text"));
    await other.close();
  }
});

test("no button looks for what can't be an address", async () => {
  for (const text of ["10.0.0.0/33", "300.1.2.3", "16:00", "1.2.3.4:99999"]) {
    const page = await visit(`?text=${text}`);
    await page.getByRole("button", { name: "Show all alerts" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /^Alerts of/ }).count(), 0, text);
    await page.close();
  }
  const page = await visit("?text=192.168.10.21:80");
  await page.getByRole("button", { name: "Alerts of endpoint 192.168.10.21:80" }).click();
  await page.waitForURL((at) => at.searchParams.get("endpoint") === "192.168.10.21:80" && !at.searchParams.has("text"));
  await page.close();
});

test("alerts without a word in their messages are listed", async () => {
  const page = await visit();
  await page.waitForSelector("tr .message");
  assert.ok((await messages(page)).some((one) => /ping/i.test(one)));
  await submit(page, "-message:PING");
  await page.waitForURL((at) => at.searchParams.get("not") === "msg:PING");
  await until("none has it", async () => { const found = await messages(page); return found.length > 0 && found.every((one) => !/ping/i.test(one)); });
  await page.close();
});
