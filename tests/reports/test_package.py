"""The replication bundle: what is in it, what must not be, and that it makes itself."""

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from urllib.parse import quote

import nbformat
import pytest
from rocrate.rocrate import ROCrate

from analysis import cli, paths
from analysis.clean import simulated
from analysis.clean.build import build
from analysis.errors import LianjianError
from analysis.reports import bundle
from analysis.reports.bundle import _certificate, _checks, _contents
from analysis.reports.finished import write_record
from analysis.reports.run import runner

HOME = PurePosixPath("/", "home", "user")  # of no machine
VILLAGES = """village_id,village_name,township_name,county_code,county_name,zone,households,role,\
alliance_id,joined_year,pair_id,has_central_project,has_rebuilt_centre,has_resident_cadre,\
has_reserve_talent,central_project_year
T1,甲村,乙镇,sim1,甲县,scenic,200,outside,,,,false,false,false,false,
T2,丙村,乙镇,sim1,甲县,scenic,,allied_weak,A1,2022,,true,false,false,false,2023
"""
ACCOUNTS = """village_id,year,account_name,amount_yuan
T1,2023,经营收入,40000
T1,2024,经营收入,45000
T2,2023,经营收入,20000
T2,2024,经营收入,30000
"""
PARAMETERS = """
dataset: str = "trial"  # the dataset
seed: int = 7  # seed of the draw
"""
LOAD = """
import numpy as np
from matplotlib.figure import Figure
import analysis
from analysis.reports import record, show, table
data = analysis.load(dataset)
rng = np.random.default_rng(seed)
"""
SHOW = """
figure = Figure(figsize=(3, 2))
figure.subplots().plot([1, 2], [3, 4])
show(figure, "line", "A line | *of* <b>村</b>", alt="A line that rises")
table(data.panel[["year", "operating_income_yuan"]].head(2), "rows", "Rows")
record("draw", round(float(rng.normal()), 6), label="A draw")
"""
PHONE = "13800138000"
COPIED = (*_contents.NEEDED, "README.md", ".gitignore")
PUBLISHED = tuple(path.name for path in paths.raw().iterdir() if path.suffix in {".csv", ".toml"})


def share(root, name, how, spdx=""):
    """Say on the card of a dataset who may have it."""
    card = root / "data" / "raw" / name / "dataset.toml"
    said = f'share = "{how}"\n' + (f'spdx = "{spdx}"\n' if spdx else "")
    card.write_text(said + card.read_text("utf-8"), "utf-8")


