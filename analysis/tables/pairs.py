"""Tables of the pairs: who they are, what their gaps did, and how sure so few can be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis._labelled import Labelled
from analysis.effects.inference import bca_mean, sign_flip, signed_rank
from analysis.fields import YUAN_PER_WAN
from analysis.indicators import pairs
from analysis.tables._labelled import labelled, written

Frames = Mapping[str, pd.DataFrame]


def _by_measure(rows: Mapping[str, object]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(dict(rows), orient="index").infer_objects().rename_axis("Measure")


def members(closed: pd.DataFrame, villages: pd.DataFrame) -> Labelled:
    """Describe the pairs: county, year of joining, size, and income at both ends."""
    frame, traits = closed.set_index("pair_id"), villages.set_index("village_id")
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
    return labelled(rows.rename_axis("Pair"), until=closed["end_year"].max())


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
    return labelled(_by_measure(rows), until=until)


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
    return labelled(_by_measure(rows), until=until)


def standing(comparison: pd.DataFrame, gap: Frames) -> Labelled:
    """Give the mean income of helpers and weak villages above others of their size, by event time.

    The same pairs stand in every column: those known in the years around the choice.
    """
    rows = []
    for name, frame in gap.items():
        seen = pairs.standing(comparison, f"{name}_income_yuan", frame)
        seen = seen.dropna(subset=["helper_excess", "weak_excess", "event_time"])
        around = seen[seen["event_time"].isin([-2, -1, 0])].groupby("pair_id").size()
        seen = seen[seen["pair_id"].isin(around.index[around == 3])]  # noqa: PLR2004
        whole = seen.groupby("event_time")["pair_id"].nunique()
        seen = seen[seen["event_time"].isin(whole.index[whole == seen["pair_id"].nunique()])]
        for side in ("helper", "weak") if len(seen) else ():
            excess = seen.groupby("event_time")[f"{side}_excess"].mean()
            times = {_signed(time): value for time, value in excess.items()}
            rows.append({"Measure": name, "Side": side, "pairs": seen["pair_id"].nunique()} | times)
    made = pd.DataFrame(rows)
    made = made.set_index(["Measure", "Side"]) if rows else made
    return Labelled(made, {"pairs": "Pairs"}, 1)


def _signed(time: Any) -> str:  # noqa: ANN401  (a label of an index)
    return f"{int(time):+d}".replace("-", "−").replace("+0", "0")


def base_years(gap: Frames, same: Mapping[str, set[str]], last: int) -> Labelled:
    """Give the closing of the gap of the same pairs to the same end, from each base year."""
    rows = []
    for name, frame in gap.items():
        first = int(frame["event_time"].min())
        for start in range(-1, max(first, -4) - 1, -1):
            found = pairs.closing(frame, start, last, clock="since_joining")
            found = found[found["pair_id"].isin(same[name])]
            if not same[name] or len(found) != len(same[name]):
                continue
            means = {key: found[key].mean() for key in ("helper_change", "weak_change", "closed")}
            base = f"{-start} before" + (" (chosen then)" if start == -1 else "")
            rows.append({"Measure": name, "Base year": base, "pairs": len(found)} | means)
    made = pd.DataFrame(rows)
    return labelled(made.set_index(["Measure", "Base year"]) if rows else made)


def net_by_pair(net: pd.DataFrame) -> Labelled:
    """Give each pair's closing: in the books, as expected, and the difference."""
    shown = ["start_year", "closed", "closed_expected", "closed_net", "catch_up_pct", "who"]
    return labelled(net.set_index("pair_id")[shown].rename_axis("Pair"))


def ratios(net: pd.DataFrame) -> pd.DataFrame:
    """Return each pair's ratio of incomes in percent at both ends, and the one to be expected."""
    expected = (net["weak_start"] + net["weak_expected"]) / (
        net["helper_start"] + net["helper_expected"]
    )
    ends = {"start": net["ratio_start"], "end": net["ratio_end"], "expected": expected}
    made = {"pair_id": net["pair_id"], **{name: ratio * 100 for name, ratio in ends.items()}}
    return pd.DataFrame(made).dropna()


def without_one(values: "pd.Series[float]") -> tuple[float, float]:
    """Return the least and the greatest mean of all but one.

    Examples
    --------
    >>> without_one(pd.Series([1.0, 2.0, 6.0]))
    (1.5, 4.0)
    """
    left = (values.sum() - values) / (len(values) - 1)
    return float(left.min()), float(left.max())


def exact_tests(naive: Frames, near: Frames, net: Frames, base: int, level: float) -> Labelled:
    """Give the mean closing with three intervals that need no large sample."""
    rows = []
    for name, frame in net.items():
        for estimate, values in (
            ("before and after", naive[name]["closed"]),
            ("net, from year −1", near[name]["closed_net"]),
            (f"net, from year {base}".replace("-", "−"), frame["closed_net"]),
        ):
            flip, ranks = sign_flip(values, level=level), signed_rank(values, level=level)
            bca = bca_mean(values, level=level)
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
    return labelled(made.set_index(["Measure", "Estimate"]) if rows else made)


def _interval(low: float, high: float) -> str:
    return f"{written(low, 1)}\u00a0to\u00a0{written(high, 1)}"


def truth(
    known: pd.DataFrame, estimates: Mapping[str, Frames], base: int, level: float
) -> Labelled:
    """Hold what a simulation knows the tie did to the gaps against four estimates of it.

    Parameters
    ----------
    known : DataFrame
        What each village would have earned: the ``truth`` of a simulated dataset.
    estimates : mapping of str to mapping
        ``naive``, ``later``, ``near`` and ``net``: pairs and their closing by measure.
    base : int
        The first year of ``later`` and ``net``, counted from joining.
    level : float
        Of the interval that is to hold the truth.
    """
    naive, later, near, net = (estimates[name] for name in ("naive", "later", "near", "net"))
    effect = known.assign(effect=(known["treated_yuan"] - known["untreated_yuan"]) / YUAN_PER_WAN)
    by_village = dict(effect.set_index(["measure", "village_id", "year"])["effect"].items())
    rows = {}
    for name, frame in net.items():
        sides = zip(frame["weak_id"], frame["helper_id"], frame["end_year"], strict=True)
        true = [by_village[name, w, end] - by_village[name, h, end] for w, h, end in sides]
        flip, mean = sign_flip(frame["closed_net"], level=level), float(np.mean(true))
        rows[name] = {
            "truth": mean,
            "naive": naive[name]["closed"].mean(),
            "later": later[name]["closed"].mean(),
            "near": near[name]["closed_net"].mean(),
            "net": frame["closed_net"].mean(),
            "covered": "yes" if flip.low <= mean <= flip.high else "no",
        }
    return labelled(_by_measure(rows), base=-base)
