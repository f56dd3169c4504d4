/** Drawn icons, 16 × 16, in the colour of the text. A shape for each tone, so that colour never stands alone. */
import { html } from '../vendor/preact-htm.js';

const SHAPES = {
  done: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8.2l2.1 2.1L11 6.1',
  work: 'M13.5 8A5.5 5.5 0 1 1 10 2.9M10 .9v2.6H7.4',
  warn: 'M8 2 15 14H1L8 2Zm0 4.5v3.6m0 1.7v.2',
  bad: 'M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2L5.2 1.5ZM8 4.6v4m0 2.3v.3',
  skip: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8h6',
  now: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5.2 8h5.4M8.3 5.5 10.8 8l-2.5 2.5',
  todo: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Z',
  link: 'M6.5 9.5l3-3M7 4.6l1.4-1.4a3.1 3.1 0 0 1 4.4 4.4L11.4 9M9 11.4l-1.4 1.4a3.1 3.1 0 0 1-4.4-4.4L4.6 7',
  plus: 'M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 8h6M8 5v6',
  out: 'M6 3H3v10h10v-3M9 3h4v4M13 3 7 9',
  menu: 'M2 4h12M2 8h12M2 12h12',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  back: 'M9.5 3 4.5 8l5 5',
  down: 'M3 6l5 5 5-5',
  close: 'M3.5 3.5l9 9m0-9-9 9',
};

/** An icon; decoration unless `label` names it. */
export function Icon({ name, label = '' }) {
  return html`<svg
    class="icon icon-${name}" viewBox="0 0 16 16" width="16" height="16" focusable="false"
    role=${label ? 'img' : null} aria-label=${label || null} aria-hidden=${label ? null : 'true'}
  ><path d=${SHAPES[name] || SHAPES.todo} /></svg>`;
}
