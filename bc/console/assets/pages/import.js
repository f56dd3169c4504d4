/** Import: the preview of what one company has of a kind, then the job that brings it into Halo. */
import { html } from '../vendor/preact-htm.js';
import { useLive } from '../live.js';
import { go, to, useQuery } from '../router.js';
import { IMPORT, JOB, sentence } from '../words.js';
import { count } from '../when.js';
import { CompanyPage, ConnectionChoice, Tabs } from '../parts/company_page.js';
import { Job } from '../parts/job.js';
import { Preview } from '../parts/preview.js';
import { Page, State, Time } from '../parts/ui.js';

const KINDS = Object.entries(IMPORT).map(([kind, { title }]) => [kind, title]);

export default function Import({ connection: wanted = '' }) {
  return html`<${CompanyPage} title="Import" base="/import" wanted=${wanted}
    why="Choose a connection’s company first; then its records can be imported."
    children=${(connection, connections) => html`<${Ready} connection=${connection} connections=${connections} />`} />`;
}

function Ready({ connection, connections }) {
  const [query] = useQuery();
  const kind = Object.hasOwn(IMPORT, query.kind || '') ? query.kind : 'customers';
  const path = `/import/${connection.id}`;
  const lead = html`From <bdi>${connection.company_name}</bdi> into Halo. Nothing changes before you press Import.`;
  return html`<${Page} title="Import" lead=${lead}>
    <div class="filters">
      <${Tabs} label="What to import" path=${path} name="kind" value=${kind} tabs=${KINDS} />
      <${ConnectionChoice} connection=${connection} connections=${connections} base="/import" query=${{ kind }} />
    </div>
    ${query.job
      ? html`<${Job} key=${query.job} id=${query.job} kind=${kind} back=${to(path, { kind })} />`
      : html`<p class="soft about">${IMPORT[kind].about}</p>
        <${Preview} key=${connection.id + kind} connection=${connection} kind=${kind}
          onStarted=${(job) => go(to(path, { kind, job }))} />`}
    <${Earlier} connection=${connection} path=${path} current=${query.job} />
  </${Page}>`;
}

/** The connection's latest imports. */
function Earlier({ connection, path, current }) {
  const live = useLive(`/api/jobs?connection_id=${connection.id}&limit=6`, 15);
  const jobs = (live.data?.items || []).filter((job) => job.id !== current && IMPORT[job.kind]);
  if (!jobs.length) return null;
  return html`<section aria-labelledby="earlier"><h2 id="earlier">Earlier imports</h2>
    <ul class="list">${jobs.map((job) => html`<li class="row" key=${job.id}>
      <${State} ...${JOB[job.status] || { word: sentence(job.status), tone: 'skip' }} />
      <div class="row-main"><p class="row-title"><a href=${to(path, { kind: job.kind, job: job.id })}>${IMPORT[job.kind].title}</a></p>
        <p class="soft">${count(job.done, 'record')}${job.failed > 0 && html`, ${count(job.failed, 'failed', 'failed')}`}</p></div>
      <${Time} at=${job.created_at} /></li>`)}</ul></section>`;
}
