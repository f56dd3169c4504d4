"""Choosing environment and company: offered from BC, checked against BC, fixed once chosen (GUIDE G7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from bc.clients.bc_records import Company as Company
from bc.clients.bc_records import Environment as Environment
from bc.clients.business_central import BusinessCentral
from bc.connect.authorization import Cures
from bc.connect.connections import UnfitFields
from bc.connect.fields import Unfit, guid, text
from bc.errors import Gone, NeedsAuthorization, Refused, SyncError
from bc.model import Connection
from bc.store import Store


class CompanyIsFixed(Exception):
    """The connection has its company already."""


class NoSuchEnvironment(Exception):
    """The tenant has no such environment, or the sign-in may not see it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Business Central has no environment '{name}' in this tenant, or the sign-in may not see it. "
            "Check the name in the Business Central admin center."
        )


@dataclass(frozen=True, slots=True)
class CompanyChoice:
    """The dialogue of one connection with BC about where it belongs."""

    store: Store
    bc: BusinessCentral
    cures: Cures

    async def environments(self, connection: Connection) -> list[Environment]:
        """The tenant's environments. BC may refuse this to an app: then the admin types the name."""
        return await self.bc.environments(connection)

    async def companies(self, connection: Connection, environment: Any) -> list[Company]:
        """The companies of an environment. Raises `NoSuchEnvironment`."""
        name = _environment_name(environment)
        try:
            return await self.bc.companies(connection, name)
        except (NeedsAuthorization, Refused) as error:
            # A wrong environment may answer 404, or a bare 401 from BC's gateway: the list of environments tells.
            if error.status == 404 or isinstance(error, Gone) or await self._unknown(connection, name):
                raise NoSuchEnvironment(name) from error
            raise

    async def choose(self, connection: Connection, environment: Any, company_id: Any) -> Connection:
        """Fix environment and company, after BC confirmed both. The first connection becomes the default."""
        if connection.company_id:
            raise CompanyIsFixed(connection.company_name)
        name = _environment_name(environment, field="environment_name")
        try:
            wanted = guid(company_id)
        except Unfit as unfit:
            raise UnfitFields([("company_id", unfit.message)]) from None
        try:
            offered = await self.companies(connection, name)
        except NoSuchEnvironment as unknown:
            raise UnfitFields([("environment_name", str(unknown))]) from unknown
        company = next((found for found in offered if found.id.lower() == wanted), None)
        if company is None:
            raise UnfitFields([("company_id", f"The environment '{name}' has no company with this id.")])
        environment_found = await self._environment(connection, name)

        def fix(found: Connection) -> Connection:
            if found.company_id:
                raise CompanyIsFixed(found.company_name)
            return replace(
                found,
                environment_name=environment_found.name if environment_found else name,
                environment_type=environment_found.type if environment_found else None,
                country=environment_found.country if environment_found else None,
                company_id=wanted,
                company_name=company.display_name or company.name,
                status="ready" if found.status == "authorized" else found.status,
            )

        fixed = await self.store.connections.update(connection.id, fix)
        if not any(other.is_default for other in await self.store.connections.list()):
            await self.store.connections.set_default(connection.id)
            await self.cures.cured("default")
            row = await self.store.connections.get(connection.id)
            fixed = row.value if row else fixed
        await self.cures.cured(f"connection:{connection.id}")
        return fixed

    async def _unknown(self, connection: Connection, name: str) -> bool:
        try:
            offered = await self.environments(connection)
        except SyncError:
            return False
        return all(found.name.lower() != name.lower() for found in offered)

    async def _environment(self, connection: Connection, name: str) -> Environment | None:
        try:
            offered = await self.environments(connection)
        except (NeedsAuthorization, Refused):
            # The environments address is refused to some app-only tokens; the companies were readable.
            return None
        return next((found for found in offered if found.name.lower() == name.lower()), None)


def _environment_name(value: Any, field: str = "environment") -> str:
    try:
        return str(text(60)(value))
    except Unfit as unfit:
        raise UnfitFields([(field, unfit.message)]) from None
