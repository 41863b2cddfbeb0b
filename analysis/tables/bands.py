"""Tables of how incomes are spread: lines of weakness, leaving it, inequality, catching up."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import polygamma

from analysis._labelled import Labelled
from analysis.effects import matching
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN
from analysis.indicators import (
    bootstrap,
    decompose,
    gini,
    indices,
    joining_spells,
    kaplan_meier,
    sigma_convergence,
    status,
    weak_spells,
)
from analysis.tables._labelled import labelled, written

if TYPE_CHECKING:
    from analysis.indicators.convergence import Beta

_BOTH = {"operating": "operating_income_yuan", "total": "total_income_yuan"}
_ALLIED, _TWINS, _OUTSIDE = "Weak allied", "Outside, same size", "Outside, all"


def weak_by_line(at: Mapping[int, pd.DataFrame], line: float) -> Labelled:
    """Give the shares of villages below each line of weakness, by year, in percent.

    Parameters
    ----------
    at : mapping of int to DataFrame
        The villages of each year, by their ids.
    line : float
        The line of one's own, 万元.
    """
    rows = {}
    for year, frame in at.items():
        operating = frame["operating_income_yuan"].dropna()
        ours, zhejiang = status(frame, line), status(frame, "zhejiang")
        poor = operating < operating.median() / 2
        mine = poor[frame["role"].reindex(poor.index) == "allied_weak"]
        rows[year] = {
            "villages": len(operating),
            "Median": operating.median() / YUAN_PER_WAN,
            "Empty shell": (ours == "empty shell")[ours.notna()].mean() * 100,
            f"Under {line:g}": (ours != "not weak")[ours.notna()].mean() * 100,
            "Zhejiang": (zhejiang != "not weak")[zhejiang.notna()].mean() * 100,
            "Half median, all": poor.mean() * 100,
            "weak allied": mine.mean() * 100 if len(mine) else float("nan"),
        }
    made = pd.DataFrame.from_dict(rows, orient="index").astype({"villages": int})
    return Labelled(made.rename_axis("Year").dropna(axis=1, how="all"), digits=1)


def survival(panel: pd.DataFrame, since: int, line: float) -> Labelled:
    """Give the percent of villages still weak by years since, with intervals, for both incomes."""
    rows, notes = {}, []
    for name, column in _BOTH.items():
        try:
            spells = weak_spells(panel, since, column=column, threshold_wan=line)
        except LianjianError as error:
            notes.append(f"{name.capitalize()} income: {error}")
            continue
        curve = kaplan_meier(spells["years"], spells["has_left"])
        steps = curve.table[["time", "survival", "low", "high"]].itertuples(index=False)
        rows[name] = {
            "villages": curve.n,
            "left": curve.n_left,
            "median_years": curve.median,
            **{
                f"{int(time)}": f"{share * 100:.0f} ({low * 100:.0f}–{high * 100:.0f})"
                for time, share, low, high in steps
            },
        }
    made = pd.DataFrame.from_dict(rows, orient="index").infer_objects().rename_axis("Measure")
    return labelled(made).noting(notes)


@dataclass(frozen=True)
class Twins:
    """Weak allied villages and villages outside that were weak in the same year.

    Attributes
    ----------
    compared : DataFrame
        All of them, with the year of the start and how long each stayed weak.
    treated, control : list of int
        Rows of allied villages and of their twins: the same year, nearly as many households.
    unmatched : int
        Allied villages without a twin.
    """

    compared: pd.DataFrame
    treated: list[int]
    control: list[int]
    unmatched: int

    @property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The allied, their twins, and all outside."""
        compared = self.compared
        return {
            _ALLIED: compared.loc[self.treated],
            _TWINS: compared.loc[self.control],
            _OUTSIDE: compared[~compared["allied"]],
        }

    @property
    def differences(self) -> pd.Series:
        """Twin by twin, in points: still weak after a year, allied less outside."""
        out = (self.compared["years"] == 1) & self.compared["has_left"]
        pairs = out.loc[self.control].to_numpy(float) - out.loc[self.treated].to_numpy(float)
        return pd.Series(pairs * 100, index=self.compared.loc[self.treated, "village_id"])


