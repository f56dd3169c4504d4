/** The set-up checklist as data. Pure: what is known goes in, steps with state and reason come out. */
import { recordName } from './names.js';
import { count } from './when.js';

/**
 * States: 'done', 'now' (the one to do next), 'problem' (something is wrong), 'later' (waits for another step).
 * @param {{setup: any, connection: any, standard?: any, linked: boolean | null, imported: string[], invoice: any, lastEvent: string | null, webhookTicked: boolean}} facts
 * @returns {{id: string, title: string, state: string, reason: string}[]}
 */
export function checklist(facts) {
  const steps = STEPS.map(([id, title, look]) => ({ id, title, ...look(facts) }));
  const next = steps.find((step) => step.state === 'todo');
  return steps.map((step) => ({
    ...step,
    state: step.state !== 'todo' ? step.state : step === next ? 'now' : 'later',
  }));
}

const done = (reason) => ({ state: 'done', reason });
const todo = (reason) => ({ state: 'todo', reason });
const problem = (reason) => ({ state: 'problem', reason });

/** @type {[string, string, (facts: any) => {state: string, reason: string}][]} */
const STEPS = [
  ['settings', 'Settings of the app', settings],
  ['halo', 'Halo', halo],
  ['registration', 'App registration in Microsoft Entra', registration],
  ['connection', 'Connection', created],
  ['authorize', 'Sign-in to Business Central', authorized],
  ['company', 'Environment and company', company],
  ['default', 'Default connection', standard],
  ['entities', 'What to sync', entities],
  ['import', 'Import from Business Central', imported],
  ['webhook', 'Webhooks in Halo', webhook],
  ['invoice', 'The first invoice', invoice],
];

function settings({ setup }) {
  const wrong = setup.settings.filter((setting) => !setting.ok);
  return wrong.length
    ? problem(`${wrong.map((setting) => setting.name).join(', ')}: see what is missing.`)
    : done('Every setting is usable.');
}

function halo({ setup }) {
  if (!setup.halo.connected) return problem(setup.halo.detail);
  const off = setup.halo.accounts_module === false ? ' Its account-code module is off, so account codes cannot be imported.' : '';
  return done(`${setup.halo.url} answers.${off}`);
}

function registration({ connection }) {
  return connection
    ? done('A client id was entered.')
    : todo('An app registration lets this app sign in to your tenant.');
}

function created({ connection }) {
  return connection ? done(`“${connection.name}” exists.`) : todo('Enter what the app registration shows.');
}

function authorized({ connection }) {
  if (!connection) return todo('Needs a connection first.');
  const last = connection.last_authorization;
  if (['authorized', 'ready'].includes(connection.status)) {
    return done(connection.auth_mode === 'delegated' && connection.authorized_by ? `Signed in as ${connection.authorized_by}.` : 'The app is signed in.');
  }
  if (last && !last.ok) return problem(`${last.message} ${last.cure}`);
  return todo(connection.auth_mode === 'app' ? 'The app signs in as itself; nobody is asked.' : 'Microsoft asks for a Business Central user and leads back here.');
}

function company({ connection }) {
  if (!connection?.company_id) return todo('Chosen once; it cannot be changed later.');
  return done(`${connection.company_name} (${connection.environment_name}).`);
}

function standard({ connection, standard: chosen = connection?.is_default ? connection : null }) {
  return chosen
    ? done(`Records without a company go to “${chosen.name}”.`)
    : todo('New customers and products without a company go to the default connection.');
}

function entities({ connection }) {
  const on = connection?.settings.sync_entities || [];
  return on.length ? done(`On: ${on.map((entity) => `${entity}s`).join(', ')}.`) : todo('Everything is off until you switch it on.');
}

function imported({ linked, imported: kinds = [] }) {
  if (linked) return done(`Customers or products are linked${kinds.length ? `; imported: ${kinds.join(', ')}` : ''}.`);
  return todo('Links what both systems have already, so that nothing is created twice.');
}

function webhook({ invoice: sent, lastEvent, webhookTicked }) {
  if (lastEvent) return done('Halo calls this app. Changes that no webhook reports are found by the regular look.');
  if (webhookTicked) return done('You marked them as entered. Halo has not called yet: save a record there to try it.');
  if (sent) return todo('Records arrive. With webhooks they arrive at once instead of at the next look.');
  return todo('Halo tells the app what changed. Without it the app looks every few minutes.');
}

function invoice({ invoice: sent }) {
  return sent
    ? done(`${recordName(sent)} stands in Business Central${sent.bc_number ? ` as ${sent.bc_number}` : ''}.`)
    : todo('Save an invoice in Halo, or send one by its id.');
}

/** "4 of 11 done". */
export function progress(steps) {
  const finished = steps.filter((step) => step.state === 'done').length;
  return { finished, total: steps.length, words: `${finished} of ${count(steps.length, 'step')} done` };
}
