"""`python -m tests.browser.screenshots [FOLDER]`: the console's pages in their states, as pictures.

Everything is real: Azurite, the sandbox, the local host, Chromium. The pictures go to docs/screenshots.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, expect

from local.azurite import Azurite
from local.process import ROOT
from local.stack import App, Sandbox
from tests.browser.visitor import NARROW, WIDE, Visitor, chromium
from tests.e2e.acting import Acting, Invoicing, number

LONG = "Müller, Østergård & Söhne Gebäudetechnik und Kälteanlagenbau Gesellschaft mbH & Co. KG"
# 74 letters without a place to break.
UNBROKEN = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtenverein"
RIGHT_TO_LEFT = "شركة الأفق للحلول التقنية المحدودة"


class Look(NamedTuple):
    name: str
    size: tuple[int, int]
    dark: bool


LARGE = (2560, 1440)
LOOKS = (Look("wide", WIDE, False), Look("wide-dark", WIDE, True), Look("narrow", NARROW, False))


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    azurite, sandbox = Azurite(), Sandbox()
    azurite.start(accounts=4)
    try:
        with chromium() as browser:
            with App(sandbox, azurite.fresh()) as app:
                added = {"add": [f"{app.host.url}/auth/callback"]}
                sandbox.control.post("/entra/redirect-uris", json=added).raise_for_status()
                first_run(browser, app, folder)
            sandbox.reset()
            with App(sandbox, azurite.fresh(), env={"HALO_REQUESTS_PER_5_MINUTES": "690"}) as app:
                daily(browser, app, folder)
    finally:
        sandbox.stop()
        azurite.stop()
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")
    return 0


def camera(visitor: Visitor, folder: Path, look: str) -> Callable[..., None]:
    def shoot(name: str, *, whole: bool = True) -> None:
        if whole:
            visitor.page.evaluate("window.scrollTo(0, 0)")
        visitor.page.wait_for_timeout(300)  # what was said fades in; fonts settle
        visitor.page.screenshot(path=folder / f"{name}-{look}.png", full_page=whole)

    return shoot


def first_run(browser: Browser, app: App, folder: Path) -> None:
    """From nothing to the choice of the company, with what goes wrong on the way."""
    visitor = Visitor(browser, app)
    shoot = camera(visitor, folder, "wide")
    page = visitor.open()
    visitor.sign_in("not the key")
    expect(page.locator(".field-error")).to_be_visible()
    shoot("sign-in-refused")
    visitor.sign_in()
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    shoot("home-empty")
    for name in ("setup", "errors", "activity", "connections", "import", "links", "find", "doctor", "halo"):
        visitor.open(f"/{name}")
        visitor.settle()
        shoot(f"{name}-empty")
    page = visitor.open("/connections/new")
    page.get_by_label("Directory (tenant) ID").fill("common")
    page.get_by_role("button", name="Create connection").click()
    expect(page.locator(".field-error").first).to_be_visible()
    shoot("connection-new-refused")
    application = app.sandbox.facts["entra"]["apps"][0]
    visitor.new_connection("Tamarisk UK", application, secret="not the secret")
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra("ada@tamarisk.example.com", "Ada-pass-1")
    expect(page.get_by_text("The last sign-in did not succeed")).to_be_visible()
    shoot("connection-refused")
    page.get_by_label("New client secret").fill(application["client_secrets"][0]["value"])
    page.get_by_role("button", name="Use the new secret").click()
    expect(page.get_by_text("The new secret is in use.")).to_be_visible()
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra("ada@tamarisk.example.com", "Ada-pass-1")
    page.get_by_role("radio", name="Production GB").check()
    page.get_by_role("radio", name="Tamarisk Technology Ltd").check()
    shoot("connection-company")
    visitor.context.set_offline(True)
    page.get_by_role("button", name="Use Tamarisk Technology Ltd permanently").click()
    expect(page.get_by_text("The app does not answer since")).to_be_visible()
    shoot("network-lost", whole=False)
    visitor.resize(NARROW)
    camera(visitor, folder, "narrow")("network-lost", whole=False)
    visitor.resize(WIDE)
    visitor.context.set_offline(False)
    expect(page.get_by_text("The app does not answer since")).to_be_hidden()
    visitor.context.clear_cookies()
    page.get_by_role("button", name="Use Tamarisk Technology Ltd permanently").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    shoot("session-ended", whole=False)
    visitor.close()


def daily(browser: Browser, app: App, folder: Path) -> None:
    """A working console with errors, skips, long names and right-to-left ones."""
    acting = Acting(app)
    invoicing, invoice, failing = arrange(acting)
    connection = acting.connection["id"]
    pages = (
        ("home", ""),
        ("activity", "/activity"),
        ("errors", "/errors"),
        ("record-synced", f"/invoice/{invoice}"),
        ("record-explained", f"/invoice/{failing}?explain=1"),
        ("resync", "/resync"),
        ("links", "/links"),
        ("links-only-in-halo", "/links?show=halo"),
        ("links-groups", "/links?tab=item_categories"),
        ("links-charge-rates", "/links?tab=charge-rates"),
        ("links-account-codes", "/links?tab=accounts"),
        ("find", "/find?kind=customers&search=orchard"),
        ("doctor", f"/doctor/{connection}"),
        ("halo", "/halo"),
        ("connections", "/connections"),
        ("connection", f"/connections/{connection}"),
        ("setup", "/setup?step=webhook"),
        ("setup-import", "/setup?step=import"),
    )
    for look in LOOKS:
        visitor = Visitor(browser, app, size=look.size, dark=look.dark)
        visitor.admitted()
        shoot = camera(visitor, folder, look.name)
        for name, path in pages:
            page = visitor.open(path)
            visitor.settle()
            shoot(name)
            if name == "record-synced":
                page.get_by_text("What was sent, and what came back").first.click()
                expect(page.get_by_label("Came back").last).to_be_visible()
                shoot("record-sent")
        if look.name == "wide":
            # Once: these read much of Halo, which takes few calls.
            dialogs(visitor, shoot, connection)
        preview(visitor)
        shoot("import-preview", whole=False)
        page = visitor.open("/import?match=ambiguous")
        choice = page.locator(".preview tbody select").first
        expect(choice).to_be_visible(timeout=60_000)
        choice.select_option(index=1)
        page.locator(".preview-all").evaluate("(line) => line.scrollIntoView()")
        shoot("import-ambiguous", whole=False)
        visitor.close()
    troubled(browser, app, folder, invoicing)
    visitor = Visitor(browser, app)
    visitor.admitted()
    preview(visitor)
    page = visitor.page
    page.locator(".import-bar").get_by_role("button").click()
    expect(page.locator(".job").get_by_text("Finished", exact=True)).to_be_visible(timeout=120_000)
    camera(visitor, folder, "wide")("import-finished")
    visitor.close()
    calm(browser, app, folder, acting)


def troubled(browser: Browser, app: App, folder: Path, invoicing: Invoicing) -> None:
    """A bad day: errors of several causes, a check that fails, long names on a large screen, the menu on a small one."""
    acting = invoicing.acting
    several_causes(invoicing)
    refusal = {
        "kind": "status",
        "status": 403,
        "body": {"error": {"code": "Forbidden", "message": "Access is denied to company."}},
    }
    for look in (*LOOKS, Look("large", LARGE, False)):
        visitor = Visitor(browser, app, size=look.size, dark=look.dark)
        visitor.admitted()
        shoot = camera(visitor, folder, look.name)
        visitor.open("/errors")
        visitor.settle()
        shoot("errors-many")
        if look.name == "large":
            for name in ("home", "activity", "links"):
                visitor.open(f"/{name}".replace("/home", ""))
                visitor.settle()
                shoot(name)
        elif look.name != "wide-dark":
            acting.fault("bc", refusal, path=r"\$batch", times=0)
            visitor.open(f"/doctor/{acting.connection['id']}")
            visitor.settle()
            shoot("doctor-failed")
            app.sandbox.control.delete("/faults").raise_for_status()
            page = visitor.open("/activity?status=retrying&entity=product")
            visitor.settle()
            shoot("activity-nothing-fits")
        if look.name == "narrow":
            page.get_by_role("button", name="Menu").click()
            shoot("menu", whole=False)
        visitor.close()


def several_causes(invoicing: Invoicing) -> None:
    """Invoices that fail for a customer nobody linked, a blocked item and a blocked customer."""
    acting = invoicing.acting
    stranger = number(acting.agent("Client", {"name": UNBROKEN, "toplevel_id": 1})["id"])
    failing = [invoicing.invoice(client_id=int(stranger)) for _ in range(4)]
    acting.sync("customer", stranger)
    acting.sync("invoice", *failing)
    for halo_id in failing:
        acting.outcome("invoice", halo_id, seconds=120)
    links = f"/api/connections/{acting.connection['id']}/mappings"
    for kind, linked, block in (
        ("products", invoicing.products["Service"], {"blocked": True}),
        ("customers", invoicing.customer, {"blocked": "All"}),
    ):
        held = next(row for row in acting.get(f"{links}/{kind}")["items"] if row["halo_id"] == linked)
        wanted = {"item" if kind == "products" else "customer": held["bc_number"], **block}
        acting.app.sandbox.control.post("/bc/block", json=wanted).raise_for_status()
        halo_id = invoicing.invoice(invoicing.line("Service" if kind == "products" else "Inventory"))
        acting.sync("invoice", halo_id)
        acting.outcome("invoice", halo_id, seconds=120)


def calm(browser: Browser, app: App, folder: Path, acting: Acting) -> None:
    """Home when nothing needs a person."""
    for group in acting.get("/api/errors", state="open")["groups"]:
        acting.post("/api/errors/dismiss", {"code": group["code"], "connection_id": None})
    path = f"/api/connections/{acting.connection['id']}"
    app.api.patch(path, json={"secret_expires_on": "2028-11-01"}).raise_for_status()
    for connection in acting.get("/api/connections")["items"]:
        if connection["id"] != acting.connection["id"]:
            gone = f"/api/connections/{connection['id']}"
            app.api.delete(gone, params={"confirm": connection["name"]}).raise_for_status()
    visitor = Visitor(browser, app)
    page = visitor.admitted()
    expect(page.locator(".calm")).to_be_visible()
    visitor.settle()
    camera(visitor, folder, "wide")("home-calm")
    visitor.close()


def dialogs(visitor: Visitor, shoot: Callable[..., None], connection: str) -> None:
    """What opens over a page or in it: a picker, a question, previews."""
    page = visitor.open("/links?tab=charge-rates")
    page.get_by_role("button", name="Choose the item of").first.click()
    expect(page.locator(".picker-line").first).to_be_visible(timeout=30_000)
    shoot("picker", whole=False)
    page = visitor.open("/links")
    page.get_by_role("button", name="Unlink ").first.click()
    shoot("links-unlink", whole=False)
    page = visitor.open("/halo")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible(timeout=60_000)
    shoot("halo-zero-tax")
    page = visitor.open(f"/connections/{connection}")
    page.get_by_role("button", name="Look what there is").click()
    expect(page.get_by_role("button", name="Take over ")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Remove …").click()
    shoot("connection-questions")


def preview(visitor: Visitor) -> None:
    page = visitor.open("/import")
    boxes = page.locator(".preview tbody").get_by_role("checkbox")
    expect(boxes.first).to_be_visible(timeout=60_000)
    for position in (1, 2, 4, 7):
        boxes.nth(position).check()
    if (page.viewport_size or {"width": 0})["width"] > NARROW[0]:
        page.evaluate("window.scrollTo(0, 0)")  # a narrow window would show none of the table


def arrange(acting: Acting) -> tuple[Invoicing, str, str]:
    """An invoice that stands in BC and one that failed; skips beside them. Answers the two ids last."""
    acting.connect(sync_entities=["customer", "invoice"])
    path = f"/api/connections/{acting.connection['id']}"
    acting.app.api.patch(path, json={"secret_expires_on": "2026-12-05"}).raise_for_status()
    acting.create_connection("Tamarisk Retail")
    first = acting.get("/api/connections")["items"][0]
    acting.connection = first
    for kind in ("accounts", "countries", "item_categories"):
        acting.import_all(kind)
    invoicing = Invoicing(acting)
    invoice = invoicing.invoice(
        invoicing.line("Service", 2, 100, "Consulting"), invoicing.line("Inventory", 1, 49.99)
    )
    stray = invoicing.stray_line(LONG, text=LONG)
    failing = [invoicing.invoice(stray) for _ in range(2)]
    clients = [
        number(acting.agent("Client", {"name": name, "toplevel_id": 1})["id"])
        for name in (UNBROKEN, LONG, RIGHT_TO_LEFT)
    ]
    credit = invoicing.invoice(invoicing.line("Service", 1, 100, "Consulting, credited"), invoicetype=2)
    acting.sync("invoice", invoice, credit, *failing)
    acting.sync("customer", *clients)
    for halo_id in (invoice, credit, *failing):
        acting.outcome("invoice", halo_id, seconds=120)
    for halo_id in clients:
        acting.outcome("customer", halo_id, seconds=120)
    return invoicing, invoice, failing[0]


if __name__ == "__main__":
    sys.exit(main())
