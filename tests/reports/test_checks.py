"""What the panel at a page's head says, and when it fails."""

import hashlib
import json
import os
import subprocess
import time
from pathlib import PurePosixPath, PureWindowsPath

import nbformat
import pytest

from analysis import paths
from analysis.reports.freshness import origin
from analysis.reports.page import checks, findings, versions
from analysis.reports.page.checks import FAILED, OK, UNKNOWN, Told
from analysis.reports.run import runner

# of no machine, and put together so that no search for such paths stops here
HOME = PurePosixPath("/", "home", "user")
DRIVE = str(PureWindowsPath("C:/", "Users")).replace("\\", r"\\")
CARD = """\
kind = "{kind}"
title = "Books"

[[source]]
file = "accounts.csv"
title = "Accounts"
producer = "an office"
licence = "none"
rights = "own"
sha256 = "{sha256}"
bytes = 4
rows = 1
kind = "{kind}"
"""


def git(folder, *command):
    who = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *command], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(project):
    """Give a project under git, with one notebook and an analysis folder."""
    project.notebook("01-a", "# A", "1")
    (project.root / "analysis").mkdir()
    (project.root / "analysis" / "x.py").write_text("x = 1\n")
    project.lock("numpy==1\n")
    git(project.root, "init", "-q")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", "Begin")
    return project


def seen(project):
    return origin.of(project.notebooks / "01-a.ipynb")


def test_git_names_the_source_and_says_what_differs(checkout):
    clean = seen(checkout)
    assert clean.notebook == git(checkout.root, "rev-parse", "HEAD:notebooks/01-a.ipynb")
    assert clean.commit == git(checkout.root, "rev-parse", "HEAD")
    assert (clean.differs, clean.trouble) == ((), "")
    check = checks.of_source(clean)
    assert (check.state, check.beside["git"]) == (OK, "committed")
    checkout.notebook("01-a", "# A", "2")
    (checkout.root / "analysis" / "new.py").write_text("")
    check = checks.of_source(seen(checkout))
    assert check.state == FAILED
    assert "analysis/new.py, notebooks/01-a.ipynb" in check.found
    assert "Commit" in check.mend


def test_a_page_says_the_same_in_a_checkout_and_in_a_copy_without_git(checkout):
    inside = checks.of_source(seen(checkout))
    (checkout.root / ".git").rename(checkout.root / ".was-git")
    origin._of.cache_clear()
    outside = checks.of_source(seen(checkout))
    assert outside.beside == {"git": "not a git checkout"}
    assert (outside.state, outside.found) == (inside.state, inside.found)


def test_a_copy_inside_another_checkout_is_no_checkout(checkout, monkeypatch):
    inner = checkout.root / "bundle"
    (inner / "data" / "raw").mkdir(parents=True)
    (inner / "notebooks").mkdir()
    copy = inner / "notebooks" / "01-a.ipynb"
    copy.write_bytes((checkout.notebooks / "01-a.ipynb").read_bytes())
    monkeypatch.setenv("LIANJIAN_ROOT", str(inner))
    assert origin.of(copy).trouble == "not a git checkout"


def test_an_ignored_notebook_is_not_committed(checkout):
    (checkout.root / ".gitignore").write_text("notebooks/02-*\n")
    path = checkout.notebook("02-b", "# B", "1")
    assert origin.of(path).differs == ("notebooks/02-b.ipynb",)


def test_a_notebook_of_one_s_own_needs_no_commit_and_the_code_does(checkout):
    (checkout.root / ".gitignore").write_text("work/*\n")
    work = checkout.root / "work"
    work.mkdir()
    path = checkout.notebook("02-b", "# B", "1").rename(work / "b.ipynb")
    check = checks.of_source(origin.of(path))
    assert (check.state, check.beside["git"], check.mend) == (OK, "committed", "")
    assert "lianjian adopt" in check.found
    (checkout.root / "analysis" / "new.py").write_text("")
    origin._of.cache_clear()
    check = checks.of_source(origin.of(path))
    assert check.state == FAILED
    assert "Not as committed: analysis/new.py." in check.found


