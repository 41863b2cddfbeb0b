"""What becomes of each number: by its class, in the order of the plan, from sums rounded once."""

import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from analysis._evidence import Evidence, Key
from analysis.disclosure.door import TOTAL, Door, P, Released, withheld
from analysis.disclosure.policy import Policy, nice, to_step
from analysis.indicators.income import SOURCES

CLASSES = tomllib.loads(Path(__file__).with_name("classes.toml").read_text("utf-8"))
"""Of each class of numbers by which way it leaves, how many it needs, and what is said of it."""

_PLAN = ["name", "turn", "value", "released", "step", "rule", "villages", "ruled_by", "reason"]
_TEXT = (
    "a word or number written as text, so that nobody vouches for it. A column of numbers would "
    "carry it, or record(); a claim() says yes or no by released numbers"
)
_NOT_CHECKED = (
    "not checked: nothing says who stands behind it. A verb of lj.indicators or lj.effects carries "
    "that with its number; arithmetic in a notebook loses it"
)
_OTHER_AMOUNTS = (
    "what it stands on does not add up to it: it was computed from other amounts than the books "
    "hold, such as deflated ones"
)
_P_DIGIT = 0.001
"""The last digit of a p-value that anybody reads."""


@dataclass(frozen=True)
class Number:
    """A number that asks to leave: its address, its true value, and all that it may stand on."""

    name: str
    value: float
    evidence: Sequence[Evidence] = ()


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
        self._sum = cache(self._rounded)  # made once, before what stands on it
        self._made: dict[str, Released] = {}

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
        order = sorted(given, key=self._turn)
        decided = {o.name: self.decide(o) for o in order if o.name in self.policy.headline}
        wanted = {key for one in given for each in one.evidence for key in _keys(each)}
        for key in sorted(wanted & self.door.amounts.keys()):
            for code in range(len(self._groups)):
                self._sum(key, code)
        decided |= {one.name: self.decide(one) for one in order if one.name not in decided}
        turn = {name: number for number, name in enumerate(decided, 1)}
        rows = [
            {
                **vars(decided[one.name]),
                "name": one.name,
                "turn": turn[one.name],
                "released": decided[one.name].value,
                "value": one.value,
                "rule": one.evidence[0].rule if one.evidence else "not checked",
                "villages": min((e.villages for e in one.evidence), default=0),
            }
            for one in given
        ]
        return pd.DataFrame(rows, columns=_PLAN)

    def _turn(self, number: Number) -> tuple[int, bool, str]:
        """Return by what a number takes its turn: what goes first takes the finest step."""
        headline = self.policy.headline
        place = headline.index(number.name) if number.name in headline else len(headline)
        is_end = any(one.side and not one.parents for one in number.evidence)
        return place, is_end, number.name

    def decide(self, number: Number) -> Released:
        """Return a number as it leaves; of several numbers that came out equal, the strictest."""
        guarded = [one for one in number.evidence if CLASSES[one.rule]["way"] != "free"]
        if number.name in self.policy.public or (number.evidence and not guarded):
            return Released(number.value, 0.0)
        if not guarded:
            return withheld(_TEXT if math.isnan(number.value) else _NOT_CHECKED)
        is_headline = number.name in self.policy.headline
        found = [self._release(number.value, each, is_headline=is_headline) for each in guarded]
        return _lost(found) or max(found, key=lambda one: one.step)

    def _release(self, value: float, evidence: Evidence, *, is_headline: bool = False) -> Released:
        """Return a number as it leaves, the same each time it is asked for."""
        name = f"{float(value).hex()} {evidence.name}"
        if name not in self._made:
            self._made[name] = self._decided(value, evidence, is_headline=is_headline)
        return self._made[name]

    def _decided(self, value: float, evidence: Evidence, *, is_headline: bool) -> Released:
        """Return a number as it leaves by the way of its class."""
        cuts = evidence.rule == "ratio" and None in map(self._from_sums, evidence.parents)
        if cuts or (is_headline and evidence.rule == "difference"):
            evidence = evidence.whole()  # its parents would each take a step of their own
        if refusal := self._refusal(evidence):
            return withheld(refusal)
        way = CLASSES[evidence.rule]["way"]
        if way == "counts":
            return self._counted(evidence)
        if way == "numbers" and evidence.parents:
            return self._of_numbers(evidence)
        if way == "sums":
            if not np.isclose(self._exactly(evidence), value, rtol=1e-6):
                return withheld(_OTHER_AMOUNTS)
            if not is_headline and (made := self._from_sums(evidence)) is not None:
                return made
        coarsest = self.policy.coarsest * abs(value)
        if np.isfinite(evidence.instead):
            value = evidence.instead
        elif np.isfinite(evidence.error):
            coarsest = max(evidence.error, coarsest if is_headline else 0.0)
        return self.door.admit(value, evidence, coarsest=coarsest)

    def _refusal(self, evidence: Evidence) -> str:
        """Say why a number cannot leave, whatever it is rounded to; empty where it can."""
        rule = CLASSES[evidence.rule]
        if rule["way"] == "never":
            return evidence.why or str(rule["few"])
        if evidence.rule == "estimate" and not evidence.df >= self.policy.min_dof:
            return f"it has fewer than {self.policy.min_dof} degrees of freedom"
        n = evidence.of if evidence.rule == "share" else evidence.villages
        least = getattr(self.policy, rule["least"]) if "least" in rule else 0
        return str(rule["few"]).format(least) if n < least else ""

    def _counted(self, evidence: Evidence) -> Released:
        """Return a count rounded, or a share of rounded counts; few are not told apart."""
        least, base = self.policy.count_villages, self.policy.count_round
        n, of, is_share = evidence.villages, evidence.of, evidence.rule == "share"

        def left(many: int, to: float) -> float:
            few = 0 < min(many, of - many) < least if is_share else many < least
            return math.nan if few else to_step(many, to, evidence.side)

        if math.isnan(left(n, base)):
            return withheld(f"fewer than {least} are on one side of it")
        if evidence.where and self.door.counted(evidence) != n:
            return withheld("it counts by other amounts than the books hold")
        # the whole that it is a share of may hang on amounts as well
        if lost := _lost([self._release(one.villages, one) for one in evidence.parents]):
            return lost
        to = self.door.count(evidence, left, (base, 2 * base, 4 * base))
        if to is None:
            return withheld(
                "on the edge of rounding, where it tells on which side single villages are"
            )
        if not is_share:
            return Released(left(n, to), float(to))
        around = round(of / base) * base
        share = min(evidence.scale * left(n, to) / around, evidence.scale)
        return _shown(share, evidence.scale * to / around / 2)

    def _of_numbers(self, evidence: Evidence) -> Released:
        """Return what two numbers make, as they leave: a reader could compute it as well."""
        parents = zip(evidence.parent_values, evidence.parents, strict=True)
        over, under = both = [self._release(*one) for one in parents]
        if lost := _lost(both):
            return lost
        if evidence.rule in {"ratio", "test"} and abs(under.value) <= 2 * under.within:
            return withheld("what it is divided by is zero when rounded")
        value = float(_made_of(evidence, over.value, under.value))
        # as far as both may have been moved
        ends = np.meshgrid(*(one.value + np.array([-1.0, 1.0]) * one.within for one in both))
        within = float(np.abs(_made_of(evidence, *ends) - value).max())
        if evidence.rule == "interval":
            step = max(over.step, under.step)
            return Released(to_step(value + evidence.side * within, step, evidence.side), step)
        return _shown(value, max(within, 5 * _P_DIGIT) if evidence.rule == "test" else within)

    def _exactly(self, evidence: Evidence) -> float:
        """Return the weighted sum of amounts itself, as of the ten around a median."""
        return sum(
            float(np.nansum(self.door.pull(key, weight) * self.door.amounts[key]))
            for key, weight in evidence.weights.items()
        )

    def _rounded(self, key: Key, code: int) -> Released:
        """Return the rounded sum of a smallest group, a total as that of its sources.

        A total rounded by itself would tell once more what its sources have told.
        """
        amounts, own = self.door.amounts, self._codes == code
        known = own & np.isfinite(amounts[key])
        if known.sum() < self.policy.atom_villages:
            return withheld("too few villages")
        sources = [(source, key[1]) for source in SOURCES if (source, key[1]) in amounts]
        same = [np.array_equal(np.isfinite(amounts[each]) & own, known) for each in sources]
        if key[0] == TOTAL and len(same) == len(SOURCES) and all(same):
            parts = [self._sum(each, code) for each in sources]
            if not _lost(parts):
                within = sum(one.within for one in parts)
                return Released(sum(one.value for one in parts), 0.0, within=within)
        total = float(amounts[key][known].sum())
        stands = Evidence(
            "amount", int(known.sum()), {key: pd.Series(1.0, self.door.villages[known])}
        )
        return self.door.admit(total, stands, coarsest=self.policy.coarsest * abs(total))

    def _from_sums(self, evidence: Evidence) -> Released | None:
        """Return a number computed from rounded sums alone; none where it cuts through a group."""
        value = within = widest = 0.0
        ruler = ""
        for key, weight in evidence.weights.items():
            known = np.isfinite(self.door.amounts[key])
            pull, codes = self.door.pull(key, weight)[known], self._codes[known]
            each = np.zeros(len(self._groups))
            each[codes] = pull  # of one village of each group, for all of them
            if not np.allclose(each[codes], pull, rtol=1e-9, atol=0):
                return None
            for code in np.flatnonzero(each):
                total, by = self._sum(key, int(code)), float(each[code])
                if total.is_withheld:
                    return None
                value += by * total.value
                within += abs(by) * total.within
                if total.ruled_by and abs(by) * total.within > widest:
                    widest, ruler = abs(by) * total.within, total.ruled_by
        return replace(_shown(value, within), ruled_by=ruler)


