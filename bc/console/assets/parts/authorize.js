/** Signing a connection in to Business Central: where it stands, the result of the last try in words, the button. */
import { html } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { to } from '../router.js';
import { signInState } from '../words.js';
import { Button, Copy, Failure, Notice, State, Time, useAction } from './ui.js';

// The causes for which the admin needs more than the button.
const NEED_SECRET = ['invalid_client_secret', 'secret_expired', 'secret_missing'];
const NEED_URI = ['redirect_uri_not_registered', 'app_not_confidential'];
const NEED_PERMISSION = ['permission_not_registered', 'admin_consent_needed'];

export function Authorize({ connection, setup }) {
  const { busy, error, run } = useAction();
  const app = connection.auth_mode === 'app';
  const signedIn = ['authorized', 'ready'].includes(connection.status);
  const last = connection.last_authorization;
  const authorize = () => run(async () => {
    const answer = await change('POST', `/api/connections/${connection.id}/authorize`);
    // Microsoft's page takes over; it leads back to the connection's page.
    if (answer.authorization_url) location.assign(answer.authorization_url);
  }, app ? 'Connected to Business Central.' : '');
  const words = app ? (signedIn ? 'Connect again' : 'Connect') : signedIn ? 'Authorize again' : 'Authorize';
  return html`<div class="stack">
    ${last && !last.ok && html`<${Refused} last=${last} connection=${connection} setup=${setup} />`}
    ${error && !(last && !last.ok) && html`<${Failure} error=${error} title="The sign-in could not start" retry=${null} />`}
    <dl class="facts">
      <div><dt>State</dt><dd><${State} ...${signInState(connection)} /></dd></div>
      <div><dt>Signs in as</dt><dd><bdi>${app ? 'the app itself (app mode)' : connection.authorized_by || 'nobody yet'}</bdi></dd></div>
      ${last?.ok && html`<div><dt>Last sign-in</dt><dd><${Time} at=${last.at} /></dd></div>`}
    </dl>
    ${connection.granted_permissions?.length > 0 && html`<${Granted} connection=${connection} setup=${setup} />`}
    <p class="actions"><${Button} kind=${signedIn ? '' : 'main'} busy=${busy} onClick=${authorize}>${busy ? 'One moment …' : words}</${Button}>
      ${!app && html`<span class="soft">Opens Microsoft’s sign-in and leads back here.</span>`}</p>
  </div>`;
}

function Refused({ last, connection, setup }) {
  return html`<${Notice} tone="bad" title="The last sign-in did not succeed" alert>
    <p>${last.message}</p>
    <p class="cure">${last.cure}</p>
    ${NEED_URI.includes(last.code) && setup?.redirect_uri && html`<p>The redirect URI: <${Copy} text=${setup.redirect_uri} label="the redirect URI" /></p>`}
    ${NEED_SECRET.includes(last.code) && html`<p><a href="${to(`/connections/${connection.id}`)}#secret">Enter a new client secret</a></p>`}
    ${NEED_PERMISSION.includes(last.code) && html`<p><a href=${to('/setup', { step: 'registration' })}>The permissions, step by step</a></p>`}
    <p class="soft"><${Time} at=${last.at} /></p>
  </${Notice}>`;
}

/** Each needed permission, ticked or crossed from the token. */
function Granted({ connection, setup }) {
  const kind = connection.auth_mode === 'app' ? 'application' : 'delegated';
  const wanted = (setup?.permissions || []).filter((each) => each.kind === kind);
  return html`<ul class="list bare">${wanted.map((each) => {
    const granted = connection.granted_permissions.includes(each.name);
    return html`<li class="row" key=${each.name}>
      <${State} tone=${granted ? 'done' : 'warn'} word=${granted ? 'Granted' : 'Not granted'} />
      <div class="row-main"><code>${each.name}</code>${!granted && html`<p class="soft">${each.reason}</p>`}</div></li>`;
  })}</ul>`;
}
