"""The language in which a page is written: what a text says in it, from ``translations``.

A folder of ``translations`` is a language. Its ``.po`` files hold messages: the English text, with
places in braces, and what it says there. Nothing in a notebook or a module is marked: a text is
looked up as it stands, and else by the message of whose places it could be made. ``{n}`` is a place
for a number, as is one that is said to be a year; any other place takes words, which are looked up
in turn, save between backticks. A text that no message says stays English, and is counted.
"""

import gettext
import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from html import escape, unescape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from analysis import paths
from analysis.errors import LianjianError

if TYPE_CHECKING:
    import polib

PLACE = re.compile(r"\{([^{}]*)\}")
_KEYED = re.compile(r"\{[^{}]*\{[^{}]*\}[^{}]*\}")  # a place in a number's name
_EITHER = re.compile(f"{_KEYED.pattern}|{PLACE.pattern}")
_NUMBER = r"[-−+±<>≥≤]?[0-9](?:[0-9,.]*[0-9])?%?|∞|–"
# a space before a unit, a mark: as a language may not write them
_SIGN = re.compile(r"\d (?:万?元|%|s\b)|: |[^\x00-\x7f](?:, |\"? ?\()")
_CODE = re.compile(r"`[^`]*`")
_PRINTED = re.compile(r"\S.*\S")
_COLUMNS = re.compile(r"\S {2,}\S|\t")
_WORD = re.compile(r"[A-Za-z]{2,}")
_INSIDE = re.compile(r"(?<![A-Za-z{}])[A-Za-z]{2,}(?![A-Za-z{}])")  # a word that touches no place
_HAN = re.compile(r"[\u3400-\u9fff]")
# msgstr "…", a text that goes on: "…", a comment, nothing
_LINE = re.compile(
    r'\s*(?:#.*|(?:msg(?:id|id_plural|ctxt|str(?:\[\d+\])?)\s*)?"(?:[^"\\]|\\.)*")?\s*'
)
# as no word stands in Chinese, but a name of something: Lianjian 0.1.0
_APART = re.compile(r"(?:^|\s)[a-z]{2,}|(?<![A-Za-z])[a-z]{2,}(?:\s|$)")
# what stands in every language as it is: addresses, names of files and fields, ids, CAPITALS, signs
_SHAPES = re.compile(
    r"https?://\S+|[\w.-]*[/_@#][\w./@#-]*|[\w\u3400-\u9fff-]+\.[a-z]{2,5}\b|\b[\w-]*\d[\w-]*\b"
    r"|\b[A-Z][A-Z-]{1,7}\b|\b[0-9a-f]{12,}\b|\[@[^\]]*\]|`[^`]*`|\b[ivx]+\b|\{[^{}]*\}"
    r"|\b\w+ = (?=\S)",
    re.ASCII,
)
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\u2009": " "})
_SPACES = re.compile(r"[ \t]+")
_TWICE = re.compile(r"([^\u3400-\u9fff]*[A-Za-z][^\u3400-\u9fff]*?) ([\u3400-\u9fff][^A-Za-z]*)\Z")
_ECIWT = re.compile(r"([\u3400-\u9fff][^A-Za-z]*) ([A-Za-z][^\u3400-\u9fff]*)\Z")
PAGES = ("data", "library", "pages")
"""Files of messages that every page is made from; a page has those of its notebook besides."""
EVERY = "*"
"""Instead of the name of a notebook: its messages and those of all others."""
SPOKEN = ("books", "commands")
"""Files of messages for who works with lianjian: the issues of books, the command line."""
SCRIPT = re.compile(r"`((?:\$\{[^}]*\}|[^`$\n])* [a-z]{2,} [^`$\n]*)`")
"""A sentence in a script, with places as JavaScript has them."""
_PART = re.compile(r"(?:\A|[\s(“\"'`])\Z")  # before a place that is never empty
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")  # what somebody typed, as an error says it
_SAME = re.compile("dataset|key|.*_names")  # places for what is called the same in every language
SETTING, STYLE, CITED = "language.toml", "page.css", "references.csl"
"""What may stand beside the messages of a language: how it is set, styled, and cites works."""
OF_BOOKS = "zh-Hans"
"""The language of the books, in which the registry names everything besides English."""
_GIVEN = "dataset_title"  # the place for what somebody called a dataset, in whatever language
_NAMES = {"name", "slug", "report", "notebook", "file", "folder", "path", "rows"}
_CLAUSE = re.compile("[;:] ")  # which parts reasons, and is in no name
_ITEM_OF = r"(?=[^,]*[A-Za-z\u3400-\u9fff])[^\s,]+"
_LIST = re.compile(f"{_ITEM_OF}(?:, {_ITEM_OF})+")  # some names
_FEW = 3  # words of a name, letters of a word
_SURE = 5  # letters of a message that stands though its places hold what somebody named
_DEEPEST = 24  # how often a place is looked into: lists of lists of words


