/** Errors: one row for each cause with its count, its cure and what to press; opened, its records. */
import { html, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { CONNECTIONS, useLive } from '../live.js';
import { csv, save } from '../save.js';
import { to, useQuery } from '../router.js';
import { ERROR_STATE, cause } from '../words.js';
import { count, number } from '../when.js';
import { Choice } from '../parts/form.js';
import { BothSystems, RecordName, happened, recordName, recordPath } from '../parts/outcome.js';
import { Icon } from '../parts/icons.js';
import { Button, Empty, Failure, Notice, Page, Skeleton, State, Time, useAction } from '../parts/ui.js';

const PAGE = 100;
/** So many records of a cause are shown at once. */
const FEW = 3;
const EMPTY = {
  open: ['No open errors', 'Everything that was tried arrived. A failure shows here with its cure.'],
  retrying: ['Nothing is being tried again', 'A retried error is here until its outcome is known.'],
  dismissed: ['Nothing is dismissed', 'Dismissed errors stay here and can still be retried.'],
  resolved: ['Nothing solved yet', 'An error closes by itself when its record is sent.'],
};

export default function Errors() {
  const [query, setQuery] = useQuery();
  const { connection = '', code = '' } = query;
  const state = Object.hasOwn(ERROR_STATE, query.state || '') ? query.state : 'open';
  const connections = useLive(CONNECTIONS, 60);
  const base = connection ? `/api/connections/${encodeURIComponent(connection)}/errors` : '/api/errors';
  const path = `${base}?state=${encodeURIComponent(state)}&limit=${PAGE}`;
  const actions = html`<${Tools} path=${path} state=${state} connection=${connection} />`;
  return html`<${Page} title="Errors" lead="Grouped by cause. An error closes by itself once its record is sent." actions=${actions}>
    <div class="filters" role="group" aria-label="Filter">
      <${Choice} label="Show" value=${state} onValue=${(value) => setQuery({ state: value === 'open' ? '' : value, code: '' }, { push: true })}
        options=${Object.entries(ERROR_STATE).map(([each, { word }]) => [each, word])} />
      ${(connections.data?.items.length > 1 || (connection && connections.data && !connections.data.items.some((each) => each.id === connection))) && html`
        <${Choice} label="Connection" value=${connection} onValue=${(value) => setQuery({ connection: value }, { push: true })}
          options=${[['', 'All connections'], ...connections.data.items.map((each) => [each.id, each.name])]} />`}
    </div>
    <${Groups} key=${path} path=${path} state=${state} connection=${connection} open=${code}
      onOpen=${(next) => setQuery({ code: next })} />
  </${Page}>`;
}

/** What concerns all of them: retry everything, and the list as a file. */
function Tools({ path, state, connection }) {
  const live = useLive(path, 5);
  const [asking, setAsking] = useState(false);
  const retrying = useAction();
  const exporting = useAction();
  const groups = live.data?.groups || [];
  const total = groups.reduce((sum, group) => sum + group.count, 0);
  if (!total) return null;
  const retry = async () => {
    const done = await retrying.run(async () => {
      let queued = 0;
      for (const { code } of groups) queued += (await change('POST', '/api/errors/retry', { code, connection_id: connection || null })).queued;
      return { queued };
    }, ({ queued }) => `${count(queued, 'record')} queued to be sent again.`);
    if (done) setAsking(false);
  };
  const download = () => exporting.run(async () => {
    const rows = await all(path);
    save(`errors-${state}.csv`, 'text/csv', csv([COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))]));
    return { rows: rows.length };
  }, ({ rows }) => `${count(rows, 'error')} written to the file.`);
  const failure = retrying.error || exporting.error;
  return html`
    <${Button} busy=${exporting.busy} onClick=${download}>${exporting.busy ? 'Reading …' : 'Download as CSV'}</${Button}>
    ${state === 'open' && groups.length > 1 && html`<${Button} aria-expanded=${asking ? 'true' : 'false'} onClick=${() => setAsking(!asking)}>Retry everything …</${Button}>`}
    ${asking && html`<div class="ask"><${Notice} tone="warn" title=${`Send ${count(total, 'record')} again?`} actions=${html`
      <${Button} kind="main" busy=${retrying.busy} onClick=${retry}>Retry all ${number(total)}</${Button}><${Button} kind="quiet" onClick=${() => setAsking(false)}>Not now</${Button}>`}>
      <p>Those whose cause stands still will fail again; nothing is doubled.</p></${Notice}></div>`}
    ${failure && html`<div class="ask"><${Failure} error=${failure} retry=${null} /></div>`}`;
}

/** @type {[string, (row: any) => any][]} */
const COLUMNS = [
  ['When', (row) => row.at],
  ['State', (row) => row.state],
  ['Kind', (row) => row.entity],
  ['Halo id', (row) => row.halo_id],
  ['Name', (row) => row.record_name || ''],
  ['Cause', (row) => cause(row.code)],
  ['Code', (row) => row.code],
  ['What happened', (row) => row.message],
  ['What to do', (row) => row.cure],
  ['Number in Business Central', (row) => row.bc_number],
  ['Microsoft’s id', (row) => row.correlation_id],
  ['In Halo', (row) => row.halo_url],
];
const MOST_IN_FILE = 20_000;

