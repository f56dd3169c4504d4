/** Taking over the links that Halo's own integration has made: what there is, what stands in the way, then the job. */
import { html, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { to, useQuery } from '../router.js';
import { count, number } from '../when.js';
import { Job } from './job.js';
import { Button, Failure, Notice, useAction } from './ui.js';

const KINDS = { customers: 'Customers', products: 'Products', invoices: 'Invoices' };

export function Takeover({ connection }) {
  const [query, setQuery] = useQuery();
  const [found, setFound] = useState(null);
  const { busy, error, run } = useAction();
  const path = `/api/connections/${connection.id}/takeover`;
  const look = async () => {
    const answer = await run(() => read(path));
    if (answer) setFound(answer.data);
  };
  const start = async () => {
    const job = await run(() => change('POST', path));
    if (job) setQuery({ takeover: job.job_id });
  };
  const ready = found ? Object.values(found).reduce((sum, kind) => sum + kind.ready, 0) : 0;
  if (query.takeover) {
    return html`<${Job} id=${query.takeover} kind="takeover" back=${to(`/connections/${connection.id}`)} backWords="Back to the connection" />`;
  }
  const running = error?.document?.job_id;
  return html`<div class="stack">
    <p>Did Halo’s own Business Central integration run before? Its records carry the id of what they are linked with. Taking them over makes
      links here; nothing is created, and neither system’s records change.</p>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    ${running && html`<p><${Button} onClick=${() => setQuery({ takeover: running })}>Show the running one</${Button}></p>`}
    ${!found && html`<p class="actions"><${Button} busy=${busy} onClick=${look}>${busy ? 'Looking …' : 'Look what there is'}</${Button}></p>`}
    ${found && html`<div class="scroll" role="region" aria-label="What there is to take over" tabindex="0"><table class="figures">
        <thead><tr><th scope="col">Kind</th><th scope="col" class="right">Found</th><th scope="col" class="right">Linked already</th><th scope="col" class="right">Ready</th><th scope="col" class="right">Problems</th></tr></thead>
        <tbody>${Object.entries(found).map(([kind, each]) => html`<tr key=${kind}><th scope="row">${KINDS[kind] || kind}</th><td class="right">${number(each.found)}</td>
          <td class="right">${number(each.linked)}</td><td class="right">${number(each.ready)}${!each.checked && html` <span class="soft">not checked</span>`}</td>
          <td class="right">${each.problem_count ? html`<b class="tone-text-warn">${number(each.problem_count)}</b>` : 0}</td></tr>`)}</tbody></table></div>
      ${Object.values(found).some((each) => each.problems.length) && html`<details><summary>Problems, and what to do</summary><ul class="list bare">${
        Object.values(found).flatMap((each) => each.problems).map((problem) => html`<li class="row" key=${problem.record + problem.code}><div class="row-main">
          <p class="row-title"><bdi>${problem.record}</bdi> <bdi>${problem.name}</bdi></p><p dir="auto">${problem.message}</p>${problem.cure && html`<p class="cure">${problem.cure}</p>`}</div></li>`)}</ul></details>`}
      ${ready > 0
        ? html`<p class="actions"><${Button} kind="main" busy=${busy} onClick=${start}>Take over ${count(ready, 'link')}</${Button}><${Button} kind="quiet" onClick=${() => setFound(null)}>Not now</${Button}></p>`
        : html`<${Notice} tone="done" title="Nothing to take over"><p>What could be found is linked already.</p></${Notice}>`}`}
  </div>`;
}
