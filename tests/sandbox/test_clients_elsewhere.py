"""Clients that others wrote, unchanged, at the simulated Halo and Business Central."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from HaloPSA.Halo import Halo  # type: ignore[import-untyped]
from odatapy.client import BearerAuth, EdmEnabledODataClient, Field, HttpxTransport, ODataClientError
from pybusinesscentral import ApiClient, Configuration
from pybusinesscentral.api.account_api import AccountApi
from pybusinesscentral.api.company_api import CompanyApi
from pybusinesscentral.api.customer_api import CustomerApi
from pybusinesscentral.api.payment_term_api import PaymentTermApi
from pybusinesscentral.api.sales_invoice_api import SalesInvoiceApi
from pybusinesscentral.api.sales_invoice_line_api import SalesInvoiceLineApi
from pybusinesscentral.exceptions import ApiException
from pybusinesscentral.model.post_customer_request import PostCustomerRequest

from sandbox.server import running
from sandbox.world import World
from tests.sandbox.bc_client import BcClient, bc_client
from tests.sandbox.doorway import doorway

SECRET = "halo~Secret.Value-1"


@pytest.fixture
async def bc() -> AsyncIterator[BcClient]:
    async with bc_client() as client:
        yield client


class TestODataPy:
    """`odatapy` reads `$metadata` and gives canonical values by its types."""

    async def test_reads_the_model_and_every_page(self, bc: BcClient) -> None:
        def read() -> tuple[Any, list[Any], int]:
            client = _odata(bc)
            model = client.get_edm()
            customers = (
                client.uri().append_entity_set_segment("companies").append_key_segment(UUID(bc.company.id))
            )
            customers.append_navigation_segment("customers").orderby("number")
            pages = list(client.iter_pages(customers, headers={"Prefer": "odata.maxpagesize=40"}))
            return model, [one for page in pages for one in page.entities], len(pages)

        model, customers, pages = await asyncio.to_thread(read)
        assert model is not None
        assert pages == 4
        assert [_value(one, "number") for one in customers] == [one.number for one in bc.company.customers]
        assert isinstance(_value(customers[0], "id"), UUID)
        assert isinstance(_value(customers[0], "creditLimit"), Decimal)
        assert all(one.etag for one in customers)

    async def test_filters_selects_and_counts(self, bc: BcClient) -> None:
        def read() -> tuple[list[Any], int]:
            client = _odata(bc)
            items = (
                client.uri().append_entity_set_segment("companies").append_key_segment(UUID(bc.company.id))
            )
            items.append_navigation_segment("items").filter(Field("type").eq("Service")).select(
                "id", "number"
            )
            counted = (
                client.uri().append_entity_set_segment("companies").append_key_segment(UUID(bc.company.id))
            )
            counted.append_navigation_segment("items").append_count_segment()
            return list(client.iter_entities(items)), client.get_count(counted)

        services, count = await asyncio.to_thread(read)
        expected = [one.number for one in bc.company.items if one.type == "Service"]
        assert sorted(_value(one, "number") for one in services) == sorted(expected)
        assert count == len(bc.company.items)

    async def test_writes_with_the_etag_and_hears_of_another_users_edit(self, bc: BcClient) -> None:
        customer = bc.customer()

        def write() -> tuple[Any, str]:
            client = _odata(bc)
            uri = client.uri().append_entity_set_segment("companies").append_key_segment(UUID(bc.company.id))
            uri.append_navigation_segment("customers").append_key_segment(UUID(customer.id))
            found = client.get_entity(uri)
            saved = client.update_entity(uri, {"city": "Bath"}, etag=found.etag)
            with pytest.raises(ODataClientError) as refused:
                client.update_entity(uri, {"city": "York"}, etag=found.etag)
            return saved.entity, str(refused.value)

        saved, refusal = await asyncio.to_thread(write)
        assert _value(saved, "city") == "Bath"
        assert "409" in refusal
        assert "Another user has already changed the record." in refusal


class TestPyBusinessCentral:
    """`pybusinesscentral` is generated from Microsoft's own description of the API."""

    async def test_reads_companies_customers_accounts_and_terms(self, bc: BcClient) -> None:
        def read(api: ApiClient) -> tuple[Any, ...]:
            company = bc.company.id
            return (
                CompanyApi(api).list_companies().value,
                CustomerApi(api).list_customers(company, top=5, filter="blocked eq '_x0020_'").value,
                AccountApi(api).list_accounts(company, select=["number", "directPosting"]).value,
                PaymentTermApi(api).list_payment_terms(company).value,
            )

        companies, customers, accounts, terms = await asyncio.to_thread(_generated, bc, read)
        assert [one.name for one in companies] == ["Tamarisk Retail", "Tamarisk UK"]
        assert [one.number for one in customers] == [one.number for one in bc.company.customers[:5]]
        assert customers[0].display_name == bc.company.customers[0].name
        assert [one.number for one in accounts] == [one.number for one in bc.company.accounts]
        assert {one.due_date_calculation for one in terms} >= {"30D", "CM"}

    async def test_creates_a_customer_and_may_not_delete_without_if_match(self, bc: BcClient) -> None:
        def write(api: ApiClient) -> tuple[Any, Any]:
            customers = CustomerApi(api)
            made = customers.post_customer(
                bc.company.id, "application/json", PostCustomerRequest(displayName="Elsewhere Ltd")
            )
            assert made.id is not None
            found = customers.get_customer(bc.company.id, made.id)
            with pytest.raises(ApiException) as refused:
                customers.delete_customer(bc.company.id, made.id)
            return found, refused.value

        found, refusal = await asyncio.to_thread(_generated, bc, write)
        assert found.display_name == "Elsewhere Ltd"
        assert refusal.status == 400  # its description leaves If-Match out of DELETE
        assert "BadRequest_InvalidToken" in refusal.body

    async def test_reads_an_invoice_with_its_lines(self, bc: BcClient) -> None:
        made = await bc.invoice(bc.item_line(), bc.item_line(3, 9.99))

        def read(api: ApiClient) -> tuple[Any, Any]:
            invoice = SalesInvoiceApi(api).get_sales_invoice(bc.company.id, made["id"])
            lines = SalesInvoiceLineApi(api).list_sales_invoice_lines_for_sales_invoice(
                bc.company.id, made["id"]
            )
            return invoice, lines.value

        invoice, lines = await asyncio.to_thread(_generated, bc, read)
        assert invoice.total_tax_amount == 45.99
        assert [line.quantity for line in lines] == [2, 3]


