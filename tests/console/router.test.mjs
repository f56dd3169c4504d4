import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, listeners } from './browser.mjs';

const { fit, go, place, to } = await import('./assets/router.js');

test('a path fits a pattern of the same length and gives its arguments', () => {
  assert.deepEqual(fit('/import/{connection}', '/import/7'), { connection: '7' });
  assert.deepEqual(fit('/', '/'), {});
  assert.deepEqual(fit('/{entity}/{id}', '/invoice/a%2Fb%20c'), { entity: 'invoice', id: 'a/b c' });
  assert.deepEqual(fit('/{entity}/{id}', '/invoice/100%'), { entity: 'invoice', id: '100%' });
  assert.equal(fit('/import', '/import/7'), null);
  assert.equal(fit('/import/{connection}', '/links/7'), null);
});

test('an address carries what is set and nothing else', () => {
  assert.equal(to('/'), '/console');
  assert.equal(to('/activity', { status: 'failed', entity: '', from: null }), '/console/activity?status=failed');
  assert.equal(to('/find', { search: 'a&b=c' }), '/console/find?search=a%26b%3Dc');
});

test('where one goes is where one is, and the browser’s back button leads back', () => {
  go('/console/errors/?state=dismissed');
  assert.deepEqual(place.value, { path: '/errors', query: { state: 'dismissed' } });
  at('/console');
  listeners.popstate({ state: null });
  assert.deepEqual(place.value, { path: '/', query: {} });
});
