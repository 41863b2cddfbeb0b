"""Every number in the arguments of a call: seen at its address, and put back as it may leave."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

See = Callable[[str, float, bool], float]
"""Of an address, a number, and whether it counts something: the number as it may leave, or NaN."""

_LABELS = {"year", "cohort", "event_time", "years_since", "index", "time"}
_DATED = ("_year", "years")  # ends of names under which whole numbers may be years
_CODES = ("_code", "_id")
_PARAMETERS = {
    *("digits", "caption", "name", "chart", "marked", "unit", "label", "labels"),
    *("level", "df"),  # of an estimate: known from its design
}
_NOT_DRAWN = {"p_value", "p_chi2", "statistic"}
"""Of an estimate: no chart shows them, and they would tell more than its rounded ends."""
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER = re.compile(r"[−-]?\d+(?:[,.\u202f]\d+)*")
_WRITTEN = re.compile(
    r"(?=.*\d[.,]\d|.*\()[\s\d.,()%<>=–−∞\u00a0\u202f-]+(?:to[\s\d.,()%–−∞\u00a0-]+)?"
)
"""A cell of numbers alone, as 0.042, 2.1 to 3.4, 62 (55–68); 5–10 and 2024 are names."""
_COMPUTED = re.compile(r"\d+(?:,\d{3})*\.\d+|\d+ of \d+|\d[\d,]{4,}|\b(?!(?:19|20)\d\d)\d{4}\b")
"""A number within words that was computed or copied: 3.4442, 70 of 73, 34,441; g−2 is a name."""


def seen(value: Any, see: See, at: str) -> Any:  # noqa: ANN401, PLR0911  (one return a type)
    """Return a value with each number in it as it may leave; texts and truth values stay."""
    if isinstance(value, pd.DataFrame):
        return _frame(value, see, at)
    if isinstance(value, pd.Series):
        made = _frame(value.to_frame("value"), see, at)["value"]
        made.name = value.name
        return made
    if isinstance(value, np.ndarray):
        return np.array([seen(item, see, f"{at} {n}") for n, item in enumerate(value)])
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**seen(vars(value), see, at))
    if is_dataclass(value) and not isinstance(value, type):
        told = {item.name: getattr(value, item.name) for item in fields(value)}
        return SimpleNamespace(**seen(told, see, at))
    if isinstance(value, Mapping):
        return {
            key: item
            if key in _PARAMETERS or _is_label(key, item)
            else seen(item, see, f"{at} {key}".strip())
            for key, item in value.items()
            if key not in _NOT_DRAWN
        }
    if isinstance(value, list | tuple):
        return type(value)(seen(item, see, f"{at} {n}") for n, item in enumerate(value))
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        return value
    number = float(value)
    return see(at, number, isinstance(value, int | np.integer)) if np.isfinite(number) else value


def _frame(frame: pd.DataFrame, see: See, at: str) -> pd.DataFrame:
    made = frame.copy()
    rows = [_text(label) for label in frame.index]
    for place, name in enumerate(frame.columns):
        values = frame.iloc[:, place]
        last = _text(name).rsplit(" ", 1)[-1]
        if _is_label(last, values) or pd.api.types.is_bool_dtype(values):
            continue
        if last.endswith(_CODES):  # who they name is asked of the whole output
            continue
        addresses = [f"{at} {row} {_text(name)}".strip() for row in rows]
        if pd.api.types.is_numeric_dtype(values):
            counts = pd.api.types.is_integer_dtype(values)
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            left = [
                see(one, number, counts) if np.isfinite(number) else np.nan
                for one, number in zip(addresses, numbers, strict=True)
            ]
            made.isetitem(place, np.array(left, dtype=np.float64))
        elif values.dtype == object or pd.api.types.is_string_dtype(values):
            cells = zip(addresses, values, strict=True)
            made.isetitem(place, [_cell(v, see, one) for one, v in cells])
    return made


def _is_label(name: object, values: Any) -> bool:  # noqa: ANN401
    """Whether numbers under a name say where others stand: years, cohorts, event times."""
    if name in _LABELS:
        return True
    if not str(name).endswith(_DATED):
        return False
    known = pd.Series(values).dropna()
    numbers = pd.to_numeric(known, errors="coerce")
    return bool(numbers.between(1900, 2100).all() and (numbers % 1 == 0).all())


def _cell(value: Any, see: See, at: str) -> Any:  # noqa: ANN401
    """Return a cell as it may leave: nobody vouches for a number that is written out as text."""
    if not isinstance(value, str):
        return seen(value, see, at)
    left = "…" if _WRITTEN.fullmatch(value) else _COMPUTED.sub("…", value)
    if left != value:
        see(at, math.nan, False)  # noqa: FBT003  (no count)
    return left


def _text(label: object) -> str:
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def masked(text: str, known: str) -> str:
    """Return a caption or label without the numbers that were computed into it.

    Years stay, and what stands in ``known``: the source of the cell, where a person typed it.

    Examples
    --------
    >>> masked("Fell in 17 of 40 villages under 5 万元 in 2024", "under {weak_wan} 5 2024")
    'Fell in … of … villages under 5 万元 in 2024'
    """
    typed = set(_NUMBER.findall(known))

    def kept(found: re.Match[str]) -> str:
        return found[0] if found[0] in typed or _YEAR.fullmatch(found[0]) else "…"

    return _NUMBER.sub(kept, text)
