/** Words for states and codes: one noun, one verb, one shape for each, everywhere. */

/** Tones: done, work, warn, bad, skip. A word and a shape always stand beside the colour. */
export const OUTCOME = {
  synced: { word: 'Synced', tone: 'done' },
  unchanged: { word: 'Unchanged', tone: 'skip' },
  skipped: { word: 'Skipped', tone: 'skip' },
  failed: { word: 'Failed', tone: 'bad' },
  retrying: { word: 'Trying again', tone: 'work' },
};
export const ACTION = {
  created: 'created in Business Central',
  updated: 'updated in Business Central',
  deleted: 'deleted in Business Central',
  adopted: 'linked to the record that Business Central already had',
  posted: 'posted in Business Central',
  unlinked: 'unlinked; Business Central keeps its record',
  none: '',
};
export const ERROR_STATE = {
  open: { word: 'Open', tone: 'bad' },
  retrying: { word: 'Trying again', tone: 'work' },
  resolved: { word: 'Solved', tone: 'done' },
  dismissed: { word: 'Dismissed', tone: 'skip' },
};
export const JOB = {
  queued: { word: 'Waiting to start', tone: 'work' },
  running: { word: 'Running', tone: 'work' },
  succeeded: { word: 'Finished', tone: 'done' },
  failed: { word: 'Stopped by an error', tone: 'bad' },
  cancelled: { word: 'Cancelled', tone: 'skip' },
};
export const MATCH = {
  linked: { word: 'Linked', tone: 'done' },
  matched: { word: 'Match found', tone: 'work', icon: 'link' },
  ambiguous: { word: 'Several matches', tone: 'warn' },
  new: { word: 'New', tone: 'skip', icon: 'plus' },
};
export const MATCHED_BY = {
  number: 'same number',
  tax_number: 'same tax number',
  email: 'same e-mail address',
  name: 'same name',
};
/** What is imported, in the order in which they build on each other: its title, its noun, and what an import of it does. */
export const IMPORT = {
  accounts: { title: 'Account codes', one: 'account code', many: 'account codes', about: 'Business Central’s accounts become the account codes that Halo offers. Import them before the products.' },
  countries: { title: 'Country codes', one: 'country code', many: 'country codes', about: 'Business Central’s countries become the country codes that Halo offers. Import them before the customers.' },
  item_categories: { title: 'Item categories', one: 'item category', many: 'item categories', about: 'Each item category becomes a product group of Halo, or is mapped to one that Halo has. Import them before the products.' },
  customers: { title: 'Customers', one: 'customer', many: 'customers', about: 'Business Central’s customers become Halo’s, with address, e-mail and accounts id. One that Halo has already is linked, not created again.' },
  products: { title: 'Products', one: 'product', many: 'products', about: 'Business Central’s items become Halo’s, with price, cost, accounts and group. One that Halo has already is linked, not created again.' },
};
const IMPORT_COUNTS = [
  ['created', 'created in Halo'],
  ['updated', 'linked or updated'],
  ['unchanged', 'unchanged'],
  ['skipped', 'skipped'],
  ['failed', 'failed'],
];
const TAX_COUNTS = [
  ['updated', 'changed in Halo'],
  ['unchanged', 'unchanged'],
  ['skipped', 'left as they are'],
  ['failed', 'failed'],
];
/** Jobs in words: while they run, when they ended, and what their counts mean. */
export const JOB_KIND = {
  ...Object.fromEntries(Object.entries(IMPORT).map(([kind, { many }]) => [kind, {
    noun: 'the import', running: `Importing ${many} …`, ended: `Import of ${many}`, counts: IMPORT_COUNTS,
  }])),
  zero_tax: { noun: 'setting the taxes to zero', running: 'Setting the taxes to zero …', ended: 'Taxes set to zero', counts: TAX_COUNTS },
  restore_tax: { noun: 'restoring the taxes', running: 'Putting the old taxes back …', ended: 'Old taxes put back', counts: TAX_COUNTS },
  takeover: {
    noun: 'the take-over', running: 'Taking over the links …', ended: 'Links taken over',
    counts: [['created', 'taken over'], ['updated', 'updated'], ['unchanged', 'linked already'], ['skipped', 'skipped'], ['failed', 'failed']],
  },
  halo_sweep: {
    noun: 'the look for changes', running: 'Looking for changes in Halo …', ended: 'Looked for changes in Halo',
    counts: [['updated', 'queued'], ['unchanged', 'unchanged'], ['failed', 'failed']],
  },
  resync: {
    noun: 'the sending', running: 'Queuing the records …', ended: 'Records queued',
    counts: [['done', 'queued'], ['failed', 'failed']],
  },
  other: { noun: 'the job', running: 'Running …', ended: 'Job', counts: IMPORT_COUNTS },
};
export const ENTITY = {
  customer: { one: 'customer', many: 'customers', halo: 'client' },
  product: { one: 'product', many: 'products', halo: 'item' },
  invoice: { one: 'invoice', many: 'invoices', halo: 'invoice' },
};

