/** Outcomes of each hour as a small chart: SVG whose every size is an attribute, with its numbers in words. */
import { html } from '../vendor/preact-htm.js';
import { count, hour, number } from '../when.js';

const HEIGHT = 44;
const STEP = 10;
const BAR = 8;
// From the ground up; what needs a person lies on top.
const LAYERS = ['synced', 'unchanged', 'skipped', 'failed'];
const WORDS = { synced: 'synced', unchanged: 'unchanged', skipped: 'skipped', failed: 'failed' };

/** @param {{hours: {at: string, synced?: number, unchanged?: number, skipped?: number, failed?: number}[]}} props */
export function HourChart({ hours }) {
  const sums = hours.map((each) => LAYERS.reduce((sum, name) => sum + (each[name] || 0), 0));
  const most = Math.max(1, ...sums);
  const total = sums.reduce((sum, each) => sum + each, 0);
  const busiest = sums.indexOf(Math.max(...sums));
  const failed = hours.reduce((sum, each) => sum + (each.failed || 0), 0);
  const words = total
    ? `Outcomes per hour, last ${hours.length} hours: ${count(total, 'outcome')}, ${number(failed)} failed; most at ${hour(hours[busiest].at)}: ${number(sums[busiest])}.`
    : `No outcome in the last ${hours.length} hours.`;
  const width = hours.length * STEP;
  return html`<svg class="chart" viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${words} preserveAspectRatio="none">
    <line class="chart-ground" x1="0" y1=${HEIGHT - 0.5} x2=${width} y2=${HEIGHT - 0.5} />
    ${hours.map((each, position) => html`<g key=${each.at}><title>${barWords(each)}</title>
      <rect class="chart-hit" x=${position * STEP} y="0" width=${STEP} height=${HEIGHT} />${bars(each, most, position)}</g>`)}
  </svg>`;
}

function bars(each, most, position) {
  let top = HEIGHT - 1;
  return LAYERS.filter((name) => each[name]).map((name) => {
    const height = Math.max(1.5, ((HEIGHT - 4) * each[name]) / most);
    top -= height;
    return html`<rect key=${name} class="chart-${name}" x=${position * STEP + (STEP - BAR) / 2} y=${top} width=${BAR} height=${height} />`;
  });
}

function barWords(each) {
  const parts = LAYERS.filter((name) => each[name]).map((name) => `${number(each[name])} ${WORDS[name]}`);
  return `${hour(each.at)}: ${parts.join(', ') || 'nothing'}`;
}

const SLOT = 300_000;
const SLOTS = 288;

/**
 * How many records waited over the last day, by five minutes: an area, with its numbers in words.
 * @param {{queue: {at: string, waiting: number}[], now: string}} props
 */
export function QueueChart({ queue, now }) {
  const last = Math.floor(new Date(now).getTime() / SLOT);
  const held = new Map(queue.map((each) => [Math.floor(new Date(each.at).getTime() / SLOT) - last + SLOTS - 1, each.waiting]));
  const top = mostOf(queue);
  const words = top
    ? `Records waiting, last 24 hours: at most ${number(top.waiting)}, at ${hour(top.at)}.`
    : 'Nothing waited in the last 24 hours.';
  const rise = (slot) => HEIGHT - 1 - (held.get(slot) ? Math.max(1.5, ((HEIGHT - 4) * (held.get(slot) || 0)) / top.waiting) : 0);
  const line = Array.from({ length: SLOTS }, (_, slot) => `H${slot}V${rise(slot).toFixed(1)}`).join('');
  return html`<svg class="chart" viewBox=${`0 0 ${SLOTS} ${HEIGHT}`} role="img" aria-label=${words} preserveAspectRatio="none">
    <line class="chart-ground" x1="0" y1=${HEIGHT - 0.5} x2=${SLOTS} y2=${HEIGHT - 0.5} />
    ${top && html`<path class="chart-waiting" d=${`M0 ${HEIGHT - 1}${line}H${SLOTS}V${HEIGHT - 1}Z`} />`}
  </svg>`;
}

/** When most records waited; undefined where none did. */
export const mostOf = (queue) => queue.reduce((most, each) => (!most || each.waiting > most.waiting ? each : most), undefined);

/** How much of a limit is used: a bar with its numbers beside it. */
export function Budget({ label, used, limit, detail = '' }) {
  if (!limit) return null;
  const share = Math.round((100 * used) / limit);
  return html`<div class="budget"><dt>${label}</dt><dd>
    <meter min="0" max=${limit} value=${Math.min(used, limit)} high=${limit * 0.8} optimum="0" aria-label=${label}></meter>
    <span class="number">${number(used)} of ${number(limit)}</span> <span class="soft number">${share} %${detail && `, ${detail}`}</span></dd></div>`;
}
