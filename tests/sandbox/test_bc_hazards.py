"""The simulated Business Central: what goes wrong on order: deadlocks, commits in a batch, an old version's bug."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sandbox.bc_client import BcClient, refusal


class TestDeadlocks:
    @pytest.mark.parametrize(
        ("status", "code"),
        [(409, "Internal_ServerError"), (400, "Application_DialogException"), (500, "Internal_ServerError")],
    )
    async def test_the_write_is_rolled_back_and_the_next_goes_through(
        self, bc: BcClient, status: int, code: str
    ) -> None:
        await bc.control("POST", "deadlocks", {"kind": "POST salesInvoices", "status": status, "code": code})
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line()]}
        found, message = await bc.refused("POST", "salesInvoices", body, status)
        assert found == code
        assert message.startswith("The activity was deadlocked with another user")
        assert await bc.values("salesInvoices") == []
        await bc.post("salesInvoices", body)

    async def test_one_may_have_saved_all_the_same(self, bc: BcClient) -> None:
        await bc.control("POST", "deadlocks", {"kind": "POST salesInvoices", "committed": True})
        await bc.refused("POST", "salesInvoices", {"customerNumber": bc.customer().number}, 409)
        assert len(await bc.values("salesInvoices")) == 1

    async def test_a_part_of_a_batch_meets_one_too(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line(1, 10), bc.item_line(1, 10))
        first, second = draft["salesInvoiceLines"]
        await bc.control("POST", "deadlocks", {"kind": "DELETE salesInvoiceLines", "status": 500})
        parts = [
            bc.part("PATCH", f"salesInvoiceLines({first['id']})", {"unitPrice": 50}, **{"If-Match": "*"}),
            bc.part("DELETE", f"salesInvoiceLines({second['id']})", **{"If-Match": "*"}),
        ]
        answers = await bc.batch(parts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [200, 500]
        assert (await bc.get(f"salesInvoices({draft['id']})"))["totalAmountExcludingTax"] == 20
        answers = await bc.batch(parts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [200, 204]

    async def test_a_wish_without_sense_is_refused(self, bc: BcClient) -> None:
        async with httpx.AsyncClient(base_url=f"{bc.world.urls['control']}/bc") as control:
            answer = await control.post("/deadlocks", json={"sort": "x"})
        assert answer.status_code == 400


class TestBatches:
    async def test_al_code_that_commits_escapes_a_snapshot(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line(1, 10))
        line = draft["salesInvoiceLines"][0]["id"]
        bc.world.switches["bc.commits_in_batch"] = "PATCH salesInvoiceLines"
        path = f"salesInvoices({draft['id']})/salesInvoiceLines"
        parts: list[dict[str, Any]] = [
            bc.part("PATCH", f"salesInvoiceLines({line})", {"unitPrice": 50}, **{"If-Match": "*"}),
            bc.part("POST", path, bc.item_line(1, 7)),
            bc.part("POST", path, {"lineType": "Item", "lineObjectNumber": "NONE"}),
        ]
        answers = await bc.batch(parts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [200, 201, 400]
        left = (await bc.get(path))["value"]
        assert [one["unitPrice"] for one in left] == [50]

    async def test_an_old_version_refuses_sequences_in_a_deep_insert(self, bc: BcClient) -> None:
        bc.world.switches["bc.sequence_bug"] = True
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line(sequence=10000)]}
        code, message = await bc.refused("POST", "salesInvoices", body, 500)
        assert (code, message) == (
            "Internal_ServerError",
            "You cannot change the value of the SystemId field.",
        )
        await bc.invoice(bc.item_line())


class TestPosting:
    async def test_an_external_number_may_be_mandatory(self, bc: BcClient) -> None:
        bc.world.switches["bc.external_number_mandatory"] = True
        draft = await bc.invoice(bc.item_line())
        code, message = refusal(await bc.act(draft["id"]))
        assert code == "Application_FieldValidationException"
        assert message.startswith(
            "External Document No. must have a value in Sales Header: Document Type=Invoice"
        )
        named = await bc.invoice(bc.item_line(), externalDocumentNumber="X")
        assert (await bc.act(named["id"])).status_code == 204

    async def test_a_released_draft_may_be_posted(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        released = {"status": "Open", "headerStatus": "Released"}
        await bc.control("PATCH", f"{bc.company.id}/salesInvoices/{draft['id']}", released)
        assert (await bc.get(f"salesInvoices({draft['id']})"))["status"] == "Open"
        assert (await bc.act(draft["id"])).status_code == 204
        assert (await bc.get(f"salesInvoices({draft['id']})"))["number"] == "103001"

    async def test_a_posting_in_a_snapshot_stays_when_a_later_part_fails(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        parts = [
            bc.part("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post"),
            bc.part(
                "PATCH", f"salesInvoices({draft['id']})", {"email": "a@example.com"}, **{"If-Match": "*"}
            ),
        ]
        answers = await bc.batch(parts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [204, 400]
        assert (await bc.get(f"salesInvoices({draft['id']})"))["status"] == "Open"
