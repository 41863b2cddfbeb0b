"""What the source of a notebook says before it runs: code, promises, the use of parameters."""

import ast
import codecs
import json
import re
import symtable
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.errors import LianjianError
from analysis.reports.plan.syntax import parse
from analysis.reports.text import is_slug

KINDS = {"figures": "figure", "tables": "table", "numbers": "number"}
_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)
_MERGE = re.compile(rb"^(<{7}|>{7})( |$)", re.MULTILINE)  # <<<<<<< HEAD
_HALF = re.compile("[\ud800-\udfff]")  # of a pair of surrogates
_FORMAT = 4
_LOOKS_UP = {"globals", "locals", "vars", "eval", "exec"}


@dataclass(frozen=True)
class Cell:
    """A code cell."""

    place: int  # among all cells of the notebook, from 1
    source: str
    tags: tuple[str, ...] = ()

    @property
    def python(self) -> str:
        """Its code with magics and shell lines taken out."""
        if self.source.lstrip().startswith("%%"):
            magic, _, rest = self.source.lstrip().partition("\n")
            return _MAGIC.sub(r"\1pass", rest) if magic.startswith(("%%time", "%%capture")) else ""
        return _MAGIC.sub(r"\1pass", self.source)


def code_cells(notebook: Path) -> tuple[Cell, ...]:
    """Return the code cells of a notebook."""
    content = _bytes(notebook)
    return tuple(
        Cell(place, "".join(cell["source"]), tuple(cell["metadata"].get("tags", ())))
        for place, cell in enumerate(parsed(content, notebook.name)["cells"], start=1)
        if cell["cell_type"] == "code"
    )


def text_of(notebook: Path) -> str:
    """Return a stored notebook as text, for nbformat; a mark at its head is passed over."""
    return _decoded(_bytes(notebook), notebook.name)


def _bytes(notebook: Path) -> bytes:
    try:
        return notebook.read_bytes()
    except OSError as error:
        raise LianjianError(f"{notebook.name} cannot be read: {error.strerror or error}.") from None


_RESAVE = "Open it in JupyterLab and save it, or take it from a backup"
_CELL_TYPES = {"code", "markdown", "raw"}


def parsed(content: bytes, where: str) -> dict[str, Any]:
    """Parse a stored notebook; a mark at its head that says UTF-8 is passed over."""
    try:
        notebook = json.loads(_decoded(content, where))
    except (ValueError, RecursionError) as error:
        raise LianjianError(
            f"{where} is not a notebook: its JSON is broken ({error}). {_RESAVE}."
        ) from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise LianjianError(f"{where} is not a notebook: it has no list of cells. {_RESAVE}.")
    version = notebook.get("nbformat")
    if version != _FORMAT:
        raise LianjianError(
            f"{where} is in the notebook format {version!r}, and {_FORMAT} is read. Open it in "
            f"JupyterLab and save it, or: jupyter nbconvert --to notebook --inplace {where}"
        )
    for fault in _faults(notebook):
        raise LianjianError(f"{where} is damaged: {fault}. {_RESAVE}.")
    return notebook


def _decoded(content: bytes, where: str) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        seen = "is saved as UTF-16"
    elif not content.strip():
        seen = "is empty"
    elif _MERGE.search(content):
        raise LianjianError(
            f"{where} holds the marks of a merge (<<<<<<<): two versions of it stand in one file. "
            "Settle which lines stay, or take one version whole: git checkout --ours (or --theirs)."
        )
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            seen = f"is not UTF-8 (byte {error.start + 1})"
    raise LianjianError(f"{where} {seen}, and a notebook is JSON in UTF-8. {_RESAVE}.")


def _faults_about(metadata: object) -> Iterator[str]:
    if not isinstance(metadata, dict):
        yield "it has no metadata"
        return
    for name in ("kernelspec", "language_info"):
        if not isinstance(metadata.get(name, {}), dict):
            yield f"its {name} is no group of names and values"


