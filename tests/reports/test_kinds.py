"""A page and its products are of the kind of what was read, whoever read it."""

import csv
import json
import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from analysis import _evidence
from analysis.clean.dataset import Dataset
from analysis.errors import LianjianError
from analysis.reports import freshness, markup, products
from analysis.reports.run import runner

from .conftest import unmarked

RECORD = "from analysis.reports import record\n"
CELLS = {
    "01-pandas": "import pandas as pd\nn = len(pd.read_csv('../data/processed/drawn/panel.csv'))\n"
    + RECORD + "record('n', n, label='Rows')",
    "02-arrow": "import pyarrow.csv as a\nn = a.read_csv('../data/processed/drawn/panel.csv')\n"
    + RECORD + "record('n', n.num_rows, label='Rows')",
    "03-cat": "x = !cat ../data/raw/drawn/books.csv\n" + RECORD
    + "record('n', len(x), label='Rows')",
    "04-both": "import analysis\nreal, drawn = analysis.load('real'), analysis.load('drawn')\n"
    "import pandas as pd\nfrom analysis.reports import record, table\n"
    "table(pd.DataFrame({'a': [1]}), 'real', 'Real', data=real)\n"
    "record('drawn', 2, label='Drawn', data=[drawn])\nrecord('vague', 3, label='Vague')",
    "05-beside": "import analysis\nreal, drawn = analysis.load('real'), analysis.load('drawn')\n"
    + RECORD + "record('n', 1, label='N', data=drawn)",
    "06-real": "import analysis\nanalysis.load('real')\n"
    "open('../data/raw/figures.csv').read()\n" + RECORD + "record('n', 1, label='N')",
    "08-pool": "import analysis, multiprocessing as mp, pandas as pd\n"
    "def rows(path):\n    return len(pd.read_csv(path))\n"
    "real = analysis.load('real')\n"
    "with mp.get_context('fork').Pool(1) as pool:\n"
    "    [n] = pool.map(rows, ['../data/processed/drawn/panel.csv'])\n"
    + RECORD + "record('n', n, label='N')\nrecord('own', 1, label='Own', data=real)",
    "09-claims": "import analysis, dataclasses, pandas as pd\n"
    "from analysis.reports import record, table\n"
    "real, drawn = analysis.load('real'), analysis.load('drawn')\n"
    "rows = pd.read_csv('../data/processed/drawn/panel.csv')\n"
    "table(rows, 'shield', 'Rows', data=real)\n"
    "record('other', 1, label='Other', data=dataclasses.replace(real, name='nowhere'))\n"
    "record('kind', 1, label='Kind', data=dataclasses.replace(drawn, kind='published'))\n"
    "record('true', 1, label='True', data=[real, drawn])",
    "07-none": RECORD + "record('n', 1, label='N')",
}  # fmt: skip

REPORTS = {
    "one": "01-pandas/numbers.csv",
    "real": "06-real/numbers.tex",
    "both": "04-both/report.html",
    "every": "numbers.csv",
}
RECORDED = "record('n', len(text), label='N')"


@pytest.fixture(scope="module")
def made(make_project, tmp_path_factory):
    """Reports of notebooks that read real and invented data in all sorts of ways."""
    root = tmp_path_factory.mktemp("kinds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        for name, kind in (("real", "ledger"), ("drawn", "simulated")):
            project.dataset(kind)
            (root / "data" / "processed" / "trial").rename(root / "data" / "processed" / name)
            manifest = root / "data" / "processed" / name / "manifest.json"
            manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "name": name}))
            (root / "data" / "raw" / name).mkdir()
            (root / "data" / "raw" / name / "books.csv").write_text("a\n1\n")
            (root / "data" / "processed" / name / "panel.csv").write_text("a\n1\n")
        (root / "data" / "raw" / "figures.csv").write_text("a\n1\n")
        for name, cell in CELLS.items():
            project.notebook(name, f"# {name}", cell)
        mask = os.umask(0o022)
        try:
            assert runner.run() == 0
            for number, (name, path) in enumerate(REPORTS.items()):
                cell = f"text = open('../reports/{path}').read()\n" + RECORD
                project.notebook(f"2{number}-{name}", f"# {name}", cell + RECORDED)
            assert runner.run() == 0
        finally:
            os.umask(mask)
    return root / "reports"


