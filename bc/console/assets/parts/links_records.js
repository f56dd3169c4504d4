/** Linked customers or products; those that only one system has; linking and unlinking by hand. */
import { html, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to, useQuery } from '../router.js';
import { MATCH, MATCHED_BY } from '../words.js';
import { count } from '../when.js';
import { usePages, useSettled } from './listing.js';
import { Picker } from './picker.js';
import { Button, Empty, Failure, LinkButton, Notice, Skeleton, State, Time, say, useAction } from './ui.js';

const ENTITY = { customers: 'customer', products: 'product' };
const SOURCE = { import: 'by an import', manual: 'by hand', created: 'when it was sent', adopted: 'found in Business Central' };
const VIEWS = [
  ['', 'Linked'],
  ['broken', 'Broken'],
  ['bc', 'Only in Business Central'],
  ['halo', 'Only in Halo'],
];

export function RecordLinks({ connection, kind }) {
  const [query, setQuery] = useQuery();
  const { search = '', anywhere = '' } = query;
  const show = VIEWS.some(([each]) => each === query.show) ? query.show || '' : '';
  const Content = show === 'bc' ? OnlyInBc : show === 'halo' ? OnlyInHalo : Linked;
  return html`
    <div class="filters">
      <label class="choice"><span>Search</span><input class="input" type="search" value=${search} placeholder="Number or name" maxlength="200"
        onInput=${(event) => setQuery({ search: event.currentTarget.value, anywhere: '' })} /></label>
      <div class="segments" role="group" aria-label="Show">${VIEWS.map(([each, words]) => html`<button key=${each} type="button"
        class="button" aria-pressed=${each === show ? 'true' : 'false'} onClick=${() => setQuery({ show: each }, { push: true })}>${words}</button>`)}</div>
    </div>
    <${Content} key=${show} connection=${connection} kind=${kind} entity=${ENTITY[kind]} search=${useSettled(search.trim())} show=${show}
      anywhere=${anywhere === '1'} onAnywhere=${() => setQuery({ anywhere: '1' })} />`;
}

function Linked({ connection, kind, entity, search, show, anywhere, onAnywhere }) {
  const path = `/api/connections/${connection.id}/mappings/${kind}`;
  const filters = new URLSearchParams({ ...(search && { search }), ...(search && anywhere && { anywhere: 'true' }), ...(show && { state: show }) });
  const pages = usePages(`${path}?${filters}`);
  const empty = search
    ? html`<${Empty} title=${`No ${show === 'broken' ? 'broken link' : `linked ${entity}`} ${anywhere ? 'contains' : 'has a number or a word that starts with'} “${search}”`}>
        <p>It may exist in one system only: look under the other buttons.</p>
        ${!anywhere && html`<p><${Button} onClick=${onAnywhere}>Search within words too</${Button}></p>`}</${Empty}>`
    : show === 'broken'
      ? html`<${Empty} title="No broken link"><p>A link breaks when its record is deleted in one of the systems.</p></${Empty}>`
      : html`<${Empty} title="No ${entity} is linked yet"><p>The import links what both systems have, and shows it before it does.</p>
          <p><${LinkButton} kind="main" href=${to(`/import/${connection.id}`, { kind })}>Import ${kind}</${LinkButton}></p></${Empty}>`;
  return html`<${Pages} pages=${pages} empty=${empty} row=${(link) => html`<${LinkRow}
    key=${link.halo_id + link.bc_id} link=${link} path=${path} entity=${entity} connection=${connection} kind=${kind} done=${pages.again} />`} />`;
}

/** A paged list with its skeleton, its refusal and its end. */
export function Pages({ pages, empty, row, skeleton = 8 }) {
  if (!pages.items && pages.error) return html`<${Failure} error=${pages.error} retry=${pages.again} />`;
  if (!pages.items) return html`${pages.progress && html`<p role="status">${pages.progress}</p>`}<${Skeleton} rows=${skeleton} />`;
  return html`
    ${!pages.items.length && !pages.next && empty}
    <ul class="list">${pages.items.map(row)}</ul>
    ${pages.error && html`<${Failure} error=${pages.error} retry=${pages.load} />`}
    ${pages.next && html`<p class="more"><${Button} busy=${pages.busy} onClick=${pages.load}>${pages.busy ? 'Loading …' : 'Show more'}</${Button}></p>`}`;
}

