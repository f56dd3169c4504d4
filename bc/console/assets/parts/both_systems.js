/** A record in Halo and in each company it is linked with; an invoice's tax line by line: Halo, Business Central, difference. */
import { html } from '../vendor/preact-htm.js';
import { nameParts } from '../names.js';
import { to } from '../router.js';
import { money, number } from '../when.js';
import { Failure, Notice, Out, Skeleton, State, Time } from './ui.js';

const SOURCE = { import: 'Linked by an import', manual: 'Linked by hand', created: 'Created by the sync', adopted: 'Found in Business Central' };

export function InBothSystems({ entity, story }) {
  const found = story.data;
  if (!found) {
    return html`<section aria-labelledby="both"><h2 id="both">In both systems</h2>${story.error
      ? html`<${Failure} error=${story.error} />`
      : html`<${Skeleton} rows=${3} />`}</section>`;
  }
  const { name } = nameParts({ entity, halo_id: found.halo_id, record_name: found.name || '' });  // the id stands below
  return html`<section aria-labelledby="both"><h2 id="both">In both systems</h2>
    ${found.trouble && html`<${Notice} tone="warn" title="Halo could not be asked"><p>${found.trouble}</p></${Notice}>`}
    <ul class="list">
      <li class="row"><${State} ...${found.in_halo === false ? { word: 'Gone', tone: 'bad' } : { word: 'Halo', tone: 'skip', icon: 'link' }} />
        <div class="row-main"><p class="row-title"><bdi>${name || found.name || 'not there'}</bdi></p>
          <p class="soft">${[found.number && `number ${found.number}`, `Halo id ${found.halo_id}`].filter(Boolean).join(' · ')}</p></div>
        ${found.in_halo !== false && html`<p><${Out} href=${found.halo_url}>Open in Halo</${Out}></p>`}</li>
      ${found.links.map((link) => html`<${Linked} key=${link.connection_id} link=${link} />`)}
      ${!found.links.length && html`<li class="row"><${State} word="Not linked" tone="skip" /><div class="row-main"><p>Business Central has no record of it that is known here.
        ${entity !== 'invoice' && html` <a href=${to('/links', { tab: `${entity}s`, show: 'halo', search: found.name })}>Link it by hand</a>`}</p></div></li>`}
    </ul>
    ${found.lines.length > 0 && html`<${TaxTable} found=${found} />`}
  </section>`;
}

function Linked({ link }) {
  return html`<li class="row"><${State} ...${link.state === 'ok' ? { word: 'Linked', tone: 'done', icon: 'link' } : { word: 'Broken', tone: 'bad' }} />
    <div class="row-main"><p class="row-title"><span class="number">${link.bc_number}</span> <bdi>${link.bc_name}</bdi>${link.status && html` <span class="tag">${link.status}</span>`}</p>
      <p class="soft"><a href=${to(`/connections/${link.connection_id}`)}><bdi>${link.connection_name}</bdi></a> · ${SOURCE[link.source] || link.source} <${Time} at=${link.linked_at} /></p></div>
    <p><${Out} href=${link.url}>Open in Business Central</${Out}></p></li>`;
}

function TaxTable({ found }) {
  const link = found.links[0];
  const known = found.lines.some((line) => line.difference !== null);
  const differs = found.lines.filter((line) => line.difference !== null && Number(line.difference) !== 0);
  const total = link?.tax_total ?? null;
  return html`<h3 class="tax-title">Tax, line by line${found.currency && html` <span class="soft">in ${found.currency}</span>`}</h3>
    ${known && html`<p>${differs.length
      ? html`<${State} tone="warn" word="Differs" /> ${number(differs.length)} of ${number(found.lines.length)} lines: “Sync now” writes Business Central’s tax back.`
      : html`<${State} tone="done" word="Same" /> Each line has the tax that Business Central worked out.`}</p>`}
    <div class="scroll"><table class="figures stacked" role="table" aria-label="Tax, line by line">
      <thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Line</th><th role="columnheader" scope="col" class="right">Quantity</th><th role="columnheader" scope="col" class="right">Net</th>
        <th role="columnheader" scope="col" class="right">Tax in Halo</th><th role="columnheader" scope="col" class="right">Tax in BC</th><th role="columnheader" scope="col" class="right">Difference</th></tr></thead>
      <tbody role="rowgroup">${found.lines.map((line, position) => html`<tr role="row" key=${position}>
        <th role="rowheader" scope="row"><bdi>${line.text || '(no text)'}</bdi>${line.sequence !== null && html` <span class="soft number small">${line.sequence}</span>`}</th>
        <td role="cell" class="right" data-label="Quantity">${number(line.quantity)}</td><td role="cell" class="right" data-label="Net">${money(line.net)}</td>
        <td role="cell" class="right" data-label="Tax in Halo"><span class="soft small">${number(line.halo_rate)} %</span> ${money(line.halo_tax)}</td>
        <td role="cell" class="right" data-label="Tax in BC">${line.bc_tax === null ? html`<span class="soft">not there</span>` : html`<span class="soft small">${number(line.bc_rate)} %</span> ${money(line.bc_tax)}`}</td>
        <td role="cell" class="right" data-label="Difference">${line.difference === null ? '–' : Number(line.difference) === 0 ? html`<span class="soft">none</span>` : html`<b class="tone-text-warn">${money(line.difference)}</b>`}</td></tr>`)}</tbody>
      <tfoot role="rowgroup"><tr role="row"><th role="rowheader" scope="row" colspan="3">Tax in all</th><td role="cell" class="right" data-label="Tax in Halo">${found.halo_tax === null ? '–' : money(found.halo_tax)}</td>
        <td role="cell" class="right" data-label="Tax in BC">${total === null ? '–' : money(total)}</td>
        <td role="cell" class="right" data-label="Difference">${total === null || found.halo_tax === null ? '–' : Number(found.halo_tax) === Number(total) ? html`<span class="soft">none</span>` : html`<b class="tone-text-warn">${money(found.halo_tax - total)}</b>`}</td></tr></tfoot>
    </table></div>`;
}
