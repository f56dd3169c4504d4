"""Short lists of BC read whole, and items looked up by number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bc.clients.odata import quote
from bc.entities.product import ENDPOINT as ITEMS
from bc.entities.values import Record, text
from bc.errors import Refused
from bc.imports.matching import number_key
from bc.model import Connection

if TYPE_CHECKING:
    from bc.services import Services

PAGE_SIZE = 5_000
MOST_PAGES = 100
# An address of BC should stay below 2,000 characters.
AT_ONCE = 25
LONGEST_NUMBER = 20


async def read_all(
    services: Services, connection: Connection, endpoint: str, *, select: str, where: str = ""
) -> list[Record]:
    """Every row of an entity set, page by page."""
    params = {"$select": select} | ({"$filter": where} if where else {})
    rows, following = await services.bc.page(connection, endpoint, params=params, page_size=PAGE_SIZE)
    found: list[Record] = list(rows)
    for _ in range(MOST_PAGES):
        if not following:
            return found
        rows, following = await services.bc.page(connection, following, page_size=PAGE_SIZE)
        found += rows
    raise Refused("bc_paging_loop", f"Business Central's list of {endpoint} does not end.")


async def items_by_number(
    services: Services, connection: Connection, numbers: Iterable[str]
) -> dict[str, Record]:
    """The items with these numbers, by number in upper case; what BC does not have is left out.

    Rows are compared exactly: signs such as `*` act as wildcards in BC's filters.
    """
    wanted = sorted({number_key(number) for number in numbers})
    usable = [
        number for number in wanted if number and len(number) <= LONGEST_NUMBER and number.isprintable()
    ]
    found: dict[str, Record] = {}
    for start in range(0, len(usable), AT_ONCE):
        some = usable[start : start + AT_ONCE]
        rows = await read_all(
            services,
            connection,
            ITEMS,
            select="id,number,displayName,blocked",
            where=" or ".join(f"number eq {quote(number)}" for number in some),
        )
        found |= {key: row for row in rows if (key := number_key(text(row, "number"))) in some}
    return found
