/** Charge rates: which Business Central item each of Halo's charge types is booked on. */
import { html, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to, useQuery } from '../router.js';
import { usePages } from './listing.js';
import { BcPicker, Pages } from './links_records.js';
import { Button, Empty, Notice, State, say, useAction } from './ui.js';

const STATUS = {
  ok: { word: 'In use', tone: 'done', icon: 'link' },
  empty: { word: 'No code', tone: 'skip' },
  unknown_in_bc: { word: 'Unknown item', tone: 'bad' },
  blocked: { word: 'Blocked item', tone: 'warn' },
};
const CURE = {
  empty: 'Lines of this charge are booked on their product, else on the default product.',
  unknown_in_bc: 'Business Central has no item with this code. Choose the right one.',
  blocked: 'The item is blocked in Business Central. Unblock it there, or choose another one.',
};

export function ChargeRates({ connection }) {
  const [query, setQuery] = useQuery();
  const { show = '' } = query;
  const pages = usePages(`/api/connections/${connection.id}/charge-rates`, 500);
  const rows = pages.items?.filter((rate) => !show || rate.status !== 'ok');
  const columns = pages.more.columns || [];
  return html`
    <p class="soft">A labour line of an invoice is booked on the item whose number stands at its charge rate.</p>
    ${pages.items?.length > 0 && pages.more.column === null && html`<${Notice} tone="warn" title="It cannot be told where this Halo keeps the code">
      <p>${columns.length ? `It could be ${columns.join(' or ')}.` : 'No column of its charge types looks like an item number.'} Name it under “Halo conventions” in
        the <a href="${to(`/connections/${connection.id}`)}#settings">connection’s settings</a> (<code>charge_rate_code_field</code>).</p></${Notice}>`}
    <div class="filters"><div class="segments" role="group" aria-label="Show">${[['', 'All'], ['trouble', 'Without a usable item']].map(([each, words]) => html`
      <button key=${each} type="button" class="button" aria-pressed=${each === show ? 'true' : 'false'} onClick=${() => setQuery({ show: each }, { push: true })}>${words}</button>`)}</div></div>
    <${Pages} pages=${{ ...pages, items: rows }} empty=${html`<${Empty} title=${show ? 'Every charge rate has its item' : 'Halo has no charge rates'}><p>Nothing to do.</p></${Empty}>`}
      row=${(rate) => html`<${Row} key=${rate.id} rate=${rate} connection=${connection} done=${pages.again} />`} />`;
}

function Row({ rate, connection, done }) {
  const [picking, setPicking] = useState(false);
  const { busy, error, run } = useAction();
  const path = `/api/connections/${connection.id}/charge-rates/${encodeURIComponent(rate.id)}`;
  const put = async (code, words) => {
    const before = rate.code;
    const ok = await run(() => change('PUT', path, { code }));
    if (!ok) return;
    say(words, 'done', rate.status !== 'unknown_in_bc' && {
      words: 'Undo',
      act: () => change('PUT', path, { code: before }).then(() => {
        say(`${rate.name} is as it was.`);
        done();
      }, (refusal) => say(refusal.message, 'bad')),
    });
    done();
  };
  return html`<li class="row"><${State} ...${STATUS[rate.status]} />
    <div class="row-main"><p class="row-title"><bdi>${rate.name}</bdi></p>
      ${rate.code && html`<p><span class="number">${rate.code}</span> ${rate.bc_name && html`<bdi>${rate.bc_name}</bdi>`}</p>`}
      ${CURE[rate.status] && html`<p class=${rate.status === 'empty' ? 'soft' : 'cure'}>${CURE[rate.status]}</p>`}
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}</div>
    <div class="actions"><${Button} kind="small" busy=${busy} onClick=${() => setPicking(true)} aria-label="Choose the item of ${rate.name}">Choose item …</${Button}>
      ${rate.code && html`<${Button} kind="small quiet" busy=${busy} onClick=${() => put('', `${rate.name} has no code any more.`)} aria-label="Clear the code of ${rate.name}">Clear</${Button}>`}</div>
    ${picking && html`<${BcPicker} connection=${connection} kind="products" title=${`Book ${rate.name} on`} onClose=${() => setPicking(false)}
      onPick=${(item) => put(item.number, `${rate.name} is booked on ${item.number} ${item.name}.`)} />`}</li>`;
}
