"""Fixtures that several rooms share."""

import os
import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAUNCH = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
          "--disable-background-networking"]  # fmt: skip


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
