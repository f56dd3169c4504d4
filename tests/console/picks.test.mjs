import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionOf, actionsOf, fitting, records, tally } from './assets/picks.js';

const ROWS = [
  { bc_id: 'a', match: 'linked', number: '10', name: 'Linked Ltd', halo_id: '1', halo_name: 'Linked' },
  { bc_id: 'b', match: 'matched', number: '20', name: 'Match GmbH', halo_id: '2', halo_name: 'ÉTOILE' },
  { bc_id: 'c', match: 'ambiguous', number: '30', name: 'Twin', candidates: [{ halo_id: '3', name: 'Twin' }, { halo_id: '4', name: 'Twin' }] },
  { bc_id: 'd', match: 'new', number: '40', name: null },
];

test('what happens unless a person chooses', () => {
  assert.deepEqual(ROWS.map((row) => actionOf(row, new Map())), ['update', 'link:2', '', 'create']);
});

test('an ambiguous row offers each candidate, told apart by Halo’s id, and a new record', () => {
  const offered = actionsOf(ROWS[2]);
  assert.deepEqual(offered.map(([value]) => value), ['', 'link:3', 'link:4', 'create']);
  assert.equal(new Set(offered.map(([, words]) => words)).size, 4);
});

test('what is sent is what was counted; the undecided stay out', () => {
  const choices = new Map([['d', 'create'], ['b', 'create']]);
  assert.deepEqual(tally(ROWS, choices), { create: 2, link: 0, update: 1, undecided: 1 });
  assert.deepEqual(records(ROWS, choices), [
    { bc_id: 'a', action: 'update' },
    { bc_id: 'b', action: 'create' },
    { bc_id: 'd', action: 'create' },
  ]);
  assert.deepEqual(records([ROWS[2]], new Map([['c', 'link:4']])), [{ bc_id: 'c', action: 'link', halo_id: '4' }]);
});

test('the search looks at number and both names, whatever the case, and rows may lack them', () => {
  const found = (search, match = '') => fitting(ROWS, search, match).map((row) => row.bc_id);
  assert.deepEqual(found(' étoile '), ['b']);
  assert.deepEqual(found('40'), ['d']);
  assert.deepEqual(found('', 'new'), ['d']);
  assert.deepEqual(found('twin', 'new'), []);
});
