"""Reads AL source into the few facts the tests ask about. The grammar is tree-sitter-al's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tree_sitter_al
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_al.language()))


@dataclass(frozen=True)
class AlObject:
    """One AL object, such as `page 88411 "HBC Sales Line Costs"`; `extends` is "" for all but extensions."""

    kind: str
    number: int
    name: str
    extends: str
    node: Node

    def properties(self) -> dict[str, str]:
        """The object's own properties, by their names, as written but without quotes."""
        return properties(self.node)

    def all(self, *kinds: str) -> list[Node]:
        """Every node of these grammar kinds in the object, in the order of the source."""
        return [node for node in walk(self.node) if node.type in kinds]


def parse(source: bytes) -> Node:
    """The syntax tree; `is_sound` tells whether the source is AL at all."""
    return _PARSER.parse(source).root_node


def is_sound(root: Node) -> bool:
    """True when the source follows the grammar, and no property, statement or trigger lacks its semicolon.

    The second half is needed: the grammar lets the last semicolon before a closing brace or an `end` go.
    """
    return not root.has_error and all(_is_closed(node) for node in walk(root))


def objects(path: Path) -> list[AlObject]:
    """The AL objects of one file."""
    root = parse(path.read_bytes())
    return [
        _object(node) for node in root.named_children if node.child_by_field_name("object_id") is not None
    ]


def properties(node: Node) -> dict[str, str]:
    """The properties written directly in the body of an object or a field."""
    body = next((child for child in node.children if child.type == "declaration_body"), None)
    found: dict[str, str] = {}
    for child in body.named_children if body is not None else ():
        if child.type == "property":
            name, _, value = text(child).partition("=")
            found[name.strip()] = value.strip().rstrip(";").strip().strip("'\"")
    return found


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the source."""
    yield node
    for child in node.children:
        yield from walk(child)


def text(node: Node | None) -> str:
    """The source of a node; "" for none."""
    return (node.text or b"").decode() if node is not None else ""


def name_of(node: Node | None) -> str:
    """A name as BC knows it: without the quotes of the source."""
    return text(node).strip('"')


def _object(node: Node) -> AlObject:
    return AlObject(
        kind=node.type.removesuffix("_declaration"),
        number=int(text(node.child_by_field_name("object_id"))),
        name=name_of(node.child_by_field_name("object_name")),
        extends=name_of(node.child_by_field_name("base_object")),
        node=node,
    )


def _is_closed(node: Node) -> bool:
    if node.type in ("property", "trigger_declaration"):
        return text(node).endswith(";")
    if node.type == "statement_block":
        statements = [child for child in node.named_children if child.type != "comment"]
        return len(statements) == sum(child.type == ";" for child in node.children)
    return True
