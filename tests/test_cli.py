"""The command line speaks to a person and starts at once."""

import subprocess
import sys

import pytest

from analysis import cli

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
        (["simulate", "-p", "sed=1"], "seed"),
        (["simulate", "-p", "seed=one"], "seed"),
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
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", "--jobs", "0"])
    assert stopped.value.code == 2
    assert "whole number of 1 or more" in capsys.readouterr().err
