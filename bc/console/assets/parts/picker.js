/** Choosing one record of the other system: a dialog with a search, the results as buttons. */
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { read } from '../api.js';
import { count } from '../when.js';
import { Button, Failure, Skeleton } from './ui.js';

const MOST = 25;

/**
 * `path`: an address that takes `?search=`; `shown`: an item as {key, number, name, note, off}; `first`: what is sought
 * when it opens. `onPick(item)` is called with the chosen one, `onClose()` without.
 */
export function Picker({ title, hint = '', path, first = '', shown, onPick, onClose }) {
  const dialog = useRef(null);
  const [search, setSearch] = useState(first);
  const { items, total, error, busy, again } = useSearch(path, search);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} class="dialog picker" aria-labelledby="picker-title" onClose=${onClose}>
    <div class="section-head"><h2 id="picker-title">${title}</h2>
      <${Button} kind="quiet small" onClick=${() => dialog.current.close()}>Close</${Button}></div>
    ${hint && html`<p class="soft">${hint}</p>`}
    <label class="choice wide"><span>Search by number or name</span>
      <input class="input" type="search" maxlength="200" value=${search} autofocus dir="auto" autocomplete="off"
        onInput=${(event) => setSearch(event.currentTarget.value)} onKeyDown=${stay} /></label>
    <p class="unseen" role="status">${busy ? 'Searching …' : items ? `${count(items.length, 'result')}` : ''}</p>
    <div class="picker-list">
      ${error && html`<${Failure} error=${error} retry=${again} />`}
      ${!items && !error && html`<${Skeleton} rows=${5} />`}
      ${items && !items.length && html`<p class="soft picker-none">Nothing fits “<bdi>${search}</bdi>”. Try a part of the name, or the number.</p>`}
      ${items && html`<ul class="list bare">${items.map((item) => html`<${Line} key=${shown(item).key} line=${shown(item)} onPick=${() => {
        dialog.current.close();
        onPick(item);
      }} />`)}</ul>`}
      ${items && total > items.length && html`<p class="soft small">The first ${items.length} of ${total}. Search to see others.</p>`}
    </div>
  </dialog>`;
}

/** Enter leads to the first result, and never sends a form around the dialog. */
function stay(event) {
  if (event.key !== 'Enter') return;
  event.preventDefault();
  event.currentTarget.closest('dialog').querySelector('.picker-line')?.focus();
}

const Line = ({ line, onPick }) => html`<li><button type="button" class="picker-line" aria-disabled=${line.off ? 'true' : null}
  onClick=${() => !line.off && onPick()}><span class="picker-name"><bdi>${line.name || '(no name)'}</bdi></span>
  <span class="soft number"><bdi>${line.number}</bdi></span>${line.note && html`<span class="soft small picker-note">${line.note}</span>`}</button></li>`;

/** What the address finds, a moment after the typing stops; an older answer never replaces a newer one. */
function useSearch(path, search) {
  const [state, setState] = useState({ items: null, total: 0, error: null, busy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let wanted = true;
    setState((before) => ({ ...before, busy: true, error: null }));
    const look = async () => {
      try {
        const { data } = await read(`${path}${path.includes('?') ? '&' : '?'}search=${encodeURIComponent(search.trim())}&limit=${MOST}`);
        if (wanted) setState({ items: data.items, total: data.total || 0, error: null, busy: false });
      } catch (error) {
        if (wanted) setState({ items: null, total: 0, error, busy: false });
      }
    };
    const timer = setTimeout(look, search ? 250 : 0);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [path, search, turn]);
  return { ...state, again: () => setTurn(turn + 1) };
}
