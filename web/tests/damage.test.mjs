// A store of which a part is damaged: what the page says, and that all else is there.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { test } from "node:test";

import { datagrams, isAccessible, messages, open, setUp } from "./harness.mjs";

const setup = setUp();

const DO = /Look for damage of the disk\. .* -wal and -shm; sqlite3 \S+ \.recover saves what can be read/;

/** A store in a room of its own, and the page over it once a part was changed. */
async function damaged(change) {
  const room = setup.newRoom();
  await room.store(datagrams("v2919/icmp_ping"));
  change(room.at("a.db"));
  return (await room.web()).url;
}

/** A bit of a packet: the text of a ping. */
function flipBit(file) {
  const bytes = fs.readFileSync(file);
  bytes[bytes.lastIndexOf("abcdefghijklmnop")] ^= 1;
  fs.writeFileSync(file, bytes);
}

/** The first page of a table is zero. */
function clearTable(file, table) {
  const script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(*db.execute('SELECT rootpage FROM sqlite_master WHERE name = ?', [sys.argv[2]]).fetchone(), *db.execute('PRAGMA page_size').fetchone())";
  const [page, size] = execFileSync("python3", ["-c", script, file, table], { encoding: "utf8" }).split(" ").map(Number);
  const bytes = fs.readFileSync(file);
  bytes.fill(0, (page - 1) * size, page * size);
  fs.writeFileSync(file, bytes);
}

test("an alert that can't be read is said, with what to do, and the others are listed", async () => {
  const url = await damaged(flipBit);
  const page = await open(setup.chrome, `${url}?group=no`);
  await page.getByText("1 alert could not be read: its record is damaged.").waitFor();
  assert.match(await page.textContent("#damage"), DO);
  assert.equal((await messages(page)).length, 26);
  await isAccessible(page, "damage");
  // Another search that doesn't meet it says nothing.
  await page.fill("#words", "sid:7");
  await page.press("#words", "Enter");
  await page.getByText("No alerts found").waitFor();
  await page.waitForSelector("#damage", { state: "hidden" });
  await page.getByRole("link", { name: "Health" }).click();
  await page.locator("article.card", { hasText: "1 alert could not be read" }).waitFor();
  assert.match(await page.textContent("main"), DO);
  assert.match(await page.textContent("main"), /First met: /);
  await isAccessible(page, "damage in Health");
  await page.close();
});

test("a damaged index is said on each view", async () => {
  const url = await damaged((file) => clearTable(file, "note_by_key"));
  for (const view of ["view=health", "sid=1000134", "view=overview"]) {
    const page = await open(setup.chrome, `${url}?${view}`);
    await page.getByText("The store is damaged: the index could not be used everywhere, so alerts were read instead.").waitFor();
    assert.match(await page.textContent("main"), DO);
    if (view.startsWith("sid")) assert.ok((await messages(page)).length > 0);
    await page.close();
  }
});

test("of a store without damage nothing is said", async () => {
  const url = await damaged(() => {});
  const page = await open(setup.chrome, `${url}?view=overview`);
  await page.locator("article.card").first().waitFor();
  assert.ok(await page.locator("#damage").isHidden());
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByRole("heading", { name: "Store" }).waitFor();
  assert.equal(await page.locator("main .warning").count(), 0);
  await page.close();
});
