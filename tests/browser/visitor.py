"""A person at the console: a browser that notices what no page may do, and the steps that many journeys share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from local.stack import App

WIDE = (1280, 800)
NARROW = (360, 740)
# Of every wait, in ms: a wait ends with its condition, so only a failure takes this long.
PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, or the one that Playwright brought."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox"],
        )
        yield browser
        browser.close()


class Visitor:
    """One browser window at the console of `app`. `complaints`: script errors and breaches of the content policy."""

    def __init__(
        self, browser: Browser, app: App, *, size: tuple[int, int] = WIDE, dark: bool = False
    ) -> None:
        self.app = app
        self.context: BrowserContext = browser.new_context(
            base_url=app.host.url,
            ignore_https_errors=True,  # the simulated Entra has a certificate of its own CA
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            timezone_id="Europe/London",
            reduced_motion="reduce",  # colours in mid-change would be measured
        )
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._listen)

    def _listen(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def open(self, path: str = "") -> Page:
        self.page.goto(f"/console{path}")
        return self.page

    def sign_in(self, key: str | None = None) -> None:
        self.page.get_by_label("Admin key").fill(self.app.admin_key if key is None else key)
        self.page.get_by_role("button", name="Sign in").click()

    def admitted(self, path: str = "") -> Page:
        """Signed in without the form, at `path`."""
        answer = self.context.request.post(
            "/console/session", data={"key": self.app.admin_key}, headers={"Origin": self.app.host.url}
        )
        assert answer.status == 204, answer.text()
        return self.open(path)

    def settle(self) -> None:
        """Wait until nothing loads: no skeleton on the page, and a heading."""
        expect(self.page.locator("h1").first).to_be_visible()
        expect(self.page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE)

    def at_entra(self, username: str, password: str) -> None:
        """Sign in at the simulated Entra, and accept where it asks."""
        page = self.page
        page.locator("#username").fill(username)
        page.locator("#password").fill(password)
        page.locator("#signin").click()
        page.wait_for_url(lambda url: "/login" in url or "/console/" in url)
        if "/login" in page.url:
            page.locator("#accept").click()
        page.wait_for_url("**/console/connections/**")

    def new_connection(self, name: str, application: dict[str, Any], secret: str | None = None) -> None:
        """Fill in and send the form for a new connection."""
        page = self.open("/connections/new")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Directory (tenant) ID").fill(application["tenant_id"])
        page.get_by_label("Application (client) ID").fill(application["client_id"])
        page.get_by_label("Client secret").fill(secret or application["client_secrets"][0]["value"])
        page.get_by_role("button", name="Create connection").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()

    def violations(self, *rules: str) -> list[str]:
        """What axe holds against the page as it is, by these rules or by all."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        found = self.page.evaluate(
            """(options) => axe.run(document, options).then(({ violations }) => violations.map((each) =>
                `${each.id}: ${each.help} at ${each.nodes.slice(0, 3).map((node) => node.target.join(' '))}`))""",
            {"resultTypes": ["violations"], **only},
        )
        return [str(each) for each in found]

    def resize(self, size: tuple[int, int], *, dark: bool = False) -> None:
        """Another window and another colour scheme, the page as it is."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.emulate_media(color_scheme="dark" if dark else "light")

    def overflow(self) -> int:
        """CSS pixels by which the page is wider than the window."""
        wider: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    def close(self) -> None:
        self.context.close()
