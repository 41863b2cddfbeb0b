"""What may not be in a bundle: traces of a machine, of persons, of haste.

What is checked is the folder that is shipped. A fault names file, line and reason, and never
repeats what stands there.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

from analysis import paths
from analysis.clean.ledger.collect import collect
from analysis.clean.personal import REASONS, find_personal, shape_of
from analysis.clean.sources import sha256
from analysis.reports.bundle._contents import Holding
from analysis.reports.page.checks import ABSOLUTE
from analysis.reports.text import listed

INVENTED = ("analysis/", "benchmarks/", "data/example/", "docs/examples/", "tests/")
"""Code and examples: persons and folders in them are invented, to try the finding of them."""

_HASHES = "locks/"  # long digits in there are hashes
_BINARY = (".xlsx", ".xls", ".pdf", ".docx", ".png", ".otf", ".ttf", ".woff2")
_EMBEDDED = re.compile(r"base64,[A-Za-z0-9+/=]+")
_HASH = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9]*[a-f])[0-9a-f]{12,64}(?![0-9A-Za-z])|0x[01]\.[0-9a-f]+p[+-]\d+"
)
"""Hashes, and doubles as evidence is kept by them: ``0x1.8706e10d01f17p+0``."""
_IMAGE = re.compile(r'"image/png": "[^"]*"')
_SVG = re.compile(r"<(?:path|use|svg|g|clipPath|rect)\b[^<>]*>")
_GAP = re.compile(r"\s{2,}|\t")
"""Between columns of a printed table, whose numbers are no one number: ``19.0  0.074219``."""
_MOST = 5


def check(folder: Path, holdings: Iterable[Holding]) -> list[str]:
    """Return what is wrong with a bundle, a sentence each; empty when nothing is.

    Workbooks are read as `lianjian build` reads them. PDF and Word files are not opened: they are
    made from the notebook beside them, which is looked through.
    """
    root = paths.root()
    data = {p.relative_to(root).as_posix(): held for held in holdings for p in held.files()}
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return [*_empty(files), *_twice(files), *_machine(files), *_personal(files, data)]


def _empty(files: Mapping[str, Path]) -> Iterator[str]:
    names = [name for name, path in files.items() if not path.stat().st_size]
    if names:
        yield f"{listed(names, _MOST)}: no byte in it. Remove it, or write what it is for."


def _twice(files: Mapping[str, Path]) -> Iterator[str]:
    """Compare all files but those of reports, where two runs may well give the same table."""
    seen: dict[str, str] = {}
    for name, path in files.items():
        if name.startswith("reports/"):
            continue
        digest = sha256(path)
        if digest in seen and path.stat().st_size:
            yield f"{name} and {seen[digest]} hold the same bytes. Keep one of them."
        seen.setdefault(digest, name)


def _machine(files: Mapping[str, Path]) -> Iterator[str]:
    own = {str(place).encode() for place in (paths.root(), Path.home()) if len(place.parts) > 2}  # noqa: PLR2004
    for name, path in files.items():
        content = path.read_bytes()
        line = next((_line(content, content.index(place)) for place in own if place in content), 0)
        if not line and not name.startswith(INVENTED) and not name.endswith(_BINARY):
            text = _EMBEDDED.sub("", content.decode("utf-8", "replace"))
            found = ABSOLUTE.search(text)
            line = text.count("\n", 0, found.start()) + 1 if found else 0
        if line:
            yield (
                f"{name}, line {line}: names a folder of one machine. Name files relative to the "
                "project, and run again."
            )


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


# ---- persons ----


def _personal(files: Mapping[str, Path], data: Mapping[str, Holding]) -> Iterator[str]:
    for name, path in files.items():
        if name.startswith((*INVENTED, _HASHES)) or name == "MANIFEST.sha256":
            continue
        holding = data.get(name)
        if holding is not None and holding.is_drawn:
            continue
        found = list(_persons(name, path, holding))
        if found:
            reasons = ", ".join(dict.fromkeys(reason for _, reason in found))
            where = listed([place for place, _ in found], _MOST)
            yield f"{name}, {where}: personal data ({reasons}). {_mend(name, holding)}"


def _mend(name: str, holding: Holding | None) -> str:
    if holding is not None:
        return (
            f"Leave {holding.name} out, or take a copy of the file without them in as a dataset "
            "of its own (`lianjian new`)."
        )
    if name.startswith("reports/"):
        return "Take it out of what the notebook prints, and run again."
    return "Take it out."


def _persons(name: str, path: Path, holding: Holding | None) -> Iterator[tuple[str, str]]:
    """Yield place and reason of what is personal in a file."""
    if holding is not None and holding.is_books and path.suffix != ".toml":
        for issue in collect([path]).issues:
            if issue.code == "personal_data":
                yield issue.cell, issue.action.rpartition("; ")[2]
    if name.endswith(_BINARY):
        return
    text = path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".csv":
        yield from _in_table(text)
        return
    text = _IMAGE.sub("", _EMBEDDED.sub("", text))
    # the path of a letter goes over many lines: M 1779 390 C 1248 390 883 986 883 2362
    text = _SVG.sub(lambda tag: "\n" * tag[0].count("\n"), text)
    for number, line in enumerate(text.split("\n"), start=1):
        cells = _GAP.split(_HASH.sub("", line))
        reason = next(filter(None, map(shape_of, cells)), "")
        if reason and not (name == "CITATION.cff" and reason == "e_mail"):  # authors may be asked
            yield f"line {number}", REASONS[reason]
            return


def _in_table(text: str) -> Iterator[tuple[str, str]]:
    rows = list(csv.reader(io.StringIO(text)))
    columns = list(zip_longest(*rows, fillvalue=""))
    for found in find_personal([column[:1] for column in columns], [c[1:] for c in columns]):
        yield f"column {found.position + 1}", REASONS[found.reason]
