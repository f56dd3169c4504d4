/** Links: what belongs to what in the two systems, one tab for each kind. */
import { html } from '../vendor/preact-htm.js';
import { useQuery } from '../router.js';
import { CompanyPage, ConnectionChoice, Tabs } from '../parts/company_page.js';
import { Page } from '../parts/ui.js';
import { RecordLinks } from '../parts/links_records.js';
import { CategoryLinks } from '../parts/links_categories.js';
import { ChargeRates } from '../parts/links_charges.js';
import { Codes } from '../parts/links_codes.js';

const TABS = [
  ['customers', 'Customers'],
  ['products', 'Products'],
  ['item_categories', 'Product groups'],
  ['charge-rates', 'Charge rates'],
  ['accounts', 'Account codes'],
  ['countries', 'Country codes'],
];
const CONTENT = {
  customers: RecordLinks,
  products: RecordLinks,
  item_categories: CategoryLinks,
  'charge-rates': ChargeRates,
  accounts: Codes,
  countries: Codes,
};

export default function Links({ connection: wanted = '' }) {
  const [query] = useQuery();
  const tab = Object.hasOwn(CONTENT, query.tab || '') ? query.tab : 'customers';
  return html`<${CompanyPage} title="Links" base="/links" wanted=${wanted}
    why="Choose a connection’s company first; then its records can be linked."
    children=${(connection, connections) => {
      const Content = CONTENT[tab];
      const lead = html`What belongs to what in Halo and in <bdi>${connection.company_name}</bdi>.`;
      return html`<${Page} title="Links" lead=${lead}>
        <div class="filters">
          <${Tabs} label="What is linked" path=${`/links/${connection.id}`} name="tab" value=${tab} tabs=${TABS} />
          <${ConnectionChoice} connection=${connection} connections=${connections} base="/links" query=${{ tab }} />
        </div>
        <${Content} key=${connection.id + tab} connection=${connection} kind=${tab} />
      </${Page}>`;
    }} />`;
}
