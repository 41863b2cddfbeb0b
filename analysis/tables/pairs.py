"""Tables of the pairs: who they are, what their gaps did, and how sure so few can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis._evidence import stays_inside
from analysis._labelled import Labelled, Quantity
from analysis.effects._stands_on import LEFT_OUT, PAIRS, inside
from analysis.effects.inference import bca_mean, sign_flip, signed_rank
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN
from analysis.indicators import pairs
from analysis.tables._labelled import INCOMES, TITLES, labelled, quantity, written

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset

Frames = Mapping[str, pd.DataFrame]
_FEWEST = 2  # pairs with a measure


@dataclass(frozen=True)
class Pairs:
    """Helpers and their weak villages over time; false where no measure is known of two pairs."""

    data: "Dataset"
    end_year: int  # of every comparison, or the last one before it that has books
    base: int  # first year of the longer comparison, counted from joining
    level: float  # of the intervals

    @property
    def last(self) -> int:
        """The last year of every comparison."""
        known = [year for year in self.data.years if year <= self.end_year]
        return max(known, default=self.data.years[-1])

    @cached_property
    def _closings(self) -> dict[str, dict[int, pd.DataFrame]]:
        """The closing of gaps by measure and base year, of measures that two pairs have."""
        made = {}
        for name, column in INCOMES.items():
            gap = pairs.gaps(self.data.panel, column)
            each = {
                start: pairs.closing(gap, start, self.last, clock="since_joining")
                for start in (-1, self.base)
            }
            if min(map(len, each.values())) >= _FEWEST:
                made[name] = each
        return made

    def __bool__(self) -> bool:
        """Whether two pairs have one measure in all years that are needed."""
        return bool(self._closings)

    @property
    def naive(self) -> dict[str, pd.DataFrame]:
        """The closing from the year before joining, by measure."""
        return {name: each[-1] for name, each in self._closings.items()}

    @property
    def later(self) -> dict[str, pd.DataFrame]:
        """The closing from the base year, by measure."""
        return {name: each[self.base] for name, each in self._closings.items()}

    @cached_property
    def gap(self) -> dict[str, pd.DataFrame]:
        """Both villages of each pair in each year, by measure."""
        found = {name: pairs.gaps(self.data.panel, INCOMES[name]) for name in self._closings}
        inside(PAIRS, *found.values())
        return found

    @cached_property
    def comparison(self) -> pd.DataFrame:
        """The pairs and villages outside, without those that have a central project."""
        panel, villages = self.data.panel, self.data.villages
        helped = villages.loc[villages["has_central_project"], "village_id"]
        return panel[(panel["role"] != "outside") | ~panel["village_id"].isin(helped)]

    @cached_property
    def _fitted(self) -> tuple[dict[str, dict[str, pd.DataFrame]], list[str]]:
        """Closings beside those of villages of their size, and why some have none."""
        villages = self.data.villages
        sized = set(villages.loc[villages["households"].notna(), "village_id"])
        made, notes = {}, []
        for name in self._closings:
            known = {
                key: frame[frame["helper_id"].isin(sized) & frame["weak_id"].isin(sized)]
                for key, frame in (("net", self.later[name]), ("near", self.naive[name]))
            }
            if min(map(len, known.values())) < _FEWEST:
                notes.append(f"Too few pairs with households to compare {name} income.")
                continue
            if unknown := len(self.later[name]) - len(known["net"]):
                notes.append(f"{name.capitalize()} income: {unknown} pairs have no households.")
            try:
                made[name] = {
                    key: pairs.expected_closing(self.comparison, INCOMES[name], frame)
                    for key, frame in known.items()
                }
            except LianjianError as error:
                notes.append(f"No comparison for {name} income. {error}")
        return made, notes

    @property
    def net(self) -> dict[str, pd.DataFrame]:
        """The closing from the base year beside the one to be expected, by measure."""
        return {name: each["net"] for name, each in self._fitted[0].items()}

    @property
    def near(self) -> dict[str, pd.DataFrame]:
        """The same from the year before joining."""
        return {name: each["near"] for name, each in self._fitted[0].items()}

    @property
    def ratios(self) -> dict[str, pd.DataFrame]:
        """Each pair's ratio of incomes at both ends, and the one to be expected, by measure.

        A measure in which no helper has an income has none.
        """
        made = {TITLES[name]: _ratios(frame) for name, frame in self.net.items()}
        return {title: frame for title, frame in made.items() if len(frame)}

    @property
    def remarks(self) -> list[str]:
        """What the books cannot answer."""
        half = int((self.data.villages.groupby("pair_id").size() == 1).sum())
        lost = []
        if half:
            lost.append(f"Pairs of which the books hold one village only, left out: {half}.")
        if self:
            missing = [name for name in INCOMES if name not in self._closings]
            if missing:
                lost.append(f"Left out for want of books: {', '.join(missing)} income.")
            return [*lost, *self._fitted[1]]
        named = self.data.panel["pair_id"].nunique()
        seen = (
            f"Of its pairs ({named}) no two have both incomes in {self.last}, in the year before "
            f"joining and {-self.base} years before joining."
            if named
            else "It names no pair."
        )
        lacks = (
            f"This dataset does not answer the question. {seen} Needed are the columns pair_id and "
            "joined_year of the villages (one helper and one allied_weak a pair), and the books of "
            "those years."
        )
        return [lacks, *lost]


def _by_measure(rows: Mapping[str, object]) -> pd.DataFrame:
    made = pd.DataFrame.from_dict(dict(rows), orient="index").infer_objects().rename_axis("Measure")
    inside(PAIRS, made)
    return made


def members(found: Pairs) -> Labelled:
    """Describe the pairs: county, year of joining, size, and income at both ends."""
    name, closed = next(iter(found.later.items()))
    frame, traits = closed.set_index("pair_id"), found.data.villages.set_index("village_id")
    rows = pd.DataFrame(
        {
            "county": frame["weak_id"].map(traits["county_name"]),
            "joined_year": frame["weak_id"].map(traits["joined_year"]),
            "helper_households": frame["helper_id"].map(traits["households"]),
            "weak_households": frame["weak_id"].map(traits["households"]),
            **{name: frame[name] for name in ("helper_start", "weak_start")},
            **{name: frame[name] for name in ("helper_end", "weak_end")},
        }
    )
    until = closed["end_year"].max()
    return labelled(rows.rename_axis("Pair"), until=until).saying(
        f"The pairs: size, and {name} income (万元) {-found.base} years before joining and in "
        f"{found.last}."
    )


def closings(found: Pairs) -> list[Quantity]:
    """Return the mean closing before and after, and beyond that of villages of their size."""
    level = found.level
    made = [
        quantity("naive-closed-{measure}", sign_flip(frame["closed"], level=level), measure=name)
        for name, frame in found.naive.items()
    ]
    for name, frame in found.net.items():
        flip = sign_flip(frame["closed_net"], level=level)
        fewest, most = without_one(frame["closed_net"])
        made += [
            quantity("net-closed-{measure}", flip, measure=name),
            quantity("least-p-{measure}", flip.smallest_p, n=len(frame), measure=name),
            quantity("least-without-{measure}", fewest, measure=name),
            quantity("most-without-{measure}", most, measure=name),
        ]
        if np.isfinite(flip.high - flip.low):
            made.append(quantity("width-{measure}", flip.high - flip.low, measure=name))
    return made


def before_after(naive: Frames, level: float) -> Labelled:
    """Give the mean gap at both ends and its closing, with the sign-flip interval."""
    rows, until = {}, 0
    for name, frame in naive.items():
        test, until = sign_flip(frame["closed"], level=level), int(frame["end_year"].max())
        rows[name] = {
            "pairs": len(frame),
            "gap_start": frame["gap_start"].mean(),
            "gap_end": frame["gap_end"].mean(),
            "closed": test.estimate,
            "low": test.low,
            "high": test.high,
            "p": test.p_value,
        }
    return labelled(_by_measure(rows), until=until).saying(
        f"Mean gap in the year before joining and in {until}, and its closing with the sign-flip "
        f"interval at {level:.0%} (万元); negative: the gap grew."
    )


def who_closed(naive: Frames) -> Labelled:
    """Give the median ratio of incomes at both ends, and count who closed the gap."""
    rows, until = {}, 0
    for name, frame in naive.items():
        counts, until = frame["who"].value_counts(), int(frame["end_year"].max())
        rows[name] = {
            "ratio_start": frame["ratio_start"].median() * 100,
            "ratio_end": frame["ratio_end"].median() * 100,
            "grew": int(counts.get("gap grew", 0)),
            "weak_up": int(counts.get("weak up", 0)),
            "helper_down": int(counts.get("helper down", 0) + counts.get("both", 0)),
        }
    return labelled(_by_measure(rows), until=until).saying(
        "Median income of the weak village in percent of its helper's, and who closed the gap: the "
        "weak village rose (by more than its helper), or the helper fell."
    )


def standing(comparison: pd.DataFrame, gap: Frames) -> Labelled:
    """Give the mean income of helpers and weak villages above others of their size, by event time.

    The same pairs stand in every column: those known in the years around the choice.
    """
    rows = []
    for name, frame in gap.items():
        seen = pairs.standing(comparison, f"{name}_income_yuan", frame)
        seen = seen.dropna(subset=["helper_excess", "weak_excess", "event_time"])
        around = seen[seen["event_time"].isin([-2, -1, 0])].groupby("pair_id").size()
        seen = seen[seen["pair_id"].isin(around.index[around == 3])]
        whole = seen.groupby("event_time")["pair_id"].nunique()
        seen = seen[seen["event_time"].isin(whole.index[whole == seen["pair_id"].nunique()])]
        for side in ("helper", "weak") if len(seen) else ():
            excess = seen.groupby("event_time")[f"{side}_excess"].mean()
            times = {_signed(time): value for time, value in excess.items()}
            rows.append({"Measure": name, "Side": side, "pairs": seen["pair_id"].nunique()} | times)
    made = pd.DataFrame(rows)
    inside(PAIRS, made)
    made = made.set_index(["Measure", "Side"]) if rows else made
    return Labelled(made, {"pairs": "Pairs"}, 1).saying(
        "Mean income above villages outside alliances of the same size and year (万元), by years "
        "since joining; −1 is the year of choice."
    )


def _signed(time: Any) -> str:
    return f"{int(time):+d}".replace("-", "−").replace("+0", "0")


def base_years(found: Pairs) -> Labelled:
    """Give the closing of the gap of the same pairs to the same end, from each base year."""
    rows, last = [], found.last
    same = {
        name: set(frame["pair_id"]) & set(found.later[name]["pair_id"])
        for name, frame in found.naive.items()
    }
    for name, frame in found.gap.items():
        first = int(frame["event_time"].min())
        for start in range(-1, max(first, -4) - 1, -1):
            each = pairs.closing(frame, start, last, clock="since_joining")
            each = each[each["pair_id"].isin(same[name])]
            if not same[name] or len(each) != len(same[name]):
                continue
            means = {key: each[key].mean() for key in ("helper_change", "weak_change", "closed")}
            base = f"{-start} before" + (" (chosen then)" if start == -1 else "")
            rows.append({"Measure": name, "Base year": base, "pairs": len(each)} | means)
    made = pd.DataFrame(rows)
    inside(PAIRS, made)
    return labelled(made.set_index(["Measure", "Base year"]) if rows else made).saying(
        f"Mean change to {last} and closing of the gap by base year (万元): the same pairs, the "
        "same end. A longer span also holds more of everybody's growth."
    )


def net_by_pair(found: Pairs) -> Labelled:
    """Give each pair's closing: in the books, as expected, and the difference."""
    name, net = next(iter(found.net.items()))
    shown = ["start_year", "closed", "closed_expected", "closed_net", "catch_up_pct", "who"]
    inside(PAIRS, net[shown])
    return labelled(net.set_index("pair_id")[shown].rename_axis("Pair")).saying(
        f"Closing of the gap in {name} income to {found.last} (万元): in the books, expected of "
        f"villages of their size ({net['comparisons'].min():,} outside alliances), and the "
        "difference. Catch-up: yearly rate at which the gap shrank."
    )


