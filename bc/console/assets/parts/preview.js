/** The importer's screen: each Business Central record with its proposal, a choice per row, one button with the count. */
import { html, useEffect, useMemo, useRef, useState } from '../vendor/preact-htm.js';
import { change, readPatiently } from '../api.js';
import { useQuery } from '../router.js';
import { IMPORT, MATCH } from '../words.js';
import { count, number } from '../when.js';
import { fitting, records, tally } from '../picks.js';
import { PreviewTable } from './preview_table.js';
import { Button, Empty, Failure, Notice, Skeleton, useAction } from './ui.js';

const PAGE = 100;
const READ = 500;
// One request may carry 1 MiB; a record takes about 110 bytes of it.
const MOST = 8000;

export function Preview({ connection, kind, onStarted }) {
  const [query, setQuery] = useQuery();
  const { search = '' } = query;
  const match = Object.hasOwn(MATCH, query.match || '') ? query.match : '';
  const loaded = useAll(`/api/connections/${connection.id}/preview/${kind}`);
  const started = useRef(false);
  const kept = `picks:${connection.id}:${kind}`;
  const [selected, setSelected] = useState(() => new Set(stored(kept).selected));
  const [choices, setChoices] = useState(() => new Map(stored(kept).choices));
  useEffect(() => {
    // Ticks survive a reload and a look at another page; written once they rest.
    const timer = setTimeout(() => store(kept, selected, choices), 300);
    return () => {
      clearTimeout(timer);
      if (!started.current) store(kept, selected, choices);
    };
  }, [selected, choices]);
  const [page, setPage] = useState(0);
  const { busy, error, run } = useAction();
  const shown = useMemo(() => fitting(loaded.rows, search, match), [loaded.rows, search, match]);
  useEffect(() => setPage(0), [search, match]);
  const picked = loaded.rows.filter((row) => selected.has(row.bc_id));
  const sums = tally(picked, choices);
  const ready = picked.length - sums.undecided;
  const choose = (row, action) => {
    setChoices((before) => new Map(before).set(row.bc_id, action));
    setSelected((before) => new Set(before).add(row.bc_id));
  };
  const select = (rows, wanted) => setSelected((before) => {
    const after = new Set(before);
    for (const row of rows) after[wanted ? 'add' : 'delete'](row.bc_id);
    return after;
  });
  // Everything as proposed needs no list, so it may be any number.
  const whole = picked.length === loaded.rows.length && !choices.size && !loaded.busy;
  const tooMany = ready > MOST && !whole;
  const noun = IMPORT[kind];
  const start = async () => {
    const body = whole && picked.length > MOST ? { all: true } : { records: records(picked, choices) };
    const job = await run(() => change('POST', `/api/connections/${connection.id}/imports/${kind}`, body));
    if (!job) return;
    started.current = true;
    sessionStorage.removeItem(kept);
    onStarted(job.job_id);
  };
  if (!loaded.rows.length && loaded.busy) {
    return html`<p class="soft">Both systems are read and compared. Large companies take some minutes, since Halo limits its calls.</p>
      <p role="status">${loaded.progress || 'Reading …'}</p><${Skeleton} rows=${10} />`;
  }
  if (loaded.error && !loaded.rows.length) return html`<${Failure} error=${loaded.error} retry=${loaded.again} />`;
  if (!loaded.rows.length) return html`<${Empty} title="Business Central has no ${noun.many} here"><p>There is nothing to import.</p></${Empty}>`;
  const running = error?.document?.job_id;
  return html`
    ${loaded.note && html`<${Notice} tone="warn"><p>${loaded.note}</p></${Notice}>`}
    <${Filters} counts=${loaded.counts} total=${loaded.rows.length} busy=${loaded.busy} search=${search} match=${match} setQuery=${setQuery} />
    ${loaded.error && html`<${Failure} error=${loaded.error} title="Not all rows could be read" retry=${loaded.again} />`}
    ${shown.length
      ? html`<${PreviewTable} rows=${shown.slice(page * PAGE, (page + 1) * PAGE)} all=${shown} noun=${noun} whole=${!search && !match}
          selected=${selected} select=${select} choices=${choices} choose=${choose} />
        <${Pager} page=${page} total=${shown.length} onPage=${setPage} />`
      : html`<${Empty} title="No row fits"><p>Change the search or the filter above.</p></${Empty}>`}
    <div class="import-bar ${picked.length ? 'picked' : ''}" role="region" aria-label="Import">
      <div>
        <p class="import-words" role="status">${words(sums, picked.length, tooMany)}</p>
        ${running && html`<p class="tone-text-warn">${error.message} <a href="?kind=${kind}&job=${running}">Show the running import</a></p>`}
        ${error && !running && html`<p class="field-error" role="alert">${error.message}</p>`}
      </div>
      <${Button} kind="main" busy=${busy} off=${!ready || tooMany} onClick=${start}>${
        busy ? 'Starting …' : ready ? `Import ${count(ready, noun.one, noun.many)}` : 'Nothing selected'}</${Button}>
    </div>`;
}

