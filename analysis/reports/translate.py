"""What there is to translate, and what became of it: ``lianjian translate``.

Messages are found in notebooks (prose by block, parameters, texts and f-strings of the code), in
the rooms that write what a reader sees, in the sources' cards and corrections, in the registry, and
on the pages themselves: what a page had to leave in English is taken up as it stands there, with
places for its numbers. The translation of a text that has changed is kept with what it is now, as
doubtful (fuzzy), until somebody has read it.
"""

import ast
import csv
import itertools
import json
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis import _language, fields, paths
from analysis.files import write_text
from analysis.reports.plan import notebooks, parameters, plan, source, syntax

ROOMS = {
    "library": ("_labelled", "tables", "figures", "effects", "indicators"),
    "pages": ("reports/page/checks.py", "reports/page/publish.py", "reports/markup.py"),
}
"""Files of messages and the rooms, below ``analysis``, from whose code they come."""

_KEPT = ("pattern", "seen")  # comments of messages that no source holds as they stand
_MOST = 12  # sentences that one expression with choices in it is written out to
_ALIKE = 70.0  # per cent: from here on a changed text is the same message
_NAME = re.compile(r"[a-z0-9]*(?:[_.:/-][A-Za-z0-9_.:/-]*)*\Z")  # a code, a column, a file
_DRAWN = {"textcoords", "xycoords", "family", "transform", "layout"}  # words of matplotlib
_CODE = re.compile(r"[=!]=|[a-z]_[a-z].* | in @|\\[dws(\[]|^[({\[<]|\(\?|^#[0-9a-f]{6}$")
_SURE = 6  # letters of a message from which on a text that fits is taken as made by it
_LONG = 70  # characters of a text from which on it is taken apart
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Found:
    """What a pass over the files of messages came to."""

    file: str
    new: int
    doubtful: int
    unused: int
    untranslated: int

    @property
    def counts(self) -> dict[str, int]:
        """What it came to, by the words in which it is said."""
        words = ("new", "changed, to be read again", "unused", "without a translation")
        return dict(
            zip(words, (self.new, self.doubtful, self.unused, self.untranslated), strict=True)
        )


# ---- what there is to say ----


def texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield what the code may say to a reader, whole sentences with places, and their lines.

    Examples
    --------
    >>> code = "table(f, 'x', f'Change to {until}' + (' and back' if both else ''))"
    >>> [text for text, _ in texts(ast.parse(code))]
    ['Change to {until} and back', 'Change to {until}', ' and back']
    """
    passed: set[int] = set()
    for node in ast.walk(tree):
        for part in _technical(node):
            passed |= set(map(id, ast.walk(part)))
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            passed.add(id(node.body[0].value))  # type: ignore[attr-defined]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        is_text = isinstance(node, ast.JoinedStr | ast.BinOp | ast.IfExp) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
        if not is_text or id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr | ast.BinOp):
            passed |= {id(part) for part in _parts(node)}
        for text in map(_named_apart, _whole(node) or ()):
            if _is_said(text):
                yield text, getattr(node, "lineno", 0)


def _technical(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what of a piece of code speaks to programs or to who writes them."""
    if isinstance(node, ast.Raise | ast.Compare):
        yield node
    elif isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
        yield node.annotation
    elif isinstance(node, ast.FunctionDef) and node.returns:
        yield node.returns
    elif (isinstance(node, ast.keyword) and node.arg in _DRAWN) or (
        isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
    ):
        yield node.value


def _is_said(text: str) -> bool:
    words = _language.PLACE.sub(" ", text)
    return bool(
        re.search(r"[A-Za-z]{2}", words)
        and not _NAME.match(words.strip())
        and not _CODE.search(text)
        and not _language.is_plain(words)
    )


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the pieces of an expression that are only pieces of its sentences."""
    if isinstance(node, ast.JoinedStr):
        yield from node.values
    elif isinstance(node, ast.BinOp):
        for side in (node.left, node.right):
            yield side
            yield from _parts(side)


def _whole(node: ast.AST) -> list[str] | None:
    """Return the sentences that an expression can make; None where it is no text of its own."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    if isinstance(node, ast.IfExp):
        yes, no = _whole(node.body), _whole(node.orelse)
        return None if yes is None or no is None else [*yes, *no]
    if isinstance(node, ast.JoinedStr):
        pieces = []
        for value in node.values:
            inner = value.value if isinstance(value, ast.FormattedValue) else value
            choices = _whole(inner) if isinstance(inner, ast.IfExp | ast.Constant) else None
            pieces.append(choices or [f"{{{_place(inner)}}}"])
        return _combined(pieces)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_whole(side) for side in (node.left, node.right)]
        if all(side is None for side in sides):
            return None
        either = (node.left, node.right)
        return _combined([s or [f"{{{_place(n)}}}"] for s, n in zip(sides, either, strict=True)])
    return None


