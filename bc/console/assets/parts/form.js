/** Fields of forms: a label in plain words, Halo's name beside it, a hint, and what is wrong. */
import { html, useState } from '../vendor/preact-htm.js';
import { Icon } from './icons.js';

let numbered = 0;

/**
 * One field. `children` is a function of the attributes that tie the control to its label, hint and error.
 * `halo`: Halo's own name of the field.
 */
export function Field({ label, halo = '', hint = '', error = '', optional = false, children }) {
  const [id] = useState(() => `field-${(numbered += 1)}`);
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  const control = { id, 'aria-describedby': described || null, 'aria-invalid': error ? 'true' : null };
  return html`<div class="field">
    <label for=${id}>${label}${optional && html`<span class="soft"> (optional)</span>`}${halo && html` <${Halo} name=${halo} />`}</label>
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${children(control)}
    ${error && html`<p class="field-error" id="${id}-error"><${Icon} name="bad" />${error}</p>`}
  </div>`;
}

/** Halo's own name, in small type. */
export const Halo = ({ name }) => html`<code class="halo" title="Its name in Halo">${name}</code>`;

/** A field with one line of text. */
export const TextField = ({ value, onValue, type = 'text', control = {}, ...field }) => html`
  <${Field} ...${field}>${(attributes) => html`
    <input
      class="input" type=${type} value=${value ?? ''} spellcheck="false" dir="auto" ...${control} ...${attributes}
      onInput=${(event) => onValue(event.currentTarget.value)}
    />`}
  </${Field}>
`;

/** A field that offers a few choices: `options` are [value, words] pairs. */
export const SelectField = ({ value, onValue, options, ...field }) => html`
  <${Field} ...${field}>${(attributes) => html`
    <select class="input" ...${attributes} onChange=${(event) => onValue(event.currentTarget.value)}>
      ${options.map(([each, words]) => html`
        <option key=${each} value=${each} selected=${each === value}>${words}</option>`)}
    </select>`}
  </${Field}>
`;

/** A labelled select for a filter. A value that is none of its options, from an old address, is shown and not hidden. */
export function Choice({ label, value, onValue, options }) {
  const known = options.some(([each]) => each === value);
  return html`<label class="choice"><span>${label}</span>
    <select class="input" onChange=${(event) => onValue(event.currentTarget.value)}>
      ${!known && html`<option key=${value} value=${value} selected>${value} (unknown)</option>`}
      ${options.map(([each, words]) => html`<option key=${each} value=${each} selected=${each === value}>${words}</option>`)}
    </select></label>`;
}

/** A tick box with its words, a hint and Halo's name. */
export function Tick({ label, halo = '', hint = '', checked, onValue }) {
  const [id] = useState(() => `tick-${(numbered += 1)}`);
  return html`<div class="tick">
    <input
      type="checkbox" id=${id} checked=${checked} aria-describedby=${hint ? `${id}-hint` : null}
      onChange=${(event) => onValue(event.currentTarget.checked)}
    />
    <div><label for=${id}>${label}${halo && html` <${Halo} name=${halo} />`}</label>
      ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}</div>
  </div>`;
}

/**
 * What is typed into a form, kept through a reload, a lost network or an ended session. `secret` names fields that
 * stay in memory only. Returns [draft, set, forget]; `set` takes changes, or a function that makes them of the draft.
 */
export function useDraft(name, initial, secret = []) {
  const key = `draft:${name}`;
  const [draft, setDraft] = useState(() => ({ ...initial, ...stored(key) }));
  const set = (changes) => setDraft((before) => {
    const after = { ...before, ...(typeof changes === 'function' ? changes(before) : changes) };
    const kept = Object.fromEntries(Object.entries(after).filter(([field]) => !secret.includes(field)));
    sessionStorage.setItem(key, JSON.stringify(kept));
    return after;
  });
  const forget = () => {
    sessionStorage.removeItem(key);
    setDraft(initial);
  };
  return [draft, set, forget];
}

function stored(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key) || '{}');
  } catch {
    return {};
  }
}

/** After a refused form: the first field that is wrong takes the focus. */
export function focusFirstError(form) {
  requestAnimationFrame(() => form?.querySelector('[aria-invalid="true"]')?.focus());
}
