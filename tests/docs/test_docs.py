"""The documentation against the code: what can be compared is compared, so that it cannot lag."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import pytest

from bc import settings
from bc.clients.tls import CA_SETTINGS
from bc.codes import SECTIONS, cure_of
from bc.errors import Refused
from local import docs
from tests.docs.codes import ROOT, codes

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
OPERATIONS = ROOT / "docs" / "operations.md"
SETUP = ROOT / "docs" / "setup.md"
PAGES = (README, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
# Set by the platform itself, never by a person.
PLATFORM = {"WEBSITE_HOSTNAME", "WEBSITE_AUTH_ENABLED"}
# Read by the host and not by the app.
OF_THE_HOST = {"AzureWebJobsDisableHomepage"}
GROUND = {"codes", "errors", "model", "settings", "telemetry"}


def test_codes_are_found_in_each_form_they_are_given_in() -> None:
    skip, rule, cause, warning = "customer_not_linked", "bc_rejected", "consent_missing", "default_item_used"
    for_a_remote, constant, one_of_two, problem = (
        "halo_unavailable",
        "mass_delete_held",
        "import_running",
        "not_found",
    )
    assert {skip, rule, cause, warning, for_a_remote, constant, one_of_two, problem} <= codes().keys()


def test_every_code_of_the_app_is_explained() -> None:
    missing = sorted(set(codes()) - _explained())
    assert not missing, f"bc/codes.py: add {', '.join(missing)}"


def test_every_explained_code_is_one_of_the_app() -> None:
    gone = sorted(_explained() - set(codes()))
    assert not gone, f"bc/codes.py: the app no longer gives {', '.join(gone)}"


def test_each_code_is_explained_once_and_in_full() -> None:
    rows = [row for section in SECTIONS for row in section.rows()]
    listed = [code for row in rows for code in row.codes]
    assert sorted(listed) == sorted(set(listed))
    assert all(row.codes and all(row.cells) for row in rows)


def test_the_tables_of_codes_are_made_from_the_code() -> None:
    page = OPERATIONS.read_text(encoding="utf-8")
    assert docs.made(page) == page, "run make docs"
    without = page.replace("| `no_lines` |", "| `none_such` |")
    assert without != page
    assert docs.made(without) == page


def test_an_error_without_a_cure_of_its_own_is_told_with_that_of_its_code() -> None:
    assert Refused("bad_id", "'x' is no id.").advice == cure_of("bad_id") != ""
    assert Refused("bad_id", "'x' is no id.", cure="Mend it.").advice == "Mend it."
    assert Refused("none_such", "").advice == ""


def test_cures_are_told_without_marks_of_the_page() -> None:
    told = [cure_of(code) for section in SECTIONS for row in section.rows() for code in row.codes]
    assert all(not re.search(r"[*`\[]|\]\(", cure) for cure in told)
    assert cure_of("cost_extension_missing") == (
        "Install the extension, assign HBC LINE COSTS; or switch the setting off."
    )


def test_the_settings_table_names_what_is_read() -> None:
    read = _Recorded()
    settings.load(read)
    wanted = (read.asked - PLATFORM) | OF_THE_HOST | set(CA_SETTINGS)
    assert {name for name, _ in _settings()} == wanted


def test_the_example_holds_the_settings_of_the_table_with_their_defaults() -> None:
    example = _example()
    table = dict(_settings())
    assert example.keys() - {"FUNCTIONS_WORKER_RUNTIME"} <= table.keys()
    # Identity, certificates and telemetry are ways of their own: an example that names them would not run.
    telemetry = {"TRACES", "APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    left_out = {name for name in table if "__" in name} | set(CA_SETTINGS) | telemetry
    assert table.keys() - left_out <= example.keys()
    for name, default in table.items():
        if name in example and name != "PUBLIC_URL":
            assert example[name] == default, name


def test_the_defaults_of_the_table_are_those_of_the_code() -> None:
    example = {name: value for name, value in _example().items() if value}
    # PUBLIC_URL has no default outside Azure.
    assert settings.load({"PUBLIC_URL": example["PUBLIC_URL"]}) == settings.load(example)


def test_the_readme_names_only_commands_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        told = set(re.findall(r"\bmake ([a-z]+)\b(?=[^\n]*`|$)", _code(page)))
        assert told <= targets, page.name
    assert {"run", "test"} <= set(
        re.findall(r"^ {4}make ([a-z]+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    )


def test_the_deployed_files_exist() -> None:
    archived = re.search(r"git archive .* HEAD (.+)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert archived
    assert all((ROOT / name).exists() for name in archived[1].split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_resolve(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), target


def test_the_rooms_import_only_what_the_architecture_allows() -> None:
    allowed = {row[0].strip("`"): set(_ticked(row[2])) for row in _rows(_section(ARCHITECTURE, "Rooms"))}
    for room, used in _imports().items():
        assert room in allowed, f"docs/architecture.md, Rooms: {room} is missing"
        extra = used - allowed[room] - GROUND
        assert not extra, f"{room} imports {extra}, which docs/architecture.md, Rooms, does not allow"


def test_the_rooms_of_the_architecture_exist() -> None:
    rooms = {row[0].strip("`") for row in _rows(_section(ARCHITECTURE, "Rooms"))}
    assert rooms == _imports().keys()


def test_the_timers_of_the_architecture_are_those_of_the_app() -> None:
    source = (ROOT / "bc" / "functions" / "timers.py").read_text(encoding="utf-8")
    told = {row[0].strip("`") for row in _rows(_section(ARCHITECTURE, "What no webhook tells"))}
    assert told == set(re.findall(r'function_name\("(\w+)"\)', source))


def test_the_tables_of_the_architecture_are_those_of_the_store() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bc").rglob("*.py"))
    used = set(re.findall(r'\.table\(\s*"(bc[A-Za-z]+)"', source))
    assert {row[0].strip("`") for row in _rows(_section(ARCHITECTURE, "Storage"))} == used


def test_every_setting_of_host_json_has_its_value_and_reason() -> None:
    held = dict(_leaves(json.loads((ROOT / "host.json").read_text(encoding="utf-8"))))
    rows = {row[0].strip("`"): row for row in _rows(_section(ARCHITECTURE, "host.json"))}
    assert rows.keys() == held.keys()
    for name, value in held.items():
        assert _plain(rows[name][1]) == _plain(value), name
        assert rows[name][2], name


def test_the_webhook_addresses_are_those_of_the_console() -> None:
    addresses = set(re.findall(r"\$PUBLIC_URL(/halo/events[^`]+)", SETUP.read_text(encoding="utf-8")))
    assert {
        f"/halo/events?code=KEY&entity={kind}&operation=upsert" for kind in ("customer", "product", "invoice")
    } < addresses


class _Recorded(Mapping[str, str]):
    """An empty environment that remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _example() -> dict[str, str]:
    text = (ROOT / "local.settings.example.json").read_text(encoding="utf-8")
    values: dict[str, str] = json.loads(text)["Values"]
    return values


