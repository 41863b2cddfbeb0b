"""What the two pages of published figures say in plain prose is what the data say."""

import json
import re

import pytest

import analysis
from analysis import paths
from analysis.indicators import reported

GANSU = "低起点如何实现高速跑——甘肃省村集体经济倍速发展调查"


def cells(name, kind):
    path = paths.notebooks() / f"{name}.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def prose(name):
    """The markdown of a notebook on one line."""
    return re.sub(r"\s+", " ", " ".join(cells(name, "markdown")))


@pytest.fixture(scope="module")
def published(built):
    return analysis.load("published")


@pytest.fixture(scope="module")
def gansu(published):
    rows = published.benchmarks.query("place == '甘肃省' and source == @GANSU")
    return rows[rows["qualifier"].isin(["exact", "derived"])].set_index(["measure", "year"])[
        "value_wan_yuan"
    ]


def test_numbers_in_the_prose_of_01(published, gansu):
    said = prose("01-published-figures")
    values = published.figures.set_index("figure_id")["value"]
    allied, helpers, gain = values["F11"], values["F08"], values["F09"]
    weak = allied - helpers
    assert f"{weak * gain:g} 万元 of gains together if {weak:g}" in said
    assert f"{allied * gain:g} if all {allied:g} are" in said
    growth = gansu["operating", 2024] / gansu["operating", 2023] - 1
    assert f"an income of about {gain / growth:.0f} 万元" in said
    assert gansu["net", 2024] < values["F12"] < gansu["operating", 2024]
    bands = published.bands.set_index("band_high_wan_yuan")["share_pct"]
    assert "most collectives of China stood below it in operating surplus" in said
    assert bands[5.0] > 50
    assert "tables.shares_elsewhere(record_of.bands)" in "".join(
        cells("01-published-figures", "code")
    )
    pingliang = published.benchmarks.query("place == '平凉市'").set_index(["year", "measure"])
    money = pingliang["value_wan_yuan"]
    assert f"{money[2019, 'subsidy'] / money[2019, 'total'] * 100:.0f} % of the total" in said
    assert money[2019, "total"] < money[2018, "total"] * 2 / 3
    assert f"{values['F07']:g} centrally funded projects" in said
    assert f"{values['F03']:g} service centres renovated, {values['F13']:g} 万元" in said
    assert f"{values['F06']:g} resident cadres rotated, {values['F05']:g} reserve" in said
    funds = published.benchmarks.query("measure == 'project_funds'")["value_wan_yuan"]
    assert f"{funds.item():,g} 万元 of lottery funds for four villages" in said


def test_no_naive_difference_is_cited_as_a_number(built):
    code = "\n".join(cells("01-published-figures", "code"))
    names = re.findall(r'record\(\s*f?"([^"]+)"', code)
    assert "province-gain" in names
    assert not [name for name in names if "difference" in name or "effect" in name]


def test_numbers_in_the_prose_of_10(published):
    said = prose("10-reported-elsewhere")
    told = published.reported
    allied = told[told["alliance"] == "yes"]
    one_year = ~allied["year_note"].str.contains("累计|合计", na=False)
    paid = allied[(allied["measure"] == "dividend") & one_year]
    others = published.benchmarks.query("measure == 'dividend' and same_as.isna()")
    sizes = [*reported.per_village(paid), *reported.per_village(others)]
    assert len(sizes) == 14
    middle = sorted(sizes)[6:8]
    assert f"about {sum(middle) / 2:.0f} 万元 for each village in the middle" in said
    ends = reported.series_ends(told).set_index("village")
    assert ends.loc["向家村", "joined"] == "after both"
    assert round(reported.multiple(ends.loc[["向家村"]]).item()) == 7  # "sevenfold before it did"
    assert ends["joined"].isin(["after both", "between them"]).sum() == 3
    assert "Three villages in alliances have a figure from before they joined" in said
    assert (allied["year"] >= 2018).mean() > 0.75
    assert allied["measure"].isin(["dividend", "project"]).mean() > 0.5
    older = told[told["year"] < 2015]
    assert older["measure"].isin(["disposable", "total"]).mean() > 0.5
    assert older["source_kind"].str.contains("gazetteer").mean() > 0.5
