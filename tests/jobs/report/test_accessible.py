"""The report in a real browser: axe-core finds nothing, light and dark, and on a phone nothing is cut off."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from jobs.report import stage
from jobs.report.findings import Findings
from tests.jobs.report import test_demand, test_pricing

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
PHONE, DESK = (375, 667), (1280, 800)
MISSING = "no chromium on PATH: `apt-get install chromium` (make test does it as root on Debian)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = shutil.which("chromium")
    if binary is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def report(found: Findings, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a night with all that the report can show."""
    folder = tmp_path_factory.mktemp("champion")
    test_pricing.weeks().to_parquet(folder / test_pricing.PANEL_FILE, index=False)
    figures = [{"night": f"2011-10-{day}", "model": 0.3, "peer": 0.2, "peer_name": "popularity"} for day in (10, 17)]
    rows = {"table": "for_customer", "column": "item_id", "parts": 3, "same": 9, "changed": 1, "new": 2, "gone": 0}
    more = {
        "over_time": [
            {"measure": "ndcg@10", "split": split, "largest": 0.3, "days": figures} for split in ("all", "cold", "tail")
        ],
        "reranking": [
            {"placement": "home", "weight": "margin", "ndcg_ratio": 0.99, "coverage@10": 0.3, "diversity@10": 0.8}
        ],
        "moved": {"since": "20111030-1", "tables": [rows]},
    }
    products = [{**found.products[0], **more, "product": name} for name in ("recommendations", "demand", "pricing")]
    told = {"demand": test_demand.told(), "pricing": test_pricing.told(folder)}
    return stage.page(dataclasses.replace(found, products=products, **told))


@pytest.fixture(params=[(scheme, size) for scheme in ("light", "dark") for size in (PHONE, DESK)], ids=str)
def opened(browser: Browser, report: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    scheme, (width, height) = request.param
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
    page.set_content(report)
    yield page
    page.close()


def violations(page: Page) -> list[str]:
    """What axe-core's rules find, each with the element."""
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10, "axe-core looked at next to nothing"
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found["violations"] for node in rule["nodes"]]


def test_axe_core_finds_nothing(opened: Page) -> None:
    assert violations(opened) == []


def test_axe_core_would_find_what_is_wrong(browser: Browser, report: str) -> None:
    page = browser.new_page()
    page.set_content(report.replace("--dim: #57606a", "--dim: #c8ccd0").replace('lang="en"', ""))
    assert {finding.split(":")[0] for finding in violations(page)} == {"color-contrast", "html-has-lang"}
    page.close()


def test_the_page_is_as_wide_as_its_window(opened: Page) -> None:
    """Wide tables scroll in their own place; the page itself never does sideways."""
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
