"""Customers: what BC checks and fills in when one is created, changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc import default_dimensions
from sandbox.bc.edit import Edit, Trigger, by_id
from sandbox.bc.errors import bad_request, dialog, no_record, same_key, too_long
from sandbox.bc.sales import SALES_KINDS
from sandbox.bc.seeding import new_customer
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID

_KIND = TYPES["customers"]
_VAT_NUMBER_LENGTH = 20  # the table's, though the page's variable has 50


def create(session: Session, body: Mapping[str, Any]) -> Row:
    """A new customer; without template rules it has no posting groups."""
    edit = Edit(session, _KIND, new_customer())
    edit.apply(body, _TRIGGERS, nested=(default_dimensions.SET,))
    if "displayName" not in edit.given:
        raise dialog('A "displayName" must be provided.')
    if not edit.values["number"]:
        edit.values["number"] = session.company.next_number("CUST", "customers")
    if session.switch("template_rules"):
        _template(edit)
    row = session.company["customers"].insert(edit.values)
    default_dimensions.create_all(session, row.id, body.get(default_dimensions.SET, []))
    return session.company["customers"].rows[row.id]


def modify(session: Session, row: Row, body: Mapping[str, Any]) -> Row:
    """Change a customer. A changed number renames it, and its documents follow."""
    edit = Edit(session, _KIND, dict(row.values), row)
    edit.apply(body, _TRIGGERS)
    saved = session.company["customers"].update(row.id, edit.values)
    if saved["number"] != row["number"]:
        for documents in (session.company[kind.headers] for kind in SALES_KINDS):
            for one in [one for one in documents if one["customerId"] == row.id]:
                documents.update(one.id, {"customerNumber": saved["number"]}, touch=False)
            for one in [one for one in documents if one["billToCustomerId"] == row.id]:
                documents.update(one.id, {"billToCustomerNumber": saved["number"]}, touch=False)
    return saved


def delete(session: Session, row: Row) -> None:
    """Delete a customer that no document and no ledger entry needs."""
    if row["hasEntries"]:
        raise dialog(
            f"You cannot delete Customer {row['number']} because it has ledger entries in a fiscal year that has "
            "not been closed yet."
        )
    for kind in SALES_KINDS:
        for document in session.company[kind.headers]:
            if row.id in (document["customerId"], document["billToCustomerId"]):
                raise dialog(
                    f"You cannot delete Customer {row['number']} because there is at least one outstanding Sales "
                    f"{kind.document_type} for this customer."
                )
    default_dimensions.forget(session, row.id)
    session.company["customers"].remove(row.id)


def check_manual(edit: Edit, series: str, switch: str) -> None:
    """Refuse a typed number where the series does not allow it."""
    setup = edit.session.company.series.by_key(series)
    if not edit.session.switch(switch) or (setup is not None and not setup["manual"]):
        raise dialog(
            "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual "
            f"Nos. in No. Series {series}."
        )


def _number(edit: Edit, value: str) -> None:
    if value and (edit.new or value != edit.values["number"]):
        check_manual(edit, "CUST", "manual_customer_numbers")
        if edit.session.company["customers"].by_key(value) is not None:
            raise same_key("Customer", "No.", value, edit.session.switch("duplicate_key_status"))
    edit.values["number"] = value


def _name(edit: Edit, value: str) -> None:
    if not value:
        raise dialog('The blank "displayName" is not allowed.')
    edit.values["displayName"] = value


def _currency_code(edit: Edit, value: str) -> None:
    """The local currency's code and a blank both mean: none."""
    company = edit.session.company
    code = value.upper()[:10]
    code = "" if code == company.currency else code
    row = company["currencies"].by_key(code) if code else None
    if code and row is None:
        raise dialog('The "currencyCode" does not match to a Currency.')
    found = row.id if row else ZERO_GUID
    if "currencyId" in edit.given and edit.values["currencyId"] != found:
        raise dialog("The currency values do not match to a specific Currency.")
    edit.values.update(currencyId=found, currencyCode=code)


def _tax_area(edit: Edit, value: str) -> None:
    """In a VAT company the tax area is the VAT business posting group."""
    company = edit.session.company
    row = company["taxAreas"].get(value)
    if value != ZERO_GUID and row is None:
        table = "VAT Business Posting Group" if company.vat_in_use else "Tax Area"
        raise no_record(table, f"SystemId='{{{value.upper()}}}'", 400)
    edit.values["taxAreaId"] = value
    if company.vat_in_use:
        edit.values["vatBusPostingGroup"] = row["code"] if row else ""


def _tax_number(edit: Edit, value: str) -> None:
    if len(value) > _VAT_NUMBER_LENGTH:
        raise too_long(value, _VAT_NUMBER_LENGTH)
    edit.values["taxRegistrationNumber"] = value


def _blocked(edit: Edit, value: str) -> None:
    if edit.values["privacyBlocked"] and value != edit.values["blocked"]:
        raise bad_request(
            "The Blocked field cannot be changed because the user is blocked for privacy reasons.",
            "Application_DialogException",
        )
    edit.values["blocked"] = value


def _template(edit: Edit) -> None:
    """What the tenant's template rule gives: posting groups by country, and payment terms; sent fields win."""
    company, values = edit.session.company, edit.values
    home = values["country"] in ("", company.seed.country)
    group = "DOMESTIC" if home else "EXPORT"
    values.update(genBusPostingGroup=group, customerPostingGroup="DOMESTIC" if home else "FOREIGN")
    area = company["taxAreas"].by_key(group)
    if company.vat_in_use and "taxAreaId" not in edit.given and area is not None:
        values.update(vatBusPostingGroup=group, taxAreaId=area.id)
    terms = company["paymentTerms"].by_key("30 DAYS")
    if "paymentTermsId" not in edit.given and terms is not None:
        values["paymentTermsId"] = terms.id


_TRIGGERS: Mapping[str, Trigger] = {
    "number": _number,
    "displayName": _name,
    "currencyId": by_id("currencyId", "currencyCode", "Currency"),
    "currencyCode": _currency_code,
    "taxAreaId": _tax_area,
    "taxRegistrationNumber": _tax_number,
    "blocked": _blocked,
}
