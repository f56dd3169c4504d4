"""The simulated Business Central with our extension: unit costs on the lines of draft invoices.

The facts are the extension's own source, `extension/src`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.bc import line_costs
from tests.sandbox.bc_client import BcClient, refusal

PAGE = Path(__file__).parents[2] / "extension" / "src" / "SalesLineCosts.Page.al"


@pytest.fixture
def bc(bc: BcClient) -> BcClient:
    bc.world.switches["bc.line_cost_extension"] = True
    return bc


async def call(bc: BcClient, method: str, path: str, body: Any = None, etag: str = "") -> httpx.Response:
    root = bc.root.removesuffix("v2.0") + line_costs.API
    headers = {"If-Match": etag} if etag else {}
    return await bc.call(method, f"{root}/companies({bc.company.id})/{path}", body, headers)


def test_it_is_the_page_of_the_extension() -> None:
    source = PAGE.read_text()
    said = dict(re.findall(r"^    (\w+) = '?([^';]+)'?;", source, re.M))
    assert f"{said['APIPublisher']}/{said['APIGroup']}/{said['APIVersion']}" == line_costs.API
    assert (said["EntitySetName"], said["EntityName"]) == (line_costs.KIND.set_name, line_costs.KIND.name)
    assert (said["InsertAllowed"], said["DeleteAllowed"], line_costs.KIND.allowed) == ("false", "false", "M")
    fields = re.findall(r"field\((\w+); [^\n]+\)\s*{([^}]*)}", source)
    shown = [(one.name, one.read_only) for one in line_costs.KIND.fields]
    assert [(name, "Editable = false" in about) for name, about in fields] == shown


async def test_without_the_extension_there_is_no_such_api(bc: BcClient) -> None:
    bc.world.switches["bc.line_cost_extension"] = False
    code, message = refusal(await call(bc, "GET", "salesLineCosts?$top=1"), 404)
    assert code == "BadRequest_NotFound"
    assert message.startswith("No HTTP resource was found that matches the request URI")
    bc.world.switches["bc.line_cost_extension"] = True
    answer = await call(bc, "GET", "salesLineCosts?$top=1")
    assert (answer.status_code, answer.json()["value"]) == (200, [])


async def test_only_its_own_sets_are_there(bc: BcClient) -> None:
    assert (await call(bc, "GET", "customers")).status_code == 404
    assert (await bc.call("GET", bc.at("salesLineCosts"))).status_code == 404
    root = bc.root.removesuffix("v2.0") + line_costs.API
    edmx = (await bc.call("GET", f"{root}/$metadata")).text
    assert 'Name="salesLineCosts"' in edmx
    assert "salesInvoice" not in edmx
    found = (await bc.call("GET", root)).json()["value"]
    assert [one["name"] for one in found] == ["companies", "salesLineCosts"]


async def test_a_lines_cost_starts_as_its_items(bc: BcClient) -> None:
    draft = await bc.invoice(bc.item_line(), {"description": "a note"})
    await bc.invoice(bc.item_line())
    answer = await call(bc, "GET", f"salesLineCosts?$filter=documentId eq {draft['id']}")
    first, note = answer.json()["value"]
    line = draft["salesInvoiceLines"][0]
    assert (first["id"], first["sequence"]) == (line["id"], 10000)
    assert (first["unitCost"], note["unitCost"]) == (float(bc.item().unit_cost), 0)
    assert set(first) == {"@odata.etag", "id", "documentId", "sequence", "unitCost"}


async def test_a_cost_is_written_and_moves_both_etags(bc: BcClient) -> None:
    draft = await bc.invoice(bc.item_line())
    line = draft["salesInvoiceLines"][0]
    path = f"salesLineCosts({line['id']})"
    code, _ = refusal(await call(bc, "PATCH", path, {"unitCost": 12.34567}))
    assert code == "BadRequest_InvalidToken"
    etag = (await call(bc, "GET", path)).json()["@odata.etag"]
    answer = await call(bc, "PATCH", path, {"unitCost": 12.34567}, etag)
    assert (answer.status_code, answer.json()["unitCost"]) == (200, 12.34567)
    assert (await call(bc, "PATCH", path, {"unitCost": 1}, etag)).status_code == 409
    after = await bc.get(f"salesInvoices({draft['id']})?$expand=salesInvoiceLines")
    assert after["@odata.etag"] != draft["@odata.etag"]
    assert after["salesInvoiceLines"][0]["@odata.etag"] != line["@odata.etag"]
    assert "unitCost" not in after["salesInvoiceLines"][0]
    row = await bc.control("GET", f"{bc.company.id}/salesInvoiceLines/{line['id']}")
    assert row["unitCost"] == 12.34567


async def test_another_item_or_unit_brings_its_own_cost(bc: BcClient) -> None:
    draft = await bc.invoice(bc.item_line())
    line = draft["salesInvoiceLines"][0]["id"]
    await call(bc, "PATCH", f"salesLineCosts({line})", {"unitCost": 5}, "*")
    await bc.patch(f"salesInvoiceLines({line})", {"quantity": 7})
    assert (await call(bc, "GET", f"salesLineCosts({line})")).json()["unitCost"] == 5
    other = bc.item("Service")
    await bc.patch(f"salesInvoiceLines({line})", {"itemId": other.id})
    cost = (await call(bc, "GET", f"salesLineCosts({line})")).json()["unitCost"]
    assert cost == float(other.unit_cost)


async def test_what_it_refuses(bc: BcClient) -> None:
    draft = await bc.invoice(bc.item_line(), {"description": "a note"})
    line, note = (f"salesLineCosts({one['id']})" for one in draft["salesInvoiceLines"])
    for path, body, message in (
        (note, {"unitCost": 1}, "A comment line has no unit cost."),
        (line, {"sequence": 1}, "Control 'sequence' is read-only."),
        (line, {"documentId": draft["id"]}, "Control 'documentId' is read-only."),
    ):
        assert refusal(await call(bc, "PATCH", path, body, "*"))[1] == message
    assert (await call(bc, "POST", "salesLineCosts", {"unitCost": 1})).status_code == 405
    assert (await call(bc, "DELETE", line, etag="*")).status_code == 405
    released = {"status": "Open", "headerStatus": "Released"}
    await bc.control("PATCH", f"{bc.company.id}/salesInvoices/{draft['id']}", released)
    _, message = refusal(await call(bc, "PATCH", line, {"unitCost": 1}, "*"))
    assert message.startswith("Status must be equal to 'Open'")
    await bc.control("PATCH", f"{bc.company.id}/salesInvoices/{draft['id']}", {"status": "Draft", "headerStatus": "Open"})  # fmt: skip
    await bc.act(draft["id"])
    assert (await call(bc, "PATCH", line, {"unitCost": 1}, "*")).status_code == 404
    assert (await call(bc, "GET", "salesLineCosts")).json()["value"] == []


async def test_a_missing_permission_set_shows_as_ever(bc: BcClient) -> None:
    bc.world.switches["bc.permission_missing_for"] = "salesLineCosts"
    code, message = refusal(await call(bc, "GET", "salesLineCosts?$top=1"), 500)
    assert code == "Internal_ServerError"
    assert "the current permissions prevented the action" in message


async def test_it_has_a_batch_of_its_own(bc: BcClient) -> None:
    draft = await bc.invoice(bc.item_line(), bc.item_line())
    parts = [
        {
            "method": "PATCH",
            "id": one["id"],
            "url": f"companies({bc.company.id})/salesLineCosts({one['id']})",
            "headers": {"Content-Type": "application/json", "If-Match": "*"},
            "body": {"unitCost": 4},
        }
        for one in draft["salesInvoiceLines"]
    ]
    root = bc.root.removesuffix("v2.0") + line_costs.API
    answer = await bc.call("POST", f"{root}/$batch", {"requests": parts})
    assert [one["status"] for one in answer.json()["responses"]] == [200, 200]
    costs = (await call(bc, "GET", "salesLineCosts")).json()["value"]
    assert [one["unitCost"] for one in costs] == [4, 4]
    assert [one["status"] for one in await bc.batch(parts[:1])] == [404]


async def test_its_requests_are_counted_by_kind(bc: BcClient) -> None:
    await call(bc, "GET", "salesLineCosts")
    await call(bc, "PATCH", "salesLineCosts(00000000-0000-0000-0000-000000000001)", {}, "*")
    kinds = bc.world.counters.of("bc").by_kind
    assert (kinds["GET salesLineCosts"], kinds["PATCH salesLineCosts"]) == (1, 1)
