// How alerts are grouped, without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { append, isFlood, oldest, prepend, trim } from "../grouping.js";

const alert = (id, sid) => ({ id, sig_generator: 1, sig_id: sid });
const ids = (groups) => groups.flatMap(({ alerts }) => alerts.map(({ id }) => id));
const falling = (numbers) => numbers.toSorted((a, b) => b - a);

/** Numbers that look random, the same each time. */
function* numbers(seed) {
  for (let state = seed; ; ) { state = (state * 1_103_515_245 + 12_345) % 2 ** 31; yield state >> 8; }
}

test("floods at the same time are a row each, and alerts that are few stay in their order", () => {
  for (const add of [(groups, id, sid) => append(groups, alert(1_000 - id, sid), true), (groups, id, sid) => prepend(groups, alert(id, sid), true)]) {
    const groups = [];
    for (let n = 1; n <= 200; n += 1) add(groups, n, n % 2);
    assert.deepEqual(groups.map(({ alerts }) => alerts.length), [100, 100]);
    const few = [];
    for (const [n, sid] of [1, 2, 1, 3, 2].entries()) add(few, n, sid);
    assert.deepEqual(ids(few), falling(ids(few)));
    assert.ok(!few.some(isFlood));
  }
});

test("floods that grow at the same time don't change places, and one that grows comes before single alerts", () => {
  const groups = [];
  for (let n = 1; n <= 6; n += 1) prepend(groups, alert(n, n % 2), true);
  const places = () => groups.map(({ alerts }) => alerts[0].sig_id);
  const before = places();
  for (let n = 7; n <= 12; n += 1) { prepend(groups, alert(n, n % 2), true); assert.deepEqual(places(), before); }
  prepend(groups, alert(13, 5), true);
  prepend(groups, alert(14, before[1]), true);
  assert.deepEqual(places(), [before[1], 5, before[0]]);
});

test("whatever comes, nothing is missing or there twice, and what is left is all that is newer than what went", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = numbers(seed);
    const random = (below) => next.next().value % below;
    const signatures = 1 + random(14);
    /** @type {any[]} */
    const groups = [];
    const page = 50 + random(100);
    for (let id = 10_000; id > 10_000 - page; id -= 1) append(groups, alert(id, random(signatures)), true);
    let least = 10_001 - page;
    for (let id = 10_001; id <= 10_300; id += 1) {
      prepend(groups, alert(id, random(signatures)), true);
      if (random(40)) continue;
      least = trim(groups, 60 + random(60)) ?? least;
      assert.equal(oldest(groups), least);
      assert.deepEqual(falling(ids(groups)), Array.from({ length: id - least + 1 }, (_, n) => id - n), `seed ${seed}`);
    }
    for (const { alerts } of groups) {
      const own = alerts.map((/** @type {any} */ one) => one.id);
      assert.deepEqual(own, falling(own));
      assert.equal(new Set(alerts.map((/** @type {any} */ one) => one.sig_id)).size, 1);
    }
  }
});