def form(text: str) -> str:
    """Return a text as messages are compared: straight quotes, single spaces.

    Examples
    --------
    >>> form(" a  “naive”\u00a0gain ")
    'a "naive" gain'
    """
    return _SPACES.sub(" ", text if text.isascii() else text.translate(_QUOTES)).strip()


def in_two(text: str) -> tuple[str, str] | None:
    """Return the English and the Chinese of a text that says one thing in both.

    Examples
    --------
    >>> in_two("Operating income 经营性收入"), in_two("环县 Huan County"), in_two("环县")
    (('Operating income', '经营性收入'), ('Huan County', '环县'), None)
    """
    if not _HAN.search(text):
        return None
    if found := _TWICE.match(text):
        return found[1], found[2]
    found = _ECIWT.match(text)
    return (found[2], found[1]) if found else None


@lru_cache(maxsize=4096)  # each language asks it of the same words
def is_plain(text: str) -> bool:
    """Whether a text stands in every language as it is: numbers, signs, ids, names of files.

    Examples
    --------
    >>> is_plain("−2.35 (621022)"), is_plain("panel.csv, DID"), is_plain("Mean gain")
    (True, True, False)
    """
    return not _WORD.search(_SHAPES.sub(" ", text))


def is_chinese(text: str) -> bool:
    """Whether a text is Chinese, whatever names it holds: no word of it is parted by spaces.

    Examples
    --------
    >>> is_chinese("用Wilcoxon符号秩检验"), is_chinese("村委会、村民委员会 or nothing")
    (True, False)
    """
    words = _SHAPES.sub(" ", text)
    return len(_HAN.findall(text)) > 2 * len(_WORD.findall(words)) and not _APART.search(words)


def _is_name(text: str) -> bool:
    """Whether a text can be what somebody called a thing: a few words at most, no clauses."""
    return not _CLAUSE.search(text) and len(_WORD.findall(_SHAPES.sub(" ", text))) <= _FEW


def _closed(part: str) -> bool:
    """Whether a part of a text holds both ends of each bracket."""
    return part.count("(") == part.count(")")


class Counted(str):
    """What a message says by how many there are, as its file counts; of no count, the last form."""

    __slots__ = ("forms", "which")
    forms: tuple[str, ...]
    which: Callable[[int], int]

    def of(self, number: str) -> str:
        """Return the form for a number as it is written."""
        digits = number.replace(",", "")
        return self.forms[self.which(int(digits))] if digits.isdecimal() else str(self)


