"""Route templates against paths, as ASP.NET Core decides them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.routes import BadRoute, Route, Table, split_path


def table(*templates: str) -> Table[str]:
    return Table(Route(template, frozenset({"GET"}), template) for template in templates)


def find(routes: Table[str], path: str) -> tuple[str, dict[str, str]] | None:
    found = routes.find("GET", split_path(path))
    return None if isinstance(found, frozenset) else found


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("api/things", "/API/Things", {}),
        ("api/things", "/api/things/", {}),
        ("api/things", "/api/thing", None),
        ("api/things", "/api/things/1", None),
        ("things/{id}", "/things/a%20b", {"id": "a b"}),
        ("things/{id}", "/things/a%2Fb", {"id": "a%2Fb"}),
        ("things/{id}", "/things", None),
        ("things/{id?}", "/things", {}),
        ("things/{id:int}", "/things/12", {"id": "12"}),
        ("things/{id:int}", "/things/twelve", None),
        ("things/{id:int}", "/things/99999999999", None),
        (
            "things/{id:guid}",
            "/things/6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            {"id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"},
        ),
        ("{ignored:maxlength(0)?}", "/", {}),
        ("{ignored:maxlength(0)?}", "/x", None),
        ("console/{*rest}", "/console", {}),
        ("console/{*rest}", "/console/js/app.js", {"rest": "js/app.js"}),
        ("console/{*rest}", "/console/js/../../secret", None),
        ("console/{*rest}", "/console/%2e%2e/secret", None),
        ("assets/{file}.{ext}", "/assets/app.min.js", {"file": "app.min", "ext": "js"}),
        ("n/{id:int:min(5)}", "/n/4", None),
        ("n/{id:length(2,3)}", "/n/abc", {"id": "abc"}),
        ("n/{id:range(1,9)}", "/n/10", None),
    ],
)
def test_a_template_takes_exactly_its_paths(
    template: str, path: str, parameters: dict[str, str] | None
) -> None:
    assert find(table(template), path) == (None if parameters is None else (template, parameters))


def test_the_more_specific_template_wins_whatever_the_order() -> None:
    templates = ["a/{*rest}", "a/{name}", "a/{id:int}", "a/literal"]
    for order in (templates, templates[::-1]):
        routes = table(*order)
        assert find(routes, "/a/literal") == ("a/literal", {})
        assert find(routes, "/a/7") == ("a/{id:int}", {"id": "7"})
        assert find(routes, "/a/seven") == ("a/{name}", {"name": "seven"})
        assert find(routes, "/a/b/c") == ("a/{*rest}", {"rest": "b/c"})


def test_a_path_with_other_methods_names_them() -> None:
    routes = Table(
        [Route("a", frozenset({"POST"}), 1), Route("a", frozenset({"PUT"}), 2), Route("b", frozenset(), 3)]
    )
    assert routes.find("GET", ["a"]) == frozenset({"POST", "PUT"})
    assert routes.find("PUT", ["a"]) == (2, {})
    assert routes.find("PATCH", ["b"]) == (3, {})
    assert routes.find("GET", ["c"]) == frozenset()


@pytest.mark.parametrize("template", ["a/{id:odd}", "a/{id", "a/{}", "a/x{id?}"])
def test_a_template_that_cannot_be_read_is_refused(template: str) -> None:
    with pytest.raises(BadRoute):
        _ = Route(template, frozenset(), None).segments


@given(st.text(max_size=40))
def test_no_path_leaves_its_root(text: str) -> None:
    assert not {"..", "."} & set(split_path("/" + text))
