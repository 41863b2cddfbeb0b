"""The locks, what installs them, and which of them each target of make needs."""

import csv
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.markers import Marker

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "locks"
FILES = sorted(LOCKS.glob("*.txt"))
GROUPS = {path.stem for path in FILES} - {"installer"}
PIN = re.compile(r"([a-z0-9._-]+)==([^\s;]+)(?: ; (.+?))? \\\n((?: +--hash=\S+(?: \\)?\n)+)")


def program(name):
    """Give a program of ``tools`` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


install = program("install")


def pins(path):
    """Return names and markers of a lock with versions and hashes; nothing else may stand in it."""
    text = path.read_text("utf-8")
    found = PIN.findall(text)
    assert PIN.sub("", text) == "", "a line that is no pinned package with hashes"
    return {(name, marker): (version, hashes.split()) for name, version, marker, hashes in found}


def meant(path):
    """Return the packages that are meant for this Python."""
    return {
        name for name, marker in pins(path) if not marker or Marker(marker).evaluate({"extra": ""})
    }


def test_there_is_a_lock_for_each_group_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = set(project["project"]["optional-dependencies"]) | set(project["dependency-groups"])
    assert (named - {"build"}) | {"core", "all"} == GROUPS


@pytest.mark.parametrize("lock", FILES, ids=lambda path: path.stem)
def test_every_package_is_pinned_by_hash_and_no_address_stands_in_a_lock(lock):
    held = pins(lock)
    assert held
    for _, hashes in held.values():
        assert all(
            re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", part) for part in hashes if part != "\\"
        )
    assert "://" not in lock.read_text("utf-8")


def test_all_groups_agree_on_versions_and_hashes():
    whole = {}
    for (name, _), (version, hashes) in pins(LOCKS / "all.txt").items():
        whole[name, version] = sorted(set(hashes) - {"\\"})
    for group in GROUPS:
        for (name, _), (version, hashes) in pins(LOCKS / f"{group}.txt").items():
            assert whole[name, version] == sorted(set(hashes) - {"\\"}), (group, name)


def test_every_group_has_the_core_inside_and_all_has_every_group():
    core, whole = meant(LOCKS / "core.txt"), meant(LOCKS / "all.txt")
    for group in GROUPS:
        assert core <= meant(LOCKS / f"{group}.txt") <= whole, group
        # so that what installs everything has nothing left to install for another target
        assert install._pins("core") <= install._pins(group) <= install._pins("all"), group
    assert not install._pins("lab") <= install._pins("pdf")


def test_what_no_report_needs_is_not_in_the_core():
    heavy = {
        "typst",
        "pypandoc-binary",
        "distributed",
        "jupyterlab",
        "playwright",
        "sphinx",
        "ruff",
    }
    assert heavy <= meant(LOCKS / "all.txt")
    assert not heavy & meant(LOCKS / "core.txt")


@pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info[:2] != (3, 11),
    reason="the table was counted on Linux with Python 3.11",
)
def test_the_table_of_sizes_counts_what_is_in_the_locks():
    with (LOCKS / "sizes.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["group"]: row for row in csv.DictReader(stream)}
    assert set(rows) == GROUPS
    for group, row in rows.items():
        assert int(row["packages"]) == len(meant(LOCKS / f"{group}.txt")), group
    assert int(rows["core"]["megabytes"]) <= 700  # uv goes, bytecode comes: 800 in all


def test_what_pip_is_told_reaches_uv():
    settings = (
        ":env:.index-url='https://own.example/simple'\n"
        "global.index-url='https://mirror.example/simple'\n"
        "global.extra-index-url='file:///a/simple\\nfile:///b/simple'\n"
        "global.trusted-host='mirror.example own.example'\n"
        "global.find-links='/wheels /more'\n"
        "install.timeout='90'\n"
        "global.constraint='/c.txt'\n"
        "download.index-url='https://other.example/simple'\n"
    )
    assert install.handed_on(settings, {}) == {
        "UV_DEFAULT_INDEX": "https://own.example/simple",
        "UV_INDEX": "file:///a/simple file:///b/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "mirror.example own.example",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_HTTP_TIMEOUT": "90",
    }
    own = {"UV_DEFAULT_INDEX": "https://mine.example"}
    assert "UV_DEFAULT_INDEX" not in install.handed_on(settings, own)
    assert install.handed_on("", {}) == {}


TARGETS = {
    "reports": "core",
    "bench": "core",
    "pdf": "pdf",
    "lab": "lab",
    "cluster": "cluster",
    "docs": "docs",
    "check": "dev",
    "test": "all",
}


def make(folder, *words, **more):
    """Run make in a folder, with a Python that only says what it is asked to run."""
    command = ["make", *words, f"PYTHON={folder / 'python'}", "BIN=bin"]
    return subprocess.run(
        command, cwd=folder, env=os.environ | more, capture_output=True, text=True, check=False
    )


@pytest.fixture
def house(tmp_path):
    """A folder with the Makefile and the locks, a Python and programs that do nothing."""
    shutil.copytree(LOCKS, tmp_path / "locks")
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    for name in ("python", *(f"bin/{each}" for each in (
        "python", "jupyter", "ruff", "mypy", "lint-imports", "nbstripout", "sphinx-build",
    ))):  # fmt: skip
        path = tmp_path / name
        path.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "$0" "$@" >> asked\n', "utf-8")
        path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("target", "group"), TARGETS.items())
def test_each_target_installs_the_group_that_it_needs(house, target, group):
    done = make(house, target)
    assert done.returncode == 0, done.stderr
    first = (house / "asked").read_text("utf-8").splitlines()[0].split()
    assert first[1:3] == ["tools/install.py", group]
    assert {install.group_of(Path(stamp)) for stamp in first[3:]} == GROUPS


def test_an_environment_names_its_project_in_ascii(tmp_path, monkeypatch):
    root = tmp_path / "我的 项目"
    packages = root / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "analysis.pth").write_text(f"{root}\n", "utf-8")
    monkeypatch.setattr(install, "ROOT", root)
    monkeypatch.setattr(install, "VENV", root / ".venv")
    install._point_from_inside()
    named = (packages / "analysis.pth").read_text("ascii").strip()
    assert (packages / named).resolve() == root.resolve()


def test_every_target_that_installs_is_looked_at():
    text = (ROOT / "Makefile").read_text("utf-8")
    found = dict(re.findall(r"^([a-z]+): \$\(call installed,([a-z]+)\)", text, re.MULTILINE))
    assert found == TARGETS


def test_what_is_installed_is_not_installed_again_until_its_lock_or_folder_changes(house):
    make(house, "reports")
    stamps = (house / "asked").read_text("utf-8").splitlines()[0].split()[3:]
    (house / ".venv").mkdir()
    for stamp in stamps:
        (house / stamp).touch()
    (house / "asked").unlink()
    assert make(house, "reports").returncode == 0
    assert "install.py" not in (house / "asked").read_text("utf-8")

    with (house / "locks" / "pdf.txt").open("a") as stream:
        stream.write("# another\n")
    (house / "asked").unlink()
    make(house, "reports")
    make(house, "pdf")
    asked = (house / "asked").read_text("utf-8")
    assert "install.py core" not in asked
    assert "install.py pdf" in asked

    moved = house.with_name("moved")
    house.rename(moved)
    make(moved, "reports")
    assert "install.py core" in (moved / "asked").read_text("utf-8")


def test_an_environment_that_holds_another_lock_is_made_anew_with_all_it_had(tmp_path, monkeypatch):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()
    monkeypatch.setattr(install, "VENV", tmp_path)
    monkeypatch.setattr(install, "PYTHON", python)
    now = [tmp_path / ".ready-core-1", tmp_path / ".ready-lab-2", tmp_path / ".ready-pdf-3"]
    assert install.needed("core", now) == (["core"], True)  # whose environment is it?
    now[0].touch()
    assert install.needed("lab", now) == (["lab"], False)
    (tmp_path / ".ready-pdf-9").touch()
    assert install.needed("lab", now) == (["core", "lab", "pdf"], True)
    (tmp_path / ".ready-gone-9").touch()
    assert install.needed("lab", now) == (["core", "lab", "pdf"], True)
    python.unlink()
    assert install.needed("core", now[:1]) == (["core", "pdf"], True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment to copy, as making one takes seconds."""
    folder = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch, environment):
    """A project with one package in its locks, which is looked for in a folder alone."""
    (tmp_path / "locks").mkdir()
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install.py", tmp_path / "tools")
    (tmp_path / "locks" / "sizes.csv").write_text("group,packages,megabytes\ncore,1,2\n", "utf-8")
    shutil.copytree(environment, tmp_path / ".venv", symlinks=True)
    (tmp_path / ".venv" / ".ready-other-1").touch()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


