import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineNumbers } from './assets/line_numbers.js';

test('another kind of line takes the larger step, the same kind the smaller one', () => {
  assert.deepEqual(lineNumbers(['Service', 'Service', 'Inventory', 'Service'], 1000, 10), [1000, 1010, 2010, 3010]);
  assert.deepEqual(lineNumbers([], 1000, 10), []);
});
