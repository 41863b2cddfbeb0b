"""What becomes of each number: by its class, in the order of the plan, from sums rounded once."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from analysis._evidence import Evidence, Key, Rule
from analysis._frame import need_columns
from analysis.disclosure.door import TOTAL, Bools, Door, Released, withheld
from analysis.disclosure.policy import Policy, nice, steps
from analysis.indicators.income import SOURCES

_PLAN = ["name", "turn", "value", "released", "step", "rule", "villages", "ruled_by", "reason"]
_P_DIGIT = 0.001
"""The last digit of a p-value that anybody reads."""


@dataclass(frozen=True)
class Number:
    """A number that asks to leave: its address, its true value, and all that it may stand on."""

    name: str
    value: float
    evidence: Sequence[Evidence] = ()


def smallest_groups(panel: pd.DataFrame, least: int) -> pd.Series:
    """Return the smallest publishable group of each village: its county's weak ones, or the rest.

    The rich helper goes with the villages outside, since it would rule the weak ones of its
    county; a group that is too small goes to the other one of its county, a county that is too
    small to the largest county.

    Parameters
    ----------
    panel : DataFrame
        With ``village_id, county_code, role``.
    least : int
        Villages in a group at least.
    """
    need_columns(panel, "village_id", "county_code", "role")
    traits = panel.drop_duplicates("village_id", keep="last").set_index("village_id").sort_index()
    county = traits["county_code"].astype(str)
    size = county.value_counts()
    largest = str(size.sort_index().idxmax())
    county = county.where(county.map(size) >= least, largest)
    weak = traits["role"].eq("allied_weak")
    few = weak.groupby(county).transform(lambda of: min(of.sum(), (~of).sum())) < least
    group: pd.Series = county + np.where(weak & ~few, " weak", np.where(few, "", " rest"))
    return pd.Series(group, index=traits.index, name="group")


class Guard:
    """Decides on numbers of one dataset; keeps the door and the sums of the smallest groups.

    Parameters
    ----------
    policy : Policy
        The rules.
    panel : DataFrame
        Village by year: ``village_id, year, county_code, role`` and the measures in yuan.
    memory : DataFrame, optional
        What left before, of :meth:`Door.memory`.
    """

    def __init__(
        self, policy: Policy, panel: pd.DataFrame, memory: pd.DataFrame | None = None
    ) -> None:
        self.policy = policy
        self.door = Door(policy, panel, memory)
        groups = smallest_groups(panel, policy.atom_villages)
        self._codes, self._groups = pd.factorize(groups.reindex(self.door.villages), sort=True)
        self._sums: dict[Key, list[Released]] = {}
        self._made: dict[tuple[object, ...], Released] = {}
        self._kinds: dict[int, tuple[Evidence, tuple[object, ...]]] = {}

    def plan(self, numbers: Iterable[Number]) -> pd.DataFrame:
        """Decide on each number: the headline, then by name, ends of intervals last.

        Returns
        -------
        DataFrame
            One row a number, as given: ``name, turn, value, released, step, rule, villages,
            ruled_by, reason``. ``turn`` is its place in the order of admission; ``released`` is
            missing where the number is withheld, and ``reason`` says why; ``ruled_by`` is the
            village whose amount sets the step.
        """
        given = list(numbers)
        place = {name: rank for rank, name in enumerate(self.policy.headline)}
        order = sorted(
            given, key=lambda one: (place.get(one.name, len(place)), _is_end(one), one.name)
        )
        decided = {one.name: self.decide(one) for one in order if one.name in place}
        for key in sorted({key for one in given for e in one.evidence for key in _keys(e)}):
            self._sum(key)
        decided |= {one.name: self.decide(one) for one in order if one.name not in decided}
        turn = {name: number for number, name in enumerate(decided, 1)}
        rows = [
            {
                "name": one.name,
                "turn": turn[one.name],
                "value": one.value,
                "released": decided[one.name].value,
                "step": decided[one.name].step,
                "rule": one.evidence[0].rule if one.evidence else "not checked",
                "villages": min((e.villages for e in one.evidence), default=0),
                "ruled_by": decided[one.name].ruled_by,
                "reason": decided[one.name].reason,
            }
            for one in given
        ]
        return pd.DataFrame(rows, columns=_PLAN)

    def decide(self, number: Number) -> Released:
        """Return a number as it leaves; of several numbers that came out equal, the strictest."""
        if not self.policy.on or number.name in self.policy.public:
            return Released(number.value, 0.0)
        if np.isnan(number.value) and not number.evidence:
            return withheld(
                "written as text, so that nobody vouches for it. A column of numbers would carry "
                "it, or record()"
            )
        if number.evidence and all(one.rule == "public" for one in number.evidence):
            return Released(number.value, 0.0)
        if not number.evidence:
            return withheld(
                "not checked: nothing says who stands behind it. A verb of lj.indicators or "
                "lj.effects carries that with its number; arithmetic in a notebook loses it"
            )
        found = [
            self._release(number.value, each, number.name in self.policy.headline)
            for each in number.evidence
            if each.rule != "public"
        ]
        for one in found:
            if one.is_withheld:
                return one
        return max(found, key=lambda one: one.step)

    def _release(self, value: float, evidence: Evidence, headline: bool) -> Released:
        """Return a number as it leaves, the same each time it is asked for."""
        # many cells are 0 or 100, and each of them stands on what all of them do
        if id(evidence) not in self._kinds:
            self._kinds[id(evidence)] = evidence, _kind(evidence)
        kind = (float(value).hex(), *self._kinds[id(evidence)][1])
        if kind not in self._made:
            self._made[kind] = self._decided(value, evidence, headline)
        return self._made[kind]

    def _decided(self, value: float, evidence: Evidence, headline: bool) -> Released:
        if (headline and evidence.rule == "difference") or (
            evidence.rule == "ratio"
            and any(self._from_sums(parent) is None for parent in evidence.parents)
        ):
            evidence = _whole(evidence)
        if refusal := self._refusal(evidence):
            return withheld(refusal)
        if evidence.rule in {"count", "share"}:
            return self._counted(evidence)
        if evidence.parents:
            return self._of_parents(evidence)
        if evidence.rule == "amount" and not np.isclose(self._exactly(evidence), value, rtol=1e-6):
            return withheld(
                "what it stands on does not add up to it: it was computed from other amounts than "
                "the books hold, such as deflated ones"
            )
        if evidence.rule == "amount" and not headline:
            made = self._from_sums(evidence)
            if made is not None:
                return made
        coarsest = self.policy.coarsest * abs(value)
        if np.isfinite(evidence.instead):
            value = evidence.instead
        elif np.isfinite(evidence.error):
            coarsest = max(evidence.error, coarsest if headline else 0.0)
        return self.door.admit(value, evidence, coarsest=coarsest)

    def _refusal(self, evidence: Evidence) -> str:
        """Say why a number cannot leave, whatever it is rounded to; empty where it can."""
        policy, n = self.policy, evidence.villages
        few = {
            "amount": (n, policy.atom_villages, "fewer than {} villages are behind it"),
            "order": (n, policy.count_villages, "fewer than {} amounts lie around it"),
            "count": (n, policy.count_villages, "fewer than {}"),
            "share": (evidence.of, policy.count_villages, "it is a share of fewer than {}"),
            "estimate": (n, policy.treated_villages, "fewer than {} villages are behind it"),
            "ratio": (n, policy.atom_villages, "fewer than {} villages are behind it"),
        }
        if evidence.rule == "single":
            return "it is one village's own"
        if evidence.rule == "inside":
            return evidence.why
        if evidence.rule == "estimate" and not evidence.df >= policy.min_dof:
            return f"it has fewer than {policy.min_dof} degrees of freedom"
        seen, least, words = few.get(evidence.rule, (0, 0, ""))
        return words.format(least) if seen < least else ""

    def _counted(self, evidence: Evidence) -> Released:
        """Return a count rounded, or a share of rounded counts; few are not told apart."""
        least, base = self.policy.count_villages, self.policy.count_round
        n, of, is_share = evidence.villages, evidence.of, evidence.rule == "share"

        def left(many: int, to: int) -> float:
            whole = {-1: math.floor, 1: math.ceil}.get(evidence.side, round)(many / to)
            few = 0 < min(many, of - many) < least if is_share else many < least
            return math.nan if few else whole * to

        if math.isnan(left(n, base)):
            return withheld(f"fewer than {least} are on one side of it")
        if evidence.where and self.door.counted(evidence) != n:
            return withheld("it counts by other amounts than the books hold")
        # the whole that it is a share of may hang on amounts as well
        for one in (
            self._release(parent.villages, parent, headline=False) for parent in evidence.parents
        ):
            if one.is_withheld:
                return one
        for to in (base, 2 * base, 4 * base):
            moved = (left(n - 1, to) != left(n, to), left(n + 1, to) != left(n, to))
            if self.door.count(evidence, to, *moved):
                if not is_share:
                    return Released(float(left(n, to)), float(to))
                around = round(of / base) * base
                share = min(evidence.scale * left(n, to) / around, evidence.scale)
                return _shown(share, evidence.scale * to / around / 2)
        return withheld("on the edge of rounding, where it tells on which side single villages are")

    def _of_parents(self, evidence: Evidence) -> Released:
        """Return a ratio or a difference of two numbers, made of them as they leave."""
        parents = [
            self._release(value, parent, headline=False)
            for value, parent in zip(evidence.parent_values, evidence.parents, strict=True)
        ]
        for one in parents:
            if one.is_withheld:
                return one
        over, under = parents
        if evidence.rule == "difference":
            return _shown(over.value - under.value, (over.step + under.step) / 2)
        if evidence.rule == "test":
            return _p_value(over, under, evidence.df)
        if evidence.rule == "interval":
            step = max(over.step, under.step)
            within = (over.step + abs(evidence.scale) * under.step) / 2
            end = over.value + evidence.scale * under.value + evidence.side * within
            outwards = evidence.side * math.ceil(evidence.side * end / step - 1e-9)
            return Released(steps(outwards, step), step)
        if abs(under.value) <= under.step:
            return withheld("what it is a part of is zero when rounded")
        value = evidence.scale * over.value / under.value + evidence.offset
        error = (over.step + abs(over.value / under.value) * under.step) / abs(under.value)
        return _shown(value, abs(evidence.scale) * error / 2)

    def _exactly(self, evidence: Evidence) -> float:
        """Return the weighted sum of amounts itself, as of the ten around a median."""
        return sum(
            float(np.nansum(self.door.pull(key, weight) * self.door.amounts[key]))
            for key, weight in evidence.weights.items()
        )

    def _sum(self, key: Key) -> list[Released]:
        """Return the rounded sum of each smallest group; made once, before what stands on it."""
        if key not in self._sums:
            known = np.isfinite(self.door.amounts.get(key, np.full(len(self._codes), np.nan)))
            self._sums[key] = []
            for code in range(len(self._groups)):
                inside = known & (self._codes == code)
                if inside.sum() < self.policy.atom_villages:
                    self._sums[key].append(withheld("too few villages"))
                    continue
                if (parts := self._of_sources(key, inside, code)) is not None:
                    self._sums[key].append(parts)
                    continue
                total = float(self.door.amounts[key][inside].sum())
                each = pd.Series(inside.astype(np.float64), index=self.door.villages)
                stands = Evidence("amount", int(inside.sum()), {key: each})
                coarsest = self.policy.coarsest * abs(total)
                self._sums[key].append(self.door.admit(total, stands, coarsest=coarsest))
        return self._sums[key]

    def _of_sources(self, key: Key, inside: Bools, code: int) -> Released | None:
        """Return a total as the sum of its sources' rounded sums, where the same villages know all.

        A total rounded by itself would tell once more what its sources have told.
        """
        name, year = key
        keys = [(source, year) for source in SOURCES]
        if name != TOTAL or any(each not in self.door.amounts for each in keys):
            return None
        if not all(np.isfinite(self.door.amounts[each][inside]).all() for each in keys):
            return None
        parts = [self._sum(each)[code] for each in keys]
        if any(one.is_withheld for one in parts):
            return None
        return Released(sum(one.value for one in parts), sum(one.step for one in parts))

    def _from_sums(self, evidence: Evidence) -> Released | None:
        """Return a number computed from rounded sums alone; none where it cuts through a group."""
        value = within = widest = 0.0
        ruler = ""
        for key, weight in evidence.weights.items():
            known = np.isfinite(self.door.amounts[key])
            pull, codes = self.door.pull(key, weight)[known], self._codes[known]
            least, most = np.full((2, len(self._groups)), [[np.inf], [-np.inf]])
            np.minimum.at(least, codes, pull)
            np.maximum.at(most, codes, pull)
            for total, low, high in zip(self._sum(key), least.tolist(), most.tolist(), strict=True):
                size = max(abs(low), abs(high))
                if size == 0 or low > high:  # none of a group, or a group without amounts
                    continue
                if total.is_withheld or high - low > 1e-9 * size:
                    return None
                value += low * total.value
                within += size * total.step / 2
                if total.ruled_by and size * total.step > widest:
                    widest, ruler = size * total.step, total.ruled_by
        return replace(_shown(value, within), ruled_by=ruler)


def _kind(evidence: Evidence) -> tuple[object, ...]:
    """Return what tells an evidence from those of other numbers that came out equal."""
    stands = (evidence.rule, evidence.villages, evidence.of, evidence.parent_values)
    # shares of different groups often are equal, and so are sums of nothing
    weights = tuple((key, *weight.index[:1]) for key, weight in evidence.weights.items())
    where = tuple(
        (*each.factors.items(), *np.atleast_1d(each.low), *np.atleast_1d(each.high))
        for each in evidence.where
    )
    return (*stands, weights, tuple(evidence.among), where)


def _is_end(number: Number) -> bool:
    """Whether it is an end of an interval with a step of its own: what it surrounds goes first."""
    return any(one.side and not one.parents for one in number.evidence)


def _whole(evidence: Evidence) -> Evidence:
    """Return a difference or a ratio by how far each amount moves it, to pass the door by itself.

    Its parents would each take a step of their own.
    """
    (over, under), (a, b) = evidence.parents, evidence.parent_values
    factors = (1.0, -1.0)
    if evidence.rule == "ratio":
        factors = (evidence.scale / b, -evidence.scale * a / b**2)
    weights: dict[Key, pd.Series] = {}
    for parent, factor in zip((over, under), factors, strict=True):
        for key, pull in parent.weights.items():
            more = pull * factor
            weights[key] = weights[key].add(more, fill_value=0.0) if key in weights else more
    rule: Rule = "amount" if evidence.rule == "difference" else "ratio"
    n = min(over.villages, under.villages)
    return replace(evidence, rule=rule, villages=n, weights=weights, parents=(), parent_values=())


def _p_value(estimate: Released, error: Released, df: float) -> Released:
    """Return the p-value of t that a reader could compute from an estimate and its error."""
    if error.value <= error.step:
        return withheld("its standard error is zero when rounded")
    ratio = abs(estimate.value / error.value)
    within = (estimate.step + ratio * error.step) / 2 / error.value
    moved = float(2 * stats.t.pdf(ratio, df)) * within
    return _shown(float(2 * stats.t.sf(ratio, df)), max(moved, 5 * _P_DIGIT))


def _keys(evidence: Evidence) -> set[Key]:
    """Return the measures and years whose sums a number wants; estimates want none."""
    own = set(evidence.weights) if evidence.rule == "amount" else set()
    return own.union(*(_keys(parent) for parent in evidence.parents))


def _shown(value: float, within: float) -> Released:
    """Return a number made of rounded ones, with a last digit that its error allows."""
    step = nice(within / 5)
    return Released(steps(round(value / step), step) if step else value, step)
