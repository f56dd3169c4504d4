"""Whether both ends of a new link are still free: others link too while an import works on what it read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bc.errors import Refused
from bc.imports.decisions import Block, Task
from bc.model import Link
from bc.store.records import each


async def refuse_taken(block: Block, tasks: Sequence[Task]) -> None:
    """Note on each task that would make a link why it may not: nothing of it is written then.

    A person may have linked either end since the lists were read, a push may have made the BC record, and two records of
    one request may name the same Halo record.
    """
    fresh = [task for task in tasks if task.action != "refresh"]
    named = Counter(task.halo_id for task in fresh if task.action == "link")
    for task in fresh:
        if task.action == "link" and named[task.halo_id] > 1:
            task.failure = Refused(
                "halo_record_already_linked",
                f"{_name(block, task.halo_id)} was chosen for more than one record.",
                cure="Choose it for one of them only.",
            )
    await each([(block, task) for task in fresh if task.failure is None], _look)


async def _look(block: Block, task: Task) -> None:
    links, connection = block.services.store.links, block.directory.connection
    keys, kind = block.kind.bc_keys(task.row), block.kind
    for link in await links.by_bc_id(connection.id, kind.entity, keys.bc_id):
        if link.exists and link.halo_id != task.halo_id:
            task.failure = Refused(
                "bc_record_already_linked",
                f"{keys.number} was linked to {_name(block, link.halo_id, link.halo_name)} meanwhile.",
                cure="Import it again if that link is wrong, after unlinking it.",
            )
            return
    if task.action == "create":
        return
    for link in await links.by_halo_id(kind.entity, task.halo_id):
        if link.exists and await _stands_in_the_way(block, link, keys.bc_id):
            task.failure = Refused(
                "halo_record_already_linked",
                f"{_name(block, task.halo_id)} is linked to {link.bc_name} ({link.bc_number}) already.",
                cure="Unlink it there first.",
            )
            return


async def _stands_in_the_way(block: Block, link: Link, bc_id: str) -> bool:
    """Whether a link of the Halo record forbids another: in this connection, or in one of another company."""
    connection = block.directory.connection
    if link.connection_id == connection.id:
        return link.bc_id != bc_id
    own = (connection.company_id or "").casefold()
    known = block.directory.index.rows.get(link.halo_id)
    if known is not None and known.company_id.casefold() == own:
        # Halo itself says that it belongs here.
        return False
    other = await block.services.store.connections.get(link.connection_id)
    return other is not None and (other.value.company_id or "").casefold() != own


def _name(block: Block, halo_id: str, known: str = "") -> str:
    name = known or block.directory.name_of(halo_id)
    return f"Halo {block.kind.noun} {name} ({halo_id})" if name else f"Halo {block.kind.noun} {halo_id}"
