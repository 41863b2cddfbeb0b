"""The command line speaks to a person and starts at once."""

import json
import os
import subprocess
import sys

import pytest

from analysis import _commands, cli
from analysis.reports.run import runner

HEAVY = ("pandas", "numpy", "matplotlib", "seaborn", "statsmodels", "papermill", "nbformat", "rich")


def modules_after(code):
    probe = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import analysis",
        "import analysis.cli",
        "import analysis.reports",
        "import analysis.clean.build",
        "from analysis.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_what_runs_often_imports_nothing_heavy(code):
    assert not modules_after(code).intersection(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulate", "trial", "-p", "sed=1"], "Did you mean seed"),
        (["simulate", "trial", "-p", "seed=one"], "seed"),
        (["simulate", "-p", "seed=8"], "lianjian simulate trial -p"),
        (["simulate", "-p", "seed"], "NAME=VALUE"),
        (["build", "nowhere"], "no dataset 'nowhere'"),
        (["run", "--only", "county-brif"], "09-county-brief"),
        (["run", "-p", "countri=621022"], "count"),
        (["new", "x", "missing.csv", "missing.csv"], "missing.csv"),
    ],
)
def test_errors_are_for_people(arguments, said, capsys):
    assert cli.main(arguments) != 0
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed


def test_a_wrong_option_is_named(capsys):
    assert cli.main(["run", "--jobs", "0"]) == 2
    assert "whole number of 1 or more" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_a_folder_named_in_another_encoding_is_a_sentence(tmp_path, monkeypatch, capsys):
    folder = tmp_path / os.fsdecode("台账".encode("gbk"))
    (folder / "data" / "raw").mkdir(parents=True)
    monkeypatch.setenv("LIANJIAN_ROOT", str(folder))
    for words in (["why"], ["build"], ["new", "a", "b.csv"], ["simulate"]):
        assert cli.main(words) == 2
        said = capsys.readouterr().err
        assert "is not in this system's encoding" in said
        assert "Traceback" not in said


@pytest.fixture
def outdated(tmp_path, monkeypatch):
    """A project whose simulated data an earlier version wrote, into counties that are real."""
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    (tmp_path / "notebooks").mkdir()
    for name in ("simulated", "mine"):
        folder = tmp_path / "data" / "raw" / name
        folder.mkdir(parents=True)
        facts = {"producer": "lianjian simulate", "kind": "simulated", "bytes": 1, "rows": 1}
        keys = ("file", "title", "producer", "licence", "rights", "sha256", "bytes", "rows", "kind")
        lines = [f"{key} = {json.dumps(facts.get(key, key))}\n" for key in keys]
        card = "".join(["[[source]]\n", *lines])
        head = 'kind = "simulated"\nrecord = "ab"\n[parameters]\nalliance_counties = ["621022"]\n'
        (folder / "dataset.toml").write_text(head + card, "utf-8")
    return tmp_path


def test_an_old_simulation_is_written_anew_before_a_plan_asks_what_it_covers(
    outdated, monkeypatch, capsys
):
    done = []
    monkeypatch.setattr(_commands, "_write_simulated", lambda name, _: done.append(f"write {name}"))
    monkeypatch.setattr(_commands, "_made", lambda name: done.append(f"build {name}"))
    monkeypatch.setattr(runner, "planned", lambda *_: done.append("plan") or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "--dataset", "mine"])
    assert done == ["write simulated", "build simulated", "plan"]
    assert "lianjian simulate mine writes it anew" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["why"], ["run", "--dry-run"]])
def test_what_only_looks_says_that_a_simulation_is_old_and_writes_nothing(
    outdated, command, capsys
):
    before = sorted(outdated.rglob("*"))
    cli.main(command)
    assert "lianjian build simulated writes it anew" in capsys.readouterr().err
    assert sorted(outdated.rglob("*")) == before
