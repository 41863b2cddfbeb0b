"""Write so that nothing is lost: stage, then rename."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the target's place when the block ends well.

    When the block fails the target stays as it was and what was staged is removed. A run that
    was killed between the two renames is repaired by the next call.
    """
    staging = target.with_name(f".{target.name}.staging")
    previous = target.with_name(f".{target.name}.previous")
    if previous.exists() and not target.exists():
        previous.rename(target)
    for leftover in (staging, previous):
        shutil.rmtree(leftover, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        if target.exists():
            target.rename(previous)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if target.exists():
            shutil.rmtree(previous, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file as UTF-8 with Unix line ends, by a rename."""
    staging = path.with_name(f".{path.name}.staging")
    staging.write_text(text, encoding="utf-8", newline="\n")
    staging.replace(path)


def to_json(content: Any) -> str:  # noqa: ANN401  (JSON can be anything)
    """Return JSON with sorted keys: the same content gives the same bytes."""
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
