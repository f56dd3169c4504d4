"""Writes what is made from the code: the tables of codes in docs/operations.md, and the workbook. `make docs`."""

from __future__ import annotations

from collections.abc import Iterator

from bc.codes import SECTIONS, Section
from local import workbook
from local.workbook import ROOT

OPERATIONS = ROOT / "docs" / "operations.md"
BEGIN = "<!-- made by `make docs` from bc/codes.py: change it there -->\n"
END = "<!-- end of what `make docs` makes -->\n"


def made(page: str) -> str:
    """The page with its tables of codes as the code has them. Raises `ValueError` where it lacks a marker."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{OPERATIONS.name} has lost a marker: {BEGIN.strip()} … {END.strip()}")
    return "".join([before, begin, *(f"{line}\n" for line in _lines()), end, after])


def _lines() -> Iterator[str]:
    for section in SECTIONS:
        yield from ("", f"### {section.title}", "")
        if section.intro:
            yield from (section.intro, "")
        yield from _table(section)
    yield ""


def _table(section: Section) -> Iterator[str]:
    yield f"| {' | '.join(section.columns)} |"
    yield "|---|---|---|"
    for row in section.rows():
        codes = ", ".join(f"`{code}`" for code in row.codes)
        yield f"| {codes}{' ↻' if row.queued else ''} | {row.cells[0]} | {row.cells[1]} |"


if __name__ == "__main__":
    OPERATIONS.write_text(made(OPERATIONS.read_text(encoding="utf-8")), encoding="utf-8")
    workbook.WORKBOOK.write_text(workbook.text(), encoding="utf-8")
