"""How numbers and names are written."""

import pandas as pd
import pytest

from analysis.reports import tables
from analysis.reports.page import index, ledger
from analysis.reports.text import digits_for, language, natural, number


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (7.5e22, 1, "7.50 × 10²²"),
        (-2e-30, 31, "−2.00 × 10⁻³⁰"),
        (999_999_999_999_999.0, 0, "999,999,999,999,999"),
        (-0.0049, 2, "0.00"),
        (-0.0, 0, "0"),
        (0.0, 12, "0.00000000"),
        (float("-inf"), 2, "−∞"),
    ],
)
def test_a_number_is_short_and_says_something(value, digits, text):
    assert number(value, digits).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("cells", "is_number"),
    [
        (["6.55 (6.54–6.56)", "4.74"], True),
        (["−0.30 (−0.41–−0.20)", None], True),
        (["4.74", "5.10"], False),  # texts may be codes or dates
        (["6.55 (6.54–6.56)", "at least 2"], False),
        (["甲村 (3)", "4 (see below)"], False),
        ([None, None], False),
    ],
)
def test_a_number_with_its_ends_stands_as_numbers_do(cells, is_number):
    html = tables.grid(pd.DataFrame({"gain": pd.Series(cells, dtype="object")}))
    assert html.count('class="lj-n"') == (3 if is_number else 0)


def test_a_table_of_extremes_can_be_read():
    frame = pd.DataFrame({"big": [4e250, -1.5], "tiny": [4e-250, 0.0], "p": [0.0002, 0.0041]})
    html = tables.grid(frame).replace("\u00a0", " ")
    assert "4.00 × 10²⁵⁰" in html
    assert "4.00 × 10⁻²⁵⁰" in html
    assert ">0.0002<" in html
    assert "000000000" not in html
    each = tables.grid(pd.DataFrame({"x": [3e-9, 27.9]}), digits={"x": "each"})
    assert "3.00\u00a0×\u00a010⁻⁹" in each
    assert ">27.9<" in each
    assert digits_for([float("nan"), 0.003]) == 4


def test_names_are_sorted_by_their_numbers():
    names = ["i-10", "i-2", "i-1", "i-100", "10-a", "9-b", "村2", "村10"]
    assert sorted(names, key=natural) == [
        "9-b",
        "10-a",
        "i-1",
        "i-2",
        "i-10",
        "i-100",
        "村2",
        "村10",
    ]


def test_a_language_is_that_of_most_of_a_text():
    assert language("合水县 2024 年经营性收入") == "zh-Hans"
    assert language("Income of Heshui County 合水县") == "en"
    assert language("Trial 试验") == "en"
    assert language("") == "en"


def test_the_index_sorts_by_number(project):
    for run in ("01-x-10", "01-x-2", "01-x-1"):
        folder = project.reports / run
        folder.mkdir()
        (folder / "run.json").write_text(
            f'{{"slug": "{run}", "notebook": "01-x.ipynb", "title": "{run}", "heading": "X", '
            '"summary": "", "result": "ok", "figures": 0, "tables": 0, "seconds": 1.0, '
            '"started": "2026-01-01", "checks": []}',
            "utf-8",
        )
    html = index.render(project.reports)
    places = [html.index(f'href="{run}/report.html"') for run in ("01-x-1", "01-x-2", "01-x-10")]
    assert places == sorted(places)


def test_latex_says_which_end_a_number_lacks():
    tex = ledger._tex([], "name")
    assert r"\errmessage{The number #2 has no #1}" in tex


def test_the_index_narrows_by_what_a_plan_runs_over(project, monkeypatch):
    """Of counties it knows nothing: it asks over which names a notebook is repeated."""
    monkeypatch.setattr(index, "EACH", ("town",))
    for run, given in (("01-x-a", '{"town": "甲镇"}'), ("01-x-b", '{"county": "621022"}')):
        folder = project.reports / run
        folder.mkdir()
        (folder / "run.json").write_text(
            f'{{"slug": "{run}", "notebook": "01-x.ipynb", "title": "{run}", "heading": "X", '
            '"summary": "", "result": "ok", "figures": 0, "tables": 0, "seconds": 1.0, '
            f'"started": "2026-01-01", "checks": [], "parameters": {given}}}',
            "utf-8",
        )
    html = index.render(project.reports)
    assert '<label for="of-town">Town</label><select id="of-town" data-of="town">' in html
    assert html.count('<option value="甲镇">甲镇</option>') == 1
    assert html.count('data-of-town="甲镇"') == 1
    assert "of-county" not in html
