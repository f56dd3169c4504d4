/** Small observable values, and the hook that renders anew when one changes. */
import { useLayoutEffect, useState } from './vendor/preact-htm.js';

/**
 * @template T
 * @param {T} value
 */
export function cell(value) {
  const watchers = new Set();
  return {
    get value() {
      return value;
    },
    /** @param {T} next */
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const watcher of [...watchers]) watcher(value);
    },
    /** @param {(value: T) => void} watcher @returns {() => void} stop watching */
    watch(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

/** The cell's value; the component renders anew when it changes. */
export function useCell(watched) {
  const [, render] = useState(0);
  useLayoutEffect(() => watched.watch(() => render((count) => count + 1)), [watched]);
  return watched.value;
}
