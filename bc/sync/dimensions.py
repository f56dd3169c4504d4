"""Default dimensions of customers and products: looked up by code, compared with BC's, sent in one transaction.

BC itself gives an invoice and its lines the default dimensions of its customer and items: nothing is sent with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bc.clients.business_central import Part, PartAnswer, part_error, quote
from bc.entities.dimensions import changes, unknown
from bc.entities.values import Record, text
from bc.errors import UnknownOutcome
from bc.sync.context import Push

SET = "defaultDimensions"
# Parts of one look-up.
MOST = 50


async def dimension_parts(
    push: Push, owner: str, name: str, wanted: Mapping[str, str], sent: Mapping[str, str], select: str
) -> tuple[Part, ...]:
    """The one transaction that gives `owner` (`customers(…)`) its dimensions, the owner read back last; () for none.

    Raises `Refused` `dimension_unknown`.
    """
    ids = await dimension_ids(push, name, wanted)
    rows = await _rows(push, [Part("GET", f"{owner}/{SET}")])
    found = changes(wanted, sent, rows[0], ids)
    parts = [_on_row("DELETE", owner, row, None) for row in found.remove]
    parts += [_on_row("PATCH", owner, row, {"dimensionValueId": value}) for row, value in found.change]
    parts += [
        Part("POST", f"{owner}/{SET}", {"dimensionId": dimension, "dimensionValueId": value})
        for dimension, value in found.add
    ]
    return (*parts, Part("GET", f"{owner}?$select={select}")) if parts else ()


async def send_dimensions(push: Push, parts: tuple[Part, ...]) -> dict[str, Any]:
    """Send them, all or none; the owner as BC has it then."""
    answers = await push.bc.batch(push.connection, parts, snapshot=True)
    _raise_first_error(answers, wrote=True)
    return dict(answers[-1].body or {})


def _on_row(method: str, owner: str, row: Record, body: dict[str, Any] | None) -> Part:
    return Part(method, f"{owner}/{SET}({row['id']})", body, str(row.get("@odata.etag") or "*"))


async def dimension_ids(
    push: Push, name: str, wanted: Mapping[str, str]
) -> dict[tuple[str, str], tuple[str, str]]:
    """The BC ids of each wanted dimension and value. Raises `Refused` `dimension_unknown`."""
    cache, connection_id = push.services.known_in_bc, push.connection.id
    unread = []
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for pair in wanted.items():
        hit, value = cache.get(connection_id, "dimension", "|".join(pair))
        if hit and value:
            found[pair] = value
        else:
            unread.append(pair)
    for start in range(0, len(unread), MOST // 2):
        some = unread[start : start + MOST // 2]
        parts = []
        for code, value in some:
            parts.append(Part("GET", f"dimensions?$select=id,code&$filter=code eq {quote(code)}"))
            parts.append(
                Part("GET", f"dimensionValues?$select=id,code,dimensionId&$filter=code eq {quote(value)}")
            )
        rows = await _rows(push, parts)
        for place, (code, value) in enumerate(some):
            dimensions, values = rows[2 * place], rows[2 * place + 1]
            # A sign in a code may act as a wildcard in BC's filter: only exact rows count.
            dimension = next((text(row, "id") for row in dimensions if text(row, "code").upper() == code), "")
            if not dimension:
                raise unknown(name, code, value, dimension=True)
            exact = [row for row in values if text(row, "code").upper() == value]
            own = next((text(row, "id") for row in exact if text(row, "dimensionId") == dimension), "")
            if not own:
                raise unknown(name, code, value, dimension=False)
            found[code, value] = (dimension, own)
            cache.put(connection_id, "dimension", f"{code}|{value}", found[code, value])
    return found


async def _rows(push: Push, parts: list[Part]) -> list[list[dict[str, Any]]]:
    answers = await push.bc.batch(push.connection, parts)
    _raise_first_error(answers, wrote=False)
    return [list((answer.body or {}).get("value", ())) for answer in answers]


def _raise_first_error(answers: list[PartAnswer], *, wrote: bool) -> None:
    for answer in answers:
        error = part_error(answer, wrote=wrote)
        if error is not None and answer.status != 0:
            raise error
    if any(answer.status == 0 for answer in answers):
        raise UnknownOutcome("bc_unavailable", "Business Central did not answer every part of the request.")
