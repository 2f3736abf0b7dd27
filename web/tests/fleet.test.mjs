// The sensors of a fleet, of which one is silent.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Room, browser, datagrams, isAccessible, open, until } from "./harness.mjs";

const SERVER = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../target/peers/nats/bin/nats-server");
const SENSORS = ["branch-lyon", "dmz", "office"];
const skip = !fs.existsSync(SERVER) && "nats-server is not installed; `make peers` installs it";

const room = new Room();
let server, chrome, url, first;

/** A port that nobody has just now. */
function freePort() {
  return new Promise((resolve) => {
    const listener = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

before(async () => {
  if (skip) return;
  const port = await freePort();
  server = spawn(SERVER, ["-js", "-a", "127.0.0.1", "-p", String(port), "-sd", room.at("js")], { stdio: "ignore" });
  const from = `nats://127.0.0.1:${port}`;
  ({ url } = await room.serve(["--serve-forever", "--store", "a.db", "--socket-handler", "nats", "--from", `${from}?silent=4`, "--data-handler", "web", "web.listen=127.0.0.1:0"]));
  const recording = room.record("sent.dgrams", datagrams("v2919/http"));
  for (const [n, name] of SENSORS.entries()) {
    fs.mkdirSync(room.at(name));
    const page = ["--data-handler", "web", "web.listen=127.0.0.1:0"];
    const sensor = await room.serve(["--serve-forever", "--sensor", name, "--logdir", name, "--store", `${name}.db`, "--data-handler", "nats", `nats.url=${from}`, "nats.create=yes", "nats.heartbeat=500ms", ...page]);
    for (let times = 0; times <= n; times += 1) await room.run(["play", "--logdir", name, recording]);
    if (n === 0) first = sensor;
  }
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await room.end();
  server?.kill("SIGKILL");
});

test("a sensor that is silent is seen among those that are not", { skip, timeout: 120_000 }, async () => {
  const sensors = async () => (await (await fetch(`${url}api/v1/sensors`)).json()).sensors;
  await until("three sensors are there, and have received", async () => (await sensors()).filter((one) => one.received > 0 && one.lag === 0).length === 3);
  await first.end("SIGKILL");
  await until("one is silent", async () => (await sensors())[0].state === "silent");
  const page = await open(chrome, `${url}?view=health`, { width: 1280, height: 620 });
  const card = page.locator("article", { has: page.getByRole("heading", { name: "Sensors" }) });
  await card.waitFor();
  assert.deepEqual(await card.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [row.cells[0].textContent, row.cells[1].textContent, row.className])), [["branch-lyon", "silent", "bad"], ["dmz", "ok", ""], ["office", "ok", ""]]);
  assert.equal(await card.locator(".warning").textContent(), "1 of 3 silent");
  await isAccessible(page, "the sensors");
  if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE });
  await page.close();
  const list = await open(chrome, `${url}?sensor=branch-lyon&filter=msg.sig_generator+%3D%3D+9001`);
  await until("the alert is in the list", async () => (await list.locator("tr .message").count()) === 1);
  assert.match(await list.locator("tr .message").textContent(), /sensor branch-lyon is silent/);
  await list.close();
});