def smallest_groups(panel: pd.DataFrame, least: int) -> pd.Series:
    """Return the smallest publishable group of each village: its county's weak ones, or the rest.

    The rich helper goes with the villages outside, since it would rule the weak ones of its
    county; a group of fewer than ``least`` goes to the other one of its county, a county that is
    too small to the largest county.
    """
    traits = panel.drop_duplicates("village_id", keep="last").set_index("village_id").sort_index()
    county = traits["county_code"].astype(str)
    size = county.value_counts()
    largest = str(size.sort_index().idxmax())
    county = county.where(county.map(size) >= least, largest)
    weak = traits["role"].eq("allied_weak")
    few = weak.groupby(county).transform(lambda of: min(of.sum(), (~of).sum())) < least
    group: pd.Series = county + np.where(weak & ~few, " weak", np.where(few, "", " rest"))
    return pd.Series(group, index=traits.index, name="group")


def _made_of(evidence: Evidence, over: P, under: P) -> P:
    """Return what a class of numbers is, of the two that it stands on."""
    match evidence.rule:
        case "ratio":
            return evidence.scale * over / under + evidence.offset
        case "interval":
            return over + evidence.scale * under
        case "test":
            from scipy.special import stdtr  # noqa: PLC0415  (it takes a third of a second)

            return 2 * stdtr(evidence.df, -np.abs(over / under))
    return over - under


def _lost(found: Iterable[Released]) -> Released | None:
    """Return the first of these that is withheld; none where all leave."""
    return next((one for one in found if one.is_withheld), None)


def _keys(evidence: Evidence) -> set[Key]:
    """Return the measures and years whose sums a number wants; estimates want none."""
    own = set(evidence.weights) if evidence.rule == "amount" else set()
    return own.union(*(_keys(parent) for parent in evidence.parents))


def _shown(value: float, within: float) -> Released:
    """Return a number made of rounded ones, within five of its last digit."""
    step = nice(within / 4.5)
    return Released(to_step(value, step) if step else value, step, within=within + step / 2)
