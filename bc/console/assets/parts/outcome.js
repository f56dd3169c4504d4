/** One outcome in a list: state, record, what happened, what to do. */
import { html } from '../vendor/preact-htm.js';
import { to } from '../router.js';
import { nameParts, recordName } from '../names.js';
import { ACTION, ENTITY, OUTCOME, capital, sentence } from '../words.js';
import { Sent } from './sent.js';
import { Out, State, Time } from './ui.js';

export { recordName };

/** The same for the page: the name keeps its own direction of writing. */
export function RecordName({ outcome }) {
  const { kind, name, id } = nameParts(outcome);
  return name ? html`<span>${kind} <bdi>${name}</bdi>${id && ` (${id})`}</span>` : html`<span>${kind} ${id}</span>`;
}

/** The name of its connection; '' where there is only one. */
export const whereOf = (connections, { connection_id: id }) => (connections?.length > 1 && connections.find((each) => each.id === id)?.name) || '';

/** Where a record's page is; '' for what has none. */
export const recordPath = ({ entity, halo_id: id }) => (ENTITY[entity] && id ? to(`/${entity}/${id}`) : '');

/** What happened, in a sentence: the app's own words, else those of the action. */
export function happened(outcome) {
  if (outcome.message) return outcome.message;
  if (outcome.status === 'synced' && ACTION[outcome.action]) {
    return `${capital(ACTION[outcome.action])}${outcome.bc_number ? ` as ${outcome.bc_number}` : ''}.`;
  }
  if (outcome.status === 'unchanged') return 'Business Central already has these values; nothing was sent.';
  return outcome.code ? `${sentence(outcome.code)}.` : '';
}

/** `brief`: state, name and time only. `short`: without the cure. `within`: on the record's own page, without its name.
 * `where`: its connection's name, where there are several. */
export function OutcomeRow({ outcome, brief = false, short = false, within = false, where = '' }) {
  const state = OUTCOME[outcome.status] || { word: sentence(outcome.status), tone: 'skip' };
  const path = recordPath(outcome);
  const name = html`<${RecordName} outcome=${outcome} />`;
  return html`<li class="row outcome">
    <${State} ...${state} />
    <div class="row-main">
      ${!within && html`<p class="row-title">${path ? html`<a href=${path}>${name}</a>` : name}
        ${outcome.bc_number && html`<span class="soft number"> → <bdi>${outcome.bc_number}</bdi></span>`}${where && html`<span class="soft"> · <bdi>${where}</bdi></span>`}</p>`}
      ${!brief && html`<p dir="auto">${happened(outcome)}</p>`}
      ${!brief && !short && outcome.cure && html`<p class="cure" dir="auto">${outcome.cure}</p>`}
      ${!brief && !short && (outcome.warnings || []).map((warning) => html`
        <p class="cure tone-text-warn" key=${warning.code + warning.message}>Note: <span dir="auto">${warning.message}</span></p>`)}
      ${within && html`<${Small} outcome=${outcome} /><${Sent} outcome=${outcome} />`}
    </div>
    <${Time} at=${outcome.at} />
  </li>`;
}

function Small({ outcome }) {
  const facts = [
    outcome.attempts > 1 && `${outcome.attempts} tries`,
    outcome.requests > 0 && `${outcome.requests} ${outcome.requests === 1 ? 'request' : 'requests'} to Business Central`,
  ].filter(Boolean);
  return html`<p class="soft small">
    ${facts.join(' · ')}${facts.length > 0 && outcome.correlation_id && ' · '}${outcome.correlation_id
      && html`<span>Microsoft’s id for a support case: <code>${outcome.correlation_id}</code></span>`}
  </p>`;
}

/** The record in both systems. */
export const BothSystems = ({ outcome }) => html`
  <${Out} href=${outcome.halo_url}>Open in Halo</${Out}>
  <${Out} href=${outcome.bc_url}>Open in Business Central</${Out}>
`;
