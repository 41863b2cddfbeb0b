"""Fixtures that several rooms share."""

import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from analysis import _evidence
from analysis.reports.run._imports import quickly

quickly("nbformat")  # or a test that imports nbformat would do so with what takes a second

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAUNCH = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
          "--disable-background-networking"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _own_evidence():
    """Keep no evidence of the books that tests of another file have loaded."""
    kept, books, published = _evidence._kept, [*_evidence._books], [*_evidence._published]
    yield
    _evidence._kept, _evidence._books[:], _evidence._published[:] = kept, books, published


@pytest.fixture(scope="session")
def some_townships():
    """Give what keeps every third township of each county of a simulation, and all its offices."""

    def keep(simulation):
        villages, accounts = simulation.villages, simulation.accounts
        by_county = villages.groupby("county_code")["township_name"]
        number = by_county.transform(lambda names: pd.factorize(names)[0])
        kept = villages[number % 3 == 0].reset_index(drop=True)
        own = accounts[accounts["village_id"].isin(kept["village_id"])]
        return replace(simulation, villages=kept, accounts=own.reset_index(drop=True))

    return keep


@pytest.fixture(scope="session")
def browser():
    """Give a headless Chromium; without one the test is skipped, in CI it fails."""
    missing = ""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "the Python package playwright is not installed"
    else:
        if executable is None:
            missing = f"no browser on the PATH; looked for {', '.join(BROWSERS)}"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"browser tests: {missing}")
    with sync_playwright() as driver:
        instance = driver.chromium.launch(executable_path=executable, args=LAUNCH)
        yield instance
        instance.close()
