// The server is down, or the store is away: nothing old is taken for an answer, and all of it is back by itself.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp, until } from "./harness.mjs";

const ALLOW = ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "503 (Service Unavailable)", "404 (Not Found)"];
const UNREACHABLE = "Pigear can't be reached";

const setup = setUp();

/** A page over a store of its own, with its server. */
async function visit(query = "?group=no") {
  const room = setup.newRoom();
  await room.store([...datagrams("v2919/http"), ...datagrams("v2919/icmp_ping")]);
  const server = await room.web();
  const page = await open(setup.chrome, server.url + query, { allow: ALLOW });
  await page.waitForSelector("main section");
  await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
  return { room, server, page, again: () => room.web([], new URL(server.url).port) };
}

const files = (room) => fs.readdirSync(room.path).filter((name) => name.startsWith("a.db"));
const move = (room) => { for (const name of files(room)) fs.renameSync(room.at(name), room.at(`away-${name}`)); };
const moveBack = (room) => { for (const name of fs.readdirSync(room.path).filter((one) => one.startsWith("away-"))) fs.renameSync(room.at(name), room.at(name.slice(5))); };

async function submit(page, typed) {
  await page.fill("#words", typed);
  await page.press("#words", "Enter");
}

test("a search that gets no answer shows nothing of the one before, on each view", { timeout: 120_000 }, async () => {
  for (const view of ["", "&view=overview"]) {
    for (const [leave, come, said] of [["server", "again", UNREACHABLE], ["store", "back", "there is no store"]]) {
      const { room, server, page, again } = await visit(`?group=no${view}`);
      await page.waitForSelector("figure.histogram");
      if (leave === "server") await server.end(); else move(room);
      await submit(page, "ping");
      await page.waitForURL(/text=ping/);
      await page.locator("main").getByText("Nothing is shown").waitFor();
      assert.match(await page.textContent("main"), new RegExp(said));
      assert.deepEqual(await messages(page), []);
      assert.equal(await page.locator("figure.histogram, article.card").count(), 0);
      await isAccessible(page, `${view} without the ${leave}`);
      if (come === "again") await again(); else moveBack(room);
      await page.locator("figure.histogram").waitFor();
      await page.waitForSelector(view ? "article.card li" : "tr .message");
      if (!view) await until("what is looked for is listed", async () => { const found = await messages(page); return found.length > 0 && found.every((one) => /ping/i.test(one)); });
      await page.close();
    }
  }
});