@dataclass(frozen=True)
class Message:
    """A text with places, and what it says in a language."""

    text: str
    said: str

    @cached_property
    def letters(self) -> int:
        """How much of it is no place: the more, the surer is a match."""
        return len(re.sub(r"\W", "", PLACE.sub("", self.text)))

    @cached_property
    def _pieces(self) -> list[str]:
        return PLACE.split(self.text)[::2]

    @cached_property
    def core(self) -> str:
        """The longest piece of it, without which a text is none of its making."""
        return max(self._pieces, key=len)

    def found_in(self, text: str) -> re.Match[str] | None:
        """Return what stands in its places in a text that it could have made."""
        found = self.pattern.fullmatch(text) if self._stands_in(text) else None
        if found is None or (_closed(text) and not all(map(_closed, found.groups()))):
            return None
        return found

    def _stands_in(self, text: str) -> bool:
        """Whether its pieces stand in a text in their order.

        One pass tells it, where a pattern that does not match tries each way to fill places that
        touch, for minutes.
        """
        at, (first, *inner, last) = 0, self._pieces
        if not (text.startswith(first) and text.endswith(last)):
            return False
        for piece in (first, *inner):
            at = text.find(piece, at)
            if at < 0:
                return False
            at += len(piece)
        return at + len(last) <= len(text)

    @cached_property
    def word(self) -> str:
        """The longest word of its own, which is in whatever it made; empty where none is whole."""
        return max(_INSIDE.findall(f" {PLACE.sub('{}', self.text)} "), key=len, default="")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Which texts it could have made; places of one name hold the same."""
        names: list[str] = []
        pieces = PLACE.split(self.text)
        for at in range(1, len(pieces), 2):
            name = pieces[at]
            if name in names:
                pieces[at] = f"(?P=p{names.index(name)})"
                continue
            names.append(name)
            counted = re.fullmatch(r"n\d*", name) or f"{{{name}}}年" in self.said
            words = ".+?" if _PART.search(pieces[at - 1]) else ".*?"
            kind = rf"{_NUMBER}|\{{[\w-]+\}}" if counted else words
            pieces[at] = f"(?P<p{len(names) - 1}>{kind})"
        pieces[::2] = [re.escape(piece) for piece in pieces[::2]]
        return re.compile("".join(pieces), re.DOTALL)

    @cached_property
    def places(self) -> list[str]:
        """The names of its places, each once, in their order."""
        return list(dict.fromkeys(PLACE.findall(self.text)))

    @cached_property
    def counts(self) -> bool:
        """Whether all its places are for numbers."""
        return all(re.fullmatch(r"n\d*", name) for name in self.places)

    def swallows(self, found: re.Match[str]) -> bool:
        """Whether a clause stands in a place that another message may part better."""
        parts = found.groups()
        if "; " in self.text:
            return False
        if any("; " in part or part.endswith((":", ",")) for part in parts):
            return True
        if self.text[0] == "{" and ": " in parts[0]:
            return True
        if len(self.word) >= _SURE and any(self.word in part for part in parts):
            return True  # an item of a list, with all others in its place
        return self.letters < _FEW and ": " not in self.text and any(": " in part for part in parts)

    @cached_property
    def typed(self) -> set[str]:
        """The places that say the same in every language: what one types, names of numbers."""
        code, key = (PLACE.findall(" ".join(p.findall(self.text))) for p in (_CODE, _KEYED))
        elsewhere = {*key} & {*PLACE.findall(_KEYED.sub("", self.text))}
        return ({*code, *key} - elsewhere) | set(filter(_SAME.fullmatch, self.places))

    def filled(self, parts: Sequence[str], found: Sequence[str]) -> str:
        """Return what it says with these in its places, each once, in their order.

        In the name of a number stands what was ``found``.
        """
        words, names = (dict(zip(self.places, each, strict=True)) for each in (parts, found))

        def one(place: re.Match[str]) -> str:
            if place[1] is not None:
                return words[place[1]]
            return f"{{{PLACE.sub(lambda inner: names[inner[1]], place[0][1:-1])}}}"

        said = self.said
        if isinstance(said, Counted):
            said = said.of(next((text for text in found if text[:1].isdecimal()), ""))
        return _EITHER.sub(one, said)


class Language:
    """A language with its messages, and what was asked of it so far."""

    def __init__(self, code: str, own: str = "") -> None:
        self.code = code
        self.tag = tag(code)
        self.asked: dict[str, bool] = {}
        self.catalogue = _messages(files(code, own))

    def says(self, text: str) -> str:
        """Return what a text says in this language; the text itself where no message does."""
        return self._put(text, strict=True)

    def tells(self, text: str) -> str:
        """Return what an error or a command says, in whose places stand names of any language."""
        said = self._put(text, strict=True)
        return self._put(text, strict=False) if said == text else said

    def prints(self, line: re.Match[str]) -> str:
        """Return a line that was printed as it says it, if it does: nobody promised that."""
        said, whole = self._look(form(line[0]), 0, strict=True)
        return said if whole and not _COLUMNS.search(line[0]) else line[0]

    def _put(self, text: str, *, strict: bool) -> str:
        put = self.catalogue.put[strict]
        if text not in put:
            put[text] = self._put_anew(text, strict=strict)
        made, asked, whole = put[text]
        if asked:
            self.asked[asked] = whole
        return made

    def _put_anew(self, text: str, *, strict: bool) -> tuple[str, str, bool]:
        """Return what a text says, what is asked for by it if it has words, and whether it is."""
        key = form(text)
        has_words = bool(_WORD.search(key)) or key in self.catalogue.exact
        if not has_words and not _SIGN.search(key) and not _LIST.fullmatch(key):
            return text, "", True
        said, whole = self._look(key, 0, strict=strict)
        asked = key if has_words and not is_plain(key) else ""  # an id may look like a word
        if not whole:
            return text, asked, False
        self.catalogue.known[strict][form(said)] = said, True  # a page is asked for what it says
        if "“" in text:  # straight while texts are compared
            said = re.sub(r'"([^"]*)"', r"“\1”", said)
        lead, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
        if _HAN.match(said.lstrip("（《“")):
            lead = lead.strip(" ")  # Chinese parts words by no space
        return f"{lead}{said}{tail}", asked, True

    @property
    def missing(self) -> list[str]:
        """The texts asked for that no message says."""
        return [text for text, whole in self.asked.items() if not whole]

    def _look(self, key: str, depth: int, *, strict: bool) -> tuple[str, bool]:
        known = self.catalogue.known[strict]
        if key not in known:
            known[key] = self._looked(key, depth, strict=strict)
        return known[key]

    def mark(self, sign: str) -> str:
        """Return a mark that parts words, with the space behind it: a message of its own."""
        return self.catalogue.exact.get(sign, f"{sign} ")

    def _listed(self, names: str) -> str:
        return names.replace(", ", self.mark(",")) if _LIST.fullmatch(names) else names

    def _given(self, title: str, depth: int, *, strict: bool) -> tuple[str, bool]:
        """Return a title by its translation where it has one: whoever gave it chose its words."""
        words, whole = self._look(form(title), depth + 1, strict=strict)
        return (words if whole else title), True

    def _looked(self, key: str, depth: int, *, strict: bool) -> tuple[str, bool]:
        if (own := self.catalogue.exact.get(key)) is not None:
            return own, True
        both = in_two(key) or ("", "")
        said = self.catalogue.exact.get(both[0], "")
        if said and (
            said == both[1] or not is_of_books(self.code)
        ):  # others say the English of the two
            return said, True
        items = key.split(", ")
        if len(items) >= _FEW and all(item in self.catalogue.exact for item in items):
            return self.mark(",").join(map(self.catalogue.exact.__getitem__, items)), True
        is_same = is_plain(key) and not _HAN.search(key) and not _SIGN.search(key)
        is_ours = is_plain(key) or is_chinese(key)
        if _QUOTED.fullmatch(key) or (is_ours and _LIST.fullmatch(key)):
            return self._listed(key), True
        named = set() if strict else _NAMES
        later: list[Message] = []  # those that would hold clauses which they do not part
        for message in chain(self.catalogue.like(key), later) if depth < _DEEPEST else ():
            if not (found := message.found_in(key)) or (is_same and not message.counts):
                continue
            if message.swallows(found) and message not in later:
                later.append(message)
                continue
            parts = [
                (self._listed(part), True)
                if name in message.typed or (name in named and not _CLAUSE.search(part))
                else self._given(part, depth, strict=strict)
                if name == _GIVEN
                else self._look(form(part), depth + 1, strict=strict)
                for name, part in zip(message.places, found.groups(), strict=True)
            ]
            sure = not strict and message.letters >= _SURE
            if all(whole or (sure and _is_name(part)) for part, whole in parts):
                return message.filled([part for part, _ in parts], found.groups()), True
        return key, is_ours


def at_the_terminal(asked: str = "") -> Language | None:
    """Return the language of who types: as asked for, set, or as the system has it; None: English.

    ``LIANJIAN_LANGUAGE`` sets it, before ``LC_ALL``, ``LC_MESSAGES`` and ``LANG``.
    """
    names = ("LIANJIAN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    system = next(filter(None, map(os.environ.get, names)), "")
    code = asked or re.split(r"[_.@-]", system)[0].lower()
    if code == "en" or (not asked and code not in languages()):
        return None
    return Language(checked(code), EVERY)


_current: ContextVar[tuple[Language | None] | None] = ContextVar("language", default=None)
_session: list[Language] = []  # of a person at a desk, in whose every cell it holds


def current() -> Language | None:
    """Return the language in which is written now; None is English."""
    written = _current.get()
    return written[0] if written else next(iter(_session), None)


def language(code: str) -> None:
    """Speak a language at the desk: in charts, tables, sentences and errors.

    The page of a report is in the languages of its run, whatever its notebook speaks.

    Parameters
    ----------
    code : str
        ``"zh"``, or another folder of ``translations``; ``"en"`` is English again.

    Raises
    ------
    LianjianError
        There is no such language.

    Examples
    --------
    >>> language("en")
    """
    found = [] if code == "en" else [Language(checked(code), EVERY)]
    if "LIANJIAN_KERNEL" not in os.environ:  # a report's own kernel
        _session[:] = found


@contextmanager
def writing(code: str, own: str = "") -> Iterator[Language | None]:
    """Write in a language, with the messages of one notebook before all others."""
    found = None if code == "en" else Language(checked(code), own)
    token = _current.set((found,))
    try:
        yield found
    finally:
        _current.reset(token)


def said(text: str) -> str:
    """Return what a text says in the language of now; in English the text itself."""
    language = current()
    return text if language is None else language.says(text)


def told(text: str) -> str:
    """Return what an error says in the language of now; in English the text itself."""
    language = current()
    return text if language is None else language.tells(text)


def printed(text: str) -> str:
    """Return what a cell printed with those lines in the language of now that it says."""
    language = current()
    return text if language is None else _PRINTED.sub(language.prints, text)


def mark(sign: str) -> str:
    """Return a mark that parts words in the language of now, with the space behind it.

    Examples
    --------
    >>> mark(":")
    ': '
    """
    language = current()
    return f"{sign} " if language is None else language.mark(sign)


def sentences(*texts: str) -> str:
    """Return some sentences of the language of now, one behind the other.

    Examples
    --------
    >>> sentences("One.", "", "Two.")
    'One. Two.'
    """
    return mark(".")[1:].join(filter(None, texts))


def folder(code: str = "") -> Path:
    """Return where the messages of a language lie, or the folder of all languages."""
    return paths.root() / "translations" / code


def languages() -> list[str]:
    """Return the languages that there are besides English."""
    return sorted(path.name for path in folder().glob("[a-z]*") if path.is_dir())


def checked(code: str) -> str:
    """Return a language, if it is one of those that there are."""
    if code in languages():
        return code
    code_names = ", ".join(["en", *languages()])
    raise LianjianError(
        f"There is no language {code!r}; pages can be in: {code_names}. A language is a folder of "
        "translations; `lianjian translate` makes one."
    )


def files(code: str, own: str = "") -> list[Path]:
    """Return the files from which a page in a language is made: the shared ones and its own."""
    if own == EVERY:
        return sorted(folder(code).glob("*.po"))
    names = (*PAGES, *(SPOKEN if own in SPOKEN else [own]))  # what a later one says holds
    return [file for name in names if (file := folder(code) / f"{name}.po").is_file()]


def fingerprint(code: str, own: str) -> str:
    """Return a hash of what a page in a language says its texts by."""
    beside = (folder(code) / name for name in (SETTING, STYLE, CITED))
    every = [*files(code, own), *filter(Path.is_file, beside)]
    said = "".join(f"{path.name} {_hash(path)}\n" for path in every)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def tag(code: str) -> str:
    """Return how HTML names a language: as the head of its first file of messages does.

    Examples
    --------
    >>> tag("en"), tag("zh")
    ('en', 'zh-Hans')
    """
    return next((found for file in files(code) if (found := _named_in(file))), code)


@lru_cache
def _named_in(file: Path) -> str:
    named = re.search(r'^"Language: *([\w-]+)', file.read_text("utf-8", "replace"), re.MULTILINE)
    return named[1] if named else ""


@dataclass(frozen=True)
class Setting:
    """How a language is set and ordered, as ``language.toml`` of its folder says."""

    locale: str = ""  # language and country, for what checks spelling and reads aloud
    pandoc: str = ""  # as pandoc calls it, where pandoc has words of it
    script: str = "Latin"
    order: str = ""  # an encoding in which texts lie in their order
    folder: Path | None = field(default=None, compare=False)

    def file(self, name: str) -> Path | None:
        """Return a file that its folder may hold; None where it does not."""
        file = self.folder and self.folder / name
        return file if file and file.is_file() else None

    @property
    def is_han(self) -> bool:
        """Whether quotes are as wide as its signs, bold is a face of its own, nothing slants."""
        return self.script == "Han"

    def place(self, text: str) -> tuple[bool, bytes]:
        """Return by what a text is put in order; beside another script Latin stands behind."""
        return self.script != "Latin" and text[:1].isascii(), text.encode(self.order, "replace")


def setting(tag_of: str) -> Setting:
    """Return how a language is set, which HTML names so; one without a folder as English is.

    Examples
    --------
    >>> setting("en").locale, setting("zh-Hans").locale
    ('en-GB', 'zh-CN')
    >>> sorted(["周力", "Chen S", "陈雪原", "财政部"], key=setting("zh-Hans").place)
    ['财政部', '陈雪原', '周力', 'Chen S']
    """
    if tag_of == "en":
        return Setting("en-GB", "en-GB")
    own = next((folder(code) for code in languages() if tag(code) == tag_of), None)
    said = Setting(folder=own).file(SETTING)
    told = tomllib.loads(said.read_text("utf-8")) if said else {}
    if said and (unknown := sorted(set(told) - {"locale", "pandoc", "script", "order"})):
        raise LianjianError(
            f"{_where(said)} says {unknown[0]!r}; it can say locale, pandoc, script and order."
        )
    return Setting(**told, folder=own)


def is_of_books(code: str) -> bool:
    """Whether a language is that of the books, which names many things beside English."""
    return OF_BOOKS.partition("-")[0] == code


def page_file(code: str, file: str = "report.html") -> str:
    """Return the name of a page, or of another file, in a language.

    Examples
    --------
    >>> page_file("en"), page_file("zh"), page_file("zh", "report.pdf")
    ('report.html', 'report.zh.html', 'report.zh.pdf')
    """
    name, dot, ending = file.rpartition(".")
    return file if code == "en" else f"{name}.{code}{dot}{ending}"


def code() -> str:
    """Return the language of now."""
    language = current()
    return "en" if language is None else language.code


def name(code: str) -> str:
    """Return what a language calls itself.

    Examples
    --------
    >>> name("en")
    'English'
    """
    return "English" if code == "en" else _messages(files(checked(code))).exact.get("English", code)


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The messages of some files, and what texts they were found to say, strictly or not."""

    exact: dict[str, str]
    made: tuple[Message, ...]  # with places, those with the most words of their own first
    by_word: dict[str, list[int]]
    known: dict[bool, dict[str, tuple[str, bool]]]
    put: dict[bool, dict[str, tuple[str, str, bool]]]  # with the spaces and quotes around them

    def like(self, key: str) -> Iterator[Message]:
        """Yield the messages that may have made a text."""
        near = (self.by_word.get(word, ()) for word in {"", *_WORD.findall(key)})
        for at in sorted(chain.from_iterable(near)):
            if (message := self.made[at]).core in key:
                yield message


