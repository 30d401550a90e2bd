"""The reading page with 300 slices of 512 × 512 pixels: does it stay responsive, and how much memory does it take?

    python tests/benchmarks/page.py [--slices N]

A server and a Chromium of its own; the figures are from Chromium's tracing. A task is what the page's main thread does
in one go: while it lasts, the page answers neither mouse nor keyboard. Its time on the clock is what a user feels, and
grows on a busy machine; its processor time is what the page asks for. Somebody walks through the list meanwhile, and
the memory of the page's process is noted as answers come.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from playwright.sync_api import Browser, Page, sync_playwright

from tests.end_to_end.conftest import QUIET
from tests.pictures import slice_file
from tests.server import peak_megabytes, resident_megabytes, start, stop

CATEGORIES: Final = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
LIMIT: Final = 0.2
"""Seconds that no task should take."""

DISTINCT: Final = 10
"""Pictures that are drawn; the others are copies with names of their own."""

Event = dict[str, Any]


class Sample(NamedTuple):
    """How far the page is."""

    done: int
    seconds: float
    memory: dict[int, float]


def write_slices(folder: Path, number: int) -> list[Path]:
    """PNG files of phantoms."""
    contents = [slice_file(seed=seed, size=512) for seed in range(min(DISTINCT, number))]
    paths = [folder / f"slice{index:03}.png" for index in range(number)]
    for index, path in enumerate(paths):
        path.write_bytes(contents[index % len(contents)])
    return paths


def memory(browser: Browser) -> dict[int, float]:
    """Megabytes of each process that draws a page; Chromium keeps some ready beside ours."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    pids = [int(process["id"]) for process in processes if process["type"] == "renderer"]
    return {pid: resident_megabytes([pid]) for pid in pids}


def read(page: Page, files: list[Path], browser: Browser) -> Iterator[Sample]:
    """Give the files to the page and wait for all answers."""
    began = time.monotonic()
    page.locator("#files").set_input_files(files)
    page.locator("#list li.done").first.wait_for(timeout=600_000)
    done = 0
    while done < len(files):
        done = page.locator("#list li.done").count()
        assert not page.locator("#list li.failed, #list li.refused").count()
        yield Sample(done, time.monotonic() - began, memory(browser))
        page.keyboard.press("j")
        page.wait_for_timeout(500)


def tasks(events: list[Event]) -> tuple[int, list[tuple[float, float]]]:
    """The process of the page, and seconds of each task of its main thread: on the clock, and of processor time."""
    threads: dict[tuple[int, int], list[tuple[float, float]]] = {
        (event["pid"], event["tid"]): []
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    for event in events:
        thread = (event["pid"], event["tid"])
        if event["name"] == "RunTask" and event["ph"] == "X" and thread in threads:
            threads[thread].append((event.get("dur", 0) / 1e6, event.get("tdur", 0) / 1e6))
    (pid, _), found = max(threads.items(), key=lambda item: len(item[1]))
    return pid, found


def heap(events: list[Event], pid: int) -> list[float]:
    """Megabytes that the page's scripts hold, at each of Chromium's counts."""
    counts = [event["args"]["data"] for event in events if event["name"] == "UpdateCounters" and event["pid"] == pid]
    return [count["jsHeapSizeUsed"] / 2**20 for count in counts]


def print_tasks(lengths: list[tuple[float, float]]) -> None:
    """The longest tasks, and how many are over the limit."""
    for name, found in zip(("on the clock", "of processor time"), zip(*lengths, strict=True), strict=True):
        longest = ", ".join(f"{length * 1000:.0f}" for length in sorted(found, reverse=True)[:5])
        over = sum(length > LIMIT for length in found)
        print(f"{len(found)} tasks, {name}: the longest {longest} ms; {over} over {LIMIT * 1000:.0f} ms")


def print_memory(curve: list[tuple[int, float]], held: list[float], most: float) -> None:
    """What the page takes as answers come."""
    steps = curve[:: max(1, len(curve) // 10)] + curve[-1:]
    print(f"memory of the page's process, {most:.0f} MB at most; after so many answers:")
    print("  " + ", ".join(f"{done}: {megabytes:.0f}" for done, megabytes in steps))
    print(f"memory of its scripts: {held[0]:.0f} MB at first, {max(held):.0f} at most, {held[-1]:.0f} in the end")


def measure(browser: Browser, address: str, files: list[Path], trace: Path) -> None:
    """Read the files in a page, and print what was seen."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(address)
    page.wait_for_load_state("networkidle")
    browser.start_tracing(page=page, path=trace, categories=CATEGORIES)
    before = memory(browser)
    samples = list(read(page, files, browser))
    browser.stop_tracing()
    events: list[Event] = json.loads(trace.read_bytes())["traceEvents"]
    pid, lengths = tasks(events)
    print(
        f"{len(files)} slices: the first answer after {samples[0].seconds:.1f} s, all after {samples[-1].seconds:.1f} s"
    )
    print_tasks(lengths)
    curve = [(0, before[pid]), *((sample.done, sample.memory[pid]) for sample in samples)]
    print_memory(curve, heap(events, pid), peak_megabytes(pid))
    page.close()


def main() -> None:
    """Measure the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slices", type=int, default=300)
    number = parser.parse_args().slices
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing"
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        files = write_slices(folder, number)
        server = start(folder)
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        try:
            measure(browser, server.address, files, folder / "trace.json")
        finally:
            browser.close()
            stop(server)


if __name__ == "__main__":
    main()