def _settings() -> Iterator[tuple[str, str]]:
    """Name and default; "" for none."""
    for row in _rows(_section(README, "Settings")):
        default = row[1].strip("`") if row[1].startswith("`") and row[1].count("`") == 2 else ""
        yield from ((name, default) for name in _ticked(row[0]))


def _explained() -> set[str]:
    return {code for section in SECTIONS for row in section.rows() for code in row.codes}


def _section(page: Path, title: str) -> str:
    """The text from a heading of the second level to the next."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)",
        page.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    assert found, f"{page.name} has no section {title}"
    return found[1]


def _rows(text: str) -> Iterator[list[str]]:
    """The rows of all tables whose first cell holds a name in backticks."""
    for line in text.splitlines():
        if line.startswith("| `"):
            cells = re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))
            yield [cell.strip() for cell in cells]


def _ticked(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def _code(page: Path) -> str:
    """What stands in backticks or indented as code."""
    text = page.read_text(encoding="utf-8")
    indented = re.findall(r"^ {4}(.+)$", text, re.MULTILINE)
    return "\n".join(f"`{piece}`" for piece in (*_ticked(text), *indented))


def _anchors(page: Path) -> set[str]:
    """GitHub's anchors of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    else:
        yield path, json.dumps(value) if isinstance(value, bool) else str(value)


def _plain(text: str) -> str:
    """A value as people write it: time spans in words, `empty` for nothing."""
    span = re.fullmatch(r"00:(\d\d):(\d\d)", text.strip("`"))
    if span:
        minutes, seconds = int(span[1]), int(span[2])
        return f"{minutes} min" if minutes else f"{seconds} s"
    return text.strip("`") or "empty"


def _imports() -> dict[str, set[str]]:
    """Room by room what it imports at run time, deferred imports included; type-checking imports are left out."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "bc").rglob("*.py")):
        parts = path.relative_to(ROOT / "bc").with_suffix("").parts
        room = parts[0]
        if room in GROUND | {"__init__"}:
            continue
        used = found.setdefault(room, set())
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing_only = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and id(node) not in typing_only:
                used |= _rooms(node) - {room}
    return found


def _rooms(node: ast.ImportFrom) -> set[str]:
    module = (node.module or "").split(".")
    if module[0] != "bc":
        return set()
    return {module[1]} if len(module) > 1 else {alias.name for alias in node.names}


def test_pages_hold_no_path_of_this_machine() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert os.fspath(ROOT) not in text, page.name
        assert not re.search(r"/(home|root|Users)/", text), page.name
