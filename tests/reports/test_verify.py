"""A bundle is held against its manifest: by the library, and by a file that needs Python alone."""

import hashlib
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from analysis.files import zip_folder
from analysis.reports import bundle
from analysis.reports.bundle.verify import verify

SCRIPT = Path(bundle.__file__).with_name("verify.py")
PLACE = "analysis/reports/bundle/verify.py"
FILES = {
    "README.md": "read me\n",
    "Makefile": "all:\n",
    ".ci/run": "#!/bin/sh\n",
    "docs/note.md": "a note\n",
    "docs/other.md": "another\n",
    "data/raw/甲镇 2024.csv": "村名,收入\n",
    "reports/01/numbers.csv": "name,value\n",
    "reports/01/run.json": "{}\n",
}


def manifest(folder):
    """Write the manifest of a folder, as it would stand if a stranger had written it."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "MANIFEST.sha256"
    ]
    (folder / "MANIFEST.sha256").write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "bundle"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    (folder / PLACE).parent.mkdir(parents=True)
    shutil.copyfile(SCRIPT, folder / PLACE)
    (folder / ".ci/run").chmod(0o755)
    manifest(folder)
    return folder


def alone(folder, *arguments):
    """Run the file of the bundle itself, as whoever unpacked it would."""
    command = [sys.executable, "-I", str(folder / PLACE), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def test_what_is_as_it_was_packed(folder, tmp_path):
    verdict = verify(folder)
    assert (verdict.differences, verdict.notes, verdict.files) == ((), (), len(FILES) + 1)
    own = hashlib.sha256((folder / "MANIFEST.sha256").read_bytes()).hexdigest()
    assert verdict.manifest == own
    code, lines = alone(folder)
    assert code == 0
    assert lines[0] == f"{len(FILES) + 1} files in the manifest, all as packed"
    assert own in lines[1]
    zip_folder(folder, tmp_path / "b.zip", "bundle")
    assert verify(tmp_path / "b.zip") == verdict
    assert alone(folder, str(tmp_path / "b.zip"))[0] == 0


def test_ten_planted_changes_are_all_named(folder):
    (folder / "reports/01/numbers.csv").write_text("name,valve\n", "utf-8")
    (folder / "docs/note.md").unlink()
    (folder / "docs/new.md").write_text("new\n", "utf-8")
    (folder / ".hidden").write_text("hidden\n", "utf-8")
    (folder / "docs/other.md").rename(folder / "docs/renamed.md")
    (folder / "Makefile").rename(folder / "makefile")
    (folder / "data/raw/甲镇 2024.csv").chmod(0o755)
    (folder / "reports/01/run.json").rename(folder.parent / "run.json")
    (folder / "reports/01/run.json").symlink_to(folder.parent / "run.json")
    (folder / "tools/deep").mkdir(parents=True)
    for name in ("a.py", "deep/b.py"):
        (folder / "tools" / name).write_text("import os\n", "utf-8")
    (folder / "empty").mkdir()
    (folder / "README.md").write_bytes((folder / "README.md").read_bytes() + b" ")
    expected = [
        "README.md: changed",
        "reports/01/numbers.csv: changed",
        f"reports/01/run.json: is a link to {folder.parent / 'run.json'}",
        "Makefile: is called makefile now, in other case",
        "docs/note.md: missing",
        "docs/other.md: is called docs/renamed.md now",
        ".hidden: added",
        "docs/new.md: added",
        "empty: added (an empty folder)",
        "tools/: added, with 2 files",
        "data/raw/甲镇 2024.csv: may be executed now (mode 755)",
    ]
    assert list(verify(folder).differences) == expected
    code, lines = alone(folder)
    assert (code, lines[:-2]) == (1, expected)
    assert lines[-2] == f"{len(FILES) + 1} files in the manifest, {len(expected)} differ"


def test_a_lost_bit_is_told_and_is_no_difference(folder):
    (folder / ".ci/run").chmod(0o644)
    verdict = verify(folder)
    assert verdict.differences == ()
    assert verdict.notes == (".ci/run: may not be executed now, as it was packed to be",)


def entry(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def test_changes_in_a_zip_file(folder, tmp_path):
    path = tmp_path / "bundle.zip"
    (folder / ".ci/run").chmod(0o644)
    zip_folder(folder, path, "bundle")
    with zipfile.ZipFile(path, "a") as file:
        for name in ("bundle/../../evil", "other/x", "/etc/x", "bundle\\x"):
            file.writestr(entry(name, stat.S_IFREG | 0o644), "x")
        file.writestr(entry("bundle/link", stat.S_IFLNK | 0o777), "/etc/hostname")
        file.writestr(entry("bundle/README.md", stat.S_IFREG | 0o644), "again")
        file.writestr(entry("bundle/setuid", stat.S_IFREG | 0o4755), "x")
        file.writestr(entry("bundle/folder/", stat.S_IFDIR | 0o755), "")
    said = verify(path).differences
    assert set(said) == {
        "bundle/../../evil: lies outside the folder bundle",
        "other/x: lies outside the folder bundle",
        "/etc/x: lies outside the folder bundle",
        "bundle\\x: lies outside the folder bundle",
        "README.md: stands twice in the zip file",
        "link: added (a link, or no ordinary file)",
        "setuid: added",
        "folder: added (a folder of its own)",
        ".ci/run: may not be executed now, as it was packed to be",
    }


def test_a_zip_file_with_a_broken_byte(folder, tmp_path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as file:  # not compressed, so that a byte can be changed
        for name in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(name, f"bundle/{name.relative_to(folder).as_posix()}")
    path.write_bytes(path.read_bytes().replace(b"a note\n", b"a nope\n", 1))
    [said] = verify(path).differences
    assert said.startswith("docs/note.md: is a file that cannot be read")


def test_who_changes_the_manifest_as_well_is_found_by_its_hash(folder, tmp_path):
    path = tmp_path / "bundle.zip"
    before = verify(folder).manifest
    zip_folder(folder, path, "bundle")
    whole = hashlib.sha256(path.read_bytes()).hexdigest()
    record = f"{whole}  bundle.zip\n{before}  bundle/MANIFEST.sha256\n"
    path.with_name("bundle.zip.sha256").write_text(record, "utf-8")
    assert verify(path).differences == ()
    (folder / "docs/note.md").write_text("another note\n", "utf-8")
    manifest(folder)
    zip_folder(folder, path, "bundle")
    assert verify(folder).differences == ()
    assert verify(folder).manifest != before
    assert verify(path).differences == (
        "bundle.zip: is not the one that bundle.zip.sha256 names",
        "bundle/MANIFEST.sha256: is not the one that bundle.zip.sha256 names",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no hash at all", "MANIFEST.sha256, line 10: is no hash and name of a file"),
        (f"{'0' * 64}  README.md", "MANIFEST.sha256, line 10: names README.md again"),
        (f"{'0' * 64}  ../x", "../x: missing"),
        (f"{'0' * 64}  a\x1b[2Jb", "a\\x1b[2Jb: missing"),
    ],
)
def test_a_manifest_that_is_none(folder, line, said):
    with (folder / "MANIFEST.sha256").open("a", encoding="utf-8") as stream:
        stream.write(f"{line}\n")
    assert verify(folder).differences == (said,)
    assert alone(folder)[0] == 1


def test_what_is_no_bundle(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK")
    for place in ("nowhere", "x.zip", "."):
        with pytest.raises((OSError, zipfile.BadZipFile)):
            verify(tmp_path / place)


def with_comment(content):
    return content[:-2] + len(b"note").to_bytes(2, "little") + b"note"


def with_gap(content):
    """Put bytes between the last file and the directory, whose place is corrected."""
    at = int.from_bytes(content[-6:-2], "little")
    moved = content[:at] + b"hidden" + content[at:]
    return moved[:-6] + (at + 6).to_bytes(4, "little") + moved[-2:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: b"#!/bin/sh\n" + content, "10 bytes before the first file"),
        (lambda content: content + b"more" * 30, "120 bytes at the end"),
        (with_comment, "4 bytes at the end"),
        (with_gap, "6 bytes behind bundle/reports/01/run.json"),
        (lambda content: content + b"\0", "1 byte at the end"),
    ],
)
def test_bytes_of_a_zip_file_that_belong_to_no_file_are_told(folder, tmp_path, change, said):
    path = tmp_path / "bundle.zip"
    zip_folder(folder, path, "bundle")
    assert verify(path).differences == ()
    path.write_bytes(change(path.read_bytes()))
    [told] = verify(path).differences
    assert told == f"the zip file: {said}, of no file in the bundle"
    assert alone(folder, str(path))[0] == 1


@pytest.mark.parametrize(
    ("field", "content", "said"),
    [
        ("comment", "台账".encode(), "6 bytes beside bundle/data.csv"),
        ("extra", struct.pack("<HH5s", 0xCAFE, 5, b"books"), "18 bytes beside bundle/data.csv"),
        ("extra", struct.pack("<HH99s", 0x5455, 99, b"time"), "206 bytes beside bundle/data.csv"),
        ("extra", struct.pack("<HHBi", 0x5455, 5, 1, 0), None),  # a time, as Info-ZIP writes it
    ],
)
def test_what_is_hidden_beside_a_file_is_told(folder, tmp_path, field, content, said):
    (folder / "data.csv").write_text("1\n", "utf-8")
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as file:
        for name in sorted(p for p in folder.rglob("*") if p.is_file()):
            mode = 0o755 if name.name == "run" else 0o644
            inside = entry(f"bundle/{name.relative_to(folder).as_posix()}", stat.S_IFREG | mode)
            if name.name == "data.csv":
                setattr(inside, field, content)
            file.writestr(inside, name.read_bytes())
    told = [line for line in verify(path).differences if line.startswith("the zip file")]
    assert {line.partition(": ")[2].partition(",")[0] for line in told} == {said} - {None}


def test_a_zip_file_that_was_written_as_a_stream_is_sound(folder, tmp_path):
    """Its entries have their sizes behind them, where other programs pack so."""
    path = tmp_path / "bundle.zip"
    with path.open("wb") as out, zipfile.ZipFile(Unseekable(out), "w") as file:
        for name in sorted(p for p in folder.rglob("*") if p.is_file()):
            mode = 0o755 if name.name == "run" else 0o644
            inside = f"bundle/{name.relative_to(folder).as_posix()}"
            file.writestr(entry(inside, stat.S_IFREG | mode), name.read_bytes())
    assert verify(path).differences == ()


class Unseekable:
    """A file that cannot go back, as a pipe."""

    def __init__(self, out):
        self.write, self.flush = out.write, out.flush


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not a manifest\n", b"\xff\xfe\0\0"])
def test_a_manifest_that_names_nothing_is_one_sentence(folder, tmp_path, content):
    (folder / "MANIFEST.sha256").write_bytes(content)
    zip_folder(folder, tmp_path / "b.zip", "bundle")
    for place in (folder, tmp_path / "b.zip"):
        [said] = verify(place).differences
        assert said.startswith("MANIFEST.sha256: is empty or names no file")
    code, lines = alone(folder)
    assert (code, lines[1]) == (1, "0 files in the manifest, 1 differs")
