/** The console starts here: the session decides between sign-in and pages, the address chooses the page. */
import { html, render, useEffect, useState } from './vendor/preact-htm.js';
import { Problem, network, read, session } from './api.js';
import { useCell } from './cells.js';
import { fit, place } from './router.js';
import { Shell } from './parts/shell.js';
import { SignInPage } from './parts/sign_in.js';
import { Button, Failure, Page, Skeleton } from './parts/ui.js';
import { to } from './router.js';

// Each page is loaded when it is first opened.
/** @type {[string, () => Promise<{default: any}>][]} */
const PAGES = [
  ['/', () => import('./pages/home.js')],
  ['/setup', () => import('./pages/setup.js')],
  ['/connections', () => import('./pages/connections.js')],
  ['/connections/new', () => import('./pages/connection_new.js')],
  ['/connections/{id}', () => import('./pages/connection.js')],
  ['/import', () => import('./pages/import.js')],
  ['/import/{connection}', () => import('./pages/import.js')],
  ['/links', () => import('./pages/links.js')],
  ['/links/{connection}', () => import('./pages/links.js')],
  ['/halo', () => import('./pages/halo.js')],
  ['/doctor', () => import('./pages/doctor.js')],
  ['/doctor/{connection}', () => import('./pages/doctor.js')],
  ['/find', () => import('./pages/find.js')],
  ['/resync', () => import('./pages/resync.js')],
  ['/activity', () => import('./pages/activity.js')],
  ['/errors', () => import('./pages/errors.js')],
  ['/{entity}/{id}', () => import('./pages/record.js')],
];

function App() {
  const state = useCell(session);
  const { up } = useCell(network);
  const [admitted, setAdmitted] = useState(false);
  const [failure, setFailure] = useState(null);
  const ask = () => {
    setFailure(null);
    read('/api/connections').catch((error) => {
      if (!(error instanceof Problem) || error.status !== 401) setFailure(error);
    });
  };
  useEffect(ask, []);
  useEffect(() => {
    if (state === 'in') setAdmitted(true);
  }, [state]);
  // Once admitted the pages stay: an ended session is mended over them.
  if (admitted || state === 'in') return html`<${Shell}><${Current} /></${Shell}>`;
  if (state === 'out') return html`<${SignInPage} />`;
  if (failure) {
    return html`<main class="sign-in"><h1>The console cannot start</h1>
      <p>${failure.message}</p>
      ${up && html`<p><a href="/health">What the app says about its own health</a></p>`}
      <${Button} kind="main" onClick=${ask}>Try again</${Button}></main>`;
  }
  return html`<p class="boot">Loading the console …</p>`;
}

function Current() {
  const { path } = useCell(place);
  const [shown, setShown] = useState(null);
  useEffect(() => {
    let wanted = true;
    const found = find(path);
    if (!found) {
      setShown({ path, Content: NotFound, args: {} });
      return undefined;
    }
    found.load().then(
      (module) => wanted && setShown({ path, Content: module.default, args: found.args }),
      () => wanted && setShown({ path, Content: NotLoaded, args: {} }),
    );
    return () => {
      wanted = false;
    };
  }, [path]);
  if (!shown) return html`<${Skeleton} rows=${6} />`;
  return html`<${shown.Content} key=${shown.path} ...${shown.args} />`;
}

function find(path) {
  for (const [pattern, load] of PAGES) {
    const args = fit(pattern, path);
    if (args && (!args.entity || ['customer', 'product', 'invoice'].includes(args.entity))) return { load, args };
  }
  return null;
}

const NotFound = () => html`<${Page} title="There is no such page">
  <p>The address may be mistyped, or from an older version. <a href=${to('/')}>Go to Home</a></p>
</${Page}>`;

const NotLoaded = () => html`<${Page} title="This page could not be loaded">
  <${Failure} error=${new Error('The network was lost while the page loaded.')} retry=${() => location.reload()} />
</${Page}>`;

render(html`<${App} />`, replaced(document.getElementById('app')));

function replaced(root) {
  root.replaceChildren();
  return root;
}
