"""The same run gives the same bytes: what is not reproducible leaves the executed notebook."""

import re
import sys
import sysconfig
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.reports import calls

if TYPE_CHECKING:
    from nbformat import NotebookNode

INJECTED = "injected-parameters"
"""Tag, and fixed id, of the cell in which papermill sets the parameters."""

ERROR_MARKER = "papermill-error-cell-tag"
_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,16}")
_CELL_FILE = re.compile(r"[^\s'\"<>=(]{0,200}[/\\]ipykernel_\d+[/\\]\d+\.py")


def notebook(node: "NotebookNode", facts: Mapping[str, Any]) -> None:
    """Make an executed notebook reproducible, in place.

    Times, hosts, process ids, memory addresses and absolute paths go; ``facts`` about the run
    come in as ``metadata.lianjian``.
    """
    node.metadata.pop("papermill", None)
    node.metadata.pop("widgets", None)
    node.metadata["lianjian"] = dict(facts)
    node.cells = [c for c in node.cells if ERROR_MARKER not in c.metadata.get("tags", [])]
    clean = _Cleaner()
    for cell in node.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]  # papermill gives every cell a list of none
        if INJECTED in cell.metadata.get("tags", []):
            cell.id = INJECTED
        if cell.cell_type == "code":
            cell.outputs = [clean(output) for output in _streams_joined(cell.outputs)]
    calls.shared(node)


def text(said: str) -> str:
    """Return a text without what depends on the machine or the moment."""
    return _Cleaner().text(said)


def with_new_prose(executed: "NotebookNode", source: "NotebookNode") -> "NotebookNode":
    """Put the text of a notebook around the outputs that its unchanged code has given."""
    run = iter([c for c in executed.cells if c.cell_type == "code" and c.source.strip()])
    cells = []
    for cell in source.cells:
        if cell.cell_type == "code" and cell.source.strip():
            done = next(run)
            if INJECTED in done.metadata.get("tags", []):
                cells.append(done)
                done = next(run)
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
        cells.append(cell)
    return type(executed)({**executed, "cells": cells, "metadata": {**executed.metadata}})


def _streams_joined(outputs: list[Any]) -> list[Any]:
    """Join the pieces of stdout, then of stderr, between two other outputs.

    How a text is cut into pieces, and which of two streams arrives first, is chance.
    """
    joined: list[Any] = []
    for is_stream, group in groupby(outputs, lambda o: o.output_type == "stream"):
        pieces = list(group)
        if not is_stream:
            joined += pieces
            continue
        for name in ("stdout", "stderr"):
            if own := [piece for piece in pieces if piece.name == name]:
                own[0].text = "".join(piece.text for piece in own)
                joined.append(own[0])
    return joined


class _Cleaner:
    """Replace what depends on the machine or the moment in every text of an output."""

    def __init__(self) -> None:
        places = {
            str(paths.root()): ".",
            sys.prefix: "<python>",
            sysconfig.get_path("stdlib"): "<stdlib>",
            str(Path.home()): "~",
        }
        self.places = [
            (re.compile(re.escape(place) + r"(?![\w.-])"), word)
            for place, word in sorted(places.items(), key=lambda item: -len(item[0]))
            if len(Path(place).parts) > 1
        ]

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            for key in value:
                if not key.startswith("image/"):
                    value[key] = self(value[key])
            return value
        return [self(item) for item in value] if isinstance(value, list) else value

    def text(self, text: str) -> str:
        # a figure is a long text: look first, and quickly, whether there is anything to replace
        if "ipykernel_" in text:
            text = _CELL_FILE.sub("<cell>", text)
        if "at 0x" in text:
            text = _ADDRESS.sub("at 0x…", text)
        for place, word in self.places:
            text = place.sub(word, text)
        return text
