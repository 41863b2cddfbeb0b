"""Every notebook, as it stands, by papermill alone and by nbclient alone, from another folder."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbclient
import nbformat
import pytest

from analysis import paths

NOTEBOOKS = {path.stem: path for path in sorted(paths.notebooks().glob("*.ipynb"))}
# each run is a real one; fewer draws than its own
FEWER = {
    "05-alliance-effect": ["-p", "draws", "39", "-p", "bootstrap_draws", "39"],
    "06-bands-and-inequality": ["-p", "draws", "99"],
    "07-robustness": ["-p", "draws", "19", "-p", "joint_draws", "3", "-r", "mbar", "0.5 1"],
    "08-power": ["-p", "draws", "19", "-p", "worlds", "1"],
    "09-county-brief": ["-p", "county", "sim1", "-p", "weak_wan", "5"],
}


def papermill(folder, source, *arguments):
    """Call the command; the kernel's working directory is not the notebook's."""
    out = folder / f"{source.stem}.ipynb"
    command = [sys.executable, "-m", "papermill", source, out, "--no-progress-bar", *arguments]
    environment = os.environ | {"JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter")}
    environment.pop("LIANJIAN_ROOT", None)
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
        timeout=900, check=False,
    )  # fmt: skip
    return done, out


@pytest.fixture(scope="module")
def whole(built, tmp_path_factory):
    """Run each notebook once, two at a time."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NOTEBOOKS, pool.map(
            lambda stem: papermill(folder, NOTEBOOKS[stem], *FEWER.get(stem, [])), NOTEBOOKS
        ), strict=True))  # fmt: skip


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_papermill_alone_runs_it_to_its_end(whole, stem):
    done, out = whole[stem]
    assert done.returncode == 0, done.stderr[-2000:]
    cells = [c for c in json.loads(out.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells if "".join(cell["source"]).strip())
    assert any(output["output_type"] == "display_data" for c in cells for output in c["outputs"])


def test_a_code_that_papermill_made_a_number_of_is_the_code(whole):
    text = whole["09-county-brief"][1].read_text("utf-8")
    assert 'county = \\"sim1\\"' in text
    assert "甲县" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "countri", "sim1"], "Did you mean 'county'?"),
        (["-y", "{year: last}"], "parameter 'year' cannot be 'last'; it takes int"),
    ],
)
def test_what_papermill_lets_pass_is_refused(built, tmp_path, arguments, words):
    done, _ = papermill(tmp_path, NOTEBOOKS["09-county-brief"], *arguments)
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_nbclient_alone_reads_its_parameters_and_data(built, tmp_path, monkeypatch, stem):
    monkeypatch.delenv("LIANJIAN_ROOT", raising=False)
    node = nbformat.read(NOTEBOOKS[stem], as_version=4)
    # what it imports beside this, papermill has shown above
    last = next(i for i, c in enumerate(node.cells) if ".parameters()" in c.source)
    lines = node.cells[last].source.splitlines()
    needed = [line for line in lines if ".parameters()" in line or ".load(" in line]
    assert len(needed) > 1
    told = ["import os", "import analysis", "import analysis as lj", *needed, "print(os.getcwd())"]
    node.cells = [*node.cells[:last], nbformat.v4.new_code_cell("\n".join(told))]
    nbclient.execute(node, cwd=str(tmp_path))
    assert str(tmp_path) in str(node.cells[-1].outputs)