function stored(key) {
  try {
    return { selected: [], choices: [], ...JSON.parse(sessionStorage.getItem(key) || '{}') };
  } catch {
    return { selected: [], choices: [] };
  }
}

function store(key, selected, choices) {
  try {
    if (selected.size || choices.size) sessionStorage.setItem(key, JSON.stringify({ selected: [...selected], choices: [...choices] }));
    else sessionStorage.removeItem(key);
  } catch {
    sessionStorage.removeItem(key);  // more than the browser keeps: then nothing is kept
  }
}

function words(sums, picked, tooMany) {
  if (!picked) return 'Tick the rows to import.';
  if (tooMany) return `At most ${number(MOST)} fit into one import. Take fewer, then the rest; or take all of them as proposed.`;
  const parts = [
    sums.create && `${number(sums.create)} to create in Halo`,
    sums.link && `${number(sums.link)} to link to records that Halo has`,
    sums.update && `${number(sums.update)} to refresh`,
    sums.undecided && `${number(sums.undecided)} left out until you choose`,
  ];
  return `${parts.filter(Boolean).join(', ')}.`;
}

function Filters({ counts, total, busy, search, match, setQuery }) {
  const options = [['', 'All', total], ...Object.entries(MATCH).map(([each, { word }]) => [each, word, counts[each] || 0])];
  return html`<div class="filters">
    <label class="choice"><span>Search</span><input
      class="input" type="search" value=${search} placeholder="Number or name" maxlength="200" onInput=${(event) => setQuery({ search: event.currentTarget.value })} /></label>
    <div class="segments" role="group" aria-label="Match">${options.map(([each, word, sum]) => html`
      <button key=${each} type="button" class="button" aria-pressed=${each === match ? 'true' : 'false'} onClick=${() => setQuery({ match: each }, { push: true })}
      >${word} <span class="number soft">${number(sum)}</span></button>`)}</div>
    ${busy && html`<span class="soft" role="status">Reading more …</span>`}
  </div>`;
}

function Pager({ page, total, onPage }) {
  const pages = Math.ceil(total / PAGE);
  if (pages < 2) return null;
  const turn = (next) => {
    onPage(next);
    document.querySelector('.preview')?.scrollIntoView({ block: 'start' });
  };
  return html`<nav class="pager" aria-label="Pages">
    <${Button} off=${page === 0} onClick=${() => turn(page - 1)}>Previous</${Button}>
    <span class="number" role="status">${number(page * PAGE + 1)}–${number(Math.min(total, (page + 1) * PAGE))} of ${number(total)}</span>
    <${Button} off=${page >= pages - 1} onClick=${() => turn(page + 1)}>Next</${Button}>
  </nav>`;
}

/** Every row of the preview, read page after page; the first ones show while the rest come. */
function useAll(path) {
  const [state, setState] = useState({ rows: [], counts: {}, note: '', progress: '', busy: true, error: null });
  const [turn, setTurn] = useState(0);
  const current = useRef(0);
  useEffect(() => {
    const mine = (current.current += 1);
    const tell = (next) => current.current === mine && setState(next);
    const progress = (words) => tell((before) => ({ ...before, progress: words }));
    const readAll = async () => {
      const rows = new Map();
      let cursor = '';
      do {
        const address = `${path}?limit=${READ}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
        const page = await readPatiently(address, progress, () => current.current !== mine);
        for (const row of page.data.items) rows.set(row.bc_id, row);
        cursor = page.data.next;
        tell({ rows: [...rows.values()], counts: page.data.counts, note: page.data.note, progress: '', busy: Boolean(cursor), error: null });
      } while (cursor && current.current === mine);
    };
    setState((before) => ({ ...before, busy: true, error: null }));
    readAll().catch((error) => tell((before) => ({ ...before, busy: false, error })));
    return () => {
      current.current += 1;
    };
  }, [path, turn]);
  return { ...state, again: () => setTurn(turn + 1) };
}