def facts(made, slug):
    record = json.loads((made / slug / "run.json").read_text())
    with (made / slug / "numbers.csv").open(encoding="utf-8-sig", newline="") as stream:
        numbers = {row["name"]: (row["simulated"], row["kind"]) for row in csv.DictReader(stream)}
    [check] = [check for check in record["checks"] if check["name"] == "Kind of data"]
    return record, numbers, check


@pytest.mark.parametrize("slug", ["01-pandas", "02-arrow"])
def test_a_page_that_read_simulated_tables_without_load_is_stamped(made, slug):
    record, numbers, check = facts(made, slug)
    assert (record["kind"], record["kinds"]) == ("simulated", ["simulated"])
    assert record["citation"]["simulated"] is True
    assert numbers == {"n": ("yes", "simulated")}
    assert check["state"] == "ok"
    page = unmarked((made / slug / "report.html").read_text())
    assert "are invented" in page
    assert "(simulated data)</title>" in page
    assert markup.SIMULATED in page
    assert "~[simulated data]}" in (made / slug / "numbers.tex").read_text()


def test_what_a_program_read_stamps_the_page_and_fails_the_check_of_unmarked_products(made):
    record, numbers, check = facts(made, "03-cat")
    assert record["kind"] == "simulated"
    assert numbers == {"n": ("yes", "simulated")}
    assert "~[simulated data]}" in (made / "03-cat" / "numbers.tex").read_text()
    assert "are invented" in (made / "03-cat" / "report.html").read_text()
    assert check["state"] == "failed"
    assert "#num-n" in check["found"]


def test_each_product_says_on_which_data_it_stands(made):
    record, numbers, check = facts(made, "04-both")
    assert (record["kind"], record["kinds"]) == ("mixed", ["ledger", "simulated"])
    assert numbers == {"drawn": ("yes", "simulated"), "vague": ("yes", "mixed, internal")}
    assert check["state"] == "ok"
    page = unmarked((made / "04-both" / "report.html").read_text())
    table = page[page.index('id="tab-real"') :].partition("</table>")[0]
    assert "imulated" not in table
    assert page.count(markup.MIXED) == 1
    assert "Mixed: includes simulated data.</strong>" in page
    assert "(includes simulated data)</title>" in page
    assert "includes simulated" in (made / "04-both" / "numbers.tex").read_text()


def test_a_product_that_claims_other_data_than_the_run_read_fails_the_check(made):
    _, _, check = facts(made, "09-claims")
    assert check["state"] == "failed"
    said = check["found"]
    assert "#tab-shield on real, of which it read no table" in said
    assert "#num-other on nowhere, which the run did not read" in said
    assert "#num-kind on drawn as published, and it is simulated" in said
    assert "#num-true" not in said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can be forked")
def test_what_a_forked_process_read_marks_the_numbers_that_follow(made):
    record, numbers, check = facts(made, "08-pool")
    assert record["kind"] == "mixed"
    assert numbers == {"n": ("yes", "mixed, internal"), "own": ("no", "ledger, internal")}
    assert check["state"] == "ok"


@pytest.mark.parametrize(
    ("slug", "kind", "number"),
    [
        ("20-one", "simulated", ("yes", "simulated")),
        ("21-real", "ledger", ("no", "ledger, internal")),
        ("22-both", "mixed", ("yes", "mixed, internal")),
        ("23-every", "mixed", ("yes", "mixed, internal")),
    ],
)
def test_what_comes_from_a_report_is_of_the_kind_of_that_report(made, slug, kind, number):
    record, numbers, check = facts(made, slug)
    assert (record["kind"], numbers) == (kind, {"n": number})
    assert check["state"] == "ok"


def test_a_mixed_page_is_cited_as_one_that_includes_simulated_data(made):
    record, _, _ = facts(made, "04-both")
    # and it read a real ledger, so that it stays inside
    title = record["citation"]["title"]
    assert title.endswith(" [includes simulated data] [internal 内部资料]")


def test_other_data_beside_simulated_ones_leave_the_page_simulated(made):
    record, numbers, _ = facts(made, "05-beside")
    assert record["kind"] == "simulated"
    assert numbers == {"n": ("yes", "simulated")}


def test_real_data_carry_no_mark_but_that_they_are_internal(made):
    record, numbers, check = facts(made, "06-real")
    assert (record["kind"], record["kinds"]) == ("ledger", ["ledger", "published"])
    assert numbers == {"n": ("no", "ledger, internal")}
    assert check["state"] == "ok"
    assert facts(made, "07-none")[0]["kind"] == "none"


