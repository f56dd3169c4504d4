"""The simulated Business Central: batches, and what its control may do."""

from __future__ import annotations

from typing import Any

from tests.sandbox.bc_client import BcClient, refusal


def new(bc: BcClient, number: str) -> dict[str, Any]:
    return bc.part("POST", "customers", {"number": number, "displayName": number}) | {"id": number}


async def known(bc: BcClient) -> list[str]:
    found = await bc.values("customers?$select=number&$filter=startswith(number,'N')")
    return [one["number"] for one in found]


class TestBatch:
    async def test_parts_run_in_order_and_are_counted(self, bc: BcClient) -> None:
        invoice = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line(1, 50)]}
        answers = await bc.batch(
            [
                new(bc, "N1"),
                bc.part("GET", "customers?$filter=number eq 'N1'&$select=number"),
                bc.part("POST", "salesInvoices?$expand=salesInvoiceLines", invoice),
            ]
        )
        assert [(one["id"], one["status"]) for one in answers] == [("N1", 201), (None, 200), (None, 201)]
        assert answers[1]["body"]["value"][0]["number"] == "N1"
        assert answers[2]["body"]["salesInvoiceLines"][0]["netTaxAmount"] == 10
        assert answers[0]["headers"]["content-type"] == "application/json; odata.metadata=minimal"
        kinds = bc.world.counters.as_json()["bc"]["by_kind"]
        assert kinds == {
            "POST $batch": 1,
            "part POST customers": 1,
            "part GET customers": 1,
            "part POST salesInvoices": 1,
        }

    async def test_the_first_failure_stops_the_rest_and_takes_nothing_back(self, bc: BcClient) -> None:
        parts = [new(bc, "N1"), new(bc, "C00010"), new(bc, "N2")]
        answers = await bc.batch(parts)
        assert [one["status"] for one in answers] == [201, 400]
        assert answers[1]["body"]["error"]["code"] == "Internal_EntityWithSameKeyExists"
        assert await known(bc) == ["N1"]

    async def test_continue_on_error_runs_all(self, bc: BcClient) -> None:
        parts = [new(bc, "N1"), new(bc, "C00010"), new(bc, "N2")]
        answers = await bc.batch(parts, Prefer="odata.continue-on-error")
        assert [one["status"] for one in answers] == [201, 400, 201]
        assert await known(bc) == ["N1", "N2"]

    async def test_a_snapshot_takes_all_back_though_parts_report_success(self, bc: BcClient) -> None:
        parts = [new(bc, "N1"), new(bc, "C00010"), new(bc, "N2")]
        answers = await bc.batch(parts, Isolation="snapshot")
        assert answers[0]["status"] == 201
        assert answers[0]["body"]["id"]
        assert await known(bc) == []
        answers = await bc.batch(parts, Isolation="snapshot", Prefer="odata.continue-on-error")
        assert [one["status"] for one in answers] == [201, 400, 201]
        assert await known(bc) == []
        await bc.batch([new(bc, "N1"), new(bc, "N2")], Isolation="snapshot")
        assert await known(bc) == ["N1", "N2"]

    async def test_posting_escapes_a_snapshot(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        post = bc.part("POST", f"salesInvoices({draft['id']})/Microsoft.NAV.post")
        answers = await bc.batch([new(bc, "N1"), post, new(bc, "N2"), new(bc, "N1")], Isolation="snapshot")
        assert [one["status"] for one in answers] == [201, 204, 201, 400]
        assert (await bc.get(f"salesInvoices({draft['id']})"))["status"] == "Open"
        assert await known(bc) == ["N1"]

    async def test_each_part_needs_its_own_headers(self, bc: BcClient) -> None:
        path = f"customers({bc.customer().id})"
        etag = (await bc.get(path))["@odata.etag"]
        bare = bc.part("PATCH", path, {"city": "York"})
        good = bc.part("PATCH", path, {"city": "York"}, **{"If-Match": etag})
        stale = bc.part("PATCH", path, {"city": "Leeds"}, **{"If-Match": etag})
        untyped = {**bare, "headers": {"If-Match": "*"}}
        answers = await bc.batch(
            [bare, good, stale, untyped], Prefer="odata.continue-on-error", **{"If-Match": "*"}
        )
        assert [one["status"] for one in answers] == [400, 200, 409, 415]
        assert bc.world.counters.as_json()["bc"]["missing_if_match"] == 1

    async def test_part_addresses_and_the_company_header(self, bc: BcClient) -> None:
        def get(url: str, **headers: str) -> dict[str, Any]:
            return {"method": "GET", "url": url, "headers": headers}

        path = f"companies({bc.company.id})/customers?$top=1"
        answers = await bc.batch(
            [
                get(f"{bc.root}/{path}"),
                get("customers?$top=1", Company=bc.company.name),
                get("customers?$top=1", Company="Nobody"),
                get("/" + path),
                get("$batch"),
            ],
            Prefer="odata.continue-on-error",
        )
        assert [one["status"] for one in answers] == [200, 200, 400, 404, 404]

    async def test_too_many_parts(self, bc: BcClient) -> None:
        body = {"requests": [bc.part("GET", "customers?$top=1")] * 101}
        code, message = refusal(await bc.call("POST", f"{bc.root}/$batch", body), 500)
        assert code == "Unknown"
        assert message.startswith("The current batch message contains too many parts.")
        assert len(await bc.batch([bc.part("GET", "customers?$top=1")] * 100)) == 100

    async def test_without_accept_the_answer_is_not_json(self, bc: BcClient) -> None:
        body = {"requests": [new(bc, "N1")]}
        answer = await bc.call("POST", f"{bc.root}/$batch", body, {"Accept": "*/*"})
        assert answer.headers["content-type"].startswith("multipart/mixed")
        assert await known(bc) == ["N1"]

    async def test_a_dependent_of_a_failed_part_fails(self, bc: BcClient) -> None:
        parts = [new(bc, "C00010"), new(bc, "N1") | {"dependsOn": ["C00010"]}, new(bc, "N2")]
        answers = await bc.batch(parts, Prefer="odata.continue-on-error")
        assert [one["status"] for one in answers] == [400, 424, 201]


class TestControl:
    async def test_rows_go_in_without_checks_and_out_again(self, bc: BcClient) -> None:
        made = await bc.control("POST", f"{bc.company.name}/customers", {"number": "RAW", "displayName": ""})
        raw = await bc.control("GET", f"{bc.company.name}/customers/RAW")
        assert raw == made
        assert len(await bc.control("GET", f"{bc.company.id}/customers")) == 151
        await bc.control("DELETE", f"{bc.company.id}/customers/RAW")
        assert len(await bc.control("GET", f"{bc.company.id}/customers")) == 150

    async def test_an_invoice_made_raw_is_a_full_one(self, bc: BcClient) -> None:
        customer = await bc.control("GET", f"{bc.company.id}/customers/{bc.customer().id}")
        header = {"number": "S-1", "customerId": customer["id"], "customerNumber": customer["number"]}
        made = await bc.control(
            "POST", f"{bc.company.id}/salesInvoices", {**header, "vatBusPostingGroup": "DOMESTIC"}
        )
        await bc.post(f"salesInvoices({made['id']})/salesInvoiceLines", bc.item_line(1, 10))
        assert (await bc.get(f"salesInvoices({made['id']})"))["totalAmountIncludingTax"] == 12

    async def test_a_line_changed_by_another_user_moves_the_header(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line(1, 10))
        line = shown["salesInvoiceLines"][0]
        await bc.control("PATCH", f"{bc.company.id}/salesInvoiceLines/{line['id']}", {"quantity": 5})
        read = await bc.get(f"salesInvoices({shown['id']})")
        assert read["totalAmountIncludingTax"] == 60
        assert read["@odata.etag"] != shown["@odata.etag"]

    async def test_blocking(self, bc: BcClient) -> None:
        await bc.control("POST", "block", {"item": bc.item().number, "blocked": True})
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line()]}
        assert "Blocked must be equal to 'No'" in (await bc.refused("POST", "salesInvoices", body))[1]
