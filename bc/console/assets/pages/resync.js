/** Send again: many records by what they are, counted before anything is queued. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { CONNECTIONS, useLive } from '../live.js';
import { to, useQuery } from '../router.js';
import { ENTITY, capital } from '../words.js';
import { count, number } from '../when.js';
import { Choice, TextField } from '../parts/form.js';
import { Job } from '../parts/job.js';
import { HaloPicker } from '../parts/links_records.js';
import { Button, Failure, Notice, Page, useAction } from '../parts/ui.js';

const STATES = [
  ['any', 'Whatever became of them'],
  ['failed', 'Only those that failed'],
  ['skipped', 'Only those that were skipped'],
  ['never', 'Only those never sent'],
];

export default function Resync() {
  const [query, setQuery] = useQuery();
  const connections = useLive(CONNECTIONS, 60);
  const items = connections.data?.items || [];
  const lead = 'Queues records as if they had been saved in Halo just now. What Business Central holds already is not sent again, so nothing is doubled.';
  if (query.job) {
    return html`<${Page} title="Send again" lead=${lead}><${Job} key=${query.job} id=${query.job} kind="resync" back=${to('/activity', { entity: query.entity })} backWords="See the outcomes" /></${Page}>`;
  }
  return html`<${Page} title="Send again" lead=${lead}><${Form} query=${query} setQuery=${setQuery} connections=${items} /></${Page}>`;
}

function Form({ query, setQuery, connections }) {
  const entity = Object.hasOwn(ENTITY, query.entity || '') ? query.entity : 'invoice';
  const state = STATES.some(([each]) => each === query.state) ? query.state : 'any';
  const { from = '', to: until = '', customer = '', customer_name: customerName = '', connection = '' } = query;
  const filter = { state, ...(from && { from }), ...(until && { to: until }), ...(customer && entity !== 'product' && { customer_id: customer }) };
  const [found, setFound] = useState(null);
  const [picking, setPicking] = useState(false);
  const { busy, error, run, clear } = useAction();
  const running = error?.document?.job_id;
  const wrong = error?.fields || {};
  useEffect(() => {
    setFound(null);
    clear();
  }, [entity, state, from, until, customer, connection]);
  const ask = (preview) => change('POST', '/api/sync', { entity, filter, connection_id: connection || null, preview });
  const look = async () => {
    const answer = await run(() => ask(true));
    if (answer) setFound(answer);
  };
  const start = async () => {
    const job = await run(() => ask(false));
    if (job) setQuery({ entity, job: job.job_id }, { push: true });
  };
  const many = found ? (found.at_least ? `at least ${number(found.count)} ${ENTITY[entity].many}` : count(found.count, ENTITY[entity].one)) : '';
  return html`<div class="panel stack">
    <div class="filters">
      <${Choice} label="Kind" value=${entity} onValue=${(value) => setQuery({ entity: value, ...(value === 'product' && { customer: '', customer_name: '' }) })}
        options=${Object.keys(ENTITY).map((each) => [each, capital(ENTITY[each].many)])} />
      <${Choice} label="Which" value=${state} onValue=${(value) => setQuery({ state: value === 'any' ? '' : value })} options=${STATES} />
      ${connections.length > 1 && html`<${Choice} label="Connection" value=${connection} onValue=${(value) => setQuery({ connection: value })}
        options=${[['', 'Each to its own'], ...connections.map((each) => [each.id, each.name])]} />`}
    </div>
    <div class="filters">
      <${TextField} label=${entity === 'invoice' ? 'Dated from' : 'Changed from'} type="date" optional value=${from} onValue=${(value) => setQuery({ from: value })} error=${wrong['filter.from'] || ''} />
      <${TextField} label="To" type="date" optional value=${until} onValue=${(value) => setQuery({ to: value })} error=${wrong['filter.to'] || ''} />
      ${entity === 'invoice' && connections.length > 0 && html`<p class="actions">${customer
        ? html`<span>Of <bdi>${customerName || `customer ${customer}`}</bdi></span><${Button} kind="small quiet" onClick=${() => setQuery({ customer: '', customer_name: '' })}>Any customer</${Button}>`
        : html`<${Button} onClick=${() => setPicking(true)}>Of one customer …</${Button}>`}</p>`}
    </div>
    ${picking && html`<${HaloPicker} connection=${connections.find((each) => each.id === connection) || connections[0]} kind="customers" title="Whose invoices?" onClose=${() => setPicking(false)}
      onPick=${(picked) => setQuery({ customer: picked.halo_id, customer_name: picked.name })} />`}
    ${error && !Object.keys(wrong).length && html`<${Failure} error=${error} retry=${null} />`}
    ${running && html`<p><a href=${to('/resync', { entity, job: running })}>Show the one that runs</a></p>`}
    ${found && (found.count
      ? html`<${Notice} tone="work" title=${`${capital(many)} would be queued`} actions=${html`<${Button} kind="main" busy=${busy} onClick=${start}>Send ${many} again</${Button}>
          <${Button} kind="quiet" onClick=${() => setFound(null)}>Not now</${Button}>`}>
          <p>They cost at most ${count(found.requests_estimate, 'request')} to Business Central${found.at_least ? ' and more, since not all were counted' : ''}. Those that did not change cost none.</p></${Notice}>`
      : html`<${Notice} tone="done" title="No record fits"><p>Nothing would be queued.</p></${Notice}>`)}
    ${!found && html`<p class="actions"><${Button} kind="main" busy=${busy} onClick=${look}>${busy ? 'Counting …' : 'Count them first'}</${Button}><span class="soft">Nothing is queued yet.</span></p>`}
  </div>`;
}
