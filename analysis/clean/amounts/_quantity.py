"""A quantity: its value, the span that its words leave, its unit."""

import re
from dataclasses import dataclass
from decimal import Decimal

from analysis.clean.amounts._numerals import Numeral, last_place
from analysis.clean.amounts._words import AMBIGUOUS, REASONS, WORDS, Refused, any_of
from analysis.clean.text import normalise
from analysis.errors import LianjianError

RATIO = "比例"
YUAN = "元"

_UNITS = WORDS["units"]
COUNTS: frozenset[str] = frozenset(_UNITS["counts"])
_PERSONS = frozenset(_UNITS["persons"])
_RATE = re.compile(rf"(.+?)(?:/|每)({any_of(_UNITS['per'])})")
_COUNTED = re.compile(
    rf"({any_of(_UNITS['classifiers'])})(?:(?![{_UNITS['not_in_noun']}])[\u4e00-\u9fff]){{1,8}}"
)


@dataclass(frozen=True)
class Unit:
    """A unit as stored, and what one of the written unit is worth in it."""

    name: str
    factor: Decimal = Decimal(1)

    @property
    def base(self) -> str:
        """The unit without what it is counted per."""
        return self.name.split("/", maxsplit=1)[0]


NO_UNIT = Unit("")


def read_unit(text: str) -> Unit | None:
    """Return the unit that a normalised text names, or None."""
    word = text.lower().strip()
    if not word:
        return NO_UNIT
    for kind, name in (("money", YUAN), ("ratios", RATIO)):
        if word in WORDS[kind]:
            return Unit(name, Decimal(WORDS[kind][word]))
    if word in COUNTS or word in _UNITS["measures"]:
        return Unit(_UNITS["spellings"].get(word, word))
    if word[-1] in "整正" and (YUAN in word or "圆" in word):
        return read_unit(word[:-1])
    if rate := _RATE.fullmatch(word):
        above = read_unit(rate[1])
        return Unit(f"{above.name}/{rate[2]}", above.factor) if above and above.name else None
    counted = _COUNTED.fullmatch(word)
    return Unit(counted[1]) if counted else None


def column_unit(unit: str | None) -> Unit:
    """Return the unit of a column; raise LianjianError when it is not known."""
    found = read_unit(normalise(unit or "").replace(" ", ""))
    if found is None:
        raise LianjianError(
            f"The unit {unit!r} is not known. Known are 元, 万元, 亿元, %, 人, 户, 个, 亩, 斤 … "
            "and rates of them such as 元/亩; docs/quantities.md lists them."
        )
    return found


def same_kind(cell: Unit, column: Unit) -> bool:
    """Return whether a cell's own unit measures what its column does.

    A yearly rate is what a yearly ledger holds anyhow; 人, 名, 位 and 口 all count persons.
    """
    if cell.base in _PERSONS and column.base in _PERSONS:
        return True
    return cell.name.removesuffix("/年") == column.name.removesuffix("/年")


_TOO_LARGE = Decimal(10) ** 15


@dataclass(frozen=True)
class Quantity:
    """What a cell says.

    Attributes
    ----------
    value : float or None
        The number in ``unit``; None when missing, refused, or only a span is given.
    lower, upper : float or None
        The span; both equal to the value when it is exact, None on a side that is open.
    unit : str
        元, 比例 (a share of 1), 人, 户, 亩, 元/年 …; empty when neither cell nor column says.
    qualifier : str
        One of `QUALIFIERS`.
    flags : tuple of str
        Conventions used and doubts left, of `FLAGS`; for a refused text the reason comes first, of
        `REASONS`. The text itself is not kept.
    """

    value: float | None
    lower: float | None
    upper: float | None
    unit: str
    qualifier: str
    flags: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """``"read"``, ``"missing"`` or ``"refused"``."""
        if self.qualifier == "missing":
            return "missing"
        return "refused" if self.reason else "read"

    @property
    def reason(self) -> str:
        """Why the text was refused; empty when it was not."""
        return self.flags[0] if self.flags and self.flags[0] in REASONS else ""


def refusal(reason: str) -> Quantity:
    """Return the quantity of a refused text."""
    kind = "ambiguous" if reason in AMBIGUOUS else "reject"
    return without_value("vague" if reason == "vague_word" else kind, reason)


def without_value(qualifier: str, flag: str) -> Quantity:
    """Return the quantity of a cell that gives no number."""
    return Quantity(None, None, None, "", qualifier, (flag,))


# Which of two qualifiers is the tighter; a pair that is not here contradicts itself.
_TIGHTER = {
    frozenset({"approx", "over"}): "over",
    frozenset({"approx", "range"}): "range",
    frozenset({"approx", "vague"}): "vague",
}


def settle(found: list[str], numeral: Numeral, flags: list[str]) -> str:
    """Return the one qualifier that holds."""
    every = {*found, *([] if numeral.qualifier == "exact" else [numeral.qualifier])}
    if len(every) > 1:
        every.discard("reach")
    if len(every) > 1:
        flags.append("stacked")
        tighter = _TIGHTER.get(frozenset(every))
        if not tighter:
            raise Refused("qualifier_conflict")
        return tighter
    return every.pop() if every else "exact"


def finish(
    numeral: Numeral,
    qualifier: str,
    cell: Unit,
    column: Unit,
    flags: list[str],
    *,
    minus: bool = False,
) -> Quantity:
    """Bring a number to its stored unit, open its span, and give it its sign."""
    unit, factor = _meet(numeral, cell, column, flags)
    lower, upper = _span(numeral, qualifier)
    ends = [None if end is None else end * factor for end in (numeral.value, lower, upper)]
    if any(end is not None and abs(end) >= _TOO_LARGE for end in ends):
        raise Refused("too_large")
    if minus:
        ends = [None if ends[at] is None else -ends[at] for at in (0, 2, 1)]  # type: ignore[operator]
        qualifier = {"lt": "gt", "gt": "lt", "le": "ge", "ge": "le"}.get(qualifier, qualifier)
    # adding zero turns -0 into 0
    value, low, high = (None if end is None else float(end) + 0.0 for end in ends)
    return Quantity(value, low, high, unit, qualifier, tuple(dict.fromkeys(flags)))


def _meet(numeral: Numeral, cell: Unit, column: Unit, flags: list[str]) -> tuple[str, Decimal]:
    """Return the unit and what one of it is worth: the cell's own, else the column's."""
    if cell.name:
        if column.name and not same_kind(cell, column):
            raise Refused("unit_conflict")
        if column.name and cell.factor != column.factor:
            flags.append("unit_in_cell")
        return cell.name, cell.factor
    if numeral.scale and column.factor > 1:
        flags.append("scale_in_cell")
        return column.name, Decimal(1)
    return column.name, column.factor


def _span(numeral: Numeral, qualifier: str) -> tuple[Decimal | None, Decimal | None]:
    """Return the two ends that a qualifier leaves a number."""
    value = numeral.value
    if value is None or qualifier == numeral.qualifier or qualifier in {"exact", "reach"}:
        return numeral.lower, numeral.upper
    if qualifier == "approx":
        half = last_place(value) / 2
        return value - half, value + half
    if value <= 0 and qualifier in {"under", "lt"}:
        raise Refused("unknown_form")
    if qualifier == "under":
        return value * Decimal("0.9"), value
    if qualifier in {"lt", "le"}:
        return min(Decimal(0), value), value
    return value, None
