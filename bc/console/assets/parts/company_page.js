/** A page about one connected company: which one the address names, or the default, with a choice where there are several. */
import { html, useEffect } from '../vendor/preact-htm.js';
import { CONNECTIONS, useLive } from '../live.js';
import { go, place, to } from '../router.js';
import { Choice } from './form.js';
import { Empty, Failure, LinkButton, Page, Skeleton } from './ui.js';

/**
 * `base`: the page's path without the connection, such as `/import`. `every`: also connections that have no company yet.
 * `children` gets (connection, connections).
 */
export function CompanyPage({ title, base, wanted, why, every = false, children }) {
  const connections = useLive(CONNECTIONS, 30);
  const held = connections.data?.items;
  const items = held?.filter((each) => every || each.company_id);
  const chosen = wanted || (items?.find((each) => each.is_default) || items?.[0])?.id || '';
  useEffect(() => {
    if (!wanted && chosen) go(to(`${base}/${chosen}`, place.value.query), { replace: true });
  }, [wanted, chosen]);
  // Until the address names it, what it shows would be asked for twice.
  if (!items || (!wanted && chosen)) {
    return html`<${Page} title=${title}>${connections.error
      ? html`<${Failure} error=${connections.error} />`
      : html`<${Skeleton} rows=${8} />`}</${Page}>`;
  }
  const connection = items.find((each) => each.id === chosen);
  if (connection) return children(connection, items);
  if (wanted && !held.some((each) => each.id === wanted)) {
    return html`<${Page} title=${title}><${Empty} title="There is no such connection">
      <p>It may have been removed, or the address is mistyped.</p><p><${LinkButton} href=${to('/connections')} kind="main">All connections</${LinkButton}></p></${Empty}></${Page}>`;
  }
  return html`<${Page} title=${title}><${Empty} title=${wanted ? 'This connection has no company yet' : 'No company is connected yet'}>
    <p>${why}</p><p><${LinkButton} href=${to('/setup')} kind="main">Open the set-up</${LinkButton}></p></${Empty}></${Page}>`;
}

/** Tabs as links; `tabs` are [value, words], `name` the query's name for them. */
export const Tabs = ({ label, path, name, value, tabs, keep = {} }) => html`
  <nav class="tabs" aria-label=${label}><ul>${tabs.map(([each, words]) => html`<li key=${each}>
    <a href=${to(path, { ...keep, [name]: each })} aria-current=${each === value ? 'page' : null}>${words}</a></li>`)}</ul></nav>`;

/** Which connection, where there are several. */
export const ConnectionChoice = ({ connection, connections, base, query = {} }) => connections.length > 1 && html`
  <${Choice} label="Connection" value=${connection.id} onValue=${(value) => go(to(`${base}/${value}`, query))}
    options=${connections.map((each) => [each.id, each.name])} />`;
