"""A ledger's report is internal until its calls are made again with guarded numbers."""

import base64
import csv
import html
import io
import json
import re
import shutil
import zipfile
from bisect import bisect_left
from pathlib import Path

import numpy as np
import pandas as pd
import pypdf
import pytest
from fontTools.ttLib import TTFont
from lxml import etree

from analysis.cli import main
from analysis.errors import Exit, LianjianError
from analysis.reports import calls
from analysis.reports._walk import seen
from analysis.reports.calls import Call
from analysis.reports.release import _release, release, review
from analysis.reports.run import runner
from analysis.reports.run.runner import Options

ONE = Options(jobs=1)
MEAN = "operating_income_wan_yuan"
SVG = "{http://www.w3.org/2000/svg}"

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
line = 5.0
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
say("The mean is {mean}, by CR2 for g−1. It is {own} there. So it is. "
    "Again {mean} at a line of {x}.", x=f"{line:g}")
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
parts = lj.indicators.by_source(panel).drop(columns="dependent_pct")
show(figures.composition(parts), "bars", "Stacked bars.")
own = panel["operating_income_yuan"].iloc[0] / 1e4
say("{what}", what=f"*The first village has {own:.3f}.*")
row = pd.Index(["x"], name="Row")
mixed = pd.DataFrame({"Known": [f"{last.iloc[0]:.2f} yuan, 79 of 80"]}, index=row)
table(mixed, "mixed", "Words with numbers.")
"""
SLY = """
from analysis import figures
from analysis.reports import claim
own = panel[panel["year"] == 2023].set_index("village_id")["operating_income_yuan"]
a, b = float(own.iloc[0]), float(own.max())
whole = lj.indicators.means(panel, "year", "operating_income_yuan")
mean = "operating_income_wan_yuan"
record("mean", whole[mean].iloc[-1], label=f"Mean, beside {a:.0f}", unit="万元", n=int(b))
record("largest", int(b), label="Largest", unit="yuan")
record("rounded", round(b / 1e4), label="Largest", unit="万元", low=int(a // 1e4))
table(whole[[mean]].set_index(pd.Index([a, b], name="Amount")), "heads", "By amount.")
cuts = pd.Index(pd.cut([a, b], [0, min(a, b), max(a, b)]).astype(str), name="Cut")
table(whole[[mean]].set_index(cuts), "cuts", "By cut.")
table(whole[["year", mean]].rename(columns={mean: f"Mean; one has {a:.2f}"}), "columns", "Named.")
table(whole[["year", mean]].assign(top=[int(a), int(b)]), "tops", "Tops.")
table(whole[["year", mean]].assign(kind=pd.Categorical([a, b])), "kinds", "Kinds.")
table(whole[["year", mean]].assign(index=[a, b]), "places", "Places.", labels={"year": f"{a:.2f}"})
table(whole[["year", mean]].assign(**{"Just above": [12, 31]}), "near", "Near a target.")
show(figures.income_heaps({"All": own / 1e4}, [5.0], {"All": "counted"}), "heaps", "Heaps.")
how = claim("mean", "more than", 1.0, yes=f"exceeds {a:.2f}", no=f"is under {a:.2f}")
say("The mean {how}.", how=how)
by_role = lj.indicators.means(panel, ["role", "year"], "operating_income_yuan")
chart = figures.paths_by_group(by_role, "role", {mean: f"Income, at most {b:.0f}"},
                               {"allied_weak": f"Weak ({a:.1f})", "outside": "Outside"})
show(chart, "titles", "Means by role.", finding=f"The largest has {b:.0f} yuan, of {{mean}}",
     measure=f"At most {b / 1e4:.2f} wan")
"""
APART = """
own = panel[panel["year"] == 2023][["village_id", "operating_income_yuan"]].head(5)
table(own, "alone", "Single villages")
"""


VERDICTS = """
from analysis import figures
from analysis.reports import claim
mean, line = "operating_income_wan_yuan", 11.5
last = panel[panel["year"] == 2023]
last = last.assign(part="part " + last["village_id"].str[-1:])
by_part = lj.indicators.means(last, "part", "operating_income_yuan").sort_values(mean)
table(by_part[["part", mean]], "up", "By size.")
table(by_part[["part", mean]].set_index("part")[::-1], "down", "By size, downwards.")
within = lj.indicators.means(last, ["county_name", "part"], "operating_income_yuan")
within = within.sort_values(["county_name", mean], ascending=[True, False])
table(within[["county_name", "part", mean]], "within", "By size in each county.")
told = by_part[["part", mean]].assign(
    reached=by_part[mean] >= line,
    word=["above" if one >= line else "under" for one in by_part[mean]],
    kind=pd.cut(by_part[mean], [0, line, 1000], labels=["lower", "upper"]),
    place=[f"{n}th" for n in range(len(by_part))],
)
table(told, "told", "In words.")
words = told[["reached", "word", "kind", "part", mean]]
table(words, "before", "Words left of numbers.")
table(words.set_index(["word", "kind", "part"])[[mean]], "heads", "Words in heads.")
years = lj.indicators.means(panel, ["role", "year"], "operating_income_yuan")
level = ["high" if one >= line else "low" for one in years[mean]]
drawn = years.assign(level=level, reached=years[mean] >= line)
names = {"allied_weak": "Weak", "outside": "Outside"}
chart = figures.paths_by_group(drawn, "role", {mean: "Income"}, names)
show(chart, "levels", "Means by role.")
both = lj.indicators.means(panel, "year", "operating_income_yuan")[mean].tolist()
record("first", both[0], label="Mean", unit="万元")
record("second", both[1], label="Mean", unit="万元")
rose = "swelled" if both[1] > both[0] else "sank"
top = by_part.loc[by_part[mean].idxmax(), "part"]
say("By {first}: it {rose}.", rose=rose)
say(f"By {{second}}: it {rose}.")
say("By {first}: {top} leads.", top=top)
went = claim("second", "more than", "first", yes="grew", no="shrank")
say("By {second}: it {went} since.", went=went)
chart = figures.paths_by_group(years, "role", {mean: "Income"}, names)
show(chart, "titled", f"Means, when it {rose}.", finding="By {first} it {rose}", rose=rose)
"""

KEEN = """
from analysis import figures
mean = "operating_income_wan_yuan"
own = panel[panel["year"] == 2023].set_index("village_id")["operating_income_yuan"]
most = float(own.max()) / 1e4
whole = lj.indicators.means(panel, "year", "operating_income_yuan")[["year", mean]]
record("line", whole[mean].iloc[-1], label=f"Mean; the most is {most:.0f}", unit="万元")
row = pd.Index(["x"], name="Row")
table(pd.DataFrame({"Known": [f"{most:.0f} 万元", f"{most * 1e4:.0f}"]}), "text", "As text.")
table(pd.DataFrame({"Known": [f"{most:.0f}"]}, index=row), "digits", "As digits.")
codes = pd.Index([f"{most * 1e4:.0f}", f"{most:.0f}"], name="Code")
table(whole.set_index(codes), "code", "Codes.")
table(whole.set_index(pd.Index([round(most), 3], name="Place")), "place", "Places.")
table(whole.assign(index=[round(most), 3], time=[round(most), 3]), "ranks", "Ranks.")
table(whole.rename(columns={mean: f"Mean, most {most:.0f} 万元"}), "units", "In a head.")
table(whole, "labels", "Labels.", labels={mean: f"Mean ({most:.0f})"})
table(whole, f"named-{most * 1e4:.0f}", "An address.")
share = own.ge(line * 1e4).mean()
say(f"Of them {100 * share:.0f} in a hundred reach it, by {{line}}; the first has {most:.0f} 万元.")
counted = pd.DataFrame({"villages": [int(own.ge(line * 1e4).sum())]}, index=row)
table(counted, "over", "Counted by hand around a line.")
ranks = own.rank(pct=True).rename("Percentile").to_frame().head(4)
table(ranks.reset_index(drop=True), "percentiles", "Percentiles.")
twice = whole.assign(part="both").set_index("part")[[mean]]
table(twice, "twice", "Two rows of one name.")
mixed = pd.DataFrame({"value": [round(most), 12, int(own.notna().sum())]}, index=[*"xyz"])
table(mixed, "value", "Whole numbers under a head that says nothing.")
gap = pd.DataFrame({"Gap to the most": [most - whole[mean].iloc[-1]]}, index=row)
table(gap, "gap", "Gap of a mean to the most.")
moved = lj.indicators.changes(panel, "operating_income_yuan", 2022, 2023)
drawn = lj.tables.gains(moved, grouped=True)
names = {"allied_weak": f"Weak ({most:.0f})", "outside": f"Outside: {most:.0f} 万元"}
show(figures.gain_distribution(drawn, names, most, (2022, 2023)), "target", "A line.")
by_role = lj.indicators.means(panel, ["role", "year"], "operating_income_yuan")
chart = figures.paths_by_group(by_role, "role", {mean: f"Most {most:.0f} 万元"}, names)
show(chart, "legend", "Named.", measure=f"Up to {most:.0f} 万元")
import matplotlib.pyplot as plt
fig, axes = plt.subplots()
axes.plot([2022, 2023], whole[mean])
axes.set_ylim(0, most)
axes.set_yticks([0, most])
show(fig, "limits", "Its axis ends at an amount.", alt="A line.")
picture = axes.imshow([[0.0, most]], vmin=0, vmax=most)
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
        project.notebook("06-sly", "# Sly\n\nWhere can an amount stand?", CELL, SLY)
        heading = "## Where nothing is"
        project.notebook("07-apart", "# Apart\n\nWhat is left?", CELL, "## Alone", APART, heading)
        project.notebook("08-verdicts", "# Verdicts\n\nWho has more?", CELL, VERDICTS)
        asked = "line: float = 5.0  # at what to count, 万元"
        project.notebook("09-keen", "# Keen\n\nWhere else?", CELL, KEEN, parameters=asked)
        assert runner.run(options=ONE) == 0
        yield project


def test_the_page_of_a_ledger_says_that_it_is_internal(town):
    page = town.report("01-town")
    assert '<aside class="internal"' in page
    assert (town.reports / "01-town").stat().st_mode & 0o077 == 0
    record = json.loads((town.reports / "01-town" / "run.json").read_text("utf-8"))
    assert record["citation"]["title"].endswith("[internal 内部资料]")
    for place in (town.reports / "01-town", town.reports):
        rows = [*csv.DictReader((place / "numbers.csv").open(encoding="utf-8"))]
        assert {row["kind"] for row in rows} == {"ledger, internal"}
        tex = (place / "numbers.tex").read_text("utf-8")
        macros = re.findall(r"^\\expandafter.*", tex, re.MULTILINE)
        assert len(macros) > 5
        assert all(one.endswith("~[internal]}") for one in macros)
    # so do those that tell of all reports
    for name in ("index.html", "feed.xml", "numbers.csv", "numbers.tex"):
        assert (town.reports / name).stat().st_mode & 0o077 == 0, name
    assert '<aside class="internal"' in (town.reports / "index.html").read_text("utf-8")


def test_charts_rendered_from_a_ledgers_report_say_that_they_stay_inside(town):
    assert main(["render", "05-drawn", "--figures"]) == Exit.GOOD
    with zipfile.ZipFile(town.reports / "05-drawn" / "figures.zip") as drawn:
        files = {name: drawn.read(name).decode("utf-8-sig") for name in drawn.namelist()}
    assert {Path(name).suffix for name in files} == {".csv", ".svg"}
    for name, text in files.items():
        if name.endswith(".svg"):
            assert text.count("Internal 内部资料") >= 2, name  # title and description
        else:
            rows = [*csv.DictReader(text.splitlines())]
            assert rows
            assert {row["data"] for row in rows} == {"Internal 内部资料"}, name
    folder, _ = release("05-drawn", "A")
    for path in folder.rglob("*.*"):
        assert b"Internal" not in path.read_bytes(), path.name


def test_a_review_shows_each_number_and_why_it_stays(town, capsys):
    assert main(["review", "01-town"]) == Exit.GOOD
    said = capsys.readouterr().out
    folder = town.root / "data" / "decisions" / "town" / "reviews"
    assert str(folder / "01-town.html") in said
    rows = {
        row["name"]: row
        for row in csv.DictReader((folder / "01-town.csv").open(encoding="utf-8-sig"))
    }
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
    assert '<aside class="internal"' not in page
    assert "内部资料" not in page
    links = {link for link in re.findall(r'href="([^"#]+)"', page) if ":" not in link}
    assert "numbers.csv" in links
    assert all((folder / link).is_file() for link in links)
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
    assert ",ledger\n" in files["numbers.csv"]
    assert "internal" not in files["numbers.csv"] + files["numbers.tex"]
    exact = re.findall(r"\d+\.\d{5,}", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    assert exact == []


def test_who_cites_a_report_of_a_ledger_is_led_to_what_left_of_it(town, capsys):
    assert main(["release", "01-town", "--by", " "]) == Exit.REFUSED
    assert capsys.readouterr().err.startswith("lianjian: Say who answers for the release")
    shutil.rmtree(town.root / "released" / "01-town", ignore_errors=True)
    assert main(["cite", "01-town"]) == Exit.GOOD
    said = capsys.readouterr()
    assert "[internal 内部资料]" in said.out
    assert "What may be published: lianjian release 01-town" in " ".join(said.err.split())
    folder, _ = release("01-town", "A")
    assert main(["cite", "01-town"]) == Exit.GOOD
    said = " ".join(capsys.readouterr().err.split())
    assert f"how that is cited, stands in {folder}/report.html" in said


def test_a_section_of_which_all_is_withheld_says_so(town):
    folder, _ = release("07-apart", "A")
    page = (folder / "report.html").read_text("utf-8")
    alone = re.split("<h2", page.partition('id="sec-alone"')[2])[0]
    assert "What stands here in the internal report is withheld." in alone
    assert "there is nothing to show here" not in page
    assert page.count("What stands here in the internal report is withheld.") == 1


def test_who_releases_hears_of_failed_checks_and_readers_are_told_no_remedy(town, capsys):
    inside = town.report("07-apart")
    assert "dataset.toml" in inside
    assert main(["release", "07-apart", "--by", "A"]) == Exit.GOOD
    said = " ".join(capsys.readouterr().err.split())
    assert "the released page will show a failed check, Authors. Nobody is named" in said
    assert "into the dataset.toml of your data" in said
    page = (town.root / "released" / "07-apart" / "report.html").read_text("utf-8")
    assert "Nobody is named" in page
    assert "dataset.toml" not in page
    assert 'class="mend"' not in page


MARKS = ("line2d", "patch", "PathCollection", "LineCollection", "PolyCollection", "FillBetween")
"""Lines, bars and the frame of an axis, points, error bars, bands."""


def decoded(svg):
    """Return the marks of a drawing in the units of its axes: x and y of each, panel by panel."""
    for axes in etree.fromstring(svg).iter(f"{SVG}g"):
        if not (axes.get("id") or "").startswith("axes_"):
            continue
        scales = [axis_of(axes, f"{letter}tick_", letter) for letter in "xy"]
        marks = []
        for part in axes:
            if (part.get("id") or "").startswith(MARKS):
                marks += [(float(use.get("x")), float(use.get("y")))
                          for use in part.iter(f"{SVG}use") if use.get("x")]  # fmt: skip
                for path in part.iter(f"{SVG}path"):
                    corners = re.findall(r"[ML] (\S+) (\S+)", path.get("d", ""))
                    marks += [(float(x), float(y)) for x, y in corners]
        yield np.array([[scale(at) for scale, at in zip(scales, mark, strict=True)]
                        for mark in marks])  # fmt: skip


def written(svg):
    """Return what a drawing says: its texts, as words or as comments beside their outlines."""
    whole = etree.fromstring(svg)
    return "\n".join(["".join(whole.itertext()), *map(str, whole.xpath("//comment()"))])


def axis_of(axes, name, letter):
    """Return how places along an axis become numbers, from its ticks and what is written there."""
    places, numbers = [], []
    for tick in axes.iter(f"{SVG}g"):
        if not (tick.get("id") or "").startswith(name):
            continue
        words = [node.text.strip() for node in tick.iter() if node.tag is etree.Comment]
        # a mark, or the line of the grid
        lines = (
            re.match(r"M (\S+) (\S+)\s+L", path.get("d", "")) for path in tick.iter(f"{SVG}path")
        )
        at = [
            *(float(use.get(letter)) for use in tick.iter(f"{SVG}use") if use.get(letter)),
            *(float(ends["xy".index(letter) + 1]) for ends in lines if ends),
        ]
        if at and words and re.fullmatch(r"[−\d.,]+", words[0]):
            places.append(at[0])
            numbers.append(float(words[0].replace("−", "-").replace(",", "")))
    slope, start = np.polyfit(places, numbers, 1) if len(places) > 1 else (0.0, 0.0)
    return lambda at: slope * at + start


def pictures(folder):
    """Return each drawing of a release by name, those inside its page as well."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*.svg")}
    page = (folder / "report.html").read_text("utf-8")
    inside = re.findall(r"data:image/svg\+xml;base64,([^\"]+)", page)
    return found | {f"page {n}": base64.b64decode(one) for n, one in enumerate(inside)}


def test_a_decoded_drawing_gives_the_released_values_and_nothing_closer(town):
    folder, made = release("05-drawn", "A")
    plan = made.plan.set_index("name")
    drawn = pictures(folder)
    names = {name.split("-")[0].split(".")[0] for name in drawn if name.endswith("svg")}
    assert names >= {"paths", "gains", "lorenz", "bars"}
    assert not names & {"points", "vertices"}
    drawn_of = {"paths": (1, "_wan_yuan"), "gains": (0, "_wan_yuan"), "lorenz": (1, "income_pct"),
                "bars": (1, "_wan_yuan")}  # fmt: skip
    for name, (axis, column) in drawn_of.items():
        mine = plan.index.str.startswith(f"fig-{name} ") & plan.index.str.endswith(column)
        rows = plan[mine & (plan["reason"] == "")]
        assert len(rows) >= 4
        seen = np.concatenate([*decoded(drawn[f"{name}.svg"])])[:, axis]
        reach = 1e-3 * np.ptp(seen)
        if name == "bars":  # each stands on those below it
            seen = (seen[:, None] - seen).ravel()
        for at, (released, true, step) in rows[["released", "value", "step"]].iterrows():
            # the height of a pile is the sum of its parts, each as it leaves
            pile = step if name == "bars" and "total" in at else 0.0
            assert np.abs(seen - released).min() < reach + pile
            if (
                name != "bars"
                and abs(released - true) > 4 * reach
                and not np.isclose(rows["released"], true, atol=2 * reach).any()
            ):
                assert np.abs(seen - true).min() > reach


def test_each_chart_is_drawn_once_for_a_release(town, monkeypatch):
    """Drawing is most of what a release takes: at most 2 s beside the making of the report."""
    drawn = []

    def chart(call, form="plain", real=calls.chart):
        drawn.append((call.arguments["name"], form))
        return real(call, form)

    monkeypatch.setattr(calls, "chart", chart)
    folder, _ = release("05-drawn", "A")
    assert len(drawn) == len({*drawn})
    assert {name for name, _ in drawn} >= {path.stem for path in folder.glob("figures/*.svg")}


def test_a_release_says_in_plain_words_how_many_numbers_left_and_why_not_more(town):
    folder, made = release("01-town", "A")
    out = (made.plan["reason"] == "").sum()
    page = " ".join((folder / "report.html").read_text("utf-8").split())
    [said] = re.findall(r"\d+ of the \d+ numbers of this page left[.] The others .+?[.]", page)
    counts = [int(n) for n in re.findall(r"(\d+) (?:of|which|written|withheld)", said)]
    assert counts[0] == out
    assert sum(counts[1:]) == len(made.plan) - out
    assert "of which nobody can say who stands behind them" in said


def shown_table(folder, name):
    """Return the table of a released page: its rows of cells."""
    page = (folder / "report.html").read_text("utf-8")
    [rows] = re.findall(f'id="tab-{name}".*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    cells = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
    return [[re.sub("<[^>]+>", "", cell).strip() for cell in cells.findall(row)]
            for row in re.findall("<tr.*?</tr>", rows, re.DOTALL)]  # fmt: skip


def test_the_order_of_rows_says_no_more_than_their_released_numbers(town):
    """Who knows all amounts but one would learn from it whether that one is over some line."""
    folder, made = release("08-verdicts", "A")
    truth = made.plan.set_index("name")["value"]
    for name, way in (("up", 1), ("down", -1)):
        rows = shown_table(folder, name)
        assert len(rows) == 10
        left = [way * float(mean) for _, mean in rows]
        assert list(zip(left, rows, strict=True)) == sorted(zip(left, rows, strict=True))
        assert len({*left}) < len(left)  # some are one when rounded
    mine = truth[truth.index.str.startswith("tab-up ")].tolist()
    assert mine == sorted(mine)
    places = [place for place, *_ in shown_table(folder, "up")]
    assert places != [row[0] for row in shown_table(folder, "down")][::-1]
    rows = shown_table(folder, "within")
    keys = [(half, -float(mean), part) for half, part, mean in rows]
    assert keys == sorted(keys)
    assert len({key[:2] for key in keys}) < len(keys)


def test_words_that_numbers_chose_do_not_leave(town):
    """With a line that is moved by a hair, yes and no would give each mean to the last digit."""
    folder, made = release("08-verdicts", "A")
    rows = shown_table(folder, "told")
    assert len(rows) == 10
    for _, mean, *words in rows:
        assert float(mean) > 0
        assert words == ["…"] * 4
    told = made.plan[made.plan["name"].str.startswith("tab-told ")]
    for head in ("reached", "word", "kind", "place"):
        reasons = told.loc[told["name"].str.endswith(f" {head}"), "reason"]
        assert len(reasons) == 10
        assert reasons.str.contains("word or number written as text").all()


@pytest.mark.parametrize("name", ["before", "heads"])
def test_words_left_of_numbers_leave_only_where_they_tell_rows_apart(town, name):
    folder, _ = release("08-verdicts", "A")
    rows = shown_table(folder, name)
    assert len(rows) == 10
    for *words, part, mean in rows:
        assert float(mean) > 0
        assert part.startswith("part ")
        assert {*words} <= {"…"}
    assert len({part for *_, part, _ in rows}) == 10


def test_sentences_titles_captions_and_data_say_no_word_that_numbers_chose(town):
    folder, made = release("08-verdicts", "A")
    page = html.unescape((folder / "report.html").read_text("utf-8"))
    shown = re.sub(r"(?s)<(pre|style)\b.*?</\1>|base64,[^\"]+", "", page)
    drawings = [drawing.decode() for drawing in pictures(folder).values()]
    files = [path.read_text("utf-8-sig") for path in folder.glob("figures/*")]
    assert "levels.csv" in {path.name for path in folder.glob("figures/*")}
    for text in (shown, *drawings, *files):
        for word in ("swelled", "sank", "leads", "high", "low"):
            assert not re.search(rf"\b{word}\b", text), word
        assert "True" not in text
        assert "False" not in text
    said = " ".join(re.sub(r"<[^>]+>", "", shown).split())
    told = made.plan.set_index("name").loc[["first", "second"], "released"]
    went = "grew" if told["second"] > told["first"] else "shrank"
    assert f"it {went} since." in said, said[-3000:]
    assert "Means, when it …." in said


def test_what_leaves_hangs_on_true_numbers_only_through_the_released_ones(town, monkeypatch):
    """Bars, bands, labels, ticks, ends of axes, alt texts, data: other true numbers, same bytes."""
    for report in ("01-town", "05-drawn"):
        made = review(report)

        def moved(at, number, counted):
            return number if counted else number * (1.3 + 0.4 * (len(at) % 7)) + 0.123

        def other(output, held, real=calls.of):
            call = real(output, held)
            key = call and {"table": "frame", "show": "with", "record": "value"}.get(call.verb)
            if not key:
                return call
            was = call.arguments[key]
            given = seen(was, moved, "")
            if call.verb == "table":
                whole = {at: kind for at, kind in enumerate(was.dtypes) if kind.kind == "i"}
                given = given.astype({given.columns[at]: kind for at, kind in whole.items()})
            return Call(call.verb, {**call.arguments, key: given}, call.mark)

        node, drawn, lost = _release._guarded(made)
        with monkeypatch.context() as patch:
            patch.setattr(calls, "of", other)
            node_of_others, drawn_of_others, lost_of_others = _release._guarded(made)
        assert lost_of_others == lost
        assert drawn_of_others == drawn
        assert node_of_others == node
        assert any("lianjian" in o.metadata for cell in node.cells for o in cell.get("outputs", []))


def test_no_output_holds_a_name_a_code_a_raw_cell_or_a_closer_number(town):
    for report in ("01-town", "05-drawn", "06-sly"):
        folder, made = release(report, "A")
        files = {p.name: p.read_bytes().decode("utf-8-sig")
                 for p in folder.rglob("*") if p.is_file()}  # fmt: skip
        everything = "\n".join([*files.values(), *(d.decode() for d in pictures(folder).values())])
        # where marks are drawn is decoded above
        unsaid = r' (?:d|x|y|x1|y1|x2|y2|transform|viewBox|width|height)="[^"]*"|base64,[^"]+'
        shown = re.sub(unsaid, "", html.unescape(everything))
        shown = re.sub(r"<style.*?</style>", "", shown, flags=re.DOTALL)
        raw = pd.read_csv(town.root / "accounts.csv", dtype=str)["amount_yuan"]
        names = town.villages[["village_id", "village_name", "township_name"]]
        canaries = {*names.to_numpy().ravel(), *raw}
        canaries |= {f"{float(amount) / 1e4:.{digits}f}" for amount in raw for digits in (3, 4)}
        assert not canaries & {*re.findall(r"[\w.]+", shown)}
        written = sorted({*re.findall(r"\d[\d.]*", shown)})
        checked = 0
        # a rank is no amount
        for _, row in made.plan[~made.plan["name"].str.endswith("villages_pct")].iterrows():
            for digits in (3, 4, 6):
                true = f"{row['value']:.{digits}f}"
                if np.isnan(row["value"]) or len(true.strip("-0.")) < 4 or true.endswith("00"):
                    continue
                if row["reason"] or true != f"{row['released']:.{digits}f}":
                    checked += 1
                    near = written[bisect_left(written, true.strip("-")) :][:1]
                    assert not near or not near[0].startswith(true.strip("-")), row["name"]
        assert checked > (20 if report != "06-sly" else 3)
        # released numbers are written with the digits of their steps
        table = "\n".join(files[name] for name in files if name.endswith(".csv"))
        assert not re.findall(r"\d\.\d*(?:0{6}|9{6})\d*", table)


def insides(path):
    """Return all that is packed in a released file: streams, attachments, members, fonts."""
    content = path.read_bytes()
    yield path.name.encode()
    if path.suffix == ".pdf":
        reader = pypdf.PdfReader(io.BytesIO(content))
        for number in range(1, reader.trailer["/Size"]):
            held = pypdf.generic.IndirectObject(number, 0, reader).get_object()
            yield repr(held).encode("utf-8", "surrogateescape")
            if isinstance(held, pypdf.generic.StreamObject):
                yield held.get_data()
    elif path.suffix == ".docx":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for name in packed.namelist():
                yield name.encode()
                yield packed.read(name)
    else:
        yield content
    for font in re.findall(rb"data:font/woff2;base64,([^)]+)", content):
        drawn = TTFont(io.BytesIO(base64.b64decode(font))).getBestCmap()
        yield "".join(map(chr, drawn)).encode()
    for inside in re.findall(rb"data:image/[^;]+;base64,([^\"]+)", content):
        yield base64.b64decode(inside)


def test_no_packed_byte_of_a_release_names_a_village_or_holds_a_raw_cell(town):
    """A subset of a font has the characters of what it sets, a PDF its attachments packed."""
    folder, _ = release("05-drawn", "A", ("pdf", "docx"))
    amounts = pd.read_csv(town.root / "accounts.csv", dtype=str)["amount_yuan"]
    # its rare characters alone tell a name
    words = {"戥", "坳", "某某镇", *town.villages["village_id"], *amounts}
    words |= {str(town.root), "accounts.csv", "villages.csv"}
    told = [word.encode() for word in words]
    told += [word.encode("utf-16-be") for word in words if len(word) > 2]
    told += [f"<{ord(sign):04{case}}>".encode() for sign in "戥坳" for case in "xX"]
    canary = re.compile(b"|".join(re.escape(word) for word in sorted(told, key=len)))
    seen = 0
    for path in sorted(folder.rglob("*.*")):
        for part in insides(path):
            seen += 1
            found = canary.search(part)
            # an amount may be the end of a number that is no amount of the books
            assert not found or found[0][:1].isdigit(), (path.name, found[0])
            assert not found or part[found.start() - 1 : found.start()].isdigit(), path.name
    assert {"report.pdf", "report.docx", "report.html"} <= {path.name for path in folder.iterdir()}
    assert seen > 50
    text = "".join(page.extract_text() for page in pypdf.PdfReader(folder / "report.pdf").pages)
    assert "Released on" in text
    assert "internal" not in text.lower()
    attached = pypdf.PdfReader(folder / "report.pdf").attachments
    assert {*attached} == {"notebook.ipynb", "numbers.csv", "provenance.txt"}
    assert calls.MIME not in attached["notebook.ipynb"][0].decode()


def test_an_amount_leaves_in_no_head_title_word_or_whole_number(town):
    folder, made = release("06-sly", "A")
    panel = pd.read_parquet(town.root / "data" / "processed" / "town" / "panel.parquet")
    own = panel.loc[panel["year"] == 2023, "operating_income_yuan"]
    shown = "\n".join([
        *(p.read_bytes().decode("utf-8-sig") for p in folder.rglob("*") if p.is_file()),
        *(drawing.decode() for drawing in pictures(folder).values()),
    ])  # fmt: skip
    shown = re.sub(r' (?:d|x|y|transform|viewBox|style)="[^"]*"|base64,[^"]+', "", shown)
    for amount in (own.iloc[0], own.max()):
        for written in (f"{amount:.0f}", f"{int(amount)}", f"{amount:,.0f}", f"{amount:.2f}",
                        f"{amount:.1f}", f"{round(amount, -1):.0f}"):  # fmt: skip
            assert not re.search(rf"(?<![\d.]){written}(?!\d)", shown), written
        assert f"{amount / 1e4:.2f} wan" not in shown
    # what may leave beside them does
    plan = made.plan.set_index("name")
    assert plan.loc["mean", "reason"] == ""
    heads = ("tab-tops 1 top", "tab-kinds 0 kind", "tab-places 0 index")
    for name in ("largest", "rounded", "rounded low", "mean n", *heads):
        assert "not checked" in plan.loc[name, "reason"], name
    for name in ("tab-near 0 Just above", "tab-near 1 Just above", "fig-heaps"):
        assert "nearer to each other" in plan.loc[name, "reason"], name
    assert not plan.index.str.startswith("fig-heaps ").any()
    assert "the figure heaps, for it counts incomes" in shown
    assert not (folder / "figures" / "heaps.svg").exists()
    for kept in ("tab-heads", "tab-cuts", "tab-columns", "fig-titles", "The mean exceeds …"):
        assert kept in shown, kept


def test_an_amount_leaves_in_no_short_number_line_address_or_end_of_an_axis(town):
    """Rounded to 万元 an amount is two digits long, and known within a few percent."""
    folder, made = release("09-keen", "A")
    panel = pd.read_parquet(town.root / "data" / "processed" / "town" / "panel.parquet")
    most = panel.loc[panel["year"] == 2023, "operating_income_yuan"].max() / 1e4
    assert 20 < most < 100
    files = {p.name: p.read_bytes().decode("utf-8-sig") for p in folder.rglob("*.*")}
    page = re.sub(r"(?s)<(style|pre)\b.*?</\1>|base64,[^\"]+", "", files.pop("report.html"))
    told = [html.unescape(page), *map(written, pictures(folder).values())]
    told += [text for name, text in files.items() if name.endswith((".csv", ".tex"))]
    shown = "\n".join(told)
    for number in (most, most * 1e4):
        for text in (f"{number:.0f}", f"{int(number)}", f"{number:.1f}"):
            found = re.search(rf".*(?<![\d.#]){re.escape(text)}(?![\d%.]).*", shown)
            assert not found, found[0]
    for kept in ("tab-units", "tab-labels", "tab-place", "fig-legend", "Mean; the most is …"):
        assert kept in shown, kept
    for gone in ("tab-gap", "tab-percentiles", "tab-twice", "tab-value", "fig-limits"):
        assert f'id="{gone}' not in shown, gone
    assert "a number nobody typed stands in its name" in shown
    reasons = made.plan.set_index("name")["reason"]
    assert "another number stands under the same heads" in reasons[f"tab-twice both {MEAN}"]
    assert "not checked" in reasons["tab-value x value"]


def test_a_count_around_a_line_that_moves_by_a_hair_stays_inside(town):
    """Whoever asks for the count at 8.11 and at 8.12 hears who is in between."""
    path = town.root / "reports" / "09-keen" / "run.json"
    before = path.read_text("utf-8")
    over = "tab-over x villages"
    assert review("09-keen").plan.set_index("name").loc[over, "reason"] == ""
    try:
        for value in (8.11, [5.0, 8.11], "8.11", "5, 8.11", 731):
            path.write_text(json.dumps(json.loads(before) | {"parameters": {"line": value}}))
            plan = review("09-keen").plan.set_index("name")
            assert "moved by a hair" in plan.loc[over, "reason"], value
            assert not plan.loc["line", "reason"]
    finally:
        path.write_text(before, "utf-8")


def test_a_sentence_whose_number_stays_inside_takes_no_other_with_it(town):
    folder, made = release("01-town", "A")
    page = html.unescape((folder / "report.html").read_text("utf-8"))
    shown = re.sub(r"(?s)<(pre|style)\b.*?</\1>", "", page)
    said = " ".join(re.sub(r"<[^>]+>", "", shown).split())
    mean = made.plan.set_index("name").loc["mean", "released"]
    assert f"The mean is {mean:g}" in said.replace(f"{mean:.2f}", f"{mean:g}")
    found = re.search(r"The mean is [\d.]+, by CR2 for g−1[.] (.{40})", said)
    assert found, said
    assert re.match(r"Again [\d.]+ at a line of \S+[.]", found[1])
    assert "It is" not in said
    assert "So it is" not in said
    assert re.search(r"Withheld: a sentence whose number is withheld, or .{,40} [(]\d+[)]", said)


def test_nothing_in_a_release_is_a_hash_of_the_books(town):
    """Whoever knows all amounts but one could try that one until the hash is right."""
    folder, made = release("01-town", "A")
    shown = "\n".join(path.read_text("utf-8") for path in folder.rglob("*") if path.is_file())
    inside = town.root / "data" / "processed" / "town"
    manifest = (inside / "manifest.json").read_text("utf-8")
    hashes = {*re.findall(r"[0-9a-f]{12,}", manifest), made.data.version, made.record["run_id"]}
    assert len(hashes) > 5
    assert not [one for one in hashes if one[:12] in shown]
    decisions = town.root / "data" / "decisions" / "town"
    kept = [*csv.DictReader((decisions / "releases.csv").open())][-1]
    assert (kept["report"], kept["by"], kept["version"]) == ("01-town", "A", made.data.version)
    for name in ("releases.csv", "released.key"):
        assert (decisions / name).stat().st_mode & 0o077 == 0


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
        assert plan.loc[name, "rule"] == ("estimate" if name == "effect" else "interval")
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
        page = (release("01-town", "A")[0] / "report.html").read_text("utf-8")
        assert "own (exception by Li, 2026-11-01: posted on the wall)" in page
        path.write_text(head + "01-town,own,release,,Li,2026-11-01\n", "utf-8")
        with pytest.raises(LianjianError, match="line 2: why is empty"):
            review("01-town")
        path.write_text(head + "01-town,owns,release,x,Li,2026-11-01\n", "utf-8")
        with pytest.raises(LianjianError, match="holds no number 'owns'"):
            review("01-town")
    finally:
        path.unlink()


def test_a_decision_is_kept_from_the_command_line_with_who_when_and_why(town, capsys):
    path = town.root / "data" / "decisions" / "town" / "exceptions.csv"
    ask = ["review", "01-town", "--withhold", "mean"]
    assert main([*ask, "--by", "Li"]) == Exit.REFUSED
    assert "Say why and who decides it" in capsys.readouterr().err
    assert main(["review", "01-town", "--let-out", "meen", "--why", "x", "--by", "Li"]) != Exit.GOOD
    assert "Did you mean mean?" in capsys.readouterr().err
    assert not path.is_file()
    try:
        assert main([*ask, "--why", "asked by the county, in writing", "--by", "Li"]) == Exit.GOOD
        assert main(["review", "01-town", "--let-out", "own", "--why", "=x", "--by", "Wu"]) == 0
        [first, second] = csv.DictReader(path.open(encoding="utf-8"))
        assert (first["address"], first["decision"], first["by"]) == ("mean", "withhold", "Li")
        assert first["why"] == "asked by the county, in writing"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", second["when"])
        assert path.stat().st_mode & 0o077 == 0
        made = review("01-town")
        assert made.decided["mean"].is_withheld
        assert not made.decided["own"].is_withheld
        page = (path.parent / "reviews" / "01-town.html").read_text("utf-8")
        head = page.partition("By output")[0]
        assert all(f"<td>{name}</td>" in head for name in ("mean", "effect", "own"))
    finally:
        path.unlink(missing_ok=True)


def test_rules_that_were_loosened_are_said_with_the_reason(town):
    folder = town.root / "data" / "decisions" / "town"
    policy, kept = (
        folder / "disclosure.toml",
        [folder / "released.parquet", folder / "releases.csv"],
    )
    before = [path.read_bytes() for path in kept]
    try:
        policy.write_text('[disclosure]\np_percent = 8\nreason = "agreed with the county"\n')
        page = (release("01-town", "A")[0] / "report.html").read_text("utf-8")
        assert "The rules were loosened (p_percent): agreed with the county" in page
    finally:
        policy.unlink()
        for path, content in zip(kept, before, strict=True):
            path.write_bytes(content)


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


@pytest.mark.parametrize("in_wan", [False, True])
def test_an_exact_amount_in_the_prose_stops_the_release(town, in_wan):
    amounts = pd.read_csv(town.root / "accounts.csv")["amount_yuan"]
    amount = next(one for one in amounts if round(one * 100) % 10 and one > 20_000)
    written = f"{amount / 1e4:.6f}" if in_wan else f"{amount:,.2f}"
    town.notebook("04-typed", f"# Typed\n\nOne booked {written} then.", CELL, MEANS)
    assert runner.run(only=["04-typed"], options=ONE) == 0
    with pytest.raises(LianjianError, match="an amount of the books to the last digit"):
        release("04-typed", "A")
    assert not (town.root / "released" / "04-typed").exists()


def test_a_report_of_other_data_than_there_are_is_not_released(town):
    path = town.root / "reports" / "01-town" / "notebook.ipynb"
    before = path.read_text("utf-8")
    try:
        path.write_text(re.sub(r'"version": "[0-9a-f]{12}"', '"version": "0123456789ab"', before))
        with pytest.raises(LianjianError, match="Run it again"):
            review("01-town")
    finally:
        path.write_text(before, "utf-8")
