/** Signing in with the admin key. */
import { html, useRef, useState } from '../vendor/preact-htm.js';
import { signIn } from '../api.js';
import { TextField } from './form.js';
import { Button } from './ui.js';

/** The form; on success `session` turns to 'in' and whatever waits behind it goes on. */
export function SignInForm() {
  const [key, setKey] = useState('');
  const [state, setState] = useState({ busy: false, error: '' });
  const form = useRef(null);
  const submit = async (event) => {
    event.preventDefault();
    if (state.busy) return;
    if (!key.trim()) {
      fail('Enter the admin key.');
      return;
    }
    setState({ busy: true, error: '' });
    try {
      await signIn(key.trim());
    } catch (error) {
      fail(error.message);
    }
  };
  const fail = (message) => {
    setState({ busy: false, error: message });
    form.current?.querySelector('input')?.focus();
  };
  return html`<form ref=${form} onSubmit=${submit} novalidate>
    <${TextField}
      label="Admin key" type="password" value=${key} onValue=${setKey} error=${state.error}
      hint="It is the value of the app’s setting ADMIN_KEY."
      control=${{ autocomplete: 'current-password', name: 'key', autofocus: true, dir: 'ltr' }}
    />
    <${Button} type="submit" kind="main" busy=${state.busy}>${state.busy ? 'Signing in …' : 'Sign in'}</${Button}>
    <p class="unseen" role="alert">${state.error}</p>
  </form>`;
}

/** The whole page for a visitor without a session. The address stays, so that signing in leads to it. */
export function SignInPage() {
  return html`<main class="sign-in">
    <span class="brand-mark" aria-hidden="true"></span>
    <h1>Sign in</h1>
    <p>This console connects Halo with Business Central.</p>
    <${SignInForm} />
    <details>
      <summary>Where do I find the admin key?</summary>
      <p>In the Azure portal, open the Function App, then <b>Settings</b>, <b>Environment variables</b>, and show the
        value of <code>ADMIN_KEY</code>. On your own machine it is in <code>local.settings.json</code>;
        <code>make run</code> makes one up for the sandbox and prints it where you started it.</p>
    </details>
  </main>`;
}
