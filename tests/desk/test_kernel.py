"""The library beyond its own folder: a kernel for every Jupyter of a user, and `pip install .`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from analysis import paths

from .conftest import Session

ROOT = paths.root()


def elsewhere(**more):
    """Give the environment of somebody who never heard of the project."""
    ours = ("LIANJIAN_", "JUPYTER", "PYTHONPATH")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | more


def lianjian(python, *words, folder, **more):
    done = subprocess.run(
        [python, "-m", "analysis", *words], cwd=folder, env=elsewhere(**more),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return done.returncode, said


# ---- a kernel of the user ----


@pytest.fixture
def kernels(tmp_path):
    """Give the folder of a user's kernels, in which ours was written."""
    place = tmp_path / "家" / "jupyter"
    code, said = lianjian(sys.executable, "kernel", folder=tmp_path, JUPYTER_DATA_DIR=str(place))
    assert code == 0
    assert "lianjian" in said
    return place / "kernels"


def test_a_kernel_of_the_user_runs_the_library_anywhere(kernels, tmp_path, built):
    spec = json.loads((kernels / "lianjian" / "kernel.json").read_text("utf-8"))
    assert spec["argv"][0] == sys.executable
    assert spec["env"] == {"LIANJIAN_ROOT": str(ROOT)}
    finder = KernelSpecManager(kernel_dirs=[str(kernels)], ensure_native_kernel=False)
    manager = KernelManager(kernel_name="lianjian", kernel_spec_manager=finder)
    manager.start_kernel(cwd=str(tmp_path), env=elsewhere())
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=300)
        session = Session(client)
        session.right('import analysis as lj\ndata = lj.load("published")')
        assert "published" in session.right("data").html
        assert session.tab('lj.load("pub') == ["published"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_it_is_taken_away_again_and_no_other_is(kernels, tmp_path):
    (kernels / "other").mkdir()
    for said in ("removed", "no kernel"):
        code, told = lianjian(
            sys.executable, "kernel", "--remove", folder=tmp_path,
            JUPYTER_DATA_DIR=str(kernels.parent),
        )  # fmt: skip
        assert (code, said in told) == (0, True), told
    assert [path.name for path in kernels.iterdir()] == ["other"]


# ---- installed, not run from its folder ----


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Give the Python of a fresh environment into which pip installed the project.

    The libraries come from the environment of the tests, whose own link to the project does not.
    """
    place = tmp_path_factory.mktemp("fresh") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.check_output(ask, text=True).strip())
    (packages / "libraries.pth").write_text(str(Path(pytest.__file__).parents[1]), "utf-8")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", packages, ROOT], check=True)
    assert (packages / "analysis" / "__init__.py").is_file()
    return python


def test_without_a_project_it_says_how_to_name_one(installed, tmp_path):
    code, said = lianjian(installed, "why", folder=tmp_path)
    assert code == 2
    assert "LIANJIAN_ROOT" in said


def test_with_a_project_named_data_charts_and_estimates_are_there(installed, tmp_path, built):
    program = """
import analysis as lj
print(lj.__file__)
data = lj.load("simulated")
assert "经营性收入" in data._repr_html_()
chart = lj.figures.composition(lj.indicators.by_source(data.panel))
print(chart.save("图.png").stat().st_size > 10_000)
print(lj.effects.study(data, "operating", draws=19).preferred("clusters").n_units > 1000)
"""
    done = subprocess.run(
        [installed, "-c", program], cwd=tmp_path, env=elsewhere(LIANJIAN_ROOT=str(ROOT)),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where, *good = done.stdout.split()
    assert Path(where).is_relative_to(installed.parents[1])
    assert good == ["True", "True"]


def test_a_project_of_ones_own_is_built_and_run(installed, tmp_path):
    project = tmp_path / "项目"
    shutil.copytree(ROOT / "data" / "raw", project / "data" / "raw",
                    ignore=shutil.ignore_patterns("simulated"))  # fmt: skip
    for name in ("data/processed", "notebooks", "reports", "locks"):
        (project / name).mkdir(parents=True, exist_ok=True)
    for name in ("CITATION.cff", "pyproject.toml", "locks/core.txt"):
        shutil.copyfile(ROOT / name, project / name)
    cells = [
        nbformat.v4.new_markdown_cell("# Figures"),
        nbformat.v4.new_code_cell(
            "import analysis\nfrom analysis.reports import record\n"
            'record("n", len(analysis.load("published").figures), label="Figures")'
        ),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), project / "notebooks" / "11-数.ipynb")
    where = {"folder": tmp_path, "LIANJIAN_ROOT": str(project)}
    assert lianjian(installed, "build", "published", **where)[0] == 0
    code, said = lianjian(installed, "run", **where)
    assert code == 0, said
    assert "1 report published" in said
    assert "55" in (project / "reports" / "11-数" / "numbers.csv").read_text("utf-8")