def _messages(every: Sequence[Path]) -> Catalogue:
    return _read(tuple((file, _hash(file)) for file in every))


@cache
def _read(every: tuple[tuple[Path, str], ...]) -> Catalogue:
    """Read the messages of files, each with a hash of its content: once a process."""
    exact: dict[str, str] = {}
    for file, content in every:
        exact |= _entries(file, content)
    made = [_message(text, said) for text, said in exact.items() if PLACE.search(text)]
    made.sort(key=lambda message: (-message.letters, -len(PLACE.sub("", message.text))))
    by_word: dict[str, list[int]] = {}
    for at, message in enumerate(made):
        by_word.setdefault(message.word, []).append(at)
    return Catalogue(exact, tuple(made), by_word, {True: {}, False: {}}, {True: {}, False: {}})


@cache
def _entries(file: Path, _content: str) -> dict[str, str]:
    """Read the finished messages of a file; a doubtful one (fuzzy) is none."""
    said: dict[str, str] = {}
    for entry in (entries := read(file)):
        if not entry.translated():
            continue
        words = _counted(entry, entries, file) if entry.msgstr_plural else entry.msgstr
        if strange := set(PLACE.findall(words)) - set(PLACE.findall(entry.msgid)):
            raise LianjianError(
                f"{_where(file)}: the translation of {entry.msgid!r} names {{{min(strange)}}}, "
                "which is no place of that text. Names in braces stay as they are."
            )
        said[form(entry.msgid)] = words
    return said


