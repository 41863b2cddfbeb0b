"""Write the locks: one of all packages, one file a group cut from it, and what each group takes.

    python tools/lock.py [--keep]

The groups are the extras and dependency groups of ``pyproject.toml``; ``core`` is what stands in no
group, ``all`` is everything. Each file is whole, so that a target installs one. Without ``--keep``
all versions are renewed. The files hold hashes and no address of an index: whoever installs names
the mirror.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
SIZES = LOCKS / "sizes.csv"
INSTALLER = "installer"
BUILD = "build"  # the dependency group with what the editable install needs; in every file
_FLAGS = (
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"),
    *("--no-emit-index-url", "--no-annotate", "--no-header"),
)


def groups() -> dict[str, list[str]]:
    """Return each group with the flags that choose its packages."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = list(project["project"]["optional-dependencies"])
    more = [name for name in project["dependency-groups"] if name != BUILD]
    chosen = {
        "core": [],
        **{name: ["--extra", name] for name in extras},
        **{name: ["--group", name] for name in more},
        "all": ["--all-extras", *(flag for name in more for flag in ("--group", name))],
    }
    return {name: [*flags, "--group", BUILD] for name, flags in chosen.items()}


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description="Write the locks of every group.")
    parser.add_argument("--keep", action="store_true", help="keep the versions that there are")
    renew = [] if parser.parse_args().keep else ["--upgrade"]
    LOCKS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", place / "uv", "uv"]
        _run(pip)
        uv = place / "uv" / "bin" / "uv"
        (place / "installer.in").write_text("uv\n", "utf-8")
        _compile(uv, place / "installer.in", INSTALLER, renew)
        chosen = groups()
        _compile(uv, ROOT / "pyproject.toml", "all", [*chosen["all"], *renew])
        for name, flags in chosen.items():
            if name != "all":
                cut = ["--constraint", LOCKS / "all.txt", "--upgrade"]
                _compile(uv, ROOT / "pyproject.toml", name, [*flags, *cut])
        rows = list(_sizes(uv, place, chosen))
    with SIZES.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerows([("group", "packages", "megabytes"), *rows])
    for name, packages, megabytes in rows:
        print(f"{name:8} {packages:4} packages {megabytes:5} MB")


def _compile(uv: Path, wanted: Path, name: str, flags: list[str | Path]) -> None:
    _run([uv, "pip", "compile", wanted, *_FLAGS, *flags, "-o", LOCKS / f"{name}.txt"])


def _sizes(uv: Path, place: Path, names: Iterator[str]) -> Iterator[tuple[str, int, int]]:
    """Install each group on this machine, and see how many packages and megabytes it is."""
    for name in names:
        folder = place / name
        _run([uv, "venv", "--quiet", "--python", sys.executable, folder])
        lock = ["--require-hashes", "-r", LOCKS / f"{name}.txt"]
        _run([uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *lock])
        files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        packages = len(list(folder.glob("lib/*/site-packages/*.dist-info")))
        yield name, packages, round(sum(path.stat().st_size for path in files) / 1e6)


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
