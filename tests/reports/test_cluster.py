"""Runs on a real Dask scheduler with two worker processes, one of them killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from analysis.errors import LianjianError
from analysis.reports.run import executors, runner
from analysis.reports.run.runner import Options

RUNS = 6
WORKER = ["worker", "--nthreads", "1", "--nworkers", "1", "--no-nanny", "--no-dashboard",
          "--memory-limit", "0", "--death-timeout", "60"]  # fmt: skip


def dask(folder, *arguments):
    log = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb")
    with log:
        return subprocess.Popen([sys.executable, "-m", "dask", *arguments], stdout=log, stderr=log)


@pytest.fixture
def cluster(project, tmp_path_factory):
    """A scheduler on the loopback and two worker processes."""
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    processes = [dask(folder, "scheduler", "--host", "127.0.0.1", "--port", "0",
                      "--no-dashboard", "--scheduler-file", str(file))]  # fmt: skip
    processes += [dask(folder, *WORKER, "--scheduler-file", str(file)) for _ in range(2)]
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"], processes[1:]
    for process in processes:
        process.kill()
        process.wait()


def contents(project):
    return {
        path.relative_to(project.reports).as_posix(): path.read_bytes()
        for path in sorted(project.reports.glob("*/*"))
        if path.name != "run.json"
    }


def test_a_killed_worker_costs_a_second_try_and_no_byte(project, cluster):
    address, workers = cluster
    tries = project.root / "tries"
    tries.mkdir()
    project.dataset()
    for number in range(RUNS):
        project.notebook(f"0{number}-x", "# X", f"""
        import os, pathlib, time
        import analysis
        from analysis.reports import record
        data = analysis.load("trial")
        pid = os.getpid()
        pathlib.Path({str(tries)!r}, f"{number}-{{pid}}").touch()
        time.sleep(1)
        record("n", {number}, label="Number")
        """)  # fmt: skip
    driver = subprocess.Popen(
        [sys.executable, "-c", ("import sys; from analysis.reports.run.runner import Options, run;"
                                f"sys.exit(run(options=Options(scheduler={address!r})))")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    victim = psutil.Process(workers[0].pid)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        # the victim's warm process has forked a kernel: a run is in the middle
        kernels = {child.pid for child in victim.children(recursive=True)}
        if kernels & {int(path.name.partition("-")[2]) for path in tries.iterdir()}:
            break
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    out, _ = driver.communicate(timeout=120)
    assert driver.returncode == 0, out
    assert out.count("done") == RUNS
    assert len(list(tries.iterdir())) > RUNS  # something ran twice
    for pid in kernels:
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    far = contents(project)
    assert runner.run(options=Options(force=True)) == 0
    assert contents(project) == far
    hosts = {json.loads(path.read_text())["host"] for path in project.reports.glob("*/run.json")}
    assert hosts == {os.uname().nodename}


def test_no_scheduler_is_said_in_words(project):
    project.notebook("01-x", "1")
    with pytest.raises(LianjianError, match=r"No Dask scheduler answers at 'tcp://127\.0\.0\.1:1'"):
        runner.run(options=Options(scheduler="tcp://127.0.0.1:1"))


def test_without_dask_the_way_to_it_is_said(project, monkeypatch):
    project.notebook("01-x", "1")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(LianjianError, match=r"`make cluster`.*pip install 'lianjian\[cluster\]'"):
        runner.run(options=Options(scheduler="tcp://127.0.0.1:1"))


def test_jobs_follow_cores_and_memory(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    memory = psutil.virtual_memory()._replace(available=3e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    assert executors.possible_jobs() == 4
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=1e8))
    assert executors.possible_jobs() == 1
