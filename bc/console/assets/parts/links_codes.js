/** The account or country codes that Halo holds, each with Business Central's record beside it. */
import { html, useRef, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to, useQuery } from '../router.js';
import { count } from '../when.js';
import { TextField, focusFirstError } from './form.js';
import { usePages, useSettled } from './listing.js';
import { Pages } from './links_records.js';
import { Button, Empty, LinkButton, Notice, State, say, useAction } from './ui.js';

const NOUN = { accounts: ['account code', 'chart of accounts'], countries: ['country code', 'list of countries'] };
const USER = { setting: 'setting', product_group: 'product group', product: 'product', customer: 'customer', site: 'site' };

export function Codes({ connection, kind }) {
  const [query, setQuery] = useQuery();
  const { search = '', show = '' } = query;
  const settled = useSettled(search.trim());
  const path = `/api/connections/${connection.id}/lookups/${kind}`;
  const pages = usePages(`${path}${settled ? `?search=${encodeURIComponent(settled)}` : ''}`, 500);
  const [noun, list] = NOUN[kind];
  const rows = pages.items?.filter((each) => !show || !each.in_bc);
  const empty = search || show
    ? html`<${Empty} title=${show ? `Every ${noun} is in Business Central` : `No ${noun} fits “${search}”`}><p>${show ? 'Nothing to do.' : 'Change the search above.'}</p></${Empty}>`
    : html`<${Empty} title="Halo holds no ${noun} yet"><p>Import Business Central’s ${list}.</p>
        <p><${LinkButton} kind="main" href=${to(`/import/${connection.id}`, { kind })}>Import ${noun}s</${LinkButton}></p></${Empty}>`;
  return html`
    <p class="soft">What Halo offers to choose from. Codes that only Business Central has are brought by the <a href=${to(`/import/${connection.id}`, { kind })}>import</a>.</p>
    <div class="filters"><label class="choice"><span>Search</span><input class="input" type="search" value=${search} placeholder="Code or name" maxlength="200"
        onInput=${(event) => setQuery({ search: event.currentTarget.value })} /></label>
      <div class="segments" role="group" aria-label="Show">${[['', 'All'], ['orphans', 'Not in Business Central']].map(([each, words]) => html`
        <button key=${each} type="button" class="button" aria-pressed=${each === show ? 'true' : 'false'} onClick=${() => setQuery({ show: each }, { push: true })}>${words}</button>`)}</div></div>
    <${Pages} pages=${{ ...pages, items: rows }} empty=${empty} row=${(each) => html`<${Row} key=${each.id} lookup=${each} path=${path} noun=${noun} done=${pages.again} />`} />`;
}

function Row({ lookup, path, noun, done }) {
  const [mode, setMode] = useState('');
  const { busy, error, run, clear } = useAction();
  const name = lookup.name || lookup.code || `id ${lookup.id}`;
  const address = `${path}/${encodeURIComponent(lookup.id)}`;
  const remove = async (confirm = false) => {
    const ok = await run(() => change('DELETE', confirm ? `${address}?confirm=true` : address));
    if (!ok) return;
    say(`${name} is removed from Halo. An import brings it back, if Business Central has it.`);
    done();
  };
  const unsure = error?.code === 'use_unknown';
  return html`<li class="row"><${State} ...${lookup.in_bc ? { word: 'In both', tone: 'done', icon: 'link' } : { word: 'Only in Halo', tone: 'warn' }} />
    <div class="row-main"><p class="row-title"><span class="number">${lookup.code || '(no code)'}</span> <bdi>${lookup.name}</bdi></p>
      ${lookup.bc_name && lookup.bc_name !== lookup.name && html`<p><bdi>${lookup.bc_name}</bdi> <span class="soft">in Business Central</span></p>`}
      ${lookup.used_by.length > 0 && html`<p class="soft">Used by ${lookup.used_by.slice(0, 3).map((user) => `${user.name} (${USER[user.kind] || user.kind})`).join(', ')}${
        lookup.used_by.length > 3 ? ` and ${count(lookup.used_by.length - 3, 'other')}` : ''}</p>`}
      ${mode === 'edit' && html`<${Edit} lookup=${lookup} address=${address} close=${() => setMode('')} done=${done} />`}
      ${mode === 'remove' && !error && html`<${Notice} tone="warn" title="Remove it from Halo?" actions=${html`<${Button} busy=${busy} onClick=${() => remove()}>Remove</${Button}>
        <${Button} kind="quiet" onClick=${() => setMode('')}>Keep it</${Button}>`}><p>Halo no longer offers this ${noun}. Business Central keeps it. One that is in use is not removed.</p></${Notice}>`}
      ${mode === 'remove' && error && html`<${Notice} tone="warn" title=${unsure ? 'Its use cannot be told' : 'It stays'} alert actions=${html`
        ${unsure && html`<${Button} busy=${busy} onClick=${() => remove(true)}>Remove it all the same</${Button}>`}
        <${Button} kind="quiet" onClick=${() => {
          clear();
          setMode('');
        }}>Keep it</${Button}>`}><p>${error.message}</p></${Notice}>`}</div>
    <div class="actions"><${Button} kind="small" aria-expanded=${mode === 'edit' ? 'true' : 'false'} onClick=${() => setMode(mode === 'edit' ? '' : 'edit')} aria-label="Change ${name}">Change</${Button}>
      <${Button} kind="small quiet" aria-expanded=${mode === 'remove' ? 'true' : 'false'} onClick=${() => {
        clear();
        setMode(mode === 'remove' ? '' : 'remove');
      }} aria-label="Remove ${name}">Remove</${Button}></div></li>`;
}

function Edit({ lookup, address, close, done }) {
  const [draft, setDraft] = useState({ name: lookup.name, code: lookup.code });
  const form = useRef(null);
  const { busy, error, run } = useAction();
  const wrong = error?.fields || {};
  const wanted = Object.fromEntries(Object.entries(draft).filter(([field, value]) => value.trim() !== lookup[field]));
  const submit = async (event) => {
    event.preventDefault();
    if (busy || !Object.keys(wanted).length) return;
    if (!(await run(() => change('PUT', address, wanted), 'The change is saved in Halo.'))) focusFirstError(form.current);
    else {
      close();
      done();
    }
  };
  return html`<form ref=${form} class="form inline edit" onSubmit=${submit} novalidate>
    <${TextField} label="Code" value=${draft.code} onValue=${(code) => setDraft({ ...draft, code })} error=${wrong.code || ''} control=${{ autocomplete: 'off', class: 'input short' }} />
    <${TextField} label="Name in Halo" value=${draft.name} onValue=${(name) => setDraft({ ...draft, name })} error=${wrong.name || ''} control=${{ autocomplete: 'off' }} />
    ${error && !Object.keys(wrong).length && html`<p class="field-error" role="alert">${error.message}</p>`}
    <p class="actions"><${Button} type="submit" kind="main" off=${!Object.keys(wanted).length} busy=${busy}>Save</${Button}><${Button} kind="quiet" onClick=${close}>Cancel</${Button}></p>
  </form>`;
}
