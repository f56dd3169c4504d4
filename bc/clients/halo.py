"""Halo's API: read one, read pages, save arrays, tolerant of what tenants answer differently.

Nothing waits or repeats here except for the token after a 401. Ids go in and come out as text; rows are Halo's own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from bc.clients.halo_errors import ArrayRefused, Strangers, as_refused, halo_error, unreadable
from bc.clients.halo_shapes import (
    HaloPage,
    Row,
    customer_url,
    halo_id,
    halo_time,
    invoice_url,
    item_url,
    record_url,
    unwrap,
    unwrap_page,
    without_nulls,
)
from bc.clients.halo_sign_in import HaloSignIn
from bc.clients.transport import Answer, Transport, encode_json
from bc.errors import Refused, SyncError, Transient
from bc.settings import HaloSettings

__all__ = [
    "ArrayRefused",
    "Halo",
    "HaloPage",
    "Strangers",
    "customer_url",
    "halo_error",
    "halo_id",
    "halo_time",
    "invoice_url",
    "item_url",
    "record_url",
]

CALL_SECONDS: Final = 60
HEADERS: Final = {"Accept": "application/json"}
PAGE_SIZE: Final = 100
_RESOURCE = re.compile(r"[A-Za-z]+(/[A-Za-z]+)*")
_ID = re.compile(r"-?[0-9]{1,19}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
# Lengths of the columns behind IntegrationError.
_ERROR_LIMITS = {"entity_type": 100, "entity_name": 100, "endpoint": 100, "error": 2000}

type Params = Mapping[str, str | int | bool]


class Halo:
    """One Halo tenant. `budget(n)` is awaited before each call and returns once `n` more calls are allowed."""

    def __init__(
        self, transport: Transport, settings: HaloSettings, budget: Callable[[int], Awaitable[None]]
    ) -> None:
        self._transport = transport
        self._budget = budget
        self._sign_in = HaloSignIn(transport, settings, budget)

    async def get_one(self, resource: str, record_id: str, *, params: Params | None = None) -> Row | None:
        """One record; None when Halo answers 404. Raises `Transient` where the answer is not that record."""
        wanted = _checked_id(record_id)
        answer = await self._send("GET", f"{resource}/{wanted}", params)
        if answer.status == 404:
            return None
        if not answer.ok:
            raise halo_error(answer)
        try:
            rows = unwrap(resource, answer.json())
        except ValueError as error:
            raise unreadable(answer, wrote=False) from error
        if len(rows) != 1 or ("id" in rows[0] and halo_id(rows[0]["id"]).lower() != wanted.lower()):
            raise unreadable(answer, wrote=False, why=f"not with {resource} {wanted}")
        return rows[0]

    async def page(
        self, resource: str, *, page_no: int = 1, page_size: int = PAGE_SIZE, params: Params | None = None
    ) -> HaloPage:
        """One page of a list, from 1. Halo ignores filters that it does not know: check the rows."""
        paging = {"pageinate": True, "page_size": page_size, "page_no": page_no}
        answer = await self._read(resource, {**(params or {}), **paging})
        try:
            return unwrap_page(resource, answer.json())
        except ValueError as error:
            raise unreadable(answer, wrote=False, why=str(error)) from error

    async def rows(self, resource: str, params: Params | None = None) -> list[Row]:
        """A short list in one call, without paging."""
        answer = await self._read(resource, params)
        try:
            return unwrap(resource, answer.json())
        except ValueError as error:
            raise unreadable(answer, wrote=False, why=str(error)) from error

    async def save(
        self, resource: str, rows: Sequence[Mapping[str, Any]], *, singles: bool = True
    ) -> list[Row]:
        """Create (no `id`) or change (with `id`, only the fields given) records; returns what Halo answers for them.

        Members that are None are left out. A refused array is repeated as singles, and `ArrayRefused` then tells
        which rows are to blame and what became of the others; a single refused row raises its own error. Raises
        `Gone` for a change of a record that Halo does not have.

        `singles` False: a refused array raises its `Refused` at once. This is for creates, since a tenant may keep
        part of an array that it refuses: the caller looks what is there before it repeats anything.
        """
        if not rows:
            return []
        try:
            return await self._save_array(resource, rows)
        except Refused:
            if len(rows) == 1 or not singles:
                raise
        return await self._save_singles(resource, rows)

    async def update_lines(self, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Change invoice lines (`id`, `ihid` and the fields that differ): the cheap way to write tax and ids back."""
        return await self.save("Invoice/updatelines", rows)

    async def delete(self, resource: str, record_id: str, *, params: Params | None = None) -> None:
        """Delete a record; one that is gone already is no error."""
        answer = await self._send("DELETE", f"{resource}/{_checked_id(record_id)}", params)
        if not answer.ok and answer.status != 404:
            raise halo_error(answer, wrote=True)

    async def new_accounts_id(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Let Halo generate accounts ids (`Client`, `Item`). The number is in the answer; the record may not have it."""
        answer = await self._send("POST", f"{resource}/NewAccountsId", None, list(rows))
        if not answer.ok:
            raise halo_error(answer, wrote=True)
        try:
            payload = answer.json()
        except ValueError as error:
            raise unreadable(answer, wrote=True) from error
        if isinstance(payload, (str, int)) and not isinstance(payload, bool):
            return [{"accountsid": str(payload)}]
        if isinstance(payload, dict) and "accountsid" in payload:
            return [payload]
        try:
            return unwrap(resource, payload)
        except ValueError as error:
            raise unreadable(answer, wrote=True, why=str(error)) from error

    async def client(self, record_id: str) -> Row | None:
        return await self.get_one("Client", record_id, params={"includedetails": True})

    async def site(self, record_id: str) -> Row | None:
        return await self.get_one("Site", record_id, params={"includedetails": True})

    async def item(self, record_id: str) -> Row | None:
        return await self.get_one("Item", record_id, params={"includedetails": True})

    async def invoice(self, record_id: str) -> Row | None:
        """The invoice with its lines. Without a `lines` key they are not known, which is not the same as none."""
        return await self.get_one("Invoice", record_id, params={"includedetails": True})

    async def lookups(self, list_id: int | str) -> list[Row]:
        """The values of a lookup list; those of other lists, which a tenant may answer too, are left out."""
        rows = await self._fact("Lookup", {"lookupid": str(list_id)})
        return [row for row in rows if halo_id(row.get("lookupid", list_id)) == str(list_id)]

    async def currencies(self) -> list[Row]:
        return await self._fact("Currency")

    async def native_details(self) -> list[Row]:
        """The connections of Halo's own Business Central module."""
        return await self._fact("BusinessCentralDetails")

    async def control(self) -> Row:
        """Halo's global settings."""
        rows = await self._fact("Control")
        return rows[0] if rows else {}

    async def integration_error(
        self,
        entity: str,
        record_id: str,
        *,
        name: str,
        error: str,
        endpoint: str = "",
        detail_id: int | None = None,
        module_id: int | None = None,
    ) -> None:
        """Leave Halo a row of what failed, for its own errors screen; texts are cut to what its columns hold."""
        row: Row = {
            "entity_type": entity,
            "entity_id": _number(record_id),
            "entity_name": name,
            "endpoint": endpoint,
            "error": error,
            "detail_id": detail_id,
            "module_id": module_id,
        }
        cut = {
            key: value[: _ERROR_LIMITS[key]] if key in _ERROR_LIMITS else value for key, value in row.items()
        }
        await self.save("IntegrationError", [cut])

    async def external_link(
        self,
        entity: str,
        record_id: str,
        *,
        bc_id: str,
        bc_number: str = "",
        url: str = "",
        module_id: int | None = None,
        details_id: int | None = None,
    ) -> None:
        """Leave Halo the BC id of a record, once: a row of ours that is there already is changed, if it differs."""
        wanted: Row = {
            "halo_id": _number(record_id),
            "third_party_id": bc_id,
            "third_party_secondary_id": bc_number,
            "third_party_type": entity,
        }
        optional = {"third_party_url": url or None, "module_id": module_id, "details_id": details_id}
        listed = await self.page("ExternalLink", params={"third_party_id": bc_id, "halo_id": record_id})
        # The filter may be ignored: only a row with this very id is ours.
        own = next(
            (
                row
                for row in listed.rows
                if str(row.get("third_party_id", "")).lower() == bc_id.lower()
                and halo_id(row.get("halo_id")) == halo_id(record_id)
            ),
            None,
        )
        if own is None:
            await self.save("ExternalLink", [{**wanted, **optional}])
        elif str(own.get("third_party_secondary_id") or "") != bc_number:
            await self.save("ExternalLink", [{"id": own.get("id"), "third_party_secondary_id": bc_number}])

    async def _fact(self, resource: str, params: Params | None = None) -> list[Row]:
        """A list that a tenant may keep from us for good: not being allowed to read it is `Refused`, not a fault."""
        answer = await self._send("GET", resource, params)
        if not answer.ok:
            error = halo_error(answer)
            # Signing in worked, or this would not be an answer: only this list is kept from us.
            raise as_refused(error) if answer.status in (401, 403) else error
        try:
            payload = answer.json()
            # Settings are one object, with lists of their own and perhaps without an id.
            return (
                [payload]
                if resource == "Control" and isinstance(payload, dict)
                else unwrap(resource, payload)
            )
        except ValueError as error:
            raise unreadable(answer, wrote=False, why=str(error)) from error

    async def _save_array(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        answer = await self._send("POST", resource, None, [without_nulls(row) for row in rows])
        if not answer.ok:
            raise halo_error(answer, wrote=True)
        if not answer.body.strip() or answer.status == 204:
            return []
        try:
            saved = unwrap(resource, answer.json())
        except ValueError as error:
            raise unreadable(answer, wrote=True, why=str(error)) from error
        if "/" not in resource:
            # What answers a command (`updatelines`) need not be the rows themselves.
            _check_ids(resource, rows, saved)
        return saved

    async def _save_singles(self, resource: str, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
        errors: dict[int, SyncError] = {}
        saved: dict[int, Row] = {}
        held_up: Transient | None = None
        for position, row in enumerate(rows):
            if held_up is not None:
                errors[position] = held_up
                continue
            try:
                answered = await self._save_array(resource, [row])
            except Refused as error:
                errors[position] = error
            except Transient as error:
                errors[position] = held_up = error
            else:
                saved[position] = answered[0] if answered else {}
        if errors:
            raise ArrayRefused(errors, saved)
        return list(saved.values())

    async def _read(self, resource: str, params: Params | None) -> Answer:
        answer = await self._send("GET", resource, params)
        if not answer.ok:
            raise halo_error(answer)
        return answer

    async def _send(
        self, method: str, path: str, params: Params | None, body: Sequence[Any] | None = None
    ) -> Answer:
        """One call, repeated once with a new token after a 401. Raises for the network only, not for a status."""
        resource = path.rpartition("/")[0] if _ID.fullmatch(path.rpartition("/")[2]) else path
        if not _RESOURCE.fullmatch(resource):
            raise ValueError(f"not a resource of Halo: {path!r}")
        url = f"api/{path}{_query(params)}"
        content = None if body is None else encode_json(body)
        headers = HEADERS if body is None else {**HEADERS, "Content-Type": "application/json"}
        token = await self._sign_in.token()
        answer = Answer(0, {}, b"")
        for last in (False, True):
            await self._budget(1)
            answer = await self._transport.send(
                method,
                url,
                bearer=token,
                headers=headers,
                content=content,
                timeout=CALL_SECONDS,
                writes=method != "GET",
            )
            if answer.status != 401 or last:
                break
            token = await self._sign_in.token(refused=token)
        return answer


def _checked_id(record_id: str) -> str:
    found = halo_id(record_id)
    if not _ID.fullmatch(found):
        raise Refused(
            "not_found_in_halo",
            f"'{found[:80]}' is not an id of Halo.",
            cure="Check the message or address that named it.",
        )
    return found


def _number(record_id: str) -> int:
    return int(_checked_id(record_id))


def _query(params: Params | None) -> str:
    if not params:
        return ""
    plain = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in params.items()
    }
    return "?" + urlencode(plain)


def _check_ids(resource: str, rows: Sequence[Mapping[str, Any]], saved: Sequence[Row]) -> None:
    """A tenant may answer the change of an unknown id with a new record: that is not the record we meant."""
    wanted = {halo_id(row["id"]) for row in rows if row.get("id")}
    answered = {halo_id(row["id"]) for row in saved if row.get("id")}
    strangers = answered - wanted
    missing = wanted - answered
    if missing and len(strangers) > len(rows) - len(wanted):
        raise Strangers(
            f"Halo has no {resource} {', '.join(sorted(missing))} and answered with {', '.join(sorted(strangers))}.",
            saved,
        )
