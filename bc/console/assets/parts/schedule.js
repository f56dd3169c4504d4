/** How often each kind is imported by itself: only what changed in Business Central since the last time. */
import { html, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { IMPORT } from '../words.js';
import { SelectField } from './form.js';
import { Button, Failure, useAction } from './ui.js';

const TIMES = [['', 'Never'], ['15', 'Every 15 minutes'], ['60', 'Every hour'], ['240', 'Every 4 hours'], ['1440', 'Every day']];

export function Schedule({ connection }) {
  const [changes, setChanges] = useState({});
  const { busy, error, run } = useAction();
  const held = connection.settings.delta_imports;
  const now = (kind) => changes[kind] ?? (held[kind] ? String(held[kind]) : '');
  const changed = Object.keys(changes).filter((kind) => changes[kind] !== (held[kind] ? String(held[kind]) : ''));
  const save = async (event) => {
    event.preventDefault();
    if (busy || !changed.length) return;
    const wanted = Object.fromEntries(changed.map((kind) => [kind, changes[kind] ? Number(changes[kind]) : null]));
    const path = `/api/connections/${connection.id}`;
    const saved = await run(async () => {
      const { delta_imports: newest } = (await read(path)).data.settings;  // another window may have saved since
      return change('PATCH', path, { settings: { delta_imports: { ...newest, ...wanted } } });
    }, 'The schedule is saved.');
    if (saved) setChanges({});
  };
  return html`<form class="form settings" onSubmit=${save} novalidate>
    <p>Brings what changed in Business Central since the last time. Linked records are refreshed; new ones are created in Halo, unless several of Halo’s could be meant.</p>
    ${Object.entries(IMPORT).map(([kind, { title }]) => {
      const value = now(kind);
      const options = TIMES.some(([each]) => each === value) ? TIMES : [...TIMES, [value, `Every ${value} minutes`]];
      return html`<${SelectField} key=${kind} label=${title} halo=${`delta_imports.${kind}`} value=${value} options=${options}
        onValue=${(next) => setChanges((before) => ({ ...before, [kind]: next }))} error=${error?.fields?.[`settings.delta_imports.${kind}`] || ''} />`;
    })}
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    <p class="actions"><${Button} type="submit" kind=${changed.length ? 'main' : ''} off=${!changed.length} busy=${busy}>Save the schedule</${Button}>
      ${changed.length > 0 && html`<${Button} kind="quiet" onClick=${() => setChanges({})}>Undo changes</${Button}>`}</p>
  </form>`;
}
