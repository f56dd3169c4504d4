/** The one way to `/api`: JSON in and out, refusals as `Problem`, a lost network as `Unreachable`. */
import { cell } from './cells.js';

/** Whether the admin is signed in: 'unknown' until the first answer, then 'in' or 'out'. */
export const session = cell('unknown');

/** Whether the app answers. `lostAt`: since when it does not. */
export const network = cell(/** @type {{up: boolean, lostAt: Date | null}} */ ({ up: true, lostAt: null }));

// Azure itself gives up after 230 seconds.
const PATIENCE = 220_000;
// The app answers `still_reading` after a while of its own, so this pause is short.
const ASK_AGAIN = 3000;

/** A refusal in words. `fields` maps a field's name to what is wrong with it. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || wordsFor(status));
    this.status = status;
    this.code = document.code || '';
    this.document = document;
    this.fields = Object.fromEntries((document.errors || []).map(({ field, message }) => [field, message]));
  }
}

/** The app did not answer; nothing is known about what it did. */
export class Unreachable extends Error {
  constructor() {
    super('The app does not answer. Check the network, then try again. What you typed is still here.');
  }
}

/** Read `path`; with the `etag` of what is held, `{unchanged: true}` when it still holds. */
export async function read(path, etag = '') {
  const answer = await send('GET', path, undefined, etag ? { 'If-None-Match': etag } : {});
  if (answer.status === 304) return { unchanged: true, etag, data: undefined };
  return { unchanged: false, etag: answer.headers.get('ETag') || '', data: await body(answer) };
}

/**
 * Read what the app may have to work out beside the request, such as the preview of a large company: ask until it is
 * there. `tell` is given how far it is; a `stopped` that turns true ends the asking with the last refusal.
 * @param {string} path @param {(progress: string) => void} tell @param {() => boolean} stopped
 */
export async function readPatiently(path, tell, stopped) {
  for (;;) {
    try {
      return await read(path);
    } catch (error) {
      if (error.code !== 'still_reading' || stopped()) throw error;
      tell(error.message.replace(error.document.cure || '', '').trim());
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
      if (stopped()) throw error;
    }
  }
}

/** Change something. Resolves to the answer's JSON, or null where it has none. */
export async function change(method, path, value) {
  return body(await send(method, path, value));
}

/** Sign in with the admin key, or sign out. */
export const signIn = async (key) => {
  await send('POST', '/console/session', { key });
  session.set('in');
};
export const signOut = async () => {
  await send('DELETE', '/console/session');
  session.set('out');
};

async function send(method, path, value, headers = {}) {
  const answer = await reach(method, path, value, headers);
  network.set(network.value.up ? network.value : { up: true, lostAt: null });
  const isSignIn = path === '/console/session';
  if (answer.status === 401 && !isSignIn) session.set('out');
  if (answer.ok || answer.status === 304) {
    if (!isSignIn) session.set('in');
    return answer;
  }
  throw new Problem(answer.status, await problemOf(answer));
}

async function reach(method, path, value, headers) {
  const content = value === undefined ? {} : { 'Content-Type': 'application/json' };
  try {
    return await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...content, ...headers },
      body: value === undefined ? undefined : JSON.stringify(value),
      // The ETag is ours to handle: an unchanged answer must show as 304.
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE),
    });
  } catch {
    if (network.value.up) network.set({ up: false, lostAt: new Date() });
    throw new Unreachable();
  }
}

async function body(answer) {
  if (answer.status === 204) return null;
  const text = await answer.text();
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(answer.status, { detail: wordsFor(502) });
  }
}

async function problemOf(answer) {
  try {
    const found = JSON.parse(await answer.text());
    return found && typeof found === 'object' ? found : {};
  } catch {
    return {};
  }
}

function wordsFor(status) {
  if (status === 401) return 'Your session has ended. Sign in again.';
  if (status === 404) return 'This does not exist, or no longer does.';
  if (status === 429) return 'Too many requests at once. Wait a minute, then try again.';
  if (status >= 500) return 'The app is not ready to answer. It may be starting: try again in a minute.';
  return `The app refused this (${status}). Reload the page and try again.`;
}
