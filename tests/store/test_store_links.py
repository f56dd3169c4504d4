"""Links and their indexes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bc.model import Link
from bc.store import Stale, Store
from bc.store.rows import Codec
from bc.store.tables import Table

T0 = datetime(2026, 1, 2, tzinfo=UTC)


def a_link(halo_id: str = "7", **more: str) -> Link:
    fields = {
        "connection_id": "c1",
        "entity": "customer",
        "halo_id": halo_id,
        "bc_id": f"b{halo_id}",
        "bc_number": f"C{halo_id}",
        "linked_at": T0,
    }
    return msgspec.convert(fields | more, Link)


def halo_ids(links: list[Link]) -> list[str]:
    return [link.halo_id for link in links]


async def test_a_link_is_found_from_both_sides(store: Store) -> None:
    row = await store.links.create(a_link())
    await store.links.create(a_link(connection_id="c2", bc_id="other"))
    await store.links.create(a_link(entity="product", bc_number="c7"))
    assert await store.links.get("c1", "customer", "7") == row
    assert await store.links.by_bc_id("c1", "customer", "b7") == [row.value]
    assert await store.links.by_bc_number("c1", "customer", "  c7 ") == [row.value]
    found = await store.links.by_halo_id("customer", "7")
    assert sorted(link.connection_id for link in found) == ["c1", "c2"]
    assert await store.links.by_bc_id("c2", "customer", "b7") == []
    assert await store.links.by_bc_id("c1", "customer", "") == []


async def test_guarded_writes_of_a_link_are_refused_when_it_moved(store: Store) -> None:
    row = await store.links.create(a_link())
    with pytest.raises(Stale):
        await store.links.create(a_link())
    newer = await store.links.replace(msgspec.structs.replace(row.value, bc_name="new"), row.etag)
    with pytest.raises(Stale):
        await store.links.replace(row.value, row.etag)
    with pytest.raises(Stale):
        await store.links.delete(row.value, row.etag)
    assert await store.links.get("c1", "customer", "7") == newer
    await store.links.delete(newer.value, newer.etag)
    for gone in (store.links.replace(newer.value, newer.etag), store.links.delete(newer.value, newer.etag)):
        with pytest.raises(Stale):
            await gone
    assert await store.links.by_bc_id("c1", "customer", "b7") == []
    assert await store.links.by_halo_id("customer", "7") == []
    assert (await store.links.create(a_link())).value == a_link()


async def test_an_index_row_that_lies_is_not_believed(store: Store) -> None:
    row = await store.links.create(a_link(bc_id="old", bc_number="OLD"))
    await store.links.replace(msgspec.structs.replace(row.value, bc_id="new", bc_number="new"), row.etag)
    assert await store.links.by_bc_id("c1", "customer", "old") == []
    assert await store.links.by_bc_number("c1", "customer", "OLD") == []
    assert halo_ids(await store.links.by_bc_id("c1", "customer", "new")) == ["7"]
    assert halo_ids(await store.links.by_bc_number("c1", "customer", "new")) == ["7"]


async def test_a_crash_between_index_and_link_leaves_no_lie(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object) -> list[str]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Table, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            await store.links.create(a_link())
    assert await store.links.by_halo_id("customer", "7") == []
    assert await store.links.by_bc_id("c1", "customer", "b7") == []
    await store.links.create(a_link())
    assert halo_ids(await store.links.by_halo_id("customer", "7")) == ["7"]


async def test_a_link_whose_index_is_missing_can_be_removed(store: Store) -> None:
    row = await store.links.create(a_link(bc_id="", bc_number=""))
    await store.links.delete(a_link(), row.etag)
    assert await store.links.get("c1", "customer", "7") is None


@pytest.mark.parametrize("name", ["a/b\\c#d?e", "O'Brien", "50%", "|", "}", "", "é😀", "\x01", "x" * 2000])
async def test_odd_ids_and_numbers_find_themselves_only(store: Store, name: str) -> None:
    await store.links.create(a_link(halo_id=name, bc_id=name or "b", bc_number=name))
    await store.links.create(a_link(halo_id=name + "x", bc_id=name + "x", bc_number=name + "x"))
    assert halo_ids(await store.links.by_bc_id("c1", "customer", name or "b")) == [name]
    assert halo_ids(await store.links.by_bc_number("c1", "customer", name)) == (
        [name] if name.strip() else []
    )
    assert halo_ids(await store.links.by_halo_id("customer", name)) == [name]
    row = await store.links.get("c1", "customer", name)
    assert row is not None
    await store.links.delete(row.value, row.etag)
    assert [link.halo_id async for link in store.links.all("c1", "customer")] == [name + "x"]


async def test_many_links_are_written_paged_searched_and_streamed(store: Store) -> None:
    links = [a_link(f"{n:04d}", halo_name=f"Customer {n}", bc_name=f"Kunde {n % 5}") for n in range(230)]
    await store.links.put_many(links)
    await store.links.put_many([*links, *links[:3]])
    assert [link async for link in store.links.all("c1", "customer")] == links

    seen: list[Link] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await store.links.page("c1", "customer", limit=100, cursor=cursor)
        seen += page.items
        cursor = page.next
    assert seen == links

    found = await store.links.page("c1", "customer", search="kunde 3", limit=40)
    more = await store.links.page("c1", "customer", search="kunde 3", limit=40, cursor=found.next or "")
    assert halo_ids([*found.items, *more.items]) == [f"{n:04d}" for n in range(3, 230, 5)]
    assert more.next is None
    assert halo_ids((await store.links.page("c1", "customer", search="C0042")).items) == ["0042"]
    assert halo_ids(await store.links.by_bc_number("c1", "customer", "c0229")) == ["0229"]
    assert halo_ids(await store.links.by_halo_id("customer", "0229")) == ["0229"]
    many = await store.links.get_many("c1", "customer", ["0001", "0002", "nope", "0001"])
    assert sorted(many) == ["0001", "0002"]


async def test_a_search_reads_only_what_it_finds(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "1": ("Orchard Foods Ltd", "Orchard Foods Limited"),
        "2": ("The Old Orchard", ""),
        "3": ("O'Brien", ""),
    }
    for halo_id, (halo_name, bc_name) in names.items():
        await store.links.create(
            a_link(halo_id, halo_name=halo_name, bc_name=bc_name, bc_number=f"C0{halo_id}")
        )
    await store.links.put_many([a_link(f"9{n:03d}", halo_name="Seafood") for n in range(50)])
    read: list[str] = []
    unpack = Codec.unpack

    def counting(codec: Codec[Any], properties: Any) -> Any:
        read.append(str(properties["RowKey"]))
        return unpack(codec, properties)

    monkeypatch.setattr(Codec, "unpack", counting)

    async def found(search: str, **more: Any) -> list[str]:
        read.clear()
        return halo_ids((await store.links.page("c1", "customer", search=search, **more)).items)

    assert await found("ORCH") == ["1", "2"]
    assert len(read) == 2
    assert await found("foods  lim") == ["1"]
    assert await found("c02") == ["2"]
    assert await found("o'b") == ["3"]
    assert await found("brien") == ["3"]
    assert await found("b3") == ["3"]
    assert await found("3") == ["3"]
    for nobody in ("food ltd", "rchard", "nobody", "' or 1 eq 1 or w0 eq '", "\x00", "\ud800"):
        assert await found(nobody) == []
        assert read == []
    assert await found("rchard", anywhere=True) == ["1", "2"]


async def test_a_search_within_words_is_paged_and_finds_rows_of_earlier_versions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.links.put_many([a_link(f"{n:03d}", halo_name=f"Seafood {n}") for n in range(30)])
    await store.links.create(a_link("nameless", bc_number=""))
    with monkeypatch.context() as patch:
        patch.setattr("bc.store.links.columns", lambda _: {})
        await store.links.create(a_link("old", bc_name="Old Seafood"))
    assert halo_ids((await store.links.page("c1", "customer", search="old sea")).items) == []

    async def every(search: str, limit: int) -> list[str]:
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = await store.links.page(
                "c1", "customer", search=search, anywhere=True, limit=limit, cursor=cursor
            )
            assert len(page.items) <= limit
            seen += halo_ids(page.items)
            cursor = page.next
        return seen

    assert await every("EAFOOD", 7) == [*(f"{n:03d}" for n in range(30)), "old"]
    assert await every("c00", 31) == [f"{n:03d}" for n in range(10)]
    assert await every("meles", 5) == ["nameless"]
    with pytest.raises(ValueError):
        await store.links.page("c1", "customer", search="x", anywhere=True, cursor="bnx4")


async def test_broken_links_are_found_without_reading_the_others(store: Store) -> None:
    await store.links.put_many([a_link(f"{n:03d}") for n in range(50)])
    row = await store.links.get("c1", "customer", "007")
    assert row is not None
    broken = await store.links.replace(msgspec.structs.replace(row.value, state="broken"), row.etag)
    assert (await store.links.page("c1", "customer", state="broken")).items == [broken.value]
    assert len((await store.links.page("c1", "customer", state="ok")).items) == 49
    assert (await store.links.page("c1", "customer", state="broken", search="007")).items == [broken.value]
    await store.links.replace(row.value, broken.etag)
    assert (await store.links.page("c1", "customer", state="broken")).items == []


async def test_many_new_links_never_overwrite_one_that_is_there(store: Store) -> None:
    held = await store.links.create(a_link("0040", bc_id="theirs"))
    links = [a_link(f"{n:04d}") for n in range(100)]
    refused = await store.links.create_many(links)
    assert "0040" in halo_ids(refused)
    rest = [link for link in refused if link.halo_id != "0040"]
    assert await store.links.create_many(rest) == []
    stored = {link.halo_id: link async for link in store.links.all("c1", "customer")}
    assert stored == {link.halo_id: link for link in links} | {"0040": held.value}
    assert halo_ids(await store.links.by_halo_id("customer", "0099")) == ["0099"]


@pytest.mark.parametrize("cursor", ["x", "Zg", "bnx4", "!!", "é", "' or 1 eq 1"])
async def test_a_cursor_of_another_list_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError):
        await store.links.page("c1", "customer", cursor=cursor)


async def test_one_writer_of_many_wins(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    row = await one.links.create(a_link())
    won = 0
    for store in (one, other):
        try:
            await store.links.replace(msgspec.structs.replace(row.value, bc_name="x"), row.etag)
            won += 1
        except Stale:
            continue
    assert won == 1
