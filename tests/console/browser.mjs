/** As much of a browser as the pure parts look at when they are loaded. */
export const listeners = {};
const at = (address) => Object.assign(globalThis, { location: new URL(address, 'https://app.example') });
at('/console');
Object.assign(globalThis, {
  history: { pushState: (_state, _title, address) => at(address), replaceState: (_state, _title, address) => at(address) },
  window: { addEventListener: (name, listener) => (listeners[name] = listener) },
  document: { addEventListener: (name, listener) => (listeners[name] = listener) },
  HTMLAnchorElement: class {},
  Element: class {},
});
export { at };
