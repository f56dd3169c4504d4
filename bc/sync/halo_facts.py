"""Small facts about the Halo tenant that every push needs and that hardly change: read once, kept for minutes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

from bc.clients.halo import PAGE_SIZE
from bc.entities.country import Countries
from bc.entities.halo_lists import CHARGE_TYPES, LISTS, ListName, code_column, find_list, list_column
from bc.entities.values import flag, ident, text
from bc.errors import Refused, Transient
from bc.model import HaloConventions
from bc.store.records import Lanes
from bc.sync.patience import a_person_waits, for_a_person

if TYPE_CHECKING:
    from bc.clients.halo import Halo

Resource = Literal["Client", "Item"]
FRESH_SECONDS = 300
MOST_PAGES = 5_000
MOST_CLIENTS = 20_000
SAMPLE = 5


class HaloFacts:
    """Cached per process. A fact that Halo refuses to show (401, 403, 404) stays as it was last read.

    One that was never read counts as absent, said by the doctor; what must not be sent then waits (`only_posted_invoices`).
    """

    def __init__(self, halo: Halo) -> None:
        self._halo = halo
        self._kept: dict[str, tuple[float, Any]] = {}
        self._never_read: set[str] = set()
        self._payers: dict[str, tuple[float, str]] = {}
        self._client_lanes = Lanes()
        self._lock = asyncio.Lock()

    async def _fresh(self, name: str, read: Callable[[], Awaitable[Any]], absent: Any) -> Any:
        async with self._lock:
            kept = self._kept.get(name)
            if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
                return kept[1]
            try:
                # Pushes and people wait at the same lock, so nobody may hold it for as long as a flood lasts.
                with for_a_person() if not a_person_waits() else nullcontext():
                    value = await read()
            except Refused as error:
                hidden = error.status in (401, 403)
                value = kept[1] if kept and name not in self._never_read else absent
                if not kept and hidden:
                    self._never_read.add(name)
            else:
                self._never_read.discard(name)
            self._kept[name] = (time.monotonic(), value)
            return value

    def forget(self) -> None:
        """Read everything again at the next use: a person changed something in Halo and asks anew."""
        self._kept = {name: (-math.inf, value) for name, (_, value) in self._kept.items()}
        self._payers.clear()

    async def control(self) -> dict[str, Any]:
        """Halo's global settings; {} where the API application could never read them."""
        found: dict[str, Any] = await self._fresh("control", self._halo.control, {})
        return found

    async def native_sync_on(self) -> bool:
        """Whether Halo's built-in Business Central sync would push as well (GUIDE G41)."""
        rows = await self._fresh("native", self._halo.native_details, [])
        return any(flag(row, "enable_sync") for row in rows)

    async def native_detail(self, company_id: str) -> int | None:
        """The id of Halo's own connection to a BC company, where it has one."""
        rows = await self._fresh("native", self._halo.native_details, [])
        same = [row for row in rows if company_id and text(row, "company_id").lower() == company_id.lower()]
        return int(ident(same[0], "id")) if same and ident(same[0], "id") else None

    async def only_posted_invoices(self) -> bool:
        """Whether Halo is set to send posted invoices only. Raises `Transient` where Halo has never let us read it (401, 403)."""
        control = await self.control()
        if "control" in self._never_read:
            raise Transient(
                "halo_refused_us",
                "Halo does not let us read its settings, so whether it sends posted invoices only is not known.",
                cure="Give the API application in Halo, and its agent, the right to read the settings (Control). The "
                "invoice then goes by itself; once it is posted in Halo it goes anyway.",
            )
        return flag(control, "only_send_posted_invoices")

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

    async def accounts_ids(self, resource: Resource) -> frozenset[str]:
        """The accounts ids of all `Client` or `Item` records, in upper case, as far as the list's rows show them."""
        found: frozenset[str] = await self._fresh(
            f"ids {resource}", lambda: self._accounts_ids(resource), frozenset()
        )
        return found

    async def _accounts_ids(self, resource: Resource) -> frozenset[str]:
        rows: dict[str, str] = {}
        for page_no in range(1, MOST_PAGES + 1):
            page = await self._halo.page(resource, page_no=page_no, params={"includeinactive": "true"})
            fresh = [row for row in page.rows if ident(row, "id") not in rows]
            rows |= {ident(row, "id"): text(row, "accountsid").upper() for row in fresh}
            # A tenant that ignores the paging answers the same rows again.
            if not fresh or len(rows) >= (page.record_count or MOST_PAGES * PAGE_SIZE):
                break
        return frozenset(rows.values()) - {""}

    async def generates_accounts_ids(self, resource: Resource) -> bool:
        """Whether Halo itself makes up accounts ids for these records (GUIDE G20)."""
        name = "autogenerate_accountsid" if resource == "Client" else "autogenerate_itemaccountsid"
        return flag(await self.control(), name)

    async def client_to_invoice(self, client_id: str) -> str:
        """The id of the client that gets this one's invoices, "" for itself."""
        # Not the lock of the other facts: one client must not wait for another. Invoices of one come together; what a
        # person waits for does not wait for what a flood may have to.
        async with self._client_lanes("person" if a_person_waits() else "flood", client_id):
            kept = self._payers.get(client_id)
            if kept and time.monotonic() - kept[0] < FRESH_SECONDS:
                return kept[1]
            try:
                client = await self._halo.client(client_id) if client_id else None
            except Refused:
                client = None
            payer = ident(client or {}, "client_to_invoice")
            if len(self._payers) > MOST_CLIENTS:
                self._payers.clear()
            self._payers[client_id] = (time.monotonic(), payer)
            return payer

    async def accounts_module_on(self) -> bool | None:
        """Whether Halo's account-code module is on; None where Halo does not say."""
        control = await self.control()
        return flag(control, "useaccountscodeslookup") if "useaccountscodeslookup" in control else None

    async def list_id(self, name: ListName, conventions: HaloConventions) -> str:
        """The lookup list that holds account or country codes. Raises `Refused` in words where it cannot be told."""
        lists = await self._fresh("lists", lambda: self._halo.lookups(LISTS), [])
        return find_list(name, lists, conventions)

    async def countries(self, conventions: HaloConventions) -> Countries:
        """Halo's country codes; empty where it has no such list, or none that could be told from others."""
        try:
            list_id = await self.list_id("countries", conventions)
        except Refused:
            return Countries(form=conventions.country_code_form or "code")
        rows = await self._fresh(f"list {list_id}", lambda: self._halo.lookups(list_id), [])
        column = list_column(rows)
        codes = {ident(row, "id"): code for row in rows if (code := text(row, column))}
        if conventions.country_code_form or not codes:
            return Countries(codes, conventions.country_code_form or "code")
        return Countries(codes, await self._fresh("country form", self._country_form, "code"))

    async def _country_form(self) -> Literal["id", "code"]:
        """What sites hold: as the first that hold anything do. List rows may lack the column, so a few are read."""
        page = await self._halo.page("Site", page_no=1, page_size=50)
        rows: list[dict[str, Any]] = page.rows
        if not any("country_code" in row for row in rows):
            read = [await self._halo.site(ident(row, "id")) for row in rows[:SAMPLE]]
            rows = [row for row in read if row]
        held = [text(row, "country_code") for row in rows if ident(row, "country_code")]
        return "id" if held and all(value.isdigit() for value in held) else "code"

    async def charge_codes(self, conventions: HaloConventions) -> dict[str, str]:
        """Charge type id -> the BC product code typed for it. {} where the tenant's column cannot be told."""
        rows = await self._fresh("charges", lambda: self._halo.lookups(CHARGE_TYPES), [])
        column = conventions.charge_rate_code_field or code_column(rows)
        return {ident(row, "id"): text(row, column) for row in rows if column and text(row, column)}