def _faults(notebook: dict[str, Any]) -> Iterator[str]:
    """Say what a notebook lacks that every reader of notebooks needs."""
    cells = notebook["cells"]
    yield from _faults_about(notebook.get("metadata"))
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        yield "its cells are no list of cells"
        return
    seen: dict[str, int] = {}
    for place, cell in enumerate(cells, start=1):
        kind, lines = cell.get("cell_type"), cell.get("source")
        if kind not in _CELL_TYPES:
            yield f"cell {place} is of the kind {kind!r}"
        if not isinstance(cell.get("metadata"), dict):
            yield f"cell {place} has no metadata"
        whole = "".join(lines) if _are_texts(lines) else lines
        if not isinstance(whole, str):
            yield f"the source of cell {place} is no text"
        elif _HALF.search(whole):
            yield f"cell {place} holds half a character, which no text can hold"
        elif not _are_texts(cell.get("metadata", {}).get("tags", [])):
            yield f"the tags of cell {place} are no list of texts"
        first = seen.setdefault(str(cell.get("id", f" {place}")), place)
        if first != place:
            yield f"cells {first} and {place} have the same id, {cell['id']!r}"


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def tagged(cells: Sequence[Cell], tag: str) -> Cell | None:
    """Return the first cell with a tag."""
    return next((cell for cell in cells if tag in cell.tags), None)


def meaning(cell: Cell) -> str:
    """Return a code cell without what does not count: comments, blank lines, formatting."""
    magics = "\n".join(match[0].strip() for match in _MAGIC.finditer(cell.source))
    try:
        return ast.dump(parse(cell.python)) + magics
    except SyntaxError:
        return cell.source  # what cannot be read counts as it stands


# ---- parameters ----


def misused(cells: Sequence[Cell], names: Sequence[str]) -> list[str]:
    """Say which parameters the code sets again, or never reads."""
    wanted, read = set(names), set[str]()
    found = []
    for cell in cells:
        own = "parameters" in cell.tags
        try:
            table = symtable.symtable(cell.python, "cell", "exec")
        except SyntaxError:
            return []  # running it says where
        for symbol, outermost in _symbols(table):
            name = symbol.get_name()
            if name in _LOOKS_UP and symbol.is_referenced():
                read |= wanted  # whoever looks names up may read them all
            is_global = outermost or symbol.is_global()
            if name not in wanted or not is_global:
                continue
            if symbol.is_referenced():
                read.add(name)
            if not own and (symbol.is_assigned() or symbol.is_imported()):
                found.append(
                    f"cell {cell.place} sets the parameter {name!r} again: the report would state "
                    "one value and use another. Give what it computes a name of its own."
                )
    found += [
        f"no cell reads the parameter {name!r}: setting it would change nothing. Use it, or "
        "delete it from the cell tagged 'parameters'."
        for name in names
        if name not in read
    ]
    return list(dict.fromkeys(found))


def _symbols(table: symtable.SymbolTable) -> Iterator[tuple[symtable.Symbol, bool]]:
    """Yield the symbols of a scope and of those inside it; say whether the scope is the cell."""
    outermost = table.get_type() == "module"
    for symbol in table.get_symbols():
        yield symbol, outermost
    for child in table.get_children():
        yield from _symbols(child)


# ---- products ----


@dataclass(frozen=True)
class Promise:
    """A product that a notebook declares."""

    kind: str  # "figure", "table" or "number"
    name: str
    always: bool = True  # declared with a ``?`` at its end, it may be lacking


def promises(cells: Sequence[Cell], where: str) -> tuple[Promise, ...] | None:
    """Read the declared products from the cell tagged ``products``; None without one."""
    cell = tagged(cells, "products")
    if cell is None:
        return None
    form = 'products = {"figures": ["name"], "tables": ["name"], "numbers": ["name?"]}'
    try:
        [node] = parse(cell.source).body
        content = ast.literal_eval(node.value)  # type: ignore[attr-defined]
        found = [
            Promise(KINDS[plural], name.removesuffix("?"), not name.endswith("?"))
            for plural, names in content.items()
            for name in (names.split() if isinstance(names, str) else names)
        ]
        bad = sorted({promise.name for promise in found if not is_slug(promise.name)})
    except (SyntaxError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise LianjianError(
            f"{where}: the cell tagged 'products' cannot be read. It is one assignment: {form}; "
            "a ? marks what only some data allow."
        ) from error
    counts = Counter((promise.kind, promise.name) for promise in found)
    bad += [name for (_, name), count in counts.items() if count > 1]
    if bad:
        raise LianjianError(
            f"{where}: the cell tagged 'products' names {', '.join(bad)} twice, or in letters that "
            "cannot be an address (lower-case letters, digits, - and _)."
        )
    return tuple(found)
