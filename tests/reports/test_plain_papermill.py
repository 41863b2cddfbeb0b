"""Every notebook, as it stands, by papermill alone and by nbclient alone, from another folder."""

import json
import os
import subprocess
import sys
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


# calls papermill's command for each line of arguments, and says what each raised
PROGRAM = """
import json, sys, traceback
from papermill.cli import papermill
for line in sys.stdin:
    said = ""
    try:
        papermill.main(json.loads(line), standalone_mode=False)
    except Exception:
        said = traceback.format_exc()
    print(json.dumps(said), flush=True)
"""


def papermill(folder, *calls):
    """Call the command; the kernel's working directory is not the notebook's.

    Each call is a notebook and its arguments; what comes back is an error, and the notebook made.
    """
    environment = os.environ | {"JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter")}
    environment.pop("LIANJIAN_ROOT", None)
    made = [folder / f"{number}-{source.name}" for number, (source, *_) in enumerate(calls)]
    lines = [
        json.dumps([str(source), str(out), "--no-progress-bar", *arguments])
        for (source, *arguments), out in zip(calls, made, strict=True)
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=folder, env=environment, input="\n".join(lines),
        capture_output=True, text=True, timeout=1800, check=True,
    )  # fmt: skip
    return list(zip(map(json.loads, done.stdout.splitlines()), made, strict=True))


@pytest.fixture(scope="module")
def whole(built, tmp_path_factory):
    """Run each notebook once."""
    calls = [(path, *FEWER.get(stem, [])) for stem, path in NOTEBOOKS.items()]
    made = papermill(tmp_path_factory.mktemp("elsewhere"), *calls)
    return dict(zip(NOTEBOOKS, made, strict=True))


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_papermill_alone_runs_it_to_its_end(whole, stem):
    error, out = whole[stem]
    assert not error
    cells = [c for c in json.loads(out.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells if "".join(cell["source"]).strip())
    assert any(output["output_type"] == "display_data" for c in cells for output in c["outputs"])


def test_a_code_that_papermill_made_a_number_of_is_the_code(whole):
    text = whole["09-county-brief"][1].read_text("utf-8")
    assert 'county = \\"sim1\\"' in text
    assert "甲县" in text


def test_what_papermill_lets_pass_is_refused(built, tmp_path):
    brief = NOTEBOOKS["09-county-brief"]
    (misspelt, _), (of_text, _) = papermill(
        tmp_path, (brief, "-p", "countri", "sim1"), (brief, "-y", "{year: last}")
    )
    assert "Did you mean county?" in misspelt
    assert "parameter 'year' cannot be 'last'; it takes int" in of_text


# of the others, whose cells papermill leaves as they stand, it is what papermill calls
@pytest.mark.parametrize("stem", FEWER)
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
