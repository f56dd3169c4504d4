/** One record's whole story: where it stands, every outcome, why, and what would be sent now. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { useLive } from '../live.js';
import { useQuery } from '../router.js';
import { ENTITY, OUTCOME, capital, sentence } from '../words.js';
import { count } from '../when.js';
import { BothSystems, OutcomeRow, RecordName, happened } from '../parts/outcome.js';
import { Icon } from '../parts/icons.js';
import { Button, Copy, Empty, Failure, Notice, Page, Skeleton, State, useAction } from '../parts/ui.js';

const TONES = { synced: 'done', unchanged: 'done', skipped: 'warn', failed: 'bad', retrying: 'work' };

export default function Record({ entity, id }) {
  const [query, setQuery] = useQuery();
  const live = useLive(`/api/outcomes?entity=${entity}&halo_id=${encodeURIComponent(id)}&limit=50`, 2);
  const { busy, error, run } = useAction();
  const label = `${capital(ENTITY[entity].one)} ${id}`;
  const items = live.data?.items || [];
  const last = items[0];
  const sync = () => run(
    () => change('POST', '/api/sync', { entity, halo_ids: [id] }),
    `${label} is queued. Its outcome appears here in a moment.`,
  );
  const explaining = query.explain === '1';
  const actions = html`
    <${Button} aria-expanded=${explaining ? 'true' : 'false'} onClick=${() => setQuery({ explain: explaining ? '' : '1' })}>Explain</${Button}>
    <${Button} kind="main" busy=${busy} onClick=${sync}>Sync now</${Button}>`;
  return html`<${Page} title=${last ? html`<${RecordName} outcome=${last} />` : label} tab=${label} actions=${actions}>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    ${last && html`<${Standing} last=${last} />`}
    ${explaining && html`<${Explain} entity=${entity} id=${id} />`}
    <section aria-labelledby="story">
      <h2 id="story">What happened</h2>
      ${!live.data && (live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${4} />`)}
      ${live.data && !items.length && html`<${Empty} title="Nothing was tried with it yet">
        <p>“Explain” says whether it would be sent, and why not. “Sync now” sends it.</p>
        <p>Did you expect to find something? ${id} is taken as Halo’s id. It stands in the address of the record’s page in Halo and
          may differ from the number on ${entity === 'invoice' ? 'the invoice' : 'the record'}.</p></${Empty}>`}
      <ol class="list">${items.map((outcome) => html`<${OutcomeRow} key=${outcome.id} outcome=${outcome} within />`)}</ol>
    </section>
  </${Page}>`;
}

function Standing({ last }) {
  const state = OUTCOME[last.status] || OUTCOME.skipped;
  return html`<${Notice} tone=${TONES[last.status] || 'skip'} title=${`${state.word}${last.bc_number ? ` · ${last.bc_number} in Business Central` : ''}`}>
    <p dir="auto">${happened(last)}</p>
    ${last.cure && html`<p class="cure" dir="auto">${last.cure}</p>`}
    <p class="links"><${BothSystems} outcome=${last} /></p>
  </${Notice}>`;
}

const VERDICTS = {
  would_create: ['done', 'It would be created in Business Central.'],
  would_update: ['done', 'It would be updated in Business Central.'],
  unchanged: ['done', 'Business Central already has these values. Nothing would be sent.'],
  would_skip: ['warn', 'It would be skipped.'],
  would_fail: ['bad', 'It would fail.'],
};

function Explain({ entity, id }) {
  const [state, setState] = useState({ found: null, error: null });
  const ask = () => {
    setState({ found: null, error: null });
    read(`/api/explain/${entity}/${encodeURIComponent(id)}`).then(
      ({ data }) => setState({ found: data, error: null }),
      (error) => setState({ found: null, error }),
    );
  };
  useEffect(ask, [entity, id]);
  const { found, error } = state;
  return html`<section class="panel" aria-labelledby="explain" aria-busy=${!found && !error ? 'true' : 'false'}>
    <div class="section-head"><h2 id="explain">Explain</h2><${Button} kind="small" onClick=${ask}>Ask again</${Button}></div>
    <p class="soft">Read now from both systems; nothing is written anywhere.</p>
    ${error && html`<${Failure} error=${error} retry=${ask} />`}
    ${!found && !error && html`<${Skeleton} rows=${5} />`}
    ${found && html`<${Answer} found=${found} />`}
  </section>`;
}

function Answer({ found }) {
  const [tone, words] = VERDICTS[found.verdict] || ['skip', sentence(found.verdict)];
  return html`
    <p class="verdict tone-${tone}" role="status"><${Icon} name=${tone} />${words}</p>
    <ol class="steps">${found.steps.map((step) => html`<li key=${step.rule} class=${step.ok ? '' : 'stopped'}>
      <${State} tone=${step.ok ? 'done' : tone} word=${step.ok ? 'Yes' : 'Stops here'} />
      <div><p dir="auto">${step.detail}</p>${step.cure && html`<p class="cure" dir="auto">${step.cure}</p>`}</div></li>`)}</ol>
    ${found.requests.length > 0 && html`<h3>What would be sent (${count(found.requests.length, 'request')})</h3>
      ${found.requests.map((request, position) => html`<${RequestText} key=${position} request=${request} />`)}`}
  `;
}

function RequestText({ request }) {
  const parts = request.parts || [request];
  const text = parts
    .map((part) => `${part.method} ${part.path}${part.body ? `\n${JSON.stringify(part.body, null, 2)}` : ''}`)
    .join('\n\n');
  return html`<details class="request"><summary><code>${request.method} ${request.path}</code>${request.parts
    && html`<span class="soft"> with ${count(request.parts.length, 'part')}</span>`}</summary>
    <${CopyBlock} text=${text} /></details>`;
}

const CopyBlock = ({ text }) => html`<div class="copy-block"><${Copy} text=${text} label="the request" /></div>`;
