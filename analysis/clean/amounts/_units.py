"""Units of ledger cells: money in yuan, shares as a ratio, counts as they are named."""

import re
from dataclasses import dataclass
from decimal import Decimal

from analysis.clean.amounts._words import WORDS, any_of
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
