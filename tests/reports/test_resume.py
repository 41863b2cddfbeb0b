"""What survives: a killed plan, a full disk, two plans at once, a failure."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from analysis import files as writing
from analysis.errors import LianjianError
from analysis.reports.run import runner, staging
from analysis.reports.run.runner import Options

DRIVER = "import sys; from analysis.reports.run.runner import Options, run; sys.exit(run(options=Options(jobs=1)))"  # noqa: E501


def wait_for(path, seconds=60):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert path.exists()


def reports(project):
    """Content of every file of every report, but for the records of the runs."""
    return {
        path.relative_to(project.reports).as_posix(): path.read_bytes()
        for path in sorted(project.reports.glob("*/*"))
        if path.name != "run.json" and not path.parent.name.startswith(".")
    }


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_plan_that_is_killed_goes_on_where_it_was(project, how, capsys):
    mark = project.root / "second"
    project.notebook("01-first", "1 + 1")
    project.notebook(
        "02-second",
        f"import os, pathlib, time\nif not os.environ.get('QUICK'):\n"
        f"    pathlib.Path({str(mark)!r}).touch()\n    time.sleep(100)\n'two'",
    )
    project.notebook("03-third", "3")
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.DEVNULL)
    wait_for(mark)
    first = reports(project)
    driver.send_signal(how)
    driver.wait(timeout=30)
    assert {name.partition("/")[0] for name in first} == {"01-first"}
    assert reports(project) == first
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUICK", "1")
        assert runner.run(options=Options(jobs=1)) == 0
    out = capsys.readouterr().out
    assert "2 reports published, 1 up to date" in out
    assert "01-first" not in out
    assert reports(project).items() >= first.items()
    assert not (project.reports / ".staging").exists()


def test_two_plans_at_once_both_end_well(project):
    mark = project.root / "on"
    slow = f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\ntime.sleep(4)"
    project.notebook("01-slow", "# Slow", slow)
    command = [sys.executable, "-c", DRIVER]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(mark)
    second = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    out, told = first.communicate(timeout=100)
    assert (first.returncode, second.returncode) == (0, 0), told + second.stderr
    assert "1 report published" in out
    assert f"(process {first.pid} on " in second.stderr
    assert "this one waits for it" in second.stderr
    assert "1 up to date" in second.stdout


def test_a_notebook_that_runs_the_plan_is_refused_at_once(project):
    inner = f"subprocess.run({[sys.executable, '-c', DRIVER]}, capture_output=True, text=True)"
    project.notebook("01-x", "# X", f"import subprocess\nprint({inner}.stderr)")
    started = time.monotonic()
    assert runner.run() == 0
    assert "It has started this one" in project.report("01-x")
    assert time.monotonic() - started < 60


def test_the_second_plan_is_told_who_holds_the_folder(project, monkeypatch):
    monkeypatch.setattr(writing, "_LONGEST_WAIT", 0.05)
    mark = project.root / "on"
    project.notebook("01-long", f"import pathlib, time\npathlib.Path({str(mark)!r}).touch()\n"
                     "time.sleep(100)")  # fmt: skip
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], stdout=subprocess.DEVNULL)
    wait_for(mark)
    with pytest.raises(LianjianError, match=f"process {driver.pid} on .* since 20"):
        runner.run()
    driver.terminate()
    assert driver.wait(timeout=30) == 130
    with staging.alone(project.reports) as token:  # the lock went with its holder
        assert staging.is_held(project.reports, token)
        assert not staging.is_held(project.reports, "another")


@pytest.fixture
def good(project):
    project.notebook("01-x", "# X", "print('good')")
    assert runner.run() == 0
    return project


def no_space(*_arguments, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("moment", ["page", "swap", "everything"])
def test_a_full_disk_costs_the_new_report_not_the_last(good, monkeypatch, capsys, moment):
    before = reports(good)
    good.notebook("01-x", "# X", "print('better')")
    if moment == "swap":
        monkeypatch.setattr(staging, "replace_folder", no_space)
        assert runner.run() == 1
        assert "No space left" in capsys.readouterr().out
        assert reports(good) == before
        return
    real = writing.write_text

    def write(path, text):
        if moment == "everything" or path.name == "report.html":
            no_space()
        real(path, text)

    monkeypatch.setattr(writing, "write_text", write)
    if moment == "page":
        assert runner.run() == 1
        assert "No space left" in (good.reports / "01-x.failed" / "error.txt").read_text()
    else:
        assert runner.run() == 1
        said = capsys.readouterr().err
        assert "01-x failed (its last good report stays)" in said
        assert "reports/index.html could not be written: No space left on device" in said
        assert "MB left; make room on it" in said
    assert {n: c for n, c in reports(good).items() if n.startswith("01-x/")} == before


@pytest.mark.skipif(not shutil.which("mount") or os.geteuid() != 0, reason="mounts a small disk")
def test_a_disk_that_really_is_full(project, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)],
                             capture_output=True, check=False)  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        shutil.copytree(project.root, small, dirs_exist_ok=True)
        project.notebooks, project.reports = small / "notebooks", small / "reports"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LIANJIAN_ROOT", str(small))
            project.notebook("01-x", "# X", "print('good')")
            assert runner.run() == 0
            before = reports(project)
            (small / "ballast").write_bytes(b"x" * (shutil.disk_usage(small).free - 60_000))
            project.notebook("01-x", "# X", "print('better')")
            assert runner.run() == 1
            after = reports(project)
            assert {n: c for n, c in after.items() if n.startswith("01-x/")} == before
            (small / "ballast").unlink()
            assert runner.run() == 0
            assert "better" in project.report("01-x")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_swap_leaves_no_moment_without_a_report(tmp_path):
    target, staged = tmp_path / "x", tmp_path / "staged"
    target.mkdir()
    (target / "page").write_text("old")
    seen = set()
    reader = subprocess.Popen(
        [sys.executable, "-c", f"""
