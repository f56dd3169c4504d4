/** Find any customer, product or invoice by name, number or id; open it, or see why it is or is not sent. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { to, useQuery } from '../router.js';
import { ENTITY, capital } from '../words.js';
import { usePages } from '../parts/listing.js';
import { Pages } from '../parts/links_records.js';
import { Button, Empty, LinkButton, Page, State } from '../parts/ui.js';

const KINDS = { invoices: 'invoice', customers: 'customer', products: 'product' };

export default function Find() {
  const [query, setQuery] = useQuery();
  const kind = Object.hasOwn(KINDS, query.kind || '') ? query.kind : 'invoices';
  const search = query.search || '';
  const [typed, setTyped] = useState(search);
  useEffect(() => setTyped(search), [search]);
  const submit = (event) => {
    event.preventDefault();
    setQuery({ search: typed.trim() }, { push: true });
  };
  const pages = usePages(search ? `/api/halo/records/${kind}?search=${encodeURIComponent(search)}` : '', 50);
  const entity = KINDS[kind];
  const lead = 'Any customer, product or invoice: what became of it, whether it would be sent now, and which rule stops it.';
  return html`<${Page} title="Explain a record" lead=${lead}>
    <form class="filters" aria-label="Search for a record" onSubmit=${submit} novalidate>
      <div class="segments" role="group" aria-label="Kind">${Object.entries(KINDS).map(([each, one]) => html`<button key=${each} type="button" class="button"
        aria-pressed=${each === kind ? 'true' : 'false'} onClick=${() => setQuery({ kind: each }, { push: true })}>${capital(ENTITY[one].many)}</button>`)}</div>
      <label class="choice grow"><span>Name, number or Halo id</span>
        <input class="input" type="search" maxlength="200" value=${typed} dir="auto" autocomplete="off" onInput=${(event) => setTyped(event.currentTarget.value)} /></label>
      <${Button} type="submit" kind="main">Search</${Button}>
    </form>
    ${!search && html`<${Empty} title="Which record?"><p>Enter a part of its name, its number in Halo or in Business Central, or Halo’s id.</p></${Empty}>`}
    ${search && html`<${Pages} pages=${pages} skeleton=${3} empty=${html`<${Empty} title="No ${entity} in Halo fits “${search}”">
        <p>Look under another kind, or try a shorter part of the name.</p></${Empty}>`}
      row=${(record) => html`<${Found} key=${record.halo_id} record=${record} entity=${entity} />`} />`}
  </${Page}>`;
}

function Found({ record, entity }) {
  const path = `/${entity}/${record.halo_id}`;
  const name = record.name || `(no name)`;
  const kind = record.record_kind || ENTITY[entity].one;
  const facts = [record.more, record.number && entity !== 'invoice' && `number ${record.number}`, `Halo id ${record.halo_id}`, record.inactive && 'inactive in Halo'];
  return html`<li class="row">
    <${State} ...${record.links.length ? { word: entity === 'invoice' ? 'Sent' : 'Linked', tone: 'done', icon: 'link' } : { word: entity === 'invoice' ? 'Not sent' : 'Not linked', tone: 'skip' }} />
    <div class="row-main"><p class="row-title"><a href=${to(path)}>${capital(kind)} <bdi>${name}</bdi></a>${
      record.links.map((link) => html`<span class="soft number" key=${link.connection_id}> → <bdi>${link.bc_number}</bdi></span>`)}</p>
      <p class="soft">${facts.filter(Boolean).join(' · ')}</p></div>
    <div class="actions"><${LinkButton} kind="small" href=${to(path, { explain: '1' })} aria-label="Explain ${kind} ${name}">Explain</${LinkButton}></div></li>`;
}
