/** What a try sent to Business Central and what came back, folded: read when it is opened, and again after another try. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { read } from '../api.js';
import { count } from '../when.js';
import { Failure, Skeleton } from './ui.js';

export function Sent({ outcome }) {
  const [open, setOpen] = useState(false);
  const [state, setState] = useState({ found: /** @type {any} */ (null), error: /** @type {any} */ (null) });
  const ask = () => {
    let wanted = true;
    read(`/api/outcomes/${encodeURIComponent(outcome.id)}/requests`).then(
      ({ data }) => wanted && setState({ found: data, error: null }),
      (error) => wanted && setState((held) => ({ ...held, error })),
    );
    return () => {
      wanted = false;
    };
  };
  useEffect(() => (open ? ask() : undefined), [open, outcome.id, outcome.attempts, outcome.status]);
  if (!outcome.requests) return null;
  const { found, error } = state;
  return html`<details class="request" onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>What was sent, and what came back</summary>
    ${error && html`<${Failure} error=${error} retry=${ask} />`}
    ${open && !found && !error && html`<${Skeleton} rows=${2} />`}
    ${found && !found.requests.length && html`<p class="soft">The requests of this try were not kept.</p>`}
    ${found?.requests.map((request, position) => html`<${Exchange} key=${position} request=${request} />`)}
    ${found?.requests.length > 0 && html`<p class="soft small">${found.shortened
      ? 'Long texts are cut short here; they were sent whole.'
      : 'Of each answer only the fields that were sent, its numbers, states, sums and tax are kept.'}</p>`}
  </details>`;
}

function Exchange({ request }) {
  const batch = request.path === '$batch';
  return html`
    ${batch && html`<p class="sent-head"><code>${request.method} ${request.path}</code> <span class="soft">one request with ${count(request.parts.length, 'part')}, ${answered(request)}</span></p>`}
    <ol class="sent ${batch ? 'within' : ''}">${request.parts.map((part, position) => html`<li key=${position}>
      <p><code>${part.method} ${part.path}</code> <span class=${failed(part) ? 'tone-text-bad' : 'soft'}>${answered(part, request)}</span></p>
      ${part.sent && html`<${Body} label="Sent" text=${part.sent} />`}
      ${part.answer && html`<${Body} label="Came back" text=${part.answer} />`}</li>`)}</ol>
    ${request.trouble && html`<p class="cure" dir="auto">${request.trouble}</p>`}`;
}

const Body = ({ label, text }) => html`<figure><figcaption class="soft small">${label}</figcaption><pre class="code" tabindex="0" aria-label=${label}>${text}</pre></figure>`;

const failed = ({ status }) => status === 0 || status >= 400;

/** `whole`: the request that a part belongs to. @param {any} part @param {any} whole */
function answered({ status }, whole = null) {
  if (status) return `answered ${status}`;
  return whole && whole.status ? 'not carried out' : 'no answer';
}
