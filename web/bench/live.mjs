// What a live page costs: `node live.mjs URL SECONDS PID` prints JSON. PID is the server's.

import fs from "node:fs";

import { browser, open } from "../tests/harness.mjs";

const [url, seconds, pid] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
const SAMPLES = 20;

function watch() {
  window.long = [];
  new PerformanceObserver((list) => { for (const { startTime, duration } of list.getEntries()) window.long.push({ startTime, duration }); }).observe({ type: "longtask", buffered: true });
}

const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const chrome = await browser();
try {
  const page = await open(chrome, url, { before: watch });
  await page.waitForFunction(() => document.querySelector("#state")?.textContent === "live");
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const samples = [];
  const looking = [];
  const now = () => page.evaluate(() => performance.now());
  const begin = Date.now();
  for (let n = 1; n <= SAMPLES; n += 1) {
    await sleep(Math.max(0, begin + (n * seconds * 1_000) / SAMPLES - Date.now()));
    const from = await now();
    // Garbage is no growth. Collecting all of it at once is a long task that isn't the page's.
    await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const metric = (name) => metrics.find((one) => one.name === name).value;
    samples.push({
      seconds: Math.round((Date.now() - begin) / 1_000), heap: metric("JSHeapUsedSize"), nodes: metric("Nodes"),
      listeners: metric("JSEventListeners"), server: resident(),
      newest: await page.evaluate(() => Math.max(...[...document.querySelectorAll("tr.alert")].map((row) => Number(row.dataset.id)))),
    });
    looking.push([from, await now()]);
  }
  const own = ({ startTime, duration }) => !looking.some(([from, to]) => startTime < to && startTime + duration > from);
  const long = (await page.evaluate(() => window.long)).filter(own);
  await page.close();
  console.log(JSON.stringify({ samples, long }));
} finally {
  await chrome.close();
}