test("a view that was never there says why, and can be tried again", { timeout: 120_000 }, async () => {
  for (const leave of ["server", "store"]) {
    const { room, server, page, again } = await visit();
    if (leave === "server") await server.end(); else move(room);
    for (const name of ["Overview", "Health"]) {
      await page.getByRole("link", { name }).click();
      await page.locator("main").getByText("Nothing is shown").waitFor();
      assert.match(await page.textContent("main"), leave === "server" ? /Pigear can't be reached/ : /there is no store/, name);
      await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
      await isAccessible(page, `${name} without the ${leave}`);
    }
    if (leave === "server") await again(); else moveBack(room);
    await page.getByRole("button", { name: "Try again" }).click().catch(() => {});
    await page.getByRole("heading", { name: "Counters" }).waitFor();
    await page.close();
  }
});

test("an alert that could not be loaded is there once the server is, by itself and by a button", { timeout: 120_000 }, async () => {
  for (const isAsked of [false, true]) {
    const { server, page, again } = await visit();
    const row = page.locator("tr.alert").nth(2);
    const message = await row.locator(".message").textContent();
    await server.end();
    await row.locator("a.message").click();
    await page.locator("#detail", { hasText: UNREACHABLE }).waitFor();
    await isAccessible(page, "an alert without its server");
    assert.ok(!(await page.textContent("#detail"))?.includes("fetch"));
    await again();
    if (isAsked) await page.locator("#detail").getByRole("button", { name: "Try again" }).click().catch(() => {});
    await page.waitForSelector("#detail .facts");
    assert.equal(await page.textContent("#detail h2"), message);
    await page.close();
  }
});

test("what could not be done is said, in words", { timeout: 60_000 }, async () => {
  const { server, page } = await visit();
  await page.locator("tr.alert a.message").first().click();
  await page.waitForSelector("#comments textarea");
  await page.fill("#comments textarea", "seen");
  await server.end();
  const said = async (text) => until(text, async () => (await page.textContent("#toast"))?.includes(text));
  await page.locator("#comments").getByRole("button", { name: "Add" }).click();
  await said(`${UNREACHABLE}: the comment was not added`);
  assert.equal(await page.inputValue("#comments textarea"), "seen");
  await page.getByRole("button", { name: "Close the alert" }).click();
  await page.locator("tr.alert").first().getByRole("button", { name: "Acknowledge" }).click();
  await said(`${UNREACHABLE}: the alert was not acknowledged`);
  await page.locator("tr.alert").first().getByRole("button", { name: "Star" }).click();
  await said(`${UNREACHABLE}: the alert was not starred`);
  await page.getByRole("button", { name: "Acknowledge all…" }).click();
  await said(`${UNREACHABLE}: nothing was acknowledged`);
  const url = page.url();
  await page.getByLabel("Download", { exact: true }).selectOption("json");
  await said(`${UNREACHABLE}: nothing was downloaded`);
  assert.equal(page.url(), url);
  assert.ok((await messages(page)).length > 0, "what is listed stays");
  await page.close();
});

test("what a server in between says instead of Pigear is not shown as it is", async () => {
  const { page } = await visit();
  await page.route("**/api/v1/**", (route) => route.fulfill({ status: 503, contentType: "text/html", body: "<html><h1>Service Unavailable</h1></html>" }));
  await submit(page, "ping");
  await page.locator("main").getByText("Nothing is shown: the answer has status 503, and is not Pigear's").waitFor();
  assert.ok(!(await page.textContent("body"))?.includes("<h1>"));
  await page.unroute("**/api/v1/**");
  await page.waitForSelector("tr .message");
  // What is refused is asked again only by whoever reads that.
  await page.route("**/api/v1/**", (route) => route.fulfill({ status: 404, contentType: "text/html", body: "<html>not here</html>" }));
  await submit(page, "icmp");
  await page.locator("main").getByText("Nothing is shown: the answer has status 404, and is not Pigear's. Try again", { exact: true }).waitFor();
  await page.unroute("**/api/v1/**");
  await page.locator("main").getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector("tr .message");
  await page.close();
});

test("the list is said to be live again also where the histogram takes longer", async () => {
  const { server, page, again } = await visit();
  await until("it is live", async () => await page.textContent("#state") === "live");
  await server.end("SIGKILL");
  await submit(page, "ping");
  await until("it is said", async () => /not there/.test(await page.textContent("#state")));
  let answer = () => {};
  const isLive = new Promise((resolve) => { answer = resolve; });
  await page.route("**/api/v1/series*", async (route) => { await isLive; await route.continue(); });
  await again();
  await until("it is live again", async () => await page.textContent("#state") === "live");
  answer();
  await page.waitForSelector("figure.histogram");
  await page.waitForFunction(() => !document.querySelector("main").dataset.busy);
  assert.equal(await page.textContent("#state"), "live");
  assert.equal(await page.getAttribute("#state", "data-live"), "live");
  await page.close();
});

test("that the store is away has the same colour in each view, and goes with it", async () => {
  for (const view of ["", "&view=overview"]) {
    const { room, page } = await visit(`?group=no${view}`);
    if (!view) await until("it is live", async () => await page.textContent("#state") === "live");
    move(room);
    if (view) await submit(page, "ping");
    await until("it is said", async () => /there is no store/.test(await page.textContent("#state")));
    assert.equal(await page.getAttribute("#state", "data-live"), "no");
    moveBack(room);
    await until("it is over", async () => await page.getAttribute("#state", "data-live") !== "no" && !/no store/.test(await page.textContent("#state")));
    await page.close();
  }
});
