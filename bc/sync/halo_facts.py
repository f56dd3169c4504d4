"""Small facts about the Halo tenant that every push needs and that hardly change: read once, kept for minutes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from bc.entities.values import flag, ident, text
from bc.errors import Refused
from bc.model import HaloConventions

if TYPE_CHECKING:
    from bc.clients.halo import Halo

FRESH_SECONDS = 300
CHARGE_TYPES = 17
_VALUE_COLUMNS = tuple(f"value{n}" for n in range(2, 10))


class HaloFacts:
    """Cached per process. A fact that Halo refuses to show (401, 403, 404) counts as absent, said by the doctor."""

    def __init__(self, halo: Halo) -> None:
        self._halo = halo
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = asyncio.Lock()

    async def _fresh(self, name: str, read: Callable[[], Awaitable[Any]], absent: Any) -> Any:
        async with self._lock:
            kept = self._kept.get(name)
            if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
                return kept[1]
            try:
                value = await read()
            except Refused:
                value = absent
            self._kept[name] = (time.monotonic(), value)
            return value

    def forget(self) -> None:
        """Read everything again at the next use: a person changed something in Halo and asks anew."""
        self._kept.clear()

    async def control(self) -> dict[str, Any]:
        """Halo's global settings; {} where the API application may not read them."""
        found: dict[str, Any] = await self._fresh("control", self._halo.control, {})
        return found

    async def native_sync_on(self) -> bool:
        """Whether Halo's built-in Business Central sync would push as well (GUIDE G41)."""
        rows = await self._fresh("native", self._halo.native_details, [])
        return any(flag(row, "enable_sync") for row in rows)

    async def only_posted_invoices(self) -> bool:
        return flag(await self.control(), "only_send_posted_invoices")

    async def currency_code(self, currency_id: str) -> str:
        """The ISO code of a Halo currency id; of Halo's own default for none; "" where Halo does not say.

        Raises `Refused` `currency_unknown` for an id that Halo's list does not hold.
        """
        rows = await self._fresh("currencies", self._halo.currencies, [])
        codes = {ident(row, "id"): text(row, "code").upper() for row in rows}
        if not currency_id:
            return codes.get(ident(await self.control(), "defaultcurrencycode"), "")
        code = codes.get(currency_id, "")
        if not code:
            raise Refused(
                "currency_unknown",
                f"Halo names no ISO code for the invoice's currency (id {currency_id}).",
                cure="Give the currency its code in Halo (Configuration, Billing, Currencies), then retry.",
            )
        return code

    async def charge_codes(self, conventions: HaloConventions) -> dict[str, str]:
        """Charge type id -> the BC product code typed for it. {} where the tenant's column cannot be told."""
        rows = await self._fresh("charges", lambda: self._halo.lookups(CHARGE_TYPES), [])
        column = conventions.charge_rate_code_field or _code_column(rows)
        return {ident(row, "id"): text(row, column) for row in rows if column and text(row, column)}


def _code_column(rows: list[dict[str, Any]]) -> str:
    """The only column that holds anything but numbers Halo itself would put there; "" when several could be it."""
    used = [name for name in _VALUE_COLUMNS if any(text(row, name) not in ("", "0") for row in rows)]
    return used[0] if len(used) == 1 else ""
