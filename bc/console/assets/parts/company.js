/** Choosing environment and company, once and for all. */
import { html, useEffect, useState } from '../vendor/preact-htm.js';
import { change, read } from '../api.js';
import { TextField } from './form.js';
import { Button, Failure, Notice, Skeleton, useAction } from './ui.js';

export function CompanyChoice({ connection }) {
  const path = `/api/connections/${connection.id}`;
  const [environment, setEnvironment] = useState('');
  const [company, setCompany] = useState('');
  const environments = useRead(`${path}/environments`);
  const companies = useRead(environment && `${path}/companies?environment=${encodeURIComponent(environment)}`);
  const { busy, error, run } = useAction();
  const items = environments.data?.items;
  useEffect(() => {
    if (items?.length === 1) setEnvironment(items[0].name);
  }, [items]);
  const chosen = companies.data?.items.find((each) => each.id === company);
  const save = (event) => {
    event.preventDefault();
    if (!chosen || busy) return;
    run(
      () => change('PUT', `${path}/company`, { environment_name: environment, company_id: company }),
      `The connection belongs to ${chosen.display_name || chosen.name}.`,
    );
  };
  return html`<form class="stack" onSubmit=${save}>
    <${Notice} tone="warn" title="This choice is final">
      <p>Environment and company cannot be changed later. Another company gets a connection of its own.</p></${Notice}>
    ${environments.busy && html`<${Skeleton} rows=${2} />`}
    ${environments.error && html`<${EnvironmentByName} error=${environments.error} retry=${environments.again} onName=${setEnvironment} />`}
    ${items && !items.length && html`<p>Business Central shows this user no environment. Check the user’s Business Central license.</p>`}
    ${items?.length > 0 && html`<${Choices}
      title="Environment" name="environment" value=${environment}
      onValue=${(value) => {
        setEnvironment(value);
        setCompany('');
      }}
      options=${items.map((each) => [each.name, each.name, [each.type !== each.name && each.type, each.country].filter(Boolean).join(', ')])} />`}
    ${environment && companies.busy && html`<${Skeleton} rows=${2} />`}
    ${companies.error && html`<${Failure} error=${companies.error} retry=${companies.again} />`}
    ${companies.data && html`<${Choices}
      title="Company" name="company" value=${company} onValue=${setCompany}
      options=${companies.data.items.map((each) => [each.id, each.display_name || each.name, each.display_name && each.name !== each.display_name ? each.name : ''])} />`}
    ${error && html`<${Failure} error=${error} retry=${null} />`}
    ${companies.data && html`<p class="actions"><${Button} type="submit" kind="main" off=${!chosen} busy=${busy}>${
      chosen ? html`Use <bdi>${chosen.display_name || chosen.name}</bdi> permanently` : 'Choose a company'}</${Button}></p>`}
  </form>`;
}

/** Business Central may refuse the list of environments to an app: the admin types the name then. */
function EnvironmentByName({ error, retry, onName }) {
  const [name, setName] = useState('');
  return html`<div class="stack">
    <${Failure} error=${error} title="The list of environments could not be read" retry=${retry} />
    <${TextField} label="Name of the environment" value=${name} onValue=${setName}
      hint="It stands in the Business Central admin center, for example Production." />
    <p><${Button} off=${!name.trim()} onClick=${() => onName(name.trim())}>Show its companies</${Button}></p>
  </div>`;
}

function Choices({ title, name, value, onValue, options }) {
  return html`<fieldset class="choices"><legend>${title}</legend>
    ${options.map(([each, words, more]) => html`<label class="pick" key=${each}>
      <input type="radio" name=${name} value=${each} checked=${each === value} onChange=${() => onValue(each)} />
      <span><bdi>${words}</bdi>${more && html` <span class="soft">${more}</span>`}</span></label>`)}
  </fieldset>`;
}

/** Read an address once, with a way to read it again. */
function useRead(path) {
  const [state, setState] = useState({ path: '', data: null, error: null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!path) return undefined;
    let wanted = true;
    setState({ path, data: null, error: null });
    read(path).then(
      ({ data }) => wanted && setState({ path, data, error: null }),
      (error) => wanted && setState({ path, data: null, error }),
    );
    return () => {
      wanted = false;
    };
  }, [path, turn]);
  const current = state.path === path ? state : { data: null, error: null };
  return { ...current, busy: Boolean(path) && !current.data && !current.error, again: () => setTurn(turn + 1) };
}
