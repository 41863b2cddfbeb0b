"""What tests of every room share."""

import fcntl
import subprocess
import sys

import pytest
from hypothesis import settings

from analysis import paths

# no test is timed: the machine may be busy
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def built():
    """See that the published and the simulated dataset are built.

    Workers of one test run wait for the first of them instead of building beside it.
    """
    lock = paths.processed() / ".tests.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-m", "analysis", "build"], check=True)