@pytest.fixture(scope="module")
def finished(make_project, tmp_path_factory):
    """A project with one report of the plan and one of a researcher's own ledgers."""
    root = tmp_path_factory.mktemp("finished")
    repository = paths.root()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(root))
        project = make_project(root)
        for name in COPIED:
            (root / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(repository / name, root / name)
        for name in PUBLISHED:
            shutil.copyfile(repository / "data" / "raw" / name, root / "data" / "raw" / name)
        (root / "docs").mkdir()
        (root / "docs" / "note.md").write_text("How it was done.\n", "utf-8")
        (root / "private.txt").write_text("not for others\n", "utf-8")
        project.notebook("01-trial", "# A trial\n\nWhat is it?", LOAD, SHOW, parameters=PARAMETERS)
        tidy = root / "received"
        tidy.mkdir()
        for name, text in (("v.csv", VILLAGES), ("a.csv", ACCOUNTS)):
            (tidy / name).write_text(text, "utf-8")
        files = [str(tidy / "v.csv"), str(tidy / "a.csv")]
        assert cli.main(["new", "trial", *files, "--title", "A trial"]) == 0
        share(root, "trial", "open", "CC0-1.0")
        (tidy / "v.csv").write_text(VILLAGES.replace("乙镇", "丁镇"), "utf-8")
        (tidy / "a.csv").write_text(ACCOUNTS.replace("45000", "50000"), "utf-8")
        assert cli.main(["new", "mine", *files, "--title", "My county"]) == 0
        for name in ("published", "trial", "mine"):
            build(name)
        assert runner.run(options=runner.Options(jobs=1)) == 0
        assert runner.run(parameters={"dataset": "mine"}, options=runner.Options(jobs=1)) == 0
    return root


@pytest.fixture
def copy(finished, tmp_path, monkeypatch):
    """A copy of it, to be changed."""
    root = tmp_path / "copy"
    shutil.copytree(finished, root)
    monkeypatch.setenv("LIANJIAN_ROOT", str(root))
    return root


@pytest.fixture(scope="module")
def packed(finished, tmp_path_factory):
    """The bundle of the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIANJIAN_ROOT", str(finished))
        return bundle.package(tmp_path_factory.mktemp("to") / "trial.zip")


@pytest.fixture(scope="module")
def opened(packed, tmp_path_factory):
    """The bundle of the project, unpacked; nothing in it is changed."""
    folder = tmp_path_factory.mktemp("opened")
    with zipfile.ZipFile(packed.path) as file:
        file.extractall(folder)
    return folder / "trial"


def names(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def manifest(folder):
    lines = (folder / "MANIFEST.sha256").read_text("utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def differing(folder):
    return {
        name
        for name, digest in manifest(folder).items()
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest
    }


def row(readme, start):
    """Return the cells of the one table row that begins with a text."""
    [line] = [line for line in readme.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# ---- what is in it ----


def test_the_manifest_names_every_file(opened):
    assert set(manifest(opened)) == names(opened) - {"MANIFEST.sha256"}
    assert not differing(opened)


def test_what_goes_in_and_what_stays(opened):
    inside = names(opened)
    assert json.loads((opened / ".zenodo.json").read_text("utf-8"))["license"] == "MIT"
    assert (opened / "codemeta.json").is_file()
    assert {"README.md", "README-project.md", "LICENSE", "CITATION.cff", "Makefile",
            "locks/core.txt", "locks/installer.txt", "locks/sizes.csv", "tools/install.py",
            "notebooks/01-trial.ipynb", "analysis/cli.py", "docs/note.md",
            "data/raw/sources.toml", "data/raw/trial/villages.csv", "data/raw/trial/dataset.toml",
            "reports/01-trial/report.html", "reports/01-trial/key.json", "reports/index.html",
            "ro-crate-metadata.json"} <= inside  # fmt: skip
    assert not [n for n in inside if "mine" in n or n.startswith(("private", "received"))]
    assert not [n for n in inside if n.startswith("data/processed/") or "__pycache__" in n]


def test_nothing_of_the_reports_left_out_is_told(opened):
    """The index and the numbers are those of the reports that went in."""
    for name in ("reports/index.html", "reports/numbers.csv", "reports/numbers.tex"):
        text = (opened / name).read_text("utf-8")
        assert "01-trial" in text
        assert "01-trial-mine" not in text
    assert "host" not in json.loads((opened / "reports/01-trial/run.json").read_text("utf-8"))


def test_the_readme_tells_what_the_runs_were(opened, finished):
    readme = (opened / "README.md").read_text("utf-8")
    record = json.loads((finished / "reports/01-trial/run.json").read_text("utf-8"))
    seconds = f"{record['seconds']:.1f}"
    assert row(readme, "`01-trial.ipynb` | 1 ") == ["`01-trial.ipynb`", "1", seconds, seconds]
    assert record["machine"]["system"] in readme
    assert "parameters of `notebooks/01-trial.ipynb`, cell 1 | `seed` | 7" in readme
    assert row(readme, "Figure 1")[1:] == [
        r"A line \| \*of\* &lt;b&gt;村&lt;/b&gt;", "4", "`#fig-line`",
    ]  # fmt: skip
    assert row(readme, "Table 1")[1:] == ["Rows", "4", "`#tab-rows`"]
    assert row(readme, "number in text")[1:] == ["A draw", "4", "`#num-draw`"]
    lock = (finished / paths.LOCK).read_text("utf-8")
    [pandas] = re.findall(r"^pandas==(\S+)", lock, re.MULTILINE)
    assert row(readme, "pandas ") == ["pandas", pandas]
    villages = row(readme, "`data/raw/trial/villages.csv`")
    assert villages[4:] == [
        "open, CC0-1.0",
        "yes",
        f"`{hashlib.sha256(VILLAGES.encode()).hexdigest()}`",
    ]


def test_a_dataset_that_stays_is_listed_with_how_to_get_it(opened):
    readme = (opened / "README.md").read_text("utf-8")
    assert "- [x] Some data cannot be in this bundle." in readme
    assert (
        "**not in this bundle**: who may have it (share) is not said on 2 of its 2 card" in readme
    )
    assert "lianjian new mine FILES" in readme
    assert row(readme, "`data/raw/mine/`")[4:] == ["not stated", "no", "not told"]
    assert "- [ ] We have documented permission" in readme


def test_books_that_stay_are_told_by_no_hash_and_no_name_of_a_file(copy, tmp_path):
    """Who knows all amounts but one would try that one until the hash fits."""
    book, register = copy / "received" / "甲村账.csv", copy / "received" / "register.csv"
    rows = [
        "县,乡镇,村名,年份,经营收入（元）",
        "甲县,乙镇,甲村,2024,40000",
        "甲县,乙镇,丙村,2024,30000",
    ]
    book.write_text("\n".join(rows), "utf-8")
    head = "village_code,village_name,township_code,township_name,county_code,county_name"
    rows = [head, "T-1,甲村,T,乙镇,sim1,甲县", "T-2,丙村,T,乙镇,sim1,甲县"]
    register.write_text("\n".join(rows), "utf-8")
    shutil.rmtree(copy / "data" / "raw" / "mine")
    assert cli.main(["new", "mine", str(book), "--register", str(register)]) == 0
    assert cli.main(["build", "mine"]) == 0
    assert runner.run(parameters={"dataset": "mine"}, options=runner.Options(jobs=1)) == 0
    assert cli.main(["release", "01-trial-mine", "--by", "Office"]) == 0
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to)]) == 0
    places = [copy / room / "mine" for room in ("data/raw", "data/processed", "data/decisions")]
    places.append(copy / "reports" / "01-trial-mine")
    secret = [path for place in places for path in place.rglob("*") if path.is_file()]
    inside = {path: path.read_text("utf-8", "replace") for path in to.rglob("*") if path.is_file()}
    known = json.loads((copy / "reports/01-trial-mine/run.json").read_text("utf-8"))
    told = {hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in secret}
    told |= {known["run_id"], known["datasets"][0]["version"], "甲村账.csv"}
    assert len(told) > 10
    found = [(path.name, word) for path, text in inside.items() for word in told if word in text]
    assert not [each for each in found if not each[0].startswith("test_")]


def test_an_independent_reader_reads_the_crate(opened):
    crate = ROCrate(opened)
    assert crate.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.5"
    assert crate.version == "1.1"
    assert crate.root_dataset["datePublished"] == "2026-11-23"  # of CITATION.cff, not of today
    assert crate.root_dataset["license"].id == "LICENSE"
    [action] = [e for e in crate.contextual_entities if e.type == "CreateAction"]
    assert action["instrument"].id == "notebooks/01-trial.ipynb"
    results = {entity.id for entity in action["result"]}
    assert results == {n for n in names(opened) if n.startswith("reports/01-trial/")}
    objects = {entity.id for entity in action["object"]}
    assert {"data/raw/trial/villages.csv", "data/raw/trial/accounts.csv"} <= objects
    assert action["endTime"] >= action["startTime"]
    described = [e for e in crate.data_entities if e.type != "Dataset"]
    assert described
    for entity in described:
        assert (opened / entity.id).is_file(), entity.id
        size = entity.get("contentSize")
        assert size is None or int(size) == (opened / entity.id).stat().st_size


def test_the_zip_file_is_sound(copy):
    made = bundle.package()
    assert made.path == copy / "dist" / "lianjian-0.1.0.zip"
    with zipfile.ZipFile(made.path) as file:
        assert file.testzip() is None
        entries = file.infolist()
    assert len(entries) == made.files
    assert {e.filename.split("/")[0] for e in entries} == {"lianjian-0.1.0"}
    assert {e.date_time for e in entries} == {(1980, 1, 1, 0, 0, 0)}
    record = made.path.with_name(f"{made.path.name}.sha256")
    assert set((copy / "dist").iterdir()) == {made.path, record}
    digest = hashlib.sha256(made.path.read_bytes()).hexdigest()
    assert record.read_text("utf-8").splitlines() == [
        f"{digest}  lianjian-0.1.0.zip",
        f"{made.manifest}  lianjian-0.1.0/MANIFEST.sha256",
    ]


def test_what_was_changed_is_named_by_the_command(copy, capsys):
    assert cli.main(["verify"]) == 0
    assert "3 datasets and 2 reports are what was written" in capsys.readouterr().out
    (copy / "data" / "raw" / "mine" / "accounts.csv").write_text(ACCOUNTS, "utf-8")
    page = copy / "reports" / "01-trial" / "report.html"
    page.write_text(page.read_text("utf-8") + " ", "utf-8")
    (copy / "reports" / "01-trial-mine" / "numbers.csv").unlink()
    assert cli.main(["verify"]) == 1
    said = capsys.readouterr().out
    assert "accounts.csv" in said
    assert "reports/01-trial: report.html is not what the run wrote" in said
    assert "reports/01-trial-mine: numbers.csv is missing" in said
    assert cli.main(["verify", str(copy / "reports" / "01-trial")]) == 1
    assert cli.main(["verify", str(copy / "data" / "raw" / "trial")]) == 0
    capsys.readouterr()
    assert cli.main(["verify", str(copy / "docs")]) == 2
    assert "holds no hashes to compare with" in capsys.readouterr().err


def test_the_command_holds_a_bundle_against_its_manifest(copy, opened, packed, capsys, monkeypatch):
    assert cli.main(["verify", str(packed.path)]) == 0
    assert packed.manifest in capsys.readouterr().out
    inside = copy.parent / "trial"
    shutil.copytree(opened, inside)
    (inside / "docs" / "note.md").write_text("Done otherwise.\n", "utf-8")
    assert cli.main(["verify", str(inside)]) == 1
    assert "docs/note.md: changed" in capsys.readouterr().out
    monkeypatch.setenv("LIANJIAN_ROOT", str(inside))
    for made in (".venv/bin/python", "data/processed/x/y", "analysis/__pycache__/z.pyc"):
        (inside / made).parent.mkdir(parents=True, exist_ok=True)
        (inside / made).write_text("made by working here\n", "utf-8")
    assert cli.main(["verify"]) == 1
    said = capsys.readouterr().out.splitlines()
    count = len(manifest(inside))
    assert said[1:3] == ["docs/note.md: changed", f"{count} files in the manifest, 1 differs"]


# ---- it makes itself ----


def test_the_same_inputs_give_the_same_bytes(copy, packed, tmp_path):
    for file in (copy / "docs").iterdir():
        os.utime(file, (0, 0))
        file.chmod(0o600)
    again = tmp_path / packed.path.name
    command = [sys.executable, "-m", "analysis", "package", "--to", str(again)]
    environment = os.environ | {"PYTHONHASHSEED": "1", "TZ": "UTC1"}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert again.read_bytes() == packed.path.read_bytes()


def test_it_reproduces_itself_from_inside(opened, tmp_path):
    inside = tmp_path / "empty" / "inside"
    shutil.copytree(opened, inside)
    own = {"LIANJIAN_ROOT", "PYTHONPATH"}
    environment = {k: v for k, v in os.environ.items() if k not in own}

    def inside_run(*command):
        done = subprocess.run(
            command, cwd=inside, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    binaries = f"BIN={shlex.quote(str(Path(sys.prefix) / 'bin'))}"
    said = inside_run("make", "reports", binaries, "STAMPS=")
    assert "1 up to date" in said
    assert not differing(inside)

    shutil.rmtree(inside / "reports" / "01-trial")
    said = inside_run("make", "reports", binaries, "STAMPS=")
    assert "1 report published" in said
    when = {"reports/01-trial/run.json", "reports/index.html", "reports/feed.xml"}
    assert differing(inside) <= when

    # a bundle of the bundle holds the same project
    inside_run(sys.executable, "-m", "analysis", "package", "--to", str(tmp_path / "again"))
    again, first = manifest(tmp_path / "again"), manifest(opened)
    told = {"README.md", "ro-crate-metadata.json", *when}
    assert again.keys() == first.keys()
    assert {name for name in first if again[name] != first[name]} <= told


# ---- a researcher's own data ----


def shared(root, how, spdx=""):
    """Say who may have the dataset ``mine``, and make its report anew."""
    share(root, "mine", how, spdx)
    build("mine")
    assert runner.run(parameters={"dataset": "mine"}, options=runner.Options(jobs=1)) == 0


def test_reports_without_their_data(copy, tmp_path, capsys):
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to), "--with-reports", "mine", "--certify"]) == 0
    said = capsys.readouterr().out
    assert "left out: dataset mine: who may have it (share) is not said on 2 of its 2 cards" in said
    assert "how others can get it: producer and locator" in said
    inside = names(to)
    assert "reports/01-trial-mine/report.html" in inside
    assert not [n for n in inside if n.startswith("data/raw/mine")]
    readme = (to / "README.md").read_text("utf-8")
    assert "cannot be made again without it: `01-trial-mine`" in readme
    assert "`01-trial-mine` (`lianjian run 01-trial -p dataset=mine`)" in readme
    assert "- [x] We have documented permission" in readme


def test_a_plan_that_needs_what_is_not_there_is_told(copy, tmp_path, monkeypatch):
    plan = """
    [[run]]
    notebook = "01-trial"
    """
    path = copy / "notebooks" / "plan.toml"
    path.write_text(plan + plan + 'parameters = { dataset = "mine" }\n', "utf-8")
    made = bundle.package(tmp_path / "out")
    assert [report.slug for report in made.contents.dropped] == ["01-trial-mine"]
    assert "`make reports` stops at runs" in (made.path / "README.md").read_text("utf-8")
    (made.path / "notebooks" / "plan.toml").write_text(plan, "utf-8")
    monkeypatch.setenv("LIANJIAN_ROOT", str(made.path))
    for name in ("published", "trial"):
        build(name)
    assert [decision.action for _, decision in runner.decide(runner.planned())] == ["none"]


def test_a_plan_by_county_needs_the_counties_of_its_data(copy, make_project, capsys):
    declared = PARAMETERS + 'county: str = "sim1"  # the county\n'
    project = SimpleNamespace(notebooks=copy / "notebooks")
    said = "dataset, seed, county"
    make_project.notebook(project, "02-by-county", "# By county", said, parameters=declared)
    plan = '[[run]]\nnotebook = "02-by-county"\neach = "county"\n'
    (copy / "notebooks" / "plan.toml").write_text(plan, "utf-8")
    faults, *_ = _contents._finished()
    assert [fault.partition(":")[0] for fault in faults] == ["02-by-county-sim1"]
    # also where nothing was built before the plan is asked for
    shutil.rmtree(copy / "data" / "processed" / "trial")
    assert cli.main(["why", "02"]) == 0
    assert "trial is not built, so all counties are listed" in capsys.readouterr().err
    assert cli.main(["run", "02", "--jobs", "1"]) == 0
    made = {path.name for path in (copy / "reports").glob("02-by-county*")}
    assert made == {"02-by-county-sim1"}


def test_data_go_in_when_named(copy, tmp_path):
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to), "--with-data", "mine"]) == 0
    assert {"data/raw/mine/accounts.csv", "reports/01-trial-mine/key.json"} <= names(to)
    assert "- [x] All data that the reports use" in (to / "README.md").read_text("utf-8")


def test_data_with_an_open_licence_go_in_with_their_authors(copy, tmp_path):
    card = copy / "data" / "raw" / "mine" / "dataset.toml"
    head = 'authors = [{ family = "张", given = "三", orcid = "0000-0002-1825-0097" }]\n'
    card.write_text(head + card.read_text("utf-8"), "utf-8")
    shared(copy, "open", "CC-BY-4.0")
    made = bundle.package(tmp_path / "out")
    assert not made.contents.withheld
    crate = ROCrate(made.path)
    agent = crate.get("#run-01-trial-mine")["agent"]
    assert agent.id == "https://orcid.org/0000-0002-1825-0097"
    assert agent["name"] == "张三"


def test_what_was_released_goes_in_where_its_report_stays_out(copy, tmp_path, monkeypatch, capsys):
    assert cli.main(["release", "01-trial-mine", "--by", "Office"]) == 0
    pages = names(copy / "released" / "01-trial-mine")
    assert "report.html" in pages
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to)]) == 0
    said = capsys.readouterr().out
    assert "released/01-trial-mine goes in; its internal report is left out" in said
    inside = {name for name in names(to) if "mine" in name}
    assert inside == {f"released/01-trial-mine/{name}" for name in pages}
    assert manifest(to).keys() >= inside
    assert "released/01-trial-mine/report.html" in (to / "README.md").read_text("utf-8")
    with monkeypatch.context() as patch:
        patch.delenv("LIANJIAN_ROOT")
        assert cli.main(["verify", str(to), "--rebuild"]) == 1
    said = json.loads((tmp_path / "out-certificate" / "certificate.json").read_bytes())
    assert (said["verdict"], said["released"]) == ("partial reproduction", ["01-trial-mine"])
    page = (tmp_path / "out-certificate" / "certificate.html").read_text("utf-8")
    assert "not made again and cannot be from it: 01-trial-mine." in page
    without = tmp_path / "without"
    assert cli.main(["package", "--to", str(without), "--without", "mine"]) == 0
    assert not [name for name in names(without) if "mine" in name]


def test_drafts_stay_out_and_notebooks_of_sub_folders_go_in(copy, tmp_path, capsys):
    made = nbformat.read(copy / "notebooks" / "01-trial.ipynb", 4)
    deep = copy / "notebooks" / "towns" / "02-deep.ipynb"
    for path in (deep, copy / "work" / "plain.ipynb", copy / "work" / "gone.ipynb"):
        path.parent.mkdir(exist_ok=True)
        made.cells[1].source = f"# Of {path.stem}\n\nWhat is it?"
        nbformat.write(made, path)
    words = ["02", "work/plain.ipynb", "work/gone.ipynb"]
    assert runner.run(only=words, options=runner.Options(jobs=1)) == 0
    (copy / "work" / "gone.ipynb").unlink()
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to)]) == 0
    said = capsys.readouterr().out
    for name in ("plain", "gone"):
        assert f"left out: report work-{name}, made of a notebook in work/" in said
    assert not [name for name in names(to) if "work" in name.split("/")[0] or "work-" in name]
    crate = ROCrate(to)
    assert crate.get("#run-towns-02-deep")["instrument"].id == "notebooks/towns/02-deep.ipynb"
    assert "`notebooks/towns/02-deep.ipynb`" in (to / "README.md").read_text("utf-8")


def test_a_trial_stays_out_when_named(copy, tmp_path, capsys):
    shared(copy, "open", "CC-BY-4.0")
    stale = copy / "reports" / "01-trial-mine.failed"
    stale.mkdir()
    (stale / "run.json").write_text('{"error": "it broke", "result": "failed"}', "utf-8")
    to = tmp_path / "out"
    assert cli.main(["package", "--to", str(to), "--without", "mine"]) == 0
    assert not [name for name in names(to) if "mine" in name]
    assert "left out: dataset mine: it was asked to stay out" in capsys.readouterr().out
    assert cli.main(["package", "--without", "mine", "--with-data", "mine"]) == 2
    assert "Name other datasets" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["never", "on-request"])
def test_what_a_card_closes(copy, how, capsys):
    shared(copy, how)
    [held] = bundle.package().contents.withheld
    assert (held.name, how in held.withheld) == ("mine", True)
    capsys.readouterr()
    for option, words in {
        "--with-data": "others may not have it",
        "--with-reports": "its reports hold numbers of single villages",
    }.items():
        assert cli.main(["package", option, "mine"]) == (2 if how == "never" else 0)
        assert (words in capsys.readouterr().err) == (how == "never")


@pytest.mark.parametrize(
    "words", ["no CC BY licence was given", "not under CC0", "MIT students only", "CC0", "开放"]
)
def test_free_text_opens_nothing(copy, words):
    card = copy / "data" / "raw" / "mine" / "dataset.toml"
    text = card.read_text("utf-8").replace('licence = "not stated"', f'licence = "{words}"')
    card.write_text(text.replace('rights = "not stated"', f'rights = "{words}"'), "utf-8")
    held = _contents.holding("mine", ())
    assert "who may have it (share) is not said" in held.withheld


def test_what_somebody_marked_as_simulated_is_not_given_away(copy):
    card = copy / "data" / "raw" / "mine" / "dataset.toml"
    card.write_text(card.read_text("utf-8").replace('"ledger"', '"simulated"'), "utf-8")
    share(copy, "mine", "open", "MIT")
    assert "did not write it" in _contents.holding("mine", ()).withheld
    assert not _contents.holding("mine", ["mine"]).withheld


@pytest.mark.parametrize(
    ("kind", "head", "faults"),
    [
        ("simulated", {"parameters": {"seed": 1}, "record": True}, 0),
        ("simulated", {"parameters": {"seed": 1}}, 1),
        ("simulated", {}, 1),
        ("ledger", {}, 1),
    ],
)
def test_only_persons_that_were_drawn_may_go_in(tmp_path, kind, head, faults):
    book = tmp_path / "book.csv"
    book.write_text("村名,姓名,电话\n甲村,某某,13800138000\n", encoding="utf-8")
    head = {**head, "kind": kind}
    if "record" in head:
        head["record"] = simulated.record(head, ())
    holding = _contents.Holding("x", kind, "X", tmp_path, (), head)
    name = "data/raw/x/book.csv"
    found = list(_checks._personal({name: book}, {name: holding}))
    assert len(found) == faults
    assert all(line.startswith(f"{name}, column 2, column 3: personal") for line in found)


def test_drawn_letters_and_doubles_in_hexadecimal_are_no_numbers_of_a_card(tmp_path):
    """Matplotlib writes the path of a letter over many lines."""
    chart = tmp_path / "chart.svg"
    letter = "M 1779 390\nC 883 3731 1248 4314 1779 4314 \nz"
    chart.write_text(f'<svg>\n<path id="0" d="{letter}"/>\n</svg>\n', "utf-8")
    assert not list(_checks._personal({"released/x/figures/chart.svg": chart}, {}))
    weights = tmp_path / "notebook.ipynb"  # keys of evidence are doubles
    weights.write_text('{"numbers": {\n"0x1.8706e10d01f17p+0": [],\n"-0x1.4p-3": []}}', "utf-8")
    assert not list(_checks._personal({"reports/x/notebook.ipynb": weights}, {}))
    chart.write_text(f"<svg>\n<path\nd='M 1'/>\n<text>{PHONE}</text>\n</svg>\n", "utf-8")
    [said] = _checks._personal({"released/x/figures/chart.svg": chart}, {})
    assert "chart.svg, line 4: personal data" in said


def test_personal_data_in_named_ledgers_stop_it(copy, capsys):
    place = copy / "data" / "raw" / "mine"
    with (copy / "received" / "book.csv").open("w", newline="", encoding="gb18030") as file:
        head = [["2024年村集体收入", "", ""], ["村名", "经营收入", "联系电话"]]
        body = [["甲村", "40000", PHONE], ["丙村", "30000", PHONE]]
        csv.writer(file).writerows([*head, *body])
    shutil.rmtree(place)
    assert cli.main(["new", "mine", str(copy / "received" / "book.csv")]) == 0
    assert cli.main(["package", "--with-data", "mine"]) == 2
    said = capsys.readouterr().err
    assert "data/raw/mine/book.csv" in said
    assert "personal data" in said
    assert PHONE not in said


def test_names_of_books_are_written_as_addresses(copy, tmp_path):
    """A name may hold Chinese, blanks and signs that mean something in a URI."""
    name = "丙镇 2024年#1.csv"
    rows = [["村名", "经营收入", "年份"], ["甲村", "40000", "2024"], ["丙村", "30000", "2024"]]
    with (copy / "received" / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    shutil.rmtree(copy / "data" / "raw" / "mine")
    shutil.rmtree(copy / "reports" / "01-trial-mine")
    assert cli.main(["new", "mine", str(copy / "received" / name)]) == 0
    made = bundle.package(tmp_path / "out", with_data=["mine"])
    assert manifest(made.path)[f"data/raw/mine/{name}"]
    crate = ROCrate(made.path)
    [entity] = [e for e in crate.data_entities if e.id.endswith(".csv") and "mine" in e.id]
    assert entity.id == f"data/raw/mine/{quote(name)}"


def test_an_unknown_dataset_is_named_with_those_there_are(copy):
    with pytest.raises(LianjianError, match=r"Did you mean mine\? Datasets here: published, mine"):
        bundle.package(with_data=["mina"])


# ---- what may not be in it ----


def absolute(root):
    (root / "docs" / "note.md").write_text(f"See {HOME}/data.\n", "utf-8")


def of_this_machine(root):
    (root / "docs" / "note.md").write_text(f"See {root}.\n", "utf-8")


def person(root):
    (root / "docs" / "note.md").write_text(f"\nCall {PHONE}.\n", "utf-8")


def empty(root):
    (root / "docs" / "empty.md").touch()


def twice(root):
    shutil.copyfile(root / "docs" / "note.md", root / "docs" / "again.md")


def stale(root):
    path = root / "notebooks" / "01-trial.ipynb"
    path.write_text(path.read_text("utf-8").replace("[3, 4]", "[3, 5]"), "utf-8")


def missing(root):
    shutil.rmtree(root / "reports" / "01-trial")


def failed(root):
    folder = root / "reports" / "01-trial.failed"
    folder.mkdir()
    (folder / "run.json").write_text('{"error": "it broke", "result": "failed"}', "utf-8")


def no_licence(root):
    (root / "LICENSE").unlink()


def raw_changed(root):
    (root / "data" / "raw" / "trial" / "accounts.csv").write_text(ACCOUNTS + "\n", "utf-8")


def link(root):
    (root / "docs" / "link.md").symlink_to(root / "private.txt")


FAULTS = {
    absolute: "docs/note.md, line 1: names a folder of one machine",
    of_this_machine: "docs/note.md, line 1: names a folder of one machine",
    person: "docs/note.md, line 2: personal data (a mobile number)",
    empty: "docs/empty.md: no byte in it",
    twice: "docs/note.md and docs/again.md hold the same bytes",
    stale: "01-trial is not up to date (code of 01-trial.ipynb changed, from cell 4 on)",
    missing: "01-trial: there is no report yet",
    failed: "01-trial failed: it broke",
    no_licence: "LICENSE is missing",
    raw_changed: "accounts.csv is not the file that its card describes",
    link: "link.md is a link",
}


def test_columns_of_a_printed_table_are_no_number_of_a_person(tmp_path):
    path = tmp_path / "table.txt"
    for line, found in (("0.050781  13.096399   −1.5 to 19.0  0.074219  −2.0 to 16.0", []),
                        (f"12.5  {PHONE}  3.25", ["a mobile number"])):  # fmt: skip
        path.write_text(line + "\n", "utf-8")
        assert [reason for _, reason in _checks._persons(path.name, path, None)] == found


def test_no_file_of_the_project_itself_keeps_a_bundle_from_being_made(tmp_path):
    root = Path(__file__).parents[2]
    for name, path in _contents._sources(root):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, tmp_path / name)
    assert (tmp_path / "docs" / "examples" / "crontab").is_file()
    assert _checks.check(tmp_path, []) == []


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_a_fault_stops_it_and_spares_the_last_bundle(copy, packed, spoil, capsys):
    last = copy / "dist" / "lianjian-0.1.0.zip"
    last.parent.mkdir()
    shutil.copyfile(packed.path, last)
    spoil(copy)
    assert cli.main(["package"]) == (4 if spoil is raw_changed else 2)
    said = capsys.readouterr().err
    assert FAULTS[spoil] in said
    assert PHONE not in said
    assert list(last.parent.iterdir()) == [last]
    assert last.read_bytes() == packed.path.read_bytes()


def test_the_last_bundle_is_replaced(copy, packed):
    last = copy / "dist" / "lianjian-0.1.0.zip"
    last.parent.mkdir()
    shutil.copyfile(packed.path, last)
    (copy / "docs" / "note.md").write_text("Done otherwise.\n", "utf-8")
    assert bundle.package().path == last
    with zipfile.ZipFile(last) as file:
        assert file.read("lianjian-0.1.0/docs/note.md") == b"Done otherwise.\n"


def test_a_number_of_a_person_in_a_report_stops_it(copy, capsys):
    page = copy / "reports" / "01-trial" / "report.html"
    text = page.read_text("utf-8")
    page.write_text(text.replace("</main>", f"<p>{PHONE}</p></main>"), "utf-8")
    record = json.loads(page.with_name("run.json").read_text("utf-8"))
    write_record(page.parent, record)  # as if the run had written it
    assert cli.main(["package"]) == 2
    assert "reports/01-trial/report.html, line" in capsys.readouterr().err


def test_what_git_does_not_have_stops_it(copy, capsys):
    def git(*words):
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *words], cwd=copy, check=True, capture_output=True)

    git("init", "-q")
    git("add", "LICENSE", "docs", "notebooks", "data/raw", "CITATION.cff", ".gitignore",
        "Makefile", "README.md", "pyproject.toml", "locks", "tools")  # fmt: skip
    git("commit", "-qm", "One")
    assert cli.main(["package"]) == 0
    (copy / "docs" / "note.md").write_text("Done otherwise.\n", "utf-8")
    (copy / "docs" / "new.md").write_text("Not added.\n", "utf-8")
    assert cli.main(["package"]) == 2
    assert "docs/new.md, docs/note.md: not as git has it. Commit" in capsys.readouterr().err


# ---- its place ----


@pytest.mark.parametrize("name", ["foreign.zip", "foreign"])
def test_what_is_not_ours_is_left_alone(copy, name, tmp_path):
    place = tmp_path / name
    if place.suffix:
        place.write_bytes(b"something else")
    else:
        place.mkdir()
        (place / "thesis.doc").write_bytes(b"something else")
    with pytest.raises(LianjianError, match="left as it is"):
        bundle.package(place)
    kept = place if place.suffix else place / "thesis.doc"
    assert kept.read_bytes() == b"something else"


@pytest.mark.parametrize("name", [".", "docs/b.zip", "reports/b.zip", "data/b"])
def test_a_bundle_does_not_go_into_what_is_packed(copy, name):
    with pytest.raises(LianjianError, match="is packed"):
        bundle.package(copy / name)


# ---- signed, and made again by somebody else ----


def key(folder, name):
    """Make a pair of keys as a person has them."""
    if shutil.which("ssh-keygen") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("signatures need OpenSSH")
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def test_a_signature_says_whose_bundle_it_is(packed, tmp_path, capsys):
    bundled = tmp_path / "卷.zip"
    shutil.copyfile(packed.path, bundled)
    authors, other = key(tmp_path, "作者"), key(tmp_path, "other")
    signers = tmp_path / "signers"
    signers.write_text(f"someone@example.org {authors.with_suffix('.pub').read_text()}")

    def said(*options):
        code = cli.main(["verify", str(bundled), *map(str, options)])
        return code, capsys.readouterr().out

    assert "signature" not in said()[1]
    assert said("--signers", signers)[0] == 1  # who asks for a signature is told that there is none
    bundle.sign(bundled, authors)
    code, out = said()
    assert code == 0
    assert "signed with the ED25519 key SHA256:" in out
    code, out = said("--signers", signers)
    assert code == 0
    assert "signed by someone@example.org" in out
    bundle.sign(bundled, other)
    code, out = said("--signers", signers)
    assert code == 1
    assert "made with no key of signers" in out
    (tmp_path / "卷.zip.sig").write_text("nothing")
    for options in ((), ("--signers", signers)):
        code, out = said(*options)
        assert code == 1
        assert "is no signature of this manifest" in out


def test_a_manifest_that_changed_is_not_the_signed_one(opened, tmp_path, capsys):
    inside = tmp_path / "inside"
    shutil.copytree(opened, inside)
    bundle.sign(inside, key(tmp_path, "key"))
    note = inside / "docs" / "note.md"
    note.write_text("another")
    lines = (inside / "MANIFEST.sha256").read_text("utf-8").splitlines(keepends=True)
    digest = hashlib.sha256(note.read_bytes()).hexdigest()
    changed = [f"{digest}  docs/note.md\n" if "docs/note.md" in each else each for each in lines]
    (inside / "MANIFEST.sha256").write_text("".join(changed), "utf-8")
    assert cli.main(["verify", str(inside)]) == 1
    out = capsys.readouterr().out
    assert "all as packed" in out
    assert "is no signature of this manifest" in out


def test_what_cannot_sign_is_told(packed, tmp_path, monkeypatch):
    text = tmp_path / "no key"
    text.write_text("nothing")
    for bad in (text, tmp_path / "missing"):
        with pytest.raises(LianjianError, match=r"does not sign|no such file"):
            bundle.sign(packed.path, bad)
    # before minutes are spent on a bundle
    assert cli.main(["package", "--to", str(tmp_path / "new.zip"), "--sign", str(bad)]) == 2
    assert not (tmp_path / "new.zip").exists()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(LianjianError, match="ssh-keygen is not to be found"):
        bundle.sign(packed.path, text)


def test_a_bundle_is_made_again_twice_and_certified(opened, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("LIANJIAN_ROOT", raising=False)
    inside = tmp_path / "书"
    shutil.copytree(opened, inside)
    assert cli.main(["verify", str(inside), "--rebuild", "--by", "A. Reader"]) == 0
    said = json.loads((tmp_path / "书-certificate" / "certificate.json").read_bytes())
    assert said["verdict"] == "full reproduction"
    [report] = said["reports"]
    assert report["counts"] == {
        "figure": {"packed": 1, "same": 1},
        "table": {"packed": 1, "same": 1},
        "number": {"packed": 1, "same": 1},
    }
    assert report["page_same"]
    assert report["stable"]
    assert said["data"][0]["same"]
    assert said["made_by"] == "A. Reader"
    assert bundle.verify(inside).differences == ()  # it was worked in a copy
    page = (tmp_path / "书-certificate" / "certificate.html").read_text("utf-8")
    assert "[x] full reproduction<" in page

    with pytest.raises(LianjianError, match="holds no certificate"):
        bundle.rebuild(inside, inside, "", None, print)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "was", "becomes", "verdict", "differ"),
    [
        ("numbers.csv", "A draw,", "A draw,1", "not able to reproduce", ["number draw"]),
        ("notebook.ipynb", "Rows", "Lines", "not able to reproduce", ["table rows"]),
        ("report.html", "A trial", "A try", "full reproduction with minor issues", []),
    ],
)
def test_what_does_not_come_out_again_is_named(
    opened, tmp_path, name, was, becomes, verdict, differ
):
    packed, first, second = (tmp_path / each for each in ("packed", "first", "second"))
    for folder in (packed, first, second):
        shutil.copytree(opened / "reports" / "01-trial", folder / "01-trial")
    changed = packed / "01-trial" / name
    assert was in changed.read_text("utf-8")
    changed.write_text(changed.read_text("utf-8").replace(was, becomes), "utf-8")
    report = _certificate.hold("01-trial", {"title": "A trial"}, packed, [first, second])
    assert report["differ"] == differ
    assert report["stable"]
    found = {"reports": [report], "runs": [], "data": [], "as_packed": True, "released": []}
    assert _certificate.verdict(found) == verdict
    if not differ:
        found["released"] = ["02-of-books"]
        assert _certificate.verdict(found) == "partial reproduction"


def test_a_page_that_differs_in_the_id_of_the_code_alone_is_the_same(opened, tmp_path):
    packed, first, second = (tmp_path / each for each in ("packed", "first", "second"))
    for folder in (packed, first, second):
        shutil.copytree(opened / "reports" / "01-trial", folder / "01-trial")
    code = json.loads((packed / "01-trial" / "run.json").read_bytes())["citation"]["code"]
    assert code
    other = "f" * len(code)
    for name in ("run.json", "report.html"):
        changed = packed / "01-trial" / name
        changed.write_text(changed.read_text("utf-8").replace(code, other), "utf-8")
    report = _certificate.hold("01-trial", {"title": "A trial"}, packed, [first, second])
    assert report["page_same"]
    assert report["codes"] == [other, code]