def weak_twins(panel: pd.DataFrame, villages: pd.DataFrame, line: float) -> Twins | None:
    """Match weak allied villages with villages outside; None where no two can be held together."""
    helped = villages.loc[villages["has_central_project"], "village_id"]
    alone = (panel["role"] != "outside") | ~panel["village_id"].isin(helped)
    compared = joining_spells(panel[alone], threshold_wan=line)
    compared = compared.dropna(subset=["households"]).reset_index(drop=True)
    if compared["allied"].nunique() < 2:  # noqa: PLR2004  (allied and not)
        return None
    found = matching.match(
        compared, "allied", ["households"], exact=["start"], distance="scaled", caliper=0.25
    )
    return Twins(compared, found.treated.tolist(), found.control.tolist(), len(found.unmatched))


def leaving(twins: Twins) -> Labelled:
    """Give the percent still weak one, two and three years on, by group."""
    rows = {}
    for name, frame in twins.groups.items():
        curve = kaplan_meier(frame["years"], frame["has_left"])
        after = curve.table.set_index("time")["survival"].reindex([1.0, 2.0, 3.0]).ffill() * 100
        steps = {f"after_{time:g}": share for time, share in after.items()}
        rows[name] = {"villages": curve.n, "households": frame["households"].mean(), **steps}
    made = pd.DataFrame.from_dict(rows, orient="index").astype({"villages": int})
    labels = {f"after_{n}": f"After {n}" for n in (1, 2, 3)} | {"households": "Mean households"}
    return Labelled(made.rename_axis("Group"), labels, 0)


def ginis(
    values: Mapping[tuple[str, int], pd.Series], villages: pd.DataFrame, draws: int, seed: int
) -> dict[tuple[str, int], Any]:
    """Return the Gini index of each measure and year, its interval from resampled townships."""
    places = villages.set_index("village_id")
    township = (places["county_code"] + " " + places["township_name"]).rename("township")
    clusters = township if township.notna().all() and len(township.unique()) > 1 else None
    made = {}
    for key, incomes in values.items():
        own = clusters
        if own is not None and len(set(own[incomes.index])) == 1:
            own = None  # one township cannot be resampled
        rng = np.random.default_rng(seed)
        made[key] = bootstrap(incomes, gini, rng, clusters=own, draws=draws)
    return made


def inequality(at: Mapping[int, pd.DataFrame], found: Mapping[tuple[str, int], Any]) -> Labelled:
    """Give indices of inequality by measure and year, with the interval of the Gini index."""
    rows = []
    for (name, year), index in found.items():
        interval = f"{written(index.low, 3)}\u00a0to\u00a0{written(index.high, 3)}"
        all_of = indices(at[year][_BOTH[name]]).to_dict()
        rows.append({"Measure": name, "Year": year, **all_of, "interval": interval})
    shown = ["zero", "gini", "interval", "theil", "mld", "atkinson", "palma"]
    made = pd.DataFrame(rows).set_index(["Measure", "Year"])[shown].astype({"zero": int})
    clustered = any(index.n_clusters < index.n for index in found.values())
    return labelled(made).noting(["townships" if clustered else "villages"])


