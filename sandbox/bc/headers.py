"""Sales documents: header rules, deep insert, changes and deletion. Posting is in `posting.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.bc import dimension_sets, lines
from sandbox.bc.dimensions import changed, shortcuts
from sandbox.bc.document import TOTALS, check_open, check_rate, lines_of, posted, recalculate
from sandbox.bc.edit import Edit, Trigger
from sandbox.bc.errors import Refusal, bad_request, dialog, must_be
from sandbox.bc.header_customer import set_bill_to, set_customer, set_due_date
from sandbox.bc.sales import BY_HEADERS, INVOICE, SalesKind
from sandbox.bc.seeding import blanks
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID

_AFTER_POSTING = frozenset({"dueDate", "promisedPayDate", "disputeStatus", "disputeStatusId"})


def create(session: Session, kind: SalesKind, body: Mapping[str, Any]) -> Row:
    """A draft, with its lines when the body has them (deep insert): one transaction.

    The row given back is what the answer shows: its totals predate the lines, unless a switch says otherwise.
    """
    sent = body.get(kind.lines, [])
    if not isinstance(sent, list):
        raise bad_request("Invalid Request Body")
    if session.switch("sequence_bug") and any("sequence" in line for line in sent if isinstance(line, dict)):
        raise Refusal(500, "Internal_ServerError", "You cannot change the value of the SystemId field.")
    edit = Edit(session, TYPES[kind.headers], new_header(session, kind))
    edit.apply(body, _TRIGGERS, nested=(kind.lines, "dimensionSetLines"))
    if edit.values["customerId"] == ZERO_GUID:
        raise dialog('A "customerNumber" or a "customerId" must be provided.')
    _dates_again(edit, kind, body)
    edit.values["number"] = session.company.next_number(kind.series, kind.headers)
    first = session.company[kind.headers].insert(edit.values)
    recurring = session.company.recurring.get(first["customerNumber"], []) if kind is INVOICE else []
    before = session.switch("recurring_lines") == "before"
    dimensions, early = body.get("dimensionSetLines", []), session.switch("dimensions_before_lines")
    if early:
        dimension_sets.insert_all(session, first.id, dimensions)
    for line in [*recurring, *sent] if before else [*sent, *recurring]:
        lines.insert(session, kind, session.company[kind.headers].rows[first.id], line)
    if not early:
        dimension_sets.insert_all(session, first.id, dimensions)
    if not sent and not recurring:
        return session.company[kind.headers].rows[first.id]
    return _as_answered(session, first, recalculate(session, kind, first.id), deep=bool(sent))


def modify(session: Session, kind: SalesKind, row: Row, body: Mapping[str, Any]) -> Row:
    """Change a draft, or of a posted invoice the few fields that stay open (of a credit memo none)."""
    if row["posted"]:
        if kind is not INVOICE or not body or set(body) - _AFTER_POSTING:
            raise posted(kind)
    else:
        check_open(kind, row)
    edit = Edit(session, TYPES[kind.headers], dict(row.values), row)
    edit.apply(body, _TRIGGERS)
    saved = session.company[kind.headers].update(row.id, edit.values)
    if row["posted"]:
        return saved
    _dimensions_follow(session, kind, row, saved)
    if any(saved[name] != row[name] for name in ("customerId", "currencyId", "billToCustomerId")):
        lines.recreate(session, kind, saved)
    return recalculate(session, kind, row.id)


def delete(session: Session, kind: SalesKind, row: Row) -> None:
    """Delete a draft; a posted document only when the set-up's date allows it, and then it is gone."""
    if row["posted"]:
        limit = session.switch("allow_document_deletion_before")
        if not limit:
            raise dialog(
                "The date Allow Document Deletion Before must be set on the page Sales & Receivables Setup before "
                "deleting sales documents."
            )
        if row["postingDate"] >= date.fromisoformat(limit):
            raise dialog(
                f"You cannot delete posted sales documents that are posted after {limit}. \\\\The date is defined "
                "by the Allow Document Deletion Before field in the Sales & Receivables Setup window."
            )
    for line in lines_of(session, kind, row.id):
        session.company[kind.lines].remove(line.id)
    session.company[kind.headers].remove(row.id)


