/** Halo's side: how its changes are noticed, and its own taxes set to zero or put back. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { useLive } from '../live.js';
import { to, useQuery } from '../router.js';
import { Budget } from '../parts/chart.js';
import { Job } from '../parts/job.js';
import { ZeroTax } from '../parts/zero_tax.js';
import { Button, Failure, Page, Skeleton, State, Time, useAction } from '../parts/ui.js';

const JOBS = ['zero_tax', 'restore_tax', 'halo_sweep'];

export default function Halo() {
  const [query, setQuery] = useQuery();
  const setup = useLive('/api/setup', 30);
  const status = useLive('/api/status', 10);
  const onJob = (kind, job) => setQuery({ [kind === 'halo_sweep' ? 'sweep' : 'job']: job, kind: kind === 'halo_sweep' ? '' : kind }, { push: true });
  return html`<${Page} title="Halo" lead="How changes in Halo are noticed, and who works out the tax.">
    <${Reached} setup=${setup} halo=${status.data?.halo} />
    <${Sweep} setup=${setup.data} halo=${status.data?.halo} job=${query.sweep} onJob=${onJob} />
    <section class="panel" aria-labelledby="tax"><h2 id="tax">Tax</h2>
      ${query.job
        ? html`<${Job} id=${query.job} kind=${JOBS.includes(query.kind) ? query.kind : 'other'} back=${to('/halo')} backWords="Back" />`
        : html`<${ZeroTax} onJob=${onJob} />`}</section>
  </${Page}>`;
}

function Reached({ setup, halo }) {
  if (!setup.data) return setup.error ? html`<${Failure} error=${setup.error} />` : html`<${Skeleton} rows=${2} />`;
  const { url, connected, detail, accounts_module: accounts } = setup.data.halo;
  return html`<section class="panel" aria-labelledby="reached"><h2 id="reached">Access to Halo</h2>
    <p><${State} tone=${connected ? 'done' : 'bad'} word=${connected ? 'Connected' : 'Not connected'} /> <span dir="auto">${detail}</span></p>
    <dl class="facts"><div><dt>Address</dt><dd><bdi>${url || 'not set'}</bdi></dd></div>
      ${accounts === false && html`<div><dt>Account-code module</dt><dd>off in Halo: account codes cannot be imported</dd></div>`}
      <${Budget} label="Requests to Halo, 5 min" used=${halo?.budget?.used || 0} limit=${halo?.budget?.limit} /></dl>
    <p class="soft">Address and keys are settings of the app: <a href=${to('/setup', { step: 'settings' })}>what is set</a>.</p></section>`;
}

function Sweep({ setup, halo, job, onJob }) {
  const { busy, error, run } = useAction();
  const minutes = halo?.sweep_minutes ?? Number(setup?.settings.find((each) => each.name === 'HALO_SWEEP_MINUTES')?.detail);
  const last = typeof halo?.last_sweep === 'string' ? { at: halo.last_sweep, ok: true } : halo?.last_sweep;
  const start = async () => {
    const started = await run(() => change('POST', '/api/halo/sweep'));
    if (started) onJob('halo_sweep', started.job_id);
  };
  const running = error?.document?.job_id;
  return html`<section class="panel" aria-labelledby="sweep"><h2 id="sweep">Changes in Halo</h2>
    <p>Halo’s webhooks tell of changes at once. ${minutes > 0
      ? `Every ${minutes === 1 ? 'minute' : `${minutes} minutes`} the app also looks by itself for what no webhook told of, and for invoices that were posted in Business Central.`
      : 'The app does not look by itself: its regular look is switched off, so a change that no webhook tells of is missed.'}</p>
    <dl class="facts">
      <div><dt>Last look</dt><dd>${last?.at ? html`<${Time} at=${last.at} />` : 'not yet'}${last?.ok === false && html` <${State} tone="bad" word="did not succeed" />`}</dd></div>
      ${halo && 'last_event_at' in halo && html`<div><dt>Last call of a webhook</dt><dd>${halo.last_event_at ? html`<${Time} at=${halo.last_event_at} />` : html`never · <a href=${to('/setup', { step: 'webhook' })}>set them up</a>`}</dd></div>`}
    </dl>
    ${last?.ok === false && last.detail && html`<p class="cure" dir="auto">${last.detail}</p>`}
    ${error && html`<p class="field-error" role="alert">${error.message}${running && html` <a href=${to('/halo', { sweep: running })}>Show it</a>`}</p>`}
    <p class="actions"><${Button} busy=${busy} onClick=${start}>Look now</${Button}>
      <span class="soft">How often is the app’s setting <code>HALO_SWEEP_MINUTES</code>: 1 to 1440, 0 switches it off.</span></p>
    ${job && html`<${Job} key=${job} id=${job} kind="halo_sweep" />`}</section>`;
}
