"""The data that the sandbox begins with."""

from __future__ import annotations

import re
from decimal import Decimal

from sandbox.data import build


def test_the_same_seed_gives_the_same_data() -> None:
    assert build(3) == build(3)
    assert build(3) != build(4)
    assert len(build(3, scale=2).halo.clients) == 2 * len(build(3).halo.clients)


def test_halos_invoices_add_up_to_the_cent() -> None:
    for invoice in build(3).halo.invoices:
        assert invoice.revenue == sum((line.net_amount for line in invoice.lines), Decimal(0))
        assert invoice.tax_total == sum((line.tax_amount for line in invoice.lines), Decimal(0))
        assert invoice.total == invoice.revenue + invoice.tax_total
        assert all(line.ihid == invoice.id for line in invoice.lines)


def test_ids_are_unique_and_mail_goes_nowhere() -> None:
    data = build(3)
    company, halo = data.bc.main_company, data.halo
    for records in (
        company.customers,
        company.items,
        company.accounts,
        halo.clients,
        halo.sites,
        halo.items,
        halo.invoices,
    ):
        assert len({record.id for record in records}) == len(records)
    assert len({customer.number for customer in company.customers}) == len(company.customers)
    mail = [customer.email for customer in company.customers] + [
        client.accountsemailaddress for client in halo.clients
    ]
    assert all(re.fullmatch(r"[\w.]+@[\w.-]+\.example\.com", address) for address in mail if address)


def test_every_way_of_matching_a_customer_occurs() -> None:
    data = build(3)
    customers = {customer.number: customer for customer in data.bc.main_company.customers}
    ways: dict[str, int] = {}
    for client in data.halo.clients:
        ways[client.matches_by] = ways.get(client.matches_by, 0) + 1
        if client.matches_by == "number":
            assert client.accountsid == client.bc_number
        elif client.matches_by == "email":
            assert client.accountsemailaddress == customers[client.bc_number].email
        elif client.matches_by == "tax_number":
            assert re.sub(r"\W", "", client.tax_number).upper() in customers[client.bc_number].vat_number
    assert ways == {"number": 30, "tax_number": 25, "email": 20, "name": 15, "ambiguous": 6, "": 64}
