/** Creating a connection: what the app registration shows, checked before it is stored. */
import { html, useRef } from '../vendor/preact-htm.js';
import { change } from '../api.js';
import { go, to } from '../router.js';
import { SelectField, TextField, focusFirstError, useDraft } from '../parts/form.js';
import { Button, Failure, LinkButton, Page, say, useAction } from '../parts/ui.js';

const BLANK = { name: '', tenant_id: '', client_id: '', client_secret: '', secret_expires_on: '', auth_mode: 'delegated' };

export default function NewConnection() {
  const [draft, set, forget] = useDraft('connection', BLANK, ['client_secret']);
  const { busy, error, run } = useAction();
  const form = useRef(null);
  const wrong = error?.fields || {};
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    const wanted = Object.fromEntries(Object.entries(draft).filter(([name, value]) => value || name !== 'secret_expires_on'));
    const created = await run(() => change('POST', '/api/connections', wanted));
    if (!created) {
      focusFirstError(form.current);
      return;
    }
    forget();
    go(to(`/connections/${created.id}`));
    say(`“${created.name}” is created. Next: authorize it.`);
  };
  const text = (name, label, more = {}) => html`<${TextField}
    label=${label} value=${draft[name]} onValue=${(value) => set({ [name]: value })} error=${wrong[name] || ''} ...${more} />`;
  const lead = html`The ids and the secret are those of the app registration in Microsoft Entra:${' '}
    <a href=${to('/setup', { step: 'registration' })}>how to make one, step by step</a>.`;
  return html`<${Page} title="New connection" lead=${lead}>
    <form ref=${form} class="form" onSubmit=${submit} novalidate autocomplete="off">
      ${error && !Object.keys(wrong).length && html`<${Failure} error=${error} retry=${null} />`}
      ${Object.keys(wrong).length > 0 && html`<p class="field-error" role="alert">Nothing was stored yet: see the marked fields.</p>`}
      ${text('name', 'Name', { hint: 'For people, such as the company’s name.' })}
      ${text('tenant_id', 'Directory (tenant) ID', { control: { dir: 'ltr' } })}
      ${text('client_id', 'Application (client) ID', { control: { dir: 'ltr' } })}
      ${text('client_secret', 'Client secret', {
        type: 'password',
        hint: 'Its value, not the Secret ID. It is stored encrypted and never shown again.',
        control: { autocomplete: 'new-password', dir: 'ltr' },
      })}
      ${text('secret_expires_on', 'Secret expires on', {
        type: 'date',
        optional: true,
        hint: 'With it the console warns in good time.',
      })}
      <${SelectField}
        label="How it signs in" value=${draft.auth_mode} onValue=${(value) => set({ auth_mode: value })} error=${wrong.auth_mode || ''}
        hint="App mode needs application permissions and an entry in Business Central; it depends on nobody’s password."
        options=${[['delegated', 'As a Business Central user'], ['app', 'As the app itself (app mode)']]} />
      <p class="actions"><${Button} type="submit" kind="main" busy=${busy}>${busy ? 'Creating …' : 'Create connection'}</${Button}>
        <${LinkButton} kind="quiet" href=${to('/connections')}>Cancel</${LinkButton}></p>
    </form>
  </${Page}>`;
}