def _counted(entry: "polib.POEntry", entries: "polib.POFile", file: Path) -> Counted:
    """Return the forms of a message, and by which of them its file says how many there are."""
    forms = tuple(entry.msgstr_plural[at] for at in sorted(entry.msgstr_plural))
    rule = re.search(r"plural=([^;]+)", entries.metadata.get("Plural-Forms", ""))
    if rule is None:
        raise LianjianError(
            f"{_where(file)} has forms of {entry.msgid!r} by number, and its head does not say "
            "which is for what: a line such as Plural-Forms: nplurals=2; plural=(n != 1);"
        )
    said = Counted(forms[-1])
    said.forms, said.which = forms, gettext.c2py(rule[1])
    return said


def read(file: Path) -> "polib.POFile":
    """Read a file of messages whole, as ``.po`` files are written, or say which line is wrong."""
    import polib  # noqa: PLC0415  (only where a page has another language)

    try:
        text = file.read_text("utf-8-sig")
        for number, line in enumerate(text.split("\n"), 1):
            if not _LINE.fullmatch(line):  # polib would pass it over, or cut its last sign
                raise LianjianError(
                    f"{_where(file)}, line {number}, is no line of messages: {line.strip()!r}. "
                    'It is a comment (#), or msgid, msgstr or nothing before a text in "…".'
                )
        return polib.pofile(text)
    except (OSError, UnicodeDecodeError) as error:
        raise LianjianError(f"{_where(file)} is no file of messages: {error}") from None