def _combined(pieces: list[list[str]]) -> list[str]:
    every = ("".join(choice) for choice in itertools.product(*pieces))
    return list(itertools.islice(every, _MOST))


def _place(node: ast.AST) -> str:
    """Name a place after what stands in it, and tell it from others of its name."""
    told, name = zlib.crc32(ast.dump(node).encode()), "value"
    while not isinstance(node, ast.Constant):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            break
        inner = next((n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)), None)
        if inner is None:
            break
        node = inner
    return f"{'value' if re.fullmatch(r'n[0-9]*', name) else name}#{told}"


def _named_apart(text: str) -> str:
    """Tell places apart that have one name and hold different things.

    Examples
    --------
    >>> _named_apart("{len#7} of {len#8}, {who#1}, {len#7}")
    '{len} of {len2}, {who}, {len}'
    """
    seen: dict[str, list[str]] = {}

    def named(place: re.Match[str]) -> str:
        told = seen.setdefault(place[1], [])
        if place[2] not in told:
            told.append(place[2])
        at = told.index(place[2])
        return f"{{{place[1]}{at + 1 if at else ''}}}"

    return re.sub(r"\{(\w+)#([0-9]+)\}", named, text)


def _of_notebook(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    cells = source.parsed(path.read_bytes(), path.name)["cells"]
    for place, cell in enumerate(cells, start=1):
        where, text = f"{path.name}:{place}", "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            found |= {block: where for _, block in _language.blocks(text) if _is_said(block)}
        elif cell["cell_type"] == "code" and "products" not in cell["metadata"].get("tags", ()):
            code = source.Cell(place, text).python
            for said, _ in texts(syntax.parse(code)):
                found |= {block: where for _, block in _language.blocks(said) if block}
    found |= {p.help: f"{path.name}, parameters" for p in parameters.read(path).values() if p.help}
    return {text: where for text, where in found.items() if _is_said(text)}


def _of_room(names: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    room = Path(_language.__file__).parent
    for name in names:
        path = room / name
        inside = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        for file in inside:
            where = file.relative_to(room.parent).as_posix()
            tree = syntax.parse(file.read_text("utf-8"))
            found |= {text.strip(): where for text, _ in texts(tree)}
        for file in sorted(path.rglob("labels.toml")) if path.is_dir() else ():
            where = file.relative_to(room.parent).as_posix()
            entries = tomllib.loads(file.read_text("utf-8")).values()
            found |= {entry["label"]: where for entry in entries if _is_said(entry["label"])}
    return found


def _of_registry() -> dict[str, str]:
    """Return the words of the registry, which says them in Chinese as well."""
    where = "analysis/fields.py"
    said = dict.fromkeys((field.label for field in fields.FIELDS.values()), where)
    said |= {
        f"{field.label} ({field.unit})": where
        for field in fields.FIELDS.values()
        if field.unit not in {"", "year"} and field.unit.lower() not in field.label.lower()
    }
    said |= dict.fromkeys([*fields.ROLES.values(), *fields.ACCOUNTS.values()], where)
    return said | dict.fromkeys((county.name for county in fields.EVERY_COUNTY), where)


def _of_data() -> dict[str, str]:
    """Return what cards and corrections say of the data."""
    found: dict[str, str] = {}
    for file in sorted(paths.processed().glob("*/manifest.json")):
        told = json.loads(file.read_bytes())
        texts_of = [told.get("title", ""), told.get("description", "")]
        for source_ in told.get("sources", ()):
            texts_of += [source_.get(key, "") for key in ("title", "producer", "licence")]
        found |= dict.fromkeys(texts_of, f"data/raw, {file.parent.name}")
    corrections = paths.raw() / "corrections.csv"
    if corrections.is_file():
        with corrections.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                found |= dict.fromkeys(
                    (row[key] for key in ("reason", "says", "should_say", "decision")),
                    "data/raw/corrections.csv",
                )
    return {text: where for text, where in found.items() if text and _is_said(text)}


def messages(code: str) -> dict[str, dict[str, str]]:
    """Return every message by file of messages, each with where it stands."""
    found = {name: _of_room(rooms) for name, rooms in ROOMS.items()}
    found["library"] |= _of_registry()
    found["data"] = _of_data()
    found["pages"] |= dict.fromkeys(filter(None, plan.titles()), "notebooks/plan.toml")
    shared = _Known(text for said in found.values() for text in said)
    left = _of_pages(code)
    for stem, path in notebooks.find().planned.items():
        own = {t: where for t, where in _of_notebook(path).items() if not shared.has(t)}
        known = _Known([*shared.texts, *own])
        seen = {text for one in left.get(stem, ()) for text in known.needed(one)}
        found[stem] = {**dict.fromkeys(sorted(seen - own.keys()), "seen on a page"), **own}
    for text in _in_several(found):
        for said in found.values():
            said.pop(text, None)
        found["pages"][text] = "seen on several pages"
    return found


def _of_pages(code: str) -> dict[str, list[str]]:
    """Return, by notebook, what pages in a language left in English."""
    found: dict[str, list[str]] = {}
    for file in sorted(paths.reports().glob("[!.]*/run.json")):
        record = json.loads(file.read_bytes())
        stem = str(record.get("notebook", "")).removesuffix(".ipynb")
        found.setdefault(stem, []).extend(record.get("pages", {}).get(code, {}).get("english", ()))
    return found


def _in_several(found: dict[str, dict[str, str]]) -> list[str]:
    """Return the texts that pages of several notebooks show: they are said once for all."""
    times = Counter(t for said in found.values() for t, where in said.items() if "page" in where)
    return [text for text, count in times.items() if count > 1]


_COUNTED = re.compile(r"(?<![\w.-])[−+]?[0-9][0-9,.]*(?<=[0-9])%?(?![\w])")


class _Known:
    """Messages that there are, by which a text on a page can be told to be one of them."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = {_language.form(text): text for text in texts}
        made = [_language.Message(key, key) for key in self.texts if _language.PLACE.search(key)]
        made = [message for message in made if message.letters >= _SURE]
        made.sort(key=lambda message: -message.letters)
        self._made = [(message.longest, message.pattern) for message in made]

    def has(self, text: str) -> bool:
        """Whether it is one of them."""
        return _language.form(text) in self.texts

    def needed(self, text: str) -> Iterator[str]:
        """Yield what a translation of a text needs and none of them says."""
        key = _language.form(text)
        if key in self.texts or _language.is_plain(key):
            return
        for longest, pattern in self._made:
            if longest in key and (found := pattern.fullmatch(key)):
                for part in found.groups():
                    yield from self.needed(part)
                return
        if len(parts := re.split(r"; | · ", key)) > 1 and len(key) > _LONG:
            for part in parts:
                yield from self.needed(part)
            return
        count = itertools.count(1)
        names = (f"{{n{'' if at == 1 else at}}}" for at in count)
        yield _COUNTED.sub(lambda _: next(names), key)


# ---- the files of messages ----


def update(code: str, *, prune: bool = False) -> list[Found]:
    """Bring the files of messages of a language up to date, and say what was found in each."""
    folder = _language.folder(code)
    return [
        _update(folder / f"{name}.po", said, prune=prune, code=code)
        for name, said in sorted(messages(code).items())
        if said or (folder / f"{name}.po").is_file()
    ]


def _update(file: Path, said: dict[str, str], *, prune: bool, code: str) -> Found:
    """Merge what there is to say with what is translated."""
    import polib  # noqa: PLC0415  (where messages are written)
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    old = polib.pofile(str(file), encoding="utf-8") if file.is_file() else polib.POFile()
    known = {_language.form(entry.msgid): entry for entry in old}
    made = polib.POFile(wrapwidth=100)
    made.metadata = {"Language": _language.tag(code), "Content-Type": "text/plain; charset=UTF-8"}
    wanted = {_language.form(text): (text, where) for text, where in said.items()}
    gone = {
        key: entry
        for key, entry in known.items()
        if key not in wanted and not entry.comment.startswith(_KEPT)
    }
    kept = [entry for key, entry in known.items() if key not in wanted and key not in gone]
    new = doubtful = 0
    for key, (text, where) in sorted(wanted.items(), key=lambda item: (item[1][1], item[0])):
        entry = known.get(key) or polib.POEntry(msgid=text)
        entry.obsolete, entry.comment = False, where
        entry.occurrences = []
        if key not in known:
            new += 1
            spoken = {k: e.msgid for k, e in gone.items() if e.msgstr and not e.obsolete}
            near = process.extractOne(text, spoken, scorer=fuzz.ratio, score_cutoff=_ALIKE)
            if near:
                doubtful += 1
                entry.previous_msgid, entry.msgstr = near[0], gone.pop(near[2]).msgstr
                entry.flags = ["fuzzy"]
        made.append(entry)
    made.extend(kept)
    unused = sum(not entry.obsolete for entry in gone.values())
    for entry in gone.values():
        entry.obsolete, entry.comment = True, ""
        if entry.msgstr and not prune:
            made.append(entry)
    write_text(file, f"{made}\n")
    empty = sum(not entry.translated() for entry in made if not entry.obsolete)
    return Found(file.name, new, doubtful, unused, empty)
