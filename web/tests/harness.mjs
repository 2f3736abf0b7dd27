// The real program, with a store and a page, and a browser that looks at it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

import axe from "@axe-core/playwright";
import { chromium } from "playwright-core";

const AxeBuilder = axe.default ?? axe;
const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const PIGEAR = process.env.PIGEAR ?? path.join(ROOT, "target/debug/pigear");
const DATA = path.join(ROOT, "crates/pigear-alert/tests/data");
const LIMIT = 20_000;

/** The datagrams of a recorded case, such as `v2919/http`. */
export function datagrams(name) {
  const bytes = zlib.gunzipSync(fs.readFileSync(path.join(DATA, name, "alerts.dgrams.gz")));
  const found = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

/** Waits until something holds. */
export async function until(what, holds) {
  const end = Date.now() + LIMIT;
  for (;;) {
    if (await holds()) return;
    assert.ok(Date.now() < end, `in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A directory, with what runs in it. */
export class Room {
  constructor() {
    this.path = fs.mkdtempSync(path.join(os.tmpdir(), "pigear-page-"));
    fs.mkdirSync(this.at("log"));
    this.running = [];
  }

  at(name) { return path.join(this.path, name); }

  /** Runs the program to its end, and returns what it wrote. */
  async run(args, input = "") {
    const child = spawn(PIGEAR, args, { cwd: this.path, stdio: [input ? "pipe" : "ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (text) => { output += text; });
    child.stderr.on("data", (text) => { output += text; });
    child.stdin?.end(input);
    const status = await new Promise((resolve) => child.on("exit", resolve));
    assert.equal(status, 0, output);
    return output;
  }

  /** Writes a recording. */
  record(name, all) {
    const parts = all.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    });
    fs.writeFileSync(this.at(name), Buffer.concat(parts));
    return this.at(name);
  }

  /** Stores recorded alerts. */
  async store(all) {
    const from = this.record("stored.dgrams", all);
    await this.run(["--store", "a.db", "--socket-handler", "play", "--from", from, "--data-handler", "null", "--quiet"]);
  }

  /** Sends alerts as Snort does. */
  async play(all, options = []) {
    await this.run(["play", "--logdir", "log", this.record("sent.dgrams", all), ...options]);
  }

  /** Starts a program that serves the page; returns the page's address, and a function that ends it. */
  async serve(args) {
    const child = spawn(PIGEAR, args, { cwd: this.path });
    let output = "";
    child.stderr.on("data", (text) => { output += text; });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    let url;
    await until(`the page is there: ${args.join(" ")}`, () => {
      url = /the page is at (\S+)/.exec(output)?.[1];
      assert.equal(child.exitCode, null, output);
      return url;
    });
    const end = async (signal = "SIGTERM") => { child.kill(signal); await ended; };
    this.running.push(end);
    return { url, end, output: () => output };
  }

  /** `pigear web` over the store. */
  web(args = [], port = 0) { return this.serve(["web", "--store", "a.db", "--listen", `127.0.0.1:${port}`, ...args]); }

  /** A Pigear that receives, stores and serves. */
  live(args = [], port = 0) {
    return this.serve(["--logdir", "log", "--serve-forever", "--store", "a.db", "--data-handler", "web", `web.listen=127.0.0.1:${port}`, ...args]);
  }

  async end() {
    await Promise.all(this.running.map((end) => end()));
    fs.rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Has a browser and a first room there before the tests of a file, and ends all behind them.
 * @param {(room: Room) => unknown} [prepare] - what is done first in the room
 */
export function setUp(prepare) {
  /** @type {Room[]} */
  const rooms = [];
  const newRoom = () => { rooms.push(new Room()); return rooms[rooms.length - 1]; };
  const all = { room: newRoom(), newRoom, chrome: /** @type {any} */ (undefined) };
  before(async () => {
    await prepare?.(all.room);
    all.chrome = await browser();
  });
  after(async () => {
    await all.chrome?.close();
    await Promise.all(rooms.map((room) => room.end()));
  });
  return all;
}

/** A browser. */
export function browser() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium-headless-shell",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/**
 * A page of a browser, in which nothing may go wrong. What the page may answer besides is given, and how long the
 * browser has for its new window before it goes there, in milliseconds.
 */
export async function open(of, url, { width = 1280, height = 800, scheme = "light", zone = "UTC", touch = false, allow = [], before = undefined, settle = 0 } = {}) {
  const context = await of.newContext({ viewport: { width, height }, colorScheme: scheme, timezoneId: zone, hasTouch: touch, isMobile: touch });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(url).origin });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("console", (line) => { if (line.type() === "error" && !allow.some((known) => line.text().includes(known))) wrong.push(line.text()); });
  page.on("request", (request) => { if (new URL(request.url()).origin !== new URL(url).origin && !/^(blob|data):/.test(request.url())) wrong.push(`another host: ${request.url()}`); });
  if (before) await page.addInitScript(before);
  await page.waitForTimeout(settle);
  await page.goto(url);
  page.wrong = wrong;
  page.route = intercept.bind(undefined, page, page.route.bind(page));
  page.close = async () => {
    await context.close();
    assert.deepEqual(wrong, []);
  };
  return page;
}

/** Sets a route, and waits until the page keeps to it: Chromium lets requests past one for a moment. */
async function intercept(page, route, ...args) {
  await route(...args);
  await route("**/icon.svg?intercepted", (asked) => asked.fulfill({ status: 204 }));
  await until("the page keeps to the route", () => page.evaluate(async () => (await fetch("icon.svg?intercepted")).status === 204));
}

/** Nothing on the page is against WCAG 2.2 AA, as far as a program can tell. */
export async function isAccessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
  const found = violations.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ")}`);
  assert.equal(found.join("\n").slice(0, 1_000), "", what);
}

/** The messages of the rows. */
export const messages = (page) => page.$$eval("tr .message", (all) => all.map((one) => one.textContent));

/** A datagram with another message. */
export function withMessage(datagram, message) {
  const changed = Buffer.from(datagram);
  changed.fill(0, 0, 256);
  Buffer.from(message).copy(changed, 0, 0, 255);
  return changed;
}

/** A datagram of Snort 2.9 with another number of its signature. */
export function withSid(datagram, sid) {
  const changed = Buffer.from(datagram);
  changed.writeUInt32LE(sid, 65_832);
  return changed;
}

/** A datagram of Snort 2.9 with another priority. */
export function withPriority(datagram, priority) {
  const changed = Buffer.from(datagram);
  changed.writeUInt32LE(priority, 65_844);
  return changed;
}

/** What is asked of the triage of a page, each as its ids. */
export function triaged(page) {
  const all = [];
  page.on("request", (request) => { if (request.method() === "POST" && new URL(request.url()).pathname.endsWith("/triage")) all.push(request.postDataJSON().ids); });
  return all;
}

/** The row of the alert with this message; and the alert's number. */
export const row = (page, text) => page.locator("tr.alert").filter({ has: page.getByText(text, { exact: true }) });
export const idOf = async (page, text) => Number(await row(page, text).getAttribute("data-id"));