def within_between(
    at: Mapping[int, pd.DataFrame], values: Mapping[tuple[str, int], pd.Series]
) -> Labelled:
    """Give the parts of inequality between and within counties and roles, in percent."""
    rows = []
    years = list(dict.fromkeys(year for _, year in values))
    for name, (words, key), year in product(
        _BOTH, {"county": "county_name", "role": "role"}.items(), years
    ):
        incomes = values[name, year]
        label = at[year][key].reindex(incomes.index)
        if label.nunique() < 2:  # noqa: PLR2004  (nothing to part)
            continue
        index = decompose(incomes, label, "gini")
        rows.append(
            {
                "Measure": name,
                "Groups": words,
                "Year": year,
                "Theil, between": decompose(incomes, label, "theil").between_pct,
                "Gini: within": index.within / index.total * 100,
                "between": index.between_pct,
                "overlap": index.overlap / index.total * 100,
            }
        )
    made = pd.DataFrame(rows)
    if rows:
        made = made.set_index(["Measure", "Groups", "Year"])
    return Labelled(made, digits=1)


def joint_income(
    values: Mapping[tuple[str, int], pd.Series], joint: pd.Series, since: int, until: int
) -> Labelled:
    """Give the Gini index with and without the income that villages booked from joint projects."""
    rows = {}
    for name in _BOTH:
        incomes = values[name, until]
        # a village without such a line in its books has no joint project
        without = (incomes - joint.reindex(incomes.index).fillna(0)).clip(lower=0)
        before, now, alone = gini(values[name, since]), gini(incomes), gini(without)
        rows[name] = {"before": before, "with_joint": now, "without_joint": alone}
        rows[name]["part"] = now - alone
    made = pd.DataFrame.from_dict(rows, orient="index").rename_axis("Measure")
    return labelled(made, since=since, until=until)


def beta(found: Mapping[str, "Beta"], *, instrument: bool) -> Labelled:
    """Give persistence by least squares, its bound, and by instrument where there is one."""
    rows: dict[str, dict[str, Any]] = {}
    for name, one in found.items():
        ends = f"{written(one.low, 2)}–{written(one.high, 2)}"
        rows[name] = {"villages": one.n, "left_out": one.n_left_out}
        rows[name] |= {"ols": f"{written(one.persistence, 2)} ({ends})", "reverse": one.reverse}
        if instrument:
            ends = f"{written(one.corrected_low, 2)}–{written(one.corrected_high, 2)}"
            rows[name] |= {"iv": f"{written(one.corrected, 2)} ({ends})"}
            rows[name] |= {"reliability": one.reliability}
    made = pd.DataFrame.from_dict(rows, orient="index").infer_objects()
    return labelled(made.rename_axis("Measure"))


def sigma(panel: pd.DataFrame) -> Labelled:
    """Give the spread of both incomes by year."""
    columns: dict[str, Any] = {}
    for name, column in _BOTH.items():
        spread = sigma_convergence(panel, column).set_index("year")
        columns |= {f"{key}_{name}": spread[key] for key in ("sd_log", "villages_log", "cv")}
    return labelled(pd.DataFrame(columns).rename_axis("Year"))


def still_weak_untied(twins: Twins, truth: pd.DataFrame, line: float) -> float:
    """Return how many percent of allied villages a simulation would have left weak after a year."""
    allied = twins.groups[_ALLIED]
    free = truth[truth["measure"] == "operating"].rename(
        columns={"untreated_yuan": "operating_income_yuan"}
    )
    starts = {int(start): allied[allied["start"] == start] for start in allied["start"].unique()}
    parts = [
        weak_spells(free[free["village_id"].isin(part["village_id"])], start, threshold_wan=line)
        for start, part in sorted(starts.items())
    ]
    spells = pd.concat(parts)
    curve = kaplan_meier(spells["years"], spells["has_left"]).table.set_index("time")
    return float(curve["survival"].get(1.0, 1.0)) * 100


def luck_share(incomes: pd.Series, parameters: Mapping[str, Any]) -> float:
    """Return which part of the variance of log income a simulation gave to a year's luck."""
    cvs = [float(parameters[key]) for key in ("shock_cv", "township_shock_cv")]
    # the variance of the logarithm of a gamma variable is the trigamma function of its shape
    noise = sum(float(polygamma(1, cv**-2)) for cv in cvs if cv > 0)
    return noise / float(np.log(incomes[incomes > 0]).var())
