"""What a push sent and got back, in short: whole enough to be read, small enough for its outcome's row, and never a token."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.clients.business_central import Exchange, count_requests, exchanges
from bc.errors import SyncError
from bc.sync.exchanges import MOST_BYTES, Sent, packed, sent_so_far, unpacked
from tests.clients.remote import BC_URL, PLANTED, a_bc, a_connection, answer, bc_refusal

COMPANY = f"{BC_URL}/v2.0/t/Production/api/v2.0/companies(aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee)"
BATCH = f"{BC_URL}/v2.0/t/Production/api/v2.0/$batch"


def a_line(number: int) -> dict[str, Any]:
    """A line as BC answers it, with much that says nothing here."""
    return {
        "@odata.etag": 'W/"JzE5OzE2MDsn"',
        "id": f"00000000-0000-4000-8000-{number * 7919:012x}",
        "documentId": "11111111-0000-4000-8000-000000000000",
        "sequence": 1000 + number,
        "lineObjectNumber": f"19{number:02}-S",
        "description": f"Work of day {number}",
        "unitOfMeasureId": f"22222222-0000-4000-8000-{number * 104729:012x}",
        "quantity": number,
        "unitPrice": 99.5,
        "netAmount": 99.5 * number,
        "taxPercent": 20,
        "totalTaxAmount": 19.9 * number,
        "shipmentDate": "0001-01-01",
        "itemVariantId": "00000000-0000-0000-0000-000000000000",
    }


def an_exchange(lines: int, status: int = 201) -> Exchange:
    """A deep insert and its read, as they go over the wire."""
    bodies = [
        {"sequence": 1000 + n, "lineObjectNumber": f"19{n:02}-S", "quantity": n, "unitPrice": 99.5}
        for n in range(lines)
    ]
    header = {"externalDocumentNumber": "HALO-1041", "customerNumber": "C00010", "salesInvoiceLines": bodies}
    made = {
        "id": "11111111-0000-4000-8000-000000000000",
        "number": "S-INV102001",
        "status": "Draft",
        "billToAddress": "1 Secret Street",
        "externalDocumentNumber": "HALO-1041",
        "totalTaxAmount": 199,
        "salesInvoiceLines": [a_line(n) for n in range(lines)],
    }
    sent = {
        "requests": [
            {
                "id": "1",
                "method": "POST",
                "url": "companies(x)/salesInvoices?$expand=salesInvoiceLines",
                "body": header,
            },
            {
                "id": "2",
                "method": "GET",
                "url": "companies(x)/salesInvoices?$filter=externalDocumentNumber%20eq%20'HALO-1041'",
            },
        ]
    }
    told = {
        "responses": [
            {"id": "1", "status": status, "body": made},
            {"id": "2", "status": 200, "body": {"value": [made]}},
        ]
    }
    return Exchange("POST", BATCH, json.dumps(sent).encode(), 200, json.dumps(told).encode())


def test_a_create_is_shown_with_what_it_sent_and_the_tax_that_came_back() -> None:
    (request,) = unpacked(packed([an_exchange(2)])).requests
    create, read = request.parts
    assert (request.path, create.method, create.path) == (
        "$batch",
        "POST",
        "salesInvoices?$expand=salesInvoiceLines",
    )
    assert json.loads(create.sent)["salesInvoiceLines"][1]["quantity"] == 1
    assert (create.status, read.status) == (201, 200)
    (document,) = json.loads(read.answer)["value"]
    assert document["salesInvoiceLines"][1]["totalTaxAmount"] == 19.9
    # What the read tells is not told twice, and what nobody sent is nobody's business.
    assert json.loads(create.answer) == {"number": "S-INV102001", "status": "Draft"}
    assert "Secret Street" not in read.answer
    assert read.path.endswith("eq 'HALO-1041'")


def test_an_invoice_of_ten_lines_is_small_and_one_of_a_hundred_fits() -> None:
    assert len(packed([an_exchange(10)])) < MOST_BYTES / 3
    kept = packed([an_exchange(100)] * 8)
    assert 0 < len(kept) <= MOST_BYTES
    assert [len(request.parts) for request in unpacked(kept).requests] == [2] * 8


def test_a_refusal_is_kept_in_bc_s_own_words() -> None:
    refusal = b'{"error":{"code":"Application_DialogException","message":"No posting group."}}'
    sent = Exchange("PATCH", f"{COMPANY}/customers(7)", b'{"email":"a@b.example"}', 400, refusal)
    ((part,),) = [request.parts for request in unpacked(packed([sent])).requests]
    assert (part.path, part.status) == ("customers(7)", 400)
    assert json.loads(part.answer)["error"]["message"] == "No posting group."


def test_amounts_keep_the_digits_that_they_were_sent_with() -> None:
    sent = Exchange("POST", f"{COMPANY}/items", b'{"unitPrice":49.990}', 201, b'{"unitPrice":49.990}')
    ((part,),) = [request.parts for request in unpacked(packed([sent])).requests]
    assert "49.990" in part.sent
    assert "49.990" in part.answer


@given(st.lists(st.tuples(st.binary(max_size=60), st.binary(max_size=60)), max_size=3), st.booleans())
def test_whatever_comes_back_never_stands_in_the_way_of_an_outcome(
    bodies: list[tuple[bytes, bytes]], batch: bool
) -> None:
    made = [Exchange("POST", BATCH if batch else f"{COMPANY}/x", sent, 200, got) for sent, got in bodies]
    assert len(unpacked(packed(made)).requests) == len(made)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["requests", "responses", "id", "body", "value", "status", "error", "url", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON)
def test_json_of_any_shape_is_kept(sent: Any, got: Any) -> None:
    made = [Exchange("POST", BATCH, json.dumps(sent).encode(), 200, json.dumps(got).encode())]
    assert len(unpacked(packed(made)).requests) == 1


async def test_a_push_keeps_its_requests_and_no_token() -> None:
    bc, _ = a_bc(answer(200, {"id": "7", "number": "C1"}), bc_refusal(400, "BadRequest", "No."))
    connection = a_connection()
    with count_requests():
        await bc.get(connection, "customers(f2a5738a-44e3-ea11-bb43-000d3a2feca1)")
        with pytest.raises(SyncError):
            await bc.post(connection, "customers", {"displayName": "Contoso"})
        kept = sent_so_far()
        assert PLANTED not in repr(exchanges())
    read, refused = unpacked(kept).requests
    assert (read.method, read.parts[0].sent, json.loads(read.parts[0].answer)) == (
        "GET",
        "",
        {"number": "C1"},
    )
    assert (refused.status, json.loads(refused.parts[0].sent)) == (400, {"displayName": "Contoso"})
    assert sent_so_far() == b""
    assert unpacked(b"") == Sent()


async def test_a_request_without_an_answer_says_why() -> None:
    bc, _ = a_bc(httpx.ReadError("boom"))
    with count_requests():
        with pytest.raises(SyncError):
            await bc.post(a_connection(), "customers", {"displayName": "Contoso"})
        (request,) = unpacked(sent_so_far()).requests
    assert request.status == 0
    assert "may have been carried out" in request.trouble
