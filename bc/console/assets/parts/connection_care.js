/** A connection's secret, name, pause and removal. */
import { html, useRef, useState } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { useLive } from '../live.js';
import { go, to } from '../router.js';
import { count, day, daysUntil, number } from '../when.js';
import { TextField, focusFirstError } from './form.js';
import { Button, Failure, Notice, say, useAction } from './ui.js';

const patch = (connection, value) => change('PATCH', `/api/connections/${connection.id}`, value);

/** A new secret with its last day; the sign-in stays as it is. */
export function SecretForm({ connection }) {
  const [secret, setSecret] = useState('');
  const [expires, setExpires] = useState('');
  const { busy, error, run } = useAction();
  const form = useRef(null);
  const wrong = error?.fields || {};
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    const wanted = { ...(secret && { client_secret: secret }), ...(expires && { secret_expires_on: expires }) };
    if (!secret && !expires) return;
    const saved = await run(() => patch(connection, wanted), secret ? 'The new secret is in use.' : 'The date is saved.');
    if (!saved) return focusFirstError(form.current);
    setSecret('');
    setExpires('');
    return undefined;
  };
  return html`<form ref=${form} class="form" onSubmit=${submit} novalidate autocomplete="off">
    <p>${expiryWords(connection)}</p>
    <${TextField} label="New client secret" type="password" optional value=${secret} onValue=${setSecret} error=${wrong.client_secret || ''}
      hint="Its value. It is tried with Microsoft first: one that does not work changes nothing. Leave it empty to save the date alone." control=${{ autocomplete: 'new-password', dir: 'ltr' }} />
    <${TextField} label="Expires on" type="date" optional value=${expires} onValue=${setExpires} error=${wrong.secret_expires_on || ''} />
    ${error && !Object.keys(wrong).length && html`<${Failure} error=${error} retry=${null} />`}
    <p class="actions"><${Button} type="submit" off=${!secret && !expires} busy=${busy}>${secret || !expires ? 'Use the new secret' : 'Save the date'}</${Button}></p>
  </form>`;
}

function expiryWords(connection) {
  const date = connection.secret_expires_on;
  if (!date) return 'A secret is stored. Its last day is not known: enter it, and the console warns in good time.';
  const days = daysUntil(date);
  if (days < 0) return `The secret expired on ${day(date)}. Create a new one in the app registration and enter it here.`;
  return `A secret is stored. It expires on ${day(date)}, ${days === 0 ? 'today' : `in ${count(days, 'day')}`}.`;
}

export function Rename({ connection }) {
  const [typed, setName] = useState(null);
  const name = typed ?? connection.name;
  const { busy, error, run } = useAction();
  const changed = name.trim() && name.trim() !== connection.name;
  const submit = (event) => {
    event.preventDefault();
    if (changed && !busy) run(() => patch(connection, { name: name.trim() }), 'The name is changed.').then((saved) => saved && setName(null));
  };
  return html`<form class="form inline" onSubmit=${submit} novalidate>
    <${TextField} label="Name" value=${name} onValue=${setName} error=${error?.message || ''} control=${{ autocomplete: 'off' }} />
    <${Button} type="submit" off=${!changed} busy=${busy}>Rename</${Button}>
  </form>`;
}

export function Pause({ connection }) {
  const { busy, error, run } = useAction();
  const paused = connection.paused;
  const turn = () => run(
    () => patch(connection, { paused: !paused }),
    paused ? `“${connection.name}” goes on. What waited is sent now.` : `“${connection.name}” is paused.`,
  );
  return html`<div class="care">
    <p>${paused ? 'It is paused: changes wait, none is lost.' : 'While paused nothing is sent; changes wait, and none is lost.'}</p>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    <${Button} busy=${busy} kind=${paused ? 'main' : ''} onClick=${turn}>${paused ? 'Resume' : 'Pause'}</${Button}>
  </div>`;
}

/** Removal, confirmed by the typed name. */
export function Remove({ connection }) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const { busy, error, run } = useAction();
  const matches = typed.trim() === connection.name;
  const submit = async (event) => {
    event.preventDefault();
    if (!matches || busy) return;
    const query = new URLSearchParams({ confirm: connection.name });
    if (!(await run(() => change('DELETE', `/api/connections/${connection.id}?${query}`)))) return;
    go(to('/connections'));
    say(`“${connection.name}” is removed. Halo and Business Central keep all their records.`);
  };
  return html`<div class="care">
    <p>Removing it ends its work and forgets its links and history here. Nothing changes in Halo or Business Central.</p>
    <${Button} kind="danger" aria-expanded=${open ? 'true' : 'false'} onClick=${() => setOpen(!open)}>Remove …</${Button}>
    ${open && html`<form class="form" onSubmit=${submit} novalidate>
      <${Notice} tone="bad" title="This cannot be undone here">
        <${Removed} connection=${connection} />
        <p>To connect the company again you create a new connection and import again; its records are found by their numbers.</p></${Notice}>
      <${TextField} label=${html`Type the connection’s name, <b><bdi>${connection.name}</bdi></b>, to confirm`} value=${typed} onValue=${setTyped}
        error=${error?.message || ''} control=${{ autocomplete: 'off' }} />
      <p class="actions"><${Button} type="submit" kind="danger" off=${!matches} busy=${busy}>Remove the connection</${Button}>
        <${Button} kind="quiet" onClick=${() => setOpen(false)}>Keep it</${Button}></p>
    </form>`}
  </div>`;
}

/** What goes with the connection, with its numbers as far as they are known. */
function Removed({ connection }) {
  const path = `/api/connections/${connection.id}/mappings`;
  const lists = Object.fromEntries(LINKED.map(([kind]) => [kind, useLive(`${path}/${kind}?limit=${MOST}`, 0).data]));
  const status = useLive('/api/status', 10).data?.connections?.find((each) => each.connection_id === connection.id);
  const links = LINKED.map(([kind, one]) => lists[kind] && (lists[kind].next ? `more than ${number(MOST)} ${one}s` : count(lists[kind].items.length, one)));
  return html`<p>Removed here:</p><ul class="plain">
    <li>the links of ${links.every(Boolean) ? links.join(', ') : 'its customers, products and invoices'}</li>
    <li>its settings, the mapping of product groups, the stored secret and the sign-in</li>
    <li>its history${status ? `, with ${count(status.open_errors, 'open error')}` : ' and errors'}</li>
    ${status?.waiting + status?.retrying > 0 && html`<li>${count(status.waiting + status.retrying, 'change')} that ${status.waiting + status.retrying === 1 ? 'waits' : 'wait'} to be sent</li>`}</ul>
    <p>Kept: every record in Halo and in Business Central.</p>`;
}

const MOST = 500;
const LINKED = [['customers', 'customer'], ['products', 'product'], ['invoices', 'invoice']];
