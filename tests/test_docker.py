"""The Dockerfile line by line, as no builder is at hand: what it copies, runs and leaves out."""

import fnmatch
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TAKEN = {"FROM", "ARG", "ENV", "RUN", "USER", "WORKDIR", "COPY", "EXPOSE", "CMD"}
IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def instructions():
    """Give each instruction with its arguments, comments left out and long lines joined."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def of(kind):
    return [rest for name, rest in instructions() if name == kind]


def copied():
    """Give the sources and the target of each COPY."""
    words = [[w for w in rest.split() if not w.startswith("--")] for rest in of("COPY")]
    return [(sources, target) for *sources, target in words]


def test_every_instruction_is_one_that_is_looked_at_here():
    names = [name for name, _ in instructions()]
    assert set(names) == TAKEN
    assert names[0] == "FROM"
    assert names.count("FROM") == names.count("CMD") == 1
    assert names[-1] == "CMD"


def test_the_image_is_named_with_a_python_that_the_project_takes():
    [image] = of("FROM")
    version = re.fullmatch(r"python:3\.(\d+)-slim-[a-z]+", image)
    assert version
    assert 11 <= int(version[1]) <= 14


def test_what_is_copied_is_there_and_is_sent_to_the_builder():
    for sources, target in copied():
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not any(fnmatch.fnmatch(source, pattern) for pattern in IGNORED), source
        assert len(sources) == 1 or target.endswith("/")
        assert not target.startswith("/")  # below WORKDIR


def test_ledgers_decisions_and_what_is_made_stay_out():
    assert {".git", ".venv", "data/raw/*/", "data/decisions/*/", "reports/*"} <= set(IGNORED)
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    made = [line.strip("/") for line in ignored if line.startswith("/")]
    left_out = {pattern.strip("/") for pattern in IGNORED}
    assert set(made) <= left_out | {"*"}, set(made) - left_out


@pytest.mark.parametrize("command", of("RUN"))
def test_every_command_is_one_of_the_shell_and_names_what_there_is(command):
    subprocess.run(["sh", "-nc", command], check=True)
    if command.startswith("make"):
        done = subprocess.run(
            ["make", "-n", *command.split()[1:]], cwd=ROOT, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        group = re.search(r"GROUP=(\w+)", command)[1]
        assert (ROOT / "locks" / f"{group}.txt").is_file()
    elif command.startswith("lianjian"):
        from analysis import cli

        assert cli._parser().parse_args(command.split()[1:]).action
    else:
        assert command.split()[0] in {"apt-get", "useradd"}


def test_the_files_that_are_copied_first_are_enough_to_install_from(tmp_path):
    place = instructions().index(("RUN", "make setup GROUP=lab"))
    before = [rest for name, rest in instructions()[:place] if name == "COPY"]
    for sources, target in copied()[: len(before)]:
        for source in sources:
            to = tmp_path / (source if target == "./" else target)
            to.parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile
            copy(ROOT / source, to)
    said = subprocess.run(
        ["make", "-n", "setup", "GROUP=lab"], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "tools/install.py" in said.stdout
    program = (
        "import flit_core.buildapi as b; print(b.prepare_metadata_for_build_editable('.made'))"
    )
    (tmp_path / ".made").mkdir()
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_nobody_works_as_root_and_lab_is_what_starts():
    assert of("USER")[-1] == "${NB_USER}"
    assert {"NB_USER=lianjian", "NB_UID=1000"} == set(of("ARG"))
    [start] = of("CMD")
    assert json.loads(start)[:2] == ["jupyter", "lab"]
    assert "--allow-root" not in start
    assert [rest for rest in of("ENV") if "/.venv/bin:${PATH}" in rest]
    [settings] = [rest.split() for rest in of("ENV") if "JUPYTER" in rest]
    place = "${HOME}/project/lab"  # as in the Makefile
    assert settings == [f"JUPYTER_CONFIG_PATH={place}", f"JUPYTER_PATH={place}"]
    assert (ROOT / "lab" / "jupyter_server_config.py").is_file()
    [port] = of("EXPOSE")
    assert int(port) == 8888


def test_the_development_container_is_of_this_file_and_keeps_its_environment():
    content = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    folder = ROOT / ".devcontainer"
    assert (folder / content["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    [place] = of("WORKDIR")
    assert content["workspaceFolder"] == place.replace("${HOME}", "/workspaces")
    assert content["mounts"][0].split(",")[1] == f"target={content['workspaceFolder']}/.venv"
    assert content["postCreateCommand"] in of("RUN")


def test_no_address_stands_in_it():
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert "://" not in text
    assert "index" not in text
