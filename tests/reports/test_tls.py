"""Runs on a Dask scheduler that asks for certificates, as docs/cluster.md sets it up."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"
WORKER = [
    "worker",
    "--nthreads",
    "1",
    "--no-nanny",
    "--no-dashboard",
    "--memory-limit",
    "0",
    "--death-timeout",
    "60",
]
SCHEDULER = [
    "scheduler",
    "--protocol",
    "tls",
    "--host",
    "127.0.0.1",
    "--port",
    "0",
    "--no-dashboard",
]
CODE = (
    "import sys; from analysis.reports.run.runner import Options, run; "
    "sys.exit(run(options=Options(scheduler=sys.argv[1])))"
)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")


@pytest.fixture
def config(tmp_path_factory):
    """The folder of Dask's configuration with certificates, both made as the page says."""
    folder = tmp_path_factory.mktemp("tls")
    text = DOCS.read_text("utf-8")
    for command in re.findall(r"^    (openssl .*)$", text, re.MULTILINE):
        subprocess.run(shlex.split(command), cwd=folder, check=True, capture_output=True)
    written = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]
    settings = written.replace("/shared/lianjian-tls", str(folder))
    assert yaml.safe_load(settings)["distributed"]["comm"]["require-encryption"] is True
    (folder / "security.yaml").write_text(settings)
    return folder


@pytest.fixture
def cluster(project, config):
    """The address of a scheduler with one worker, both with certificates."""
    env = {**os.environ, "DASK_CONFIG": str(config)}
    file = config / "scheduler.json"
    processes = []
    for arguments in (SCHEDULER, WORKER):
        with (config / f"{arguments[0]}.log").open("wb") as log:
            command = [sys.executable, "-m", "dask", *arguments, "--scheduler-file", str(file)]
            processes.append(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
    yield json.loads(file.read_text())["address"]
    for process in processes:
        process.kill()
        process.wait()


def run(address, **env):
    command = [sys.executable, "-c", CODE, address]
    given = {"env": {**os.environ, **env}, "timeout": 180}
    return subprocess.run(command, capture_output=True, text=True, check=False, **given)


def test_who_has_a_certificate_runs_there_and_nobody_else(project, config, cluster):
    project.notebook("01-x", "# X", "1")
    assert cluster.startswith("tls://")
    without = run(cluster, DASK_CONFIG=str(project.root))
    assert without.returncode != 0
    assert "No Dask scheduler answers" in without.stderr
    assert "certificates" in without.stderr
    plain = run(cluster.replace("tls://", "tcp://"), DASK_CONFIG=str(project.root))
    assert plain.returncode != 0
    assert not (project.reports / "01-x").exists()
    done = run(cluster, DASK_CONFIG=str(config))
    assert done.returncode == 0, done.stderr
    assert "done" in done.stdout
    assert (project.reports / "01-x" / "report.html").is_file()
