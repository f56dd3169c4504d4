import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ago, count, day, daysUntil, money } from './assets/when.js';

const NOW = new Date('2026-11-25T12:00:00Z');

test('a time is told in its largest whole unit', () => {
  const told = (seconds) => ago(new Date(NOW.getTime() - seconds * 1000), NOW);
  assert.equal(told(59), 'just now');
  assert.equal(told(60), '1 minute ago');
  assert.equal(told(3599), '59 minutes ago');
  assert.equal(told(3600), '1 hour ago');
  assert.equal(told(86_400), 'yesterday');
  assert.equal(told(-3 * 86_400), 'in 3 days');
  assert.equal(told(400 * 86_400), 'last year');
});

test('a calendar day has no zone', () => {
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
    process.env.TZ = zone;
    assert.match(day('2026-01-31'), /31/);
  }
  process.env.TZ = 'Europe/London';
});

test('days are counted by the viewer’s calendar, not by hours', () => {
  const late = new Date(2026, 10, 25, 23, 59);
  assert.equal(daysUntil('2026-11-26', late), 1);
  assert.equal(daysUntil('2026-11-25', late), 0);
  assert.equal(daysUntil('2026-11-24', new Date(2026, 10, 25, 0, 1)), -1);
  // The clocks change between the two.
  assert.equal(daysUntil('2026-10-26', new Date(2026, 9, 24, 12)), 2);
});

test('counts have separators and the right form', () => {
  assert.equal(count(1, 'customer'), '1 customer');
  assert.equal(count(0, 'customer'), '0 customers');
  assert.match(count(1204, 'category', 'categories'), /^1.?204 categories$/);
});

test('money has two digits at least and loses none of five', () => {
  assert.match(money(7), /^7[.,]00$/);
  assert.match(money(0.12345), /^0[.,]12345$/);
});
