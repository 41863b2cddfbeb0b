"""Whether the files of a report are those that its run wrote."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from analysis.files import to_json

RECORD = "run.json"
RUN_ID = 16
"""Hex digits of a run's id: 64 bits, of the hash of its executed notebook."""

_NO_RESULT = {RECORD, "kernel.log"}  # the record holds the hashes; a log is none
_OWN = {"record", "host"}  # of the record itself; a bundle leaves the machine's name out


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each result in a report's folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in _NO_RESULT
    }


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's record with the hash of all that it says.

    Examples
    --------
    >>> record = sealed({"run_id": "ab", "products": {}})
    >>> sealed(record) == record
    True
    >>> sealed({**record, "run_id": "cd"})["record"] == record["record"]
    False
    """
    said = {name: value for name, value in record.items() if name not in _OWN}
    return {**record, "record": hashlib.sha256(to_json(said).encode()).hexdigest()}


def mismatches(folder: Path) -> tuple[str, ...]:
    """Say what of a report is not as its run wrote it; nothing when all is."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        promised = {str(name): str(digest) for name, digest in record["products"].items()}
    except (OSError, ValueError):
        return (f"{RECORD} cannot be read",)
    except (KeyError, TypeError, AttributeError):
        return (f"{RECORD} does not hold the hashes of the report's files",)
    return tuple(_differences(checksums(folder), record, promised))


def _differences(
    there: dict[str, str], record: dict[str, Any], promised: dict[str, str]
) -> Iterator[str]:
    for name, digest in sorted(promised.items()):
        if name not in there:
            yield f"{name} is missing"
        elif there[name] != digest:
            yield f"{name} is not what the run wrote"
    if sealed(record) != record:
        yield f"{RECORD} is not what the run wrote"
    elif record.get("run_id") != promised.get("notebook.ipynb", "")[:RUN_ID]:
        yield f"{RECORD} names another run than notebook.ipynb is of"
