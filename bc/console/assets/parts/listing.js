/** A long list of `/api`, page after page: a first page, and more when asked for. */
import { useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { readPatiently } from '../api.js';

/** `path` with its query, without cursor; null reads nothing. `again()` starts anew. */
export function usePages(path, limit = 50) {
  const [state, setState] = useState({ path: '', items: null, next: null, more: /** @type {Record<string, any>} */ ({}), busy: false, error: null, progress: '' });
  const [turn, setTurn] = useState(0);
  const current = useRef(0);
  const ask = async (cursor, before) => {
    const mine = (current.current += 1);
    setState((held) => ({ ...held, busy: true, error: null }));
    const query = `limit=${limit}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
    try {
      const progress = (words) => current.current === mine && setState((held) => ({ ...held, progress: words }));
      const { data } = await readPatiently(`${path}${path.includes('?') ? '&' : '?'}${query}`, progress, () => current.current !== mine);
      const { items, next, ...more } = data;
      if (current.current === mine) setState({ path, items: [...before, ...items], next, more, busy: false, error: null, progress: '' });
    } catch (error) {
      if (current.current === mine) setState((held) => ({ ...held, path, items: cursor ? held.items : null, busy: false, error }));
    }
  };
  useEffect(() => {
    if (path) ask('', []);
    return () => {
      current.current += 1;
    };
  }, [path, turn]);
  const own = state.path === path ? state : { ...state, items: null, error: null, next: null };
  return { ...own, load: () => ask(own.next, own.items || []), again: () => setTurn((before) => before + 1) };
}

/** A text that follows another with a pause, so that typing does not ask for every letter. */
export function useSettled(value, wait = 300) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), wait);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