def _where(file: Path) -> str:
    return f"translations/{file.parent.name}/{file.name}"


_message = cache(Message)  # that many files share


# ---- prose and pages ----

_HEADING = re.compile(r"(#{1,6}[ \t]+)(.+?)(?:[ \t]+#+)?\Z")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s")


def blocks(source: str) -> Iterator[tuple[str, str]]:
    r"""Yield what leads each block of some Markdown, and its text with its lines joined.

    A block is a paragraph, a heading, a list or a table; one of code or of formulas has no text,
    and stands in what leads the next.

    Examples
    --------
    >>> list(blocks("# A\nb\nc\n\n- d\n  e\n- f"))
    [('# ', 'A'), ('\n', 'b c'), ('\n\n', '- d e\n- f')]
    """
    lead, lines, fenced = "", list[str](), False

    def text() -> str:
        if lines[0].lstrip().startswith("|"):
            return "\n".join(line.strip() for line in lines)
        joined = lines[0]
        for line in lines[1:]:
            joined += f"\n{line.rstrip()}" if _ITEM.match(line) else f" {line.strip()}"
        return joined.strip()

    for number, line in enumerate(source.splitlines()):
        start = "\n" if number else ""
        heading = None if fenced else _HEADING.match(line)
        opens = line.lstrip().startswith(("```", "$$", "~~~"))
        if lines and (heading or opens or not line.strip()):
            yield lead, text()
            lead, lines = "", []
        if heading:
            yield f"{lead}{start}{heading[1]}", heading[2]
            lead = ""
        elif fenced or opens or not line.strip() or line.lstrip().startswith("<"):
            lead += start + line
            one_line = line.strip() != "$$" and line.rstrip().endswith("$$")
            fenced = fenced != (opens and not one_line)
        else:
            lead += "" if lines else start
            lines.append(line)
    if lines or lead:
        yield lead, text() if lines else ""


