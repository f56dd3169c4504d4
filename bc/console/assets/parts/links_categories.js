/** Business Central's item categories and Halo's product groups. */
import { html, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to, useQuery } from '../router.js';
import { usePages, useSettled } from './listing.js';
import { BcPicker, HaloPicker, Pages } from './links_records.js';
import { Button, Empty, LinkButton, Notice, State, say, useAction } from './ui.js';

const KIND = 'item_categories';

export function CategoryLinks({ connection }) {
  const [query, setQuery] = useQuery();
  const { search = '' } = query;
  const path = `/api/connections/${connection.id}/mappings/${KIND}`;
  const settled = useSettled(search.trim());
  const pages = usePages(`${path}${settled ? `?search=${encodeURIComponent(settled)}` : ''}`);
  const [group, setGroup] = useState(null);
  const [step, setStep] = useState('');
  const { busy, error, run } = useAction();
  const map = (category, confirm = false) => run(
    () => change('PUT', `${path}/${encodeURIComponent(group.halo_id)}`, { bc_id: category.bc_id, confirm }),
    `Products of the category ${category.number} go to ${group.name}.`,
  ).then((ok) => ok && pages.again());
  const empty = search
    ? html`<${Empty} title="No mapping fits “${search}”"><p>Change the search above.</p></${Empty}>`
    : html`<${Empty} title="No category is mapped yet"><p>An imported product goes to the group of its category. Categories that are not mapped go to
        the default group in the connection’s settings.</p>
        <p><${LinkButton} kind="main" href=${to(`/import/${connection.id}`, { kind: KIND })}>Import item categories</${LinkButton}></p></${Empty}>`;
  return html`
    <p class="soft">A product that comes from Business Central goes to the Halo group of its item category.</p>
    <div class="filters"><label class="choice"><span>Search</span><input class="input" type="search" value=${search} placeholder="Code or name" maxlength="200"
      onInput=${(event) => setQuery({ search: event.currentTarget.value })} /></label>
      <${Button} busy=${busy} onClick=${() => setStep('group')}>Map a group …</${Button}></div>
    ${error && html`<p class="field-error" role="alert">${error.message}</p>`}
    ${step === 'group' && html`<${HaloPicker} connection=${connection} kind=${KIND} title="Which product group of Halo?" onClose=${() => setStep((now) => (now === 'group' ? '' : now))}
      onPick=${(picked) => {
        setGroup(picked);
        setStep('category');
      }} />`}
    ${step === 'category' && html`<${BcPicker} connection=${connection} kind=${KIND} title=${`Which item category goes to ${group.name}?`}
      onClose=${() => setStep('')} onPick=${(category) => map(category)} />`}
    <${Pages} pages=${pages} empty=${empty} row=${(link) => html`<${Row} key=${link.halo_id + link.bc_number} link=${link} path=${path} done=${pages.again} />`} />`;
}

function Row({ link, path, done }) {
  const { busy, error, run } = useAction();
  const broken = link.state !== 'ok';
  const unmap = async () => {
    const address = `${path}/${encodeURIComponent(link.halo_id)}`;
    const ok = await run(() => change('DELETE', `${address}?code=${encodeURIComponent(link.bc_number)}`));
    if (!ok) return;
    say(`${link.bc_number} is no longer mapped.`, 'done', !broken && {
      words: 'Undo',
      act: () => change('PUT', address, { bc_id: link.bc_id, confirm: true }).then(() => {
        say(`${link.bc_number} is mapped again.`);
        done();
      }, (refusal) => say(refusal.message, 'bad')),
    });
    done();
  };
  return html`<li class="row"><${State} ...${broken ? { word: 'Broken', tone: 'bad' } : { word: 'Mapped', tone: 'done', icon: 'link' }} />
    <div class="row-main"><p class="row-title"><span class="number">${link.bc_number}</span> <bdi>${link.bc_name}</bdi></p>
      <p><span class="soft">goes to</span> <bdi>${link.halo_name || `group ${link.halo_id}`}</bdi></p>
      ${broken && html`<${Notice} tone="bad"><p>${link.bc_name ? 'Halo no longer has this group.' : 'Business Central no longer has this category.'} Unmap it, or map it anew.</p></${Notice}>`}
      ${error && html`<p class="field-error" role="alert">${error.message}</p>`}</div>
    <div class="actions"><${Button} kind="small quiet" busy=${busy} onClick=${unmap} aria-label="Unmap ${link.bc_number}">Unmap</${Button}></div></li>`;
}
