"""What there is to translate, and what became of it: ``lianjian translate``.

Messages are found in notebooks (prose by block, parameters, texts and f-strings of the code), in
the rooms and templates that write what a reader sees, in what is raised, in the sources' cards and
corrections, in the registry, and on the pages themselves: what a page had to leave in English is
taken up as it stands there, with places for its numbers. The translation of a text that has changed
is kept with what it is now, as doubtful (fuzzy), until somebody has read it.
"""

import ast
import builtins
import csv
import itertools
import json
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from analysis import _language, fields, paths
from analysis.errors import LianjianError
from analysis.files import write_text
from analysis.reports import citation
from analysis.reports.plan import notebooks, parameters, plan, source, syntax

_KEPT = ("pattern", "seen", "shorter")  # comments of messages that no source holds as they stand
_MOST = 12  # sentences that one expression with choices in it is written out to
_ALIKE = 70.0  # per cent: from here on a changed text is the same message
_NAME = re.compile(r"[a-z0-9]*(?:[_.:/-][A-Za-z0-9_.:/-]*)*\Z")  # a code, a column, a file
_DRAWN = {"textcoords", "xycoords", "family", "transform", "layout"}  # words of matplotlib
_CODE = re.compile(
    r"""[=!]= | [a-z]_[a-z].*\  | \ in\ @ | \\[bdwsu(\[] | \(\?     # expressions and patterns
    | ^[({\[<][^})\]>]*$ | ^\[A-Z | ^%%                         # a bracket alone, a magic
    | ^[\w/-]*\*[\w.-]*\.\w+$ | ^\*\.                           # files of one kind
    | </?[a-z] | &amp; | ;base64, | ^[\w:-]+=[\"{]                 # HTML and its attributes
    | ^\w+/[\w.+-]+$ | ^DC\. | ^\#[0-9a-f]{6}$                    # kinds of content, colours
    | \w->\w | ^\#\w+[ (] | ^\.(?:\w+(?:[ ]\.|$)|\{)             # einsum, typst, endings of files
    | ^[\w-]+:\S+(?:;|$) | ^var\( | ^>.*<$ | ^\{[ ]\}              # styles, what Word and Atom hold
    | ^--?[a-z]+(?:[= ]|$) | ^[A-Z]+_[A-Z_]+$                     # options, variables of a system
    | ^import\ \w | ^exec\ +$ | ^[A-Z]{2,}[a-z]+$                # a program in a line, CSVWriter
    | ^[A-Z][a-z]+(?:[A-Z][a-z]+)+$ | ^[a-z]+[A-Z]\w*$           # CamelCase, camelCase
    """,
    re.VERBOSE,
)
_SURE = (
    16  # letters of a message from which on it made a text that fits, though a part is not known
)
_LONG = 99  # letters, as it were, of a mark between two parts
_CODE_ROOT = Path(_language.__file__).parent
_LISTS = tomllib.loads(Path(__file__).with_name("translate.toml").read_text("utf-8"))
ROOMS: dict[str, list[str]] = _LISTS["rooms"]
"""Files of messages and the rooms, below ``analysis``, from whose code they come."""
_WORDS: dict[str, list[str]] = _LISTS["words"]
_WORDS_IN: dict[str, list[str]] = _LISTS["words-in"]
_PAGES = {f"{name}.html.j2" for name in _LISTS["templates"]}
_DOCUMENTED = (ast.Module, ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Found:
    """What a pass over the files of messages came to."""

    file: str
    new: int
    doubtful: int
    unused: int
    untranslated: int
    unbuilt: tuple[str, ...] = ()  # datasets whose messages are kept, though nobody can see them

    @property
    def counts(self) -> dict[str, int]:
        """What it came to, by the words in which it is said."""
        words = ("new", "changed, to be read again", "unused", "without a translation")
        return dict(
            zip(words, (self.new, self.doubtful, self.unused, self.untranslated), strict=True)
        )


# ---- what there is to say ----


def texts(tree: ast.AST, *, raised: bool = False) -> Iterator[tuple[str, int]]:
    """Yield what the code may say to a reader, whole sentences with places, and their lines.

    What it raises speaks to whoever runs it, and is ``raised``.

    Examples
    --------
    >>> code = "table(f, 'x', f'Change to {until}' + (' and back' if both else ''))"
    >>> [text for text, _ in texts(ast.parse(code))]
    ['Change to {until} and back', 'Change to {until}', ' and back']
    """
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and (not raised or _is_for_programs(node)):
            passed |= set(map(id, ast.walk(node)))
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
    if isinstance(node, ast.Compare):
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


def _is_for_programs(node: ast.Raise) -> bool:
    """Whether a person never reads what is raised: an error of Python's own."""
    return isinstance(node.exc, ast.Call) and hasattr(builtins, getattr(node.exc.func, "id", ""))


@cache
def _of_code(code: str, *, raised: bool) -> list[str]:
    return [text for text, _ in texts(syntax.parse(code), raised=raised)]


@cache
def _raised(code: str) -> list[str]:
    raises = (node for node in ast.walk(syntax.parse(code)) if isinstance(node, ast.Raise))
    spoken = (node.exc for node in raises if node.exc and not _is_for_programs(node))
    return [text for exc in spoken for text, _ in texts(exc)]


def _is_said(text: str) -> bool:
    words = _language.PLACE.sub(" ", re.sub("`[^`]*`", " ", text))
    return bool(
        re.search(r"[A-Za-z]{2}", words)
        and not (_NAME.match(words.strip()) and " " not in text.strip())
        and not _CODE.search(words)
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
            pieces.append(choices or [f"{{{_place(value)}}}"])  # {name!r} says another thing
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


def _of_room(names: Iterable[str], *, raised: bool) -> dict[str, str]:
    """Return what rooms say: their code, their templates, the labels and words in their data."""
    found: dict[str, str] = {}
    for name in names:
        path = _CODE_ROOT / name
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            where = file.relative_to(_CODE_ROOT.parent).as_posix()
            if file.suffix == ".py":
                said = _of_code(file.read_text("utf-8"), raised=raised)
            elif file.name in _PAGES:
                said = list(_of_template(file.read_text("utf-8")))
            elif file.suffix == ".js":
                said = [
                    _numbered(text) for text in _language.SCRIPT.findall(file.read_text("utf-8"))
                ]
            elif file.name in _WORDS:
                said = list(_of_toml(file))
            else:
                continue
            # one capital word is pandoc's name of an element
            is_named = "/documents/" in where
            found |= {t.strip(): where for t in said if not (is_named and t.strip().isalpha())}
    return found


def _of_toml(file: Path) -> Iterator[str]:
    """Yield what a file of labels, of questions, of commands, of what a page cannot hold, says."""
    tables = tomllib.loads(file.read_text("utf-8"))
    for entry in (tables.get(name, {}) for name in _WORDS_IN.get(file.name, tables)):
        said = [entry.get(key) for key in _WORDS[file.name]]
        if not _WORDS[file.name]:  # texts, or what must be done with each
            said = [text if isinstance(text, str) else text[-1] for text in entry.values()]
        said += [taken[1] for taken in entry.get("takes", ()) if isinstance(taken, list)]
        for text in filter(None, said):
            if _is_said(text) or "says" in _WORDS[file.name] or not _WORDS[file.name]:
                yield re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", text)


def _numbered(text: str) -> str:
    """Return a text of a script with places for its numbers."""
    count = itertools.count(1)
    return re.sub(
        r"\$\{[^}]*\}", lambda _: "{n}" if (at := next(count)) == 1 else f"{{n{at}}}", text
    )


def _of_errors() -> dict[str, str]:
    """Return what is raised in any room."""
    found: dict[str, str] = {}
    for file in sorted(_CODE_ROOT.rglob("*.py")):
        where = file.relative_to(_CODE_ROOT.parent).as_posix()
        found |= dict.fromkeys(_raised(file.read_text("utf-8")), where)
    return found


# ---- templates ----

_MARK = re.compile("\x02(\\d+)\x03")
_UNSEEN = re.compile(r"(<(style|script|pre|code)\b[^>]*>).*?</\2>", re.DOTALL)
_ELEMENT = re.compile(r"<[^>]*>")
_SPOKEN = re.compile(r'\b(?:alt|aria-label|title|data-head)="([^"]*)"')


def _of_template(source_: str) -> Iterator[str]:
    """Yield what a template says between its tags and in what is read out, with places.

    Examples
    --------
    >>> source = '<p title="A key">{% if n %}{{ n }} copies{% else %}None{% endif %} left</p>'
    >>> list(_of_template(source))
    ['A key', '{n} copies left', 'None left']
    """
    from jinja2 import Environment  # noqa: PLC0415

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template, choices = environment.parse(source_), list[list[str]]()
    page = _UNSEEN.sub(r"\1", _markup(template.body, choices))
    spoken = [match[1] for tag in _ELEMENT.findall(page) for match in _SPOKEN.finditer(tag)]
    for text in [*spoken, *_ELEMENT.split(page)]:
        for made in _spelt(" ".join(text.split()), choices):
            said = _named_apart(" ".join(made.split()))
            if re.search("[A-Za-z]{2}", _language.PLACE.sub("", said)):
                yield said
    yield from (text for text in _words_of(template) if _is_said(text))


def _markup(nodes_: Iterable[Any], choices: list[list[str]]) -> str:
    """Return a template with a mark where one of several texts, or what is not known, stands."""
    from jinja2 import nodes  # noqa: PLC0415

    def marked(options: list[str]) -> str:
        choices.append(options)
        return f"\x02{len(choices) - 1}\x03"

    made = ""
    for node in nodes_:
        if isinstance(node, nodes.TemplateData):
            made += node.data
        elif isinstance(node, nodes.Output):
            made += _markup(node.nodes, choices)
        elif isinstance(node, nodes.If):
            rest = [*node.elif_, nodes.If(node.test, node.else_, [], [])] if node.elif_ else []
            branches = [_markup(part, choices) for part in (node.body, rest or node.else_)]
            if any("<" in part for part in branches):
                made += "<>" + "<>".join(branches) + "<>"
            else:
                made += marked([text for part in branches for text in _spelt(part, choices)])
        elif isinstance(node, nodes.For):
            made += f"<>{_markup(node.body, choices)}<>{_markup(node.else_, choices)}<>"
        elif isinstance(node, nodes.Macro | nodes.AssignBlock):
            made += f"<>{_markup(node.body, choices)}<>"
        elif isinstance(node, nodes.Expr):
            made += "<>" if _is_markup(node) else marked(_chosen(node))
    return made


def _is_markup(node: Any) -> bool:  # noqa: ANN401  (jinja2 is imported when it is read)
    """Whether an expression of a template is HTML already: what a macro makes, or is safe."""
    from jinja2 import nodes  # noqa: PLC0415

    if isinstance(node, nodes.Filter):
        return bool(node.name == "safe")
    maker = node.node if isinstance(node, nodes.Call) else None
    of = maker.node if isinstance(maker, nodes.Getattr) else maker
    return isinstance(of, nodes.Name) and (of is maker or of.name == "parts")


def _spelt(text: str, choices: list[list[str]]) -> list[str]:
    """Return every text that a text with marks can be."""
    pieces = _MARK.split(text)
    return _combined([choices[int(p)] if at % 2 else [p] for at, p in enumerate(pieces)])


def _chosen(node: Any) -> list[str]:  # noqa: ANN401  (jinja2 is imported when it is read)
    """Return what an expression of a template can say."""
    from jinja2 import nodes  # noqa: PLC0415

    if isinstance(node, nodes.Const):
        return [str(node.value)]
    if isinstance(node, nodes.CondExpr):
        return [*_chosen(node.expr1), *(_chosen(node.expr2) if node.expr2 else [""])]
    if isinstance(node, nodes.Concat):
        return _combined([_chosen(part) for part in node.nodes])
    named = (node, *node.find_all((nodes.Getattr, nodes.Name)))
    names = [getattr(n, "attr", getattr(n, "name", "")) for n in named]
    name = next((n for n in names if n not in {"", "format", "length", "join"}), "value")
    return [f"{{{name}#{zlib.crc32(repr(node).encode())}}}"]


def _words_of(template: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the words that a template keeps in variables and hands over."""
    from jinja2 import nodes  # noqa: PLC0415

    for node in template.find_all((nodes.Assign, nodes.Call)):
        for part in node.find_all(nodes.Const):
            if isinstance(part.value, str):
                yield part.value


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


_OF_DATASET = "data/raw, "  # before the name of the dataset that says a message


def _unbuilt(file: Path) -> dict[str, str]:
    """Return the messages of datasets that are not built here: they may be said as before."""
    built = {folder.parent.name for folder in paths.processed().glob("*/manifest.json")}
    every = _language.read(file) if file.is_file() else ()
    of_datasets = (entry for entry in every if entry.comment.startswith(_OF_DATASET))
    return {
        entry.msgid: entry.comment
        for entry in of_datasets
        if entry.comment.removeprefix(_OF_DATASET) not in built
    }


def _of_data() -> dict[str, str]:
    """Return what cards and corrections say of the data, and by what words all of it is found."""
    found: dict[str, str] = {}
    for file in sorted(paths.processed().glob("*/manifest.json")):
        told = json.loads(file.read_bytes())
        texts_of = [told.get("title", ""), told.get("description", "")]
        for source_ in told.get("sources", ()):
            texts_of += [source_.get(key, "") for key in ("title", "producer", "licence")]
        found |= dict.fromkeys(texts_of, f"{_OF_DATASET}{file.parent.name}")
    corrections = paths.raw() / "corrections.csv"
    if corrections.is_file():
        with corrections.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                found |= dict.fromkeys(
                    (row[key] for key in ("reason", "says", "should_say", "decision")),
                    "data/raw/corrections.csv",
                )
    said = {text: where for text, where in found.items() if text and _is_said(text)}
    return said | dict.fromkeys(citation.of_package().keywords, "CITATION.cff")


def messages(code: str) -> dict[str, dict[str, str]]:
    """Return every message by file of messages, each with where it stands."""
    found = {
        name: _of_room(rooms, raised=name in _language.SPOKEN) for name, rooms in ROOMS.items()
    }
    found["library"] |= _of_registry()
    elsewhere = {text for name in ("library", "pages", "books") for text in found[name]}
    found["commands"] |= {t: at for t, at in _of_errors().items() if t not in elsewhere}
    for text in (set(found["pages"]) | set(found["library"])) & set(found["books"]):
        found["books"].pop(text)
    found["data"] = {**_unbuilt(_language.folder(code) / "data.po"), **_of_data()}
    for name, kept in _kept_of(set(_language.languages()) - {code}).items():
        found.setdefault(name, {}).update(kept)
    found["pages"] |= dict.fromkeys(filter(None, plan.titles()), "notebooks/plan.toml")
    own_kept = _kept_of({code} & set(_language.languages()))
    shared = _Known(t for n in _language.PAGES for t in (*found[n], *own_kept.get(n, ())))
    left = _of_pages(code)
    for stem, path in notebooks.find().planned.items():
        own = {t: where for t, where in _of_notebook(path).items() if not shared.has(t)}
        known = _Known([*shared.texts, *own, *own_kept.get(stem, ())])
        seen = {text for one in left.get(stem, ()) for text in known.needed(one)}
        found[stem] = {**dict.fromkeys(sorted(seen - own.keys()), "seen on a page"), **own}
    for text in _in_several(found):
        for said in found.values():
            said.pop(text, None)
        found["pages"][text] = "seen on several pages"
    return found


def _kept_of(codes: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return what languages keep that no source holds, as how pieces are put together."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(file for code in codes for file in _language.folder(code).glob("*.po")):
        kept = {e.msgid: e.comment for e in _language.read(file) if e.comment.startswith(_KEPT)}
        found.setdefault(file.stem, {}).update(kept)
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
        made.sort(key=lambda message: -message.letters)
        self._made = made
        self._needed: dict[str, list[str]] = {}

    def has(self, text: str) -> bool:
        """Whether it is one of them."""
        return _language.form(text) in self.texts

    def needed(self, text: str) -> list[str]:
        """Return what a translation of a text needs and none of them says."""
        key = _language.form(text)
        if key not in self._needed:
            self._needed[key] = []  # while it is looked for, it is no part of itself
            self._needed[key] = self._lacking(key)
        return self._needed[key]

    def _lacking(self, key: str) -> list[str]:
        if key in self.texts or _language.is_plain(key) or _language.in_two(key):
            return []
        made = (
            (list(found.groups()), message.letters)
            for message in self._made
            if (found := message.found_in(key))
        )
        split = (
            (parts, _LONG)
            for mark in ("; ", " · ", ": ", ". ")
            if len(parts := key.split(mark, 1)) > 1 and self.has(parts[0])
        )
        surest: list[str] | None = None
        for parts, letters in (*made, *split):
            lacking = [need for part in parts for need in self.needed(part)]
            if not lacking:
                return []
            if letters >= _SURE and surest is None:
                surest = lacking
        if surest is not None:
            return surest
        count = itertools.count(1)
        names = (f"{{n{'' if at == 1 else at}}}" for at in count)
        return [_COUNTED.sub(lambda _: next(names), key)]


# ---- the files of messages ----


def update(code: str, *, prune: bool = False) -> list[Found]:
    """Bring the files of messages of a language up to date, and say what was found in each.

    Where the language has no folder yet, it gets one.
    """
    if not re.fullmatch(r"[a-z]{2,8}", code) or code == "en":
        raise LianjianError(
            f"{code!r} is no language to translate into; it takes a short name in small letters "
            "that is not en, e.g. zh."
        )
    folder = _language.folder(code)
    folder.mkdir(parents=True, exist_ok=True)
    return [
        _update(folder / f"{name}.po", said, prune=prune, code=code)
        for name, said in sorted(messages(code).items())
        if said or (folder / f"{name}.po").is_file()
    ]


def _update(file: Path, said: dict[str, str], *, prune: bool, code: str) -> Found:
    """Merge what there is to say with what is translated."""
    import polib  # noqa: PLC0415  (where messages are written)
    from rapidfuzz import fuzz, process  # noqa: PLC0415

    old = _language.read(file) if file.is_file() else polib.POFile()
    known = {_language.form(entry.msgid): entry for entry in old}
    made = polib.POFile(wrapwidth=100)
    made.metadata = {"Language": _language.tag(code), "Content-Type": "text/plain; charset=UTF-8"}
    if rule := old.metadata.get("Plural-Forms"):
        made.metadata["Plural-Forms"] = rule
    kept = {key: entry for key, entry in known.items() if entry.comment.startswith(_KEPT)}
    every = ((_language.form(text), text, where) for text, where in said.items())
    wanted = {
        key: (text, where)
        for key, text, where in every
        if not (key in kept and where.startswith(_KEPT))  # which another language keeps as well
    }
    gone = {key: entry for key, entry in known.items() if key not in {**wanted, **kept}}
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
    made.extend(entry for key, entry in kept.items() if key not in wanted)
    unused = sum(not entry.obsolete for entry in gone.values())
    for entry in gone.values():
        entry.obsolete, entry.comment = True, ""
        if entry.msgstr and not prune:
            made.append(entry)
    write_text(file, str(made).rstrip("\n") + "\n")
    empty = sum(not entry.translated() for entry in made if not entry.obsolete)
    held = _unbuilt(file).values()
    unbuilt = tuple(sorted({where.removeprefix(_OF_DATASET) for where in held}))
    return Found(file.name, new, doubtful, unused, empty, unbuilt)
