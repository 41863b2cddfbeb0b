"""A project folder, and the example books taken in."""

from pathlib import Path

import pytest

import analysis
from analysis import cli
from analysis.clean.workbook import parent

EXAMPLE = Path(__file__).parents[3] / "data" / "example"


@pytest.fixture(scope="session", autouse=True)
def _parser():
    yield
    parent.stop()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project: nothing but data/raw."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    return tmp_path


def take_in(_project):
    books = sorted(str(path) for path in (EXAMPLE / "books").iterdir())
    register = str(EXAMPLE / "register.csv")
    assert cli.main(["new", "example", *books, "--register", register, "--simulated"]) == 0


@pytest.fixture
def taken(project, once):
    """The example books taken in as the dataset ``example``."""
    once(take_in, project)
    return project / "data" / "raw" / "example"


def take_in_and_build(project):
    take_in(project)
    assert cli.main(["build", "example"]) == 0


@pytest.fixture
def example(project, once):
    """The example books, taken in and built: the folder as received, and what was read."""
    once(take_in_and_build, project)
    return project / "data" / "raw" / "example", analysis.load("example")


@pytest.fixture
def decided(taken):
    """The folder of what a person decided about it."""
    return taken.parents[1] / "decisions" / "example"


@pytest.fixture
def answer(decided):
    """Answer the first open question of a key in answers.toml."""

    def fill_in(key: str, answer: str) -> None:
        path = decided / "answers.toml"
        head, asked, rest = path.read_text(encoding="utf-8").partition(f'key = "{key}"')
        assert asked, key
        rest = rest.replace('answer = ""', f'answer = "{answer}"', 1)
        path.write_text(head + asked + rest, encoding="utf-8")

    return fill_in
