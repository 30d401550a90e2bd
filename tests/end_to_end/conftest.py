from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server import Server, start, stop

# Without these, Chromium asks hosts of its own for updates.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

# A busy machine takes longer than Playwright's five seconds over a study.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """A page of its own, and the list of its faults, errors of its scripts among them: it must be empty in the end."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page, faults
    context.close()
    # The browser reports every refused file in its console by itself.
    assert [fault for fault in faults if "Failed to load resource" not in fault] == []


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """The reading page; fails the test on a console error or a request to another host."""
    with watched_page(browser) as (page, faults):
        own = (server.address, "blob:", "data:")
        page.on("request", lambda r: None if r.url.startswith(own) else faults.append(f"request to {r.url}"))
        page.goto(server.address)
        yield page


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(tmp_path_factory.mktemp("temporary"))
    yield running
    assert stop(running) == 0
