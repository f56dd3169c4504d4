/** One connection on Home: how it stands, what waits, what failed, its last success, its budget, pause and resume. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to } from '../router.js';
import { ENTITY, connectionState, joined } from '../words.js';
import { number } from '../when.js';
import { Budget, HourChart } from './chart.js';
import { Button, Failure, Skeleton, State, Time, useAction } from './ui.js';

/** `status`: its part of `/api/status`, null where that is not known; `coming`: whether it is on its way. */
export function ConnectionCard({ connection, status, coming }) {
  const state = stateOf(connection, status);
  return html`<article class="card">
    <header><h3><a href=${to(`/connections/${connection.id}`)}><bdi>${connection.name}</bdi></a>${connection.is_default && html` <span class="tag">Default</span>`}</h3>
      <${State} ...${state} /></header>
    <p class="soft"><bdi>${connection.company_name || 'No company chosen yet'}</bdi>${connection.environment_name && `, ${connection.environment_name}`}${connection.company_id && html`${' · '}syncs ${entities(connection)}`}</p>
    ${state.note && html`<p class="cure">${state.note}</p>`}
    ${!connection.company_id && html`<p class="soft">${state.meaning} <a href=${to('/setup', { connection: connection.id })}>Go on with the set-up</a></p>`}
    ${coming && connection.company_id && html`<div class="day-coming"><${Skeleton} rows=${5} /></div>`}
    ${status && connection.company_id && html`<${Day} connection=${connection} status=${status} />`}
    <${Pause} connection=${connection} waiting=${status ? status.waiting + status.retrying : null} />
  </article>`;
}

function stateOf(connection, status) {
  const open = status?.breaker;
  if (open && connection.status === 'ready' && !connection.paused) {
    return { word: 'Held back', tone: 'warn', note: joined(open.message, open.cure, 'It is tried again by itself.') };
  }
  return connectionState(connection);
}

function Day({ connection, status }) {
  const { outcomes_24h: sums = {}, hourly = [], last_success: last, bc_budget: budget } = status;
  const own = { connection: connection.id };
  return html`
    ${hourly.length > 0 && html`<figure class="day"><figcaption class="soft small">Outcomes per hour, last ${hourly.length} hours</figcaption><${HourChart} hours=${hourly} /></figure>`}
    <dl class="facts tight">
      <${Fact} label="Waiting" value=${status.waiting} note=${status.retrying ? `${number(status.retrying)} tried again` : ''} />
      <${Fact} label="Failed, open" value=${status.open_errors} tone="bad" href=${to('/errors', own)} />
      <${Fact} label="Synced, 24 h" value=${sums.synced || 0} href=${to('/activity', { ...own, status: 'synced' })} />
      <${Fact} label="Unchanged" value=${sums.unchanged || 0} href=${to('/activity', { ...own, status: 'unchanged' })} />
      <${Fact} label="Skipped" value=${sums.skipped || 0} href=${to('/activity', { ...own, status: 'skipped' })} />
    </dl>
    <p class="card-last">${last ? html`Last success: <${LastSuccess} last=${last} />` : html`<span class="soft">Nothing has been sent yet.</span>`}</p>
    ${budget && html`<dl><${Budget} label="Requests to Business Central, 5 min" used=${budget.used} limit=${budget.limit} detail=${budget.in_flight ? `${budget.in_flight} under way` : ''} /></dl>`}`;
}

function Fact({ label, value, note = '', tone = '', href = '' }) {
  const figure = html`<b class="number ${value && tone ? `tone-text-${tone}` : ''}">${number(value)}</b>`;
  return html`<div><dt>${label}</dt><dd>${value && href ? html`<a href=${href} aria-label="${label}: ${number(value)}">${figure}</a>` : figure}${note && html` <span class="soft small">${note}</span>`}</dd></div>`;
}

/** `last` is a time, or the record with its time. */
function LastSuccess({ last }) {
  if (typeof last === 'string') return html`<${Time} at=${last} />`;
  const kind = last.record_kind || ENTITY[last.entity]?.one || '';
  const name = last.record_name || last.halo_id || '';
  const path = kind && last.halo_id ? to(`/${last.entity}/${last.halo_id}`) : '';
  return html`${kind && html`${path ? html`<a href=${path}>${kind} <bdi>${name}</bdi></a>` : html`${kind} <bdi>${name}</bdi>`}${last.bc_number && html` → <span class="number"><bdi>${last.bc_number}</bdi></span>`}, `}<${Time} at=${last.at} />`;
}

function Pause({ connection, waiting }) {
  const { busy, error, run } = useAction();
  if (!connection.company_id) return null;
  const { paused } = connection;
  const turn = () => run(
    () => change('PATCH', `/api/connections/${connection.id}`, { paused: !paused }),
    paused ? `“${connection.name}” goes on. What waited is sent now.` : `“${connection.name}” is paused. Changes wait; none is lost.`,
  );
  const words = paused && waiting ? `Resume and send ${number(waiting)}` : paused ? 'Resume' : 'Pause';
  return html`${error && html`<${Failure} error=${error} retry=${null} />`}
    <p class="actions"><${Button} kind="small ${paused ? 'main' : ''}" busy=${busy} onClick=${turn} aria-label="${words}: ${connection.name}">${words}</${Button}></p>`;
}

function entities(connection) {
  const on = connection.settings.sync_entities;
  return on.length
    ? on.map((entity) => `${entity}s`).join(', ')
    : html`nothing yet · <a href=${to(`/connections/${connection.id}`)}>choose</a>`;
}
