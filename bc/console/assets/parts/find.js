/** Find a record by Halo's id, from any page. The key `/` leads here. */
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
    if (!/^[1-9][0-9]{0,17}$/.test(wanted)) {
      setWrong('Enter Halo’s id: the number in the address of the record’s page in Halo, such as 1041.');
      input.current.focus();
      return;
    }
    setWrong('');
    setId('');
    go(to(`/${entity}/${wanted}`));
  };
  return html`<form class="find" role="search" aria-label="Find a record" onSubmit=${submit} novalidate>
    <span class="find-title" aria-hidden="true">Open a record</span>
    <select class="input" aria-label="Kind of record" onChange=${(event) => setEntity(event.currentTarget.value)}>
      ${['invoice', 'customer', 'product'].map((each) => html`
        <option key=${each} value=${each} selected=${each === entity}>${each.charAt(0).toUpperCase() + each.slice(1)}</option>`)}
    </select>
    <input
      ref=${input} class="input" inputmode="numeric" value=${id} placeholder="Halo id: 1041" aria-label="Halo id (shortcut: /)"
      aria-invalid=${wrong ? 'true' : null} aria-describedby=${wrong ? 'find-wrong' : null} autocomplete="off"
      onInput=${(event) => setId(event.currentTarget.value)}
    />
    <button class="button" type="submit">Open</button>
    ${wrong && html`<p class="field-error" id="find-wrong" role="alert">${wrong}</p>`}
  </form>`;
}
