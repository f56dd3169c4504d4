"""What Halo's refusals mean. Its error bodies come in five shapes, so only the status decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bc.clients.halo_shapes import Row
from bc.clients.transport import Answer, retry_after
from bc.errors import Gone, Refused, SyncError, Throttled, Transient, UnknownOutcome

_LONGEST_MESSAGE = 1000
_MESSAGE_KEYS = (
    "error_description",
    "errorMessage",
    "message",
    "Message",
    "ExceptionMessage",
    "detail",
    "title",
    "error",
)
_WAIT = "Nothing to do: it is tried again by itself."


class ArrayRefused(Refused):
    """Some rows of an array were refused, found by sending them one by one.

    `errors` holds the reason by position in what was to be saved, `saved` what Halo answered for the others.
    """

    def __init__(self, errors: Mapping[int, SyncError], saved: Mapping[int, Row]) -> None:
        first = next(iter(errors.values()))
        super().__init__(
            "halo_rejected",
            f"Halo refused {len(errors)} of {len(errors) + len(saved)} records, the first with: {first.message}",
            cure=first.cure,
            status=first.status,
        )
        self.errors = errors
        self.saved = saved


class Strangers(Gone):
    """Halo answered changes of ids that it does not have with new records: to repeat them would make more.

    `saved` is all that it answered.
    """

    def __init__(self, message: str, saved: Sequence[Row]) -> None:
        super().__init__(
            "not_found_in_halo",
            message,
            cure="It may have been deleted in Halo. If a new, empty record came instead, delete that one.",
        )
        self.saved = saved


def halo_error(answer: Answer, *, wrote: bool = False) -> SyncError:
    """The error of an answer whose status is not 2xx. `wrote`: the request may have changed something in Halo.

    401 and 403 are `Transient` (`halo_refused_us`): a day without rights must not fail a record for good (F88).
    """
    status, said = answer.status, error_text(answer)
    message = said or f"Halo answered {status} without a word about why."
    wait = retry_after(answer.headers, datetime.now(UTC))
    if status == 429:
        return Throttled(
            "throttled", said or "Halo asks us to wait.", retry_after=wait, cure=_WAIT, status=status
        )
    if status in (401, 403):
        return Transient(
            "halo_refused_us",
            f"Halo refused us ({status}): {said or 'it did not say why'}",
            retry_after=wait,
            cure="Check HALO_CLIENT_ID and HALO_CLIENT_SECRET, the permissions of the API application in Halo and "
            "those of the agent it logs in as.",
            status=status,
        )
    if status in (404, 410):
        return Gone("not_found_in_halo", said or "Halo has no such record.", status=status)
    if status in (408, 425) or status >= 500:
        kind = UnknownOutcome if wrote else Transient
        return kind("halo_unavailable", message, retry_after=wait, cure=_WAIT, status=status)
    if status < 400:
        return Transient(
            "halo_unavailable",
            f"Halo answered with a redirect ({status}), which is not followed.",
            cure="Check that HALO_URL is the address that Halo itself uses.",
            status=status,
        )
    return Refused(
        "halo_rejected", message, cure="Change in Halo what the message names, then retry.", status=status
    )


def as_refused(error: SyncError) -> Refused:
    """The same refusal as a permanent one, for what a tenant may keep from us for good."""
    return Refused(error.code, error.message, cure=error.cure, status=error.status)


def unreadable(answer: Answer, *, wrote: bool, why: str = "the body cannot be read") -> SyncError:
    """A 2xx answer that is not what it should be: unknown for a write, to be read again otherwise (F35)."""
    kind = UnknownOutcome if wrote else Transient
    return kind(
        "halo_unavailable", f"Halo answered {answer.status}, but {why}.", cure=_WAIT, status=answer.status
    )


def error_text(answer: Answer) -> str:
    """The sentence in an error body: of .NET exceptions, OAuth errors, plain strings; "" for HTML and nothing."""
    try:
        return _sentence(answer.json())
    except ValueError:
        pass
    text = answer.body[:4096].decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else _short(text)


def _sentence(body: Any) -> str:
    if isinstance(body, str):
        return _short(body)
    if isinstance(body, list) and body:
        return _sentence(body[0])
    if isinstance(body, dict):
        for key in _MESSAGE_KEYS:
            if isinstance(body.get(key), (str, dict)) and (found := _sentence(body[key])):
                return found
    return ""


def _short(text: str) -> str:
    # A serialized .NET exception may go on with its stack.
    first = re.split(r"\r?\n\s+at ", text.strip(), maxsplit=1)[0]
    return " ".join(first.split())[:_LONGEST_MESSAGE]
