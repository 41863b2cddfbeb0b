"""What every table of this sub-room is made of: rows with labels, amounts in 万元, and notes."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis._labelled import Digits, Labelled
from analysis.effects._stands_on import VARIANT, inside
from analysis.effects.results import Estimate
from analysis.fields import YUAN_PER_WAN


def p_text(p_value: float) -> str:
    """Write a p-value with three decimals, very small ones as under 0.001.

    Examples
    --------
    >>> p_text(0.0421), p_text(2e-9), p_text(float("nan"))
    ('0.042', '< 0.001', '–')
    """
    if np.isnan(p_value):
        return "–"
    return f"{p_value:.3f}" if p_value >= 0.001 else "< 0.001"


def in_words(value: float) -> str:
    """Write a number for a sentence, with two decimals and a true minus sign."""
    return f"{value:.2f}".replace("-", "−")


def cells(estimate: Estimate, unit: float = YUAN_PER_WAN) -> dict[str, object]:
    """Return an estimate with its interval and p-value as the cells of a row."""
    ends = {"Estimate": estimate.estimate, "Low": estimate.low, "High": estimate.high}
    return {**{name: value / unit for name, value in ends.items()}, "p": estimate.p_value}


def rows(
    found: Sequence[Mapping[str, object]],
    *index: str,
    caption: str,
    yuan: Collection[str] = (),
    notes: Iterable[str] = (),
    digits: Digits = 2,
    why: str = VARIANT,
) -> Labelled:
    """Return rows under an index of one or two levels, those columns in 万元 that are in yuan.

    Numbers that nobody vouches for stay inside, for the reason ``why``.
    """
    frame = pd.DataFrame(found)
    if len(frame):
        frame[[*yuan]] /= YUAN_PER_WAN
    inside(why, frame)
    frame = frame.set_index(list(index)) if len(frame) else frame
    return Labelled(frame, digits=_decimals(frame, digits)).saying(caption, notes)


def joined(
    parts: Mapping[str, pd.DataFrame],
    second: str,
    *,
    caption: str,
    notes: Iterable[str] = (),
    digits: Digits = 2,
    why: str = VARIANT,
) -> Labelled:
    """Put the tables of the measures below each other."""
    frame = pd.concat(parts, names=["Measure", second]) if parts else pd.DataFrame()
    inside(why, frame)
    return Labelled(frame, digits=_decimals(frame, digits)).saying(caption, notes)


def _decimals(frame: pd.DataFrame, digits: Digits) -> Digits:
    """Return the decimals of each column, those of p-values as p-values are written."""
    tests = [str(name) for name in frame if str(name) == "p" or str(name).startswith("p, ")]
    if not tests:
        return digits
    measured = [str(name) for name in frame if pd.api.types.is_float_dtype(frame[name])]
    each = digits if isinstance(digits, Mapping) else dict.fromkeys(measured, digits or 0)
    return {**each, **dict.fromkeys(tests, "p")}
