"""Which source a page was made from, in git's own names, and whether git has it.

A git object id names a content: it is the same in every clone and in a copy without ``.git``. With
``git log --find-object=ID`` its commit is found. Pages therefore print ids, which depend on
nothing but the files; whether they were committed depends on the day, and is a fact beside them.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from analysis import paths
from analysis.reports.freshness import _stats

PACKAGE = _stats.PACKAGE
_LEFT_OUT = (".", "__pycache__")  # beginnings of names that git ignores here
_FILE, _FOLDER = b"100644", b"40000"


@dataclass(frozen=True)
class Source:
    """The source of one page, by git's ids, which are 40 hex digits."""

    notebook: str  # of its file
    code: str  # of the folder ``analysis``
    commit: str = ""  # that is checked out; empty where git does not tell
    differs: tuple[str, ...] = ()  # files that the commit does not hold as they are
    trouble: str = ""  # why git does not tell
    is_own: bool = False  # a person's own notebook, in work/, which git ignores


def of(notebook: Path) -> Source:
    """Return the source of a page made from a notebook."""
    return _of(notebook, _blob_id(notebook.read_bytes()), paths.root())


@lru_cache(maxsize=256)
def _of(notebook: Path, notebook_id: str, root: Path) -> Source:
    # asked anew whenever the notebook's bytes change; the code is what this process has loaded
    place, own = notebook.resolve(), notebook.is_relative_to(paths.work())
    if own:
        told = ask_git(root, ["analysis", paths.LOCK])
    elif place.is_relative_to(root):
        name = place.relative_to(root).as_posix()
        told = ask_git(root, [name, "analysis", paths.LOCK], [name])
    else:
        told = "", (), "the notebook lies outside the project"
    return Source(notebook_id, code_id(), *told, own)


def _blob_id(content: bytes) -> str:
    """Return git's id of a file's content."""
    return _id(b"blob", content)


@cache
def code_id() -> str:
    """Return git's id of the folder ``analysis`` that this process runs."""
    return _tree(PACKAGE).hex()


def _tree(folder: Path) -> bytes:
    entries = []
    for path in _members(folder):
        is_folder = path.is_dir()
        object_id = _tree(path) if is_folder else bytes.fromhex(_blob_id(path.read_bytes()))
        # git sorts a folder as if its name ended in a slash
        order = path.name.encode() + (b"/" if is_folder else b"")
        mode = _FOLDER if is_folder else _FILE
        entries.append((order, mode + b" " + path.name.encode() + b"\0" + object_id))
    return bytes.fromhex(_id(b"tree", b"".join(entry for _, entry in sorted(entries))))


def _members(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(_LEFT_OUT) or path.suffix == ".pyc":
            continue
        if not path.is_dir() or any(_members(path)):  # git knows no empty folder
            yield path


def _id(kind: bytes, content: bytes) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    digest.update(kind + b" " + str(len(content)).encode() + b"\0" + content)
    return digest.hexdigest()


def ask_git(
    root: Path, source: Sequence[str], needed: Sequence[str] = ()
) -> tuple[str, tuple[str, ...], str]:
    """Ask git for the commit, what of some files differs from it, and why it tells neither."""
    try:
        top = _git(root, "rev-parse", "--show-toplevel").strip()
        if Path(top).resolve() != root:
            return "", (), "not a git checkout"  # a copy inside some other checkout
        commit = _git(root, "rev-parse", "HEAD").strip()
        known = {name for name in needed if _git(root, "ls-files", "-z", "--", name)}
        how = ("--porcelain", "-z", "--no-renames", "--untracked-files=all")
        changed = _git(root, "status", *how, "--", *source)
    except FileNotFoundError:
        return "", (), "git is not installed"
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [""]
        words = lines[0].removeprefix("fatal: ")
        none = "not a git repository" in words
        return "", (), "not a git checkout" if none else f"git says: {words}"
    differs = {entry[3:] for entry in changed.split("\0") if entry}
    differs.update(name for name in needed if name not in known)
    return commit, tuple(sorted(differs)), ""


def _git(root: Path, *command: str) -> str:
    # a hook that runs us sets GIT_DIR and the like for its own repository
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(  # noqa: S603  (fixed words; file names come after --)
        ["git", "-C", str(root), *command],  # noqa: S607  (whichever git the user has)
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=True,
        env={**inherited, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
    )
    return done.stdout
