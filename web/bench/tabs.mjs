// Live pages: `node tabs.mjs URL COUNT` opens them, writes a line, and closes them when standard input ends.

import { browser } from "../tests/harness.mjs";

const [url, count] = [process.argv[2], Number(process.argv[3])];
const chrome = await browser();
try {
  for (let n = 0; n < count; n += 1) {
    const page = await (await chrome.newContext()).newPage();
    await page.goto(url);
    await page.waitForFunction(() => document.querySelector("#state")?.textContent === "live");
  }
  console.log("open");
  for await (const _ of process.stdin);
} finally {
  await chrome.close();
}
