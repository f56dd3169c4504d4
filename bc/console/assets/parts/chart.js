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

/** How much of a limit is used: a bar with its numbers beside it. */
export function Budget({ label, used, limit, detail = '' }) {
  if (!limit) return null;
  const share = Math.round((100 * used) / limit);
  return html`<div class="budget"><dt>${label}</dt><dd>
    <meter min="0" max=${limit} value=${Math.min(used, limit)} high=${limit * 0.8} optimum="0" aria-label=${label}></meter>
    <span class="number">${number(used)} of ${number(limit)}</span> <span class="soft number">${share} %${detail && `, ${detail}`}</span></dd></div>`;
}