function LinkRow({ link, path, entity, connection, kind, done }) {
  const { busy, error, run } = useAction();
  const [asking, setAsking] = useState('');
  const name = link.halo_name || `Halo id ${link.halo_id}`;
  const relink = (bcId) => change('PUT', `${path}/${encodeURIComponent(link.halo_id)}`, { bc_id: bcId, confirm: true });
  const unlink = async () => {
    const undone = link.bc_id && {
      words: 'Undo',
      act: () => relink(link.bc_id).then(() => {
        say(`${name} is linked again.`);
        done();
      }, (refusal) => say(refusal.message, 'bad')),
    };
    const ok = await run(() => change('DELETE', `${path}/${encodeURIComponent(link.halo_id)}`));
    if (!ok) return;
    say(`${name} is no longer linked. Both systems keep their record.`, 'done', undone);
    done();
  };
  return html`<li class="row">
    <${State} ...${link.state === 'ok' ? { word: 'Linked', tone: 'done', icon: 'link' } : { word: 'Broken', tone: 'bad' }} />
    <div class="row-main">
      <p class="row-title"><a href=${to(`/${entity}/${link.halo_id}`)}><bdi>${name}</bdi></a></p>
      <p>${link.bc_id ? html`<span class="number">${link.bc_number}</span> <bdi>${link.bc_name}</bdi>` : 'no record'} <span class="soft">in Business Central</span></p>
      ${link.state !== 'ok' && html`<p class="cure">Its record is gone in one of the systems. Unlink it, or link it to another one.</p>`}
      <p class="soft small">Linked ${SOURCE[link.source] || ''}${link.linked_at && html`, <${Time} at=${link.linked_at} />`} · Halo id ${link.halo_id}</p>
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}
      ${asking === 'unlink' && html`<${Notice} tone="warn" title="Unlink them?" actions=${html`
        <${Button} busy=${busy} onClick=${unlink}>Unlink</${Button}><${Button} kind="quiet" onClick=${() => setAsking('')}>Keep the link</${Button}>`}>
        <p>Both records stay as they are. The next change in Halo looks for a match anew, and may create a second one.</p></${Notice}>`}
    </div>
    <div class="actions">
      <${Button} kind="small" onClick=${() => setAsking('other')} aria-label="Link ${name} to another one">Change</${Button}>
      <${Button} kind="small quiet" aria-expanded=${asking === 'unlink' ? 'true' : 'false'} onClick=${() => setAsking(asking === 'unlink' ? '' : 'unlink')}
        aria-label="Unlink ${name}">Unlink</${Button}>
    </div>
    ${asking === 'other' && html`<${BcPicker} connection=${connection} kind=${kind} title=${`Link ${name} to`} first=${link.bc_name}
      onClose=${() => setAsking('')} onPick=${(bc) => run(() => relink(bc.bc_id), `${name} is linked to ${bc.number} ${bc.name}.`).then((ok) => ok && done())} />`}
  </li>`;
}

/** Choose a Business Central record. */
export const BcPicker = ({ connection, kind, ...rest }) => html`<${Picker} path=${`/api/connections/${connection.id}/bc/${kind}`}
  hint=${`In ${connection.company_name}.`} shown=${(item) => ({ key: item.bc_id, number: item.number, name: item.name, note: item.blocked ? 'blocked in Business Central' : '' })}
  ...${rest} />`;

/** Choose a Halo record. */
export const HaloPicker = ({ connection, kind, ...rest }) => html`<${Picker} path=${`/api/halo/records/${kind}?connection_id=${connection.id}`}
  hint="In Halo." shown=${(item) => ({
    key: item.halo_id,
    number: [item.number, `Halo id ${item.halo_id}`].filter(Boolean).join(', '),
    name: item.name,
    note: [item.links[0] && `linked to ${item.links[0].bc_number} ${item.links[0].bc_name}`, item.inactive && 'inactive'].filter(Boolean).join(', '),
  })} ...${rest} />`;

/** Link a pair; where one of them is linked already the app says so, and a person may confirm. */
function useLinking(connection, kind, done) {
  const { busy, error, run, clear } = useAction();
  const [pair, setPair] = useState(null);
  const link = async (wanted, confirm = false) => {
    setPair(wanted);
    const path = `/api/connections/${connection.id}/mappings/${kind}/${encodeURIComponent(wanted.haloId)}`;
    const ok = await run(() => change('PUT', path, { bc_id: wanted.bcId, confirm }), `${wanted.name} is linked.`);
    if (ok) done();
  };
  const taken = /already_linked$/.test(error?.code || '');
  const shown = error && (taken
    ? html`<${Notice} tone="warn" title="One of them is linked already" alert actions=${html`
        <${Button} busy=${busy} onClick=${() => link(pair, true)}>Link all the same</${Button}><${Button} kind="quiet" onClick=${clear}>Leave it</${Button}>`}>
        <p>${error.message}</p></${Notice}>`
    : html`<p class="field-error" role="alert">${error.message}</p>`);
  return { busy, link, shown };
}

