"""The kind of a request, as the counters and the log name it: `POST salesInvoices`, `PATCH salesInvoiceLines`."""

from __future__ import annotations

import re

_ROOT = re.compile(r"^/v2\.0/(?:[^/]+/)?[^/]+/api/(?:v2\.0|[^/]+/[^/]+/v[^/]+)(?:/|$)")


def kind_of(method: str, path: str) -> str:
    """From the whole path."""
    found = _ROOT.match(path)
    if found is None:
        return f"{method} {path.strip('/').split('/')[0]}"
    return kind_below_root(method, path[found.end() :])


def kind_below_root(method: str, path: str) -> str:
    """From a path below the API root: the last set named, and an action or `$count` behind it."""
    names = [segment.partition("(")[0] for segment in path.strip("/").split("/")]
    last = names[-1] or "service document"
    if last.lower().startswith("microsoft.nav."):
        return f"{method} {names[-2] if len(names) > 1 else ''}/{last.split('.')[-1].lower()}"
    if last == "$count" and len(names) > 1:
        return f"{method} {names[-2]}/$count"
    return f"{method} {last}"
