/** Find a record from any page: Halo's id leads to it, anything else to a search. The key `/` leads here. */
import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import { go, to } from '../router.js';

export function Find() {
  const [entity, setEntity] = useState('invoice');
  const [id, setId] = useState('');
  const [wrong, setWrong] = useState('');
  const input = useRef(null);
  useEffect(() => {
    const focus = (event) => {
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current.focus();
    };
    document.addEventListener('keydown', focus);
    return () => document.removeEventListener('keydown', focus);
  }, []);
  const submit = (event) => {
    event.preventDefault();
    const wanted = id.trim();
    if (!wanted) {
      setWrong('Enter Halo’s id, a number, or a part of the name.');
      input.current.focus();
      return;
    }
    setWrong('');
    setId('');
    go(/^[1-9][0-9]{0,17}$/.test(wanted) ? to(`/${entity}/${wanted}`) : to('/find', { kind: `${entity}s`, search: wanted }));
  };
  return html`<form class="find" role="search" aria-label="Find a record" onSubmit=${submit} novalidate>
    <span class="find-title" aria-hidden="true">Find</span>
    <select class="input" aria-label="Kind of record" onChange=${(event) => setEntity(event.currentTarget.value)}>
      ${['invoice', 'customer', 'product'].map((each) => html`
        <option key=${each} value=${each} selected=${each === entity}>${each.charAt(0).toUpperCase() + each.slice(1)}</option>`)}
    </select>
    <input
      ref=${input} class="input" maxlength="200" value=${id} dir="auto" placeholder="Halo id, number or name" aria-label="Halo id, number or name (shortcut: /)"
      aria-invalid=${wrong ? 'true' : null} aria-describedby=${wrong ? 'find-wrong' : null} autocomplete="off"
      onInput=${(event) => setId(event.currentTarget.value)}
    />
    <button class="button" type="submit">Find</button>
    ${wrong && html`<p class="field-error" id="find-wrong" role="alert">${wrong}</p>`}
  </form>`;
}