/** A cause in one line, for a group of errors. The rows carry their own sentences. */
const CAUSES = {
  company_gone: 'The company is gone from Business Central',
  doubled_in_bc: 'An invoice stands twice in Business Central',
  ambiguous_match: 'More than one record in Business Central could be meant',
  bad_message: 'A message on the queue could not be understood',
  bc_rejected: 'Business Central refused the record',
  credit_note_not_supported: 'Credit notes are switched off',
  credit_note_not_applied: 'The credit memo is not applied to an invoice',
  document_kind_changed: 'It is another kind of document in Halo now',
  currency_unknown: 'Business Central does not know the currency',
  customer_blocked: 'The customer is blocked in Business Central',
  customer_not_linked: 'The customer is not linked',
  field_too_long: 'A text is longer than Business Central takes',
  halo_refused_us: 'Halo refused the app',
  halo_rejected: 'Halo refused a value that was written back',
  invoice_posted: 'The invoice is posted in Business Central and needs a credit memo',
  item_blocked: 'The product is blocked in Business Central',
  mass_delete_held: 'Many invoices seem deleted at once; the deletes wait for you',
  needs_authorization: 'The sign-in to Business Central no longer works',
  no_accounts_id: 'The customer has no accounts id',
  no_connection: 'No connection takes the record',
  not_found_in_bc: 'The linked record is gone from Business Central',
  not_found_in_halo: 'Halo no longer has the record',
  posting_group_missing: 'A posting group is missing in Business Central',
  prices_include_tax: 'The customer’s prices include tax in Business Central',
  product_not_linked: 'A product on the invoice is not linked',
  product_of_other_company: 'A product belongs to another company',
};

/** The sentence of a code; an unknown code is shown by its own words. */
export function cause(code, fallback = '') {
  return CAUSES[code] || fallback || sentence(code);
}

/** `some_code` as "Some code". */
export function sentence(code) {
  const text = String(code || 'unknown').replaceAll('_', ' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Sentences one after another; Business Central's own often end without a full stop. */
export const joined = (...said) => said
  .map((each) => (each || '').trim())
  .filter(Boolean)
  .map((each) => (/[.!?]$/.test(each) ? each : `${each}.`))
  .join(' ');

export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A connection's state in a word and a shape, and what it means. */
export function connectionState(connection) {
  if (connection.paused && connection.status === 'ready') {
    return { word: 'Paused', tone: 'skip', meaning: 'Nothing is sent. Changes wait and are sent when you resume.' };
  }
  if (connection.status === 'ready' && !connection.settings?.sync_entities?.length) {
    return { word: 'Nothing syncs yet', tone: 'warn', meaning: 'Nothing is sent until you switch on what syncs.' };
  }
  if (connection.auth_mode === 'app' && APP_MODE[connection.status]) return { ...CONNECTION[connection.status], meaning: APP_MODE[connection.status] };
  return CONNECTION[connection.status] || { word: sentence(connection.status), tone: 'warn', meaning: '' };
}

/** Where its sign-in stands, whatever else it waits for. */
export function signInState(connection) {
  return ['authorized', 'ready'].includes(connection.status)
    ? { word: 'Signed in', tone: 'done' }
    : CONNECTION[connection.status] || connectionState(connection);
}

const CONNECTION = {
  new: { word: 'Not signed in', tone: 'warn', meaning: 'Authorize it with a Business Central user.' },
  authorized: { word: 'No company chosen', tone: 'warn', meaning: 'Choose its environment and company.' },
  ready: { word: 'Ready', tone: 'done', meaning: 'Changes in Halo are sent to Business Central.' },
  needs_authorization: {
    word: 'Sign-in needed',
    tone: 'bad',
    meaning: 'Business Central no longer accepts the sign-in. Changes wait until you authorize it again.',
  },
};
/** The same where the app signs in as itself: there is no user to ask. */
const APP_MODE = {
  new: 'Connect it: the app signs in as itself.',
  needs_authorization: 'Business Central no longer accepts the app’s sign-in. Changes wait until you connect it again.',
};
