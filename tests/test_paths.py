"""Names of datasets: one rule, at every door."""

from pathlib import Path

import pytest

import analysis
from analysis import cli, paths
from analysis.clean.build import build
from analysis.errors import LianjianError

BAD = (
    "..",
    ".",
    "",
    "/",
    "../raw/mine",
    "../../outside",
    "./mine",
    "mine/",
    "mine//",
    "a/b",
    "a\\b",
    "/etc",
    "~",
    "Mine",
    "MINE",
    "mine-",
    "-mine",
    "mine---",
    "con",
    "nul",
    "aux",
    "prn",
    "com1",
    "lpt9",
    "con.txt",
    "mine\n",
    "mi\x1bne",
    "mi\u200bne",
    "ｍｉｎｅ",
    "西峰",
    "a b",
    "a.b",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "٣",
    "mine\x00",
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with the raw folder of a dataset, and one outside of the project."""
    for folder in ("data/raw/mine", "outside"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "dataset.toml").write_text('kind = "ledger"\n', encoding="utf-8")
        (tmp_path / folder / "book.xlsx").write_bytes(b"a book")
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    return tmp_path


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("name", BAD)
def test_no_door_takes_a_name_that_leads_elsewhere(project, name):
    before = files(project)
    doors = (
        paths.dataset_name,
        paths.dataset_folder,
        paths.processed_dataset,
        paths.card_file,
        build,
        analysis.load,
    )
    for door in doors:
        with pytest.raises(LianjianError, match="cannot name a dataset"):
            door(name)
    assert files(project) == before


@pytest.mark.parametrize("name", [None, 3, ["mine"], b"mine"])
def test_only_a_text_is_a_name(name):
    with pytest.raises(LianjianError, match="cannot name a dataset"):
        paths.dataset_name(name)


@pytest.mark.parametrize("name", ["mine", "a", "3", "a--b", "x" * 63, "console", "com10", "nulls"])
def test_a_plain_name_is_one(name):
    assert paths.dataset_name(name) == name


def test_the_published_figures_are_no_dataset_of_ones_own(project):
    assert paths.processed_dataset("published") == paths.processed() / "published"
    assert paths.raw_dataset("published") == paths.raw()
    with pytest.raises(LianjianError, match="published figures have that name"):
        paths.dataset_folder("published")


@pytest.mark.parametrize("name", ["../raw/mine", "../../../outside", "./mine", "mine/", "nul"])
@pytest.mark.parametrize(
    "command",
    [
        ["build", "{}"],
        ["simulate", "{}"],
        ["new", "{}", "{book}"],
        ["run", "--dataset", "{}"],
        ["run", "-p", "dataset={}"],
        ["run", "--dataset", "{}", "--dry-run"],
        ["why", "--dataset", "{}"],
        ["params", "01", "--dataset", "{}"],
        ["package", "--with-data", "{}"],
    ],
)
def test_no_command_takes_it(project, capsys, monkeypatch, command, name):
    (project / "notebooks").symlink_to(Path(paths.__file__).parents[1] / "notebooks")
    book = project / "outside" / "book.xlsx"
    (project / "data" / "processed").mkdir()
    monkeypatch.chdir(project / "data" / "processed")
    before = files(project)
    words = [word.format(name, book=book) for word in command]
    assert cli.main(words) not in {0, 3}
    assert "Traceback" not in capsys.readouterr().err
    kept = [path for path in files(project) if not path.startswith("reports")]
    assert kept == before