def markdown(source: str, headings: dict[str, str] | None = None, *, marked: bool = True) -> str:
    """Return some Markdown in the language of now, block by block; English ones say that they are.

    ``headings`` is told which heading stands for which, so that addresses stay.
    """
    language = current()
    if language is None:
        return source
    made = ""
    for lead, text in blocks(source):
        words = said(text) if text else ""
        is_heading = lead.endswith((" ", "\t")) and "#" in lead
        if is_heading and headings is not None:
            headings[form(words)] = text
        if marked and text and not is_heading and not language.asked.get(form(text), True):
            words = f'<div lang="en">\n\n{text}\n\n</div>'
        made += lead + words
    return made


def lacks(source: str) -> bool:
    """Whether the language of now does not say some block of this Markdown."""
    language = current()
    return language is not None and not all(
        language.asked.get(form(text), True) for _, text in blocks(source) if text
    )


_TOKEN = re.compile(r"(<!--.*?-->|<[^>]+>)", re.DOTALL)
_IN_TEXT = re.compile(r"(<(?:title|option)\b[^>]*>)<span lang=\"en\">([^<]*)</span>")
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)")
_SIBLING = re.compile(r'href="\.\./([\w.-]+)/report\.html')
_OF_ALL = re.compile(r'href="(\.\./index|feed)\.(html|xml)"')  # of which each language has one
_SPOKEN = re.compile(r'\b(alt|aria-label|title|data-label|data-head)="([^"]*)"')
_LEFT = {"script", "style", "code", "pre", "math", "svg"}
_BARE = _LEFT | {"title", "option"}  # what holds no element
# works are cited as they are called, and what one types is typed alike
_OTHER = re.compile(r'lang="en"|class="(?:references|typed)"|href="#ref-')
_CHINESE = re.compile(r'lang="zh')
_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
# a remark: a paragraph that is emphasised whole, which needs no dot below each sign
_REMARK = re.compile(r"<p><em>((?:(?!</?em>|</p>).)*)</em></p>")
# a cell of a few characters, between which lines could break in Chinese: no column is that narrow
_SHORT = re.compile(r"(<t[dh]\b[^>]*)>(?=[^<>\s]{2,8}</t[dh]>)(?=[^<>]*[\u3400-\u9fff])")
# a unit in a head that a line may not part: （元/户）
_PARTED = re.compile(r"（[^（）<>/]+/[^（）<>/]+）(?=</th>)")
# a name in both languages, once both are one
_TWICE_SAID = re.compile(r'(?<=>)([^<>]+) <span lang="zh-Hans">\1</span>')
# some Chinese among other words, with the signs that belong to it: 环县（甘肃）
_RUN = re.compile(r"[（《【「]*[\u3400-\u9fff][\u3000-\u303f\u3400-\u9fff\uff00-\uffef]*")


