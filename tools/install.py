"""Install the locked packages of a group, and this project, into ``.venv``; needs Python alone.

    python tools/install.py GROUP STAMP ...

A stamp is an empty file in ``.venv`` whose name, ``.ready-GROUP-NUMBER``, says which lock in which
folder is installed; ``make`` names those that hold now. An environment with another stamp, or
with none, is made anew with every group that it had: nothing that was at hand goes missing.

uv installs, as it takes seconds where pip takes minutes; it is fetched by hash for the while, and
where it cannot be had or fails, pip does the same from the same file. uv does not read how pip is
set up, so a mirror, a proxy or a certificate set there is handed on, and written nowhere.
"""

import ast
import contextlib
import csv
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCKS = ROOT / "locks"
SPARE = 1.2  # of the size of the packages: bytecode is written beside them

# what of pip's settings uv has under another name
HANDED_ON = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
_SETTING = re.compile(r"(:env:|global|install)\.([a-z-]+)=(.+)")
_STRENGTH = ("global", "install", ":env:")  # the later wins, as it does in pip


def handed_on(settings: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to tell uv of the settings that ``pip config list`` printed.

    What the environment says to uv itself stays.

    >>> handed_on("global.index-url='https://mirror.example/simple'", {})["UV_DEFAULT_INDEX"]
    'https://mirror.example/simple'
    """
    found = [match.groups() for match in map(_SETTING.fullmatch, settings.splitlines()) if match]
    told: dict[str, str] = {}
    for _, name, value in sorted(found, key=lambda each: _STRENGTH.index(each[0])):
        if name in HANDED_ON:
            parts = str(ast.literal_eval(value)).split()
            told[HANDED_ON[name]] = (",", " ")[name != "find-links"].join(parts)
    if "UV_INDEX" in told:  # as pip does: any index may hold the version; the hash decides
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in told.items() if name not in environment}


def group_of(stamp: Path) -> str:
    """Return the group that a stamp is of; those from before the groups are of everything."""
    return stamp.name.split("-")[1] if stamp.name.count("-") > 1 else "all"


def needed(group: str, stamps: Sequence[Path]) -> tuple[list[str], bool]:
    """Return the groups to install, and whether into a new environment."""
    there = list(VENV.glob(".ready-*"))
    if PYTHON.is_file() and there and set(there) <= set(stamps):
        return [group], False
    return sorted(
        {group, *map(group_of, there)} & {path.stem for path in LOCKS.glob("*.txt")}
    ), True


def main(group: str, stamps: Sequence[Path]) -> None:
    """Install a group, and touch the stamps of all that are then complete."""
    groups, anew = needed(group, stamps)
    with (LOCKS / "sizes.csv").open(encoding="utf-8", newline="") as stream:
        sizes = {row["group"]: row for row in csv.DictReader(stream)}
    for name in groups:
        print(
            f"Installing into .venv, once: {sizes[name]['packages']} packages ({name}), "
            f"{sizes[name]['megabytes']} MB on disk",
            flush=True,
        )
    if anew:
        largest = max(int(sizes[name]["megabytes"]) for name in groups)
        shutil.rmtree(VENV, ignore_errors=True)
        free = shutil.disk_usage(ROOT).free / 1e6
        if free < largest * SPARE:
            sys.exit(f"{largest * SPARE:.0f} MB are needed in {ROOT}; {free:.0f} MB are free.")
        _run([sys.executable, "-m", "venv", VENV], "A virtual environment could not be made.")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check"]
    with _uv(pip) as (uv, environment):
        for name in groups:
            lock = ["--require-hashes", "-r", LOCKS / f"{name}.txt"]
            if not (uv and _works([*uv, *lock], environment)):
                print("Installing with pip, which takes some minutes", flush=True)
                _run([*pip, "install", *lock], f"The packages of {name} could not be installed.")
    ours = ["install", "-qq", "--no-deps", "--no-build-isolation", "-e", ROOT]
    _run([*pip, *ours], "The project could not be installed into its environment.")
    _point_from_inside()
    held = set().union(*(_pins(name) for name in groups))
    for stamp in stamps:
        if _pins(group_of(stamp)) <= held:
            stamp.touch()


def _point_from_inside() -> None:
    """Name the project's folder by the way from the packages, which is in ASCII.

    Python reads this file in the encoding of the locale: under ``LC_ALL=C``, or in GBK, it
    would not start, or not find a project whose folder has a Chinese name.
    """
    for named in VENV.glob("[Ll]ib*/**/site-packages/analysis.pth"):
        named.write_text(f"{os.path.relpath(ROOT, named.parent)}\n", "ascii")


def _pins(group: str) -> set[str]:
    """Return the packages of a lock, each with its version."""
    lines = (LOCKS / f"{group}.txt").read_text("utf-8").splitlines()
    return {line.split()[0] for line in lines if line[:1].isalnum()}


@contextlib.contextmanager
def _uv(pip: Sequence[str | Path]) -> Iterator[tuple[list[str | Path], dict[str, str]]]:
    """Fetch uv into a folder that goes again (it is 38 MB); nothing where it cannot be had."""
    with tempfile.TemporaryDirectory() as place:
        lock = ["--require-hashes", "-r", LOCKS / "installer.txt"]
        fetched = _works([*pip, "install", "-qq", "--target", place, *lock], {})
        found = shutil.which("uv", path=str(Path(place) / BIN.name)) if fetched else None
        settings = subprocess.run(
            [*pip, "config", "list"], capture_output=True, text=True, check=False
        )
        told = handed_on(settings.stdout, os.environ)
        yield [found, "pip", "install", "--python", PYTHON] if found else [], told


def _works(command: Sequence[str | Path], more: Mapping[str, str]) -> bool:
    return not subprocess.run(command, env=os.environ | more, cwd=ROOT, check=False).returncode


def _run(command: Sequence[str | Path], fault: str) -> None:
    if not _works(command, {}):
        sys.exit(
            f"{fault} What was said stands above; nothing else was changed. Call make again once "
            "it is mended. Is the network slow, name a mirror: pip config set global.index-url ..."
        )


if __name__ == "__main__":
    main(sys.argv[1], [Path(name).absolute() for name in sys.argv[2:]])
