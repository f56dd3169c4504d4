/** Activity: every outcome, newest first. The list never moves by itself: it says how many are new. */
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { read } from '../api.js';
import { CONNECTIONS, useLive } from '../live.js';
import { to, useQuery } from '../router.js';
import { ENTITY, OUTCOME, capital } from '../words.js';
import { count } from '../when.js';
import { Choice } from '../parts/form.js';
import { OutcomeRow, whereOf } from '../parts/outcome.js';
import { Button, Empty, Failure, LinkButton, Page, Skeleton, useAction } from '../parts/ui.js';

const PAGE = 50;

export default function Activity() {
  const [query, setQuery] = useQuery();
  const connections = useLive(CONNECTIONS, 60);
  const { connection = '', halo_id: haloId = '' } = query;
  // An address may come from anywhere: what is no kind and no result filters nothing.
  const entity = Object.hasOwn(ENTITY, query.entity || '') ? query.entity : '';
  const status = Object.hasOwn(OUTCOME, query.status || '') ? query.status : '';
  const base = connection ? `/api/connections/${encodeURIComponent(connection)}/outcomes` : '/api/outcomes';
  const filters = new URLSearchParams({ entity, status, halo_id: haloId, limit: String(PAGE) });
  for (const name of ['entity', 'status', 'halo_id']) if (!filters.get(name)) filters.delete(name);
  const path = `${base}?${filters}`;
  const filtered = Boolean(entity || status || connection || haloId);
  const actions = html`<${LinkButton} href=${to('/resync', { entity, state: ['failed', 'skipped'].includes(status) ? status : '' })}>Send again …</${LinkButton}>`;
  return html`<${Page} title="Activity" lead="Every change in Halo leaves an outcome here: sent, skipped with the reason, or failed." actions=${actions}>
    <div class="filters" role="group" aria-label="Filter">
      <${Choice} label="Kind" value=${entity} onValue=${(value) => setQuery({ entity: value }, { push: true })}
        options=${[['', 'All kinds'], ...Object.keys(ENTITY).map((each) => [each, capital(ENTITY[each].many)])]} />
      <${Choice} label="Result" value=${status} onValue=${(value) => setQuery({ status: value }, { push: true })}
        options=${[['', 'All results'], ...Object.entries(OUTCOME).map(([each, { word }]) => [each, word])]} />
      ${(connections.data?.items.length > 1 || (connection && connections.data && !connections.data.items.some((each) => each.id === connection))) && html`
        <${Choice} label="Connection" value=${connection} onValue=${(value) => setQuery({ connection: value }, { push: true })}
          options=${[['', 'All connections'], ...connections.data.items.map((each) => [each.id, each.name])]} />`}
      ${filtered && html`<${Button} kind="quiet" onClick=${() => setQuery({ entity: '', status: '', connection: '', halo_id: '' }, { push: true })}
        >Clear filters</${Button}>`}
    </div>
    <${List} key=${path} path=${path} filtered=${filtered} connections=${connections.data?.items} />
  </${Page}>`;
}

function List({ path, filtered, connections }) {
  const live = useLive(path, 4);
  const { held, fresh, show, more, next, busy, error } = useHeld(path, live.data);
  if (!held) {
    return live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${8} />`;
  }
  if (!held.length && !fresh) {
    return filtered
      ? html`<${Empty} title="No outcome fits these filters"><p>Clear the filters to see all.</p></${Empty}>`
      : html`<${Empty} title="Nothing yet"><p>Save a record in Halo, or open one by its id above and choose “Sync now”.</p></${Empty}>`;
  }
  return html`
    <div class="fresh" role="status">${fresh > 0 && html`
      <${Button} onClick=${show}>${count(fresh, 'new outcome')} · show</${Button}>`}</div>
    <ul class="list">${held.map((outcome) => html`<${OutcomeRow} key=${outcome.id} outcome=${outcome} where=${whereOf(connections, outcome)} />`)}</ul>
    ${error && html`<${Failure} error=${error} retry=${more} />`}
    ${next && html`<p class="more"><${Button} busy=${busy} onClick=${more}>${busy ? 'Loading …' : 'Show older'}</${Button}></p>`}
  `;
}

/** The rows on the page: known ones change in place, new ones wait to be asked for. */
function useHeld(path, data) {
  const [rows, setRows] = useState(null);
  const [older, setOlder] = useState({ items: [], next: undefined });
  const { busy, error, run } = useAction();
  const newest = useRef([]);
  useEffect(() => {
    if (!data) return;
    newest.current = data.items;
    setRows((before) => {
      // An empty page has no pointer over a row: it may fill by itself.
      if (!before || !before.length) return data.items;
      const known = new Map(data.items.map((item) => [item.id, item]));
      return before.map((item) => known.get(item.id) || item);
    });
  }, [data]);
  const shown = new Set(rows?.map((row) => row.id));
  const fresh = rows ? (data?.items || []).filter((item) => !shown.has(item.id)).length : 0;
  const next = older.next === undefined ? data?.next : older.next;
  return {
    held: rows && [...rows, ...older.items.filter((item) => !shown.has(item.id))],
    fresh,
    show: () => {
      setRows(newest.current);
      setOlder({ items: [], next: undefined });
      document.querySelector('h1')?.focus({ preventScroll: true });
    },
    next,
    busy,
    error,
    more: () => run(async () => {
      const found = await read(`${path}&cursor=${encodeURIComponent(next)}`);
      setOlder((before) => ({ items: [...before.items, ...found.data.items], next: found.data.next }));
    }),
  };
}
