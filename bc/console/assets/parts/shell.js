/** What stands around every page: navigation, the state of the network, the status line, sign-in when it is due. */
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { network, session, signOut } from '../api.js';
import { useCell } from '../cells.js';
import { OPEN_ERRORS, refresh, useLive } from '../live.js';
import { place, to } from '../router.js';
import { hour, number } from '../when.js';
import { SignInForm } from './sign_in.js';
import { Icon } from './icons.js';
import { Find } from './find.js';
import { Button, said } from './ui.js';

const PLACES = [
  ['/', 'Home'],
  ['/activity', 'Activity'],
  ['/errors', 'Errors'],
  ['/import', 'Import'],
  ['/links', 'Links'],
  ['/find', 'Explain'],
  ['/doctor', 'Doctor'],
  ['/connections', 'Connections'],
  ['/halo', 'Halo'],
  ['/setup', 'Set-up'],
];

export function Shell({ children }) {
  const { path } = useCell(place);
  const [open, setOpen] = useState(false);
  const errors = useLive(OPEN_ERRORS, 15);
  const failed = (errors.data?.groups || []).reduce((sum, group) => sum + group.count, 0);
  useEffect(() => setOpen(false), [path]);
  return html`
    <a class="skip-link" href="#main">Skip to the content</a>
    <div class="frame">
      <header class="side">
        <div class="side-top">
          <a class="brand" href=${to('/')}><span class="brand-mark" aria-hidden="true"></span><span>Halo <span
            aria-hidden="true">→</span><span class="unseen"> to </span> Business Central</span></a>
          <button
            type="button" class="button menu-button" aria-expanded=${open ? 'true' : 'false'} aria-controls="nav"
            onClick=${() => setOpen(!open)}
          ><${Icon} name="menu" />Menu</button>
        </div>
        <nav id="nav" class=${open ? 'open' : ''} aria-label="Console">
          <ul>
            ${PLACES.map(([each, words]) => html`<li key=${each}>
              <a href=${to(each)} aria-current=${isHere(each, path) ? 'page' : null}>${words}${each === '/errors' && failed > 0
                && html`<span class="badge">${number(failed)}<span class="unseen"> open</span></span>`}</a>
            </li>`)}
          </ul>
          <button type="button" class="button quiet sign-out" onClick=${() => signOut().then(leave, leave)}>Sign out</button>
        </nav>
      </header>
      <div class="body">
        <${Find} />
        <${Lost} />
        <main id="main">${children}</main>
      </div>
    </div>
    <${Said} />
    <${SessionEnded} />
  `;
}

function isHere(each, path) {
  const own = path === '/resync' ? '/activity' : path;
  return each === '/' ? own === '/' : own === each || own.startsWith(`${each}/`);
}

const leave = () => location.assign(to('/'));

/** The app does not answer: says since when, and that it keeps trying. */
function Lost() {
  const { up, lostAt } = useCell(network);
  return html`<div role="status" class="lost-place">${!up && html`
    <p class="lost tone-warn"><${Icon} name="warn" /><span>The app does not answer since ${hour(lostAt)}. What you see may be
      old; nothing you typed is lost. It is tried again by itself.</span>
      <${Button} kind="small" onClick=${refresh}>Try now</${Button}></p>`}
  </div>`;
}

/** The last thing done, in one line. */
function Said() {
  const last = useCell(said);
  const { path } = useCell(place);
  useEffect(() => said.set(null), [path]);
  useEffect(() => {
    if (!last || last.tone !== 'done') return undefined;
    const timer = setTimeout(() => said.set(null), last.action ? 20_000 : 8000);
    return () => clearTimeout(timer);
  }, [last]);
  return html`<div class="said" role="status">${last && html`
    <p class="tone-${last.tone}"><${Icon} name=${last.tone} /><span>${last.text}</span>
      ${last.action && html`<${Button} kind="small" onClick=${() => {
        said.set(null);
        last.action.act();
      }}>${last.action.words}</${Button}>`}
      <button type="button" class="button quiet small" aria-label="Close this message" onClick=${() => said.set(null)}
      ><${Icon} name="close" /></button></p>`}
  </div>`;
}

/** The session ran out under an open page: sign in over it, so that the page keeps what it holds. */
function SessionEnded() {
  const state = useCell(session);
  const dialog = useRef(null);
  useEffect(() => {
    if (state === 'out' && !dialog.current.open) dialog.current.showModal();
    if (state === 'in' && dialog.current.open) dialog.current.close();
  }, [state]);
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="session-title" onCancel=${(event) => event.preventDefault()}>
    ${state === 'out' && html`
      <h2 id="session-title">Your session has ended</h2>
      <p>Sign in again to go on. This page stays as it is.</p>
      <${SignInForm} />`}
  </dialog>`;
}
