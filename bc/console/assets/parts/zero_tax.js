/** Halo's own taxes set to zero, so that Business Central alone works out the tax: preview first, then the job, and the way back. */
import { html, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { useLive } from '../live.js';
import { to } from '../router.js';
import { ENTITY, capital } from '../words.js';
import { count, number } from '../when.js';
import { Button, Failure, Notice, Skeleton, State, Time, useAction } from './ui.js';

const PHASE = {
  off: { word: 'Halo’s taxes are as they were', tone: 'skip' },
  applying: { word: 'Being set to zero', tone: 'work' },
  on: { word: 'Set to zero', tone: 'done' },
  restoring: { word: 'Being put back', tone: 'work' },
};
const PAGE = 50;
/** Halo's fields in plain words. */
const TAX = {
  sales_tax_code: 'Sales tax',
  item_tax_code: 'Tax on products',
  service_tax_code: 'Tax on services',
  contract_tax_code: 'Tax on contracts',
  prepay_tax_code: 'Tax on prepayments',
  taxcode: 'Sales tax',
};

/** `onJob(kind, id)`: a job was started. */
export function ZeroTax({ onJob }) {
  const live = useLive('/api/halo/zero-tax', 5);
  const state = live.data;
  if (!state) return live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${3} />`;
  const touched = state.phase !== 'off' || state.changed > 0;
  return html`<div class="stack">
    <p>Business Central works out the tax of each line and the app writes it to Halo. Halo adds tax of its own too, unless its customers and
      products have a tax of 0 %. This sets them all at once, keeps what they had, and can put it back.</p>
    <p><${State} ...${PHASE[state.phase] || PHASE.off} />${state.tax_name && html` <span class="soft">with the tax <bdi>${state.tax_name}</bdi></span>`}${state.since
      && html` <span class="soft"><${Time} at=${state.since} prefix="since " /></span>`}</p>
    ${state.changed > 0 && html`<p>${count(state.changed, 'record')} of Halo ${state.changed === 1 ? 'has' : 'have'} the tax of 0 % instead of the old one, which is kept here.</p>`}
    ${state.conflicts > 0 && html`<${Conflicts} state=${state} />`}
    <${Apply} state=${state} onJob=${onJob} />
    ${touched && html`<${Restore} state=${state} onJob=${onJob} />`}
  </div>`;
}

const Conflicts = ({ state }) => html`<${Notice} tone="warn" title="${count(state.conflicts, 'record')} changed by somebody since">
  <p>Their tax is neither the one set nor the old one, so it was left alone. Look at them in Halo:</p>
  <ul class="list bare">${state.conflict_items.slice(0, 12).map((each) => html`<li key=${each.entity + each.halo_id}>
    <a href=${to(`/${each.entity}/${each.halo_id}`)}>${capital(ENTITY[each.entity]?.one || each.entity)} <bdi>${each.name}</bdi></a></li>`)}</ul>
  ${state.conflicts > 12 && html`<p class="soft">and ${number(state.conflicts - 12)} more</p>`}</${Notice}>`;

function Apply({ state, onJob }) {
  const { busy, error, run } = useAction();
  const [taxId, setTaxId] = useState('');
  const [found, setFound] = useState(null);
  const candidates = error?.document?.candidates;
  const running = error?.document?.job_id;
  const look = async (cursor = '') => {
    const query = `limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = await run(() => change('POST', `/api/halo/zero-tax?${query}`, { preview: true, tax_id: taxId }));
    if (!page) return;
    setFound((before) => (cursor && before ? { ...page, counts: before.counts, items: [...before.items, ...page.items], unchanged: before.unchanged + page.unchanged } : page));
  };
  const start = async () => {
    const job = await run(() => change('POST', '/api/halo/zero-tax', { tax_id: taxId }));
    if (job) onJob('zero_tax', job.job_id);
  };
  const sum = found ? (found.counts.customers || 0) + (found.counts.products || 0) : 0;
  return html`
    ${candidates && html`<fieldset class="choices"><legend>Which tax of 0 %?</legend>
      ${candidates.map((each) => html`<label class="pick" key=${each.id}><input type="radio" name="tax" value=${each.id} checked=${taxId === each.id} onChange=${() => setTaxId(each.id)} />
        <span><bdi>${each.name}</bdi> <span class="soft">id ${each.id}</span></span></label>`)}</fieldset>`}
    ${error && !candidates && html`<${Failure} error=${error} retry=${null} />`}
    ${running && html`<p><a href=${to('/halo', { job: running, kind: 'zero_tax' })}>Show the running job</a></p>`}
    ${!found && html`<p class="actions"><${Button} kind=${state.phase === 'off' ? 'main' : ''} busy=${busy} off=${Boolean(candidates) && !taxId} onClick=${() => look()}>${
      busy ? 'Reading Halo …' : state.phase === 'on' ? 'Look for records that are not zero' : 'Show what would change'}</${Button}>
      <span class="soft">Nothing is written yet.</span></p>`}
    ${found && html`<h3>What would change</h3>
      <p>Halo has ${count(found.counts.customers || 0, 'customer')} and ${count(found.counts.products || 0, 'product')}. Those that do not have it yet get the tax “<bdi>${found.tax.name}</bdi>”;${' '}
        ${number(found.items.length)} of the first ${number(found.items.length + found.unchanged)} would change.</p>
      ${found.items.length > 0 && html`<ul class="list changes">${found.items.map((item) => html`<${Change} key=${item.entity + item.halo_id} item=${item} />`)}</ul>`}
      <p class="actions"><${Button} kind="main" busy=${busy} onClick=${start}>Set the tax of all ${number(sum)} records to zero</${Button}>
        ${found.next && html`<${Button} busy=${busy} onClick=${() => look(found.next)}>Show more</${Button}>`}
        <${Button} kind="quiet" onClick=${() => setFound(null)}>Not now</${Button}></p>
      <p class="soft">The old taxes are kept and can be put back. It runs slowly, since Halo takes few calls; it goes on when you leave.</p>`}`;
}

function Change({ item }) {
  return html`<li class="row"><div class="row-main"><p class="row-title">${capital(ENTITY[item.entity]?.one || item.entity)} <a href=${to(`/${item.entity}/${item.halo_id}`)}><bdi>${item.name}</bdi></a></p>
    ${item.changes.map((each) => html`<p key=${each.field}>${TAX[each.field] || 'Tax'} <code class="halo">${each.field}</code>: <bdi>${each.old_name || 'none'}</bdi> → <bdi>${each.new_name}</bdi></p>`)}</div></li>`;
}

function Restore({ state, onJob }) {
  const { busy, error, run } = useAction();
  const [asking, setAsking] = useState(false);
  const start = async () => {
    const job = await run(() => change('POST', '/api/halo/restore-tax'));
    if (job) onJob('restore_tax', job.job_id);
  };
  return html`${error && html`<${Failure} error=${error} retry=${null} />`}
    ${asking
      ? html`<${Notice} tone="warn" title="Put the old taxes back?" actions=${html`<${Button} busy=${busy} onClick=${start}>Put back ${number(state.changed)}</${Button}>
          <${Button} kind="quiet" onClick=${() => setAsking(false)}>Keep zero</${Button}>`}>
          <p>${count(state.changed, 'record')} of Halo ${state.changed === 1 ? 'gets its' : 'get their'} old tax again. Halo then adds tax of its own to new invoices.</p></${Notice}>`
      : html`<p class="actions"><${Button} onClick=${() => setAsking(true)}>Put the old taxes back …</${Button}></p>`}`;
}
