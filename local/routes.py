"""Route templates, matched as ASP.NET Core matches them for HTTP functions.

`{name}`, `{name:int}`, `{name?}`, `{*rest}` and text around a parameter (`{file}.json`); literals are compared
without regard to case and win over parameters, constrained parameters win over plain ones, a catch-all comes last.
"""

import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

Test = Callable[[str], bool]


class BadRoute(ValueError):
    """A template that the real host would refuse, too."""


@dataclass(frozen=True)
class Segment:
    """One part of a template between slashes, compiled."""

    pattern: re.Pattern[str]
    tests: tuple[tuple[str, Test], ...] = ()
    optional: bool = False
    catch_all: bool = False
    rank: int = 1

    def match(self, text: str) -> dict[str, str] | None:
        """The parameters found in one decoded path segment, or None."""
        found = self.pattern.fullmatch(text)
        if found is None or not all(test(found[name]) for name, test in self.tests):
            return None
        return found.groupdict()


@dataclass(frozen=True)
class Route[T]:
    """A template, the methods it answers (empty: all) and what stands behind it."""

    template: str
    methods: frozenset[str]
    target: T

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(_segment(part) for part in self.template.strip("/").split("/") if part)

    def match(self, path: list[str]) -> dict[str, str] | None:
        """Route parameters for a path already cut into decoded segments, or None."""
        values: dict[str, str] = {}
        for index, segment in enumerate(self.segments):
            text = (
                "/".join(path[index:]) if segment.catch_all else (path[index] if index < len(path) else None)
            )
            if text is None:
                if not segment.optional:
                    return None
                continue
            found = segment.match(text)
            if found is None:
                return None
            values.update((name, value) for name, value in found.items() if value)
        ends_open = bool(self.segments) and self.segments[-1].catch_all
        return values if ends_open or len(path) <= len(self.segments) else None


class Table[T]:
    """All routes of an app, the most specific first."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: [segment.rank for segment in route.segments])

    def find(self, method: str, path: list[str]) -> tuple[T, dict[str, str]] | frozenset[str]:
        """The target and its parameters, or the methods the path would answer (empty: no such path)."""
        allowed: set[str] = set()
        for route in self._routes:
            values = route.match(path)
            if values is None:
                continue
            if not route.methods or method in route.methods:
                return route.target, values
            allowed |= route.methods
        return frozenset(allowed)


def split_path(raw_path: str) -> list[str]:
    """Cut and decode a request path; dot segments are resolved after decoding and `%2F` stays, as in Kestrel."""
    path: list[str] = []
    for part in raw_path.lstrip("/").split("/"):
        text = "%2F".join(unquote(piece) for piece in re.split("%2[Ff]", part))
        if text == "..":
            del path[-1:]
        elif text != ".":
            path.append(text)
    if path and path[-1] == "":  # one trailing slash means nothing
        path.pop()
    return path


_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)((?::[^{}()?]+(?:\([^)]*\))?)*)(\?)?\}")


def _segment(part: str) -> Segment:
    if "{" not in part:
        return Segment(re.compile(re.escape(part), re.IGNORECASE))
    pattern, tests, end = "", [], 0
    optional = catch_all = False
    for found in _PARAMETER.finditer(part):
        stars, name, constraints, question = found.groups()
        whole = found[0] == part
        optional, catch_all = bool(question), bool(stars)
        if (optional or catch_all) and not whole:
            raise BadRoute(f"{found[0]} must be a segment of its own in {part!r}.")
        pattern += re.escape(part[end : found.start()])
        pattern += f"(?P<{name}>{'.*' if catch_all else '.*' if constraints else '.+'})"
        tests += [(name, _constraint(text)) for text in re.findall(r":([^:()]+(?:\([^)]*\))?)", constraints)]
        end = found.end()
    if "{" in part[end:] or end == 0:
        raise BadRoute(f"The route segment {part!r} cannot be read.")
    pattern += re.escape(part[end:])
    rank = (5 if catch_all else 3) - bool(tests)
    return Segment(
        re.compile(pattern, re.IGNORECASE | re.DOTALL), tuple(tests), optional or catch_all, catch_all, rank
    )


_PLAIN: dict[str, Test] = {
    "int": lambda text: _is_number(text, 32),
    "long": lambda text: _is_number(text, 64),
    "bool": lambda text: text.lower() in ("true", "false"),
    "alpha": lambda text: re.fullmatch("[A-Za-z]*", text) is not None,
    "guid": lambda text: _is_guid(text),
    "required": lambda text: text != "",
}
_WITH_NUMBERS: dict[str, Callable[..., Test]] = {
    "length": lambda least, most=None: lambda text: least <= len(text) <= (least if most is None else most),
    "minlength": lambda least: lambda text: len(text) >= least,
    "maxlength": lambda most: lambda text: len(text) <= most,
    "min": lambda least: lambda text: _is_number(text, 64) and int(text) >= least,
    "max": lambda most: lambda text: _is_number(text, 64) and int(text) <= most,
    "range": lambda least, most: lambda text: _is_number(text, 64) and least <= int(text) <= most,
}


def _constraint(text: str) -> Test:
    name, _, rest = text.partition("(")
    if not rest and name in _PLAIN:
        return _PLAIN[name]
    if name == "regex" and rest:
        pattern = re.compile(rest[:-1], re.IGNORECASE)
        return lambda value: pattern.search(value) is not None
    if name in _WITH_NUMBERS and rest:
        return _WITH_NUMBERS[name](*(int(number) for number in rest[:-1].split(",")))
    raise BadRoute(f"The route constraint {text!r} is not known.")


def _is_number(text: str, bits: int) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+", text) is not None and -(2 ** (bits - 1)) <= int(text) < 2 ** (
        bits - 1
    )


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