class TestHaloPSA:
    """`halopsa` knows only `https://{tenant}.halopsa.com`: it comes through a proxy."""

    async def test_reads_lists_records_and_lines(self, elsewhere: _Elsewhere) -> None:
        def read(halo: Halo) -> tuple[Any, ...]:
            return (
                halo.Clients.get_all(),
                halo.Clients.search(pageinate=True, page_size=40, page_no=4),
                halo.Items.get(1, includedetails=True),
                halo.Invoices.get(1041, includedetails=True),
                halo.Invoices.search(includelines=True, count=3),
                halo.Sites.get(1101, includedetails=True),
            )

        clients, page, item, invoice, invoices, site = await elsewhere.use(read)
        data = elsewhere.world.data.halo
        assert len(clients) == len(data.clients) == page["record_count"]
        assert len(page["clients"]) == 40
        assert item["name"] == data.items[0].name
        assert [line["id"] for line in invoice["lines"]] == [line.id for line in data.invoices[0].lines]
        assert all(one["lines"] for one in invoices["invoices"])
        assert site["client_id"] == 101

    async def test_saves_customers_and_invoices(self, elsewhere: _Elsewhere) -> None:
        def write(halo: Halo) -> tuple[Any, Any, Any]:
            made = halo.Clients.update(name="Elsewhere Ltd", toplevel_id=1)
            changed = halo.Clients.update(id=made["id"], accountsemailaddress="pay@elsewhere.example.com")
            lines = [{"item_shortdescription": "Advice", "qty_order": 2, "unit_price": 50}]
            return made, changed, halo.Invoices.update(client_id=made["id"], lines=lines)

        made, changed, invoice = await elsewhere.use(write)
        assert (changed["id"], changed["name"]) == (made["id"], "Elsewhere Ltd")
        assert (invoice["client_id"], invoice["total"]) == (made["id"], 100)

    async def test_hears_of_a_wrong_secret_and_a_missing_right(self, elsewhere: _Elsewhere) -> None:
        with pytest.raises(ValueError, match="Make sure your client ID and secret are correct"):
            await elsewhere.use(lambda halo: None, secret="wrong")
        halo = elsewhere.world.data.halo
        with pytest.raises(PermissionError):
            await elsewhere.use(
                lambda client: client.Clients.update(name="No"),
                client_id=halo.readonly_client_id,
                secret=halo.readonly_client_secret,
            )


class _Elsewhere:
    """Runs a function with `halopsa`'s client, signed in, on a thread of its own."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def use(self, act: Any, client_id: str = "", secret: str = SECRET) -> Any:
        halo = self.world.data.halo

        def run() -> Any:
            return act(Halo(halo.tenant, client_id or halo.client_id, secret))

        return await asyncio.to_thread(run)


@pytest.fixture
async def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Elsewhere]:
    async with _halo_served(tmp_path, monkeypatch) as found:
        yield found


@asynccontextmanager
async def _halo_served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Elsewhere]:
    async with running(World(), services=("halo",)) as world:
        host = f"{world.data.halo.tenant}.halopsa.com"
        async with doorway(host, world.urls["halo"], folder) as way:
            monkeypatch.setenv("HTTPS_PROXY", way.url)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", way.ca)
            monkeypatch.delenv("NO_PROXY", raising=False)
            monkeypatch.delenv("no_proxy", raising=False)
            yield _Elsewhere(world)


def _odata(bc: BcClient) -> Any:
    transport = HttpxTransport(auth=BearerAuth(bc.token))
    return EdmEnabledODataClient(bc.root, transport, odata_version="4.0")


def _value(entity: Any, name: str) -> Any:
    return next(one.value for one in entity.properties if one.name == name)


def _generated(bc: BcClient, act: Any) -> Any:
    with ApiClient(Configuration(host=bc.root, access_token=bc.token)) as api:
        return act(api)
