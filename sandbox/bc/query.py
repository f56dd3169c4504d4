"""Query options of a request: read, checked, and applied to rows."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from sandbox.bc.errors import Refusal, bad_request, bad_url, no_property_named, syntax
from sandbox.bc.filters import Test, parse_filter
from sandbox.bc.schema import EntityType, Navigation
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES

LARGEST_PAGE = 20_000

_KNOWN = frozenset(
    {"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$skiptoken", "$schemaversion"}
)


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `equal` are the fields that the filter compares by `eq`; `raw` the options as sent."""

    kind: EntityType
    select: tuple[str, ...] = ()
    expand: tuple[tuple[Navigation, Options], ...] = ()
    test: Test | None = None
    equal: frozenset[str] = frozenset()
    order: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    token: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    total: int
    next_token: str = ""


def split_query(query: str) -> dict[str, str]:
    """The options by name, decoded. A name twice is refused."""
    found: dict[str, str] = {}
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in found:
            raise bad_url(f"Query option '{name}' was specified more than once.")
        found[name] = unquote_plus(value)
    return found


def read_options(
    raw: Mapping[str, str], kind: EntityType, *, page_variables: bool = False, wildcards: bool = True
) -> Options:
    """The options for rows of `kind`; unknown `$` options are refused, `$apply` and `$search` as not supported."""
    for name in raw:
        if name.startswith("$") and name not in _KNOWN:
            raise bad_url(f"The query option '{name}' is not supported.")
    test, equal = None, frozenset[str]()
    if raw.get("$filter"):
        newer = raw.get("$schemaversion") == "2.1"
        test, equal = parse_filter(
            raw["$filter"], kind, newer=newer, page_variables=page_variables, wildcards=wildcards
        )
    return Options(
        kind=kind,
        select=_select(raw.get("$select", ""), kind),
        expand=_expand(raw.get("$expand", ""), kind),
        test=test,
        equal=equal,
        order=_order(raw.get("$orderby", ""), kind, page_variables),
        top=_whole(raw, "$top"),
        skip=_whole(raw, "$skip") or 0,
        count=raw.get("$count", "").lower() == "true",
        token=raw.get("$skiptoken", ""),
        raw=raw,
    )


def page(rows: list[Row], options: Options, size: int) -> Page:
    """One page of the rows that pass, in order. With `$top` there is no next page (BC does not offer one)."""
    found = [row for row in rows if options.test is None or options.test(row)]
    _sort(found, options)
    total = len(found)
    if options.token:
        found = _after(found, options.token)
    found = found[options.skip :] if not options.token else found
    if options.top is not None:
        return Page(found[: min(options.top, LARGEST_PAGE)], total)
    shown = found[:size]
    more = len(found) > size
    return Page(shown, total, _token(shown[-1]) if more and shown else "")


def page_size(prefer: Mapping[str, str]) -> int:
    """The page size that `Prefer: odata.maxpagesize` asks for; more than 20,000 is refused with 413."""
    wanted = prefer.get("odata.maxpagesize", prefer.get("maxpagesize", ""))
    if not wanted:
        return LARGEST_PAGE
    if not wanted.isdigit() or int(wanted) == 0:
        raise bad_request("The value of the odata.maxpagesize preference is not valid.")
    if int(wanted) > LARGEST_PAGE:
        raise Refusal(413, "RequestEntityTooLarge", f"The page size {wanted} is larger than {LARGEST_PAGE}.")
    return int(wanted)


def _select(text: str, kind: EntityType) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if name != "*" and name not in kind.by_name and kind.way(name) is None:
            raise no_property_named(name, kind.name)
    return () if "*" in names else names


def _expand(text: str, kind: EntityType) -> tuple[tuple[Navigation, Options], ...]:
    made = []
    for part in _split(text, ","):
        name, _, rest = part.partition("(")
        way = kind.way(name.strip())
        if way is None:
            raise no_property_named(name.strip(), kind.name)
        if rest and not rest.endswith(")"):
            raise syntax()
        nested = dict(_option(one) for one in _split(rest[:-1], ";")) if rest else {}
        made.append((way, read_options(nested, TYPES[way.target])))
    return tuple(made)


def _option(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise syntax()
    return name.strip(), value


def _split(text: str, separator: str) -> list[str]:
    """Split outside of parentheses and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, letter in enumerate(text):
        if letter == "'":
            quoted = not quoted
        elif not quoted and letter in "()":
            depth += 1 if letter == "(" else -1
        elif not quoted and depth == 0 and letter == separator:
            parts.append(text[start:at])
            start = at + 1
    if depth or quoted:
        raise syntax()
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _order(text: str, kind: EntityType, page_variables: bool) -> tuple[tuple[str, bool], ...]:
    made = []
    for part in _split(text, ","):
        name, _, direction = part.partition(" ")
        one = kind.by_name.get(name)
        if one is None:
            raise no_property_named(name, kind.name)
        if one.variable and not page_variables:
            raise bad_request(f"The property '{name}' cannot be used in the $orderby query option.")
        if direction.strip() not in ("", "asc", "desc"):
            raise syntax()
        made.append((name, direction.strip() == "desc"))
    return tuple(made)


def _whole(raw: Mapping[str, str], name: str) -> int | None:
    if name not in raw:
        return None
    if not raw[name].isdigit():
        raise bad_url(f"Invalid value '{raw[name]}' for {name} query option found.")
    return int(raw[name])


def _sort(rows: list[Row], options: Options) -> None:
    """By key, or as asked; equal rows stay in key order."""
    if options.kind.key:
        rows.sort(key=lambda row: row[options.kind.key])
    for name, descending in reversed(options.order):
        rows.sort(key=partial(_sort_value, name), reverse=descending)


def _sort_value(name: str, row: Row) -> Any:
    if name == "id":
        return row.id
    return row.modified if name == "lastModifiedDateTime" else row[name]


def _token(last: Row) -> str:
    return base64.urlsafe_b64encode(last.id.encode()).decode()


def _after(rows: list[Row], token: str) -> list[Row]:
    """The rows behind the one that the token names; it may have gone meanwhile."""
    try:
        wanted = base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        wanted = ""
    for at, row in enumerate(rows):
        if row.id == wanted:
            return rows[at + 1 :]
    raise bad_request("The skip token is no longer valid.", "SkipTokenIsNoLongerValid")
