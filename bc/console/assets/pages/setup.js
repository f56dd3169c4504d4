/** The set-up checklist: each step with its state, the reason, and the one next action. */
import { html, useState } from '../vendor/preact-htm.js';
import { checklist, progress } from '../checklist.js';
import { CONNECTIONS, useLive } from '../live.js';
import { useQuery } from '../router.js';
import { IMPORT } from '../words.js';
import { Choice } from '../parts/form.js';
import { Icon } from '../parts/icons.js';
import { Failure, Page, Skeleton, State } from '../parts/ui.js';
import { CONTENT } from './setup_steps.js';

const SHAPE = {
  done: { tone: 'done', word: 'Done' },
  now: { tone: 'now', word: 'Next' },
  problem: { tone: 'bad', word: 'Needs you' },
  later: { tone: 'todo', word: 'Later' },
};
const TICK = 'webhooks-entered';

export default function Setup() {
  const [query, setQuery] = useQuery();
  const [ticked, setTicked] = useState(() => localStorage.getItem(TICK) === 'yes');
  const setup = useLive('/api/setup', 10);
  const connections = useLive(CONNECTIONS, 5);
  const items = connections.data?.items || [];
  const chosen = items.find((each) => each.id === query.connection) || choose(items);
  const path = chosen?.company_id ? `/api/connections/${chosen.id}/mappings` : '';
  const customers = useLive(path && `${path}/customers?limit=1`, 10);
  const products = useLive(path && `${path}/products?limit=1`, 10);
  const jobs = useLive(chosen?.company_id ? `/api/jobs?connection_id=${chosen.id}&limit=100` : '', 10);
  const status = useLive('/api/status', 10);
  const invoices = useLive(chosen ? `/api/connections/${chosen.id}/outcomes?entity=invoice&status=synced&limit=1` : '', 10);
  if (!setup.data || !connections.data) {
    const error = setup.error || connections.error;
    return html`<${Page} title="Set-up">${error ? html`<${Failure} error=${error} />` : html`<${Skeleton} rows=${11} />`}</${Page}>`;
  }
  const facts = {
    setup: setup.data,
    connection: chosen,
    standard: items.find((each) => each.is_default),
    linked: Boolean(customers.data?.items.length || products.data?.items.length),
    jobs: jobs.data?.items || [],
    imported: Object.keys(IMPORT).filter((kind) => jobs.data?.items.some((job) => job.kind === kind && job.status === 'succeeded')).map((kind) => IMPORT[kind].many),
    invoice: invoices.data?.items[0],
    lastEvent: status.data?.halo?.last_event_at || null,
    webhookTicked: ticked,
  };
  const steps = checklist(facts);
  const current = query.step || steps.find((step) => step.state === 'problem' || step.state === 'now')?.id || '';
  const tick = (value) => {
    localStorage.setItem(TICK, value ? 'yes' : '');
    setTicked(value);
  };
  return html`<${Page} title="Set-up" lead=${progress(steps).words}>
    ${items.length > 1 && html`<div class="filters"><${Choice} label="For the connection" value=${chosen.id}
      onValue=${(value) => setQuery({ connection: value, step: '' })} options=${items.map((each) => [each.id, each.name])} /></div>`}
    <ol class="checklist">${steps.map((step, position) => html`<${Step}
      key=${step.id} step=${step} position=${position + 1} isOpen=${current === step.id} facts=${facts} tick=${tick}
      onOpen=${() => setQuery({ step: current === step.id ? 'none' : step.id })} />`)}</ol>
  </${Page}>`;
}

function Step({ step, position, isOpen, facts, tick, onOpen }) {
  const Content = CONTENT[step.id];
  const id = `step-${step.id}`;
  return html`<li class="check tone-edge-${SHAPE[step.state].tone}">
    <h2><button type="button" class="check-open" aria-expanded=${isOpen ? 'true' : 'false'} aria-controls=${id} onClick=${onOpen}>
      <span class="check-number">${position}</span><span class="check-title">${step.title}</span>
      <${State} ...${SHAPE[step.state]} /><${Icon} name="down" /></button></h2>
    <p class="check-reason soft" dir="auto">${step.reason}</p>
    <div id=${id} class="check-body" hidden=${!isOpen}>${isOpen && html`<${Content} ...${facts} tick=${tick} />`}</div>
  </li>`;
}

/** The connection the checklist is about: the first unfinished one, else the default. */
function choose(items) {
  return items.find((each) => each.status !== 'ready') || items.find((each) => each.is_default) || items[0] || null;
}
