"""What runs again though nothing has changed (`always`, `max_age`), and how many at a time."""

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from analysis import cli
from analysis.reports.run import _zygote, execute, kernels, report, runner


@pytest.fixture
def later(monkeypatch):
    """Give a function that lets time go by, for the runner alone."""

    def wait(**age):
        class Later(datetime):
            @classmethod
            def now(cls, zone=None):
                return datetime.now(zone) + timedelta(**age)

        monkeypatch.setattr(runner, "datetime", Later)

    return wait


def reasons(runs):
    return {run.slug: (decision.action, decision.reasons) for run, decision in runner.decide(runs)}


def test_what_is_always_asked_for_runs_again_and_keeps_its_address(project, capsys):
    project.notebook("01-daily", "# D", "print('today')")
    project.notebook("02-rare", "# R", "1")
    project.plan('[[run]]\nnotebook = "01-daily"\nalways = true')
    assert runner.run() == 0
    page = project.report("01-daily")
    before = json.loads((project.reports / "01-daily" / "run.json").read_text("utf-8"))
    assert cli.main(["why"]) == 0
    assert "01-daily  run: always asked for" in capsys.readouterr().out
    assert runner.run() == 0
    assert "1 report published, 1 up to date" in capsys.readouterr().out
    after = json.loads((project.reports / "01-daily" / "run.json").read_text("utf-8"))
    assert after["run_id"] == before["run_id"]
    assert project.report("01-daily") == page


def test_what_is_older_than_its_plan_allows_runs_again(project, later):
    project.notebook("01-x", "# X", "1")
    project.notebook("02-y", "# Y", "1")
    project.plan("""
        [[run]]
        notebook = "01-x"
        max_age = "36 hours"
        [[run]]
        notebook = "02-y"
        max_age = "2 weeks"
        """)
    assert runner.run() == 0
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    runs = runner.planned()
    later(hours=35)
    assert reasons(runs) == {"01-x": ("none", ()), "02-y": ("none", ())}
    later(hours=37)
    found = reasons(runs)
    assert found["02-y"] == ("none", ())
    assert found["01-x"][1][0].startswith(f"older than 36 hours (made {today} ")
    later(days=15)
    assert reasons(runs)["02-y"][1][0].startswith(f"older than 2 weeks (made {today} ")
    assert runner.run() == 0
    later(hours=1)
    assert reasons(runs) == {"01-x": ("none", ()), "02-y": ("none", ())}


def test_a_change_is_the_better_reason(project):
    project.notebook("01-x", "# X", "1")
    project.plan('[[run]]\nnotebook = "01-x"\nalways = true')
    assert runner.run() == 0
    project.notebook("01-x", "# X", "2")
    [(_, decision)] = runner.decide(runner.planned())
    assert decision.reasons == ("code of 01-x.ipynb changed, from cell 2 on",)


def test_no_more_kernels_are_open_than_asked_for(project, monkeypatch):
    for number in range(1, 4):
        project.notebook(f"0{number}-x", "# X", "1")
    opened, now, most = kernels.open_kernel, [], []

    @contextmanager
    def counted(*what, **how):
        now.append(1)
        most.append(len(now))
        with opened(*what, **how) as kernel:
            yield kernel
        now.pop()

    monkeypatch.setattr(kernels, "open_kernel", counted)
    assert runner.run(options=runner.Options(jobs=1)) == 0
    assert most == [1, 1, 1]


def test_kernels_do_not_wait_for_pages(project, monkeypatch):
    for number in range(1, 5):
        project.notebook(f"0{number}-x", "# X", "1")
    executes, renders = execute.execute, report._render
    begun, now, most = threading.Semaphore(0), [], []
    waited, pages = [], []

    def executed(*what, **how):
        now.append(1)
        most.append(len(now))
        begun.release()
        done = executes(*what, **how)
        now.pop()
        return done

    def rendered(node, task, *what):
        pages.append(1)
        if not waited:  # the first page is made when all others have at least begun
            waited.append(task.run.slug)
            assert all(begun.acquire(timeout=60) for _ in range(4))
        done = renders(node, task, *what)
        assert sum(pages) == 1  # at a time
        pages.pop()
        return done

    monkeypatch.setattr(execute, "execute", executed)
    monkeypatch.setattr(report, "_render", rendered)
    assert runner.run(options=runner.Options(jobs=2)) == 0
    assert len(waited) == 1
    assert len(most) == 4
    assert max(most) == 2


def test_notebooks_run_in_their_order_though_pages_wait(project, monkeypatch):
    for number in range(8):
        project.notebook(f"0{number}-x", "# X", "1")
    executes, begun = execute.execute, []

    def executed(run, *what, **how):
        begun.append(run.slug)
        return executes(run, *what, **how)

    monkeypatch.setattr(execute, "execute", executed)
    assert runner.run(options=runner.Options(jobs=2)) == 0
    first = {slug: begun.index(slug) for slug in begun}
    # the threads that there are at first may reach their places in any order
    assert all(abs(int(slug[:2]) - place) < 4 for slug, place in first.items()), begun


def test_one_at_a_time_publishes_before_the_next_begins(project, monkeypatch):
    executes, found = execute.execute, []
    for number in range(1, 4):
        project.notebook(f"0{number}-x", "# X", "1")

    def executed(*what, **how):
        found.append(len(list(project.reports.glob("0*/run.json"))))
        return executes(*what, **how)

    monkeypatch.setattr(execute, "execute", executed)
    assert runner.run(options=runner.Options(jobs=1)) == 0
    assert found == [0, 1, 2]


def test_what_was_started_early_ends_where_nothing_runs(project, capsys, monkeypatch):
    monkeypatch.setattr(kernels, "cool_down", _zygote.cool_down)  # tests keep theirs otherwise
    project.notebook("01-x", "# X", "1")
    _zygote.cool_down()  # one that is warm already would count as one of other tests
    before = {child.pid for child in psutil.Process().children()}  # of other tests
    assert cli.main(["run", "02-nosuch"]) == 2
    assert "No run is called '02-nosuch'" in capsys.readouterr().err
    left = [child for child in psutil.Process().children() if child.pid not in before]
    assert [child.cmdline() for child in left] == []
