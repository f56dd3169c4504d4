/** Home: what needs a person first, then each connection, then what happened last. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { CONNECTIONS, OPEN_ERRORS, useLive } from '../live.js';
import { needs } from '../needs.js';
import { to } from '../router.js';
import { count, exact, hour, number } from '../when.js';
import { Budget, QueueChart, mostOf } from '../parts/chart.js';
import { ConnectionCard } from '../parts/connection_card.js';
import { OutcomeRow, whereOf } from '../parts/outcome.js';
import { Icon } from '../parts/icons.js';
import { Button, Empty, Failure, LinkButton, Page, Skeleton, Time, useAction } from '../parts/ui.js';

// More cards than that nobody looks through, and a browser takes seconds to draw.
const MOST_CARDS = 24;

export default function Home() {
  const connections = useLive(CONNECTIONS, 10);
  const errors = useLive(OPEN_ERRORS, 15);
  const setup = useLive('/api/setup', 60);
  const status = useLive('/api/status', 5);
  if (!connections.data) {
    return html`<${Page} title="Home">
      ${connections.error ? html`<${Failure} error=${connections.error} />` : html`<${Skeleton} rows=${6} />`}
    </${Page}>`;
  }
  const items = connections.data.items;
  const coming = !status.data && !status.error;
  if (!items.length) return html`<${Welcome} />`;
  const found = needs({ connections: items, status: status.data, errors: errors.data, setup: setup.data });
  const states = new Map((status.data?.connections || []).map((each) => [each.connection_id, each]));
  return html`<${Page} title="Home">
    <section aria-labelledby="needs">
      <h2 id="needs">Needs you</h2>
      ${found.length
        ? html`<ul class="list">${found.map((need) => html`<${Need} key=${need.key} need=${need} />`)}</ul>`
        : html`<p class="calm"><${Icon} name="done" />Nothing. Everything that changed in Halo has been dealt with.</p>`}
    </section>
    <section aria-labelledby="connections">
      <h2 id="connections">Connections</h2>
      <div class="cards">${shown(items, states).map((connection) => html`<${ConnectionCard} key=${connection.id} connection=${connection} coming=${coming}
        status=${states.get(connection.id) || null} />`)}</div>
      ${items.length > MOST_CARDS && html`<p class="soft"><a href=${to('/connections')}>All ${number(items.length)} connections</a></p>`}
    </section>
    ${(coming || status.data?.queue) && html`<${Queue} status=${status.data} />`}
    <${HaloLine} halo=${status.data?.halo} coming=${coming} />
    <${Latest} connections=${items} />
  </${Page}>`;
}

/** The connections that have a card: of many, those that need somebody come first, then those with most to do. */
function shown(items, states) {
  if (items.length <= MOST_CARDS) return items;
  const weight = ({ id, status }) => {
    const state = states.get(id);
    const isCalm = status === 'ready' && (!state || state.state.code === 'ready');
    return (isCalm ? 0 : 1e9) + (state ? state.open_errors * 1e4 + state.waiting + state.retrying : 0);
  };
  return items.toSorted((one, other) => weight(other) - weight(one)).slice(0, MOST_CARDS);
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
      ${need.code && html`<${Button} busy=${busy} onClick=${retry} aria-label="${need.retry}: ${need.title}">${need.retry}</${Button}>`}
      <${LinkButton} href=${need.href} aria-label="${need.action}: ${need.title}">${need.action}</${LinkButton}>
    </div>
  </li>`;
}

/** What waits to be sent, now and over the day. */
function Queue({ status }) {
  const most = status && mostOf(status.queue);
  return html`<section aria-labelledby="queue"><h2 id="queue">Waiting to be sent</h2>
    ${!status ? html`<div class="halo-coming"><${Skeleton} rows=${3} /></div>` : html`<div class="panel queue">
      <dl class="facts"><div><dt>Now</dt><dd><b class="number">${number(status.waiting)}</b>${status.waiting_capped && ' or more'}</dd></div>
        <div><dt>At most, 24 h</dt><dd>${most ? html`<b class="number">${number(most.waiting)}</b> <span class="soft">at <time datetime=${most.at} title=${exact(most.at)}>${hour(most.at)}</time></span>` : html`<b class="number">0</b>`}</dd></div></dl>
      <figure class="day"><figcaption class="soft small">Records waiting, last 24 hours</figcaption><${QueueChart} queue=${status.queue} now=${status.at} /></figure></div>`}
  </section>`;
}

/** Halo's side, in one line: the last look for changes, the last call of its webhook, its budget. */
function HaloLine({ halo, coming }) {
  const { busy, run } = useAction();
  if (coming) return html`<section class="halo-coming"><${Skeleton} rows=${3} /></section>`;
  if (!halo) return null;
  const at = typeof halo.last_sweep === 'string' ? halo.last_sweep : halo.last_sweep?.at || halo.last_sweep?.finished_at;
  const sweep = () => run(() => change('POST', '/api/halo/sweep'), 'Looking for changes in Halo now.');
  return html`<section aria-labelledby="halo"><div class="section-head"><h2 id="halo">Halo</h2><${Button} kind="small" busy=${busy} onClick=${sweep}>Look for changes now</${Button}></div>
    <dl class="facts panel">
      <div><dt>Last looked for changes</dt><dd>${at ? html`<${Time} at=${at} />` : 'not yet'}</dd></div>
      ${'last_event_at' in halo && html`<div><dt>Last call of its webhook</dt><dd>${halo.last_event_at ? html`<${Time} at=${halo.last_event_at} />` : html`never · <a href=${to('/setup', { step: 'webhook' })}>set it up</a>`}</dd></div>`}
      <${Budget} label="Requests to Halo, 5 min" used=${halo.budget?.used || 0} limit=${halo.budget?.limit} />
    </dl></section>`;
}

function Latest({ connections }) {
  const latest = useLive('/api/outcomes?limit=6', 5);
  return html`<section aria-labelledby="latest">
    <div class="section-head"><h2 id="latest">What happened last</h2><a href=${to('/activity')}>All activity</a></div>
    ${!latest.data && (latest.error ? html`<${Failure} error=${latest.error} />` : html`<${Skeleton} rows=${4} />`)}
    ${latest.data && !latest.data.items.length && html`<${Empty} title="Nothing yet">
      <p>Save a customer, product or invoice in Halo, and its outcome appears here.</p></${Empty}>`}
    ${latest.data && html`<ul class="list">${latest.data.items.map((outcome) => html`
      <${OutcomeRow} key=${outcome.id} outcome=${outcome} short where=${whereOf(connections, outcome)} />`)}</ul>`}
  </section>`;
}
