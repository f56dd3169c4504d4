/** Why a record would or would not be sent: rule by rule, the first that fails open with its cure, then the requests. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { read } from '../api.js';
import { sentence } from '../words.js';
import { count } from '../when.js';
import { Icon } from './icons.js';
import { Button, Copy, Failure, Skeleton, State } from './ui.js';

const VERDICTS = {
  would_create: ['done', 'It would be sent to Business Central as a new record.'],
  would_update: ['done', 'It would be sent to Business Central as an update.'],
  unchanged: ['done', 'Business Central already has these values. Nothing would be sent.'],
  would_skip: ['warn', 'It would be skipped.'],
  would_fail: ['bad', 'It would fail.'],
};

export function Explain({ entity, id }) {
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
    ${found.requests.length > 0 && html`<p class="soft">Business Central checks blocks and posting groups only when it is sent, so it can still refuse it.</p><h3>What would be sent (${count(found.requests.length, 'request')})</h3>
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
    <div class="copy-block"><${Copy} text=${text} label="the request" /></div></details>`;
}
