"""Which villages of other books are those of these: by code, by amounts, as parts of each other."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_HAIR = 0.01
"""Part of an amount by which it may differ in books of the same villages: as rounded to 万元."""
_CLEAR = 3  # amounts that agree, of which two thirds must, where codes do not
_SUMMED_YUAN = 100.0  # by how far the sum of two villages may be off the amount of one
_TWICE = 2  # sums that agree
_MOST = 30  # villages that merged, were parted or have gone: pairs of more say nothing


def renamed(before: Floats, now: Floats, places: Places) -> Places:
    """Return where villages stand in these books, those whose codes are lost by their amounts.

    ``before`` and ``now`` have one row a village and one column a measure and year; ``places`` are
    those by code, −1 where there is none. Where three amounts and more are known, two thirds must
    agree within a hundredth; of fewer, one to the last digit.
    """
    found = places.copy()
    lost = np.flatnonzero(places < 0)
    near, exact = np.zeros((2, len(lost), len(now)), dtype=np.int32)
    for own, held in zip(before[lost].T, now.T, strict=True):
        near += _within(held - own[:, None], _HAIR * np.abs(own)[:, None])
        exact += held == own[:, None]
    asked = np.isfinite(before[lost]).sum(axis=1)
    is_clear = near.max(axis=1, initial=0) >= np.maximum(_CLEAR, 2 * asked / 3)
    votes = np.where(is_clear[:, None], near, exact)
    is_found = votes.max(axis=1, initial=0) > 0
    found[lost[is_found]] = votes[is_found].argmax(axis=1)
    return found


def joined(before: Floats, now: Floats, places: Places) -> Iterator[tuple[int, int, int]]:
    """Yield column, row of ``before`` and row of ``now`` where one village is a part of the other.

    Two that merged add up to one, and so do two into which one was parted.
    """
    same = np.where((places < 0)[:, None], np.nan, now[places])
    moved = np.isfinite(before) & ~_within(same - before, _SUMMED_YUAN)
    is_told = np.zeros(now.shape, dtype=bool)
    np.logical_or.at(is_told, places[places >= 0], (np.isfinite(before) & ~moved)[places >= 0])
    gone = np.flatnonzero(moved.any(axis=1))
    new = np.flatnonzero((~is_told & np.isfinite(now)).any(axis=1))
    if not 0 < len(gone) <= _MOST or len(new) > _MOST:
        return
    for is_merged in (True, False):
        wholes, parts = (now[new], before[gone]) if is_merged else (before[gone], now[new])
        for pair in combinations(range(len(parts)), 2):
            agree = _within(wholes - parts[[*pair]].sum(axis=0), _SUMMED_YUAN)
            for whole in np.flatnonzero(agree.sum(axis=1) >= _TWICE):
                for part in pair:
                    row, place = (part, whole) if is_merged else (whole, part)
                    for column in np.flatnonzero(agree[whole]):
                        yield int(column), int(gone[row]), int(new[place])


def _within(difference: Floats, most: Floats | float) -> npt.NDArray[np.bool_]:
    """Return where two amounts are both known and as near as this."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(difference) & (np.abs(difference) <= most)
