// The page's address: what nothing is known of is said, and nothing is shown; and endpoints.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, isAccessible, open, setUp, until } from "./harness.mjs";

let server;

const setup = setUp(async (room) => {
  await room.store(["v2919/http", "v2919/icmp_ping", "v2919/ipv6", "v3122/http"].flatMap(datagrams));
  server = await room.web();
});

const visit = (query = "") => open(setup.chrome, server.url + query, { allow: ["400 (Bad Request)"] });
const total = async (query) => (await (await fetch(`${server.url}api/v1/counts?by=priority&${new URLSearchParams(query)}`)).json()).total;
/** How many alerts the page has, as its histogram says. */
const shown = async (page) => Number((await page.getByRole("slider").getAttribute("aria-label"))?.match(/^([\d,]+) alert/)?.[1].replaceAll(",", ""));

test("of an address with something unknown it is said what, and no alerts are shown", { timeout: 120_000 }, async () => {
  for (const view of ["", "view=overview&"]) {
    for (const [query, said] of [
      ["prioritty=1", /unknown parameter "prioritty"; did you mean priority\?/],
      ["colour=red&sid=1000134", /unknown parameter "colour"; there are msg, sid, /],
      ["not=foo:1", /^not: there is no field "foo" to exclude by, as in not=src:192\.0\.2\.1; there are msg, sid, /],
      ["not=bar", /^not: there is no field "bar" to exclude by/],
      ["not=prioritty:1", /^not: there is no field "prioritty" .*did you mean priority\?/],
      ["not=src", /not: src has no value/],
      ["sid=", /sid has no value/],
      ["acknowledged=perhaps", /acknowledged: "perhaps": expected yes or no/],
      ["starred=no", /alerts without a star can't be chosen here/],
      ["text=a&text=b", /text is there twice/],
      ["alert=x", /alert: "x": expected its number/],
      ["endpoint=192.168.10.21", /endpoint: "192\.168\.10\.21": expected an address with its port/],
    ]) {
      const page = await visit(`?${view}${query}`);
      await page.getByText("Nothing is shown: the address has a mistake").waitFor();
      assert.match(await page.textContent("#mistake") ?? "", said, query);
      assert.equal(await page.locator("figure.histogram, article.card, tr .message").count(), 0, query);
      if (query.startsWith("prioritty")) await isAccessible(page, query);
      await page.getByRole("button", { name: "Show all alerts" }).click();
      await page.waitForSelector(view ? "article.card li" : "tr .message");
      await page.waitForSelector("#mistake", { state: "hidden" });
      await page.close();
    }
  }
  const page = await visit("?view=zzz");
  await page.getByText("Nothing is shown: the address has a mistake").waitFor();
  // What is chosen next is shown; and back at the address it is said again.
  await page.fill("#words", "ping");
  await page.press("#words", "Enter");
  await page.waitForURL((at) => at.searchParams.get("text") === "ping");
  await page.waitForSelector("tr .message");
  await page.goBack();
  await page.getByText("Nothing is shown: the address has a mistake").waitFor();
  await page.close();
});

test("names that fields have elsewhere work in the address, too", async () => {
  for (const [query, criteria] of [
    ["dst_ip=198.51.100.20", { dst: "198.51.100.20" }], ["dest_port=80", { filter: "alert.dst_port == 80" }], ["severity=high", { priority: "1" }],
    ["signature_id=1000134", { sid: "1000134" }], ["ip=198.51.100.20", { host: "198.51.100.20" }], ["not=src_ip:198.51.100.20", { filter: "!(alert.src_ip == \"198.51.100.20\")" }],
  ]) {
    const page = await visit(`?${query}`);
    const wanted = await total(criteria);
    assert.ok(wanted > 0, query);
    await until(`${query}: ${wanted}`, async () => await page.getByRole("slider").count() > 0 && await shown(page) === wanted);
    await page.close();
  }
});

test("an address with its port is the endpoint, and not also the port of the other side", { timeout: 60_000 }, async () => {
  const { alerts } = await (await fetch(`${server.url}api/v1/alerts?limit=1000`)).json();
  const ends = (one) => [[one.src_ip, one.src_port], [one.dst_ip, one.dst_port]];
  const of = (ip, port) => alerts.filter((one) => ends(one).some(([a, b]) => a === ip && b === port)).length;
  const either = (ip, port) => alerts.filter((one) => ends(one).some(([a]) => a === ip) && ends(one).some(([, b]) => b === port)).length;
  // A client of a web server, with the server's port.
  const client = alerts.find((one) => one.dst_port === 80 && one.src_ip.includes(".") && either(one.src_ip, 80) > of(one.src_ip, 80));
  const v6 = alerts.find((one) => one.src_ip?.includes(":") && one.src_port);
  const page = await visit();
  for (const [ip, port, typed] of [[client.dst_ip, 80, `${client.dst_ip}:80`], [client.src_ip, 80, `${client.src_ip}:80`], [client.src_ip, client.src_port, `${client.src_ip}:${client.src_port}`], [v6.src_ip, v6.src_port, `[${v6.src_ip.toUpperCase()}]:${v6.src_port}`]]) {
    const text = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
    for (const not of ["", "-"]) {
      const wanted = not ? alerts.length - of(ip, port) : of(ip, port);
      await page.goto(server.url);
      await page.fill("#words", not + typed);
      await page.press("#words", "Enter");
      await page.waitForURL((at) => at.searchParams.get(not ? "not" : "endpoint") === (not ? `endpoint:${text}` : text));
      if (wanted) await until(`${not}${typed}: ${wanted}`, async () => await page.getByRole("slider").count() > 0 && await shown(page) === wanted);
      else await page.getByText("No alerts found").waitFor();
    }
  }
  assert.ok(of(client.dst_ip, 80) > 0 && of(v6.src_ip, v6.src_port) > 0);
  await page.close();
});
