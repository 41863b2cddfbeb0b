"""Where the system lacks fork, limits and passed sockets, each command takes a plainer way."""

import os
import shutil
import subprocess
import sys

import nbformat
import pytest

from analysis import paths
from analysis.clean.workbook import limits, parent
from analysis.clean.workbook.limits import Refused
from analysis.clean.workbook.reader import read_sheets

ROOT = paths.root()

# stands before each process of the project here: what Windows, and partly macOS, do not have
WITHOUT = """
import os, select, signal, socket, sys
import psutil  # of which the part for Linux alone needs `resource`
for name in ("fork", "forkpty", "setsid", "killpg", "getpgid", "pidfd_open", "waitid",
             "sched_getaffinity", "posix_spawn", "register_at_fork"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("send_fds", "recv_fds"):
    if hasattr(socket, name):
        delattr(socket, name)
for name in ("SIGXCPU", "SIGSTOP", "SIGHUP"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("resource", "pwd", "grp", "termios", "pty"):
    sys.modules[name] = None
"""
NOTEBOOK = """
import analysis
from analysis.reports import record
record("n", len(analysis.load("mine").panel), label="Rows")
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    root = tmp_path_factory.mktemp("plain")
    for name in ("data/raw", "data/example", "locks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("simulated"))
    for name in ("CITATION.cff", "pyproject.toml"):
        shutil.copyfile(ROOT / name, root / name)
    for name in ("data/processed", "notebooks", "reports", "work"):
        (root / name).mkdir()
    for path in ("notebooks/11-rows.ipynb", "work/我的.ipynb"):
        cells = [nbformat.v4.new_markdown_cell("# Rows"), nbformat.v4.new_code_cell(NOTEBOOK)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), root / path)
    (root / "without").mkdir()
    (root / "without" / "sitecustomize.py").write_text(WITHOUT, "utf-8")
    return root


def lianjian(project, *words, ends=(0,)):
    """Run a command without these parts of the system; it never ends in a traceback."""
    path = os.pathsep.join([str(project / "without"), str(ROOT)])
    environment = os.environ | {"LIANJIAN_ROOT": str(project), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "analysis", *words], cwd=project, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    assert done.returncode in ends, said
    return said


def test_what_is_taken_away_is_away(project):
    environment = os.environ | {"PYTHONPATH": str(project / "without")}
    program = "import os, signal, socket, sys; print(*map(hasattr, (os, socket, signal), "
    program += "('fork', 'send_fds', 'SIGXCPU')), sys.modules['resource'])"
    said = subprocess.check_output([sys.executable, "-c", program], env=environment, text=True)
    assert said == "False False False None\n"


def test_each_command_from_books_to_a_citation(project):
    books = sorted(str(path) for path in (project / "data" / "example" / "books").iterdir())
    register = str(project / "data" / "example" / "register.csv")
    said = lianjian(project, "new", "mine", *books, "--register", register, "--simulated")
    assert f"{len(books)} files" in said
    assert "mine" in lianjian(project, "build", "published", "mine", ends=(0, 3))
    assert "1 report published" in lianjian(project, "run")
    assert "1 report published" in lianjian(project, "run", "work/我的.ipynb")
    assert "1 up to date" in lianjian(project, "why")
    assert "no earlier build" in lianjian(project, "diff", "mine", ends=(4,))
    lianjian(project, "params", "11-rows")
    assert "Rows" in lianjian(project, "cite", "11-rows")
    assert "no number moved" in lianjian(
        project, "compare", "reports/11-rows", "reports/11-rows"
    )  # fmt: skip
    assert "moved to notebooks/12-我的.ipynb" in lianjian(project, "adopt", "work/我的.ipynb")
    lianjian(project, "prune")
    lianjian(project, "dictionary")
    lianjian(project, "clean")


# ---- reading a book so ----


@pytest.fixture
def plainly(monkeypatch):
    """Read books as where nothing can be forked."""
    parent.stop()
    monkeypatch.setattr(parent, "_can_fork", lambda: False)
    yield
    assert parent._server is None


def books():
    return sorted((ROOT / "data" / "example" / "books").glob("*.xls*"))


def test_a_book_says_the_same_either_way(plainly, monkeypatch):
    plain = [read_sheets(path) for path in books()]
    assert plain
    monkeypatch.setattr(parent, "_can_fork", lambda: True)
    assert plain == [read_sheets(path) for path in books()]
    parent.stop()


def test_a_book_that_takes_too_long_or_too_much_is_refused(plainly, monkeypatch):
    path = books()[0]
    with pytest.raises(Refused, match="more than") as told:
        parent.read_workbook(path, "xlsx", wall_seconds=0.0)
    assert told.value.code == "time"
    monkeypatch.setattr(parent, "ADDRESS_SPACE_BYTES", 1)
    monkeypatch.setattr(limits, "ADDRESS_SPACE_BYTES", 1)
    with pytest.raises(Refused, match="memory"):
        parent.read_workbook(path, "xlsx")


def test_a_process_that_ends_without_a_word_is_said(plainly, monkeypatch):
    monkeypatch.setattr(parent, "_request", lambda *_: "no JSON")
    with pytest.raises(Refused, match="ended with code 1"):
        parent.read_workbook(books()[0], "xlsx")
