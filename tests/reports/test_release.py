"""A ledger's report is internal until its calls are made again with guarded numbers."""

import base64
import csv
import html
import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis.cli import main
from analysis.errors import Exit, LianjianError
from analysis.reports.release import release, review
from analysis.reports.run import runner
from analysis.reports.run.runner import Options

ONE = Options(jobs=1)

ACCOUNTS = ("经营收入", "发包及上交收入", "投资收益", "补助收入", "其他收入")
COUNTIES = {"621002": "西峰区", "621022": "环县"}
CELL = """
import pandas as pd
import analysis as lj
from analysis.reports import record, say, show, table
data = lj.load("town")
panel = data.panel
"""
MEANS = """
means = lj.indicators.means(panel, ["county_code", "year"], "operating_income_yuan")
table(means, "means", f"Means of {len(panel)} village-years since 2022, in 17 counties")
whole = lj.indicators.means(panel, "year", "operating_income_yuan")
record("mean", whole["operating_income_wan_yuan"].iloc[-1], label="Mean", unit="万元", n=79)
study = lj.effects.study(data, "operating", anticipation=0, draws=9)
effect = study.preferred("clusters")
record("effect", effect.estimate / 1e4, label="Effect", unit="万元",
       low=effect.low / 1e4, high=effect.high / 1e4)
record("own", panel["operating_income_yuan"].iloc[3] / 1e4, label="A village", unit="万元")
say("The mean is **{mean:unit}**.")
say("One village has {own:unit}.")
single = panel[panel["year"] == 2023][["village_name" if "village_name" in panel else "village_id",
                                       "operating_income_yuan"]].head(5)
table(single, "single", "Single villages")
print(panel["operating_income_yuan"].iloc[0])
single
"""
DRAWN = """
from analysis import figures, tables
from analysis.indicators import changes
from analysis.indicators.inequality import lorenz
by_role = lj.indicators.means(panel, ["role", "year"], "operating_income_yuan")
names = {"allied_weak": "Weak", "outside": "Outside"}
titles = {"operating_income_wan_yuan": "Operating income"}
show(figures.paths_by_group(by_role, "role", titles, names), "paths", "Means by role.")
moved = changes(panel, "operating_income_yuan", 2022, 2023)
for name, grouped in (("gains", True), ("points", False)):
    drawn = tables.gains(moved, grouped=grouped)
    show(figures.gain_distribution(drawn, names, 2.0, (2022, 2023)), name, "Gains.")
last = panel[panel["year"] == 2023].set_index("village_id")["operating_income_yuan"]
curves = {"2023": (lorenz(last, least=10), lj.indicators.gini(last))}
show(figures.lorenz_curves({"Operating income": curves}), "lorenz", "Lorenz curve.")
whole = {"2023": (lorenz(last), lj.indicators.gini(last))}
show(figures.lorenz_curves({"Operating income": whole}), "vertices", "Lorenz curve.")
own = panel["operating_income_yuan"].iloc[0] / 1e4
say("{what}", what=f"*The first village has {own:.3f}.*")
row = pd.Index(["x"], name="Row")
mixed = pd.DataFrame({"Known": [f"{last.iloc[0]:.2f} yuan, 79 of 80"]}, index=row)
table(mixed, "mixed", "Words with numbers.")
"""


