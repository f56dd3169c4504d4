/** What each step of the set-up says and offers. Every one gets the facts of the checklist. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to } from '../router.js';
import { IMPORT, JOB } from '../words.js';
import { OutcomeRow } from '../parts/outcome.js';
import { Tick } from '../parts/form.js';
import { Button, Copy, Failure, LinkButton, Notice, Out, State, Time, useAction } from '../parts/ui.js';
import { Authorize } from '../parts/authorize.js';
import { CompanyChoice } from '../parts/company.js';
import { EntitiesForm } from '../parts/entities.js';

const ENTRA = 'https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade';

const Settings = ({ setup }) => html`
  ${setup.settings.some((setting) => !setting.ok) && html`<p>In the Azure portal, open the Function App, then${' '}
    <b>Settings</b>, <b>Environment variables</b>. Enter what is missing and choose <b>Apply</b>; the app restarts by itself.</p>`}
  <ul class="list bare">${sorted(setup.settings).map((setting) => html`<li class="row" key=${setting.name}>
    <${State} tone=${setting.ok ? 'done' : 'bad'} word=${setting.ok ? 'OK' : 'Missing'} />
    <div class="row-main"><p class="row-title"><code>${setting.name}</code></p><p class="soft break">${setting.detail}</p></div></li>`)}</ul>`;

const sorted = (settings) => [...settings].sort((one, other) => Number(one.ok) - Number(other.ok));

const Halo = ({ setup }) => html`
  <${State} tone=${setup.halo.connected ? 'done' : 'bad'} word=${setup.halo.connected ? 'Connected' : 'Not connected'} />
  <p>${setup.halo.detail}</p>
  ${!setup.halo.connected && html`<p>In Halo, open <b>Configuration</b>, <b>Integrations</b>, <b>Halo PSA API</b>, and look at the
    application the app signs in with: its authentication method is <b>Client ID and Secret (Services)</b>. Its id and secret
    belong into <code>HALO_CLIENT_ID</code> and <code>HALO_CLIENT_SECRET</code>.</p>`}
  ${setup.halo.accounts_module === false && html`<${Notice} tone="warn" title="Halo’s account-code module is off">
    <p>Without it account codes cannot be imported. Turn it on in Halo if you use them; everything else works.</p></${Notice}>`}`;

/** The portal's steps, with what has to be copied there. */
export const Registration = ({ setup, connection }) => html`
  <ol class="prose portal">
    <li>Open <${Out} href=${ENTRA}>App registrations in Microsoft Entra</${Out}> and choose <b>New registration</b>.</li>
    <li>Name it, for example, <i>Halo to Business Central</i>. Under supported account types choose${' '}
      <b>Accounts in this organizational directory only</b> (single tenant).</li>
    <li>Under <b>Redirect URI</b> choose the platform <b>Web</b> and paste this address, then <b>Register</b>:
      ${setup.redirect_uri
        ? html`<${Copy} text=${setup.redirect_uri} label="the redirect URI" />`
        : html`<${Notice} tone="bad"><p>The redirect URI is not known while the setting <code>PUBLIC_URL</code> is missing.</p></${Notice}>`}</li>
    <li>Open <b>API permissions</b>, <b>Add a permission</b>, <b>Dynamics 365 Business Central</b>, <b>Delegated permissions</b>, and add:
      <ul>${of(setup, 'delegated').map((each) => html`<li key=${each.name}><${Copy} text=${each.name} label=${each.name} />
        <p class="soft">${each.reason}</p></li>`)}</ul>
      <b>User.Read</b>, which is there from the start, may be removed. Choose <b>Grant admin consent</b> if you may.</li>
    <li>Open <b>Certificates &${' '}secrets</b>, <b>New client secret</b>. Note when it expires, and copy its <b>Value</b> (not the
      Secret ID) before you leave the page: it is shown once.</li>
    <li>Open <b>Overview</b>. The next step asks for <b>Application (client) ID</b> and <b>Directory (tenant) ID</b>.</li>
  </ol>
  <details><summary>Without a person’s sign-in (app mode)</summary>
    <div class="prose">
      <p>Night runs then depend on nobody’s password. Instead of the delegated permissions add under${' '}
        <b>Application permissions</b>:</p>
      <ul>${of(setup, 'application').map((each) => html`<li key=${each.name}><${Copy} text=${each.name} label=${each.name} />
        <p class="soft">${each.reason}</p></li>`)}</ul>
      <p>Choose <b>Grant admin consent</b>. Then, in each Business Central environment, open the page${' '}
        <b>Microsoft Entra Applications</b>, add the client id, give it the permission set <code>D365 BUS FULL ACCESS</code>,
        and set its state to <b>Enabled</b>.</p>
    </div></details>
  ${!connection && html`<p><${LinkButton} kind="main" href=${to('/connections/new')}>Enter its ids</${LinkButton}></p>`}`;

const of = (setup, kind) => setup.permissions.filter((each) => each.kind === kind);

const Created = ({ connection }) => html`
  <p>A connection is one Business Central company. You need the tenant id, the client id and the client secret of the app
    registration.</p>
  <p>${connection
    ? html`<${LinkButton} href=${to(`/connections/${connection.id}`)}>Open “<bdi>${connection.name}</bdi>”</${LinkButton}>`
    : html`<${LinkButton} kind="main" href=${to('/connections/new')}>Create a connection</${LinkButton}>`}</p>`;