def run_install(place):
    stamps = [".venv/.ready-core-1", ".venv/.ready-other-1"]
    command = [sys.executable, "tools/install.py", "core", *stamps]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)


def wheel(place, name, **content):
    """Put a wheel into the folder, and give the line of a lock for it."""
    path = place / f"{name}-1.0-py3-none-any.whl"
    facts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    facts = {f"{name}-1.0.dist-info/{file}": text for file, text in facts.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (content | facts).items():
            entry = zipfile.ZipInfo(file)
            entry.external_attr = 0o100755 << 16  # a regular file to run
            archive.writestr(entry, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def lock(place, group, text):
    (place / "locks" / f"{group}.txt").write_text(text, "utf-8")


def test_a_package_with_another_hash_stops_it_and_leaves_no_stamp(place):
    line = wheel(place, "small", **{"small.py": "x = 1\n"})
    lock(place, "installer", "uv==1.0 --hash=sha256:" + "0" * 64)
    for wrong in (f"small==1.0 --hash=sha256:{'0' * 64}\n", "small==1.0\n"):
        lock(place, "core", wrong)
        done = run_install(place)
        assert done.returncode == 1
        assert "1 packages (core), 2 MB on disk" in done.stdout
        assert "with pip" in done.stdout  # uv could not be had
        assert "The packages of core could not be installed" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list((place / ".venv").glob(".ready-core-*"))
    lock(place, "core", line)
    done = run_install(place)
    assert list((place / ".venv").glob("lib/*/site-packages/small.py"))
    # there is no project in this folder to install: said, and not stamped
    assert "The project could not be installed" in done.stderr
    assert not list((place / ".venv").glob(".ready-core-*"))


@pytest.mark.parametrize("works", [True, False])
def test_uv_is_fetched_by_hash_told_of_the_mirror_and_gone_afterwards(place, works, monkeypatch):
    program = f"""#!/bin/sh
echo "uv $UV_DEFAULT_INDEX $UV_FIND_LINKS $@" >> {place}/asked
exit {0 if works else 2}
"""
    lock(place, "installer", wheel(place, "uv", **{"uv-1.0.data/scripts/uv": program}))
    lock(place, "core", wheel(place, "small", **{"small.py": "x = 1\n"}))
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    done = run_install(place)
    [asked] = (place / "asked").read_text("utf-8").splitlines()
    assert asked.startswith(f"uv https://mirror.example/simple {place} pip install --python ")
    assert asked.endswith(f"--require-hashes -r {place}/locks/core.txt")
    assert ("with pip" in done.stdout) == (not works)
    assert bool(list((place / ".venv").glob("lib/*/site-packages/small.py"))) == (not works)
    assert not list((place / ".venv").rglob("uv*"))
    for path in (place / ".venv").rglob("*.cfg"):
        assert "mirror.example" not in path.read_text("utf-8")
