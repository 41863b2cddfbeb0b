"""A plan that is killed at any moment leaves whole reports, and the next one completes.

LIANJIAN_KILLS=20 tries twenty moments instead of three; LIANJIAN_SEED chooses others.
"""

import csv
import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest

from analysis.reports import finished
from analysis.reports.run import runner

NAMES = ("01-a", "02-b", "03-c")
CODE = "import sys; from analysis.reports.run import runner; sys.exit(runner.run())"
KILLS = int(os.environ.get("LIANJIAN_KILLS", "3"))
SEED = int(os.environ.get("LIANJIAN_SEED", "9"))


def write(project, edition):
    for name in NAMES:
        cell = f"from analysis.reports import record\nrecord('n', {edition}, label='Edition')"
        project.notebook(name, f"# {name}", cell, f"print('edition {edition}.')")


def start():
    return subprocess.Popen(
        [sys.executable, "-c", CODE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def edition(project, name):
    """Return which edition a report is of, after seeing that all of it is of that one."""
    folder = project.reports / name
    assert finished.mismatches(folder) == ()
    [found] = set(re.findall(r"edition (\d+)\.</", project.report(name)))
    assert f",{found}," in (folder / "numbers.csv").read_text("utf-8")
    return int(found)


@pytest.fixture(scope="module")
def killed(make_project, tmp_path_factory):
    """A project with good reports of edition 0, and the seconds that a plan takes."""
    project = make_project(tmp_path_factory.mktemp("killed"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(project.root))
        write(project, 0)
        began = time.monotonic()
        assert start().wait() == 0
        yield project, time.monotonic() - began


@pytest.mark.parametrize("moment", range(KILLS))
def test_a_kill_at_any_moment_loses_nothing(killed, moment):
    project, seconds = killed
    before = edition(project, NAMES[0])
    write(project, before + 1)
    share = random.Random(f"{SEED} {moment}").random()  # noqa: S311
    driver = start()
    time.sleep(share * seconds)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    found = [edition(project, name) for name in NAMES]
    assert set(found) <= {before, before + 1}, f"killed after {share:.0%} of {seconds:.1f} s"
    assert runner.run() == 0
    assert [edition(project, name) for name in NAMES] == [before + 1] * len(NAMES)
    assert finished.folders(project.reports) == list(NAMES)
    assert not (project.reports / ".staging").exists()
    with (project.reports / "numbers.csv").open(encoding="utf-8-sig", newline="") as whole:
        assert [row["value"] for row in csv.DictReader(whole)] == [f"{before + 1}"] * len(NAMES)