def new_header(session: Session, kind: SalesKind) -> dict[str, Any]:
    """A blank draft with what BC itself keeps about it."""
    return {
        **blanks(TYPES[kind.headers]),
        "status": "Draft",
        kind.date: session.today,
        "postingDate": session.today,
        "dueDate": session.today,
        "discountAppliedBeforeTax": True,
        "taxAreaId": ZERO_GUID,
        "taxLiable": False,
        "posted": False,
        "closed": False,
        "headerStatus": "Open",
        "invoiceDiscount": Decimal(0),
        "vatBusPostingGroup": "",
        "genBusPostingGroup": "",
        "preAssignedNumber": "",
        "dimensions": {},
        "remainingAmount": Decimal(0),
    }


def _dimensions_follow(session: Session, kind: SalesKind, before: Row, after: Row) -> None:
    """A shortcut dimension that was changed on the header is changed on its lines too."""
    moved = set(before["dimensions"].items()) ^ set(after["dimensions"].items())
    for line in lines_of(session, kind, after.id) if moved else ():
        dimensions = line["dimensions"]
        for dimension_id in {one for one, _ in moved}:
            value = after["dimensions"].get(dimension_id, ZERO_GUID)
            dimensions = changed(dimensions, dimension_id, value)
        session.company[kind.lines].update(line.id, {"dimensions": dimensions})


def _as_answered(session: Session, first: Row, last: Row, *, deep: bool) -> Row:
    """The row that a deep insert answers with."""
    mode = session.switch("deep_insert_totals")
    if mode == "fresh" or not deep:
        return last
    old = {name: first[name] for name in TOTALS}
    shown = first if mode == "stale_etag" else last
    return Row(last.id, shown.version, last.created, shown.modified, {**last.values, **old})


def _dates_again(edit: Edit, kind: SalesKind, body: Mapping[str, Any]) -> None:
    """Dates that were sent win over what customer and payment terms worked out."""
    for name in (kind.date, "postingDate", "dueDate"):
        if name in edit.given:
            edit.values[name] = date.fromisoformat(body[name])
    if "dueDate" not in edit.given:
        set_due_date(edit)
    check_rate(edit.session, edit.values)


def _customer_id(edit: Edit, value: str) -> None:
    if edit.new and value == ZERO_GUID:
        return
    row = edit.session.company["customers"].get(value)
    if row is None:
        raise dialog("The sell-to customer cannot be found.")
    set_customer(edit, row)


def _customer_number(edit: Edit, value: str) -> None:
    if edit.new and not value:
        return
    row = edit.session.company["customers"].by_key(value)
    if "customerId" in edit.given and (row is None or row.id != edit.values["customerId"]):
        raise dialog("The sell-to customer values do not match to a specific Customer.")
    if row is None:
        raise dialog("The sell-to customer cannot be found.")
    set_customer(edit, row)


def _bill_to_id(edit: Edit, value: str) -> None:
    row = edit.session.company["customers"].get(value)
    if row is None:
        raise dialog("The bill-to customer cannot be found.")
    set_bill_to(edit, row)


def _bill_to_number(edit: Edit, value: str) -> None:
    row = edit.session.company["customers"].by_key(value)
    if "billToCustomerId" in edit.given and (row is None or row.id != edit.values["billToCustomerId"]):
        raise dialog("The bill-to customer values do not match to a specific Customer.")
    if row is None:
        raise dialog("The bill-to customer cannot be found.")
    set_bill_to(edit, row)


def _document_date(edit: Edit, value: date) -> None:
    edit.values[BY_HEADERS[edit.kind.set_name].date] = value
    set_due_date(edit)


def _posting_date(edit: Edit, value: date) -> None:
    """The document date follows the posting date (BC's default set-up)."""
    edit.values.update({"postingDate": value, BY_HEADERS[edit.kind.set_name].date: value})
    set_due_date(edit)
    check_rate(edit.session, edit.values)


def _terms(edit: Edit, value: str) -> None:
    edit.values["paymentTermsId"] = value
    set_due_date(edit)


