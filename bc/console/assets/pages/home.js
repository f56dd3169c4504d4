/** Home: what needs a person first, then each connection, then what happened last. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { OPEN_ERRORS, useLive } from '../live.js';
import { needs } from '../needs.js';
import { to } from '../router.js';
import { connectionState } from '../words.js';
import { count, number } from '../when.js';
import { OutcomeRow } from '../parts/outcome.js';
import { Icon } from '../parts/icons.js';
import { Button, Empty, Failure, LinkButton, Page, Skeleton, State, useAction } from '../parts/ui.js';

export default function Home() {
  const connections = useLive('/api/connections', 10);
  const errors = useLive(OPEN_ERRORS, 15);
  const setup = useLive('/api/setup', 60);
  if (!connections.data) {
    return html`<${Page} title="Home">
      ${connections.error ? html`<${Failure} error=${connections.error} />` : html`<${Skeleton} rows=${6} />`}
    </${Page}>`;
  }
  const items = connections.data.items;
  if (!items.length) return html`<${Welcome} />`;
  const found = needs({ connections: items, errors: errors.data, setup: setup.data });
  return html`<${Page} title="Home">
    <section aria-labelledby="needs">
      <h2 id="needs">Needs you</h2>
      ${found.length
        ? html`<ul class="list">${found.map((need) => html`<${Need} key=${need.key} need=${need} />`)}</ul>`
        : html`<p class="calm"><${Icon} name="done" />Nothing. Everything that changed in Halo has been dealt with.</p>`}
    </section>
    <section aria-labelledby="connections">
      <h2 id="connections">Connections</h2>
      <div class="cards">${items.map((connection) => html`<${Card} key=${connection.id} connection=${connection} />`)}</div>
    </section>
    <${Latest} />
  </${Page}>`;
}

function Welcome() {
  return html`<${Page} title="Welcome">
    <div class="prose">
      <p>This app keeps Halo and Business Central in step: customers, products and invoices that change in Halo are sent
        to Business Central, and the tax that Business Central works out comes back to each invoice line.</p>
      <p>The set-up checklist leads through it. Each step can be left and taken up again; nothing is sent before you switch it on.</p>
      <p><${LinkButton} href=${to('/setup')} kind="main">Start the set-up</${LinkButton}></p>
    </div>
  </${Page}>`;
}

function Need({ need }) {
  const { busy, error, run } = useAction();
  const retry = () => run(
    () => change('POST', '/api/errors/retry', { code: need.code }),
    ({ queued }) => `${count(queued, 'record')} queued to be sent again.`,
  );
  return html`<li class="row need tone-edge-${need.tone}">
    <span class="tone-${need.tone}"><${Icon} name=${need.tone} label=${need.tone === 'bad' ? 'Needs you' : 'Warning'} /></span>
    <div class="row-main"><p class="row-title"><bdi>${need.title}</bdi></p>
      ${need.detail && html`<p class="soft">${need.detail}</p>`}
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}</div>
    <div class="actions">
      ${need.code && html`<${Button} busy=${busy} onClick=${retry} aria-label="Retry all: ${need.title}">Retry all</${Button}>`}
      <${LinkButton} href=${need.href} aria-label="${need.action}: ${need.title}">${need.action}</${LinkButton}>
    </div>
  </li>`;
}

function Card({ connection }) {
  const state = connectionState(connection);
  const path = `/api/connections/${connection.id}`;
  const failed = useLive(`${path}/errors?state=open&limit=1`, 15);
  const last = useLive(`${path}/outcomes?limit=1`, 10);
  const open = (failed.data?.groups || []).reduce((sum, group) => sum + group.count, 0);
  const outcome = last.data?.items[0];
  return html`<article class="card">
    <header><h3><a href=${to(`/connections/${connection.id}`)}><bdi>${connection.name}</bdi></a></h3>
      <${State} ...${state} /></header>
    <dl class="facts">
      <div><dt>Company</dt><dd><bdi>${connection.company_name || 'not chosen yet'}</bdi>${connection.environment_name
        && html` <span class="soft">(${connection.environment_name})</span>`}</dd></div>
      <div><dt>Syncs</dt><dd>${entities(connection)}</dd></div>
      <div><dt>Failed</dt><dd>${failed.data
        ? open ? html`<a href=${to('/errors', { connection: connection.id })}>${number(open)} open</a>` : 'none' : '…'}</dd></div>
    </dl>
    <div class="card-last"><h4>Last</h4>${outcome
      ? html`<ul class="list bare"><${OutcomeRow} outcome=${outcome} brief /></ul>`
      : html`<p class="soft">${last.data ? 'Nothing has been sent yet.' : '…'}</p>`}</div>
  </article>`;
}

function entities(connection) {
  const on = connection.settings.sync_entities;
  return on.length
    ? on.map((entity) => `${entity}s`).join(', ')
    : html`nothing yet · <a href=${to(`/connections/${connection.id}`)}>choose</a>`;
}

function Latest() {
  const latest = useLive('/api/outcomes?limit=6', 5);
  return html`<section aria-labelledby="latest">
    <div class="section-head"><h2 id="latest">What happened last</h2><a href=${to('/activity')}>All activity</a></div>
    ${!latest.data && (latest.error ? html`<${Failure} error=${latest.error} />` : html`<${Skeleton} rows=${4} />`)}
    ${latest.data && !latest.data.items.length && html`<${Empty} title="Nothing yet">
      <p>Save a customer, product or invoice in Halo, and its outcome appears here.</p></${Empty}>`}
    ${latest.data && html`<ul class="list">${latest.data.items.map((outcome) => html`
      <${OutcomeRow} key=${outcome.id} outcome=${outcome} short />`)}</ul>`}
  </section>`;
}