import pathlib
page, end = pathlib.Path({str(target / "page")!r}), pathlib.Path({str(tmp_path / "end")!r})
pathlib.Path({str(tmp_path / "ready")!r}).touch()
seen = set()
while not end.exists():
    try:
        seen.add(page.read_text())
    except OSError as error:
        seen.add(type(error).__name__)
print(sorted(seen))"""],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(tmp_path / "ready")
    for number in range(300):
        staged.mkdir()
        (staged / "page").write_text("new")
        writing.replace_folder(staged, target, tmp_path / f"previous{number}")
        seen.add((target / "page").read_text())
    (tmp_path / "end").touch()
    out, _ = reader.communicate(timeout=30)
    assert seen == {"new"}
    if writing._exchange(target, tmp_path / "none"):  # pragma: no cover
        pytest.fail("an exchange with nothing cannot be")
    if sys.platform == "linux":
        assert "Error" not in out


def test_without_an_exchange_two_renames_do(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_exchange", lambda *_: False)
    target, staged = tmp_path / "x", tmp_path / "staged"
    for text in ("old", "new"):
        staged.mkdir()
        (staged / "page").write_text(text)
        writing.replace_folder(staged, target, tmp_path / "previous")
        assert (target / "page").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


def test_a_worker_of_a_plan_that_has_ended_publishes_nothing(good):
    from analysis.reports.run.report import Task, perform

    before = reports(good)
    [run] = runner.planned()
    outcome = perform(Task(run, "run", good.reports, token="of another time"))
    assert outcome.message == "the plan that asked for it has ended"
    assert reports(good) == before
    staging.sweep(good.reports)


def test_a_failure_stands_beside_the_last_good_page_with_its_line_and_log(good, capsys):
    page = good.report("01-x")
    good.notebook("01-x", "# X", "import sys\nsys.__stderr__.write('from below\\n')",
                  "def f(x):\n    return 1 / x\nfor k in (1, 0):\n    f(k)")  # fmt: skip
    assert runner.run() == 1
    failed = good.reports / "01-x.failed"
    assert "from below" in (failed / "kernel.log").read_text()
    record = json.loads((failed / "run.json").read_text())
    assert (record["cell"], record["line"]) == (3, 4)
    assert good.report("01-x") == page
    assert "cell 3, line 4: ZeroDivisionError" in capsys.readouterr().out
    index = (good.reports / "index.html").read_text()
    assert "ZeroDivisionError" in index
    assert "01-x/report.html" in index


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"data": null}', "{", ""])
def test_a_key_that_cannot_be_read_runs_again(project, content):
    project.notebook("01-x", "# X", "1")
    assert runner.run() == 0
    (project.reports / "01-x" / "key.json").write_text(content)
    assert runner.datasets(runner.planned()) == ("published",)
    assert runner.run() == 0
    assert runner.decide(runner.planned())[0][1].action == "none"
