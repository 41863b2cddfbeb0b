"""The report engine beside a shell loop of papermill, Snakemake, and its own floor.

    python benchmarks/engine.py [--snakemake /path/to/bin/snakemake] [--whole] [--scale]

Every row runs the same notebooks of this project on the same two cores, in a copy of the project
with its data built. Ours includes rendering, checks and index; the loop and Snakemake only execute.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import psutil

from analysis.reports.run.kernels import environment

ROOT = Path(__file__).resolve().parent.parent
CORES = "2"
ROUNDS = 3
MANY = 300
COUNTIES = tuple(f"sim{number}" for number in range(1, 9))


def clock(command: list[str], root: Path, **more: str) -> tuple[float, float]:
    """Run a command; return seconds and the largest memory of its own process, in MB."""
    environment = {**os.environ, "LIANJIAN_ROOT": str(root), **more}
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    most = [0.0]

    def watch() -> None:
        while process.poll() is None:
            try:
                most[0] = max(most[0], psutil.Process(process.pid).memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                return
            time.sleep(0.1)

    threading.Thread(target=watch, daemon=True).start()
    _, errors = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{command}: exit {process.returncode}\n{errors.decode()[-2000:]}")
    return seconds, most[0]


def ours(root: Path, *selection: str) -> tuple[float, float]:
    """Run reports from nothing to the last page."""
    shutil.rmtree(root / "reports", ignore_errors=True)
    return clock([sys.executable, "-m", "analysis", "run", "--jobs", CORES, *selection], root)


def runs(root: Path, whole: bool) -> list[tuple[str, dict[str, str]]]:
    """Name notebook and parameters of each run."""
    briefs = [("09-county-brief", {"county": code}) for code in COUNTIES]
    others = [(p.stem, {}) for p in sorted((root / "notebooks").glob("0[0-8]-*.ipynb"))]
    return [*others, *briefs] if whole else briefs


def papermill(notebook: str, parameters: dict[str, str], number: int) -> list[str]:
    """Return the papermill command of one run."""
    given = [word for name, value in parameters.items() for word in ("-r", name, value)]
    return [sys.executable, "-m", "papermill", f"notebooks/{notebook}.ipynb", f"out/{number}.ipynb",
            "--cwd", "notebooks", "--no-progress-bar", "-k", "python3", *given]  # fmt: skip


def loop(root: Path, wanted: list[tuple[str, dict[str, str]]]) -> float:
    """Run one papermill command after the other."""
    (root / "out").mkdir(exist_ok=True)
    return sum(clock(papermill(*run, number), root)[0] for number, run in enumerate(wanted))


def snakemake(program: str, root: Path, wanted: list[tuple[str, dict[str, str]]]) -> float:
    """Let Snakemake run the same commands, two at a time."""
    shutil.rmtree(root / "out", ignore_errors=True)
    shutil.rmtree(root / ".snakemake", ignore_errors=True)
    (root / "out").mkdir()
    rules = [f"rule all:\n    input: {[f'out/{n}.ipynb' for n in range(len(wanted))]}\n"]
    rules += [
        f"rule r{n}:\n    output: 'out/{n}.ipynb'\n    shell: {' '.join(papermill(*run, n))!r}\n"
        for n, run in enumerate(wanted)
    ]
    (root / "Snakefile").write_text("\n".join(rules))
    return clock([program, "-j", CORES, "--quiet"], root)[0]


FLOOR = """
import io, json, os, sys, time
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from multiprocessing import get_context
from pathlib import Path
began = time.perf_counter()
import numpy, pandas, pyarrow.parquet, scipy.stats, scipy.optimize, seaborn, matplotlib.backends.backend_svg
import nbformat, IPython.display
import analysis, analysis.figures
from analysis.reports.plan import plan
from analysis.reports.page import publish
from analysis.reports import products, tables
slugs = set(sys.argv[1].split(","))
wanted = [run for run in plan.load() if run.slug in slugs]
def cells(run):
    os.chdir(run.notebook.parent)
    space = {"__name__": "__main__"}
    with redirect_stdout(io.StringIO()):
        for cell in json.loads(run.notebook.read_text())["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), space)
                if "parameters" in cell["metadata"].get("tags", []):
                    space.update(run.parameters)
def page(run):
    content = Path(sys.argv[2], run.slug, "notebook.ipynb").read_bytes()
    publish.publish(nbformat.reads(content.decode(), as_version=4), run, content)
ready = time.perf_counter()
# two copies of this warm process take one run after the other
with ProcessPoolExecutor(2, get_context("fork"), max_tasks_per_child=None) as pool:
    list(pool.map(cells, wanted))
middle = time.perf_counter()
with ProcessPoolExecutor(2, get_context("fork")) as pool:
    list(pool.map(page, wanted))
print(json.dumps([ready - began, middle - ready, time.perf_counter() - middle]))
"""  # noqa: E501


def floor(root: Path, slugs: list[str]) -> tuple[float, float, float]:
    """Run the cells as plain functions in warm processes, then render: imports, cells, pages."""
    done = subprocess.run(
        [sys.executable, "-c", FLOOR, ",".join(slugs), str(root / "reports")], cwd=root, check=True,
        env={**environment(), "LIANJIAN_ROOT": str(root), "MPLBACKEND": "svg"},
        capture_output=True, text=True,
    )  # fmt: skip
    imports, cells, pages = json.loads(done.stdout.splitlines()[-1])
    return imports, cells, pages


def table(rows: list[tuple[str, float]], base: float) -> None:
    """Print seconds and how many times slower than ours each is."""
    for name, seconds in rows:
        print(f"  {name:<60} {seconds:8.2f} s   {seconds / base:5.2f} x ours")


def compare(root: Path, program: str, *, whole: bool) -> None:
    """Compare one set of runs."""
    wanted = runs(root, whole)
    selection = [] if whole else ["09-county-brief"]
    print(f"\n{len(wanted)} runs, {'the whole default plan' if whole else 'the county briefs'}")
    tries, floors, memory = [], [], 0.0
    for _ in range(ROUNDS):  # in turn, so that a noisy minute hits both
        seconds, memory = ours(root, *selection)
        tries.append(seconds)
        slugs = [path.parent.name for path in (root / "reports").glob("*/run.json")]
        floors.append(floor(root, slugs))
    base = min(tries)
    imports, cells, pages = min(floors, key=lambda parts: sum(parts[1:]))
    table(
        [
            (f"lianjian run, from nothing to the last page (best of {ROUNDS})", base),
            (f"floor: cells and pages in warm processes (best of {ROUNDS})", cells + pages),
            ("floor with the imports that warm it", imports + cells + pages),
            ("papermill in a shell loop", loop(root, wanted)),
        ],
        base,
    )
    if program:
        table([("snakemake -j2", snakemake(program, root, wanted))], base)
    else:
        print("  snakemake -j2: left out; name its program with --snakemake")
    records = [json.loads(p.read_text()) for p in (root / "reports").glob("*/run.json")]
    over = [record["seconds"] - sum(record["cell_seconds"]) for record in records]
    print(f"  a run above its cells: median {statistics.median(over):.2f} s; "
          f"driver's memory {memory:.0f} MB")  # fmt: skip
    for command in ("run", "why"):
        idle = min(clock([sys.executable, "-m", "analysis", command, *selection], root)[0]
                   for _ in range(3))  # fmt: skip
        print(f"  `{command}` with nothing to do: {idle:.2f} s")


def scale(root: Path) -> None:
    """Time small runs by the dozen and by the hundred, and a plan of 3,000 with nothing to do."""
    print("\nSmall notebooks (one sum, one figure, one number)")
    for path in (root / "notebooks").glob("*"):
        path.unlink()
    code = textwrap.dedent("""
        import numpy as np
        from analysis.figures.theme import new_figure
        from analysis.reports import record, show
        figure, (axes,) = new_figure()
        axes.plot(np.arange(9), np.arange(9) * k)
        show(figure, "line", "A line", alt="A line that rises")
        record("k", k, label="k")
        """)
    tag = {"tags": ["parameters"]}
    cells = [("k: int = 0", tag), (code, {})]
    content = {
        "nbformat": 4, "nbformat_minor": 5, "metadata": {},
        "cells": [{"cell_type": "code", "id": f"c{n}", "metadata": metadata, "outputs": [],
                   "execution_count": None, "source": text}
                  for n, (text, metadata) in enumerate(cells)],
    }  # fmt: skip
    (root / "notebooks" / "01-small.ipynb").write_text(json.dumps(content))
    seconds = {}
    for count in (2, 10, MANY):
        plan(root, count)
        # a short plan is mostly start, and its noise would be taken for the cost of a run
        tries = [ours(root) for _ in range(1 if count == MANY else 5)]
        seconds[count], memory = statistics.median(t for t, _ in tries), tries[-1][1]
        print(f"  {count:4} runs: {seconds[count]:7.2f} s, driver's memory {memory:.0f} MB")
    few = (seconds[10] - seconds[2]) / 8
    many = (seconds[MANY] - seconds[10]) / (MANY - 10)
    print(
        f"  one run more costs {few:.3f} s among 10, {many:.3f} s among {MANY}: {many / few:.2f} x"
    )
    plan(root, 3000)
    model = root / "reports" / "01-small-k-0"
    for number in range(MANY, 3000):
        folder = root / "reports" / f"01-small-k-{number}"
        shutil.copytree(model, folder)
        for name in ("key.json", "run.json"):
            record = json.loads((folder / name).read_text())
            record["parameters"]["k"] = number
            record["slug"] = folder.name
            (folder / name).write_text(json.dumps(record))
    for command in ("run", "why"):
        idle = min(clock([sys.executable, "-m", "analysis", command], root)[0] for _ in range(2))
        print(f"  `{command}` over 3,000 runs with nothing to do: {idle:.2f} s")


def plan(root: Path, count: int) -> None:
    """Write a plan of a number of runs."""
    numbers = ", ".join(map(str, range(count)))
    (root / "notebooks" / "plan.toml").write_text(
        f'[[run]]\nnotebook = "01-small"\ngrid = {{ k = [{numbers}] }}\n'
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snakemake", default="", help="its program, in an environment of its own")
    parser.add_argument("--whole", action="store_true", help="the whole default plan as well")
    parser.add_argument("--scale", action="store_true", help="hundreds of small runs as well")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        root = Path(place)
        for name in ("notebooks", "data", "CITATION.cff", "locks"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
            copy(ROOT / name, root / name)
        clock([sys.executable, "-m", "analysis", "build"], root)
        compare(root, options.snakemake, whole=False)
        if options.whole:
            compare(root, options.snakemake, whole=True)
        if options.scale:
            scale(root)


if __name__ == "__main__":
    main()
