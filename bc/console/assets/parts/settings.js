/** A connection's settings in plain words, Halo's names beside them. Only what was changed is sent. */
import { html, useRef, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { lineNumbers } from '../line_numbers.js';
import { number } from '../when.js';
import { SelectField, TextField, Tick, focusFirstError, useDraft } from './form.js';
import { BcPicker, HaloPicker } from './links_records.js';
import { Button, Failure, useAction } from './ui.js';

const POLICIES = [
  ['create_and_update', 'Create new ones and update linked ones'],
  ['create_only', 'Only create new ones'],
  ['update_only', 'Only update linked ones'],
];
const EXAMPLE = ['Service', 'Service', 'Inventory', 'Inventory', 'Service'];

// kind: 'text' (null when empty), 'pairs' (an object, as “a = b, c = d”), 'item' and 'group' (texts that can be picked), 'whole', 'tick', 'date', or a list of [value, words].
/** @type {[string, [name: string, label: string, kind: string | string[][], hint: string][]][]} */
const GROUPS = [
  ['Invoices', [
    ['sync_invoices_from', 'Only invoices dated from', 'date', 'Earlier ones are skipped, so that nobody books last year again.'],
    ['post_invoices', 'Post invoices in Business Central', 'tick',
      'Once an invoice is posted in Halo and both net totals agree to the cent. Posting cannot be undone: a posted invoice is corrected with a credit memo. Credit notes stay drafts.'],
    ['default_invoice_item', 'Default product', 'item',
      'The number of a Business Central item. It stands in for a product that is not linked; the outcome says so.'],
    ['payment_terms', 'Payment terms', 'pairs',
      'Halo’s number and Business Central’s code, such as 14 = 14 DAYS, 30 = 30 DAYS: for invoices, credit memos and customers. Others keep the terms they have there. The due date is always Halo’s.'],
    ['sync_credit_notes', 'Send credit notes, as credit memos', 'tick', ''],
    ['sync_inv_groups', 'Send group headers as comment lines', 'tick', ''],
    ['group_increment', 'Step when the type of line changes', 'whole', 'Larger steps leave room for lines that are unpacked in Business Central.'],
    ['line_increment', 'Step between lines of one type', 'whole', ''],
    ['use_advanced_cost_endpoint', 'Send costs through the extension', 'tick',
      'The cost of each line, where the extension “Halo Line Costs” is installed in Business Central. Where it is not, invoices go without, and the outcome says so.'],
  ]],
  ['Customers', [
    ['customer_policy', 'Customers', POLICIES, ''],
    ['accounts_id_pattern.customer', 'Accounts ids for new customers', 'text',
      'A pattern such as C{seq:05} for customers that have none. Empty: Halo’s own numbering, where it is on.'],
    ['client_top_level', 'Top level for imported customers', 'text', 'The id of a Halo top level. New customers go there; those of another are left for you to match.'],
  ]],
  ['Products', [
    ['product_policy', 'Products', POLICIES, ''],
    ['accounts_id_pattern.product', 'Accounts ids for new products', 'text', 'A pattern such as P{seq:05}. Empty: Halo’s own numbering, where it is on.'],
    ['item_default_group', 'Group for imported products', 'group', 'The id of a Halo product group, for item categories that are not mapped.'],
    ['default_sales_account', 'Default sales account', 'text', 'An account number in Business Central.'],
    ['default_purchase_account', 'Default purchase account', 'text', 'An account number in Business Central.'],
  ]],
  ['How it behaves', [
    ['match_before_create', 'Look for a match before creating', 'tick', 'By number, e-mail and name: keeps records from being created twice.'],
    ['conflict_policy', 'When both systems changed a record', [['halo_wins', 'Halo’s values win'], ['ask', 'Ask: it becomes an error']], ''],
    ['show_message', 'Show a message in Halo', 'tick',
      'One line in the internal note of each invoice: its number in Business Central, or why it was not synced. What people wrote there stays.'],
    ['allow_native_sync', 'Sync although Halo’s own integration is on', 'tick',
      'Both would then write to the same records. Leave it off unless Halo’s integration syncs other kinds.'],
  ]],
  ['Halo conventions', [
    ['halo_conventions.time_zone', 'Time zone of Halo’s dates', 'text', 'Such as Europe/London. Empty, like all of these: found out by itself.'],
    ['halo_conventions.charge_rate_code_field', 'Where a charge rate keeps its code', 'text', 'A column of Halo’s charge types, such as value5.'],
    ['halo_conventions.accounts_lookup_id', 'List of the account codes', 'text', 'The id of Halo’s lookup list.'],
    ['halo_conventions.countries_lookup_id', 'List of the country codes', 'text', 'The id of Halo’s lookup list.'],
    ['halo_conventions.country_code_form', 'What a site holds as its country', [['', 'Found out by itself'], ['id', 'The id in the list'], ['code', 'The code']], ''],
  ]],
];
const KINDS = Object.fromEntries(GROUPS.flatMap(([, fields]) => fields.map(([name, , kind]) => [name, kind])));

export function SettingsForm({ connection }) {
  const [draft, keep, forget] = useDraft(`settings:${connection.id}`, { changes: {}, before: {} });
  const { changes, before } = draft;
  const { busy, error, run } = useAction();
  const form = useRef(null);
  /** @type {Record<string, any>} */
  const now = { ...shown(connection.settings), ...changes };
  const changed = Object.keys(changes).filter((name) => changes[name] !== shown(connection.settings)[name]);
  const wrong = Object.fromEntries(Object.entries(error?.fields || {}).map(([name, words]) => [name.replace(/^settings\./, ''), words]));
  /** `before`: what stood there when it was first changed, so that another window's change is noticed. */
  const set = (name, value) => keep((held) => ({
    changes: { ...held.changes, [name]: value },
    before: { ...held.before, [name]: held.before[name] ?? shown(connection.settings)[name] },
  }));
  const meanwhile = (name) => (changed.includes(name) && before[name] !== shown(connection.settings)[name] ? worded(shown(connection.settings)[name]) : '');
  const submit = async (event) => {
    event.preventDefault();
    if (busy || !changed.length) return;
    const path = `/api/connections/${connection.id}`;
    const saved = await run(async () => {
      const newest = (await read(path)).data.settings;  // a group of settings is sent whole
      return change('PATCH', path, { settings: merged(changed.map((name) => [name, sent(name, changes[name])]), newest) });
    }, 'The settings are saved.');
    if (saved) forget();
    else focusFirstError(form.current);
  };
  return html`<form ref=${form} class="form settings" onSubmit=${submit} novalidate>
    ${GROUPS.map(([title, fields]) => html`<fieldset key=${title}><legend>${title}</legend>
      ${fields.map((field) => html`<${Setting}
        key=${field[0]} field=${field} value=${now[field[0]]} error=${wrong[field[0]] || ''} meanwhile=${meanwhile(field[0])} set=${set} connection=${connection}
        below=${field[0] === 'line_increment' && html`<${Numbers} group=${now.group_increment} line=${now.line_increment} />`} />`)}
    </fieldset>`)}
    ${error && !Object.keys(wrong).length && html`<${Failure} error=${error} retry=${null} />`}
    <p class="actions save ${changed.length ? 'unsaved' : ''}"><${Button} type="submit" kind=${changed.length ? 'main' : ''} off=${!changed.length} busy=${busy}>Save settings</${Button}>
      ${changed.length > 0 && html`<${Button} kind="quiet" onClick=${forget}>Undo changes</${Button}>`}
      <span class="soft" role="status">${changed.length ? `${number(changed.length)} not saved yet` : ''}</span></p>
  </form>`;
}

const worded = (value) => (value === true ? 'on' : value === false ? 'off' : `“${value}”`);

function Setting({ meanwhile, ...rest }) {
  return html`<${Value} ...${rest} />${meanwhile && html`<p class="cure tone-text-warn" role="status">Somebody has set it to ${meanwhile} meanwhile. Saving replaces that.</p>`}`;
}

function Value({ field: [name, label, kind, hint], value, error, set, connection, below }) {
  const common = { label, halo: name, hint, error, onValue: (next) => set(name, next) };
  if (kind === 'tick') return html`<${Tick} ...${common} checked=${value} />`;
  if (Array.isArray(kind)) return html`<${SelectField} ...${common} value=${value} options=${kind} />`;
  const whole = kind === 'whole';
  const field = html`<${TextField} ...${common} value=${value} type=${kind === 'date' ? 'date' : 'text'} optional=${!whole}
    control=${{ autocomplete: 'off', inputmode: whole ? 'numeric' : null, class: whole ? 'input short' : 'input' }} />`;
  if (PICKED[kind]) return html`<${Picked} kind=${kind} label=${label} connection=${connection} field=${field} onPick=${(next) => set(name, next)} />`;
  return html`${field}${below}`;
}

const PICKED = {
  item: { Choose: BcPicker, kind: 'products', value: (item) => item.number },
  group: { Choose: HaloPicker, kind: 'item_categories', value: (group) => group.halo_id },
};

/** A text field with a way to choose its value from the other system. */
function Picked({ kind, label, connection, field, onPick }) {
  const [open, setOpen] = useState(false);
  const { Choose, kind: listed, value } = PICKED[kind];
  return html`<div class="picked-field">${field}<${Button} onClick=${() => setOpen(true)} aria-label="Choose: ${label}">Choose …</${Button}>
    ${open && html`<${Choose} connection=${connection} kind=${listed} title=${label} onClose=${() => setOpen(false)} onPick=${(item) => onPick(value(item))} />`}</div>`;
}

/** What the two steps make of an example, while they are typed. */
function Numbers({ group, line }) {
  const steps = [Number(group), Number(line)];
  const fine = steps.every((step) => Number.isInteger(step) && step > 0);
  const numbers = fine ? lineNumbers(EXAMPLE, steps[0], steps[1]) : [];
  return html`<div class="numbers" role="group" aria-label="Example of line numbers"><p class="soft">An invoice of five lines is numbered:</p>
    <ol>${EXAMPLE.map((kind, position) => html`<li key=${position}><span class="number">${fine ? numbers[position] : '–'}</span>
      <span class="soft">${kind}</span></li>`)}</ol></div>`;
}

/**
 * Settings as the form holds them: texts and ticks.
 * @returns {Record<string, any>}
 */
function shown(settings) {
  return Object.fromEntries(Object.keys(KINDS).map((name) => [
    name,
    KINDS[name] === 'tick' ? Boolean(held(settings, name))
      : KINDS[name] === 'pairs' ? Object.entries(held(settings, name) || {}).map((pair) => pair.join(' = ')).join(', ')
        : String(held(settings, name) ?? ''),
  ]));
}

/** A setting by its name; a dot leads into a group of settings. */
const held = (settings, name) => name.split('.').reduce((part, key) => part?.[key], settings);

/** The changes as the API takes them: a group is sent whole. */
function merged(pairs, settings) {
  const wanted = {};
  for (const [name, value] of pairs) {
    const [group, member] = name.split('.');
    if (member) wanted[group] = { ...settings[group], ...wanted[group], [member]: value };
    else wanted[group] = value;
  }
  return wanted;
}

function sent(name, value) {
  const kind = KINDS[name];
  if (kind === 'whole') return /^[0-9]{1,9}$/.test(value.trim()) ? Number(value) : value;
  if (Array.isArray(kind)) return value || null;
  if (kind === 'pairs') {
    const pairs = value.split(',').map((pair) => pair.trim()).filter(Boolean);
    return Object.fromEntries(pairs.map((pair) => pair.split('=').map((part) => part.trim())));
  }
  if (['text', 'date', 'item', 'group'].includes(kind)) return value.trim() || null;
  return value;
}
