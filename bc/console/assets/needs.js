/** What needs a person first. Pure: facts in, a list of needs out, the most urgent on top. */
import { recordName } from './names.js';
import { cause, joined } from './words.js';
import { count, day, daysUntil } from './when.js';
import { to } from './router.js';

const WARN_DAYS = 30;

/**
 * @param {{connections: any[], status?: any, errors: {groups: any[], items: any[]} | undefined, setup: any}} facts
 * @returns {{key: string, tone: string, title: string, detail: string, href: string, action: string, code?: string, retry?: string}[]}
 */
export function needs({ connections, status, errors, setup }) {
  const found = [
    ...settingsNeeds(setup),
    ...connections.flatMap(connectionNeeds),
    ...(status?.connections || []).flatMap(breakerNeed),
    ...sweepNeed(status?.halo),
    ...(errors?.groups || []).map((group) => errorNeed(group, errors?.items.find((row) => row.code === group.code))),
  ];
  return [...found.filter((need) => need.tone === 'bad'), ...found.filter((need) => need.tone !== 'bad')];
}

/** A cause with its count; a single record is named, with what was said of it. */
function errorNeed(group, row) {
  const said = cause(group.code);
  const one = group.count === 1 && row ? row : null;
  return {
    key: `error-${group.code}`,
    tone: 'bad',
    title: `${one ? recordName(one) : count(group.count, 'record')} failed: ${said.charAt(0).toLowerCase()}${said.slice(1)}`,
    detail: joined(one?.message, row?.cure),
    href: to('/errors', { code: group.code }),
    action: 'Show',
    code: group.code,
    retry: group.count === 1 ? 'Retry' : 'Retry all',
  };
}

function settingsNeeds(setup) {
  if (!setup) return [];
  const found = setup.settings
    .filter((setting) => !setting.ok)
    .map((setting) => ({
      key: `setting-${setting.name}`,
      tone: 'bad',
      title: `The app’s setting ${setting.name} needs a value`,
      detail: setting.detail,
      href: to('/setup', { step: 'settings' }),
      action: 'Open set-up',
    }));
  if (!setup.halo.connected && found.every((need) => !need.key.includes('HALO'))) {
    found.push({
      key: 'halo',
      tone: 'bad',
      title: 'Halo cannot be reached',
      detail: setup.halo.detail,
      href: to('/setup', { step: 'halo' }),
      action: 'Open set-up',
    });
  }
  return found;
}

function connectionNeeds(connection) {
  const href = to(`/connections/${connection.id}`);
  const found = [];
  if (connection.status === 'needs_authorization') {
    const last = connection.last_authorization;
    found.push({
      key: `sign-in-${connection.id}`,
      tone: 'bad',
      title: `${connection.name}: sign in to Business Central again`,
      detail: last && !last.ok ? joined(last.message, last.cure) : 'Changes wait until then; none is lost.',
      href,
      action: connection.auth_mode === 'app' ? 'Connect' : 'Authorize',
    });
  } else if (connection.status !== 'ready') {
    found.push({
      key: `unfinished-${connection.id}`,
      tone: 'warn',
      title: `${connection.name}: its set-up is not finished`,
      detail: connection.status !== 'new' ? 'Next: choose its environment and company.'
        : connection.auth_mode === 'app' ? 'Next: connect it.' : 'Next: authorize it.',
      href,
      action: 'Go on',
    });
  }
  const secret = secretNeed(connection, href);
  if (secret) found.push(secret);
  if (connection.paused) {
    found.push({
      key: `paused-${connection.id}`,
      tone: 'warn',
      title: `${connection.name} is paused`,
      detail: 'Changes wait and are sent when you resume.',
      href,
      action: 'Open',
    });
  }
  return found;
}

/** Business Central turned down one push after another, so the connection rests; it tries again by itself. */
function breakerNeed({ connection_id: id, name, state, breaker }) {
  if (!breaker || !['company_gone', 'breaker_open'].includes(state?.code)) return [];
  return [{
    key: `breaker-${id}`,
    tone: state.code === 'company_gone' ? 'bad' : 'warn',
    title: `${name} is held up`,
    detail: joined(breaker.message, breaker.cure),
    href: to(`/doctor/${id}`),
    action: 'Open the doctor',
  }];
}

function sweepNeed(halo) {
  const last = halo?.last_sweep;
  if (!last || typeof last !== 'object' || last.ok !== false) return [];
  return [{
    key: 'sweep',
    tone: 'warn',
    title: 'The last look for changes in Halo did not succeed',
    detail: last.detail || 'It is repeated by itself.',
    href: to('/halo'),
    action: 'Open',
  }];
}

function secretNeed(connection, href) {
  if (!connection.secret_expires_on) return null;
  const days = daysUntil(connection.secret_expires_on);
  if (days > WARN_DAYS) return null;
  const when = days < 0 ? 'has expired' : days === 0 ? 'expires today' : `expires in ${count(days, 'day')}`;
  return {
    key: `secret-${connection.id}`,
    tone: days <= 7 ? 'bad' : 'warn',
    title: `${connection.name}: the client secret ${when}`,
    detail: `Its last day is ${day(connection.secret_expires_on)}. Create a new one in Microsoft Entra and enter it.`,
    href: `${href}#secret`,
    action: 'Enter new',
  };
}
