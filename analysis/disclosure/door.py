"""The one door through which numbers leave, and what a reader can know once they have left.

For each village, measure and year it keeps the interval in which a reader who knows every other
amount in the books must place this one. A number leaves rounded by the finest step that leaves all
these intervals as wide as the policy asks; else it is withheld. Knowing all other amounts makes
what a number tells plain arithmetic, amount + (released ± step/2 − true) / weight, so that no
system of equations has to be solved; it is also what people of a village come near to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._evidence import Evidence, Key, Where
from analysis.disclosure.again import joined, renamed
from analysis.disclosure.policy import Policy, nice, to_step
from analysis.errors import LianjianError
from analysis.indicators.income import SOURCES

TOTAL = "total_income_yuan"
"""Sum of the sources. Its interval is that of a reader who knows nothing else of the village."""

STEP = "step of a number"
"""Measure of the rows of a memory that keep by which step a number left, under ``amount``."""

_MEMORY = ("village_id", "measure", "year", "amount", "low", "high")
_ABOVE_LUCK = 0.03
"""Of how many amounts more than by luck the middle of what is known may be within p percent."""
_FEW = 5  # villages, of which this is not asked

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Part = tuple[str, float, int, Floats]
"""A village of other books that is a part of one of these, or the whole of which one is a part: its
code and amount, where the one of these stands, and how far below and above it reaches."""
Told = Mapping[Key, Floats]
"""Lower and upper ends, by measure and year: two rows, one column a village."""
P = TypeVar("P", float, Floats)


@dataclass(frozen=True)
class Released:
    """A number as it leaves: rounded to ``step`` for the village that rules it, or withheld.

    It may be off by ``within``: half a step, or more where it is made of rounded numbers.
    """

    value: float
    step: float
    reason: str = ""
    ruled_by: str = ""
    within: float = 0.0

    @property
    def is_withheld(self) -> bool:
        """Whether nothing leaves."""
        return bool(self.reason)


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
        self.villages = pd.Index(sorted(panel["village_id"].unique()), dtype="str")
        self._nothing = np.repeat([[-np.inf], [np.inf]], len(self.villages), axis=1)
        self._nothing.flags.writeable = False
        self._found: dict[int, tuple[pd.Index, npt.NDArray[np.intp]]] = {}
        self.amounts: dict[Key, Floats] = {}
        for year, rows in panel.groupby("year"):
            own = rows.set_index("village_id")
            for name in own.columns[own.columns.str.endswith("_yuan")]:
                self.amounts[name, int(str(year))] = self._spread(own[name], np.nan)
        self._median = cache(lambda key: np.nanmedian(self.amounts[key]))
        self._known: dict[Key, Floats] = {}
        self._steps: dict[str, float] = {}
        self._others: list[pd.DataFrame] = []
        self._parts: dict[Key, list[Part]] = {}
        if memory is not None:
            self._remember(memory)

    def known(self, key: Key) -> Floats:
        """Return what a reader knows of each village's amount: lower and upper ends, in yuan."""
        return self._known.get(key, self._nothing)

    def admit(self, value: float, evidence: Evidence, *, coarsest: float = np.inf) -> Released:
        """Let a number out, rounded by the finest step that the policy allows, or withhold it.

        ``evidence`` has its weights by measure and year; ``coarsest`` is the largest step that
        leaves it of use.
        """
        pulls = {key: self.pull(key, weight) for key, weight in evidence.weights.items()}
        if not any(pull.any() for pull in pulls.values()):
            return withheld("no amount stands behind it")
        amounts = {key: np.nan_to_num(self.amounts[key]) for key in pulls}
        parts = np.max([np.abs(pulls[key]) * self._size(amounts[key]) for key in pulls], axis=0)
        least = self.policy.kappa * self.policy.p_percent / 100
        # a number that is nothing but small amounts may leave as zero
        heaviest = max(float(np.abs(pull).max()) for pull in pulls.values())
        coarsest = max(coarsest, nice(least * heaviest * self.policy.floor_yuan))
        side, pulls = evidence.side, _with_sources(pulls)

        def rounded(step: float) -> float:
            return to_step(value, step, side)

        def told(step: float) -> Told:
            middle = rounded(step) - side * step / 2 - value
            return {key: self._told(key, pull, middle, step) for key, pull in pulls.items()}

        name = f"{float(value).hex()} {evidence.name}"
        first = nice(least * float(parts.max()))
        step = self._finest(name, _upwards(first, coarsest), told)
        if step is None:
            step = max(first, self._steps.get(name, 0.0))
            return withheld(f"it would have to be rounded to {step:g}, which leaves nothing of it")
        ruler = str(self.villages[int(parts.argmax())])
        return Released(rounded(step), step, ruled_by=ruler, within=step / 2)

    def counted(self, evidence: Evidence) -> int:
        """Return how many are in by the books, of those among whom a number counts."""
        held = [self._holds(each, evidence)[0] for each in evidence.where]
        return int(np.logical_and.reduce([self._among(evidence), *held]).sum())

    def count(
        self, evidence: Evidence, rounded: Callable[[int, float], float], steps: Iterable[float]
    ) -> float | None:
        """Let a count or share out by the first of these steps that tells of nobody too much.

        ``rounded`` says what would leave of so many, by a step. None where each tells too much.
        """
        n = evidence.villages

        def told(step: float) -> Told:
            moved = [rounded(one, step) != rounded(n, step) for one in (n - 1, n + 1)]
            return self._told_by_count(evidence, *moved)

        return self._finest(evidence.name, steps, told)

    def memory(self) -> pd.DataFrame:
        """Return what readers know by now, to be kept as secret as the books.

        Its columns are ``village_id, measure, year, amount, low, high``, in yuan. Rows of the
        measure :data:`STEP` are numbers, by a digest of what they are.
        """
        every = [*self._steps], STEP, 0, [*self._steps.values()], -np.inf, np.inf
        frames = [pd.DataFrame(dict(zip(_MEMORY, every, strict=True)))]
        for (name, year), (low, high) in sorted(self._known.items()):
            each = self.villages, name, year, self.amounts[name, year], low, high
            rows = pd.DataFrame(dict(zip(_MEMORY, each, strict=True)))
            frames.append(rows[np.isfinite(low) | np.isfinite(high)])
        apart = [
            (code, *key, amount, amount + ends[0], amount + ends[1])
            for key, parts in self._parts.items()
            for code, amount, _, ends in parts
        ]
        frames += [pd.DataFrame(apart, columns=[*_MEMORY])] if apart else []
        frames += [rows[[*_MEMORY]] for rows in self._others if len(rows)]
        return pd.concat(frames, ignore_index=True).drop_duplicates(ignore_index=True)

    def _remember(self, memory: pd.DataFrame) -> None:
        """Take in what left before; of an amount moved by a hair since, with the hair.

        What is of no village, year or amount of these books is kept: it may come back.
        """
        left = memory[memory["measure"] == STEP]
        self._steps = dict(zip(left["village_id"], left["amount"].astype(float), strict=True))
        rows = memory.drop(left.index)
        amounts, *ends = rows[["amount", "low", "high"]].to_numpy(np.float64).T
        keys = [*self.amounts]
        column = {key: n for n, key in enumerate(keys)}
        stated = zip(rows["measure"], rows["year"], strict=True)
        at = np.array([column.get((name, int(year)), -1) for name, year in stated], dtype=np.intp)
        codes, ids = pd.factorize(rows["village_id"])
        before = np.full((len(ids), len(keys)), np.nan)
        told = (at >= 0) & (np.abs(amounts) > self.policy.floor_yuan)
        before[codes[told], at[told]] = amounts[told]
        now = np.stack([self.amounts[key] for key in keys], axis=1)
        places = renamed(before, now, self.villages.get_indexer(ids))
        place = places[codes]
        moved = np.where((at < 0) | (place < 0), np.nan, now[place, at]) - amounts
        is_near = np.abs(moved) <= self._near(amounts)
        self._others.append(rows[~is_near])
        for n in np.unique(at[is_near]):
            own, key = is_near & (at == n), keys[n]
            known = self._known[key] = self.known(key).copy()
            # one amount may be there several times, where books were taken in under several names
            for meet, side, end in zip((np.maximum, np.minimum), known, ends, strict=True):
                meet.at(side, place[own], (end + moved)[own])
        for n, row, whole in joined(before, now, places):
            for one in np.flatnonzero((codes == row) & (at == n)):
                known = np.array([end[one] for end in ends]) - amounts[one]
                part = (str(ids[row]), float(amounts[one]), whole, known)
                self._parts.setdefault(keys[n], []).append(part)

    def _finest(
        self, name: str, steps: Iterable[float], told: Callable[[float], Told]
    ) -> float | None:
        """Return the first of these steps by which a number may leave, none finer than before.

        By which step it left is kept, and so is by which ones it could not.
        """
        before = self._steps.get(name, 0.0)
        for step in (one for one in steps if one >= before):
            self._steps[name] = step
            with np.errstate(divide="ignore", invalid="ignore"):  # by weights of zero
                if self._learns(told(step)):
                    return step
            self._steps[name] = nice(1.5 * step)
        return None

    def _learns(self, told: Told) -> bool:
        """Take in what a number would tell, unless an amount would be known too closely."""
        found = {key: _meet(self.known(key), ends) for key, ends in told.items()}
        found |= self._totals(found)
        if not all(self._is_wide(*one) and self._is_no_guess(*one) for one in found.items()):
            return False
        parts = {key: self._told_of_parts(key, found[key]) for key in self._parts if key in found}
        for _, amount, _, ends in (part for own in parts.values() for part in own):
            if ends[1] - ends[0] < 2 * self._near(np.array(amount)) * (1 - 1e-9):
                return False
        self._known |= found
        self._parts |= parts
        return True

    def _told_of_parts(self, key: Key, ends: Floats) -> list[Part]:
        """Return what is then known of villages that merged or were parted, which stand apart."""
        far = ends - self.amounts[key]
        return [
            (code, amount, place, _meet(known, far[:, place]))
            for code, amount, place, known in self._parts[key]
        ]

    def _totals(self, found: Told) -> Told:
        """Return what sources and total together tell an outsider of each village's total."""
        totals = {}
        for year in {year for name, year in found if name in {TOTAL, *SOURCES}}:
            keys = [(name, year) for name in (TOTAL, *SOURCES)]
            if all(key in self.amounts for key in keys):
                whole, *parts = (found.get(key, self.known(key)) for key in keys)
                totals[TOTAL, year] = _meet(whole, np.sum(parts, axis=0))
        return totals

    def _is_wide(self, key: Key, ends: Floats) -> bool:
        """Whether each amount is hidden in an interval as wide as the policy asks."""
        wide = ends[1] - ends[0] >= 2 * self._near(self.amounts[key]) * (1 - 1e-9)
        return bool((wide | ~np.isfinite(self.amounts[key])).all())

    def _is_no_guess(self, key: Key, ends: Floats) -> bool:
        """Whether the middle of what is known is hardly a better guess than the year's median."""
        told = np.isfinite(ends).all(axis=0) & (np.abs(self.amounts[key]) > self.policy.floor_yuan)
        amount = self.amounts[key][told]
        near = self._near(amount)
        # of whom nothing was known, there is no middle
        middles = [(low + high)[told] / 2 for low, high in (self.known(key), ends)]
        guesses = (self._median(key), *middles)
        luck, before, found = (int((np.abs(one - amount) <= near).sum()) for one in guesses)
        return found <= max(before, luck + max(_ABOVE_LUCK * told.sum(), _FEW))

    def _near(self, amount: Floats) -> Floats:
        """Return how near to each amount the policy lets nobody come, in yuan."""
        return self.policy.p_percent / 100 * self._size(amount)

    def _size(self, amount: Floats) -> Floats:
        return np.maximum(np.abs(amount), self.policy.floor_yuan)

    def pull(self, key: Key, weight: pd.Series) -> Floats:
        """Return the weight of each known amount of the books; of a village they lack, refuse."""
        if key not in self.amounts:
            raise LianjianError(f"The books hold no {key[0]} of {key[1]}, and a number needs it.")
        return np.where(np.isfinite(self.amounts[key]), self._spread(weight, 0.0), 0.0)

    def _spread(self, values: pd.Series, without: float) -> Floats:
        """Return values by village in the order of the books."""
        spread = np.full(len(self.villages), without)
        spread[self._places(values.index)] = values.to_numpy(np.float64, na_value=np.nan)
        return spread

    def _places(self, villages: pd.Index) -> npt.NDArray[np.intp]:
        """Return where villages stand in the books: once for an index, of many numbers' weights."""
        if id(villages) not in self._found:
            places = self.villages.get_indexer(villages)
            if (places < 0).any():
                raise LianjianError("A number stands on villages that are not in the books.")
            self._found[id(villages)] = villages, places
        return self._found[id(villages)][1]

    def _told(self, key: Key, pull: Floats, middle: float, step: float) -> Floats:
        """Return what a weighted sum tells of each amount, from how far it moved in rounding."""
        if key not in self.amounts:
            return self._nothing
        ends = middle / pull + np.array([[-0.5], [0.5]]) * step / np.abs(pull)
        hidden = (pull == 0) | ~np.isfinite(self.amounts[key])
        return np.where(hidden, self._nothing, self.amounts[key] + ends)

    def _told_by_count(self, evidence: Evidence, when_in: bool, when_out: bool) -> Told:
        """Return what a count tells of each amount; of one that is in or out, if it would move."""
        found: dict[Key, Floats] = {}
        lines = [
            (_with_sources(each.factors), *self._holds(each, evidence)) for each in evidence.where
        ]
        for key in sorted({key for pulls, *_ in lines for key in pulls if key in self.amounts}):
            amount, rest = self.amounts[key], self._among(evidence)
            is_in = rest
            least, most = self._nothing
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
            found[key] = np.stack([low, high])
        return found

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


def _with_sources(pulls: Mapping[Key, P]) -> dict[Key, P]:
    """Return how far each amount moves a sum: a source moves the total that it is a part of.

    Who knows the other sources of a village learns of each one as much as of their sum.
    """
    found = dict(pulls)
    for (name, year), by in pulls.items():
        for source in SOURCES if name == TOTAL else ():
            found[source, year] = found.get((source, year), 0.0) + by
    return found


def _meet(one: Floats, other: Floats) -> Floats:
    return np.stack([np.maximum(one[0], other[0]), np.minimum(one[1], other[1])])


def _upwards(step: float, coarsest: float) -> Iterator[float]:
    """Yield a step and the coarser ones, up to the coarsest."""
    while step <= coarsest:
        yield step
        step = nice(step * 1.5)
