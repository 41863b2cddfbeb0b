"""The policy and the memory lie among the decisions of a dataset, as secret as its books."""

import pandas as pd
import pytest

from analysis import paths
from analysis.disclosure import Policy, keep_release, read_memory, read_policy, write_memory
from analysis.disclosure.door import Door
from analysis.errors import LianjianError
from tests.disclosure.invented import SOURCES, books


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    return tmp_path


def test_a_ledger_without_a_policy_has_the_strict_one(root):
    assert read_policy("town") == Policy()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[disclosure]\np_percent = 5\n", "disclosure.toml: .* looser than by itself"),
        ("[disclosur]\np_percent = 5\n", "holds disclosur"),
        ("p_percent = 20\n", "holds p_percent"),
        ("[disclosure\n", "disclosure.toml"),
    ],
)
def test_a_policy_that_cannot_be_taken_names_its_file(root, text, says):
    path = root / "data" / "decisions" / "town" / "disclosure.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LianjianError, match=says):
        read_policy("town")


def test_the_memory_is_private_and_keeps_its_history(root):
    assert read_memory("town") is None
    door = Door(Policy(), books(30, 3))
    write_memory("town", door.memory())
    again = pd.DataFrame(
        {"village_id": ["X0001"], "measure": SOURCES[0], "year": 2020,
         "amount": 1.0, "low": 0.5, "high": 2.0}
    )  # fmt: skip
    write_memory("town", again)
    path = root / "data" / "decisions" / "town" / "released.parquet"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert len(list((path.parent / "history").glob("*.released.*.parquet"))) == 1
    pd.testing.assert_frame_equal(read_memory("town"), again)


def test_a_broken_memory_stops_rather_than_starting_anew(root):
    write_memory("town", Door(Policy(), books(30, 3)).memory())
    path = root / "data" / "decisions" / "town" / "released.parquet"
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(LianjianError, match="cannot be read"):
        read_memory("town")


def test_a_memory_that_is_gone_after_a_release_stops_the_next_one(root):
    write_memory("town", Door(Policy(), books(30, 3)).memory())
    keep_release("town", {"report": "03", "by": "A"})
    (root / "data" / "decisions" / "town" / "released.parquet").unlink()
    with pytest.raises(LianjianError, match="is missing, though numbers were released"):
        read_memory("town")


def test_a_memory_that_is_gone_of_another_ledger_stops_as_well(root):
    """The same books may have been taken in under two names, and one of them was cleaned up."""
    write_memory("town", Door(Policy(), books(30, 3)).memory())
    keep_release("town", {"report": "03", "by": "A"})
    assert read_memory("town-again") is not None
    (root / "data" / "decisions" / "town" / "released.parquet").unlink()
    with pytest.raises(LianjianError, match=r"town/released\.parquet is missing"):
        read_memory("town-again")


def test_an_older_copy_of_the_memory_is_not_taken_for_the_newest(root):
    path = root / "data" / "decisions" / "town" / "released.parquet"
    copies = []
    for report in ("03", "05"):
        write_memory("town", Door(Policy(), books(30, 3)).memory())
        copies.append(path.read_bytes())
        read_memory("town")  # where a release stopped in between
        keep_release("town", {"report": report, "by": "A"})
        read_memory("town")
    path.write_bytes(copies[0])
    with pytest.raises(LianjianError, match="older copy: it does not know of the last of 2"):
        read_memory("town")
    path.write_bytes(copies[1])
    assert len(read_memory("town")) == len(Door(Policy(), books(30, 3)).memory())


def test_pages_that_were_released_are_not_forgotten_with_the_decisions(root):
    page = root / "released" / "03-town"
    page.mkdir(parents=True)
    (page / "release.json").write_text('{"dataset": "town"}')
    assert read_memory("city") is None
    with pytest.raises(LianjianError, match="03-town was released of town"):
        read_memory("town")
