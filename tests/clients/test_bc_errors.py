"""What each of Business Central's refusals means, for a read and for a write."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bc.clients.bc_errors import bc_error, part_error
from bc.clients.bc_records import PartAnswer
from bc.clients.transport import Answer, encode_json
from bc.errors import (
    AlreadyExists,
    CompanyGone,
    Conflict,
    Gone,
    NeedsAuthorization,
    Refused,
    SyncError,
    Throttled,
    Transient,
    UnknownOutcome,
)

CORRELATION = "6bb0e53c-3635-47d3-a50b-577f39a79a28"
DIALOG = "Application_DialogException"


def refused(status: int, code: str, message: str, *, wrote: bool = True, wait: str = "") -> SyncError:
    body = encode_json({"error": {"code": code, "message": f"{message}  CorrelationId:  {CORRELATION}."}})
    return bc_error(Answer(status, {"Retry-After": wait} if wait else {}, body), wrote=wrote)


# Status, BC's code, its text -> our class for a write, our code. One row for each row of BC's own table of codes,
# and for each text that has a meaning to us.
TABLE: list[tuple[int, str, str, type[SyncError], str]] = [
    (400, "BadRequest", "Could not find a property named 'x' on type 'Microsoft.NAV.item'", Refused, "bc_rejected"),
    (400, "BadRequest", "Control 'customerName' is read-only.", Refused, "bc_rejected"),
    (400, "BadRequest_InvalidRequestUrl", "malformed", Refused, "bc_rejected"),
    (404, "BadRequest_NotFound", "Resource not found for the segment 'itemz'.", Refused, "bc_rejected"),
    (404, "BadRequest_NotFound", "Bad Request - Error in query syntax", Refused, "bc_rejected"),
    (404, "BadRequest_NotFound", "Resource not found for the segment 'companies'.", CompanyGone, "company_gone"),
    (404, "BadRequest_ResourceNotFound", "The record is not there.", Gone, "not_found_in_bc"),
    (400, "BadRequest_InvalidOperation", "Control 'Last Date Modified' is read-only", Refused, "bc_rejected"),
    (400, "BadRequest_InvalidToken", "Could not validate the client concurrency token", Refused, "bc_rejected"),
    (400, "BadRequest_RequiredParamNotProvided", "Field 'taxable' must not be blank", Refused, "bc_rejected"),
    (405, "BadRequest_MethodNotAllowed", "'POST' requests are not allowed", Refused, "bc_rejected"),
    (501, "BadRequest_MethodNotImplemented", "does not support bound actions", Refused, "bc_rejected"),
    (409, "Request_EntityChanged", "Another user has already changed the record.", Conflict, "changed_in_bc"),
    (412, "", "", Conflict, "changed_in_bc"),
    (409, "Internal_ServerError", "Something else.", Conflict, "changed_in_bc"),
    (400, "Internal_EntityWithSameKeyExists", "already exists.", AlreadyExists, "already_exists"),
    (409, "Internal_EntityWithSameKeyExists", "already exists.", AlreadyExists, "already_exists"),
    (404, "Internal_RecordNotFound", "The Customer does not exist. Identification", Gone, "not_found_in_bc"),
    (400, "Internal_RecordNotFound", "The Customer does not exist. Identification", Gone, "not_found_in_bc"),
    (400, "Internal_RecordNotFound", "The No. Series does not exist. Code='CUST'", Refused, "bc_rejected"),
    (400, "Internal_RecordNotFound", "The General Ledger Setup does not exist.", Refused, "bc_rejected"),
    (404, "Internal_RecordNotFound", "The Company does not exist. Name='X'", CompanyGone, "company_gone"),
    (404, "Internal_CompanyNotFound", "the default company cannot be found", CompanyGone, "company_gone"),
    (400, "Internal_CompanyNotFound", "the default company cannot be found", CompanyGone, "company_gone"),
    (400, "Unknown", "The supplied company name is not valid.", CompanyGone, "company_gone"),
    (404, "NoEnvironment", "Environment 'Test' does not exist.", CompanyGone, "company_gone"),
    (404, "", "", CompanyGone, "company_gone"),
    (400, "Internal_DataNotFoundFilter", "There is no Cust. Ledger Entry", Refused, "bc_rejected"),
    (400, "Internal_InvalidTableRelation", "The field Country/Region Code of table Customer contains a value (XX) that cannot be found", Refused, "bc_rejected"),
    (400, "Internal_InvalidTableRelation", "The field Currency Code of table Sales Header contains a value (XX) that cannot be found", Refused, "currency_unknown"),
    (503, "Internal_TenantUnavailable", "The tenant '…' is not accessible", Transient, "bc_unavailable"),
    (500, "Internal_ServerError", "Cannot establish a connection to the SQL Server/Database.", UnknownOutcome, "bc_unavailable"),
    (500, "Internal_ServerError", "Sorry, the current permissions prevented the action. (TableData 18 Customer Read)", Refused, "needs_authorization"),
    (500, "Internal_ServerError", "You cannot change the value of the SystemId field.", Refused, "sequence_refused"),
    (400, "Internal_ServerError", "no reason", Refused, "bc_rejected"),
    (409, "Internal_ServerError", "The activity was deadlocked with another user who was modifying the X table.", UnknownOutcome, "bc_unavailable"),
    (400, DIALOG, "The activity was deadlocked with another user who was modifying the X table.", UnknownOutcome, "bc_unavailable"),
    (500, DIALOG, "The activity was deadlocked with another user who was modifying the X table.", UnknownOutcome, "bc_unavailable"),
    (400, DIALOG, "You have insufficient quantity of Item 2000-S on inventory.", Refused, "bc_rejected"),
    (400, DIALOG, "Item does not exist.", Refused, "bc_rejected"),
    (400, DIALOG, "You may not enter numbers manually. If you want …", Refused, "manual_numbers_off"),
    (400, DIALOG, "You cannot create this type of document when Customer 10000 is blocked with type All", Refused, "customer_blocked"),
    (400, DIALOG, "Customer 10000 is blocked for privacy.", Refused, "customer_blocked"),
    (400, "Application_FieldValidationException", "Blocked must be equal to 'No' in Item: No.=1000. Current value is 'Yes'.", Refused, "item_blocked"),
    (400, DIALOG, "You cannot sell Item 1000 because the Sales Blocked check box is selected on the Item card.", Refused, "item_blocked"),
    (400, DIALOG, "The invoice has been posted and can no longer be modified.", Refused, "invoice_posted"),
    (400, DIALOG, "The action can be applied to a draft invoice only.", Refused, "invoice_posted"),
    (400, DIALOG, "You cannot delete posted sales documents that are posted after 2026-01-01.", Refused, "invoice_posted"),
    (400, DIALOG, "The date Allow Document Deletion Before must be set on the page", Refused, "invoice_posted"),
    (400, DIALOG, "Status must be equal to 'Open' in Sales Header: No.=1.", Refused, "invoice_released"),
    (400, DIALOG, "Sales Invoice 1001 must be approved and released before you can perform this action.", Refused, "approval_needed"),
    (400, DIALOG, "Please add at least one line item to the invoice.", Refused, "no_lines"),
    (400, DIALOG, "You cannot change Unit Cost because there are one or more ledger entries for this item.", Refused, "cost_not_updatable"),
    (400, DIALOG, "You cannot change the Type field on Item 1000 because at least one Sales Line exists", Refused, "item_type_fixed"),
    (400, DIALOG, "You cannot insert a line because a line already exists.", Refused, "sequence_taken"),
    (400, "Application_FieldValidationException", "Gen. Bus. Posting Group must have a value in Customer: No.=C1. It cannot be zero or empty.", Refused, "posting_group_missing"),
    (400, "Application_FieldValidationException", "Posting Date is not within your range of allowed posting dates.", Refused, "posting_date_not_allowed"),
    (400, "Application_FieldValidationException", "Name must have a value in X: No.=1.", Refused, "bc_rejected"),
    (400, "Application_StringExceededLength", "The length of the string is 57, but it must be", Refused, "field_too_long"),
    (400, "Application_EvaluateException", "cannot be evaluated into type Option.", Refused, "bc_rejected"),
    (400, "Application_InvalidGUID", "Invalid format of GUID string", Refused, "bc_rejected"),
    (400, "Application_FilterErrorException", "The length of the string is 22", Refused, "bc_rejected"),
    (400, "Application_CallbackNotAllowed", "attempted to issue a client callback", Refused, "bc_rejected"),
    (400, "SkipTokenIsNoLongerValid", "restart", Refused, "skip_token_expired"),
    (429, "Application_TooManyRequests", "Too many requests reached. Actual (101). Maximum (100).", Throttled, "throttled"),
    (429, "", "", Throttled, "throttled"),
    (401, "Authentication_InvalidCredentials", "The server has rejected the client credentials.", NeedsAuthorization, "needs_authorization"),
    (401, "", "", NeedsAuthorization, "needs_authorization"),
    (403, "Authorization_RequestDenied", "not licensed", NeedsAuthorization, "needs_authorization"),
    (403, "", "", NeedsAuthorization, "needs_authorization"),
    (400, "Unknown", "'Invalid Type' is not an option. The existing options are: …", Refused, "bc_rejected"),
    (500, "Unknown", "The current batch message contains too many parts.", Refused, "batch_too_large"),
    (500, "Unknown", "?", UnknownOutcome, "bc_unavailable"),
    (408, "", "", UnknownOutcome, "bc_unavailable"),
    (502, "", "", UnknownOutcome, "bc_unavailable"),
    (503, "", "", UnknownOutcome, "bc_unavailable"),
    (504, "", "", UnknownOutcome, "bc_unavailable"),
    (413, "", "", Refused, "request_too_large"),
    (415, "", "", Refused, "bc_rejected"),
    (302, "", "", Refused, "bc_rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "text", "kind", "ours"), TABLE)
def test_a_refusal_means_what_the_table_says(
    status: int, code: str, text: str, kind: type[SyncError], ours: str
) -> None:
    write = refused(status, code, text)
    read = refused(status, code, text, wrote=False)
    assert (type(write), write.code) == (kind, ours)
    assert type(read) is (Transient if kind is UnknownOutcome else kind)
    assert write.status == status
    assert write.remote_code == code
    part = part_error(PartAnswer(status, {}, {"error": {"code": code, "message": text}}), wrote=True)
    assert (type(part), part and part.code) == (kind, ours)


def test_what_a_person_must_do_is_always_said() -> None:
    for status, code, text, kind, ours in TABLE:
        error = refused(status, code, text)
        if kind in (Refused, NeedsAuthorization) and ours not in (
            "sequence_refused",
            "sequence_taken",
            "batch_too_large",
        ):
            assert error.cure, (status, code, text)


def test_the_sentence_is_kept_without_the_tail_and_the_id_beside_it() -> None:
    error = refused(400, DIALOG, "Item does not exist.")
    assert error.message == "Item does not exist."
    assert error.correlation_id == CORRELATION


def test_the_correlation_id_may_stand_in_a_header() -> None:
    error = bc_error(Answer(502, {"MS-Correlation-X": "abc"}, b"<html>Bad gateway</html>"), wrote=False)
    assert error.correlation_id == "abc"
    assert "<html" not in error.message
    assert "502" in error.message


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"<?xml version='1.0'?>", b"[]", b'"text"', b'{"error": "x"}', b'{"error":']
)
@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_body_that_is_not_bcs_is_judged_by_its_status(body: bytes, status: int) -> None:
    expected = {
        400: Refused,
        401: NeedsAuthorization,
        404: CompanyGone,
        500: UnknownOutcome,
        503: UnknownOutcome,
    }
    assert type(bc_error(Answer(status, {}, body), wrote=True)) is expected[status]


def test_a_missing_permission_set_is_named_and_not_retried() -> None:
    # F75
    error = refused(
        500, "Internal_ServerError", "Sorry, the current permissions prevented the action. (TableData 18)"
    )
    assert not isinstance(error, Transient)
    assert "permission set" in error.cure
    assert "TableData 18" in error.message


@pytest.mark.parametrize(("status", "kind"), [(429, Throttled), (503, UnknownOutcome)])
def test_the_wait_that_bc_asks_for_is_kept(status: int, kind: type[Transient]) -> None:
    # F25, F28, F31: as asked, be it days.
    error = refused(status, "", "", wait="259200")
    assert isinstance(error, kind)
    assert error.retry_after == timedelta(days=3)
    silent = refused(status, "", "")
    assert isinstance(silent, Transient)
    assert silent.retry_after is None


def test_a_part_that_was_not_reached_is_certainly_not_done() -> None:
    assert part_error(PartAnswer(201, {}, {}), wrote=True) is None
    assert type(part_error(PartAnswer(0), wrote=True)) is Transient


def test_a_part_without_a_readable_body_has_an_error_all_the_same() -> None:
    body: Any = None
    error = part_error(PartAnswer(504, {"retry-after": "7"}, body), wrote=False)
    assert isinstance(error, Transient)
    assert error.retry_after == timedelta(seconds=7)
