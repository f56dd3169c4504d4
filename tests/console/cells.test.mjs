import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cell } from './assets/cells.js';

test('watchers hear of changes, not of the same value again', () => {
  const one = cell(1);
  const heard = [];
  const stop = one.watch((value) => heard.push(value));
  one.set(1);
  one.set(2);
  stop();
  one.set(3);
  assert.deepEqual(heard, [2]);
  assert.equal(one.value, 3);
});

test('a watcher that leaves while it is told does not keep others from hearing', () => {
  const one = cell(0);
  const heard = [];
  const stop = one.watch(() => stop());
  one.watch((value) => heard.push(value));
  one.set(1);
  assert.deepEqual(heard, [1]);
});
