"""Folders are replaced whole, and only those that we made."""

import errno
import os
import stat

import pytest

from analysis import files
from analysis.errors import LianjianError

MARK = "manifest.json"


def fill(target, *marks):
    with files.staged_folder(target, *marks) as staging:
        (staging / MARK).write_text("{}")
        (staging / "table").write_text("new")


def test_a_folder_of_ours_is_replaced(tmp_path):
    target = tmp_path / "mine"
    fill(target)
    (target / "table").write_text("old")
    fill(target, MARK)
    assert (target / "table").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("marks", [(), (MARK,)])
def test_a_folder_of_somebody_else_is_not(tmp_path, marks):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "notes.txt").write_text("a day of work")
    with pytest.raises(LianjianError, match=r"mine is not replaced: it holds files"):
        fill(target, *marks)
    assert [path.name for path in target.iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "mine").mkdir()
    fill(tmp_path / "mine", MARK)
    assert (tmp_path / "mine" / "table").is_file()


def test_neither_a_link_nor_a_file_nor_a_way_back_up_is_replaced(tmp_path):
    real = tmp_path / "real"
    fill(real)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").write_text("mine")
    for target, said in (
        (tmp_path / "link", "is a link"),
        (tmp_path / "file", "is no folder"),
        (tmp_path / "x" / ".." / "real", "leads out"),
    ):
        with pytest.raises(LianjianError, match=said):
            fill(target, MARK)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "mine"


def test_what_somebody_puts_there_meanwhile_stays(tmp_path):
    target = tmp_path / "mine"

    def fill_slowly():
        with files.staged_folder(target) as staging:
            (staging / "table").write_text("new")
            target.mkdir()
            (target / "notes.txt").write_text("meanwhile")

    with pytest.raises(LianjianError, match="holds files"):
        fill_slowly()
    assert (target / "notes.txt").read_text() == "meanwhile"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_killed_run_is_repaired(tmp_path):
    (tmp_path / ".mine.abc.staging").mkdir()
    (tmp_path / ".mine.previous").mkdir()
    (tmp_path / ".mine.previous" / MARK).write_text("{}")
    with pytest.raises(ZeroDivisionError), files.staged_folder(tmp_path / "mine", MARK):
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_is_named(tmp_path):
    with (
        pytest.raises(LianjianError, match=rf"The disk that holds {tmp_path} is full"),
        files.staged_folder(tmp_path / "mine"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/somewhere/book.xlsx")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_is_too_full_for_a_lock_is_named(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")  # a write names no file

    folder = tmp_path / "processed"
    monkeypatch.setattr(files.Path, "write_text", full)
    with (
        pytest.raises(LianjianError, match=f"disk that holds {folder} is full"),
        files.locked(folder, "books"),
    ):
        pytest.fail("the lock was taken")
    monkeypatch.undo()
    with files.locked(folder, "books") as token:  # it was let go
        assert files.is_held(folder, "books", token)


def test_a_private_folder_is_closed_to_others(tmp_path):
    folder = tmp_path / "mine" / "below"
    folder.mkdir(parents=True)
    (folder / "book.csv").write_text("x")
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("x")
    (tmp_path / "elsewhere").chmod(0o644)
    files.keep_private(tmp_path / "mine")
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.rglob("*")}
    assert (modes["mine"], modes["below"], modes["book.csv"]) == (0o700, 0o700, 0o600)
    assert modes["elsewhere"] == 0o644


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_text(pipe, "村\n")
        assert os.read(reader, 100).decode() == "村\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
