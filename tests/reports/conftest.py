"""Small projects with small notebooks, made in a temporary folder."""

import json
import re
import textwrap

import nbformat
import pytest

from analysis import paths
from analysis.reports.run import kernels

SIMULATED = {
    "name": "trial",
    "kind": "simulated",
    "title": "A trial of ledgers",
    "version": "0123456789ab",
    "description": "Made for a test.",
    "sources": [
        {"file": "trial/villages.csv", "title": "Villages", "producer": "a test",
         "licence": "MIT", "sha256": "ab" * 32}
    ],
    "corrections": [
        {"id": "C01", "file": "villages.csv", "field": "name", "says": "中巷村委员会",
         "should_say": "中巷村委会", "decision": "correct", "reason": "a typing slip"}
    ],
    "issues": 3,
}  # fmt: skip


def unmarked(page):
    """Return a page without what marks its Chinese for who reads it aloud."""
    return re.sub(r'<span lang="zh-Hans">([^<]*)</span>', r"\1", page)


class Project:
    """A project in a temporary folder; notebooks are written as lists of cells."""

    def __init__(self, root):
        self.root = root
        self.notebooks = root / "notebooks"
        self.reports = root / "reports"
        for folder in (self.notebooks, self.reports, root / "data" / "raw"):
            folder.mkdir(parents=True)

    def notebook(self, name, *cells, parameters=""):
        """Write a notebook; a cell that begins with ``#`` and a space is markdown."""
        made = []
        if parameters:
            tags = {"tags": ["parameters"]}
            made.append(nbformat.v4.new_code_cell(textwrap.dedent(parameters).strip(),
                                                  metadata=tags, id="params"))  # fmt: skip
        for number, cell in enumerate(cells):
            text = textwrap.dedent(cell).strip()
            make = nbformat.v4.new_code_cell
            if text.startswith(("# ", "## ", "md:")):
                make, text = nbformat.v4.new_markdown_cell, text.removeprefix("md:").lstrip()
            made.append(make(text, id=f"cell-{number}"))
        path = self.notebooks / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=made), path)
        return path

    def plan(self, text):
        (self.notebooks / "plan.toml").write_text(textwrap.dedent(text), "utf-8")

    def dataset(self, kind="simulated"):
        """Write a processed dataset without tables."""
        content = {**SIMULATED, "kind": kind, "parameters": {}, "realised": {}, "rows": {}}
        folder = self.root / "data" / "processed" / "trial"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text(json.dumps(content), "utf-8")

    def lock(self, text):
        """Write the lock of what reports are made with."""
        path = self.root / paths.LOCK
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")

    def report(self, slug):
        return (self.reports / slug / "report.html").read_text("utf-8")


@pytest.fixture(scope="session", autouse=True)
def _warm():
    """Keep one warm process for all tests of a worker, as one plan keeps one for all its runs."""
    end, kernels.cool_down = kernels.cool_down, lambda: None
    yield
    end()


@pytest.fixture(scope="session")
def make_project():
    """Give the class, for a test module that makes its project once."""
    return Project


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Give an empty project."""
    monkeypatch.setenv("LIANJIAN_ROOT", str(tmp_path))
    return Project(tmp_path)
