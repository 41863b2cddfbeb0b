"""What tests of every room share."""

import fcntl
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from analysis import paths

# Begun first, so that no worker is left alone with one of them: those that take longest.
LONGEST = (
    "tests/test_whole.py",
    "tests/reports/test_plain_papermill.py",
    "tests/reports/test_kernel_ends.py",
    "tests/reports/test_package.py",
    "tests/test_lab.py",
    "tests/test_small_books.py",
    "tests/clean/foreign/test_score.py",
    "tests/reports/test_file_access.py",
    "tests/clean/books/test_score.py",
    "tests/reports/test_kernels.py",
    "tests/desk/test_walk.py",
    "tests/clean/foreign/test_offers.py",
    "tests/test_site.py",
)

os.environ["LIANJIAN_LANGUAGE"] = "en"  # whatever the system of who runs the tests speaks

# no test is timed: the machine may be busy
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers():
    """Start three workers for two cores: a third of its time each waits for what it started."""
    cores = yield
    return cores * 3 // 2


def pytest_collection_modifyitems(items):
    """Put the files of `LONGEST` first."""
    gone = [name for name in LONGEST if not (Path(__file__).parent / name).is_file()]
    if gone:
        raise pytest.UsageError(f"LONGEST in conftest.py names {gone[0]}, which is not there")
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_collection_finish():
    """Let the collector pass over what stays to the end: modules and tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def built():
    """See that the published and the simulated dataset are built.

    Workers of one test run wait for the first of them instead of building beside it.
    """
    lock = paths.processed() / ".tests.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-m", "analysis", "build"], check=True)
