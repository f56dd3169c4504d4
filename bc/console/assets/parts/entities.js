/** Switching on what syncs. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { ENTITY, capital } from '../words.js';
import { Tick } from './form.js';
import { Failure, useAction } from './ui.js';

const WORDS = {
  customer: 'A customer saved in Halo is created or updated in Business Central. One without an accounts id is skipped.',
  product: 'A product saved in Halo is created or updated in Business Central.',
  invoice: 'An invoice saved in Halo becomes a draft sales invoice; its tax comes back to each line. Invoices dated before today are left out.',
};

// Which connection a record goes to.
const DEFAULT = 'This is the default connection: it also takes the records that belong to no company yet.';
const OTHER = 'It takes the customers and products that an import or a link gave to this company, and their invoices. Records of no company go to the default connection.';

/** Each switch is saved at once; it shows what was wished until the app says what is. */
export function EntitiesForm({ connection }) {
  const { busy, error, run } = useAction();
  const [wished, setWished] = useState(null);
  useEffect(() => setWished(null), [connection.updated_at]);
  const on = wished || connection.settings.sync_entities;
  const turn = async (entity, wanted) => {
    const path = `/api/connections/${connection.id}`;
    const turned = (from) => Object.keys(ENTITY).filter((each) => (each === entity ? wanted : from.includes(each)));
    setWished(turned(on));
    const saved = await run(
      // The list is sent whole: what another window switched meanwhile stays as it is.
      async () => change('PATCH', path, { settings: { sync_entities: turned((await read(path)).data.settings.sync_entities) } }),
      wanted
        ? `${capital(ENTITY[entity].many)} sync from now on.`
        : `${capital(ENTITY[entity].many)} no longer sync. Nothing was removed anywhere.`,
    );
    if (!saved) setWished(null);
  };
  return html`<fieldset class="choices" aria-busy=${busy ? 'true' : 'false'}><legend class="unseen">What syncs</legend>
    ${Object.keys(ENTITY).map((entity) => html`<${Tick}
      key=${entity} label=${capital(ENTITY[entity].many)} halo=${ENTITY[entity].halo} hint=${WORDS[entity]}
      checked=${on.includes(entity)} onValue=${(wanted) => turn(entity, wanted)} />`)}
    <p class="soft">${connection.is_default ? DEFAULT : OTHER}</p>
    ${error && html`<${Failure} error=${error} retry=${null} />`}
  </fieldset>`;
}
