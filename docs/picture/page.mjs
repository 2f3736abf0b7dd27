// The pictures of the page in README.md: `node page.mjs PROGRAM` shows the recorded alerts of `PROGRAM demo --web`.

import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { browser } from "../../web/tests/harness.mjs";

const [program, address = "127.0.0.1:8127"] = process.argv.slice(2);
const url = `http://${address}/`;
const here = path.dirname(fileURLToPath(import.meta.url));

const demo = spawn(program, ["demo", "--web", "--listen", address], { stdio: "ignore" });
const chrome = await browser();
try {
  while (!await fetch(url).then(() => true, () => false)) await new Promise((resolve) => setTimeout(resolve, 100));
  const look = async (colorScheme, search) => {
    const page = await (await chrome.newContext({ viewport: { width: 1280, height: 760 }, colorScheme })).newPage();
    await page.goto(url + search);
    await page.waitForSelector("tr.alert");
    await page.waitForSelector("#chart svg");
    return page;
  };
  const list = await look("light", "");
  // Live for a while, but not for so long that the new ones are all there is to see.
  await list.waitForFunction(() => document.querySelector("#state")?.textContent === "live");
  await list.screenshot({ path: path.join(here, "page.png") });
  const { alerts } = await (await fetch(`${url}api/v1/alerts?limit=1&sid=1000101`)).json();
  const alert = await look("dark", `?alert=${alerts[0].id}`);
  await alert.waitForSelector("#detail .dump .content");
  await alert.locator("#detail .layers > li").last().hover();
  await alert.waitForSelector("#detail .dump .lit");
  await alert.screenshot({ path: path.join(here, "alert.png") });
} finally {
  await chrome.close();
  demo.kill("SIGINT");
}
