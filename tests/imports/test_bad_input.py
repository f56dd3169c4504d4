"""Bad input of issue B over real parts: what BC, Halo or the wire gives wrongly ends as a reason, and the rest goes through."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from tests.imports.conftest import Admin
from tests.imports.halo_side import empty_halo, mappings

ALWAYS = 0


def answer(admin: Admin, path: str, body: Any, *, times: int = 1) -> None:
    """Let BC answer the next reads of a list with this body."""
    action = {"kind": "raw", "status": 200, "body": json.dumps(body), "content_type": "application/json"}
    fault = {"service": "bc", "method": "GET", "path": path, "times": times, "action": action}
    admin.sandbox.control.post("/faults", json=fault).raise_for_status()


def is_open(row: dict[str, Any]) -> bool:
    return row["blocked"] in ("", " ", "_x0020_")


async def reasons(admin: Admin, job: dict[str, Any]) -> dict[str, str]:
    """Why records failed or were skipped, by number."""
    rows = (await admin.ask("GET", f"/api/jobs/{job['id']}/failures", limit=500))["items"]
    assert all(row["message"] for row in rows)
    return {row["record"]: row["code"] for row in rows}


async def test_a_page_of_bad_customers_ends_as_reasons_and_the_good_ones_go_through(admin: Admin) -> None:
    empty_halo(admin)
    await admin.connect()
    rows = [dict(row) for row in admin.bc_rows("customers") if is_open(row)][:9]
    optional = (
        "addressLine1",
        "city",
        "country",
        "postalCode",
        "phoneNumber",
        "email",
        "taxRegistrationNumber",
    )
    rows[0] |= dict.fromkeys(optional)  # null is blank
    rows[1] |= {"displayName": None}
    rows[2] |= {"number": None}
    rows[3] |= {"displayName": "x" * 5000}
    rows[4] |= {"blocked": "Sometimes"}  # a member that we do not know
    rows[5] |= {"number": "same"}
    rows[6] |= {"number": "SAME"}
    rows[7] |= {"number": "N" * 400}
    answer(admin, "/customers", {"value": rows})
    refused = {
        "service": "halo",
        "method": "POST",
        "path": "/Client",
        "body": "x{300}|N{300}",
        "times": ALWAYS,
    }
    refusal = {
        "kind": "status",
        "status": 400,
        "body": {"message": "String or binary data would be truncated."},
    }
    admin.sandbox.control.post("/faults", json={**refused, "action": refusal}).raise_for_status()
    job = await admin.run("customers")
    admin.sandbox.control.delete("/faults")
    assert (job["status"], job["total"], job["done"]) == ("succeeded", 9, 9)
    found = await reasons(admin, job)
    assert found == {
        rows[1]["number"]: "name_missing",
        rows[2]["id"]: "bad_record",
        rows[3]["number"]: "halo_rejected",
        "same": "duplicate_number",
        "SAME": "duplicate_number",
        rows[7]["number"]: "halo_rejected",
    }
    assert (job["created"], job["failed"]) == (3, 6)
    good = {rows[position]["number"] for position in (0, 4, 8)}
    assert {row["accountsid"] for row in admin.all("Client")} == good
    assert {row["bc_number"] for row in await mappings(admin, "customers")} == good


async def test_a_page_of_bad_items_ends_as_reasons_and_the_good_ones_go_through(admin: Admin) -> None:
    empty_halo(admin)
    await admin.connect()
    rows = [dict(row) for row in admin.bc_rows("items") if not row["blocked"]][:7]
    for row in rows:
        row["itemCategoryCode"] = ""
    rows[0] |= {"type": "Kit"}
    rows[1] |= {"type": None}
    rows[2] |= {"unitPrice": "a lot"}
    rows[3] |= {"itemCategoryCode": "NOT-MAPPED"}
    rows[4] |= {"unitPrice": None, "unitCost": None, "itemCategoryCode": None}
    rows[5] |= {"displayName": None}
    answer(admin, "/items", {"value": rows})
    job = await admin.run("products")
    assert (job["status"], job["done"], job["created"]) == ("succeeded", 7, 2)
    assert await reasons(admin, job) == {
        rows[0]["number"]: "item_type_unknown",
        rows[1]["number"]: "item_type_unknown",
        rows[2]["number"]: "bad_record",
        rows[3]["number"]: "category_not_mapped",
        rows[5]["number"]: "name_missing",
    }
    assert {row["accountsid"] for row in admin.all("Item")} == {rows[4]["number"], rows[6]["number"]}


async def test_halo_refuses_one_of_a_hundred_and_the_other_99_go_through(admin: Admin) -> None:
    empty_halo(admin)
    await admin.connect()
    rows = [row for row in admin.bc_rows("customers") if is_open(row)][:100]
    assert len(rows) == 100
    answer(admin, "/customers", {"value": rows})
    victim = rows[42]["number"]
    fault = {"service": "halo", "method": "POST", "path": "/Client", "body": f'"{victim}"', "times": ALWAYS}
    refusal = {"kind": "status", "status": 400, "body": {"message": "This name is not allowed."}}
    admin.sandbox.control.post("/faults", json={**fault, "action": refusal}).raise_for_status()
    job = await admin.run("customers")
    admin.sandbox.control.delete("/faults")
    assert (job["status"], job["created"], job["failed"]) == ("succeeded", 99, 1)
    (failure,) = (await admin.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]
    assert (failure["record"], failure["code"]) == (victim, "halo_rejected")
    assert "This name is not allowed." in failure["message"]
    held = [row["accountsid"] for row in admin.all("Client")]
    assert sorted(held) == sorted(row["number"] for row in rows if row["number"] != victim)
    assert len(await mappings(admin, "customers")) == 99


async def test_f37_a_next_link_elsewhere_gets_no_call_and_ends_the_job(admin: Admin) -> None:
    await admin.connect()
    rows = admin.bc_rows("customers")[:3]
    called = []
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(0.2)
        port = elsewhere.getsockname()[1]
        for link in (
            f"http://127.0.0.1:{port}/v2.0/companies",
            f"http://user@{admin.sandbox.url('bc').removeprefix('http://')}/v2.0/",
            "http://169.254.169.254/metadata",
        ):
            answer(admin, "/customers", {"value": rows, "@odata.nextLink": link})
            listening = threading.Event()

            def listen(heard: threading.Event = listening) -> None:
                while not heard.is_set():
                    try:
                        elsewhere.accept()
                        called.append(1)
                    except TimeoutError:
                        continue

            thread = threading.Thread(target=listen)
            thread.start()
            job = await admin.run("customers")
            listening.set()
            thread.join()
            assert job["status"] == "failed", link
            assert job["detail"], link
            assert job["done"] == 3, "what came before stays"
    assert called == []


async def test_f38_links_in_a_circle_end_the_job_in_words(admin: Admin) -> None:
    await admin.connect()
    rows = admin.bc_rows("customers")
    one, two = (f"{admin.sandbox.url('bc')}/v2.0/customers?$skiptoken={name}" for name in ("one", "two"))
    answer(admin, "skiptoken=one", {"value": rows[2:4], "@odata.nextLink": two}, times=ALWAYS)
    answer(admin, "skiptoken=two", {"value": rows[4:6], "@odata.nextLink": one}, times=ALWAYS)
    answer(admin, "/customers", {"value": rows[:2], "@odata.nextLink": one})
    job = await admin.run("customers")
    admin.sandbox.control.delete("/faults")
    assert (job["status"], job["done"]) == ("failed", 6)
    assert "read before" in job["detail"]
    assert admin.requests("bc")["GET customers"] <= 4


async def test_f39_an_empty_page_with_a_next_link_is_no_end(admin: Admin) -> None:
    await admin.connect()
    rows = admin.bc_rows("customers")[:4]
    first, second = (f"{admin.sandbox.url('bc')}/v2.0/customers?$skiptoken={name}" for name in ("one", "two"))
    answer(admin, "skiptoken=one", {"value": [], "@odata.nextLink": second})
    answer(admin, "skiptoken=two", {"value": rows})
    answer(admin, "/customers", {"value": [], "@odata.nextLink": first})
    job = await admin.run("customers")
    assert (job["status"], job["done"], job["total"]) == ("succeeded", 4, 4)


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_f46_exactly_20000_and_20001_customers_take_their_pages_and_none_is_missing(
    admin: Admin,
) -> None:
    """On real parts. Counting alone is tested in `test_faults.py` in seconds."""
    control = admin.sandbox.control
    control.post("/reset", json={"scale": 134}, timeout=120).raise_for_status()
    try:
        await admin.connect()
        ids = [row["id"] for row in control.get(f"/bc/{admin.company}/customers", timeout=120).json()]
        for surplus in ids[20_001:]:
            control.delete(f"/bc/{admin.company}/customers/{surplus}").raise_for_status()
        control.delete("/counters")
        job = await admin.run("customers")
        assert (job["status"], job["total"], job["done"], job["failed"]) == ("succeeded", 20_001, 20_001, 0)
        assert admin.requests("bc")["GET customers"] == 5
        assert job["created"] + job["updated"] + job["skipped"] == 20_001
        links = await mappings(admin, "customers")
        assert len({link["bc_id"] for link in links}) == len(links) == job["created"] + job["updated"]

        # With thin list rows not all can be read in full in one run: who was skipped for that may be found by the next.
        more = await admin.run("customers")
        assert (more["created"], more["failed"]) == (0, 0)
        assert more["updated"] <= job["skipped"]
        links = await mappings(admin, "customers")
        assert (
            len({link["bc_id"] for link in links}) == len({link["halo_id"] for link in links}) == len(links)
        )

        gone = next(bc_id for bc_id in ids[:20_001] if bc_id not in {link["bc_id"] for link in links})
        control.delete(f"/bc/{admin.company}/customers/{gone}").raise_for_status()
        control.delete("/counters")
        again = await admin.run("customers")
        assert (again["status"], again["total"], again["done"]) == ("succeeded", 20_000, 20_000)
        assert (again["created"], again["updated"], again["failed"]) == (0, 0, 0)
        assert admin.requests("bc")["GET customers"] == 4
        assert not [one for one in admin.requests("halo") if one.startswith("POST") and "token" not in one]
    finally:
        control.post("/reset", json={"scale": 1}, timeout=120).raise_for_status()
