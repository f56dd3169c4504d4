"""`$metadata` and the service document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from sandbox.bc.schema import ENUMS, EntityType
from sandbox.bc.values import encode_member


def service_document(base: str, types: Mapping[str, EntityType]) -> dict[str, Any]:
    return {
        "@odata.context": f"{base}/$metadata",
        "value": [{"name": name, "kind": "EntitySet", "url": name} for name in sorted(types)],
    }


def edmx(types: Mapping[str, EntityType]) -> str:
    """The model as EDMX, namespace `Microsoft.NAV`."""
    kinds = "".join(_entity_type(kind, types) for kind in types.values())
    used = {one.enum for kind in types.values() for one in kind.fields}
    enums = "".join(_enum(name, members) for name, members in ENUMS.items() if name in used)
    sets = "".join(
        f'<EntitySet Name="{kind.set_name}" EntityType="Microsoft.NAV.{kind.name}"/>'
        for kind in types.values()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="Microsoft.NAV" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'{kinds}{enums}{_actions(types)}<EntityContainer Name="NAV">{sets}</EntityContainer>'
        "</Schema></edmx:DataServices></edmx:Edmx>"
    )


def _entity_type(kind: EntityType, types: Mapping[str, EntityType]) -> str:
    properties = "".join(
        f"<Property Name={quoteattr(one.name)} Type={quoteattr(one.edm)}"
        + (f' MaxLength="{one.max}"' if one.max else "")
        + ' Nullable="false"/>' * (one.name == "id")
        + "/>" * (one.name != "id")
        for one in kind.fields
    )
    ways = "".join(
        f'<NavigationProperty Name="{way.name}" Type="{_target(way.target, way.collection, types)}"/>'
        for way in kind.navigation
    )
    if kind.set_name == "companies":
        ways = "".join(
            f'<NavigationProperty Name="{name}" Type="{_target(name, True, types)}" ContainsTarget="true"/>'
            for name in types
            if name != "companies"
        )
    return (
        f'<EntityType Name="{kind.name}"><Key><PropertyRef Name="id"/></Key>{properties}{ways}</EntityType>'
    )


def _target(set_name: str, collection: bool, types: Mapping[str, EntityType]) -> str:
    name = f"Microsoft.NAV.{types[set_name].name}"
    return f"Collection({name})" if collection else name


def _enum(name: str, members: tuple[str, ...]) -> str:
    listed = "".join(
        f'<Member Name="{encode_member(member)}" Value="{number}"/>' for number, member in enumerate(members)
    )
    return f'<EnumType Name="{name}">{listed}</EnumType>'


def _actions(types: Mapping[str, EntityType]) -> str:
    common = ("post", "postAndSend", "send", "cancel", "cancelAndSend")
    bound = [("salesInvoice", name) for name in (*common, "makeCorrectiveCreditMemo")]
    bound += [("salesCreditMemo", name) for name in common]
    return "".join(
        f'<Action Name="{name}" IsBound="true"><Parameter Name="bindingParameter" '
        f'Type="Microsoft.NAV.{entity}"/></Action>'
        for entity, name in bound
        if any(kind.name == entity for kind in types.values())
    )
