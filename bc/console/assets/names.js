/** What a record is called. */
import { ENTITY, capital, sentence } from './words.js';

/** A record's kind and name as text: "Invoice 81 (1081)". A name mostly ends in the id already. */
export function recordName(outcome) {
  const { kind, name, id } = nameParts(outcome);
  return [kind, name, name && id ? `(${id})` : id].filter(Boolean).join(' ');
}

/** Its kind, its name without the id, and its id. */
export function nameParts({ entity, halo_id: id, record_name: name = '', record_kind: kind = '' }) {
  if (!ENTITY[entity]) return { kind: sentence(entity), name, id: '' };
  const own = name.endsWith(`(${id})`) ? name.slice(0, -id.length - 2).trim() : name;
  return { kind: capital(kind || ENTITY[entity].one), name: own === id ? '' : own, id };
}
