"""What an import does with a few BC records: decide, write to Halo in arrays, link. Safe to repeat at any point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bc.entities.values import Record, ident, text
from bc.errors import Refused, SyncError, Transient
from bc.imports.claims import refuse_taken
from bc.imports.decisions import Block, Result, Task, created_before, decide, failed
from bc.imports.directory import each, newest_rows, read_in_full
from bc.imports.kinds import Changes, HaloRecord, content_hash, new_link, with_held
from bc.imports.matching import number_key
from bc.imports.writes import create_rows, leave_external_links, update_rows
from bc.model import Link
from bc.store.rows import Row, Stale


async def apply_block(block: Block) -> list[Result]:
    """Carry out one block: one result for each row that was asked for. Raises what stops the whole run."""
    results: list[Result] = []
    tasks: list[Task] = []
    linked_before: list[str] = []
    for row, found in zip(block.rows, block.matches, strict=True):
        try:
            decided = decide(block, row, found)
        except SyncError as error:
            results.append(failed(block, row, error))
            continue
        if isinstance(decided, Result):
            results.append(decided)
            if decided.count in ("created", "updated"):
                # Linked by an attempt that was killed: it may not have lived to wake what waits for the link.
                linked_before.append(found.halo_id)
        elif decided is not None:
            tasks.append(decided)
    await _cured(block, linked_before)
    await block.tick(len(results))
    await refuse_taken(block, tasks)
    await _create(block, [task for task in tasks if task.action == "create" and task.failure is None])
    existing = [task for task in tasks if task.action != "create" and task.failure is None]
    await _write_unseen(block, [task for task in existing if task.action == "link"])
    await _bring_up_to_date(block, existing, len(results))
    await _write_sites(block, tasks)
    await _link(block, tasks)
    return results + [_result(block, task) for task in tasks]


async def _create(block: Block, tasks: Sequence[Task]) -> None:
    """Create Halo records in arrays; what an attempt before already created is found by number and company."""
    directory, kind = block.directory, block.kind
    fresh = []
    for task in tasks:
        try:
            if existing := created_before(block, task.row):
                task.halo_id = existing
                task.action = "link"
                task.was_created = block.kind.bc_keys(task.row).bc_id in block.creating
                continue
            changes = _changes(block, task.row, None)
        except SyncError as error:
            task.failure = error
            continue
        task.site = changes.site
        fresh.append((task, changes.record))
    if not fresh:
        return
    await block.announce(block.kind.bc_keys(task.row).bc_id for task, _ in fresh)
    written = await create_rows(
        block.services.halo,
        kind.resource,
        [changes for _, changes in fresh],
        block.tick,
        key=lambda record: number_key(text(record, "accountsid")),
        look_again=lambda: _new_of_company(block),
    )
    for (task, created), answer in zip(fresh, written, strict=True):
        if answer.failure:
            task.failure = answer.failure
            continue
        record = {**created, **answer.record}
        task.stamps.wrote(kind, {}, created, answer.record)
        task.halo_id, task.halo_name = ident(record, "id"), text(record, "name")
        task.site_id = ident(record, "main_site_id")
        task.was_created = True
        directory.put(record)


def _changes(block: Block, row: Record, found: HaloRecord | None) -> Changes:
    directory = block.directory
    try:
        return block.kind.changes(row, directory.connection, found, directory.countries)
    except ValueError as error:
        raise Refused(
            "bad_record", f"Business Central gave a value that is not understood: {error}."
        ) from None


async def _new_of_company(block: Block) -> list[Record]:
    """What Halo holds of this company since the directory was read: perhaps made by an array that it refused."""
    company = (block.directory.connection.company_id or "").casefold()
    rows = await newest_rows(block.services.halo, block.directory)
    return [row for row in rows if text(row, "dbc_company_id").casefold() == company]


async def _write_unseen(block: Block, tasks: Sequence[Task]) -> None:
    """Write what is certain to records that only a thin list row told of: an array answers for 50 single reads.

    A record whose answer does not show all that is compared, or that is refused, is read and written as any other.
    """
    directory, kind = block.directory, block.kind
    rows: dict[str, tuple[Task, dict[str, Any]]] = {}
    for task in tasks:
        known = directory.index.rows.get(task.halo_id)
        if known is None or task.halo_id in directory.details:
            continue
        listed = {"id": known.halo_id, "accountsid": known.number, "dbc_company_id": known.company_id}
        try:
            wanted = _changes(block, task.row, HaloRecord(listed)).record
        except SyncError as error:
            task.failure = error
            continue
        if certain := {name: value for name, value in wanted.items() if name in kind.written_unseen}:
            rows[task.halo_id] = task, {"id": int_id(task.halo_id), **certain}
    written = await update_rows(
        block.services.halo, kind.resource, [row for _, row in rows.values()], block.tick
    )
    for (task, _), answer in zip(rows.values(), written, strict=True):
        task.wrote = answer.failure is None
        if task.wrote and kind.is_enough(answer.record) and kind.known_site(answer.record):
            directory.put(answer.record)


async def _bring_up_to_date(block: Block, tasks: Sequence[Task], done: int) -> None:
    """Compare existing Halo records with BC and write what differs."""
    pending: list[tuple[Task, Changes]] = []
    progress = [done]

    async def compare(task: Task) -> None:
        progress[0] += 1
        await block.tick(progress[0])
        try:
            found = await read_in_full(
                block.services.halo, block.directory, task.halo_id, whole_site=task.action == "refresh"
            )
            if found is None:
                raise Refused("not_found_in_halo", f"Halo has no {block.kind.noun} {task.halo_id} any more.")
            task.halo_name = text(found.record, "name")
            changes = _changes(block, task.row, found)
        except Transient:
            raise
        except SyncError as error:
            task.failure = error
            return
        task.site, task.site_id = changes.site, _site_of(found)
        task.stamps.read(found.record, block.kind.stamp, found.site)
        pending.append((task, changes))

    await each([task for task in tasks if task.failure is None], compare)
    updates = [
        (task, {"id": int_id(task.halo_id), **changes.record}) for task, changes in pending if changes.record
    ]
    written = await update_rows(
        block.services.halo, block.kind.resource, [row for _, row in updates], block.tick
    )
    for (task, row), answer in zip(updates, written, strict=True):
        task.failure = answer.failure
        task.wrote = task.wrote or answer.failure is None
        if answer.failure is None:
            held = block.directory.details.get(task.halo_id, {})
            task.stamps.wrote(block.kind, held, row, answer.record)
            block.directory.put({**held, **row, block.kind.stamp: task.stamps.own})


def _site_of(found: HaloRecord) -> str:
    return ident(found.site, "id") if found.site else ""


async def _write_sites(block: Block, tasks: Sequence[Task]) -> None:
    """Write what belongs to the main site, after its record exists."""
    wanted = [task for task in tasks if task.site and task.failure is None]
    for task in wanted:
        if not task.site_id:
            full = await block.kind.read(block.services.halo, task.halo_id)
            site = await block.kind.read_site(block.services.halo, full) if full else None
            task.site_id = ident(site, "id") if site else ""
            if not task.site_id:
                task.failure = Refused(
                    "no_main_site",
                    f"Halo {block.kind.noun} {task.halo_name} has no main site to keep address and phone.",
                    cure="Give it a main site in Halo and import it again.",
                )
    ready = [task for task in wanted if task.site_id]
    rows = [{"id": int_id(task.site_id), **task.site} for task in ready]
    written = await update_rows(block.services.halo, "Site", rows, block.tick)
    for task, row, answer in zip(ready, rows, written, strict=True):
        task.failure = answer.failure
        task.wrote = task.wrote or answer.failure is None
        if answer.failure is None:
            task.stamps.wrote_site(row, answer.record)


async def _link(block: Block, tasks: Sequence[Task]) -> None:
    """Link every record that Halo has now, also one whose site was refused: that is shown, and tried again later."""
    ready = [
        task for task in tasks if task.halo_id and (task.failure is None or task.site_id or task.was_created)
    ]
    links = block.services.store.links
    connection = block.directory.connection
    fresh = {task.halo_id: _new_link(block, task) for task in ready if task.action != "refresh"}
    known = await links.get_many(
        connection.id, block.kind.entity, [task.halo_id for task in ready if task.halo_id not in fresh]
    )
    open_ones = list(fresh.values())
    while open_ones:
        # Hardly ever has one a link that the directory did not know: a push's intent, or another attempt's.
        refused = await links.create_many(open_ones)
        held = await links.get_many(connection.id, block.kind.entity, [link.halo_id for link in refused])
        known |= held
        open_ones = [link for link in refused if link.halo_id not in held]
    # What storage holds to the letter is our own write, repeated by its client after an answer that was lost.
    made = [link for halo_id, link in fresh.items() if halo_id not in known or known[halo_id].value == link]
    ours = {link.halo_id for link in made}
    for task in ready:
        if task.halo_id in known and task.halo_id not in ours:
            await _relink(block, task, known[task.halo_id])
    for link in made:
        block.directory.linked(link, by_job=True)
    if made:
        await _tell_halo(block, made)
        await _cured(block, [link.halo_id for link in made])


def _new_link(block: Block, task: Task) -> Link:
    link = new_link(
        block.kind,
        block.directory.connection,
        task.row,
        task.halo_id,
        halo_name=task.halo_name or block.directory.name_of(task.halo_id),
        source="import",
        at=datetime.now(UTC),
        job_id=block.job_id,
    )
    link = msgspec.structs.replace(
        link, halo_stamp=task.stamps.of_new(has_site=block.kind.entity == "customer")
    )
    return msgspec.structs.replace(link, import_hash="") if task.failure else link


async def _relink(block: Block, task: Task, current: Row[Link] | None) -> None:
    """Bring an existing link up to date under its ETag, since a push may be writing it as well."""
    links = block.services.store.links
    bc_id = block.kind.bc_keys(task.row).bc_id
    while current is not None:
        if current.value.exists and current.value.bc_id != bc_id:
            task.failure = Refused(
                "halo_record_already_linked",
                f"{task.halo_name} ({task.halo_id}) was linked to another record meanwhile.",
            )
            return
        changed = _refreshed(block, task, current.value)
        if changed == current.value:
            return
        try:
            await links.replace(changed, current.etag)
        except Stale:
            current = await links.get(changed.connection_id, changed.entity, changed.halo_id)
            continue
        was_new = not current.value.exists
        block.directory.linked(changed, by_job=was_new)
        if was_new:
            await _tell_halo(block, [changed])
            await _cured(block, [task.halo_id])
        return


def _refreshed(block: Block, task: Task, link: Link) -> Link:
    if not link.exists:
        # A push intended to create this record in BC; the import found it there first.
        return _new_link(block, task)
    known = block.directory.links.get(link.bc_id)
    if known is not None and known.etag == link.etag:
        # No push wrote since before BC was read, so what was read is what BC holds.
        link = with_held(block.kind, task.row, link)
    return msgspec.structs.replace(
        link,
        import_hash="" if task.failure else content_hash(task.row),
        import_job=block.job_id if task.wrote else link.import_job,
        halo_name=task.halo_name or link.halo_name,
        halo_stamp=task.stamps.of_known(link.halo_stamp),
    )


async def _tell_halo(block: Block, links: Sequence[Link]) -> None:
    directory = block.directory
    directory.external_links = await leave_external_links(
        block.services.halo, links, accepted=directory.external_links
    )


async def _cured(block: Block, halo_ids: Sequence[str]) -> None:
    link = f"link:{block.directory.connection.id}:{block.kind.entity}"
    await block.services.cured(*(f"{link}:{halo_id}" for halo_id in halo_ids))


def int_id(halo_id: str) -> int | str:
    """An id as Halo wants it in a body."""
    return int(halo_id) if halo_id.isdigit() else halo_id


def _result(block: Block, task: Task) -> Result:
    bc_id = block.kind.bc_keys(task.row).bc_id
    if task.failure is not None:
        return failed(block, task.row, task.failure)
    if task.was_created:
        return Result(bc_id, "created")
    return Result(bc_id, "updated" if task.wrote or task.action == "link" else "unchanged")
