"""Sentences whose numbers come from the ledger, by address, and whose claims are tried on it.

``"… {att-operating} …"`` is the number that was recorded as ``att-operating``; behind a colon
stands its form: ``:unit`` with its unit, ``:interval``, ``:n`` observations, ``:size`` without its
sign. ``{target.operating.gain}`` is a cell of the table ``target``: its row, its column. A word is
text that is handed over by name; a claim says how two numbers stand to each other, and says the
opposite where that is no longer so.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from html import escape
from string import Formatter
from types import MappingProxyType
from typing import Any

from analysis import _language
from analysis.errors import LianjianError, did_you_mean
from analysis.reports.markup import anchor
from analysis.reports.numbers import Ledger
from analysis.reports.text import listed, typeset

FORMS = ("unit", "interval", "n", "size")
"""How a number can stand in a sentence, besides plainly."""

_RELATIONS: Mapping[str, tuple[Callable[[float, float], bool], str]] = MappingProxyType(
    {
        "more than": (operator.gt, "no more than"),
        "less than": (operator.lt, "no less than"),
        "at least": (operator.ge, "less than"),
        "at most": (operator.le, "more than"),
    }
)
_SHARES: Mapping[str, tuple[Callable[[float, float], bool], str, float]] = MappingProxyType(
    {
        "in most": (operator.gt, "not in most", 0.5),
        "in all": (operator.ge, "not in all", 1.0),
        "in few": (operator.lt, "not in few", 0.1),
    }
)


@dataclass(frozen=True)
class Claim:
    """How a number stands to another or to a bound, and what is said where it holds or not."""

    left: str
    relation: str
    right: str | float | None
    yes: str
    no: str


def claim(
    left: str, relation: str, right: str | float | None = None, *, yes: str = "", no: str = ""
) -> Claim:
    """Say how a number of the ledger stands to another; `say` tries it each time it is said.

    Parameters
    ----------
    left : str
        Address of a number, as `record` got it.
    relation : str
        ``"more than"``, ``"less than"``, ``"at least"``, ``"at most"``; of a share also ``"in
        most"`` (over half), ``"in all"``, ``"in few"`` (under a tenth).
    right : str or float, optional
        Address of another number, or a bound; of a share none.
    yes, no : str
        What the sentence says where the claim holds and where it does not; by default the
        relation, and its opposite.

    Examples
    --------
    >>> claim("gain", "more than", 2.0).no
    'no more than'
    """
    known = _SHARES if right is None else _RELATIONS
    if relation not in known:
        raise LianjianError(
            f"A claim with {'no' if right is None else 'a'} second number says {listed(known)}; "
            f"seen: {relation!r}.{did_you_mean(relation, known)}"
        )
    return Claim(left, relation, right, yes or relation, no or known[relation][1])


@dataclass(frozen=True)
class Said:
    """A sentence as HTML and as text, and how each of its claims turned out."""

    html: str
    plain: str
    claims: list[dict[str, Any]]


def said(text: str, words: Mapping[str, Any], needs: Collection[str], ledger: Ledger) -> Said:
    """Return a sentence with its numbers; nothing where a number that it needs is not there."""
    if not all(_is_known(name, ledger) for name in needs):
        return Said("", "", [])
    claims: dict[str, dict[str, Any]] = {}
    text, is_english = _language.markdown(text, marked=False), _language.lacks(text)
    marked = _Marked(words, ledger, claims)
    try:
        formatted = marked.format(text)
    except ValueError as error:
        raise LianjianError(
            f"The sentence {text!r} has a brace of its own ({error}). One that is to be seen is "
            "written twice."
        ) from error
    filled = _shaped(formatted, ' lang="en"' if is_english else "")
    html = marked.pattern.sub(lambda found: marked.html[int(found[1])], filled)
    bare = _LINK.sub(r"\1", formatted)
    plain = marked.pattern.sub(lambda found: marked.plain[int(found[1])], bare)
    return Said(html, " ".join(plain.split()), list(claims.values()))


def _is_known(need: str, ledger: Ledger) -> bool:
    """Whether the ledger has a number, and the form of it that is asked for."""
    name, _, form = need.partition(":")
    return name in ledger and bool(not form or ledger[name]["forms"].get(form))


class _Marked(Formatter):
    """Puts a mark where a number or a word is to stand: no sign of it is taken as markup."""

    pattern = re.compile("\x02(\\d+)\x03")

    def __init__(
        self, words: Mapping[str, Any], ledger: Ledger, claims: dict[str, dict[str, Any]]
    ) -> None:
        self.words, self.ledger, self.claims = words, ledger, claims
        self.html: list[str] = []
        self.plain: list[str] = []

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:  # noqa: ARG002
        return field_name, field_name  # an address may hold hyphens

    def format_field(self, value: Any, format_spec: str) -> str:
        name = str(value)
        if name in self.words:
            plain = self._word(name, format_spec)
            html = escape(typeset(plain))
        else:
            number, plain = self._known(name), self._number(name, format_spec)
            at = number.get("anchor", anchor("number", name))
            html = (
                f'<a class="lj-pointer" href="#{at}"><data value="{number["value"]!r}" '
                f'data-address="{at}">{escape(plain)}</data></a>'
            )
        self.html.append(html)
        self.plain.append(plain)
        return f"\x02{len(self.html) - 1}\x03"

    def _word(self, name: str, form: str) -> str:
        word = self.words[name]
        if form:
            raise LianjianError(f"{{{name}:{form}}}: only numbers of the ledger have forms.")
        if hasattr(word, "relation"):
            return self._claimed(word)
        return _language.said(str(word))

    def _number(self, name: str, form: str) -> str:
        number = self._known(name)
        if form and form not in FORMS:
            raise LianjianError(
                f"{{{name}:{form}}}: there is no form {form!r} of a number."
                f"{did_you_mean(form, FORMS)} Forms are: {listed(FORMS)}."
            )
        text = str(number["forms"][form])
        if not text:
            what = "interval" if form == "interval" else "count of observations"
            raise LianjianError(f"{{{name}:{form}}}: number {name!r} was recorded without {what}.")
        return _language.said(text)

    def _known(self, name: str) -> Mapping[str, Any]:
        if name not in self.ledger:
            known = self.ledger.near(name)
            if name in known:
                raise LianjianError(
                    f"A sentence names the number {name!r}, and its cell holds none: it is "
                    "missing, or words. Say with needs=[…] that the sentence is left out without "
                    "it."
                )
            raise LianjianError(
                f"A sentence names the number {name!r}, which was not recorded before it."
                f"{did_you_mean(name, [*known, *self.words])} Recorded were: "
                f"{listed(known) or 'none'}. Record it, or say with needs=[…] that the sentence is "
                "left out without it."
            )
        return self.ledger[name]

    def _claimed(self, tried: Any) -> str:
        left = self._known(tried.left)
        value, right = float(left["value"]), tried.right
        if right is None:
            holds_if, _, bound = _SHARES[tried.relation]
            bound *= 100 if left["unit"] == "%" else 1
        else:
            holds_if = _RELATIONS[tried.relation][0]
            bound = self._beside(left, right) if isinstance(right, str) else float(right)
        holds = holds_if(value, bound)
        words = tried.yes if holds else tried.no
        key = f"{tried.left} {tried.relation}{'' if right is None else f' {right}'}"
        self.claims[key] = {"claim": key, "holds": holds, "said": words}
        return _language.said(str(words))

    def _beside(self, left: Mapping[str, Any], name: str) -> float:
        right = self._known(name)
        if right["unit"] != left["unit"]:
            raise LianjianError(
                f"A claim holds {left['label']!r} in {left['unit'] or 'no unit'} against "
                f"{right['label']!r} in {right['unit'] or 'no unit'}."
            )
        return float(right["value"])


_LINK = re.compile(r"\[([^\[\]]+)\]\((\.\./[\w./#-]+)\)")  # to another report
_INLINE = ((r"\*\*(.+?)\*\*", "strong"), (r"\*(.+?)\*", "em"), (r"`(.+?)`", "code"))


def _shaped(text: str, attributes: str) -> str:
    """Return paragraphs, headings, links, bold, emphasis and code; anything else is text."""
    shaped = _LINK.sub(r'<a href="\2">\1</a>', escape(typeset(text.strip()), quote=False))
    for pattern, tag in _INLINE:
        shaped = re.sub(pattern, rf"<{tag}>\1</{tag}>", shaped, flags=re.DOTALL)
    made = []
    for part in re.split(r"\n\s*\n", shaped):
        line = " ".join(part.split())
        head = re.fullmatch(r"#+ (.+)", line)
        made.append(
            f'<p class="lj-subhead"><strong>{head[1]}</strong></p>' if head else f"<p>{line}</p>"
        )
    return f'<div class="lianjian lj-said"{attributes}>{"".join(made)}</div>'