def test_a_machine_without_git_says_so(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    origin._of.cache_clear()
    assert seen(checkout).trouble == "git is not installed"


def test_the_code_has_gits_own_name(project):
    done = subprocess.run(
        ["git", "-C", str(origin.PACKAGE.parent), "status", "--porcelain", "--", "analysis"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode or done.stdout:
        # no checkout, or edited: make one of the files as they are
        target = project.root / "analysis"
        for path in sorted(origin.PACKAGE.rglob("*")):
            hidden = any(part.startswith((".", "__pycache__")) for part in path.parts[-3:])
            if path.is_file() and not hidden and path.suffix != ".pyc":
                copy = target / path.relative_to(origin.PACKAGE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        git(project.root, "init", "-q")
        git(project.root, "add", "-f", "analysis")
        assert origin.code_id() == git(project.root, "write-tree", "--prefix=analysis/")
    else:
        assert origin.code_id() == git(origin.PACKAGE.parent, "rev-parse", "HEAD:analysis")


@pytest.fixture
def books(project):
    """Give a project with raw books, their card and a build that fit together."""
    folder = project.root / "data" / "raw" / "books"
    folder.mkdir()
    (folder / "accounts.csv").write_bytes(b"a\n1\n")
    digest = hashlib.sha256(b"a\n1\n").hexdigest()
    (folder / "dataset.toml").write_text(CARD.format(kind="ledger", sha256=digest))
    built = project.root / "data" / "processed" / "books"
    built.mkdir(parents=True)
    (built / "manifest.json").write_text(json.dumps({"version": "0123456789ab"}))
    said = {"name": "books", "version": "0123456789ab", "kind": "ledger",
            "sources": [{"file": "accounts.csv", "sha256": digest}]}  # fmt: skip
    return folder, built, said


def test_data_agree_with_cards_and_build(books):
    check = checks.of_data([books[2]])
    assert check.state == OK
    assert "books 0123456789ab" in check.found
    assert checks.of_data([]).state == OK


@pytest.mark.parametrize("fault", ["bytes", "card", "gone", "no card", "version"])
def test_each_fault_of_data_is_named(books, fault):
    folder, built, said = books
    words = {
        "bytes": "accounts.csv has other bytes than when it was built",
        "card": "accounts.csv has other bytes than its card says",
        "gone": "accounts.csv is missing",
        "no card": "the cards of books (dataset.toml) cannot be read",
        "version": "books is built as version ffff, the page used 0123456789ab",
    }
    if fault == "bytes":
        (folder / "accounts.csv").write_bytes(b"a\n2\n")
    elif fault == "card":
        (folder / "dataset.toml").write_text(CARD.format(kind="ledger", sha256="0" * 64))
    elif fault == "gone":
        (folder / "accounts.csv").unlink()
    elif fault == "no card":
        (folder / "dataset.toml").write_text("")
    else:
        (built / "manifest.json").write_text(json.dumps({"version": "ffff"}))
    check = checks.of_data([said])
    assert check.state == FAILED
    assert words[fault] in check.found
    assert "lianjian build books" in check.mend


def test_parameters_and_products_are_counted():
    assert checks.of_parameters(["year"]).found == "The one parameter is used as set."
    product = findings.Product("figure", "a", 1, {})
    found = findings.Findings((), (product,))
    assert checks.of_products(found, Told()).found == "1 figure, with an address."
    declared = checks.of_products(found, Told(declares=True)).found
    assert declared == "1 figure, with an address, all as declared."


def notebook(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("import numpy as np\nnp.random.default_rng()", "np.random.default_rng() has no seed"),
        ("import numpy as np\nnp.random.default_rng(None)", "has no seed"),
        ("from numpy.random import default_rng\ndefault_rng(7)", "default_rng(7) has a fixed seed"),
        ("import numpy as np\nnp.random.normal(size=3)", "draws from the state"),
        ("import random\nrandom.random()", "random.random(…) draws from the state that all share"),
        ("frame.sample(5)", "frame.sample(5) has no random_state"),
        ("frame.sample(frac=0.5)", "has no random_state"),
        ("%matplotlib inline\nrng = np.random.RandomState()", "np.random.RandomState() has no"),
    ],
)
def test_a_draw_without_a_seed_is_found(code, fault):
    check = checks.of_seed(notebook(code), {"seed": 1})
    assert check.state == FAILED
    assert fault in check.found


@pytest.mark.parametrize(
    "code",
    [
        "rng = np.random.default_rng(seed)",
        "rng = np.random.default_rng([seed, 1])",
        "import random\nrandom.seed(seed)\nrandom.random()",
        "frame.sample(5, random_state=seed)",
        "bootstrap(x, rng=np.random.default_rng(seed))",
    ],
)
def test_a_seeded_draw_needs_its_parameter(code):
    check = checks.of_seed(notebook(code), {"seed": 7})
    assert (check.state, "seed = 7" in check.found) == (OK, True)
    check = checks.of_seed(notebook(code), {"year": 2024})
    assert check.state == FAILED
    assert "no parameter is called seed" in check.found


@pytest.mark.parametrize("one", ["a", "a.", "a.sample", "np.random."])
def test_a_long_word_costs_no_more_than_its_length(one):
    began = time.monotonic()
    checks.of_seed(notebook(f"picture = '{one * 300_000}'"), {})
    assert time.monotonic() - began < 20  # a minute for a fifth of it, where it is squared


def test_what_draws_nothing_needs_no_seed():
    for code in ("mean(x)", "audio.sample(rate)", "rng.normal()", "not python ("):
        assert checks.of_seed(notebook(code), {}).state == OK


def test_versions_are_compared_with_the_lock(tmp_path):
    lock = tmp_path / "core.txt"
    assert checks.of_versions(lock).state == UNKNOWN
    installed = versions._installed(tuple(os.sys.path))
    lock.write_text(f"pandas=={installed['pandas']} \\\n    --hash=sha256:00\nruff==0.0.1\n")
    assert checks.of_versions(lock).state == OK  # an editor's tool changes no page
    lock.write_text(
        "pandas==0.1 ; python_full_version >= '3.11'\nNumpy==0.2 ; python_version < '3'\n"
    )
    check = checks.of_versions(lock)
    assert check.state == FAILED
    assert f"pandas {installed['pandas']} (locked: 0.1)" in check.found
    assert f"numpy {installed['numpy']} (locked: none for this Python)" in check.found


@pytest.mark.parametrize(
    "text",
    [f"read('{HOME}/data.csv')", rf"open('{DRIVE}\\user\\x.csv')", "see /tmp/x", "{home}/x"],
)
def test_a_folder_of_the_machine_is_found_and_not_repeated(project, text, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "ann"))
    text = text.format(home=tmp_path / "ann") if "{home}" in text else text
    check = checks.of_places("", text)
    assert check.state == FAILED
    assert "the executed notebook" in check.found
    assert "ann" not in check.found + check.mend


def test_addresses_of_the_web_and_images_are_no_folders(project):
    page = '<a href="https://example.org/home/x">a/tmp/b</a> src="data:x;base64,aa/home/a" ./tmp/x'
    assert checks.of_places(page, page).state == OK


def test_simulated_products_without_their_mark_fail():
    data = ({"kind": "simulated"},)
    bare = findings.Product("table", "a", 1, {"simulated": False})
    check = checks.of_kind(findings.Findings(data, (bare,)), {})
    assert (check.state, "#tab-a" in check.found) == (FAILED, True)
    real = checks.of_kind(findings.Findings(({"kind": "ledger"},), (bare,)), {"ledger": "Ledgers"})
    assert real.state == OK
    assert "imulated" not in real.found


def test_the_panel_is_one_line_when_all_is_well_and_open_when_not(books, project):
    code = "import analysis\nanalysis.load('books')\nimport numpy as np\nrng = np.random.{}"
    manifest = books[1] / "manifest.json"
    content = {**books[2], "title": "Books", "description": "", "corrections": [], "parameters": {},
               "realised": {}, "rows": {}, "issues": 0,
               "work": {"authors": [{"name": "An office"}]}}  # fmt: skip
    manifest.write_text(json.dumps(content), "utf-8")
    project.lock("")
    project.notebook("01-good", "# A", code.format("default_rng(seed)"), parameters="seed: int = 1")
    project.notebook(
        "02-bad", "# B", code.format("default_rng()") + "\nseed", parameters="seed: int = 1"
    )
    assert runner.run() == 0
    good, bad = project.report("01-good"), project.report("02-bad")
    assert "<summary>All 11 checks passed</summary>" in good
    assert "1 of 11 checks failed" in bad
    assert "<summary>The other 10 passed</summary>" in bad
    assert "has no seed" in bad
    record = json.loads((project.reports / "02-bad" / "run.json").read_text("utf-8"))
    states = {check["name"]: check["state"] for check in record["checks"]}
    assert states == {"Source": OK, "Data": OK, "Commands": OK, "Parameters": OK, "Products": OK,
                      "Shown": OK, "Seed": FAILED, "Versions": OK, "Paths": OK,
                      "Kind of data": OK, "Authors": OK}  # fmt: skip
    assert record["checks"][0]["git"] == "not a git checkout"
    assert "1 check failed" in (project.reports / "index.html").read_text("utf-8")


def test_the_projects_own_notebooks_draw_only_from_seeds():
    for path in sorted(paths.notebooks().glob("*.ipynb")):
        node = nbformat.read(path, as_version=4)
        assert checks.of_seed(node, {"seed": 1}).state == OK, path.name
