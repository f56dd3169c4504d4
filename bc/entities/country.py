"""Country codes: BC's on one side, Halo's list of codes and the value on a site on the other. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ENDPOINT = "countriesRegions"
SELECT = "id,code,displayName,lastModifiedDateTime"
MAX_CODE = 10


@dataclass(frozen=True, slots=True)
class Countries:
    """Halo's list of countries: `codes` maps the id of an entry to its code; `form` is what its sites hold."""

    codes: Mapping[str, str] = field(default_factory=dict)
    form: Literal["id", "code"] = "code"


def country_in_bc(value: str, countries: Mapping[str, str] | None) -> str:
    """BC's code for what a Halo site holds: an id or a code; "" for an id that no list explains."""
    wanted = value.strip().upper()
    for held, code in (countries or {}).items():
        if held.strip().upper() == wanted:
            return code.strip().upper()
    return "" if wanted.isdigit() else wanted


def country_in_halo(code: str, countries: Mapping[str, str] | None, form: str | None) -> str:
    """What to write on a Halo site for BC's code: the lookup's id where this tenant's sites hold ids."""
    if form == "id":
        for held, known in (countries or {}).items():
            if known.strip().upper() == code.strip().upper():
                return held
    return code
