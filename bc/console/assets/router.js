/** The address is the state: paths lead to pages, the query string carries filters. */
import { cell, useCell } from './cells.js';

const BASE = '/console';
// Of a value in the query: far beyond it no server takes the address.
const LONGEST = 200;

/** Where we are: `path` below /console, such as `/connections/7`, and the query. */
export const place = cell(here());

/** Go to an address of the console. `replace`: without a step in the browser's history. */
export function go(address, { replace = false } = {}) {
  if (!replace) history.replaceState({ top: window.scrollY }, '', location.href);
  returning = 0;
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  place.set(here());
}

// Where the page stood that the Back or Forward button leads to; 0 on any other way.
let returning = 0;

/** Scroll a new page to its top, or to where it stood, as soon as it is long enough for that. */
export function arrive() {
  const wanted = returning;
  window.scrollTo(0, wanted);
  if (!wanted) return;
  let looks = 20;
  const look = () => {
    if (returning !== wanted || window.scrollY >= wanted - 1 || (looks -= 1) < 0) return;
    window.scrollTo(0, wanted);
    setTimeout(look, 100);
  };
  look();
}
for (const moved of ['wheel', 'touchstart', 'keydown', 'pointerdown']) {
  window.addEventListener(moved, () => {
    returning = 0;
  }, { passive: true });
}

/** The query as an object, and a function that changes some of it ('' or null takes a name away). */
export function useQuery() {
  const { query } = useCell(place);
  return [query, setQuery];
}

function setQuery(changes, { push = false } = {}) {
  const params = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) params.set(name, String(value).slice(0, LONGEST));
    else params.delete(name);
  }
  const text = params.toString();
  go(location.pathname + (text ? `?${text}` : ''), { replace: !push });
}

/** An address with a query: `to('/activity', {status: 'failed'})`. */
export function to(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value);
  const params = new URLSearchParams(given.map(([name, value]) => [name, String(value).slice(0, LONGEST)]));
  const text = params.toString();
  return BASE + (path === '/' ? '' : path) + (text ? `?${text}` : '');
}

/**
 * The arguments of a path that fits a pattern such as `/import/{connection}`, or null.
 * @returns {Record<string, string> | null}
 */
export function fit(pattern, path) {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (wanted.length !== given.length) return null;
  const found = {};
  for (const [position, part] of wanted.entries()) {
    if (part.startsWith('{')) found[part.slice(1, -1)] = decoded(given[position]);
    else if (part !== given[position]) return null;
  }
  return found;
}

function here() {
  const path = location.pathname.replace(/\/+$/, '').slice(BASE.length) || '/';
  const query = [...new URLSearchParams(location.search)].map(([name, value]) => [name, value.slice(0, LONGEST)]);
  return { path, query: Object.fromEntries(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

window.addEventListener('popstate', (event) => {
  returning = event.state?.top || 0;
  place.set(here());
});

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!(link instanceof HTMLAnchorElement) || !plain || event.defaultPrevented || link.target || link.hasAttribute('download')) return;
  const address = new URL(link.href);
  const ours = address.origin === location.origin && (address.pathname + '/').startsWith(`${BASE}/`);
  if (!ours || (address.pathname === location.pathname && address.hash)) return;
  event.preventDefault();
  go(address.pathname + address.search);
});
