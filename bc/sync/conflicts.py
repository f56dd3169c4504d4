"""Both sides changed a record: whose fields count (F49, F51)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from bc.errors import Refused

_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def three_way(before: str, theirs: str, ours: str) -> tuple[str, list[str]]:
    """Of payloads as JSON: what BC is to count as holding, in the order of `ours`, and the fields both sides changed.

    Where we changed nothing theirs counts as ours, so that it is left alone.
    """
    base, held, wanted = (_decode(text) if text else {} for text in (before, theirs, ours))
    result, both = dict(held), []
    for name, value in wanted.items():
        if name in base and base[name] == value:
            result[name] = value
        elif name in base and held.get(name) not in (base[name], value):
            both.append(name)
    return _encode({name: result[name] for name in wanted if name in result}).decode(), both


def check_nobody_asks(record: str, both: Sequence[str], policy: str) -> None:
    """Raise `Refused` `changed_in_both` where the connection leaves such a conflict to a person."""
    if both and policy == "ask":
        raise Refused(
            "changed_in_both",
            f"{record} was changed in Halo and in Business Central ({', '.join(sorted(set(both)))}).",
            cure="Make both the same, or set the connection's conflict policy to “Halo wins”. Then retry.",
        )