def write_books(folder, villages=240):
    rng = np.random.default_rng(8)
    ids = [f"QX{n:04d}" for n in range(villages)]
    code = [list(COUNTIES)[n % 2] for n in range(villages)]
    frame = pd.DataFrame(
        {
            "village_id": ids,
            "village_name": [f"戥{chr(0x4E00 + 7 * n)}坳村" for n in range(villages)],
            "township_name": "某某镇",
            "county_code": code,
            "county_name": [COUNTIES[one] for one in code],
            "zone": "scenic",
            "households": 200,
            "role": ["allied_weak" if n < 16 else "outside" for n in range(villages)],
            "alliance_id": [f"A{n // 4}" if n < 16 else "" for n in range(villages)],
            "joined_year": ["2023" if n < 16 else "" for n in range(villages)],
            "pair_id": "",
            "has_central_project": "False",
            "has_rebuilt_centre": "False",
            "has_resident_cadre": "False",
            "has_reserve_talent": "False",
            "central_project_year": "",
        }
    )
    frame.to_csv(folder / "villages.csv", index=False)
    rows = [
        {"village_id": one, "year": year, "account_name": account,
         "amount_yuan": round(float(rng.lognormal(11, 0.6)), 2)}
        for one in ids for year in (2022, 2023) for account in ACCOUNTS
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(folder / "accounts.csv", index=False)
    return frame


@pytest.fixture(scope="module")
def town(make_project, tmp_path_factory):
    """Give a project with a ledger and a finished report that stands on it."""
    root = tmp_path_factory.mktemp("release")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        project.villages = write_books(root)
        given = [str(root / "villages.csv"), str(root / "accounts.csv")]
        assert main(["new", "town", *given, "--title", "Books of a town"]) == Exit.GOOD
        assert main(["build", "town"]) == Exit.GOOD
        project.notebook("01-town", "# The town\n\nHow much?", CELL, MEANS)
        project.notebook("05-drawn", "# Drawn\n\nHow is it spread?", CELL, DRAWN)
        assert runner.run(options=ONE) == 0
        yield project


def test_the_page_of_a_ledger_says_that_it_is_internal(town):
    page = town.report("01-town")
    assert "Internal 内部资料" in page
    assert (town.reports / "01-town").stat().st_mode & 0o077 == 0


def test_a_review_shows_each_number_and_why_it_stays(town, capsys):
    assert main(["review", "01-town"]) == Exit.GOOD
    said = capsys.readouterr().out
    folder = town.root / "data" / "decisions" / "town" / "reviews"
    assert str(folder / "01-town.html") in said
    rows = {row["name"]: row for row in csv.DictReader((folder / "01-town.csv").open())}
    assert rows["mean"]["reason"] == ""
    assert float(rows["mean"]["step"]) > 0
    assert "not checked" in rows["own"]["reason"]
    assert any(name.startswith("tab-means ") and not row["reason"] for name, row in rows.items())
    singles = [row for name, row in rows.items() if name.startswith("tab-single ")]
    assert len(singles) == 5
    assert all(row["reason"] for row in singles)
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_what_is_released_holds_guarded_numbers_and_no_village(town):
    folder, made = release("01-town", "Office of Rural Economy")
    files = {path.name: path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}
    page = files["report.html"]
    assert "Released on" in page
    assert "by Office of Rural Economy" in page
    assert "Internal 内部资料" not in page
    told = {row["name"]: row for row in made.plan.to_dict("records")}
    assert f'value="{told["mean"]["released"]!r}"' in page
    everything = "\n".join(files.values())
    for _, village in town.villages.iterrows():
        assert village["village_id"] not in everything
        assert village["village_name"] not in everything
    amounts = pd.read_csv(town.root / "accounts.csv", dtype=str)["amount_yuan"]
    assert not [amount for amount in amounts if amount in everything]
    shown = re.sub(r'<details class="source">.*?</details>', "", page, flags=re.DOTALL)
    assert "Single villages" not in shown
    assert "One village has" not in shown
    assert "The mean is" in shown
    # what was computed into a caption is not what a person typed there
    assert "Means of … village-years since 2022, in 17 counties" in shown
    assert "the number own" in shown
    assert json.loads(files["release.json"])["released_by"] == "Office of Rural Economy"
    exact = re.findall(r"\d+\.\d{5,}", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    assert exact == []


def test_what_stays_inside_says_why_and_which_verb_would_have_carried_it(town):
    plan = review("05-drawn").plan
    points = plan[plan["name"].str.startswith("fig-points ")]
    assert points["reason"].str.contains("not checked").any()
    text = plan.set_index("name").loc["tab-mixed x Known", "reason"]
    assert "written as text" in text


def test_counts_around_a_threshold_of_ones_own_stay_inside(town):
    path = town.root / "reports" / "05-drawn" / "run.json"
    before = path.read_text("utf-8")
    try:
        for wan, inside in ((2.0, False), (8.11, True)):
            record = json.loads(before) | {"parameters": {"weak_wan": wan}}
            path.write_text(json.dumps(record), "utf-8")
            reasons = review("05-drawn").plan["reason"]
            assert reasons.str.contains("moved by a hair").any() == inside
    finally:
        path.write_text(before, "utf-8")


def test_an_effect_is_reviewed_by_the_weights_that_it_brings(town):
    plan = review("01-town").plan.set_index("name")
    for name in ("effect", "effect low", "effect high"):
        assert plan.loc[name, "rule"] == "estimate"
        assert plan.loc[name, "villages"] == 16
        assert "not checked" not in plan.loc[name, "reason"]
    low, high = plan.loc[["effect low", "effect high"], ["released", "value"]].to_numpy()
    assert not low[0] > low[1]
    assert not high[0] < high[1]


def test_readers_are_remembered_and_the_same_release_comes_out_again(town):
    first, _ = release("01-town", "A")
    page = (first / "numbers.csv").read_bytes()
    memory = town.root / "data" / "decisions" / "town" / "released.parquet"
    assert memory.stat().st_mode & 0o077 == 0
    known = pd.read_parquet(memory)
    assert len(known) > 50
    again, _ = release("01-town", "A")
    assert (again / "numbers.csv").read_bytes() == page
    pd.testing.assert_frame_equal(pd.read_parquet(memory), known)


def test_a_person_may_decide_otherwise_and_says_who_when_and_why(town):
    path = town.root / "data" / "decisions" / "town" / "exceptions.csv"
    head = "report,address,decision,why,by,when\n"
    try:
        lines = (
            "01-town,own,release,posted on the wall,Li,2026-11-01\n"
            "01-town,mean,withhold,asked by the county,Li,2026-11-01\n"
        )
        path.write_text(head + lines, "utf-8")
        made = review("01-town")
        assert not made.decided["own"].is_withheld
        assert "posted on the wall" in made.plan.set_index("name").loc["own", "rule"]
        assert "asked by the county" in made.decided["mean"].reason
        path.write_text(head + "01-town,own,release,,Li,2026-11-01\n", "utf-8")
        with pytest.raises(LianjianError, match="line 2: why is empty"):
            review("01-town")
        path.write_text(head + "01-town,owns,release,x,Li,2026-11-01\n", "utf-8")
        with pytest.raises(LianjianError, match="holds no number 'owns'"):
            review("01-town")
    finally:
        path.unlink()


def test_what_cannot_be_released_is_refused_in_a_sentence(town, capsys):
    with pytest.raises(LianjianError, match="who answers"):
        release("01-town", "  ")
    assert main(["review", "01-twon"]) == Exit.REFUSED
    assert "01-town" in capsys.readouterr().err
    town.notebook("02-plain", "# Plain\n\nNothing read.", "1 + 1")
    assert runner.run(only=["02-plain"], options=ONE) == 0
    with pytest.raises(LianjianError, match="stands on no ledger"):
        review("02-plain")


def test_a_village_named_in_the_prose_stops_the_release(town):
    name = town.villages["village_name"].iloc[5]
    town.notebook("03-named", f"# Named\n\nLike {name}.", CELL, MEANS)
    assert runner.run(only=["03-named"], options=ONE) == 0
    with pytest.raises(LianjianError, match=f"would name the village {name}"):
        release("03-named", "A")
    assert not (town.root / "released" / "03-named").exists()


def test_a_report_of_other_data_than_there_are_is_not_released(town):
    path = town.root / "reports" / "01-town" / "notebook.ipynb"
    before = path.read_text("utf-8")
    try:
        path.write_text(re.sub(r'"version": "[0-9a-f]{12}"', '"version": "0123456789ab"', before))
        with pytest.raises(LianjianError, match="Run it again"):
            review("01-town")
    finally:
        path.write_text(before, "utf-8")


def test_no_output_holds_a_name_a_code_a_raw_cell_or_a_closer_number(town):
    for report in ("01-town", "05-drawn"):
        folder, made = release(report, "A")
        files = [path.read_bytes().decode("utf-8-sig")
                 for path in folder.rglob("*") if path.is_file()]  # fmt: skip
        inside = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", "\n".join(files))
        everything = "\n".join([*files, *(base64.b64decode(one).decode() for one in inside)])
        # where marks are drawn is no text; the digits of a picture are letters
        unsaid = r' (?:d|x|y|x1|y1|x2|y2|transform|viewBox|width|height)="[^"]*"|base64,[^"]+'
        shown = re.sub(unsaid, "", html.unescape(everything))
        shown = re.sub(r"<style.*?</style>", "", shown, flags=re.DOTALL)
        raw = pd.read_csv(town.root / "accounts.csv", dtype=str)["amount_yuan"]
        names = town.villages[["village_id", "village_name", "township_name"]]
        canaries = {*names.to_numpy().ravel(), *raw}
        canaries |= {f"{float(amount) / 1e4:.{digits}f}" for amount in raw for digits in (3, 4)}
        found = [word for word in canaries if word in shown]
        assert not [word for word in found if re.search(rf"(?<![\w.]){word}(?![\w.])", shown)]
        plan = made.plan[~made.plan["name"].str.endswith("villages_pct")]  # a rank is no amount
        known = plan[plan["value"].notna()]
        closer = {
            f"{value:.{digits}f}"
            for value, released in known[["value", "released"]].to_numpy()
            for digits in (3, 4, 6)
            if value != released and abs(value - round(value, 2)) > 1e-9
        }
        closer -= {f"{one:.{digits}f}" for one in plan["released"] for digits in (3, 4, 6)}
        assert len(closer) > 20
        found = [number for number in closer if number in shown]
        assert not [number for number in found if re.search(rf"(?<![\d.]){number}", shown)]
        # released numbers are written with the digits of their steps
        table = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.csv"))
        assert not re.findall(r"\d\.\d*(?:0{6}|9{6})\d*", table)
