/** The console's building blocks: states, times, notices, buttons, fields. */
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { cell, useCell } from '../cells.js';
import { refresh } from '../live.js';
import { arrive } from '../router.js';
import { ago, exact } from '../when.js';
import { Icon } from './icons.js';

const NAME = 'Halo to Business Central';
const minute = cell(0);
setInterval(() => minute.set(minute.value + 1), 30_000);

/** What the console last did, for the status line at the bottom and for screen readers. */
export const said = cell(/** @type {{text: string, tone: string, action: Action} | null} */ (null));
/**
 * Say it. `action`: something to do about it, such as an undo.
 * @typedef {{words: string, act: () => Promise<any>} | false | null} Action
 * @param {string} text @param {string} tone @param {Action} action
 */
export const say = (text, tone = 'done', action = null) => said.set({ text, tone, action });

/** A page: its title in the tab and as the heading, which takes the focus when one arrives. */
export function Page({ title, tab = title, lead, actions, children }) {
  const heading = useRef(null);
  useEffect(() => {
    document.title = `${tab} · ${NAME}`;
  }, [tab]);
  useEffect(() => {
    if (arrived) heading.current.focus({ preventScroll: true });
    arrived = true;
    arrive();
  }, []);
  return html`
    <div class="page-head">
      <div class="page-title">
        <h1 tabindex="-1" ref=${heading}>${typeof title === 'string' ? html`<bdi>${title}</bdi>` : title}</h1>
        ${lead && html`<p class="lead"><span>${lead}</span></p>`}
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </div>
    ${children}
  `;
}
// The first page of a visit leaves the focus where the browser put it.
let arrived = false;

/** A state as shape, colour and word. */
export const State = ({ tone, word, icon = tone }) => html`
  <span class="state tone-${tone}"><${Icon} name=${icon} /><span>${word}</span></span>
`;

/** How long ago, with the exact time on hover and for screen readers. */
export function Time({ at, prefix = '' }) {
  useCell(minute);
  if (!at) return null;
  const full = exact(at);
  return html`<time datetime=${at} title=${full}
    ><span aria-hidden="true">${prefix}${ago(at)}</span><span class="unseen">${prefix}${full}</span></time>`;
}

/** Something to know, in a tone. `alert`: read out at once. */
export const Notice = ({ tone, title, children, actions, alert = false }) => html`
  <div class="notice tone-${tone}" role=${alert ? 'alert' : null}>
    <${Icon} name=${tone} />
    <div class="notice-text">
      ${title && html`<p class="notice-title">${title}</p>`}
      ${children}
    </div>
    ${actions && html`<div class="actions">${actions}</div>`}
  </div>
`;

/** A refusal or a lost network in words, with a way to try again. */
export function Failure({ error, title = '', retry = refresh }) {
  if (!error) return null;
  const again = retry && html`<${Button} onClick=${retry}>Try again</${Button}>`;
  return html`<${Notice} tone="bad" title=${title} actions=${again} alert><p>${error.message}</p></${Notice}>`;
}

/**
 * A button that stays focusable while it works, and cannot be pressed twice. One that works (`busy` is given) takes a
 * double click for one: its second half may come when the first is done, and would then undo it or hit what moved there.
 */
export function Button({ busy, kind = '', off = false, onClick, children, ...rest }) {
  const press = (event) => {
    if (busy || off || (busy !== undefined && event.detail > 1)) event.preventDefault();
    else if (onClick) onClick(event);
  };
  return html`<button
    type="button" ...${rest} class="button ${kind}" aria-disabled=${busy || off ? 'true' : null}
    aria-busy=${busy ? 'true' : null} onClick=${press}
  >${children}</button>`;
}

/** A button's look on a link. */
export const LinkButton = ({ href, kind = '', children, ...rest }) => html`
  <a class="button ${kind}" href=${href} ...${rest}>${children}</a>
`;

/** A link to another system: a new tab, and it says so. */
export const Out = ({ href, children }) => href && html`
  <a class="out" href=${href} target="_blank" rel="noreferrer">${children}<${Icon} name="out" /><span class="unseen">${' '}(new tab)</span></a>
`;

/** A text to copy, with a button that says when it did. */
export function Copy({ text, label }) {
  const [copied, setCopied] = useState(false);
  const field = useRef(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 4000);
    } catch {
      getSelection()?.selectAllChildren(field.current);
      say('Your browser does not let the page copy. The text is selected: press Ctrl+C.', 'warn');
    }
  };
  return html`<span class="copy">
    <code ref=${field}>${text}</code>
    <button type="button" class="button small" onClick=${copy} aria-label="Copy ${label}">
      <${Icon} name=${copied ? 'done' : 'copy'} /><span aria-live="polite">${copied ? 'Copied' : 'Copy'}</span>
    </button>
  </span>`;
}

/** Grey bars of the size of what comes. */
export const Skeleton = ({ rows = 3 }) => html`
  <div class="skeleton" role="status"><span class="unseen">Loading …</span>
    ${Array.from({ length: rows }, (_, row) => html`<span key=${row} class="bar"></span>`)}
  </div>
`;

/** A list that has nothing, and what that means. */
export const Empty = ({ title, children }) => html`
  <div class="empty"><p class="empty-title">${title}</p>${children}</div>
`;

/**
 * Run something that changes the app. `run(work, done)`: `done` is said on success; a refusal is in `error`.
 * Afterwards everything on the page is read anew.
 */
export function useAction() {
  const [state, setState] = useState({ busy: false, error: null });
  const alive = useRef(true);
  useEffect(() => () => {
    alive.current = false;
  }, []);
  /** @param {() => Promise<any>} work @param {string | ((result: any) => string)} done */
  const run = async (work, done = '') => {
    setState({ busy: true, error: null });
    let error = null;
    let result;
    try {
      result = await work();
      if (done) say(typeof done === 'function' ? done(result) : done);
    } catch (refusal) {
      error = refusal.status === 401 ? new Error('Your session had ended, so nothing was done. Press it again.') : refusal;
    }
    refresh();
    if (alive.current) setState({ busy: false, error });
    return error ? undefined : (result ?? true);
  };
  return { ...state, run, clear: () => setState({ busy: false, error: null }) };
}