def _currency_id(edit: Edit, value: str) -> None:
    row = edit.session.company["currencies"].get(value)
    edit.values.update(currencyId=value, currencyCode=row["code"] if row else "")
    check_rate(edit.session, edit.values)


def _currency_code(edit: Edit, value: str) -> None:
    """The local currency's code is stored blank; a longer text is cut to 10."""
    company = edit.session.company
    code = value[:10].strip().upper()
    row = company["currencies"].by_key(code) if code != company.currency else None
    if code not in ("", company.currency) and row is None:
        raise dialog('The "currencyCode" does not match to a Currency.')
    found = row.id if row else ZERO_GUID
    if "currencyId" in edit.given and edit.values["currencyId"] != found:
        raise dialog("The currency values do not match to a specific Currency.")
    edit.values.update(currencyId=found, currencyCode=row["code"] if row else "")
    check_rate(edit.session, edit.values)


def _invoice_id(edit: Edit, value: str) -> None:
    """What a credit memo applies to: a posted invoice; the zero GUID takes it off."""
    row = edit.session.company["salesInvoices"].get(value)
    if value != ZERO_GUID and (row is None or not row["posted"]):
        raise dialog('The "invoiceId" does not match to an Invoice.')
    edit.values.update(invoiceId=value, invoiceNumber=row["number"] if row else "")


def _invoice_number(edit: Edit, value: str) -> None:
    """No relation guards it: a number without a posted invoice is kept, and found out when it is posted."""
    row = edit.session.company["salesInvoices"].by_key(value) if value else None
    found = row.id if row is not None and row["posted"] else ZERO_GUID
    if "invoiceId" in edit.given and edit.values["invoiceId"] not in (ZERO_GUID, found):
        raise dialog('The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.')
    edit.values.update(invoiceId=found, invoiceNumber=value)


def _shortcut(number: int) -> Trigger:
    def trigger(edit: Edit, value: str) -> None:
        company, dimension = edit.session.company, edit.session.company.global_dimension(number)
        row = company.dimension_value(dimension, value)
        dimensions = changed(edit.values["dimensions"], dimension, row.id if row else ZERO_GUID)
        edit.values.update({"dimensions": dimensions, **shortcuts(company, dimensions)})

    return trigger


def _discount(edit: Edit, value: Decimal) -> None:
    edit.values.update(invoiceDiscount=value, discountAmount=value)


def _posted_only(name: str) -> Trigger:
    def trigger(edit: Edit, value: Any) -> None:
        if not edit.values["posted"]:
            record = "Sales Invoice Entity Aggregate"
            where = f"{record}: No.={edit.values['number']}, Posted=No"
            raise must_be("Posted", "Yes", where, "No")
        edit.values[name] = value

    return trigger


def _sell_to(name: str) -> Trigger:
    """A ship-to address that was the sell-to address follows it."""
    ship = name.replace("sellTo", "shipTo")

    def trigger(edit: Edit, value: Any) -> None:
        if ship in edit.kind.by_name and edit.values[ship] == edit.values[name]:
            edit.values[ship] = value
        edit.values[name] = value

    return trigger


_TRIGGERS: Mapping[str, Trigger] = {
    "customerId": _customer_id,
    "customerNumber": _customer_number,
    "billToCustomerId": _bill_to_id,
    "billToCustomerNumber": _bill_to_number,
    "invoiceDate": _document_date,
    "creditMemoDate": _document_date,
    "postingDate": _posting_date,
    "paymentTermsId": _terms,
    "currencyId": _currency_id,
    "currencyCode": _currency_code,
    "discountAmount": _discount,
    "shortcutDimension1Code": _shortcut(1),
    "shortcutDimension2Code": _shortcut(2),
    "invoiceId": _invoice_id,
    "invoiceNumber": _invoice_number,
    **{name: _posted_only(name) for name in ("promisedPayDate", "disputeStatusId", "disputeStatus")},
    **{
        name: _sell_to(name)
        for name in (
            "sellToAddressLine1", "sellToAddressLine2", "sellToCity", "sellToCountry", "sellToState", "sellToPostCode",
        )
    },
}  # fmt: skip