async function all(path) {
  const rows = [];
  let cursor = '';
  do {
    const { data } = await read(`${path.replace(/limit=[0-9]+/, 'limit=500')}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    rows.push(...data.items);
    cursor = data.next;
  } while (cursor && rows.length < MOST_IN_FILE);
  return rows;
}

function Groups({ path, state, connection, open, onOpen }) {
  const live = useLive(path, 5);
  if (!live.data) {
    return live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${5} />`;
  }
  const groups = live.data.groups;
  if (!groups.length) {
    const [title, words] = EMPTY[state] || EMPTY.open;
    return html`<${Empty} title=${title}><p>${words}</p></${Empty}>`;
  }
  return html`<ul class="list causes">${groups.map((group) => html`
    <${Group}
      key=${group.code} group=${group} state=${state} path=${path} connection=${connection}
      rows=${live.data.items.filter((row) => row.code === group.code)}
      open=${open === group.code || groups.length === 1 || group.count <= FEW} onOpen=${onOpen}
    />`)}</ul>`;
}

function Group({ group, rows, state, path, connection, open, onOpen }) {
  const [turned, setTurned] = useState(null);
  const isOpen = turned ?? open;
  const turn = () => {
    setTurned(!isOpen);
    onOpen(isOpen ? '' : group.code);
  };
  const { busy, error, run } = useAction();
  const more = useMore(`${path}&code=${encodeURIComponent(group.code)}`, rows, group.count);
  const shown = more.rows;
  const oldest = shown.at(-1);
  const cures = new Set(shown.map((row) => row.cure));
  const cure = cures.size === 1 ? [...cures][0] : '';
  const title = cause(group.code, shown.length === 1 ? happened(shown[0]).replace(/\.$/, '') : '');
  const retry = () => run(
    () => change('POST', '/api/errors/retry', { code: group.code, connection_id: connection || null }),
    ({ queued }) => `${count(queued, 'record')} queued to be sent again.`,
  );
  const dismiss = () => run(
    () => change('POST', '/api/errors/dismiss', { code: group.code, connection_id: connection || null }),
    ({ dismissed }) => `${count(dismissed, 'error')} dismissed. They stay under “Dismissed”, and come back if they fail again.`,
  );
  const id = `cause-${group.code}`;
  return html`<li class="cause tone-edge-${ERROR_STATE[state]?.tone || 'bad'}">
    <div class="cause-head">
      <div class="row-main">
        <h2><button type="button" class="cause-open" aria-expanded=${isOpen ? 'true' : 'false'} aria-controls=${id} onClick=${turn}>
          <${Icon} name="down" /><span>${title}</span></button></h2>
        <p class="soft"><span class="number">${count(group.count, 'record')}</span>${oldest
          && html` · <${Time} at=${oldest.at} prefix=${group.count > 1 ? 'first ' : ''} />`}</p>
        ${cure && html`<p class="cure" dir="auto">${cure}</p>`}
      </div>
      ${state === 'open' && group.count > 1 && html`<div class="actions">
        <${Button} busy=${busy} onClick=${retry} aria-label="Retry all ${group.count}: ${title}">Retry all ${number(group.count)}</${Button}>
        <${Button} kind="quiet" busy=${busy} onClick=${dismiss} aria-label="Dismiss all ${group.count}: ${title}">Dismiss all</${Button}>
      </div>`}
    </div>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    <div id=${id} hidden=${!isOpen}>${isOpen && html`
      <ul class="list bare">${shown.map((row) => html`<${ErrorRow} key=${row.id} row=${row} cureShown=${Boolean(cure)} />`)}</ul>
      ${more.failure && html`<${Failure} error=${more.failure} retry=${more.load} />`}
      ${shown.length < group.count && html`<p class="more">
        <${Button} busy=${more.busy} onClick=${more.load}>Show more of ${number(group.count)}</${Button}></p>`}`}
    </div>
  </li>`;
}

/** Rows beyond the first page, read when asked for. */
function useMore(path, first, total) {
  const [older, setOlder] = useState({ items: [], next: '' });
  const { busy, error, run } = useAction();
  const known = new Set(first.map((row) => row.id));
  const rows = [...first, ...older.items.filter((row) => !known.has(row.id))].slice(0, total);
  const load = () => run(async () => {
    const cursor = older.next ? `&cursor=${encodeURIComponent(older.next)}` : '';
    const found = await read(path + cursor);
    setOlder((before) => ({ items: [...before.items, ...found.data.items], next: found.data.next }));
  });
  return { rows, load, busy, failure: error };
}

function ErrorRow({ row, cureShown }) {
  const { busy, error, run } = useAction();
  const name = recordName(row);
  const shown = html`<${RecordName} outcome=${row} />`;
  const path = recordPath(row);
  const retry = () => run(() => change('POST', '/api/errors/retry', { ids: [row.id] }), `${name} is queued to be sent again.`);
  const dismiss = () => run(
    () => change('POST', `/api/errors/${encodeURIComponent(row.id)}/dismiss`),
    `${name} is dismissed. It stays under “Dismissed” and comes back if it fails again.`,
  );
  return html`<li class="row">
    ${row.state !== 'open' && html`<${State} ...${ERROR_STATE[row.state]} />`}
    <div class="row-main">
      <p class="row-title">${path ? html`<a href=${path}>${shown}</a>` : shown} <${Time} at=${row.at} /></p>
      <p dir="auto">${happened(row)}</p>
      ${!cureShown && row.cure && html`<p class="cure" dir="auto">${row.cure}</p>`}
      ${row.text && html`<pre class="code" tabindex="0">${row.text}</pre>`}
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}
      <p class="links">${path && html`<a href=${to(`/${row.entity}/${row.halo_id}`, { explain: '1' })} aria-label="Explain ${name}">Explain</a>`}<${BothSystems} outcome=${row} /></p>
    </div>
    <div class="actions">
      ${['open', 'dismissed'].includes(row.state) && html`<${Button} busy=${busy} onClick=${retry} aria-label="Retry ${name}">Retry</${Button}>`}
      ${row.state === 'open' && html`<${Button} kind="quiet" busy=${busy} onClick=${dismiss} aria-label="Dismiss ${name}">Dismiss</${Button}>`}
    </div>
  </li>`;
}
