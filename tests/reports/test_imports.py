"""What is imported, and when: an answer that needs no engine must not wait for one."""

import subprocess
import sys

import pytest


def loaded(code, *names):
    check = f"{code}\nimport sys\nprint([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


HEAVY = (
    "papermill",
    "nbformat",
    "nbconvert",
    "matplotlib",
    "pandas",
    "numpy",
    "jinja2",
    "jsonschema",
)


@pytest.mark.parametrize(
    "code",
    [
        "import analysis",
        "import analysis.cli; analysis.cli._parser()",
        "import analysis.reports.run.runner",
        "from analysis.reports.run import runner; runner.decide(runner.planned())",
    ],
)
def test_nothing_heavy_is_imported_to_answer(code):
    assert loaded(code, *HEAVY) == "[]"


def test_charts_come_without_what_few_of_them_need():
    assert loaded("import analysis.figures", "scipy", "seaborn", "statsmodels") == "[]"


@pytest.mark.parametrize("room", ["tables", "effects", "indicators", "simulate"])
def test_numbers_come_without_what_is_imported_where_it_is_used(room):
    assert loaded(f"import analysis.{room}", "scipy.optimize", "scipy.stats", "statsmodels") == "[]"


def test_papermill_comes_without_what_it_does_not_need():
    code = "from analysis.reports.run._imports import quickly; quickly('papermill')"
    assert loaded(code, "papermill", "nbformat", "rfc3987_syntax", "pyarrow") == (
        "['papermill', 'nbformat']"
    )
    # and who needs it later finds it
    assert loaded(f"{code}\nimport pyarrow", "pyarrow") == "['pyarrow']"
