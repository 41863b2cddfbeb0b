"""Which villages of other books are those of these: by code, by amounts, as parts of each other."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._evidence import Key

Floats = npt.NDArray[np.float64]

_HAIR = 0.01
"""Part of an amount by which it may differ in books of the same villages: as rounded to 万元."""
_CLEAR = 3  # amounts that agree, of which two thirds must, where codes do not
_SUMMED_YUAN = 100.0  # by how far the sum of two villages may be off the amount of one
_TWICE = 2  # sums that agree
_MOST = (
    30  # villages that merged or were parted since, or that have gone: pairs of more say nothing
)


def renamed(
    before: pd.DataFrame, villages: pd.Index, amounts: Mapping[Key, Floats]
) -> dict[str, int]:
    """Return where villages stand whose codes these books lack, found by their amounts.

    ``before`` has one row a code and one column a measure and year. Where three amounts and more
    are known, two thirds must agree within a hundredth; of fewer, one to the last digit.
    """
    lost = before[~before.index.isin(villages)]
    near, exact = np.zeros((2, len(lost), len(villages)), dtype=np.int32)
    asked: list[Any] = lost.columns.tolist()
    for key in asked:
        own = lost[key].to_numpy()[:, None]
        near += _within(amounts[key] - own, _HAIR * np.abs(own))
        exact += amounts[key] == own
    known = lost.notna().sum(axis=1).to_numpy()
    found = {}
    for row, code in enumerate(lost.index):
        is_clear = near[row].max(initial=0) >= max(_CLEAR, 2 * known[row] / 3)
        votes = near[row] if is_clear else exact[row]
        if votes.max(initial=0) > 0:
            found[str(code)] = int(votes.argmax())
    return found


def joined(
    before: pd.DataFrame, now: pd.DataFrame, places: Mapping[str, int]
) -> Iterator[tuple[Key, str, int]]:
    """Yield where a village is a part of one in these books, or one in these books a part of it.

    ``now`` has the amounts of these books as ``before`` has those of others; ``places`` says which
    of them are the same. Two that merged add up to one, and so do two into which one was parted.
    """
    own = np.array([places.get(str(code), -1) for code in before.index])
    held, same = now.to_numpy(), before.to_numpy(copy=True)
    same[:] = np.where((own < 0)[:, None], np.nan, held[own])
    was, is_known = before.to_numpy(), before.notna().to_numpy()
    moved = is_known & ~_within(same - was, _SUMMED_YUAN)
    gone = np.flatnonzero(moved.any(axis=1))
    is_told = np.zeros(held.shape, dtype=bool)
    for told in np.flatnonzero(own >= 0):
        is_told[own[told]] |= is_known[told] & ~moved[told]
    new = np.flatnonzero((~is_told & np.isfinite(held)).any(axis=1))
    if not 0 < len(gone) <= _MOST or len(new) > _MOST:
        return
    for wholes, parts, is_merged in ((held[new], was[gone], True), (was[gone], held[new], False)):
        for one, other in combinations(range(len(parts)), 2):
            agree = _within(wholes - parts[one] - parts[other], _SUMMED_YUAN)
            for whole in np.flatnonzero(agree.sum(axis=1) >= _TWICE).tolist():
                for part in (one, other):
                    row: int = part if is_merged else whole
                    place: int = whole if is_merged else part
                    for key in before.columns[agree[whole]]:
                        yield key, str(before.index[gone[row]]), int(new[place])


def _within(difference: Floats, most: Floats | float) -> npt.NDArray[np.bool_]:
    """Return where two amounts are both known and as near as this."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(difference) & (np.abs(difference) <= most)