def test_the_key_says_which_datasets_were_read(made):
    key = json.loads((made / "01-pandas" / "key.json").read_text())
    assert key["kinds"] == {"drawn": "simulated"}
    assert key["perhaps"] == {}


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_report_that_read_a_ledger_is_its_owner_s_alone(made):
    for slug, folder, file in (("06-real", 0o700, 0o600), ("04-both", 0o700, 0o600),
                               ("01-pandas", 0o755, 0o644)):  # fmt: skip
        assert stat.S_IMODE((made / slug).stat().st_mode) == folder
        assert {stat.S_IMODE(p.stat().st_mode) for p in (made / slug).iterdir()} == {file}


@pytest.mark.parametrize("wrong", ["simulated", [], [1], 3.0])
def test_data_are_datasets(wrong):
    with pytest.raises((LianjianError, TypeError)):
        products.table(pd.DataFrame({"a": [1]}), "t", "T", data=wrong)


def dataset(name, kind, villages):
    held = Dataset(name, kind, name, "", "ab", Path(), rows={"panel": len(villages)})
    ids = {"village_id": [f"{name}-{n}" for n in range(len(villages))], "village_name": villages}
    held._frames["panel"] = pd.DataFrame(ids)
    return held


@pytest.fixture
def both(monkeypatch):
    """A ledger and a simulation, loaded, with their panels read; one village name is in both."""
    real = dataset("books", "ledger", ["罗台", "上里"])
    drawn = dataset("drawn", "simulated", ["子午", "上里"])
    monkeypatch.setattr("analysis.clean.dataset._loaded", {"books": real, "drawn": drawn})
    with _evidence.collecting():
        for one, value in ((real, 3.25), (drawn, 7.75), (real, 0.5), (drawn, 0.5)):
            weights = {("operating", 2023): pd.Series(0.5, index=one._frames["panel"].village_id)}
            _evidence.keep(value, _evidence.Evidence("amount", 2, weights))
        yield real, drawn


FALSE = {
    "rows": lambda data: products.table(
        pd.DataFrame({"v": ["子午"], "x": [1.5]}), "t", "T", data=data
    ),
    "heads of rows": lambda data: products.table(
        pd.DataFrame({"x": [1.5]}, index=pd.Index(["drawn-0"], name="village")), "t", "T", data=data
    ),
    "a mean": lambda data: products.record("n", 7.75, label="N", data=data),
    "a mean in a table": lambda data: products.table(
        pd.DataFrame({"group": ["all"], "mean": [7.75]}), "t", "T", data=data
    ),
}


@pytest.mark.parametrize("shown", FALSE)
def test_a_product_on_villages_that_its_data_do_not_hold_is_refused(both, shown):
    real, drawn = both
    with pytest.raises(LianjianError, match=r"data= names books, and (子午|drawn-\d) is of drawn"):
        FALSE[shown](real)
    FALSE[shown](drawn)
    FALSE[shown]([real, drawn])


def test_what_both_datasets_hold_or_may_have_made_accuses_nobody(both):
    for data in both:
        products.table(pd.DataFrame({"v": ["上里"], "x": [0.5], "n": [2]}), "t", "T", data=data)
        products.record("n", 0.5, label="N", data=data)


def test_the_kind_of_a_file_is_that_of_its_dataset(tmp_path):
    for name, kind in (("甲", "simulated"), ("b", "ledger")):
        (tmp_path / "data" / "raw" / name).mkdir(parents=True)
        (tmp_path / "data" / "raw" / name / "dataset.toml").write_text(f'kind = "{kind}"\n')
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "link.csv").symlink_to(tmp_path / "data" / "raw" / "b" / "x.csv")
    (tmp_path / "data" / "processed" / "b").mkdir(parents=True)
    (tmp_path / "data" / "processed" / "b" / "manifest.json").write_text("{")
    for names, found in {
        ("data/raw/甲/books/1.xlsx",): {"甲": "simulated"},
        ("data/decisions/b/answers.csv", "data/processed/b/t.parquet"): {"b": "ledger"},
        ("data/raw/figures.csv",): {"published": "published"},
        ("notebooks/link.csv",): {"b": "ledger"},
        ("data/raw/unknown/a.csv", "data/README.md", "notebooks/a.py", "pyproject.toml"): {},
    }.items():
        assert freshness.kinds(tmp_path, names) == found
