/** One job as it runs and as it ended: counts in place, the names of those that failed, cancel. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { Problem, change, read } from '../api.js';
import { useLive } from '../live.js';
import { JOB, JOB_KIND, capital, cause, sentence } from '../words.js';
import { count, number } from '../when.js';
import { Button, Empty, Failure, LinkButton, Skeleton, State, Time, useAction } from './ui.js';

/** `kind`: an import's, `zero_tax`, `restore_tax`, `takeover` or `halo_sweep`. `back`: where its end leads; `backWords`: that in words. */
export function Job({ id, kind, back = '', backWords = 'Back to the preview' }) {
  const live = useLive(`/api/jobs/${encodeURIComponent(id)}`, 1);
  const { busy, error, run } = useAction();
  const job = live.data;
  if (!job && live.error instanceof Problem && live.error.status === 404) {
    return html`<${Empty} title="Nothing is known of this one"><p>The address is mistyped, or it ended so long ago that it is no longer kept.</p>
      ${back && html`<p><${LinkButton} href=${back}>${backWords}</${LinkButton}></p>`}</${Empty}>`;
  }
  if (!job) return live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${5} />`;
  const words = JOB_KIND[kind] || JOB_KIND.other;
  const over = ['succeeded', 'failed', 'cancelled'].includes(job.status);
  const cancel = () => run(
    () => change('POST', `/api/jobs/${encodeURIComponent(id)}/cancel`),
    `${capital(words.noun)} is cancelled. What was done until then stays.`,
  );
  const title = over ? words.ended : words.running;
  return html`<section class="panel job" aria-labelledby="job">
    <div class="section-head"><h2 id="job">${title}</h2><${State} ...${JOB[job.status] || { word: sentence(job.status), tone: 'skip' }} /></div>
    <div class="job-bar"><progress max=${job.total || 1} value=${over && !job.total ? 1 : job.total ? job.done : null} aria-labelledby="job"></progress>
      <span class="number">${number(job.done)}${job.total !== null && html` of ${number(job.total)}`}</span></div>
    <ul class="counts" aria-label="Counts">${words.counts.map(([name, each]) => html`<li key=${name} class=${name === 'failed' && job.failed ? 'tone-text-bad' : ''}>
      <b class="number">${number(job[name])}</b> ${each}</li>`)}</ul>
    ${job.detail && job.status !== 'succeeded' && html`<p dir="auto">${job.detail}</p>`}
    <p class="unseen" role="status">${over ? `${title}: ${JOB[job.status]?.word}, ${count(job.done, 'record')}, ${job.failed} failed.` : ''}</p>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    <p class="actions">
      ${!over && html`<${Button} busy=${busy} onClick=${cancel}>Cancel</${Button}>
        <span class="soft">It goes on when you leave this page.</span>`}
      ${over && back && html`<${LinkButton} kind="main" href=${back}>${backWords}</${LinkButton}>`}
      ${over && job.finished_at && html`<span class="soft"><${Time} at=${job.finished_at} prefix="Ended " /></span>`}
    </p>
    ${job.failed + job.skipped > 0 && html`<${Failures} id=${id} version=${job.failed + job.skipped} />`}
  </section>`;
}

/** Why records failed or were skipped. `version` changes when there are more. */
function Failures({ id, version }) {
  const [state, setState] = useState({ items: [], next: '', error: null });
  const path = `/api/jobs/${encodeURIComponent(id)}/failures?limit=100`;
  const load = (cursor, before) => read(cursor ? `${path}&cursor=${encodeURIComponent(cursor)}` : path).then(
    ({ data }) => setState({ items: [...before, ...data.items], next: data.next, error: null }),
    (error) => setState((held) => ({ ...held, error })),
  );
  useEffect(() => {
    load('', []);
  }, [id, version]);
  if (!state.items.length) return state.error && html`<${Failure} error=${state.error} />`;
  return html`<h3>Left out, and why</h3>
    <ul class="list bare">${state.items.map((failure) => html`<li class="row" key=${failure.record + failure.code}>
      <div class="row-main"><p class="row-title"><bdi>${failure.record}</bdi> <bdi>${failure.name}</bdi></p>
        <p dir="auto">${failure.message || cause(failure.code)}</p>
        ${failure.cure && html`<p class="cure" dir="auto">${failure.cure}</p>`}</div></li>`)}</ul>
    ${state.next && html`<p class="more"><${Button} onClick=${() => load(state.next, state.items)}>Show more</${Button}></p>`}`;
}
