"""What a push sent to BC and what came back, in short, so that it fits beside its outcome in a row written anyway.

Requests are kept whole. Of an answer stays what says something about them: the fields that were sent, numbers, states,
sums and tax, and an error's words. Tokens travel in headers and are never here.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from bc.clients.business_central import Exchange, exchanges
from bc.clients.transport import decode_json

# Bytes in the row. An invoice of ten lines takes some 800.
MOST_BYTES = 6_000
# Characters of each body, ever fewer until all of it fits; 0 leaves the bodies out.
SHORTER = (2_000, 400, 80, 0)
MOST_ROWS = 200
MOST_FOUND = 5
TOLD = frozenset(
    [
        "value",
        "error",
        "code",
        "message",
        "number",
        "status",
        "displayName",
        "type",
        "blocked",
        "salesInvoiceLines",
        "salesCreditMemoLines",
        "sequence",
        "lineObjectNumber",
        "description",
        "quantity",
        "taxCode",
        "taxPercent",
        "netAmount",
        "amountExcludingTax",
        "totalTaxAmount",
        "totalAmountExcludingTax",
        "totalAmountIncludingTax",
        "currencyCode",
        "externalDocumentNumber",
    ]
)
_COMPANY = re.compile(r"companies\([^)]*\)/")
_encode = msgspec.json.Encoder(decimal_format="number").encode


class SentPart(msgspec.Struct, frozen=True):
    """One request within a request, or the request itself. `sent` and `answer`: JSON texts, "" where there was none.

    `status` 0: it was not carried out, or no answer came.
    """

    method: str
    path: str
    sent: str = ""
    status: int = 0
    answer: str = ""


class SentRequest(msgspec.Struct, frozen=True):
    """One HTTP request to BC: several parts are one `$batch`. `trouble`: why there is no whole answer."""

    method: str
    path: str
    status: int
    parts: tuple[SentPart, ...]
    trouble: str = ""


class Sent(msgspec.Struct, frozen=True):
    """The last requests of a push, oldest first. `shortened`: some bodies end early, or are left out."""

    requests: tuple[SentRequest, ...] = ()
    shortened: bool = False


_decoder = msgspec.json.Decoder(Sent)


def sent_so_far() -> bytes:
    """What the push under way has sent, packed for its row; nothing where it sent nothing."""
    made = exchanges()
    return packed(made) if made else b""


def packed(made: Sequence[Exchange]) -> bytes:
    """Requests and answers in short, of `MOST_BYTES` at most."""
    whole = Sent(tuple(_request(each) for each in made))
    found = _squeezed(whole)
    for limit in SHORTER:
        if len(found) <= MOST_BYTES:
            return found
        found = _squeezed(_shortened(whole, limit))
    return found if len(found) <= MOST_BYTES else b""


def unpacked(kept: bytes) -> Sent:
    """As `packed` kept it, its JSON laid out for reading."""
    if not kept:
        return Sent()
    found = _decoder.decode(zlib.decompress(kept))
    if found.shortened:
        return found
    return Sent(tuple(_laid_out(each) for each in found.requests))


def _squeezed(sent: Sent) -> bytes:
    return zlib.compress(_encode(sent), 6)


def _shortened(sent: Sent, limit: int) -> Sent:
    def short(text: str) -> str:
        return text if len(text) <= limit else f"{text[:limit]} …" if limit else ""

    def part(one: SentPart) -> SentPart:
        return msgspec.structs.replace(
            one, path=short(one.path) or one.path[:80], sent=short(one.sent), answer=short(one.answer)
        )

    requests = (
        msgspec.structs.replace(each, parts=tuple(part(one) for one in each.parts[:MOST_ROWS]))
        for each in sent.requests
    )
    return Sent(tuple(requests), shortened=True)


def _laid_out(request: SentRequest) -> SentRequest:
    parts = (
        msgspec.structs.replace(part, sent=_indented(part.sent), answer=_indented(part.answer))
        for part in request.parts
    )
    return msgspec.structs.replace(request, parts=tuple(parts))


def _indented(text: str) -> str:
    return msgspec.json.format(text, indent=2) if text else ""


def _request(exchange: Exchange) -> SentRequest:
    path, sent, answer = _path(exchange.url), _read(exchange.sent), _read(exchange.answer)
    method, status = exchange.method, exchange.status
    if path == "$batch" and isinstance(sent, dict):
        parts = tuple(_parts(sent, answer if isinstance(answer, dict) else {}))
        return SentRequest(method, path, status, parts, exchange.trouble)
    words = _text(_in_short(answer, TOLD | _names(sent)))
    return SentRequest(
        method, path, status, (SentPart(method, path, _text(sent), status, words),), exchange.trouble
    )


def _parts(sent: dict[str, Any], answer: dict[str, Any]) -> Iterator[SentPart]:
    """The parts of a `$batch` with their answers. What a later part read is not shown twice."""
    by_id = {str(row.get("id")): row for row in _rows(answer.get("responses"))}
    asked = _rows(sent.get("requests"))
    names = TOLD.union(*(_names(row.get("body")) for row in asked))
    read = {
        record_id
        for row in asked
        if row.get("method") == "GET"
        for record_id in _ids((by_id.get(str(row.get("id"))) or {}).get("body"))
    }
    for row in asked:
        method, its = str(row.get("method", "")), by_id.get(str(row.get("id"))) or {}
        body, status = its.get("body"), its.get("status")
        again = method != "GET" and not read.isdisjoint(_ids(body))
        told = _in_short(body, frozenset(("number", "status")) if again else names)
        yield SentPart(
            method,
            _path(str(row.get("url", ""))),
            _text(row.get("body")),
            status if isinstance(status, int) else 0,
            _text(told),
        )


def _path(url: str) -> str:
    """Relative to the company, as a person reads it."""
    inside = _COMPANY.split(url, maxsplit=1)
    return unquote(inside[1] if len(inside) > 1 else url.rsplit("/", 1)[-1])


def _read(body: bytes) -> Any:
    try:
        return decode_json(body) if body else None
    except ValueError:
        return None


def _text(value: Any) -> str:
    return "" if value in (None, {}) else _encode(value).decode()


def _names(value: Any) -> frozenset[str]:
    match value:
        case dict():
            return frozenset(value).union(*(_names(each) for each in value.values()))
        case list():
            return frozenset[str]().union(*(_names(each) for each in value))
    return frozenset()


def _ids(body: Any) -> set[str]:
    rows = _rows(body["value"] if isinstance(body, dict) and "value" in body else [body])
    return {str(row["id"]) for row in rows if row.get("id")}


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _in_short(value: Any, names: frozenset[str]) -> Any:
    """Of objects the members of these names that say something, of a list of finds the first."""
    match value:
        case dict():
            most = MOST_FOUND if "value" in value else MOST_ROWS
            return {
                name: _in_short(each[:most] if isinstance(each, list) else each, names)
                for name, each in value.items()
                if name in names and each not in ("", None)
            }
        case list():
            return [_in_short(each, names) for each in value]
    return value
