"""The US company: sales tax by tax area and tax group instead of VAT."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.bc.sales_tax import tax_lines
from sandbox.bc.values import round_to
from sandbox.bc.vat import CENT, Taxable
from sandbox.data.bc import Company, Customer, Item
from tests.sandbox.bc_client import BcClient, bc_client

RATES = {"TAXABLE": (Decimal(4), Decimal("4.5"), Decimal("0.375")), "NONTAXABLE": ()}


class UsClient(BcClient):
    """Calls the US company."""

    def __init__(self, bc: BcClient) -> None:
        super().__init__(bc.world, bc.http)
        self.environment = "Production-US"

    @property
    def company(self) -> Company:
        environment = next(one for one in self.world.data.bc.environments if one.name == self.environment)
        return environment.companies[0]

    def customer(self, group: str = "NEW YORK") -> Customer:
        return self.liable(group)

    def liable(self, area: str) -> Customer:
        return next(
            one
            for one in self.company.customers
            if one.tax_area == area
            and one.tax_liable
            and one.blocked == " "
            and one.gen_business_group
            and one.customer_posting_group
        )

    def taxed(self, group: str) -> Item:
        return next(one for one in self.company.items if one.tax_group == group and not one.blocked)

    async def sale(self, area: str, *lines: tuple[str, float, float], **header: Any) -> Any:
        """A draft of a liable customer; lines are (tax group, quantity, price)."""
        return await self.invoice(
            *(
                {
                    "lineType": "Item",
                    "lineObjectNumber": self.taxed(group).number,
                    "quantity": quantity,
                    "unitPrice": price,
                }
                for group, quantity, price in lines
            ),
            customerNumber=self.liable(area).number,
            **header,
        )

    async def read(self, invoice: Any) -> Any:
        return await self.get(f"salesInvoices({invoice['id']})?$expand=salesInvoiceLines")


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[UsClient]:
    async with bc_client() as bc:
        yield UsClient(bc)


@pytest.fixture
async def us(server: UsClient) -> UsClient:
    server.world.reset()
    return server


async def test_it_stands_in_an_environment_of_its_own_behind_the_uk_company(us: UsClient) -> None:
    shown = (await us.http.get(us.world.urls["control"])).json()["bc"]["environments"]
    assert shown[0]["companies"][0]["tax"] == "VAT"
    listed = next(one for one in shown if one["country"] == "US")
    assert [(one["name"], one["currency"], one["tax"]) for one in listed["companies"]] == [
        ("Tamarisk US", "USD", "Sales Tax")
    ]
    answer = await us.call("GET", f"{us.root}/companies")
    assert [one["name"] for one in answer.json()["value"]] == ["Tamarisk US"]


async def test_tax_areas_and_tax_groups_are_those_of_sales_tax(us: UsClient) -> None:
    areas = await us.values("taxAreas")
    assert {one["taxType"] for one in areas} == {"Sales_x0020_Tax"}
    assert ("NEW YORK", "New York, NY") in {(one["code"], one["displayName"]) for one in areas}
    groups = await us.values("taxGroups")
    assert {one["code"] for one in groups} == {"TAXABLE", "SOFTWARE", "LABOR", "NONTAXABLE"}
    made = await us.post("taxGroups", {"code": "freight", "displayName": "Freight"})
    assert (made["code"], made["taxType"]) == ("FREIGHT", "Sales_x0020_Tax")


async def test_customers_are_liable_in_a_tax_area_and_items_have_a_tax_group(us: UsClient) -> None:
    customer = (await us.values(f"customers?$filter=number eq '{us.liable('NEW YORK').number}'"))[0]
    assert customer["taxLiable"] is True
    assert customer["taxAreaDisplayName"] == "New York, NY"
    assert (customer["currencyCode"], customer["currencyId"]) == (
        "USD",
        "00000000-0000-0000-0000-000000000000",
    )
    item = (await us.values(f"items?$filter=number eq '{us.taxed('SOFTWARE').number}'"))[0]
    groups = {one["id"]: one["code"] for one in await us.values("taxGroups")}
    assert item["taxGroupCode"] == groups[item["taxGroupId"]] == "SOFTWARE"


async def test_each_jurisdiction_rounds_its_part_and_the_percent_is_worked_out_from_the_amount(
    us: UsClient,
) -> None:
    invoice = await us.read(await us.sale("NEW YORK", ("TAXABLE", 1, 9.99)))
    (line,) = invoice["salesInvoiceLines"]
    # 4 % = 0.40, 4.5 % = 0.45, 0.375 % = 0.04
    assert (line["netAmount"], line["netTaxAmount"]) == (9.99, 0.89)
    assert line["taxPercent"] == 8.90891
    assert (line["totalTaxAmount"], line["amountIncludingTax"]) == (0.89, 10.88)
    assert line["taxCode"] == "TAXABLE"
    assert line["discountAppliedBeforeTax"] is True
    assert invoice["discountAppliedBeforeTax"] is True
    assert (invoice["totalTaxAmount"], invoice["totalAmountIncludingTax"]) == (0.89, 10.88)


async def test_the_total_is_the_tax_of_the_groups_sum_and_not_the_sum_of_the_lines_own(us: UsClient) -> None:
    invoice = await us.read(await us.sale("NEW YORK", *[("TAXABLE", 1, 0.99)] * 5))
    # 4.95: 0.20 + 0.22 + 0.02; five times 0.99 alone would be 5 x (0.04 + 0.04 + 0.00)
    assert invoice["totalTaxAmount"] == 0.44
    shares = [line["netTaxAmount"] for line in invoice["salesInvoiceLines"]]
    assert sum(map(Decimal, map(str, shares))) == Decimal("0.44")
    assert len(set(shares)) > 1


async def test_groups_are_taxed_by_the_area(us: UsClient) -> None:
    lines = (("TAXABLE", 1, 100), ("SOFTWARE", 1, 100), ("LABOR", 1, 100), ("NONTAXABLE", 1, 100))
    for area, expected in (
        ("SEATTLE", [10.35, 10.35, 10.35, 0]),
        ("NEW YORK", [8.88, 8.88, 0, 0]),
        ("CHICAGO", [10.25, 0, 0, 0]),
        ("PORTLAND", [0, 0, 0, 0]),
    ):
        invoice = await us.read(await us.sale(area, *lines))
        assert [line["totalTaxAmount"] for line in invoice["salesInvoiceLines"]] == expected, area


async def test_nothing_is_taxed_for_an_exempt_customer_or_one_without_an_area(us: UsClient) -> None:
    exempt = next(one for one in us.company.customers if one.tax_area and not one.tax_liable)
    nowhere = next(one for one in us.company.customers if one.tax_liable and not one.tax_area)
    for customer in (exempt, nowhere):
        invoice = await us.invoice(
            {
                "lineType": "Item",
                "lineObjectNumber": us.taxed("TAXABLE").number,
                "quantity": 1,
                "unitPrice": 50,
            },
            customerNumber=customer.number,
        )
        line = (await us.read(invoice))["salesInvoiceLines"][0]
        assert (line["taxCode"], line["taxPercent"], line["totalTaxAmount"]) == ("TAXABLE", 0, 0)


async def test_the_tax_code_is_written_and_read_as_the_tax_group(us: UsClient) -> None:
    invoice = await us.sale("CHICAGO", ("TAXABLE", 2, 10))
    line = (await us.read(invoice))["salesInvoiceLines"][0]
    path = f"salesInvoices({invoice['id']})/salesInvoiceLines({line['id']})"
    saved = await us.patch(path, {"taxCode": "nontaxable"}, line["@odata.etag"])
    assert (saved["taxCode"], saved["totalTaxAmount"], saved["taxPercent"]) == ("NONTAXABLE", 0, 0)
    assert await us.refused("PATCH", path, {"taxCode": "STANDARD"}) == (
        "Internal_InvalidTableRelation",
        (
            "The field Tax Group Code of table Sales Line contains a value (STANDARD) that cannot be found in the "
            "related table (Tax Group)."
        ),
    )


async def test_an_account_line_is_taxed_by_the_accounts_group(us: UsClient) -> None:
    invoice = await us.invoice(
        {"lineType": "Account", "lineObjectNumber": "6110", "quantity": 1, "unitPrice": 200},
        {"lineType": "Account", "lineObjectNumber": "8640", "quantity": 1, "unitPrice": 200},
        {"lineType": "Comment", "description": "Thank you."},
        customerNumber=us.liable("MIAMI").number,
    )
    lines = (await us.read(invoice))["salesInvoiceLines"]
    assert [(line["taxCode"], line["totalTaxAmount"]) for line in lines] == [
        ("TAXABLE", 14),
        ("", 0),
        ("", 0),
    ]


async def test_the_invoice_discount_comes_off_before_the_tax(us: UsClient) -> None:
    invoice = await us.sale("MIAMI", ("TAXABLE", 1, 100), ("TAXABLE", 1, 50))
    path = f"salesInvoices({invoice['id']})"
    saved = await us.patch(path, {"discountAmount": 30})
    assert (saved["totalAmountExcludingTax"], saved["totalTaxAmount"]) == (120, 8.4)


async def test_a_change_of_one_line_moves_the_tax_of_its_group(us: UsClient) -> None:
    invoice = await us.sale("AUSTIN", ("TAXABLE", 1, 19.99), ("TAXABLE", 3, 5.01))
    line = (await us.read(invoice))["salesInvoiceLines"][0]
    path = f"salesInvoices({invoice['id']})/salesInvoiceLines({line['id']})"
    saved = await us.patch(path, {"quantity": 2, "unitPrice": 19.99}, line["@odata.etag"])
    assert saved["netTaxAmount"] == 3.30  # 39.98: 2.50 + 0.40 + 0.40
    assert (await us.read(invoice))["totalTaxAmount"] == 4.54  # 55.01: 3.44 + 0.55 + 0.55


async def test_a_group_is_changed_by_id_or_code_of_the_item(us: UsClient) -> None:
    item = us.taxed("TAXABLE")
    groups = {one["code"]: one["id"] for one in await us.values("taxGroups")}
    assert (await us.patch(f"items({item.id})", {"taxGroupId": groups["LABOR"]}))["taxGroupCode"] == "LABOR"
    assert (await us.patch(f"items({item.id})", {"taxGroupCode": "SOFTWARE"}))["taxGroupId"] == groups[
        "SOFTWARE"
    ]
    code, message = await us.refused(
        "PATCH", f"items({item.id})", {"taxGroupId": groups["LABOR"], "taxGroupCode": "SOFTWARE"}
    )
    assert code == "Application_DialogException"
    assert message == "The tax group values do not match to a specific Tax Group."
    assert (await us.refused("PATCH", f"items({item.id})", {"taxGroupCode": "STANDARD"}))[0] == (
        "Internal_InvalidTableRelation"
    )


async def test_a_vat_company_has_no_tax_groups_for_items(us: UsClient) -> None:
    uk = BcClient(us.world, us.http)
    assert (await uk.refused("PATCH", f"items({uk.item().id})", {"taxGroupCode": "STANDARD"}))[0] == (
        "Internal_InvalidTableRelation"
    )


async def test_a_new_customer_has_an_area_by_its_id(us: UsClient) -> None:
    areas = {one["code"]: one["id"] for one in await us.values("taxAreas")}
    made = await us.post(
        "customers", {"displayName": "New Inc.", "taxLiable": True, "taxAreaId": areas["CHICAGO"]}
    )
    assert (made["taxAreaDisplayName"], made["taxLiable"]) == ("Chicago, IL", True)
    code, message = await us.refused("POST", "customers", {"displayName": "X", "taxAreaId": made["id"]})
    assert code == "Internal_RecordNotFound"
    assert message.startswith("The Tax Area does not exist.")


async def test_a_general_group_is_needed_only_to_post_but_the_customers_group_at_once(us: UsClient) -> None:
    line = {"lineType": "Item", "lineObjectNumber": us.taxed("TAXABLE").number, "quantity": 1, "unitPrice": 1}
    general, customers = us.company.customers[-2:]
    draft = await us.invoice(line, customerNumber=general.number)
    assert (await us.act(draft["id"])).json()["error"]["code"] == "Internal_RecordNotFound"
    assert await us.refused("POST", "salesInvoices", {"customerNumber": customers.number}) == (
        "Application_FieldValidationException",
        f"Customer Posting Group must have a value in Customer: No.={customers.number}. It cannot be zero or empty.",
    )


async def test_posting_keeps_the_tax(us: UsClient) -> None:
    invoice = await us.sale("NEW YORK", *[("TAXABLE", 1, 0.99)] * 5)
    assert (await us.act(invoice["id"])).status_code == 204
    posted = await us.read(invoice)
    assert (posted["status"], posted["totalTaxAmount"]) == ("Open", 0.44)


@settings(max_examples=80)
@given(
    st.lists(
        st.builds(
            Taxable,
            st.decimals(min_value=0, max_value=10**5, places=2),
            st.just(Decimal(0)),
            st.sampled_from(sorted(RATES)),
        ),
        min_size=1,
        max_size=12,
    ),
    st.decimals(min_value=0, max_value=50, places=2),
)
def test_lines_share_the_tax_of_their_group(lines: list[Taxable], discount: Decimal) -> None:
    taxed = tax_lines(lines, discount, RATES.__getitem__)
    for group, rates in RATES.items():
        members = [tax for line, tax in zip(lines, taxed, strict=True) if line.group == group]
        net = sum((tax.net for tax in members), Decimal(0))
        assert sum((tax.net_tax for tax in members), Decimal(0)) == sum(
            (round_to(net * rate / 100, CENT) for rate in rates), Decimal(0)
        )
    for tax in taxed:
        own = sum((round_to(tax.net * rate / 100, CENT) for rate in RATES["TAXABLE"]), Decimal(0))
        assert abs(tax.net_tax - own) <= 3 * CENT or tax.net_tax == 0
