"""Raw files must be what their cards say."""

import shutil

import pytest

from analysis import paths
from analysis.clean.build import build
from analysis.clean.sources import read_cards, verify
from analysis.errors import LianjianError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the raw files in a project of its own."""
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    for path in paths.raw().iterdir():
        if path.is_file():
            shutil.copyfile(path, raw / path.name)
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    return tmp_path


def test_the_raw_files_are_those_of_their_cards():
    folder = paths.raw()
    cards = read_cards(folder / "sources.toml")
    verify(folder, cards)
    assert {card.file for card in cards} == {path.name for path in folder.glob("*.csv")}
    rows = {card.file: card.rows for card in cards}
    assert rows["village_register.csv"] == 1261


def test_a_changed_byte_stops_the_build(project):
    path = project / "data" / "raw" / "published_figures.csv"
    path.write_bytes(path.read_bytes().replace(b"27.9", b"27.8"))
    with pytest.raises(LianjianError) as caught:
        build("published")
    message = str(caught.value)
    assert "published_figures.csv" in message
    assert message.count("sha256") == 2
    assert "expected" in message
    assert "found" in message
    assert not (project / "data" / "processed" / "published").exists()


def test_a_missing_file_stops_the_build(project):
    (project / "data" / "raw" / "village_register.csv").unlink()
    with pytest.raises(LianjianError, match=r"village_register\.csv is missing.*1,261 rows"):
        build("published")


def test_a_lost_row_stops_the_build_and_both_counts_are_named(project):
    path = project / "data" / "raw" / "village_register.csv"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(LianjianError, match=r"(?s)1,261 rows.*1,260 rows"):
        build("published")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("rows = 1261\n", ""), "rows"),
        (('kind = "published"', 'kind = "hearsay"'), "hearsay"),
        (('file = "corrections.csv"', 'file = "../corrections.csv"'), "without folders"),
        (("[[source]]", "[[source]]\ncolour = 1"), "colour"),
        (("title", "title ="), "TOML"),
    ],
)
def test_a_faulty_card_is_named(project, change, said):
    path = project / "data" / "raw" / "sources.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(LianjianError, match=said):
        build("published")


def test_the_last_good_build_survives_a_failed_one(project):
    build("published")
    good = project / "data" / "processed" / "published" / "manifest.json"
    before = good.read_bytes()
    path = project / "data" / "raw" / "corrections.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(LianjianError):
        build("published")
    assert good.read_bytes() == before
