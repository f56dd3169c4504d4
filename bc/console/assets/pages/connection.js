/** One connection: sign-in, company, what syncs, settings, secret, pause, removal. */
import { html, useEffect } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { useLive } from '../live.js';
import { to } from '../router.js';
import { connectionState } from '../words.js';
import { Authorize } from '../parts/authorize.js';
import { CompanyChoice } from '../parts/company.js';
import { EntitiesForm } from '../parts/entities.js';
import { SettingsForm } from '../parts/settings.js';
import { Pause, Remove, Rename, SecretForm } from '../parts/connection_care.js';
import { Schedule } from '../parts/schedule.js';
import { Takeover } from '../parts/takeover.js';
import { Button, Failure, LinkButton, Page, Skeleton, State, useAction } from '../parts/ui.js';

export default function Connection({ id }) {
  const live = useLive(`/api/connections/${encodeURIComponent(id)}`, 4);
  const setup = useLive('/api/setup', 0);
  const connection = live.data;
  useEffect(() => {
    // The sections come with the data: an address with #secret finds its place only then.
    if (connection && location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [Boolean(connection)]);
  if (!connection) {
    return html`<${Page} title="Connection">
      ${live.error ? html`<${Failure} error=${live.error} /><p><a href=${to('/connections')}>All connections</a></p>` : html`<${Skeleton} rows=${8} />`}
    </${Page}>`;
  }
  const state = connectionState(connection);
  const ready = Boolean(connection.company_id);
  const lead = html`<${State} ...${state} /> <span>${state.meaning}</span>`;
  return html`<${Page} title=${connection.name} lead=${lead} actions=${html`<${Actions} connection=${connection} />`}>
    <nav class="onpage" aria-label="On this page"><ul>${SECTIONS.filter(([, , needed]) => ready || !needed).map(([each, words]) => html`<li key=${each}>
      <a href=${`#${each}`}>${words}</a></li>`)}</ul></nav>
    <${Section} id="sign-in" title="Sign-in to Business Central"><${Authorize} connection=${connection} setup=${setup.data} /></${Section}>
    <${Section} id="company" title="Environment and company"><${Company} connection=${connection} /></${Section}>
    ${ready && html`
      <${Section} id="sync" title="What syncs"><${EntitiesForm} connection=${connection} /></${Section}>
      <${Section} id="settings" title="Settings"><${SettingsForm} connection=${connection} /></${Section}>
      <${Section} id="schedule" title="Regular imports"><${Schedule} connection=${connection} /></${Section}>
      <${Section} id="takeover" title="Links of Halo’s own integration"><${Takeover} connection=${connection} /></${Section}>`}
    <${Section} id="secret" title="Client secret"><${SecretForm} connection=${connection} /></${Section}>
    <${Section} id="care" title="Name, pause, removal">
      <${Rename} connection=${connection} /><${Pause} connection=${connection} /><${Remove} connection=${connection} />
    </${Section}>
  </${Page}>`;
}

// [id, words, whether it comes only once the company is chosen].
const SECTIONS = [
  ['sign-in', 'Sign-in', false],
  ['company', 'Company', false],
  ['sync', 'What syncs', true],
  ['settings', 'Settings', true],
  ['schedule', 'Regular imports', true],
  ['takeover', 'Take-over', true],
  ['secret', 'Client secret', false],
  ['care', 'Pause and removal', false],
];

const Section = ({ id, title, children }) => html`<section class="panel" id=${id} aria-labelledby="${id}-title">
  <h2 id="${id}-title">${title}</h2>${children}</section>`;

function Actions({ connection }) {
  const { busy, run } = useAction();
  const make = () => run(
    () => change('PUT', '/api/default-connection', { connection_id: connection.id }),
    `“${connection.name}” is the default connection.`,
  );
  return html`
    ${connection.is_default ? html`<span class="tag">Default</span>` : html`<${Button} busy=${busy} onClick=${make}>Make default</${Button}>`}
    <${LinkButton} href=${to(`/doctor/${connection.id}`)}>Doctor</${LinkButton}>
    ${connection.company_id && html`<${LinkButton} href=${to(`/import/${connection.id}`)}>Import</${LinkButton}>
      <${LinkButton} href=${to(`/links/${connection.id}`)}>Links</${LinkButton}>
      <${LinkButton} href=${to('/activity', { connection: connection.id })}>Activity</${LinkButton}>`}`;
}

function Company({ connection }) {
  if (connection.company_id) {
    return html`<dl class="facts">
      <div><dt>Environment</dt><dd>${connection.environment_name}${connection.environment_type
        && html` <span class="soft">(${connection.environment_type})</span>`}</dd></div>
      <div><dt>Company</dt><dd><bdi>${connection.company_name}</bdi></dd></div></dl>
      <p class="soft">Fixed. Another company needs <a href=${to('/connections/new')}>a connection of its own</a>.</p>`;
  }
  if (connection.status === 'authorized') return html`<${CompanyChoice} connection=${connection} />`;
  return html`<p class="soft">Authorize the connection first; then Business Central says which companies there are.</p>`;
}
