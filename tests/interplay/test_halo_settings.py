"""What Halo's own settings forbid is not sent, also while Halo keeps those settings from us."""

from __future__ import annotations

from typing import Any

from tests.interplay.acts import push, push_once, tell
from tests.sweep.house import House


def denied(house: House, *names: str) -> None:
    house.control.put("/halo/rights", json={"denied": list(names)}).raise_for_status()


async def new(house: House, *many: dict[str, Any]) -> list[str]:
    customer, product = await house.customer(), await house.product()
    ids = [house.invoice(customer, product, **one) for one in many]
    await tell(house, *ids)
    return ids


def keys(house: House) -> set[str]:
    return {row["externalDocumentNumber"] for row in house.bc("salesInvoices")}


async def test_an_unposted_invoice_waits_while_it_is_not_known_whether_halo_sends_posted_ones_only(
    house: House,
) -> None:
    denied(house, "Control")
    house.services.halo_facts.forget()
    unposted, posted = await new(house, {}, {"posted": True})
    await push_once(house)
    (outcome,) = await house.outcomes("invoice", unposted)
    assert (outcome.status, outcome.code) == ("retrying", "halo_refused_us")
    assert "Control" in outcome.cure
    assert keys(house) >= {f"HALO-{posted}"}
    assert f"HALO-{unposted}" not in keys(house)
    denied(house)
    house.services.halo_facts.forget()
    await push_once(house)
    assert f"HALO-{unposted}" in keys(house)


async def test_a_setting_that_halo_no_longer_shows_stays_as_it_was(house: House) -> None:
    house.edit("Control", "1", {"only_send_posted_invoices": True})
    house.services.halo_facts.forget()
    assert await house.services.halo_facts.only_posted_invoices()
    denied(house, "Control")
    house.services.halo_facts.forget()
    (unposted,) = await new(house, {})
    await push(house)
    (outcome,) = await house.outcomes("invoice", unposted)
    assert (outcome.status, outcome.code) == ("skipped", "opted_out")
    assert f"HALO-{unposted}" not in keys(house)


async def test_a_halo_that_knows_no_such_settings_sends_unposted_invoices(house: House) -> None:
    fault = {"service": "halo", "path": "/Control", "times": 0, "action": {"kind": "status", "status": 404}}
    house.control.post("/faults", json=fault).raise_for_status()
    house.services.halo_facts.forget()
    (unposted,) = await new(house, {})
    await push(house)
    assert f"HALO-{unposted}" in keys(house)