function OnlyInHalo({ connection, kind, entity, search }) {
  const filters = new URLSearchParams({ connection_id: connection.id, unlinked: 'true', ...(search && { search }) });
  const pages = usePages(`/api/halo/records/${kind}?${filters}`, 100);
  const empty = html`<${Empty} title=${search ? `No unlinked ${entity} fits “${search}”` : `Every ${entity} in Halo is linked`}><p>Nothing to do.</p></${Empty}>`;
  return html`<p class="soft">These ${kind} of Halo have no link in this company. A change sends them, if ${kind} sync; or link each to what it is.</p>
    <${Pages} pages=${pages} empty=${empty} row=${(record) => html`<${HaloRow} key=${record.halo_id} record=${record} entity=${entity}
      connection=${connection} kind=${kind} done=${pages.again} />`} />`;
}

function HaloRow({ record, entity, connection, kind, done }) {
  const [picking, setPicking] = useState(false);
  const { busy, link, shown } = useLinking(connection, kind, done);
  return html`<li class="row"><${State} word="Not linked" tone="skip" />
    <div class="row-main"><p class="row-title"><a href=${to(`/${entity}/${record.halo_id}`)}><bdi>${record.name || '(no name)'}</bdi></a></p>
      <p class="soft">${[record.number && `number ${record.number}`, `Halo id ${record.halo_id}`, record.inactive && 'inactive in Halo'].filter(Boolean).join(' · ')}</p>
      ${shown}</div>
    <div class="actions"><${Button} kind="small" busy=${busy} onClick=${() => setPicking(true)} aria-label="Link ${record.name} to …">Link to …</${Button}></div>
    ${picking && html`<${BcPicker} connection=${connection} kind=${kind} title=${`Link ${record.name} to`} first="" onClose=${() => setPicking(false)}
      onPick=${(bc) => link({ haloId: record.halo_id, bcId: bc.bc_id, name: record.name })} />`}</li>`;
}

function OnlyInBc({ connection, kind, entity, search }) {
  // The importer's preview knows what might belong to what; read in pages of it, the linked ones left out.
  const pages = usePages(`/api/connections/${connection.id}/preview/${kind}${search ? `?search=${encodeURIComponent(search)}` : ''}`, 500);
  const rows = pages.items?.filter((row) => row.match !== 'linked');
  const empty = html`<${Empty} title=${search ? `No unlinked ${entity} fits “${search}”` : `Every ${entity} in Business Central is linked`}><p>Nothing to do.</p></${Empty}>`;
  return html`<p class="soft">To bring many of them to Halo at once, <a href=${to(`/import/${connection.id}`, { kind })}>import ${kind}</a>.</p>
    <${Pages} pages=${{ ...pages, items: rows?.slice(0, 500) }} empty=${empty} row=${(row) => html`<${BcRow} key=${row.bc_id} row=${row}
      connection=${connection} kind=${kind} done=${pages.again} />`} />`;
}

function BcRow({ row, connection, kind, done }) {
  const [picking, setPicking] = useState(false);
  const { busy, link, shown } = useLinking(connection, kind, done);
  const take = (haloId) => link({ haloId, bcId: row.bc_id, name: row.name });
  const by = MATCHED_BY[row.matched_by];
  return html`<li class="row"><${State} ...${row.match === 'new' ? { word: 'Not linked', tone: 'skip' } : MATCH[row.match]} />
    <div class="row-main"><p class="row-title"><span class="soft number">${row.number}</span> <bdi>${row.name}</bdi></p>
      ${row.match === 'matched' && html`<p>Seems to be <bdi>${row.halo_name || row.halo_id}</bdi> in Halo${by && html` <span class="soft">(${by})</span>`}</p>`}
      ${row.match === 'ambiguous' && html`<p>${count(row.candidates?.length || 0, 'record')} of Halo could be meant${by && html` <span class="soft">(${by})</span>`}</p>`}
      ${shown}</div>
    <div class="actions">
      ${row.match === 'matched' && html`<${Button} kind="small" busy=${busy} onClick=${() => take(row.halo_id)} aria-label="Link ${row.name} to ${row.halo_name}">Link</${Button}>`}
      <${Button} kind="small ${row.match === 'matched' ? 'quiet' : ''}" busy=${busy} onClick=${() => setPicking(true)} aria-label="Link ${row.name} to …">Link to …</${Button}></div>
    ${picking && html`<${HaloPicker} connection=${connection} kind=${kind} title=${`Link ${row.name} to`} first=${row.match === 'ambiguous' ? row.name : ''}
      onClose=${() => setPicking(false)} onPick=${(halo) => take(halo.halo_id)} />`}</li>`;
}
