"""Tables of how incomes are spread: lines of weakness, leaving it, inequality, catching up."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import polygamma

from analysis._evidence import stays_inside
from analysis._labelled import Labelled, Quantity
from analysis.effects import matching
from analysis.effects._stands_on import MATCHED, TRAITS, inside
from analysis.effects.inference import sign_flip
from analysis.errors import LianjianError
from analysis.fields import ROLES, YUAN_PER_WAN
from analysis.indicators import (
    bootstrap,
    decompose,
    gini,
    kaplan_meier,
    weak_spells,
)
from analysis.indicators._stands_on import median, percent
from analysis.indicators.bands import NOTHING_YUAN, WEAK_RULES, status
from analysis.indicators.convergence import beta_convergence, sigma_convergence
from analysis.indicators.inequality import indices, lorenz
from analysis.indicators.spells import joining_spells
from analysis.tables._labelled import INCOMES, TITLES, labelled, quantity, written

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset
    from analysis.indicators.bands import Transitions
    from analysis.indicators.convergence import Beta

_HOUSEHOLD = "operating, a household"
_NO_JOINT = (
    "The books of this dataset name no income from joint projects (joint_projects.csv), so this "
    "question stays open."
)
_ZHEJIANG_YUAN = WEAK_RULES["zhejiang"].operating_wan * YUAN_PER_WAN
_STEP = 10  # villages in a step of a Lorenz curve
_FEWEST = 3  # villages with both incomes in both years
_MANY = 30  # from which on spread and moves mean much
_ALLIED, _TWINS, _OUTSIDE = "Weak allied", "Outside, same size", "Outside, all"


@dataclass(frozen=True)
class Spread:
    """Incomes of all villages at both ends of a span; false where too few are known."""

    data: "Dataset"
    since: int
    until: int

    @cached_property
    def by_year(self) -> dict[int, pd.DataFrame]:
        """The villages of each year, by their ids."""
        panel = self.data.panel
        years = sorted({*self.data.years, self.since, self.until})
        return {year: panel[panel["year"] == year].set_index("village_id") for year in years}

    @cached_property
    def used(self) -> dict[tuple[str, int], "pd.Series[float]"]:
        """Incomes by measure and year, without the negative ones."""
        keys = product(INCOMES, dict.fromkeys((self.since, self.until)))
        incomes = {(name, year): self.by_year[year][INCOMES[name]] for name, year in keys}
        return {key: each[each >= 0] for key, each in incomes.items()}

    @cached_property
    def by_household(self) -> dict[tuple[str, int], "pd.Series[float]"]:
        """Operating income a household by year, yuan, of villages whose households are known."""
        made = {}
        for year in dict.fromkeys((self.since, self.until)):
            frame = self.by_year[year].query("households > 0 and operating_income_yuan >= 0")
            if len(frame) >= _FEWEST:
                each = frame["operating_income_yuan"] / frame["households"].astype(float)
                made[_HOUSEHOLD, year] = each
        return made

    @cached_property
    def whole(self) -> int:
        """How many villages have both incomes, above zero, at both ends."""
        ends = (self.by_year[year] for year in (self.since, self.until))
        known = [each.index[(each[[*INCOMES.values()]] > 0).all(axis=1)] for each in ends]
        return len(known[0].intersection(known[1])) if self.since < self.until else 0

    def __bool__(self) -> bool:
        """Whether there are villages enough to say anything."""
        return self.whole >= _FEWEST

    @cached_property
    def has_alliances(self) -> bool:
        """Whether a weak village of an alliance is named with its year of joining."""
        villages = self.data.villages
        return bool((villages["role"].eq("allied_weak") & villages["joined_year"].notna()).any())

    @cached_property
    def joint(self) -> "pd.Series[float] | None":
        """Income booked from joint projects at the end; None where the books name none."""
        joint = self.by_year[self.until]["joint_income_yuan"]
        return joint if joint.fillna(0).ne(0).any() else None

    @property
    def earlier(self) -> int | None:
        """The year before the span, where there are books of it."""
        return self.since - 1 if self.since - 1 in self.data.years else None

    def lorenz(self, ginis: Mapping[tuple[str, int], Any]) -> dict[str, dict[str, Any]]:
        """Return the Lorenz curves of both measures at both ends, with their Gini indices."""
        # a step a village would tell each income of a ledger
        least = _STEP if self.data.kind == "ledger" else 1
        return {
            TITLES[name]: {
                str(year): (lorenz(self.used[name, year], least=least), ginis[name, year].estimate)
                for year in dict.fromkeys((self.since, self.until))
            }
            for name in INCOMES
        }

    def remarks(self, start: int, end: int) -> list[str]:
        """Say what the books cannot answer of a span that was asked for."""
        said = []
        since, until, name = self.since, self.until, self.data.name
        if (since, until) != (start, end):
            said.append(
                f"There are no books for the whole span from {start} to {end}; the page runs from "
                f"{since} to {until}."
            )
        if not self:
            said.append(
                f"These books cannot say. Villages of {name} with an operating and a total income "
                f"in both {since} and {until}: {self.whole}. Spread, moves and convergence need "
                "three at least, and mean little under thirty. Answer what the books leave open "
                "(issues.html of the dataset), or set other years."
            )
        else:
            if self.whole < _MANY:
                said.append(
                    f"Villages with both incomes in both years: {self.whole}. Shares, spread and "
                    "intervals of so few mean little."
                )
            if not self.has_alliances:
                said.append(
                    "This dataset names no weak village of an alliance with its year of joining "
                    "(columns role and joined_year), so what is said of alliances is left out "
                    "below."
                )
        return said


def weak_by_line(at: Mapping[int, pd.DataFrame], line: float) -> Labelled:
    """Give the shares of villages below each line of weakness, by year, in percent."""
    rows = {}
    for year, frame in at.items():
        operating = frame["operating_income_yuan"].dropna()
        ours, zhejiang = status(frame, line), status(frame, "zhejiang")
        half = operating.median() / 2
        poor = operating < half
        mine = poor[frame["role"].reindex(poor.index) == "allied_weak"]
        rows[year] = {
            "villages": len(operating),
            "Median": median(operating, 1 / YUAN_PER_WAN),
            "Empty shell": percent((ours == "empty shell")[ours.notna()], operating, NOTHING_YUAN),
            f"Under {line:g}": percent(
                (ours != "not weak")[ours.notna()], operating, line * YUAN_PER_WAN
            ),
            # operating income decides for all but those between the two lines
            "Zhejiang": percent(
                (zhejiang != "not weak")[zhejiang.notna()], operating, _ZHEJIANG_YUAN
            ),
            "Half median, all": percent(poor, operating, half),
            "Half median, weak allied": percent(mine, operating, half),
        }
    made = pd.DataFrame.from_dict(rows, orient="index").astype({"villages": int})
    made = made.rename_axis("Year").dropna(axis=1, how="all")
    return Labelled(made, digits=1).saying(
        f"Median operating income (万元) and villages below four lines, %: none at all; under "
        f"{line:g} 万元 (shells included); operating under 5 and total under 10 万元 (Zhejiang "
        "2012); under half the year's median, of all villages and of the weak allied ones."
    )


def weak_now(lines: Labelled, line: float, until: int) -> list[Quantity]:
    """Return the shares of weak villages at the end, by a fixed line and by half the median."""
    of, words = lines.frame.loc[until], {"line": line, "until": until}
    n = int(lines.frame["villages"][until])
    return [
        quantity("share-weak", of[f"Under {line:g}"], n=n, **words),
        quantity("share-half", of["Half median, all"], n=n, **words),
    ]


def moved(moves: Mapping[str, "Transitions"], since: int, until: int) -> list[Quantity]:
    """Return the shares of villages that rose, stayed and fell by band, for each measure."""
    return [
        quantity(
            f"{way}-{{measure}}",
            getattr(each, f"{way}_pct"),
            n=int(each.villages),
            measure=name,
            since=since,
            until=until,
        )
        for name, each in moves.items()
        for way in ("up", "stayed", "down")
    ]


def left_out_of(moves: Mapping[str, "Transitions"]) -> list[str]:
    """Say how many villages are in no band at one of the ends."""
    lost = [f"{each.left_out:,} in {name} income" for name, each in moves.items() if each.left_out]
    return [f"Villages left out for want of one of the years: {', '.join(lost)}."] if lost else []


def survival(panel: pd.DataFrame, since: int, line: float) -> Labelled:
    """Give the percent of villages still weak by years since, with intervals, for both incomes."""
    rows, notes = {}, []
    for name, column in INCOMES.items():
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
                f"After {int(time)}": f"{share * 100:.0f} ({low * 100:.0f}–{high * 100:.0f})"
                for time, share, low, high in steps
            },
        }
    made = pd.DataFrame.from_dict(rows, orient="index").infer_objects().rename_axis("Measure")
    return labelled(made).saying(
        f"All villages under {line:g} 万元 in {since}: percent still weak after so many years "
        "(Kaplan–Meier, pointwise 95 % interval), and the median time to leave.",
        notes,
    )


@dataclass(frozen=True)
class Twins:
    """Weak allied villages and villages outside that were weak in the same year."""

    compared: pd.DataFrame  # all of them, with the year of the start and how long each stayed weak
    treated: list[int]  # rows of allied villages
    control: list[int]  # and of their twins: the same year, nearly as many households
    unmatched: int  # allied villages without a twin

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
    def curves(self) -> dict[str, pd.DataFrame]:
        """How many of each group are still weak, by years."""
        return {
            name: kaplan_meier(frame["years"], frame["has_left"]).table
            for name, frame in self.groups.items()
        }

    @property
    def differences(self) -> pd.Series:
        """Twin by twin, in points: still weak after a year, allied less outside, where known."""
        years, has_left = self.compared["years"], self.compared["has_left"]
        out = ((years == 1) & has_left).astype(float).mask((years < 1) & ~has_left)
        pairs = out.loc[self.control].to_numpy() - out.loc[self.treated].to_numpy()
        apart = pd.Series(pairs * 100, index=self.compared.loc[self.treated, "village_id"])
        return apart.dropna()


def weak_twins(panel: pd.DataFrame, villages: pd.DataFrame, line: float) -> Twins | None:
    """Match weak allied villages with villages outside; None where no two can be held together."""
    if not (panel["role"].eq("allied_weak") & panel["joined_year"].notna()).any():
        return None
    helped = villages.loc[villages["has_central_project"], "village_id"]
    alone = (panel["role"] != "outside") | ~panel["village_id"].isin(helped)
    compared = joining_spells(panel[alone], threshold_wan=line)
    compared = compared.dropna(subset=["households"]).reset_index(drop=True)
    if compared["allied"].nunique() < 2:
        return None
    try:
        found = matching.match(compared, "allied", ["households"], exact=["start"], caliper=0.25)
    except matching.NobodyToMatchError:
        return None
    return Twins(compared, found.treated.tolist(), found.control.tolist(), len(found.unmatched))


def leaving(twins: Twins, line: float) -> Labelled:
    """Give the percent still weak one, two and three years on, by group."""
    rows = {}
    for name, frame in twins.groups.items():
        curve = kaplan_meier(frame["years"], frame["has_left"])
        after = curve.table.set_index("time")["survival"].reindex([1.0, 2.0, 3.0]).ffill() * 100
        steps = {f"after_{time:g}": share for time, share in after.items()}
        rows[name] = {"villages": curve.n, "households": frame["households"].mean(), **steps}
    made = pd.DataFrame.from_dict(rows, orient="index").astype({"villages": int})
    inside(TRAITS, made[["households"]])
    labels = {f"after_{n}": f"After {n}" for n in (1, 2, 3)} | {"households": "Mean households"}
    alone = twins.unmatched
    return Labelled(made.rename_axis("Group"), labels, 0).saying(
        "Percent still weak one, two and three years after the year before joining. "
        f"{int(twins.compared['allied'].sum())} weak allied villages were under {line:g} 万元 in "
        "that year"
        + (f"; {alone} of them have no village outside of their size and year." if alone else ".")
    )


def left_faster(twins: Twins, villages: pd.DataFrame) -> list[Quantity]:
    """Return how many more matched allied villages had left, with an exact test over alliances."""
    differences = twins.differences
    if differences.empty:
        return []
    # villages of one alliance move together: each alliance is one observation
    alliance = differences.index.map(dict(villages.set_index("village_id")["alliance_id"]))
    each = differences.groupby(alliance).mean()
    stays_inside(MATCHED, differences.mean())
    fewer = quantity("fewer-after-a-year", differences.mean())
    if len(each) < 2:
        return [fewer]
    test = sign_flip(each)
    stays_inside(MATCHED, test.estimate)
    return [
        fewer,
        quantity("still-weak-difference", test),
        quantity("p-still-weak", test.p_value),
    ]


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


def gini_ends(found: Mapping[tuple[str, int], Any], since: int) -> list[Quantity]:
    """Return the Gini indices at both ends of the span."""
    return [
        quantity(
            "gini-{measure}-{end}",
            index,
            measure=name,
            year=year,
            end="start" if year == since else "end",
        )
        for (name, year), index in found.items()
        if name in INCOMES
    ]


def inequality(
    values: Mapping[tuple[str, int], pd.Series], found: Mapping[tuple[str, int], Any]
) -> Labelled:
    """Give indices of inequality by measure and year, with the interval of the Gini index."""
    rows = []
    for (name, year), index in found.items():
        interval = f"{written(index.low, 3)}\u00a0to\u00a0{written(index.high, 3)}"
        all_of = indices(values[name, year]).to_dict()
        rows.append({"Measure": name, "Year": year, **all_of, "interval": interval})
    order = ["zero", "gini", "interval", "theil", "mld", "atkinson", "palma"]
    made = pd.DataFrame(rows).set_index(["Measure", "Year"])[order].astype({"zero": int})
    index = next(iter(found.values()))
    clustered = any(each.n_clusters < each.n for each in found.values())
    units = "townships" if clustered else "villages"
    shown = labelled(made).known()
    return shown.saying(
        "Inequality between villages. Zero: villages without such income. Interval: of the Gini "
        f"index, 95 %, {index.draws} draws of {units}."
    )


def within_between(
    at: Mapping[int, pd.DataFrame], values: Mapping[tuple[str, int], pd.Series]
) -> Labelled:
    """Give the parts of inequality between and within counties and roles, in percent."""
    rows = []
    years = list(dict.fromkeys(year for _, year in values))
    for name, (words, key), year in product(
        INCOMES, {"county": "county_name", "role": "role"}.items(), years
    ):
        incomes = values[name, year]
        label = at[year][key].reindex(incomes.index)
        if label.nunique() < 2 or incomes.nunique() < 2:  # alike: nothing to share out
            continue
        index = decompose(incomes, label, "gini")
        rows.append(
            {
                "Measure": name,
                "Groups": words,
                "Year": year,
                "Theil, between": decompose(incomes, label, "theil").between_pct,
                "Gini: within": index.within_pct,
                "Gini: between": index.between_pct,
                "Gini: overlap": index.overlap_pct,
            }
        )
    made = pd.DataFrame(rows)
    if rows:
        made = made.set_index(["Measure", "Groups", "Year"])
    roles = {role for year in years for role in at[year]["role"]}
    return Labelled(made, digits=1).saying(
        "Share of inequality between groups (Theil), and the three parts of Gini, %. Roles: "
        f"{', '.join(ROLES[role].lower() for role in ROLES if role in roles)}."
    )


def joint_income(spread: Spread) -> Labelled:
    """Give the Gini index with and without the income that villages booked from joint projects."""
    if spread.joint is None:
        return Labelled(pd.DataFrame(), notes=(_NO_JOINT,))
    rows = {}
    since, until = spread.since, spread.until
    for name in INCOMES:
        incomes = spread.used[name, until]
        # a village without such a line in its books has no joint project
        without = (incomes - spread.joint.reindex(incomes.index).fillna(0)).clip(lower=0)
        before, now, alone = gini(spread.used[name, since]), gini(incomes), gini(without)
        rows[name] = {"before": before, "with_joint": now, "without_joint": alone}
        rows[name]["part"] = now - alone
    made = pd.DataFrame.from_dict(rows, orient="index").rename_axis("Measure")
    return labelled(made, since=since, until=until).saying(
        f"Gini index in {since}, and in {until} with and without the income booked from joint "
        "projects."
    )


def betas(spread: Spread) -> tuple[dict[str, "Beta"], list[str]]:
    """Return the convergence of both incomes over the span, and why a measure has none."""
    found, notes, panel = {}, [], spread.data.panel
    for name, column in INCOMES.items():
        try:
            found[name] = beta_convergence(
                panel, column, spread.since, spread.until, instrument=spread.earlier
            )
        except LianjianError as error:
            notes.append(f"No convergence of {name} income: {error}")
    return found, notes


def persistence(found: Mapping[str, "Beta"], since: int, until: int) -> list[Quantity]:
    """Return persistence by least squares for each measure."""
    return [
        quantity(
            "persistence-{measure}",
            one.persistence,
            low=one.low,
            high=one.high,
            n=one.n,
            measure=name,
            since=since,
            until=until,
        )
        for name, one in found.items()
    ]


def beta(found: Mapping[str, "Beta"], since: int, until: int, instrument: int | None) -> Labelled:
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
    return labelled(made.rename_axis("Measure")).saying(
        f"Persistence ρ of log income from {since} to {until} with 95 % intervals; 1: no "
        "convergence. Bound: reverse regression. Reliability: the share of lasting variance that "
        "the instrument implies. "
        + (f"Instrument: {instrument}." if instrument else "No earlier year, no instrument.")
    )


def sigma(panel: pd.DataFrame) -> Labelled:
    """Give the spread of both incomes by year."""
    columns: dict[str, Any] = {}
    for name, column in INCOMES.items():
        spread = sigma_convergence(panel, column).set_index("year")
        columns |= {f"{key}_{name}": spread[key] for key in ("sd_log", "villages_log", "cv")}
    return labelled(pd.DataFrame(columns).rename_axis("Year")).saying(
        "Spread of incomes: standard deviation of logarithms, for villages with a positive income "
        "in all years, and coefficient of variation of all."
    )


def true_leaving(twins: Twins, truth: pd.DataFrame, line: float) -> list[Quantity]:
    """Return what a simulation knows of leaving weakness, beside the naive comparison."""
    shares = leaving(twins, line).frame["after_1"]
    untied = _still_weak_untied(twins, truth, line)
    return [
        quantity("still-weak-untied", untied),
        quantity("true-leaving-effect", shares[_ALLIED] - untied),
        quantity("naive-leaving-effect", shares[_ALLIED] - shares[_OUTSIDE]),
    ]


def _still_weak_untied(twins: Twins, truth: pd.DataFrame, line: float) -> float:
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


def true_inequality(spread: Spread) -> list[Quantity]:
    """Return what a simulation knows the alliances did to inequality."""
    words = {"since": spread.since, "until": spread.until}
    truth = spread.data.truth.query("measure == 'operating'")
    truth = truth[truth["year"] == spread.until].set_index("village_id")
    incomes = spread.used["operating", spread.until]
    now, then = gini(incomes), gini(spread.used["operating", spread.since])
    untied = gini(truth["untreated_yuan"].reindex(incomes.index))
    weak = spread.by_year[spread.until]["role"].eq("allied_weak").sum()
    return [
        quantity("true-gini-effect", now - untied, n=len(incomes), **words),
        quantity("gini-moved", now - then, **words),
        quantity("weak-allied", int(weak), **words),
    ]


def true_persistence(spread: Spread, one: "Beta") -> list[Quantity]:
    """Return luck's part in the variance, persistence without it, and what the instrument says."""
    incomes, of = spread.used["operating", spread.since], spread.data.parameters
    cvs = [float(of[key]) for key in ("shock_cv", "township_shock_cv")]
    # the variance of the logarithm of a gamma variable is the trigamma function of its shape
    noise = sum(float(polygamma(1, cv**-2)) for cv in cvs if cv > 0)
    luck = noise / float(np.log(incomes[incomes > 0]).var())
    made = [
        quantity("luck", luck * 100, since=spread.since),
        quantity("true-persistence", one.persistence / (1 - luck)),
    ]
    return (
        made
        if spread.earlier is None
        else [*made, quantity("persistence-instrument", one.corrected)]
    )
