/** Doctor: named checks of both ends, run now, each with its cure; a report for a support case. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { read } from '../api.js';
import { save } from '../save.js';
import { sentence } from '../words.js';
import { count, exact } from '../when.js';
import { CompanyPage, ConnectionChoice } from '../parts/company_page.js';
import { Button, Failure, Notice, Page, Skeleton, State, Time } from '../parts/ui.js';

const CHECK = {
  ok: { word: 'Fine', tone: 'done' },
  warning: { word: 'Warning', tone: 'warn' },
  failed: { word: 'Needs you', tone: 'bad' },
  skipped: { word: 'Not checked', tone: 'skip' },
};
const ORDER = ['failed', 'warning', 'skipped', 'ok'];

export default function Doctor({ connection: wanted = '' }) {
  return html`<${CompanyPage} title="Doctor" base="/doctor" wanted=${wanted} every why="Create a connection first; then both ends can be checked."
    children=${(connection, connections) => html`<${Ready} key=${connection.id} connection=${connection} connections=${connections} />`} />`;
}

function Ready({ connection, connections }) {
  const [state, setState] = useState({ busy: true, at: null, checks: null, error: null });
  const run = () => {
    setState((before) => ({ ...before, busy: true, error: null }));
    read(`/api/connections/${connection.id}/doctor`).then(
      ({ data }) => setState({ busy: false, at: data.at || new Date().toISOString(), checks: data.checks, error: null }),
      (error) => setState((before) => ({ ...before, busy: false, error })),
    );
  };
  useEffect(run, []);
  const { busy, at, checks, error } = state;
  const actions = html`<${ConnectionChoice} connection=${connection} connections=${connections} base="/doctor" />
    <${Button} kind="main" busy=${busy} onClick=${run}>${busy ? 'Checking …' : 'Run now'}</${Button}>`;
  const lead = html`Looks at Halo, at Microsoft’s sign-in and at <bdi>${connection.company_name || 'Business Central'}</bdi>. Nothing is written anywhere.`;
  return html`<${Page} title="Doctor" lead=${lead} actions=${actions}>
    ${error && html`<${Failure} error=${error} retry=${run} title="The checks could not run" />`}
    ${!checks && !error && html`<${Skeleton} rows=${10} />`}
    ${checks && html`<div aria-busy=${busy ? 'true' : 'false'}><${Summary} checks=${checks} at=${at} />
      <ul class="list checks">${sorted(checks).map((check, position) => html`<${Check} key=${check.name + position} check=${check} />`)}</ul></div>
      <section class="no-print" aria-labelledby="report"><h2 id="report">Report</h2>
        <p class="soft">For a support case: what was checked and found, with the connection’s name and company. It holds no secret and no token.</p>
        <p class="actions"><${Button} onClick=${() => save(`doctor-${stamp(at)}.txt`, 'text/plain', asText(connection, checks, at))}>Download as text</${Button}>
          <${Button} onClick=${() => save(`doctor-${stamp(at)}.json`, 'application/json', asJson(connection, checks, at))}>Download as JSON</${Button}>
          <${Button} onClick=${() => print()}>Print</${Button}></p></section>`}
  </${Page}>`;
}

const sorted = (checks) => [...checks].sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status));
const title = (check) => check.title || sentence(check.name);

function Summary({ checks, at }) {
  const bad = checks.filter((check) => check.status === 'failed').length;
  const warnings = checks.filter((check) => check.status === 'warning').length;
  const [tone, words] = bad
    ? ['bad', `${count(bad, 'check')} ${bad === 1 ? 'needs' : 'need'} you${warnings ? `, ${count(warnings, 'warning')}` : ''}.`]
    : warnings
      ? ['warn', `It works, with ${count(warnings, 'warning')}.`]
      : ['done', `All ${count(checks.length, 'check')} are fine.`];
  return html`<div role="status"><${Notice} tone=${tone} title=${words}><p class="soft"><${Time} at=${at} prefix="Checked " /></p></${Notice}></div>`;
}

function Check({ check }) {
  return html`<li class="row"><${State} ...${CHECK[check.status] || CHECK.skipped} />
    <div class="row-main"><h2 class="check-name">${title(check)}</h2><p dir="auto">${check.detail}</p>
      ${check.cure && html`<p class="cure" dir="auto">${check.cure}</p>`}</div></li>`;
}

const stamp = (at) => at.slice(0, 16).replace(/[:T]/g, '-');
const facts = ({ name, environment_name: environment, environment_type: type, company_name: company, auth_mode: mode, status, paused, settings }) => ({
  name, environment, type, company, mode, status, paused, sync_entities: settings.sync_entities,
});

const asJson = (connection, checks, at) => `${JSON.stringify({ checked_at: at, connection: facts(connection), checks }, null, 2)}\n`;

function asText(connection, checks, at) {
  const lines = [`Halo to Business Central: doctor, ${exact(at)}`, `Connection: ${connection.name}`, `Company: ${connection.company_name || 'none yet'}${connection.environment_name ? ` (${connection.environment_name})` : ''}`, ''];
  for (const check of sorted(checks)) {
    lines.push(`[${(CHECK[check.status] || CHECK.skipped).word}] ${title(check)}: ${check.detail}`);
    if (check.cure) lines.push(`    What to do: ${check.cure}`);
  }
  return `${lines.join('\n')}\n`;
}
