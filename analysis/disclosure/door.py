"""The one door through which numbers leave, and what a reader can know once they have left.

For each village, measure and year it keeps the interval in which a reader who knows every other
amount in the books must place this one. A number leaves rounded by the finest step that leaves all
these intervals as wide as the policy asks; else it is withheld. Knowing all other amounts makes
what a number tells plain arithmetic, amount + (released ± step/2 − true) / weight, so that no
system of equations has to be solved; it is also what people of a village come near to.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._evidence import Evidence, Key, Where
from analysis.disclosure.policy import Policy, nice, steps
from analysis.errors import LianjianError
from analysis.indicators.income import SOURCES

TOTAL = "total_income_yuan"
"""Sum of the sources. Its interval is that of a reader who knows nothing else of the village."""

STEP = "step of a number"
"""Measure of the rows of a memory that keep by which step a number left, under ``amount``."""

_ABOVE_LUCK = 0.03
"""Of how many amounts more than by luck the middle of what is known may be within p percent."""
_FEW = 5  # villages, of which this is not asked

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Interval = tuple[Floats, Floats]


@dataclass(frozen=True)
class Released:
    """A number as it leaves: rounded to ``step`` for the village that rules it, or withheld."""

    value: float
    step: float
    reason: str = ""
    ruled_by: str = ""

    @property
    def is_withheld(self) -> bool:
        """Whether nothing leaves."""
        return bool(self.reason)


def _pulls(factors: Mapping[Key, float]) -> dict[Key, float]:
    """Return how far each amount moves a sum: a source moves the total that it is a part of."""
    pulls = dict(factors)
    for (name, year), by in factors.items():
        for source in SOURCES if name == TOTAL else ():
            pulls[source, year] = pulls.get((source, year), 0.0) + by
    return pulls


def _digest(value: float, side: int, pulls: Mapping[Key, Floats]) -> str:
    """Return what tells a number from every other one: its value, and what moves it how far."""
    told = hashlib.sha256(f"{float(value).hex()} {side}".encode())
    for key in sorted(pulls):
        told.update(repr(key).encode() + pulls[key].tobytes())
    return told.hexdigest()[:32]


def _name(evidence: Evidence) -> str:
    """Return what tells a count from every other one: among whom it counts, and by what."""
    told = hashlib.sha256()
    ends = [end for where in evidence.where for end in (where.low, where.high)]
    numbers = [evidence.villages, evidence.of, evidence.side]
    for part in (evidence.among, [sorted(each.factors.items()) for each in evidence.where]):
        told.update(repr([*part]).encode())
    for each in (*ends, numbers):
        told.update(np.asarray(each, np.float64).tobytes())
    return told.hexdigest()[:32]


def withheld(reason: str) -> Released:
    """Return what stands in place of a number that does not leave."""
    return Released(float("nan"), float("nan"), reason)


class Door:
    """What has left of one dataset, and what may follow.

    Parameters
    ----------
    policy : Policy
        The rules.
    panel : DataFrame
        Village by year: ``village_id, year`` and the measures in yuan.
    memory : DataFrame, optional
        :meth:`memory` of what left before. An amount that was corrected since starts anew, but for
        a correction so small that what readers knew of it still is too near.
    """

    def __init__(
        self, policy: Policy, panel: pd.DataFrame, memory: pd.DataFrame | None = None
    ) -> None:
        self.policy = policy
        self.villages = pd.Index(sorted(panel["village_id"].unique()), dtype=object)
        self._places: dict[int, tuple[pd.Index, Any]] = {}
        self.amounts: dict[Key, Floats] = {}
        for year, rows in panel.groupby("year"):
            own = rows.set_index("village_id")
            for name in own.columns[own.columns.str.endswith("_yuan")]:
                self.amounts[name, int(str(year))] = self._spread(own[name], np.nan)
        self._sizes = {
            key: np.maximum(np.abs(np.nan_to_num(each)), policy.floor_yuan)
            for key, each in self.amounts.items()
        }
        self._luck = {
            key: np.abs(np.nanmedian(each) - each) <= self._near(each)
            for key, each in self.amounts.items()
            if np.isfinite(each).any()
        }
        self._known: dict[Key, Interval] = {}
        self._left: dict[str, float] = {}
        self._remember(memory)

    def known(self, key: Key) -> Interval:
        """Return what a reader knows of each village's amount: lower and upper ends, in yuan."""
        size = len(self.villages)
        return self._known.get(key, (np.full(size, -np.inf), np.full(size, np.inf)))

    def admit(self, value: float, evidence: Evidence, *, coarsest: float = np.inf) -> Released:
        """Let a number out, rounded by the finest step that the policy allows, or withhold it.

        Parameters
        ----------
        value : float
            The true number.
        evidence : Evidence
            Its weights by measure and year.
        coarsest : float
            The largest step that leaves the number of use.
        """
        pulls = {key: self.pull(key, weight) for key, weight in evidence.weights.items()}
        if not any(pull.any() for pull in pulls.values()):
            return withheld("no amount stands behind it")
        p = self.policy.p_percent / 100
        parts = np.max([np.abs(pull) * self._sizes[key] for key, pull in pulls.items()], axis=0)
        largest, ruler = float(parts.max()), str(self.villages[int(parts.argmax())])
        step = nice(self.policy.kappa * p * largest)
        name = _digest(value, evidence.side, pulls)
        # a number that is nothing but small amounts may leave as zero
        heaviest = max(float(np.abs(pull).max()) for pull in pulls.values())
        coarsest = max(coarsest, nice(self.policy.kappa * p * heaviest * self.policy.floor_yuan))
        step = self._left.get(name, step)
        while step <= coarsest:
            # an end of an interval is rounded outwards
            place = {-1: math.floor(value / step), 1: math.ceil(value / step)}
            rounded = steps(place.get(evidence.side, round(value / step)), step)
            middle = rounded - evidence.side * step / 2
            told = self._told(pulls, middle - value, step)
            if self._keeps(told):
                self._known.update(told)
                self._left[name] = step
                return Released(rounded, step, ruled_by=ruler)
            step = nice(step * 1.5)
        self._left[name] = step
        return withheld(f"it would have to be rounded to {step:g}, which leaves nothing of it")

    def counted(self, evidence: Evidence) -> int:
        """Return how many are in by the books, of those among whom a number counts."""
        held = [self._holds(each, evidence)[0] for each in evidence.where]
        return int(np.logical_and.reduce([self._among(evidence), *held]).sum())

    def count(self, evidence: Evidence, to: int, when_in: bool, when_out: bool) -> bool:
        """Let a count out that is said to who knows all but one; false where it tells too much.

        Parameters
        ----------
        evidence : Evidence
            Of a count or share: among whom it counts, and by which amounts they are in.
        to : int
            To which it is rounded.
        when_in, when_out : bool
            Whether what leaves would be another if one that is in, or one that is out, moved.
        """
        name = _name(evidence)
        if to < self._left.get(name, 0):
            return False
        found: dict[Key, Interval] = {}
        lines = [(_pulls(each.factors), *self._holds(each, evidence)) for each in evidence.where]
        for key in sorted({key for pulls, *_ in lines for key in pulls if key in self.amounts}):
            amount, rest = self.amounts[key], self._among(evidence)
            is_in = rest
            least, most = np.full((2, len(amount)), [[-np.inf], [np.inf]])
            for pulls, held, away in lines:
                if pull := pulls.get(key, 0.0):  # so far from here to where it would change sides
                    ends = np.sort(amount + away / pull, axis=0)
                    least, most = np.fmax(least, ends[0]), np.fmin(most, ends[1])
                    is_in = is_in & held
                else:
                    rest = rest & held
            goes, comes = rest & is_in & when_in, rest & ~is_in & when_out
            low = np.where(goes, least, np.where(comes & (amount >= most), most, -np.inf))
            high = np.where(goes, most, np.where(comes & (amount < least), least, np.inf))
            before = self.known(key)
            found[key] = np.maximum(before[0], low), np.minimum(before[1], high)
        if self._keeps(found):
            self._known.update(found)
            self._left[name] = to
            return True
        self._left[name] = to + 1  # where it ever leaves, it is coarser
        return False

    def _among(self, evidence: Evidence) -> Bools:
        return self._spread(pd.Series(1.0, evidence.among), 0.0) > 0

    def _holds(self, where: Where, evidence: Evidence) -> tuple[Bools, Floats]:
        """Return for whom this is true, and how far below and above it each end lies."""
        unknown = np.full(len(self.villages), np.nan)
        value = sum(by * self.amounts.get(key, unknown) for key, by in where.factors.items())
        ends = [
            self._spread(pd.Series(end, evidence.among, dtype=np.float64), np.nan)
            for end in (where.low, where.high)
        ]
        return (ends[0] <= value) & (value < ends[1]), np.stack(ends) - value

    def memory(self) -> pd.DataFrame:
        """Return what readers know by now, to be kept as secret as the books.

        Returns
        -------
        DataFrame
            ``village_id, measure, year, amount, low, high`` in yuan. Rows of the measure
            :data:`STEP` are numbers, by a digest of what they are.
        """
        frames = []
        for (name, year), (low, high) in sorted(self._known.items()):
            told = np.isfinite(low) | np.isfinite(high)
            frames.append(
                pd.DataFrame(
                    {
                        "village_id": self.villages[told],
                        "measure": name,
                        "year": year,
                        "amount": self.amounts[name, year][told],
                        "low": low[told],
                        "high": high[told],
                    }
                )
            )
        columns = ["village_id", "measure", "year", "amount", "low", "high"]
        left = pd.DataFrame({"village_id": [*self._left], "amount": [*self._left.values()]})
        left = left.assign(measure=STEP, year=0, low=-np.inf, high=np.inf)[columns]
        return pd.concat([*frames, left], ignore_index=True)

    def _remember(self, memory: pd.DataFrame | None) -> None:
        """Take in what left before; of an amount moved by a hair since, with the hair."""
        if memory is None or memory.empty:
            return
        left = memory[memory["measure"] == STEP]
        self._left = dict(zip(left["village_id"], left["amount"].astype(float), strict=True))
        rows = memory[memory["village_id"].isin(self.villages)]
        # one amount several times, where books were taken in under several names
        copy = rows.groupby(["measure", "year", "village_id"]).cumcount().rename("copy")
        place = self.villages.get_indexer(rows["village_id"].astype(object))
        told = rows[["amount", "low", "high"]].to_numpy(np.float64)
        groups: dict[Any, Any] = rows.groupby(["measure", "year", copy]).indices
        for (name, year, _), mine in groups.items():
            key = (str(name), int(str(year)))
            if key not in self.amounts:
                continue
            spread = np.full((3, len(self.villages)), np.nan)
            spread[:, place[mine]] = told[mine].T
            before, low, high = spread
            moved = self.amounts[key] - before
            near = np.abs(moved) <= self._near(before)
            known = self.known(key)
            self._known[key] = (
                np.where(near, np.maximum(low + moved, known[0]), known[0]),
                np.where(near, np.minimum(high + moved, known[1]), known[1]),
            )

    def _near(self, amount: Floats) -> Floats:
        """Return how near to each amount the policy lets nobody come, in yuan."""
        return self.policy.p_percent / 100 * np.maximum(np.abs(amount), self.policy.floor_yuan)

    def pull(self, key: Key, weight: pd.Series) -> Floats:
        """Return the weight of each known amount of the books; of a village they lack, refuse."""
        if key not in self.amounts:
            raise LianjianError(f"The books hold no {key[0]} of {key[1]}, and a number needs it.")
        return np.where(np.isfinite(self.amounts[key]), self._spread(weight, 0.0), 0.0)

    def _spread(self, values: pd.Series, without: float) -> Floats:
        """Return values by village in the order of the books."""
        known = self._places.get(id(values.index))
        if known is None:
            places = self.villages.get_indexer(values.index.astype(object))
            if (places < 0).any():
                raise LianjianError("A number stands on villages that are not in the books.")
            known = self._places[id(values.index)] = values.index, places
        spread = np.full(len(self.villages), without)
        spread[known[1]] = values.to_numpy(np.float64, na_value=np.nan)
        return spread

    def _told(self, pulls: Mapping[Key, Floats], moved: float, step: float) -> dict[Key, Interval]:
        """Return what is known once a number has left."""
        found: dict[Key, Interval] = {}
        for (name, year), pull in pulls.items():
            touched = pull != 0
            with np.errstate(divide="ignore", invalid="ignore"):
                ends = np.stack([(moved - step / 2) / pull, (moved + step / 2) / pull])
            low = np.where(touched, ends.min(axis=0), -np.inf)
            high = np.where(touched, ends.max(axis=0), np.inf)
            # who knows the other sources of a village learns of each one as much as of their sum
            for measure in (name, *SOURCES) if name == TOTAL else (name,):
                key = (measure, year)
                if key not in self.amounts:
                    continue
                before = found.get(key) or self.known(key)
                amount = np.nan_to_num(self.amounts[key])
                found[key] = (
                    np.maximum(before[0], amount + low),
                    np.minimum(before[1], amount + high),
                )
        return found

    def _keeps(self, found: Mapping[Key, Interval]) -> bool:
        """Whether all that would be known leaves each amount, and each total, wide enough."""
        wide = all(self._is_wide(key, interval) for key, interval in found.items())
        return wide and self._hides_totals(found) and self._hides_middles(found)

    def _hides_middles(self, found: Mapping[Key, Interval]) -> bool:
        """Whether the middle of what is known is hardly a better guess than the year's median."""
        for key, interval in found.items():
            hits, told = self._hits(key, interval)
            allowed = (self._luck[key] & told).sum() + max(_ABOVE_LUCK * told.sum(), _FEW)
            if hits > allowed and hits > self._hits(key, self.known(key))[0]:
                return False
        return True

    def _hits(self, key: Key, interval: Interval) -> tuple[int, Bools]:
        """Return for how many the middle is within p percent, and of whom both ends are known."""
        amount = self.amounts[key]
        told = np.isfinite(interval).all(axis=0) & (np.abs(amount) > self.policy.floor_yuan)
        middle = (interval[0][told] + interval[1][told]) / 2
        return int((np.abs(middle - amount[told]) <= self._near(amount[told])).sum()), told

    def _is_wide(self, key: Key, interval: Interval) -> bool:
        amount = self.amounts[key]
        wide = interval[1] - interval[0] >= 2 * self._near(amount) * (1 - 1e-9)
        return bool((wide | ~np.isfinite(amount)).all())

    def _hides_totals(self, found: Mapping[Key, Interval]) -> bool:
        """Whether sources and total together keep a village's total hidden from an outsider."""
        for year in {year for name, year in found if name in {TOTAL, *SOURCES}}:
            keys = [(name, year) for name in SOURCES]
            if (TOTAL, year) not in self.amounts or any(key not in self.amounts for key in keys):
                continue
            parts = [found.get(key) or self.known(key) for key in keys]
            low, high = found.get((TOTAL, year)) or self.known((TOTAL, year))
            low = np.maximum(low, sum(part[0] for part in parts))
            high = np.minimum(high, sum(part[1] for part in parts))
            if not self._is_wide((TOTAL, year), (low, high)):
                return False
        return True