const needsConnection = html`<p>Create a connection first; this step follows.</p>`;

const SignIn = ({ connection, setup }) => (connection ? html`<${Authorize} connection=${connection} setup=${setup} />` : needsConnection);

function Company({ connection }) {
  if (!connection) return needsConnection;
  if (connection.company_id) {
    return html`<p><bdi>${connection.company_name}</bdi>, environment ${connection.environment_name}. It is fixed; another company
      needs a connection of its own.</p>`;
  }
  if (connection.status !== 'authorized') return html`<p>Sign in to Business Central first; then it says what there is.</p>`;
  return html`<${CompanyChoice} connection=${connection} />`;
}

function Default({ connection, standard }) {
  const { busy, error, run } = useAction();
  if (!connection) return needsConnection;
  if (standard) return html`<p>Nothing to do. Each connection’s page can make it the default.</p>`;
  const make = () => run(
    () => change('PUT', '/api/default-connection', { connection_id: connection.id }),
    `“${connection.name}” is the default connection.`,
  );
  return html`<p>Customers and products that carry no company yet are created in the company of the default connection.</p>
    <${Failure} error=${error} retry=${null} />
    <${Button} kind="main" busy=${busy} onClick=${make}>Make “<bdi>${connection.name}</bdi>” the default</${Button}>`;
}

function Entities({ connection }) {
  if (!connection) return needsConnection;
  return html`<${EntitiesForm} connection=${connection} />`;
}

const ORDER = Object.keys(IMPORT);

function Import({ connection, jobs }) {
  if (!connection?.company_id) return html`<p>Choose the company first; then its records can be imported.</p>`;
  const next = ORDER.find((kind) => !last(jobs, kind));
  return html`<p>In this order, since each builds on those before. A preview shows each Business Central record with the Halo record it seems
      to be; nothing changes before you press Import. Leave out what you do not use.</p>
    <ol class="list">${ORDER.map((kind) => html`<li class="row" key=${kind}><${State} ...${stateOf(last(jobs, kind))} />
      <div class="row-main"><p class="row-title">${IMPORT[kind].title}</p><p class="soft">${IMPORT[kind].about}</p></div>
      <${LinkButton} kind=${kind === next ? 'main' : ''} href=${to(`/import/${connection.id}`, { kind })}>${last(jobs, kind) ? 'Open' : 'Preview'}</${LinkButton}></li>`)}</ol>
    <p>Did Halo’s own integration run before? Then first <a href="${to(`/connections/${connection.id}`)}#takeover">take over its links</a>.</p>`;
}

const last = (jobs = [], kind) => jobs.find((job) => job.kind === kind);
const stateOf = (job) => (job ? JOB[job.status] || { word: job.status, tone: 'skip' } : { word: 'Not imported', tone: 'todo' });

function Webhook({ setup, webhookTicked, lastEvent, tick }) {
  const base = setup.redirect_uri.replace(/\/auth\/callback$/, '');
  return html`<ol class="prose portal">
    <li>In the Azure portal, open the Function App, <b>Functions</b>, <b>halo_events</b>, <b>Function Keys</b>, and copy the value of${' '}
      <b>default</b>. It is a secret: it stands only in the webhooks’ addresses.</li>
    <li>In Halo, open <b>Configuration</b>, <b>Integrations</b>, <b>Webhooks</b>, and create three webhooks, one for each kind.
      Content type <b>application/json</b>, method <b>POST</b>, authentication <b>None</b>. Put the key where it says KEY:
      <ul>${['customer', 'product', 'invoice'].map((kind) => html`<li key=${kind}>${kind}s: <${Copy}
        text=${`${base}/halo/events?code=KEY&entity=${kind}&operation=upsert`} label="the address for ${kind}s" /></li>`)}</ul></li>
    <li>To each, add Halo’s events for created and updated records of that kind, and save.</li>
    <li>For deleted invoices add a fourth: <${Copy} text=${`${base}/halo/events?code=KEY&entity=invoice&operation=delete`} label="the address for deleted invoices" /></li>
  </ol>
  ${lastEvent
    ? html`<p><${State} tone="done" word="Halo calls" /> <span class="soft">The last call came <${Time} at=${lastEvent} />.</span></p>`
    : html`<${Tick} label="I have entered them" checked=${webhookTicked} onValue=${tick}
        hint="Kept in this browser. The app cannot see Halo’s list of webhooks; its first call tells." />`}`;
}

const Invoice = ({ invoice, connection }) => html`
  ${invoice
    ? html`<ul class="list bare"><${OutcomeRow} outcome=${invoice} /></ul>`
    : html`<p>Save an invoice in Halo whose customer is linked. Or enter its id at the top of this page, open it, and choose <b>Sync now</b>.
      There, <b>Explain</b> says beforehand whether it would be sent.</p>`}
  ${connection?.company_id && html`<p>At the end, let <a href=${to(`/doctor/${connection.id}`)}>the doctor</a> look at both ends.</p>`}`;

export const CONTENT = {
  settings: Settings,
  halo: Halo,
  registration: Registration,
  connection: Created,
  authorize: SignIn,
  company: Company,
  default: Default,
  entities: Entities,
  import: Import,
  webhook: Webhook,
  invoice: Invoice,
};
