// Completion of texts in expressions: stored values, quoted as expressions have them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { datagrams, open, setUp, withMessage, withSid } from "./harness.mjs";

let url;
const ODD = "say \"hi\", C:\\temp \b\f\t[x]";

const setup = setUp(async (room) => {
  const [ping] = datagrams("v2919/icmp_ping");
  await room.store([...datagrams("v2919/http"), ...datagrams("v2919/icmp_ping"), withSid(withMessage(ping, ODD), 77), withSid(withMessage(ping, "SAY it's `odd`"), 78)]);
  ({ url } = await room.web());
});

const visit = async () => {
  const page = await open(setup.chrome, url, { allow: ["400 (Bad Request)"] });
  await page.waitForSelector("tr .message");
  await page.getByRole("button", { name: "Expression" }).click();
  return page;
};

/** Types something and takes the completion with a text: what is in the input then. */
async function complete(page, typed, choice) {
  await page.fill("#expression", typed);
  await page.locator("#expression-list li", { hasText: choice }).first().click();
  return page.inputValue("#expression");
}

/** The messages that the list has with an expression. */
async function listed(page, expression) {
  await page.fill("#expression", expression);
  await page.press("#expression", "Escape");
  await page.press("#expression", "Enter");
  await page.waitForURL((at) => at.searchParams.get("filter") === expression);
  await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
  assert.equal(await page.locator("#mistake").isVisible(), false, await page.textContent("#mistake"));
  return (await (await fetch(`${url}api/v1/alerts?${new URLSearchParams({ filter: expression, packet: "no" })}`)).json()).alerts.map((one) => one.msg);
}

test("messages are completed, also with quotes, backslashes and control characters in them", async () => {
  const page = await visit();
  const literal = "\"say \\\"hi\\\", C:\\\\temp \\u0008\\u000c\\t[x]\"";
  for (const [typed, expected] of [
    ["msg.msg.contains(\"say", `msg.msg.contains(${literal})`],
    ["msg.msg == \"say", `msg.msg == ${literal}`],
    ["msg.msg == \"say \\\"h", `msg.msg == ${literal}`],
    ["msg.msg.starts_with(\"say \\\"hi\\\", C:\\\\t", `msg.msg.starts_with(${literal})`],
    ["msg.msg == \"\\U00000073\\u0061\\x79", `msg.msg == ${literal}`],
    ["msg.msg.to_lower() == \"SAY", `msg.msg.to_lower() == ${literal.replace("C:", "c:")}`],
    ["alert.priority != 99 && !msg.msg.contains(\"no \\\" no\") && msg.msg in [\"a]\", \"say", `alert.priority != 99 && !msg.msg.contains("no \\" no") && msg.msg in ["a]", ${literal}`],
  ]) {
    assert.equal(await complete(page, typed, "say \"hi\""), expected);
    assert.deepEqual(await listed(page, expected.includes(" in [") ? `${expected}]` : expected), [ODD], typed);
  }
  await page.close();
});

test("addresses and classes are completed wherever a text may stand", async () => {
  const page = await visit();
  for (const [typed, choice, expected] of [
    ["alert.src_ip == \"", "203.0.113.77", "alert.src_ip == \"203.0.113.77\""],
    ["ip_in(alert.src_ip, \"203", "203.0.113.77", "ip_in(alert.src_ip, \"203.0.113.77\""],
    ["ip_in(alert.dst_ip, [\"10.0.0.1\", \"192.168.10.2", "192.168.10.21", "ip_in(alert.dst_ip, [\"10.0.0.1\", \"192.168.10.21\""],
    ["alert.class in [\"misc-activity\", \"attempted-r", "attempted-recon", "alert.class in [\"misc-activity\", \"attempted-recon\""],
    ["alert.class.starts_with(\"attempted-r", "attempted-recon", "alert.class.starts_with(\"attempted-recon\")"],
    ["alert.class_description == \"att", "Attempted Information Leak", "alert.class_description == \"Attempted Information Leak\""],
  ]) assert.equal(await complete(page, typed, choice), expected);
  // What follows stays, and a text that is whole gets no second quote.
  await page.fill("#expression", "alert.class == \"attempted-r\" && alert.priority == 2");
  await page.locator("#expression").evaluate((/** @type {HTMLInputElement} */ input) => { input.setSelectionRange(27, 27); input.dispatchEvent(new Event("input")); });
  await page.locator("#expression-list li", { hasText: "attempted-recon" }).first().click();
  assert.equal(await page.inputValue("#expression"), "alert.class == \"attempted-recon\" && alert.priority == 2");
  await page.close();
});

test("a message with control characters is chosen and excluded", async () => {
  const page = await visit();
  const chosen = (query) => page.evaluate(async (text) => {
    const [{ get }, { empty, params }] = await Promise.all(["api.js", "state.js"].map((name) => import(new URL(name, document.baseURI).href)));
    return (await get("alerts", { ...params({ ...empty(), ...JSON.parse(text) }), packet: "no" })).alerts.length;
  }, JSON.stringify(query));
  const [all, one, others] = [await chosen({}), await chosen({ include: { msg: [ODD] } }), await chosen({ exclude: [["msg", ODD]] })];
  assert.deepEqual([one, others], [1, all - 1]);
  await page.close();
});