def html(page: str) -> str:
    """Return HTML with its texts in the language of now: what tags hold, and what they say."""
    language = current()
    if language is None:
        return page
    page = re.sub(r'(<(?:dl|p) class="(?:facts|ended|switch)") lang="en"', r"\1", page)
    page = _OF_ALL.sub(rf'href="\1.{language.code}.\2"', page)
    page = _SIBLING.sub(_sibling, page)

    def words(token: str) -> str:
        is_tag = token.startswith("<")
        return _SPOKEN.sub(_attribute, token) if is_tag else _node(language, token)

    page = _IN_TEXT.sub(r"\1\2", _rewritten(page, words, _LEFT, _OTHER))
    page = _SHORT.sub(r"\1 data-short>", _TWICE_SAID.sub(r"\1", page))
    page = _PARTED.sub(r"<span data-short>\g<0></span>", page)
    return _REMARK.sub(r'<p class="lj-remark">\1</p>', page)


def in_english(page: str) -> str:
    """Return an English page with its Chinese marked as such, for who reads it aloud.

    Examples
    --------
    >>> in_english("<p>Huan County 环县</p>")
    '<p>Huan County <span lang="zh-Hans">环县</span></p>'
    """

    def marked(token: str) -> str:
        run = r'<span lang="zh-Hans">\g<0></span>'
        return token if token.startswith("<") else _RUN.sub(run, token)

    return _rewritten(page, marked, _BARE, _CHINESE)


def _rewritten(
    page: str, write: Callable[[str], str], elements: Collection[str], told: re.Pattern[str]
) -> str:
    """Write the tags and texts of a page anew; these elements, and those so told, are left."""
    made, left = [], list[str]()  # the elements around it that are left as they are
    for token in _TOKEN.split(page):
        tag = _TAG.match(token)
        if tag is None:
            is_text = not left and token.strip() and not token.startswith("<!")
            made.append(write(token) if is_text else token)
            continue
        is_told = bool(told.search(token))
        made.append(token if left or is_told else write(token))
        if tag[1]:
            if left and left[-1] == tag[2]:
                left.pop()
        elif left:
            left += [tag[2]] if tag[2] == left[-1] else []
        elif tag[2] in elements or (is_told and tag[2] not in _VOID):
            left.append(tag[2])
    return "".join(made)


_expected: set[tuple[str, str]] = set()


def expect(pages: Iterable[tuple[str, str]]) -> None:
    """Let links lead to pages that are being made: reports, each with a language."""
    _expected.update(pages)


def _sibling(link: re.Match[str]) -> str:
    """Return a link to another report, to its page in the language of now where there is one."""
    language = current()
    if language is None:
        return link[0]
    file = page_file(language.code)
    known = (link[1], language.code) in _expected
    if known or (paths.reports() / link[1] / file).is_file():
        return f'href="../{link[1]}/{file}'
    return link[0]


def script(source: str) -> str:
    """Return a script whose sentences are in the language of now."""

    def words(sentence: re.Match[str]) -> str:
        held = re.findall(r"\$\{[^}]*\}", sentence[1])
        text = sentence[1]
        for number, place in enumerate(held):  # a number, as no script of ours holds it
            text = text.replace(place, str(7001 + number), 1)
        text = said(text)
        for number, place in enumerate(held):
            text = text.replace(str(7001 + number), place)
        return f"`{text}`"

    return source if current() is None else SCRIPT.sub(words, source)


def _attribute(match: re.Match[str]) -> str:
    return f'{match[1]}="{escape(said(unescape(match[2])))}"'


def _node(language: Language, token: str) -> str:
    """Return a text between tags; what has no words in the language is marked as English."""
    plain = unescape(token)
    words = language.says(plain)
    if language.asked.get(form(plain), True):
        return token if words == plain else escape(words, quote=False)
    return f'<span lang="en">{token}</span>'
