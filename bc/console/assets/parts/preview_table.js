/** The table of the preview. On narrow screens a row becomes a small card; the roles keep it a table to a reader. */
import { html, useRef } from '../vendor/preact-htm.js';
import { MATCH, MATCHED_BY } from '../words.js';
import { count, number } from '../when.js';
import { actionOf, actionsOf } from '../picks.js';
import { State } from './ui.js';

export function PreviewTable({ rows, all, noun, whole, selected, select, choices, choose }) {
  const last = useRef(null);
  const picked = all.filter((row) => selected.has(row.bc_id)).length;
  const tick = (event, position) => {
    const wanted = event.currentTarget.checked;
    const from = event.shiftKey && last.current !== null ? last.current : position;
    last.current = position;
    select(rows.slice(Math.min(from, position), Math.max(from, position) + 1), wanted);
  };
  const every = picked === all.length;
  const words = whole ? `Select all ${number(all.length)} ${noun.many}` : `Select these ${number(all.length)} ${noun.many}`;
  return html`<label class="hit preview-all"><input
    type="checkbox" checked=${every} indeterminate=${picked > 0 && !every} onChange=${(event) => select(all, event.currentTarget.checked)} />
    <span>${all.length === 1 ? `Select this ${noun.one}` : words}</span></label>
  <table class="preview" role="table" aria-label="Preview">
    <thead role="rowgroup"><tr role="row">
      <th role="columnheader" scope="col" class="preview-tick"><span class="unseen">Selected</span></th>
      <th role="columnheader" scope="col">In Business Central</th>
      <th role="columnheader" scope="col">In Halo</th>
      <th role="columnheader" scope="col">What happens</th>
    </tr></thead>
    <tbody role="rowgroup">${rows.map((row, position) => html`<${Row}
      key=${row.bc_id} row=${row} isPicked=${selected.has(row.bc_id)} action=${actionOf(row, choices)}
      onTick=${(event) => tick(event, position)} onChoose=${choose} />`)}</tbody>
  </table>`;
}

function Row({ row, isPicked, action, onTick, onChoose }) {
  const options = actionsOf(row);
  const name = `${row.number} ${row.name}`;
  return html`<tr role="row" class=${isPicked ? 'picked' : ''}>
    <td role="cell" class="preview-tick"><label class="hit"><input type="checkbox" checked=${isPicked} onClick=${onTick} />
      <span class="unseen">Select ${name}</span></label></td>
    <td role="cell" class="preview-name"><span class="number soft">${row.number}</span> <bdi>${row.name}</bdi></td>
    <td role="cell" class="preview-match"><${State} ...${MATCH[row.match]} /><${Reason} row=${row} /></td>
    <td role="cell" class="preview-action">${options.length > 1
      ? html`<select class="input" aria-label="What happens to ${name}" onChange=${(event) => onChoose(row, event.currentTarget.value)}>
          ${options.map(([each, words]) => html`<option key=${each} value=${each} selected=${each === action}>${words}</option>`)}</select>`
      : html`<span class="soft">${options[0][1]}</span>`}</td>
  </tr>`;
}

function Reason({ row }) {
  const by = MATCHED_BY[row.matched_by] || '';
  if (row.match === 'ambiguous') {
    const candidates = count(row.candidates?.length || 0, 'candidate');
    return html`<span class="reason soft">${by ? `${candidates}, ${by}` : candidates}</span>`;
  }
  if (!row.halo_id) return null;
  return html`<span class="reason"><bdi>${row.halo_name || row.halo_id}</bdi>${by && html` <span class="soft">${by}</span>`}</span>`;
}
