/** All connections. */
import { html } from '../vendor/preact-htm.js';
import { CONNECTIONS, useLive } from '../live.js';
import { to } from '../router.js';
import { connectionState } from '../words.js';
import { Empty, Failure, LinkButton, Page, Skeleton, State } from '../parts/ui.js';

export default function Connections() {
  const live = useLive(CONNECTIONS, 5);
  const items = live.data?.items;
  const actions = html`<${LinkButton} kind="main" href=${to('/connections/new')}>New connection</${LinkButton}>`;
  return html`<${Page} title="Connections" lead="Each connection is one Business Central company." actions=${actions}>
    ${!items && (live.error ? html`<${Failure} error=${live.error} />` : html`<${Skeleton} rows=${3} />`)}
    ${items && !items.length && html`<${Empty} title="No connection yet">
      <p>The <a href=${to('/setup')}>set-up checklist</a> says what to prepare in Microsoft Entra.</p></${Empty}>`}
    ${items && html`<ul class="list">${items.map((connection) => html`<${Row} key=${connection.id} connection=${connection} />`)}</ul>`}
  </${Page}>`;
}

function Row({ connection }) {
  const state = connectionState(connection);
  return html`<li class="row">
    <${State} ...${state} />
    <div class="row-main">
      <p class="row-title"><a href=${to(`/connections/${connection.id}`)}><bdi>${connection.name}</bdi></a>${connection.is_default
        && html` <span class="tag">Default</span>`}</p>
      <p class="soft">${connection.company_name
        ? html`<bdi>${connection.company_name}</bdi>, ${connection.environment_name}`
        : state.meaning}</p>
    </div>
  </li>`;
}
