"""Rows: the record in and out, long ones too."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bc.errors import NotConfigured
from bc.model import Link, LinkedLine
from bc.settings import Secret
from bc.store import Store
from bc.store.rows import Codec
from bc.store.vault import Vault

CODEC = Codec(Link)


def a_link(lines: int = 0, payload: str = "") -> Link:
    return Link(
        connection_id="c1",
        entity="invoice",
        halo_id="7",
        linked_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        total=Decimal("12.3400"),
        payload=payload,
        lines=tuple(
            LinkedLine(bc_id=f"{n:032x}", sequence=1000 + n, etag=f'W/"{n * 7919:x}"', payload=f"{n:0600x}")
            for n in range(lines)
        ),
    )


@given(st.text(max_size=50), st.decimals(allow_nan=False, allow_infinity=False))
def test_a_record_comes_back_as_it_was(payload: str, total: Decimal) -> None:
    link = Link(
        connection_id="c",
        entity="invoice",
        halo_id="1",
        linked_at=datetime(2026, 1, 1, tzinfo=UTC),
        payload=payload,
        total=total,
    )
    read = CODEC.unpack(CODEC.pack(link))
    assert read == link
    assert str(read.total) == str(link.total)


async def test_a_long_record_is_split_and_comes_back(store: Store) -> None:
    for number, link in enumerate((a_link(lines=10), a_link(lines=1500), a_link(payload="😀é" * 20_000))):
        one = Link(
            **{name: getattr(link, name) for name in link.__struct_fields__} | {"halo_id": str(number)}
        )
        await store.links.create(one)
        row = await store.links.get("c1", "invoice", str(number))
        assert row is not None
        assert row.value == one


def test_a_row_says_its_version_and_a_newer_one_is_refused() -> None:
    properties = CODEC.pack(a_link())
    assert properties["v"] == 1
    with pytest.raises(NotConfigured) as caught:
        CODEC.unpack(properties | {"v": 2})
    assert caught.value.code == "newer_rows"


def test_a_record_beyond_a_row_is_refused_before_it_is_sent() -> None:
    noise = random.Random(1).randbytes(2_000_000).hex()
    with pytest.raises(ValueError, match="fit"):
        CODEC.pack(a_link(payload=noise))


def test_keys_rotate_and_a_lost_key_is_named() -> None:
    old, new = Secret(Fernet.generate_key().decode()), Secret(Fernet.generate_key().decode())
    sealed = Vault([old]).seal("hush é")
    assert "hush" not in sealed
    assert Vault([new, old]).open(sealed) == "hush é"
    with pytest.raises(NotConfigured) as caught:
        Vault([new]).open(sealed)
    assert caught.value.code == "encryption_key_unknown"
    for attempt in ("seal", "open"):
        with pytest.raises(NotConfigured) as caught:
            Vault([]).seal("x") if attempt == "seal" else Vault([]).open(sealed)
        assert caught.value.code == "encryption_keys_missing"
