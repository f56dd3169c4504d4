/** Times and numbers as the viewer reads them: their zone, their locale. Pure, but for the clock and the locale. */
/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });
const whole = new Intl.NumberFormat();
const amount = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 5 });
const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const daily = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });

/** "5 minutes ago", "in 3 days", "just now". */
export function ago(time, now = new Date()) {
  const seconds = (new Date(time).getTime() - now.getTime()) / 1000;
  const unit = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return unit ? relative.format(Math.trunc(seconds / unit[1]), unit[0]) : 'just now';
}

/** The absolute time with its zone. */
export const exact = (time) => exactly.format(new Date(time));

/** Hours and minutes. */
export const hour = (time) => clock.format(new Date(time));

/** A calendar day such as `2026-01-31`, which has no zone. */
export const day = (date) => daily.format(new Date(`${date}T00:00:00Z`));

/** A number with the locale's separators. */
export const number = (value) => whole.format(value);

/** An amount of money without its currency: at least two digits after the point. */
export const money = (value) => amount.format(value);

/** "1 customer", "1,204 customers". */
export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** Whole days from today until a calendar day; negative = past. */
export function daysUntil(date, now = new Date()) {
  const today = Date.UTC(now.getFullYear(), now.getMonth(), now.getDate());
  return Math.round((Date.parse(`${date}T00:00:00Z`) - today) / 86_400_000);
}
