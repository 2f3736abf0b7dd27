// The store is replaced, goes away and comes back, under a page that is open.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, messages, open, setUp, until, withMessage } from "./harness.mjs";

const setup = setUp();
const { newRoom } = setup;

const [ping] = datagrams("v2919/icmp_ping");
const several = (count, message) => Array.from({ length: count }, () => withMessage(ping, message));

test("the alerts of another store take the place of those shown, also if no server ran meanwhile", { timeout: 60_000 }, async () => {
  const room = newRoom();
  await room.store(several(5, "old"));
  let server = await room.web();
  const { url } = server;
  const page = await open(setup.chrome, `${url}?group=no&alert=3`, { allow: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"] });
  await until("the first store is shown", async () => (await messages(page)).length === 5);
  await until("it is live", async () => await page.textContent("#state") === "live");
  await page.locator("tr.alert .pick input").nth(1).click();
  await page.waitForSelector("#chosen");
  await server.end();
  for (const end of ["", "-wal", "-shm"]) fs.rmSync(room.at(`a.db${end}`), { force: true });
  // More than before: the numbers of the former store are numbers of this one, too.
  await room.store(several(12, "new"));
  server = await room.web([], new URL(url).port);
  await until("the other store is shown, and nothing else", async () => (await messages(page)).join() === Array(12).fill("new").join());
  await until("so is its alert", async () => await page.textContent("#detail h2") === "new");
  assert.equal(await page.textContent("#state"), "live");
  // What was chosen had numbers of the former store.
  await page.waitForSelector("#chosen", { state: "hidden" });
  await page.close();
});

test("a backup that was put back, and has got more alerts since than it lost, takes the place of what is shown", { timeout: 60_000 }, async () => {
  const room = newRoom();
  await room.store(several(5, "before"));
  fs.copyFileSync(room.at("a.db"), room.at("backup.db"));
  await room.store(several(3, "lost"));
  let server = await room.web();
  const { url } = server;
  const page = await open(setup.chrome, `${url}?group=no&alert=7`, { allow: ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY"] });
  await until("the first alerts are shown", async () => (await messages(page)).filter((one) => one === "lost").length === 3);
  await until("it is live", async () => await page.textContent("#state") === "live");
  await server.end();
  for (const end of ["-wal", "-shm"]) fs.rmSync(room.at(`a.db${end}`), { force: true });
  fs.copyFileSync(room.at("backup.db"), room.at("a.db"));
  await room.store(several(6, "since"));
  server = await room.web([], new URL(url).port);
  const expected = [...Array(6).fill("since"), ...Array(5).fill("before")].join();
  await until("what the backup has is shown, and nothing else", async () => (await messages(page)).join() === expected);
  await until("so is its alert", async () => await page.textContent("#detail h2") === "since");
  await page.close();
});

test("a store that can't be read is said, and the page is back by itself", { timeout: 120_000 }, async () => {
  const room = newRoom();
  await room.store(several(5, "one"));
  const { url } = await room.web();
  const [path, aside] = [room.at("a.db"), room.at("aside.db")];
  /** What goes wrong with the store, what is said, and how it is mended. @type {[string, () => void, () => void][]} */
  const ways = [
    ["there is no store", () => fs.renameSync(path, aside), () => fs.renameSync(aside, path)],
    ["the file is empty", () => { fs.copyFileSync(path, aside); fs.truncateSync(path); }, () => fs.copyFileSync(aside, path)],
    ["Is a directory", () => { fs.renameSync(path, aside); fs.mkdirSync(path); }, () => { fs.rmdirSync(path); fs.renameSync(aside, path); }],
    ["not a Pigear store", () => { fs.renameSync(path, aside); fs.writeFileSync(path, "not a store at all ".repeat(1000)); }, () => fs.renameSync(aside, path)],
  ];
  for (const [view, well] of [["now", "live"], ["health", "every 5 s"]]) {
    const page = await open(setup.chrome, `${url}?view=${view}&group=no`, { allow: ["503 (Service Unavailable)"] });
    await page.waitForSelector("main section:has(td)");
    for (const [said, spoil, mend] of ways) {
      await until(`${view} is well before: ${said}`, async () => await page.textContent("#state") === well);
      spoil();
      await until(`${view} says: ${said}`, async () => (await page.textContent("#state")).includes(said));
      mend();
    }
    await until(`${view} is well again`, async () => await page.textContent("#state") === well);
    if (view === "now") assert.equal((await messages(page)).length, 5);
    await page.close();
  }
});
