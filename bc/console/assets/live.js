/**
 * Live data: each address is read once for all who watch it, again after a while, less often while nothing changes,
 * and not at all while the tab is hidden or the session has ended.
 */
import { useEffect, useState } from './vendor/preact-htm.js';
import { Problem, read, session } from './api.js';

/** What the navigation counts and Home explains: one address, so one request for both. */
export const OPEN_ERRORS = '/api/errors?state=open&limit=50';

/** All connections: a page of the list is as long as the app allows, so that none is missing. */
export const CONNECTIONS = '/api/connections?limit=500';

const SLOWEST = 60_000;
const KEPT = 60;
/** @type {Map<string, Source>} */
const sources = new Map();

class Source {
  constructor(path) {
    this.path = path;
    this.watchers = new Map();
    /** @type {{data: any, error: Error | null, at: Date | null}} */
    this.state = { data: undefined, error: null, at: null };
    this.etag = '';
    this.wait = 0;
    this.timer = 0;
    this.busy = null;
    this.again = false;
  }

  get every() {
    const wanted = [...this.watchers.values()].filter(Boolean);
    return wanted.length ? Math.min(...wanted) * 1000 : 0;
  }

  watch(watcher, every) {
    this.watchers.set(watcher, every);
    this.wait = this.every;
    this.look();
    return () => {
      this.watchers.delete(watcher);
      if (!this.watchers.size) clearTimeout(this.timer);
    };
  }

  /** Read now; a call while one is under way reads once more after it. */
  look() {
    if (this.busy) this.again = true;
    else this.busy = this.#look();
    return this.busy;
  }

  async #look() {
    clearTimeout(this.timer);
    do {
      this.again = false;
      await this.#once();
    } while (this.again);
    this.busy = null;
    this.#plan();
  }

  async #once() {
    try {
      const found = await read(this.path, this.state.data === undefined ? '' : this.etag);
      const data = found.unchanged ? this.state.data : found.data;
      this.etag = found.etag;
      this.wait = found.unchanged ? Math.min(this.wait * 1.3, this.every * 4) : this.every;
      if (found.unchanged && !this.state.error) this.state.at = new Date();
      else this.#tell({ data, error: null, at: new Date() });
    } catch (error) {
      this.wait = Math.min(Math.max(this.wait, 2000) * 2, SLOWEST);
      // What is on the page stays there through a lost network or session; only a true refusal replaces it.
      const gone = error instanceof Problem && [403, 404, 409, 422].includes(error.status);
      this.#tell({ data: gone ? undefined : this.state.data, error, at: this.state.at });
    }
  }

  #plan() {
    const quiet = document.hidden || session.value === 'out' || !this.watchers.size;
    if (!quiet && (this.every || this.state.error)) {
      this.timer = setTimeout(() => this.look(), this.wait || SLOWEST);
    }
  }

  #tell(state) {
    this.state = state;
    for (const watcher of [...this.watchers.keys()]) watcher(state);
  }

  /** Forget the back-off and read now. */
  wake() {
    this.wait = this.every;
    if (this.watchers.size) this.look();
  }
}

/** Read everything on the page anew: after a change, when the tab comes back, after a sign-in. */
export function refresh() {
  for (const source of sources.values()) source.wake();
}

/**
 * Watch an address of `/api`. `every`: seconds between looks, 0 = once. A null path watches nothing.
 * @returns {{data: any, error: Error | null, at: Date | null}} `data` is undefined until the first answer.
 */
export function useLive(path, every = 5) {
  const [, render] = useState(0);
  useEffect(() => {
    if (!path) return undefined;
    return sourceOf(path).watch(() => render((count) => count + 1), every);
  }, [path, every]);
  return path ? sourceOf(path).state : { data: undefined, error: null, at: null };
}

function sourceOf(path) {
  let source = sources.get(path);
  if (!source) {
    source = new Source(path);
    sources.set(path, source);
    forgetOld();
  }
  return source;
}

function forgetOld() {
  for (const [path, source] of sources) {
    if (sources.size <= KEPT) return;
    if (!source.watchers.size && !source.busy) sources.delete(path);
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) refresh();
  else for (const source of sources.values()) clearTimeout(source.timer);
});
window.addEventListener('online', refresh);
session.watch((state) => {
  if (state === 'in') refresh();
});