def _ratios(net: pd.DataFrame) -> pd.DataFrame:
    """Return each pair's ratio of incomes in percent at both ends, and the one to be expected."""
    expected = (net["weak_start"] + net["weak_expected"]) / (
        net["helper_start"] + net["helper_expected"]
    )
    ends = {"start": net["ratio_start"], "end": net["ratio_end"], "expected": expected}
    parts = {"pair_id": net["pair_id"], **{name: ratio * 100 for name, ratio in ends.items()}}
    made = pd.DataFrame(parts).dropna()
    inside(PAIRS, made)
    return made


def without_one(values: "pd.Series[float]") -> tuple[float, float]:
    """Return the least and the greatest mean of all but one."""
    left = (values.sum() - values) / (len(values) - 1)
    ends = float(left.min()), float(left.max())
    stays_inside(LEFT_OUT, *ends)
    return ends


def exact_tests(found: Pairs) -> Labelled:
    """Give the mean closing with three intervals that need no large sample."""
    rows, notes, level = [], [], found.level
    for name, frame in found.net.items():
        for estimate, values in (
            ("before and after", found.naive[name]["closed"]),
            ("net, from year −1", found.near[name]["closed_net"]),
            (f"net, from year {found.base}".replace("-", "−"), frame["closed_net"]),
        ):
            try:
                ranks, bca = signed_rank(values, level=level), bca_mean(values, level=level)
            except LianjianError as error:
                notes.append(f"No exact tests for {name} income, {estimate}: {error}")
                continue
            flip = sign_flip(values, level=level)
            rows.append(
                {
                    "Measure": name,
                    "Estimate": estimate,
                    "mean": flip.estimate,
                    "flip": _interval(flip.low, flip.high),
                    "p_flip": flip.p_value,
                    "median": ranks.estimate,
                    "ranks": _interval(ranks.low, ranks.high),
                    "p_ranks": ranks.p_value,
                    "bca": _interval(bca.low, bca.high),
                }
            )
    made = pd.DataFrame(rows)
    inside(PAIRS, made)
    return labelled(made.set_index(["Measure", "Estimate"]) if rows else made).saying(
        f"Mean closing of the gap (万元) with intervals at {level:.0%}, three ways.",
        notes,
    )


