"""Every number in the arguments of a call: seen at its address, and put back as it may leave."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from analysis.disclosure import Policy
from analysis.fields import EVERY_COUNTY
from analysis.reports._arguments import parts
from analysis.reports.text import flat

TABLE, CHART = "tab-", "fig-"
"""With what the address of a number in a table begins, and of one in a chart."""
See = Callable[[str, float, bool], float]
"""Of an address, a number, and whether it counts something: the number as it may leave, or NaN."""

_LABELS = {"year", "cohort", "event_time", "years_since", "index", "time", "reference"}
_DATED = ("_year", "years")  # ends of names under which whole numbers may be years
_CODES = ("_code", "_id")
_TRAITS = {"role", "zone", "county", "county_name", "township", "township_name", "city", "province"}
_RECORD = {"place", "same_as", "period", "measure", "statistic", "qualifier", "alliance"}
"""Words that are no verdicts: traits of villages, and what published figures are about."""
_SETTINGS = {"digits", "marked", "level", "df", "gain_wan", "target"}
"""Numbers that say how to draw, where a line stands, or how an estimate was designed."""
LINES = {"gain_wan", "target"}  # what stays where somebody typed it, or 1, 2, 5 times ten
_POWER = 0.8  # which everybody asks for
_DESIGN = {"level", "df"}  # of estimates in rows
_NOT_DRAWN = {"p_value", "p_chi2", "statistic"}
"""Of an estimate: no chart shows them, and they would tell more than its rounded ends."""
_MOST_LABEL = 10  # years since, tenths: a larger whole number may be an amount
_YEAR = re.compile(r"(?:19|20)\d\d")
_YEARS = re.compile(r"(?:19|20)\d\d(?:[–-](?:19|20)\d\d)?")
_NUMBER = re.compile(r"[−-]?\d+(?:[,.\u202f]\d+)*")
_WHOLE = re.compile(r"[−-]?\d+\.0+")
_WRITTEN = re.compile(r"(?=.*\d)[\s\d.,()%<>=–−∞+-]+(?:to[\s\d.,()%–−∞-]+)?")
"""A cell of numbers alone, as 85, 0.042, 2.1 to 3.4, 62 (55–68)."""
_BAND = re.compile(r"(?i)(?:still )?under [\d.]+|[\d.]+\s?–\s?[\d.]+|[\d.]+ and over")
"""A band of incomes: its lines are no amounts where they are 1, 2, 5 times a power of ten."""
_PLACES = {county.code for county in EVERY_COUNTY}
_OF_NAME = 3  # digits of a name at most: CR2, ZA12, sim6
_DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d")
_BEFORE = re.compile(r"[A-Za-zα-ωΑ-Ω_]\Z")
_MEASURED = re.compile(
    r"\s*(?:[万亿千百元%‰个户村)）]|(?:yuan|wan|thousand|million|per ?cent)\b"
    r"|(?:\w+ )?(?:villages?|pairs?|alliances?|households?|incomes?|amounts?|units?|rows?)\b)"
)
_OF = re.compile(r"[(（:：=≈~]\s*\Z")
"""What stands behind an amount, and before one: 6 万元, (6), mean: 6."""


Typed = frozenset[str]
"""Numbers that a person typed beside a call: they may stand in its texts."""


def seen(value: Any, see: See, at: str, typed: Typed = frozenset()) -> Any:  # noqa: PLR0911
    """Return a value with each number in it as it may leave, in its texts and heads as well."""
    if isinstance(value, pd.DataFrame):
        return _frame(value, see, at, typed)
    if isinstance(value, pd.Series):
        made = _frame(value.to_frame("value"), see, at, typed)["value"]
        made.name = value.name
        return made
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return np.array(_row(value, [f"{at} {n}" for n in range(len(value))], see))
    if isinstance(value, np.ndarray):
        return np.array([seen(item, see, f"{at} {n}", typed) for n, item in enumerate(value)])
    if isinstance(value, SimpleNamespace) or is_dataclass(value):
        return SimpleNamespace(**_mapping(parts(value), see, at, typed))
    if isinstance(value, Mapping):
        return _mapping(value, see, at, typed)
    if isinstance(value, list | tuple):
        return type(value)(seen(item, see, f"{at} {n}", typed) for n, item in enumerate(value))
    if isinstance(value, str):
        return _label(value, typed)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return value
    number = float(value)
    return see(at, number, isinstance(value, int | np.integer)) if np.isfinite(number) else value


def _mapping(value: Mapping[Any, Any], see: See, at: str, typed: Typed) -> dict[Any, Any]:
    told: dict[Any, Any] = {}
    for key, item in value.items():
        if key in _NOT_DRAWN:
            continue
        head = _label(key, typed)
        # two titles that differ in their numbers alone stay two
        head = f"{head} {len(told) + 1}" if head in told else head
        is_said = _is_setting(key, item, typed) or _is_label(key, item)
        told[head] = item if is_said else seen(item, see, f"{at} {key}".strip(), typed)
    return told


def _frame(frame: pd.DataFrame, see: See, at: str, typed: Typed) -> pd.DataFrame:
    made = frame.copy()
    rows = [flat(label) for label in frame.index]
    levels, verdicts = _verdicts(frame) if at.startswith(TABLE) else (set(), set())
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        last = flat(name).rsplit(" ", 1)[-1]
        addresses = [f"{at} {row} {flat(name)}".strip() for row in rows]
        if place in verdicts:
            cells = zip(addresses, values.astype(object), strict=True)
            made.isetitem(place, [_verdict(v, see, one) for one, v in cells])
            continue
        if _is_label(last, values) or is_bool_dtype(values):
            continue
        if last in _DESIGN and "std_error" in frame:
            continue
        if last.endswith(_CODES):  # who they name is asked of the whole output
            continue
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype(object)
        if is_numeric_dtype(values):
            made.isetitem(place, np.array(_row(values, addresses, see), dtype=np.float64))
        elif values.dtype == object or pd.api.types.is_string_dtype(values):
            cells = zip(addresses, values, strict=True)
            made.isetitem(place, [_cell(v, see, one, typed) for one, v in cells])
    made.index = _heads(_unchosen(frame.index, levels, see, at), typed)
    made.columns = _heads(frame.columns, typed)
    return in_order(frame, made) if at.startswith(CHART) else made


def _verdicts(frame: pd.DataFrame) -> tuple[set[int], set[int]]:
    """Return in which levels of the index, and in which columns, words may be chosen by numbers.

    Words right of numbers are, and those without which rows are told apart as well. A trait of
    villages, such as their zone, is none.
    """
    index = frame.index
    levels = range(index.nlevels) if index.nlevels > 1 or index.name is not None else []
    heads: list[tuple[Any, Any]] = [(index.names[n], index.get_level_values(n)) for n in levels]
    heads += [(flat(name), frame.iloc[:, n]) for n, name in enumerate(frame.columns)]
    names, columns = [str(name).rsplit(" ", 1)[-1] for name, _ in heads], [one for _, one in heads]
    sizes = [n for n, values in enumerate(columns) if _is_guarded(values, names[n])]
    first = min(sizes, default=len(heads))
    traits = _TRAITS | (_RECORD if "same_as" in names else set())
    words = [
        n
        for n, values in enumerate(columns)
        if names[n].lower() not in traits and _is_worded(values, names[n])
    ]
    found = {n for n in words if n > first or is_bool_dtype(columns[n])}
    labels = [n for n in range(len(heads)) if n not in {*sizes, *found}]
    for place in [n for n in reversed(labels) if n in words]:
        others = [pd.Series(np.asarray(columns[n], object)) for n in labels if n != place]
        if others and not pd.concat(others, axis=1).astype(str).duplicated().any():
            labels.remove(place)
            found.add(place)
    shift = len(heads) - frame.shape[1]
    return {n for n in found if n < shift}, {n - shift for n in found if n >= shift}


def _is_worded(values: Any, last: str) -> bool:
    """Whether a column holds words that are no codes and no years."""
    is_label = last.endswith(_CODES) or _is_label(last, values)
    return not is_label and (is_bool_dtype(values) or not is_numeric_dtype(values))


def _unchosen(index: pd.Index, levels: set[int], see: See, at: str) -> pd.Index:
    """Return the heads of rows without the levels that numbers may have chosen."""
    if not levels:
        return index
    told = [index.get_level_values(n) for n in range(index.nlevels)]
    left = [
        pd.Index([_verdict(v, see, f"{at} {v}") for v in values.tolist()], name=values.name)
        if n in levels
        else values
        for n, values in enumerate(told)
    ]
    return left[0] if len(left) == 1 else pd.MultiIndex.from_arrays(left, names=index.names)


def _row(values: Any, addresses: list[str], see: See) -> list[float]:
    """Return numbers of one type as they may leave."""
    counts = values.dtype.kind in "iu"
    numbers = pd.Series(values).to_numpy(np.float64, na_value=np.nan).tolist()
    return [
        see(one, number, counts) if math.isfinite(number) else math.nan
        for one, number in zip(addresses, numbers, strict=True)
    ]


def in_order(before: pd.DataFrame, after: pd.DataFrame, within: int = 0) -> pd.DataFrame:
    """Return rows that stand by size of a number in the order of what leaves of it.

    Rows that came out equal would tell by their order who has more, and so would withheld ones.
    They may stand so ``within`` groups, of so many labels.
    """
    index = before.index
    labels = [index.get_level_values(level) for level in range(index.nlevels)]
    labels = [] if isinstance(index, pd.RangeIndex) else labels
    sizes = [
        place
        for place, name in enumerate(before.columns)
        if _is_guarded(before.iloc[:, place], flat(name).rsplit(" ", 1)[-1])
    ]
    others = [place for place in range(before.shape[1]) if place not in sizes]
    labels = [*labels, *(pd.Index(before.iloc[:, place]) for place in others)][within:]
    if labels and labels[0].is_monotonic_increasing:
        if len(labels) == 1 or labels[0].is_unique:
            return after
        groups = [labels[0] == label for label in labels[0].unique()]
        return pd.concat([in_order(before[own], after[own], within + 1) for own in groups])
    for place in sizes if labels else ():
        known = before.iloc[:, place].dropna()
        rises = known.is_monotonic_increasing
        if rises != known.is_monotonic_decreasing:  # where it is both, all are one
            way = 1 if rises else -1
            left = (way * after.iloc[:, place].to_numpy(np.float64, na_value=np.nan)).tolist()
            names = [flat(label) for label in zip(*labels, strict=True)]
            rows = sorted(range(len(after)), key=lambda row: (_last(left[row]), names[row]))
            return after.iloc[rows]
    return after


def _last(number: float) -> float:
    return math.inf if math.isnan(number) else number


def _is_guarded(values: Any, last: str) -> bool:
    """Whether a column holds numbers that leave by the door, and not years or codes."""
    is_label = _is_label(last, values) or last.endswith(_CODES)
    return is_numeric_dtype(values) and not is_bool_dtype(values) and not is_label


def _heads(index: pd.Index, typed: Typed) -> pd.Index:
    """Return the heads of rows or columns without amounts: an index may hold any column."""
    if isinstance(index, pd.RangeIndex) and index.start in {0, 1} and index.step == 1:
        return index
    if isinstance(index, pd.MultiIndex):
        levels = [_heads(index.get_level_values(level), typed) for level in range(index.nlevels)]
        return pd.MultiIndex.from_arrays(levels, names=index.names)
    if str(index.name).endswith(_CODES):
        return index
    labels = [_label(label, typed) for label in index]
    same = all(one is label for one, label in zip(labels, index, strict=True))
    return index if same else pd.Index(labels, name=index.name)


def _label(value: Any, typed: Typed) -> Any:
    """Return a head, a title or a key as it may leave: years, ranks and what a person typed."""
    if isinstance(value, tuple):
        return tuple(_label(item, typed) for item in value)
    if isinstance(value, str):
        return without_computed(value, typed)
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return value
    return value if _is_place(float(value)) or f"{value:g}" in typed else "…"


def without_computed(text: str, typed: Typed) -> str:
    """Return a name without the numbers in it that were computed or copied.

    What stays are numbers that a person typed, years and dates, digits of a name or a place's code,
    lines of bands, and single counts such as of years.
    """
    if _is_band(text) or _DATE.fullmatch(text) or text in _PLACES:
        return text

    def kept(found: re.Match[str]) -> str:
        number, before, after = found[0], text[: found.start()], text[found.end() :]
        whole = number.lstrip("−-")
        if typed.issuperset(numbers(number)) or _YEAR.fullmatch(number):
            return number
        is_name = bool(_BEFORE.search(before)) and len(whole) <= _OF_NAME
        is_few = whole.isdigit() and int(whole) <= _MOST_LABEL and not _OF.search(before)
        is_few = is_few and not _MEASURED.match(after)
        return number if is_name or is_few else "…"

    told = [_NUMBER.sub(kept, part) for part in _DATE.split(text)]
    dates = [*_DATE.findall(text), ""]
    return "".join(part + date for part, date in zip(told, dates, strict=True))


def _is_band(text: str) -> bool:
    """Whether a text is a band of incomes between lines that are 1, 2, 5 times a power of ten."""
    lines = [float(one) for one in re.findall(r"\d+(?:\.\d+)?", text)]
    return bool(_BAND.fullmatch(text)) and all(map(Policy().allows_threshold, lines))


def _is_place(number: float) -> bool:
    """Whether a number may be a rank or a year: whole, and small or of a century."""
    return number % 1 == 0 and (abs(number) <= _MOST_LABEL or 1900 <= number <= 2100)  # noqa: PLR2004


def _is_setting(key: Any, item: Any, typed: Typed) -> bool:
    """Whether a value under a key is a setting, or one for each column."""
    if key not in _SETTINGS:
        return False
    if key in LINES and isinstance(item, int | float):
        return f"{item:g}" in typed or Policy().allows_threshold(item) or item == _POWER
    if key == "level":
        return isinstance(item, float) and 0 < item < 1
    each = list(item.values()) if isinstance(item, Mapping) else [item]
    if key == "df" and isinstance(item, np.ndarray | list | tuple):
        each = list(item)
    return all(one is None or isinstance(one, str | int | float | np.number) for one in each)


def _is_label(name: object, values: Any) -> bool:
    """Whether numbers under a name say where others stand: years, cohorts, event times."""
    if name not in _LABELS and not str(name).endswith(_DATED):
        return False
    if isinstance(values, Mapping | SimpleNamespace | pd.DataFrame):
        return False
    known = pd.Series(values).dropna()
    numbers = pd.to_numeric(known, errors="coerce")
    if name in _LABELS:
        return bool(numbers.map(_is_place).all())
    return bool(numbers.between(1900, 2100).all() and (numbers % 1 == 0).all())


def _cell(value: Any, see: See, at: str, typed: Typed) -> Any:
    """Return a cell as it may leave: nobody vouches for a number that is written out as text."""
    if not isinstance(value, str):
        return seen(value, see, at, typed)
    left = without_computed(value, typed)
    if _WRITTEN.fullmatch(value) and not _is_band(value) and not _YEARS.fullmatch(value):
        left = "…"
    if left != value:
        see(at, math.nan, False)  # noqa: FBT003  (no count)
    return left


def _verdict(value: Any, see: See, at: str) -> Any:
    """Return what stands in place of a word that was chosen by numbers, such as yes."""
    if not isinstance(value, str | bool | np.bool_) or value in {"", "–", "…"}:
        return seen(value, see, at)
    see(at, math.nan, False)  # noqa: FBT003  (no count)
    return "…"


def numbers(text: str) -> Typed:
    """Return the numbers in a text, as they are written; who types 2.0 has typed 2."""
    found = _NUMBER.findall(text)
    return frozenset([*found, *(one.partition(".")[0] for one in found if _WHOLE.fullmatch(one))])


def masked(text: str, typed: Typed) -> str:
    """Return a caption or a sentence without the numbers that were computed into it; years stay.

    So does the digit of a name: CR2, g−1.
    """

    def kept(found: re.Match[str]) -> str:
        is_name = len(found[0].lstrip("−-")) == 1 and text[: found.start()][-1:].isalpha()
        return found[0] if found[0] in typed or is_name or _YEAR.fullmatch(found[0]) else "…"

    return _NUMBER.sub(kept, text)
