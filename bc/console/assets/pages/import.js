/** Import: the preview of one company's customers or products, then the job that brings them into Halo. */
import { html, useEffect } from '../vendor/preact-htm.js';
import { useLive } from '../live.js';
import { go, to, useQuery } from '../router.js';
import { JOB, sentence } from '../words.js';
import { count } from '../when.js';
import { Choice } from '../parts/form.js';
import { Job } from '../parts/job.js';
import { Preview } from '../parts/preview.js';
import { Empty, Failure, LinkButton, Page, Skeleton, State, Time } from '../parts/ui.js';

const KINDS = [['customers', 'Customers'], ['products', 'Products']];

export default function Import({ connection: wanted = '' }) {
  const connections = useLive('/api/connections', 30);
  const items = connections.data?.items.filter((each) => each.company_id);
  const chosen = wanted || (items?.find((each) => each.is_default) || items?.[0])?.id || '';
  useEffect(() => {
    if (!wanted && chosen) go(to(`/import/${chosen}`), { replace: true });
  }, [wanted, chosen]);
  if (!items) {
    return html`<${Page} title="Import">${connections.error ? html`<${Failure} error=${connections.error} />` : html`<${Skeleton} rows=${8} />`}</${Page}>`;
  }
  const connection = items.find((each) => each.id === chosen);
  if (!connection) {
    return html`<${Page} title="Import"><${Empty} title=${wanted ? 'This connection has no company yet' : 'No company is connected yet'}>
      <p>Choose a connection’s company first; then its customers and products can be imported.</p>
      <p><${LinkButton} href=${to('/setup')} kind="main">Open the set-up</${LinkButton}></p></${Empty}></${Page}>`;
  }
  return html`<${Ready} connection=${connection} connections=${items} />`;
}

function Ready({ connection, connections }) {
  const [query] = useQuery();
  const kind = KINDS.some(([each]) => each === query.kind) ? query.kind : 'customers';
  const path = `/import/${connection.id}`;
  const lead = html`From <bdi>${connection.company_name}</bdi> into Halo. Nothing changes before you press Import.`;
  return html`<${Page} title="Import" lead=${lead}>
    <div class="filters">
      <nav class="tabs" aria-label="What to import"><ul>${KINDS.map(([each, words]) => html`<li key=${each}>
        <a href=${to(path, { kind: each })} aria-current=${each === kind ? 'page' : null}>${words}</a></li>`)}</ul></nav>
      ${connections.length > 1 && html`<${Choice} label="Connection" value=${connection.id}
        onValue=${(value) => go(to(`/import/${value}`, { kind }))} options=${connections.map((each) => [each.id, each.name])} />`}
    </div>
    ${query.job
      ? html`<${Job} key=${query.job} id=${query.job} kind=${kind} back=${to(path, { kind })} />`
      : html`<${Preview} key=${connection.id + kind} connection=${connection} kind=${kind}
          onStarted=${(job) => go(to(path, { kind, job }))} />`}
    <${Earlier} connection=${connection} path=${path} current=${query.job} />
  </${Page}>`;
}

/** The connection's latest imports. */
function Earlier({ connection, path, current }) {
  const live = useLive(`/api/jobs?connection_id=${connection.id}&limit=6`, 15);
  const jobs = (live.data?.items || []).filter((job) => job.id !== current && KINDS.some(([kind]) => kind === job.kind));
  if (!jobs.length) return null;
  return html`<section aria-labelledby="earlier"><h2 id="earlier">Earlier imports</h2>
    <ul class="list">${jobs.map((job) => html`<li class="row" key=${job.id}>
      <${State} ...${JOB[job.status] || { word: sentence(job.status), tone: 'skip' }} />
      <div class="row-main"><p class="row-title"><a href=${to(path, { kind: job.kind, job: job.id })}>${sentence(job.kind)}</a></p>
        <p class="soft">${count(job.done, 'record')}${job.failed > 0 && html`, ${count(job.failed, 'failed', 'failed')}`}</p></div>
      <${Time} at=${job.created_at} /></li>`)}</ul></section>`;
}
