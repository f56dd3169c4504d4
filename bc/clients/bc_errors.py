"""What Business Central's refusals mean: one table from its status, code and text to our errors, with the cure.

Status and code decide; the text is read only where BC has no code of its own for the cause (any AL `Error()`
arrives as `Application_DialogException`, a missing permission set as `Internal_ServerError`). The texts are English
because every request asks for `Accept-Language: en-US`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from bc.clients.bc_records import PartAnswer
from bc.clients.transport import Answer, header, retry_after
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

_LONGEST_MESSAGE = 1000
_CORRELATION = re.compile(r"\s*CorrelationId:\s*([0-9A-Za-z-]+)\.?\s*$")
_WAIT = "Nothing to do: it is tried again by itself."


class Rule(NamedTuple):
    """A row matches when the status, BC's code and the text all do; what is empty matches anything.

    `error` None: nobody knows whether a write was carried out, so it is `UnknownOutcome` for writes, else `Transient`.
    """

    error: type[SyncError] | None
    code: str
    statuses: tuple[int, ...] = ()
    codes: str = ""
    text: str = ""
    cure: str = ""


RULES = (
    Rule(Throttled, "throttled", codes="Application_TooManyRequests", cure=_WAIT),
    Rule(Throttled, "throttled", statuses=(429,), cure=_WAIT),
    # A deadlock is rolled back, yet blind repeats have doubled lines: look first (it comes as 409, 400 and 500).
    Rule(None, "bc_unavailable", text=r"was deadlocked with", cure=_WAIT),
    Rule(
        Refused,
        "needs_authorization",
        text=r"current permissions prevented the action",
        cure="Give the signed-in user (or, in app mode, the app's card under 'Microsoft Entra Applications') a "
        "permission set in Business Central that allows this, for example D365 BUS FULL ACCESS. Then retry.",
    ),
    Rule(
        CompanyGone,
        "company_gone",
        codes="Internal_CompanyNotFound|NoEnvironment|EnvironmentNotFound",
        cure="The company or environment was deleted or renamed. Check it in Business Central's admin center; "
        "connect the new one as a new connection.",
    ),
    Rule(
        CompanyGone,
        "company_gone",
        text=r"The Company does not exist|supplied company name is not valid|"
        r"[Ee]nvironment .*(does not exist|not found|cannot be found)|segment '?companies",
        cure="The company or environment was deleted or renamed. Check it in Business Central's admin center; "
        "connect the new one as a new connection.",
    ),
    Rule(
        NeedsAuthorization,
        "needs_authorization",
        codes=r"Authentication_InvalidCredentials",
        cure="Sign in again. In app mode check that the app is listed and enabled under 'Microsoft Entra "
        "Applications' in this Business Central environment.",
    ),
    Rule(
        NeedsAuthorization,
        "needs_authorization",
        codes=r"Authorization_\w+|Authentication_\w+",
        cure="Check the user's Business Central licence and permission sets, then sign in again. In app mode check that "
        "the app is listed and enabled under 'Microsoft Entra Applications' in this Business Central environment.",
    ),
    Rule(
        NeedsAuthorization,
        "needs_authorization",
        statuses=(401,),
        cure="Check the tenant id and the environment name of this connection, then sign in again.",
    ),
    Rule(
        NeedsAuthorization,
        "needs_authorization",
        statuses=(403,),
        cure="Check the user's Business Central licence and permission sets, then sign in again. In app mode check that "
        "the app is listed and enabled under 'Microsoft Entra Applications' in this Business Central environment.",
    ),
    Rule(Transient, "bc_unavailable", codes="Internal_TenantUnavailable", cure=_WAIT),
    Rule(None, "bc_unavailable", statuses=(408, 502, 503, 504), cure=_WAIT),
    Rule(AlreadyExists, "already_exists", codes="Internal_EntityWithSameKeyExists"),
    Rule(Conflict, "changed_in_bc", codes="Request_EntityChanged"),
    Rule(Conflict, "changed_in_bc", statuses=(412,)),
    Rule(
        Refused,
        "posting_group_missing",
        text=r"Posting Group must have a value in",
        cure="Open the card named in the message in Business Central and fill in the posting group. So that new "
        "records get it, add a rule to 'Config. Template Selection Rules' in Business Central.",
    ),
    Rule(
        Refused,
        "customer_blocked",
        text=r"when Customer .+ is blocked with type|Customer .+ is blocked for privacy",
        cure="Remove the block on the customer's card in Business Central, then retry.",
    ),
    Rule(
        Refused,
        "item_blocked",
        text=r"Blocked must be equal to 'No'\s+in Item|You cannot sell Item .+ Blocked check box",
        cure="Remove the block on the item's card in Business Central, or use another product, then retry.",
    ),
    Rule(
        Refused,
        "invoice_posted",
        text=r"The credit memo has been posted and can no longer be modified|can be applied to a draft credit memo only",
        cure="A posted credit memo cannot change. Cancel it in Business Central, or correct it with an invoice.",
    ),
    Rule(
        Refused,
        "invoice_posted",
        text=r"has been posted and can no longer be modified|can be applied to a draft invoice only|"
        r"You cannot delete posted sales documents|Allow Document Deletion Before must be set",
        cure="A posted invoice cannot change. Correct it with a credit memo in Business Central.",
    ),
    Rule(
        Refused,
        "invoice_not_posted",
        text=r"invoiceId\W+does not match to an Invoice",
        cure="Post the invoice in Business Central, then retry.",
    ),
    Rule(
        Refused,
        "invoice_released",
        text=r"Status must be equal to 'Open'\s+in Sales Header",
        cure="The draft is released or waits for approval. Reopen it in Business Central, then retry.",
    ),
    Rule(
        Refused,
        "approval_needed",
        text=r"must be approved and released before",
        cure="Send the draft for approval in Business Central; it is posted once it is approved.",
    ),
    Rule(
        Refused,
        "no_lines",
        text=r"Please add at least one line item",
        cure="Add a line to the invoice in Halo.",
    ),
    Rule(
        Refused,
        "cost_not_updatable",
        text=r"You cannot change Unit Cost",
        cure="Business Central keeps the cost itself once the item has entries. Change it there.",
    ),
    Rule(
        Refused,
        "item_type_fixed",
        text=r"You cannot change the Type field on Item",
        cure="Set the type in Halo back, or make a new product.",
    ),
    Rule(
        Refused,
        "manual_numbers_off",
        text=r"You may not enter numbers manually",
        cure="In Business Central open the number series named in the message and tick 'Manual Nos.'. Then retry.",
    ),
    Rule(
        Refused,
        "posting_date_not_allowed",
        text=r"is not within your range of allowed posting dates",
        cure="Widen 'Allow Posting From/To' in Business Central's setup or change the invoice's date, then retry.",
    ),
    Rule(
        Refused,
        "currency_unknown",
        text=r"field Currency Code .*cannot be found|currency values do not match|does not match to a Currency|"
        r"no Currency Exchange Rate within the filter",
        cure="Create the currency in Business Central, with an exchange rate for the invoice's date. Then retry.",
    ),
    Rule(
        Refused,
        "field_too_long",
        codes="Application_StringExceededLength",
        cure="Shorten the value in Halo, then retry.",
    ),
    # Business Central 22.0 only: lines with a `sequence` cannot be inserted.
    Rule(Refused, "sequence_refused", text=r"You cannot change the value of the SystemId field"),
    Rule(
        Refused,
        "skip_token_expired",
        codes="SkipTokenIsNoLongerValid|BadRequest_SkipTokenIsNoLongerValid",
        cure="The list is read again from its start.",
    ),
    Rule(
        Refused,
        "skip_token_expired",
        text="SkipTokenIsNoLongerValid",
        cure="The list is read again from its start.",
    ),
    Rule(
        Refused,
        "bc_rejected",
        codes="Internal_InvalidTableRelation",
        cure="Create the value named in the message in Business Central, or change it in Halo. Then retry.",
    ),
    Rule(
        Refused,
        "bc_rejected",
        codes="Application_CallbackNotAllowed",
        cure="Business Central, often an extension in it, wanted to ask a question, which no app can answer. Ask "
        "whoever looks after that extension.",
    ),
    # AL code that misses a set-up record answers as if the record asked for were gone.
    Rule(
        Refused,
        "bc_rejected",
        codes="Internal_RecordNotFound",
        text=r"^The (.+ Setup|No\. Series.*|.+ Posting Group|.+ Posting Setup) does not exist",
        cure="Complete the set-up that the message names in Business Central, then retry.",
    ),
    # An address that BC does not know is our fault or an old version's, and says nothing about the record.
    Rule(
        Refused,
        "bc_rejected",
        text=r"Resource not found for the segment|No HTTP resource was found|Error in query syntax",
        cure="This Business Central does not know what was asked for. Check its version, or report the message.",
    ),
    Rule(Gone, "not_found_in_bc", codes="Internal_RecordNotFound"),
    Rule(Gone, "not_found_in_bc", statuses=(404,), codes=r"BadRequest_(ResourceNotFound|NotFound)"),
    # A 404 with no word from BC itself says nothing about the record: the gateway knows no such environment.
    Rule(
        CompanyGone,
        "company_gone",
        statuses=(404,),
        codes="^$",
        cure="Check in Business Central's admin center that the environment still exists under this name.",
    ),
    Rule(Refused, "batch_too_large", text=r"contains too many parts"),
    Rule(Refused, "request_too_large", statuses=(413,), cure="The work is split and tried again."),
    Rule(Refused, "sequence_taken", text=r"cannot insert a line because a line already exists"),
    Rule(Conflict, "changed_in_bc", statuses=(409,)),
    Rule(
        Refused,
        "bc_rejected",
        statuses=(501, 505),
        cure="This Business Central does not know what was asked for. Check its version, or report the message.",
    ),
    Rule(None, "bc_unavailable", statuses=tuple(range(500, 600)), cure=_WAIT),
    Rule(
        Refused,
        "bc_rejected",
        statuses=tuple(range(300, 400)),
        cure="Redirects are not followed. Check BC_API_URL and any proxy.",
    ),
    Rule(
        Refused,
        "bc_rejected",
        cure="Change what the message names, in Halo or in Business Central. Then retry.",
    ),
)


def bc_error(answer: Answer, *, wrote: bool) -> SyncError:
    """The error of an answer whose status is not 2xx. `wrote`: the request may have changed something in BC."""
    try:
        body = answer.json() if answer.body else None
    except ValueError:
        body = None
    return error_from(answer.status, answer.headers, body, wrote=wrote)


def error_from(status: int, headers: Mapping[str, str], body: Any, *, wrote: bool) -> SyncError:
    """As `bc_error`, from the members of an answer: those of a `$batch` part come apart already."""
    remote_code, message, correlation_id = _words(body)
    correlation_id = correlation_id or header(headers, "ms-correlation-x") or header(headers, "request-id")
    rule = next(rule for rule in RULES if _matches(rule, status, remote_code, message))
    message = message or f"Business Central answered {status} without a word about why."
    kind = rule.error or (UnknownOutcome if wrote else Transient)
    if issubclass(kind, Transient):
        return kind(
            rule.code,
            message,
            retry_after=retry_after(headers, datetime.now(UTC)),
            cure=rule.cure,
            correlation_id=correlation_id,
            status=status,
            remote_code=remote_code,
        )
    return kind(
        rule.code,
        message,
        cure=rule.cure,
        correlation_id=correlation_id,
        status=status,
        remote_code=remote_code,
    )


def _matches(rule: Rule, status: int, remote_code: str, message: str) -> bool:
    return (
        (not rule.statuses or status in rule.statuses)
        and (not rule.codes or re.fullmatch(rule.codes, remote_code) is not None)
        and (not rule.text or re.search(rule.text, message, re.DOTALL) is not None)
    )


def _words(body: Any) -> tuple[str, str, str]:
    """BC's code, its sentence without the CorrelationId tail, and that id; all "" where the body is not BC's."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "", "", ""
    message = str(error.get("message") or "").strip()
    found = _CORRELATION.search(message)
    if found:
        message = message[: found.start()].rstrip()
    return str(error.get("code") or ""), message[:_LONGEST_MESSAGE], found[1] if found else ""


def part_error(answer: PartAnswer, *, wrote: bool) -> SyncError | None:
    """The error of one part of a `$batch`; None when it succeeded. Status 0 was certainly not carried out."""
    if answer.ok:
        return None
    if answer.status == 0:
        return Transient(
            "bc_unavailable",
            "Business Central did not carry this out, since another part failed.",
            cure=_WAIT,
        )
    return error_from(answer.status, answer.headers, answer.body, wrote=wrote)
