/** One record's whole story: where it stands, both systems side by side, every outcome, why, and what would be sent now. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { useLive } from '../live.js';
import { to, useQuery } from '../router.js';
import { ENTITY, OUTCOME, capital } from '../words.js';
import { BothSystems, OutcomeRow, RecordName, happened } from '../parts/outcome.js';
import { Explain } from '../parts/explain.js';
import { InBothSystems } from '../parts/both_systems.js';
import { Button, Empty, Failure, Notice, Page, Skeleton, Time, useAction } from '../parts/ui.js';

const TONES = { synced: 'done', unchanged: 'done', skipped: 'warn', failed: 'bad', retrying: 'work' };

// Halo's ids are positive whole numbers.
const isId = (text) => /^[1-9][0-9]{0,17}$/.test(text);

export default function Record({ entity, id }) {
  if (isId(id)) return html`<${Known} entity=${entity} id=${id} />`;
  return html`<${Page} title="No such ${ENTITY[entity].one}"><${Empty} title=${html`“<bdi>${id}</bdi>” is not an id of Halo’s`}>
    <p>Is it a number or a name? <a href=${to('/find', { kind: `${entity}s`, search: id })}>Search for it</a></p></${Empty}></${Page}>`;
}

function Known({ entity, id }) {
  const [query, setQuery] = useQuery();
  const live = useLive(`/api/outcomes?entity=${entity}&halo_id=${encodeURIComponent(id)}&limit=50`, 2);
  const last = live.data?.items[0];
  // Halo is asked once, and again when something happened: its calls are few.
  const story = useLive(`/api/records/${entity}/${encodeURIComponent(id)}?seen=${last ? `${last.id}.${last.status}` : ''}`, live.data ? 0 : 60);
  const { busy, error, run } = useAction();
  const kind = last?.record_kind || story.data?.record_kind || ENTITY[entity].one;
  const label = `${capital(kind)} ${id}`;
  const items = live.data?.items || [];
  const sync = () => run(
    () => change('POST', '/api/sync', { entity, halo_ids: [id] }),
    `${label} is queued. Its outcome appears here in a moment.`,
  );
  const explaining = query.explain === '1';
  const actions = html`
    <${Button} aria-expanded=${explaining ? 'true' : 'false'} onClick=${() => setQuery({ explain: explaining ? '' : '1' })}>Explain</${Button}>
    <${Button} kind="main" busy=${busy} onClick=${sync}>Sync now</${Button}>`;
  const named = last?.record_name || story.data?.name
    ? { entity, halo_id: id, record_name: last?.record_name || story.data.name, record_kind: kind } : last;
  return html`<${Page} title=${named ? html`<${RecordName} outcome=${named} />` : label} tab=${label} actions=${actions}>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    ${last && html`<${Standing} last=${last} />`}
    ${story.data?.waiting && last?.status !== 'retrying' && html`<${Waiting} waiting=${story.data.waiting} />`}
    ${explaining && html`<${Explain} entity=${entity} id=${id} />`}
    <${InBothSystems} entity=${entity} story=${story} />
    <section aria-labelledby="story">
      <h2 id="story">What happened</h2>
      ${!live.data && (live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${4} />`)}
      ${live.data && !items.length && html`<${Untried} entity=${entity} id=${id} story=${story.data} />`}
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

const Waiting = ({ waiting }) => html`<${Notice} tone="work" title="A change waits to be sent">
  <p>Changed <${Time} at=${waiting.since} />.${waiting.next_at && html` It is tried <${Time} at=${waiting.next_at} />.`}</p></${Notice}>`;

function Untried({ entity, id, story }) {
  const elsewhere = to('/find', { kind: `${entity}s`, search: id });
  if (story?.in_halo === false) {
    return html`<${Empty} title="Halo has no ${ENTITY[entity].one} with the id ${id}">
      <p>Is it a number of the ${ENTITY[entity].one}, and not Halo’s id? <a href=${elsewhere}>Search for ${id}</a></p></${Empty}>`;
  }
  return html`<${Empty} title="Nothing was tried with it yet">
    <p>“Explain” says whether it would be sent, and why not. “Sync now” sends it.</p>
    <p>Did you expect to find something? ${id} is taken as Halo’s id. It stands in the address of the record’s page in Halo and
      may differ from the number on ${entity === 'invoice' ? 'the invoice' : 'the record'}. <a href=${elsewhere}>Search for ${id} as a number</a></p></${Empty}>`;
}