def _interval(low: float, high: float) -> str:
    return f"{written(low, 1)}\u00a0to\u00a0{written(high, 1)}"


def truth(known: pd.DataFrame, found: Pairs) -> Labelled:
    """Hold what a simulation knows the tie did to the gaps against four estimates of it."""
    effect = known.assign(effect=(known["treated_yuan"] - known["untreated_yuan"]) / YUAN_PER_WAN)
    by_village = dict(effect.set_index(["measure", "village_id", "year"])["effect"].items())
    rows = {}
    for name, frame in found.net.items():
        sides = zip(frame["weak_id"], frame["helper_id"], frame["end_year"], strict=True)
        true = [by_village[name, w, end] - by_village[name, h, end] for w, h, end in sides]
        flip, mean = sign_flip(frame["closed_net"], level=found.level), float(np.mean(true))
        rows[name] = {
            "truth": mean,
            "naive": found.naive[name]["closed"].mean(),
            "later": found.later[name]["closed"].mean(),
            "near": found.near[name]["closed_net"].mean(),
            "net": frame["closed_net"].mean(),
            "covered": "yes" if flip.low <= mean <= flip.high else "no",
        }
    return labelled(_by_measure(rows), base=-found.base).saying(
        f"Mean closing of the gap in {found.last} (万元): the truth and four estimates."
    )


def held_against_truth(known: Labelled, found: Pairs) -> list[Quantity]:
    """Return the true closings; for the first measure also what makes estimates miss it."""
    true = [
        quantity(
            "true-closed-{measure}",
            row["truth"],
            n=len(found.net[str(name)]),
            measure=name,
            last=found.last,
        )
        for name, row in known.frame.iterrows()
    ]
    one, net = next(iter(found.net.items()))
    row = known.frame.loc[one]
    words: dict[str, Any] = {"n": len(net), "measure": one}
    return [
        *true,
        quantity("chosen-adds", row["near"] - row["net"], **words),
        quantity("misses-truth", abs(row["net"] - row["truth"]), **words),
        quantity("pair-sd", net["closed_net"].std(), **words),
    ]
