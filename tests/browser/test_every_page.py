"""Every page, filled and empty: no accessibility violation, nothing cut, no sideways scroll, a light first load."""

from __future__ import annotations

import random

import pytest
from playwright.sync_api import Response, expect

from bc.entities.line_numbers import LineKind, Numbering
from tests.browser.visitor import NARROW, WIDE, Visitor
from tests.e2e.acting import Acting, Invoicing, number

pytestmark = pytest.mark.browser
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH"
EMPTY = ("/activity", "/errors", "/import", "/links", "/find", "/doctor", "/halo", "/connections", "/setup")
LARGE = (2560, 1300)
PAGES = (
    "",
    "/setup?step=registration",
    "/setup?step=webhook",
    "/connections",
    "/connections/new",
    "/setup?step=import",
    "/import",
    "/import?kind=item_categories",
    "/links",
    "/links?tab=products&show=bc",
    "/links?tab=item_categories",
    "/links?tab=charge-rates",
    "/links?tab=accounts",
    "/find?kind=customers&search=orchard",
    "/doctor",
    "/halo",
    "/activity",
    "/errors",
    "/resync",
    "/nowhere",
)


# What depends on the width and the colours; the rest holds for every window.
BY_LOOK = ("color-contrast", "target-size", "scrollable-region-focusable")


def test_an_empty_console_welcomes_and_is_light(visitor: Visitor) -> None:
    sizes: list[int] = []

    def weigh(response: Response) -> None:
        if response.ok:
            sizes.append(int(response.headers.get("content-length") or len(response.body())))

    visitor.page.on("response", weigh)
    page = visitor.open()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert visitor.violations() == []
    visitor.sign_in()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    assert visitor.violations() == []
    assert sum(sizes) <= 150_000


def test_empty_pages_are_accessible(visitor: Visitor) -> None:
    visitor.admitted()
    for path in EMPTY:
        visitor.open(path)
        visitor.settle()
        assert visitor.violations() == [], path


def test_each_page_is_accessible_and_fits_every_window(visitor: Visitor, acting: Acting) -> None:
    acting.connect()
    acting.app.api.patch(
        f"/api/connections/{acting.connection['id']}", json={"name": LONG}
    ).raise_for_status()
    invoicing = Invoicing(acting)
    failing = invoicing.invoice(invoicing.stray_line(LONG))
    client = number(acting.agent("Client", {"name": LONG, "toplevel_id": 1})["id"])
    acting.sync("invoice", failing)
    acting.sync("customer", client)
    acting.outcome("invoice", failing)
    acting.outcome("customer", client)
    pages = (*PAGES, f"/connections/{acting.connection['id']}", f"/invoice/{failing}?explain=1")
    visitor.admitted()
    for path in pages:
        visitor.resize(WIDE)
        visitor.open(path)
        visitor.settle()
        assert visitor.violations() == [], path
        assert visitor.overflow() <= 0, f"{path} at {WIDE[0]} px"
        visitor.resize(LARGE)
        assert visitor.overflow() <= 0, f"{path} at {LARGE[0]} px"
        visitor.resize(NARROW, dark=True)
        assert visitor.overflow() <= 0, f"{path} at {NARROW[0]} px"
        assert visitor.violations(*BY_LOOK) == [], f"{path} at {NARROW[0]} px, dark"


def test_the_keyboard_reaches_everything(visitor: Visitor) -> None:
    page = visitor.admitted("/activity")
    expect(page.get_by_role("heading", name="Activity")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("link", name="Errors").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Errors")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Halo id, number or name")).to_be_focused()
    page.keyboard.type("1041")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Invoice 1041")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("heading", name="Errors")).to_be_visible()


def test_the_preview_of_line_numbers_follows_the_rule_that_is_sent(visitor: Visitor) -> None:
    page = visitor.open()
    kinds: tuple[LineKind, ...] = ("Service", "Inventory", "Non-Inventory", "Account")
    chances = random.Random(26)
    cases = [
        ([chances.choice(kinds) for _ in range(chances.randint(1, 9))], group, line)
        for group, line in ((1000, 1), (10, 10), (1, 7))
        for _ in range(20)
    ]
    shown = page.evaluate(
        """async (cases) => {
            const { lineNumbers } = await import('/console/assets/line_numbers.js');
            return cases.map((one) => lineNumbers(...one));
        }""",
        cases,
    )
    for (lines, group, line), numbers in zip(cases, shown, strict=True):
        numbering = Numbering(group, line)
        assert numbers == [numbering.take(kind) for kind in lines]
