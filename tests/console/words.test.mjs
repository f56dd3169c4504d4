import assert from 'node:assert/strict';
import { test } from 'node:test';
import './browser.mjs';
import { cause, connectionState, joined, sentence, signInState } from './assets/words.js';
import { csv } from './assets/save.js';

const { needs } = await import('./assets/needs.js');
const { checklist, progress } = await import('./assets/checklist.js');

test('a code without words is still a sentence', () => {
  assert.equal(sentence('some_new_code'), 'Some new code');
  assert.equal(sentence(undefined), 'Unknown');
  assert.equal(cause('some_new_code'), 'Some new code');
  assert.equal(cause('some_new_code', 'Said by the app'), 'Said by the app');
});

test('a pause shows only where something would be sent; the sign-in is told by itself', () => {
  assert.equal(connectionState({ status: 'ready', paused: true }).word, 'Paused');
  assert.equal(connectionState({ status: 'needs_authorization', paused: true }).word, 'Sign-in needed');
  assert.equal(signInState({ status: 'ready', paused: true }).word, 'Signed in');
});

test('a ready connection with nothing on does not claim to send; app mode asks for no user', () => {
  assert.equal(connectionState({ status: 'ready', settings: { sync_entities: [] } }).word, 'Nothing syncs yet');
  assert.equal(connectionState({ status: 'ready', settings: { sync_entities: ['invoice'] } }).word, 'Ready');
  assert.match(connectionState({ status: 'new', auth_mode: 'delegated' }).meaning, /user/);
  assert.doesNotMatch(connectionState({ status: 'new', auth_mode: 'app' }).meaning, /user/);
});

test('sentences of Business Central without a full stop get one', () => {
  assert.equal(joined("SystemId='{7}'", undefined, 'Check it.'), "SystemId='{7}'. Check it.");
});

test('a cell that a spreadsheet would run is only text', () => {
  const text = csv([['=1+1', ' +2', '-3', '@SUM(A1)', '\t=4', 'a "b", c', null, 5]]);
  assert.equal(text, '\ufeff\'=1+1,\' +2,\'-3,\'@SUM(A1),\'\t=4,"a ""b"", c",,5\r\n');
});

const FINE = { settings: [], halo: { connected: true } };
const connection = (more) => ({ id: '7', name: 'Contoso', status: 'ready', paused: false, secret_expires_on: null, ...more });

test('a healthy system needs nobody', () => {
  assert.deepEqual(needs({ connections: [connection({})], errors: { groups: [], items: [] }, setup: FINE }), []);
});

test('what stops work stands above what can wait', () => {
  const found = needs({
    connections: [connection({ paused: true })],
    errors: { groups: [{ code: 'customer_blocked', count: 2 }], items: [{ code: 'customer_blocked', cure: 'Unblock it.' }] },
    setup: { settings: [], halo: { connected: false, detail: 'No answer.' } },
  });
  assert.deepEqual(found.map((need) => need.tone), ['bad', 'bad', 'warn']);
  assert.equal(found[1].detail, 'Unblock it.');
});

test('a single failed record is named, with what was said and the cure', () => {
  const row = { code: 'customer_blocked', entity: 'invoice', halo_id: '1084', record_name: '84 (1084)', message: 'Customer C00390 is blocked with type All', cure: 'Remove the block.' };
  const [need] = needs({ connections: [], errors: { groups: [{ code: 'customer_blocked', count: 1 }], items: [row] }, setup: FINE });
  assert.equal(need.title, 'Invoice 84 (1084) failed: the customer is blocked in Business Central');
  assert.equal(need.detail, 'Customer C00390 is blocked with type All. Remove the block.');
});

test('one setting that is wrong is not told twice', () => {
  const setup = { settings: [{ name: 'HALO_URL', ok: false, detail: 'Missing.' }], halo: { connected: false, detail: 'No address.' } };
  assert.deepEqual(needs({ connections: [], errors: undefined, setup }).map((need) => need.key), ['setting-HALO_URL']);
});

test('the checklist names one next step', () => {
  const facts = { setup: { settings: [], halo: { connected: true, url: 'https://halo.example' } }, connection: null, linked: null, imported: [], invoice: null, lastEvent: null, webhookTicked: false };
  const steps = checklist(facts);
  assert.deepEqual(steps.filter((step) => step.state === 'now').map((step) => step.id), ['registration']);
  assert.equal(progress(steps).finished, 2);
  const refused = checklist({ ...facts, connection: connection({ status: 'new', settings: { sync_entities: [] }, last_authorization: { ok: false, message: 'Refused.', cure: 'Paste the value.' } }) });
  assert.equal(refused.find((step) => step.id === 'authorize').state, 'problem');
});
