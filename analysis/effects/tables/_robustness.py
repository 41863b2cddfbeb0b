"""Tables of robustness: specifications, placebos, groups left out, bounds, other outcomes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product

import numpy as np
import pandas as pd

from analysis._evidence import stays_inside
from analysis._labelled import Labelled, Quantity
from analysis.effects._stands_on import PLACEBOS, RANK, VARIANT
from analysis.effects.balancing import balance
from analysis.effects.design import PROGRAMMES, Design, make_study
from analysis.effects.did import imputation, sun_abraham, twfe
from analysis.effects.did._propensity import Adjustment
from analysis.effects.inference import (
    PlaceboPool,
    draw_placebo,
    few_clusters,
    placebo_draws,
    randomization_inference,
)
from analysis.effects.panel import NEVER, Bools, Floats, Panel
from analysis.effects.preferred import (
    adjusted_design,
    alliance_pool,
    frame_estimator,
    preferred_att,
    regression_att,
    regression_series,
)
from analysis.effects.results import EffectSeries, Estimate
from analysis.effects.sensitivity import (
    HonestSensitivity,
    honest_did,
    leave_one_out,
    lee_bounds,
    placebo_dates,
    specification_curve,
    specification_test,
    summarise_curve,
)
from analysis.effects.studies import Studies
from analysis.effects.tables._rows import cells, in_words, rows
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

BY_MATCHING = "size, by matching"
WARY = (1, 2)
"""Years before joining that may be affected: the base year is the last one before them."""
ROUNDING = 1e-9
"""Estimates of two programs that differ by less are the same."""
_NOTHING_YUAN = 1e-6  # estimates that differ by less are the same, however small
SLOPES_YUAN = (0.0, 1000.0, 2000.0, 5000.0, 10000.0)
"""Changes of slope a year that are allowed."""
ASKED = {
    "Comparison": "whom to compare with",
    "Adjusted": "what to adjust for",
    "Method": "the method",
    "Base": "the base year",
}
Series = Callable[[Panel, int], EffectSeries]
METHODS: Mapping[str, Adjustment | Series] = {
    "balanced": lambda one, wary: balance(one, until=wary).series(),
    "regression": "regression",
    "doubly robust": "doubly_robust",
    "imputation": lambda one, wary: imputation(one, anticipation=wary),
    "Sun–Abraham": lambda one, wary: sun_abraham(one, anticipation=wary),
}


@dataclass(frozen=True, eq=False)
class Curves:
    """Every defensible choice at once, for each measure."""

    studies: Studies
    curves: Mapping[str, pd.DataFrame]  # from `specification_curve`, in yuan
    choices: pd.DataFrame  # what each specification chose
    sets: Mapping[str, list[str]]  # covariates of each way to adjust
    frame: pd.DataFrame  # villages and years with the columns that they need

    @cached_property
    def decisive(self) -> tuple[str, ...]:
        """Which choice moves the estimate most, a sentence for each measure."""
        said = []
        for name, curve in self.curves.items():
            estimate = curve.set_index("specification")["estimate"] / YUAN_PER_WAN
            if estimate.isna().all():
                continue
            middles = {
                column: estimate.groupby(self.choices[column]).median().dropna().sort_values()
                for column in ASKED
            }
            widest = max(middles, key=lambda one: middles[one].iloc[-1] - middles[one].iloc[0])
            low, high = middles[widest].iloc[[0, -1]].items()
            said.append(
                f"In {name} income the choice that moves the estimate most is {ASKED[widest]}: "
                f"medians from {in_words(low[1])} ({low[0]}) to {in_words(high[1])} ({high[0]})."
            )
        return tuple(said)


def curves(studies: Studies) -> Curves:
    """Estimate every combination of comparison, adjustment, method and base year."""
    if not studies:
        return Curves(studies, {}, pd.DataFrame(), {}, pd.DataFrame())
    frame, covariates = _wide(studies)
    sized = frame["households"].notna().all()
    sets: dict[str, list[str]] = {"size, project": covariates} if covariates else {"none": []}
    if sized:
        others = [name for name in covariates if name != "households"]
        flags = [name for name in PROGRAMMES if frame[name].notna().all()]
        sets["log size, project"] = ["log_households", *others]
        sets["size, all programmes"] = ["households", *flags]
    plans: dict[tuple[str, ...], tuple[Design, Adjustment | Series]] = {}
    versus = {"all outside": "never", "zone twin": "zone_twin"}
    for (who, kind), (adjust, columns), (how, method), wary in product(
        versus.items(), sets.items(), METHODS.items(), WARY
    ):
        plan = Design(comparison=kind, covariates=tuple(columns), anticipation=wary)  # type: ignore[arg-type]
        plain = "none" if isinstance(method, str) and not columns else method
        plans[who, adjust, how, f"g−{wary + 1}"] = (plan, plain)
    for wary in WARY:
        on: tuple[str, ...] = ("households",) if sized else ()
        on += ("change",) if wary == 1 or not sized else ()
        plan = Design(comparison="matched", match_on=on, anticipation=wary)
        plans["matched", BY_MATCHING, "difference", f"g−{wary + 1}"] = (plan, "none")
    # matching adjusts by itself: nothing else is
    labels = {each: " | ".join(each).replace(BY_MATCHING, "none") for each in plans}
    choices = pd.DataFrame([*plans], index=[*labels.values()], columns=[*ASKED])
    found = {}
    for name, study in studies.items():
        compared: dict[Design, Panel] = {}
        made = {
            labels[chosen]: _specified(frame, study.outcome, *plan, compared)
            for chosen, plan in plans.items()
        }
        found[name] = specification_curve(frame, made)
    return Curves(studies, found, choices, sets, frame)


def _wide(studies: Studies) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with programmes as numbers and the logarithm of size, and the covariates."""
    first = next(iter(studies.values()))
    flags = [name for name in PROGRAMMES if first.frame[name].notna().all()]
    frame = first.frame.assign(**{name: first.frame[name].astype(float) for name in flags})
    if frame["households"].notna().all():
        frame["log_households"] = np.log(frame["households"].astype(float))
    return frame, list(first.panel.covariates)


def _specified(
    frame: pd.DataFrame,
    outcome: str,
    plan: Design,
    method: Adjustment | Series,
    compared: dict[Design, Panel],
) -> Callable[[pd.DataFrame], Estimate]:
    """Return the estimator of one specification; methods share the panel of their comparison."""

    def estimate(_: pd.DataFrame) -> Estimate:
        if plan not in compared:
            compared[plan] = make_study(frame, outcome, plan).panel
        if callable(method):
            return few_clusters(method(compared[plan], plan.anticipation).overall)
        return regression_att(compared[plan], adjustment=method, anticipation=plan.anticipation)

    return estimate


def curve_summary(found: Curves, *, draws: int, seed: int) -> Labelled:
    """Return the curves in numbers, with joint tests of no effect by the regressions among them."""
    table, notes = [], []
    columns = list(dict.fromkeys(column for used in found.sets.values() for column in used))
    for name, curve in found.curves.items():
        whole, known = summarise_curve(curve), curve.dropna(subset=["estimate"])["estimate"]
        row: dict[str, object] = {"Measure": name, "Specifications": len(known)}
        row |= {"Least": known.min(), "Median": whole.median, "Largest": known.max()}
        row |= {"p ≤ 0.05, %": whole.share_significant * 100}
        study = found.studies[name]
        try:
            plan = study.plan
            pool = alliance_pool(found.frame, study.outcome, plan, covariates=columns)
            every = make_study(found.frame, study.outcome, Design(covariates=tuple(columns))).panel
            chosen, rng = _regressions(found.sets, columns), np.random.default_rng([seed, 1])
            test = specification_test(every, chosen, partial(_drawn, pool), draws=draws, rng=rng)
            row |= {"p, median": test.p_median, "p, sum of z": test.p_mean_z}
            stays_inside(RANK, test.p_median, test.p_mean_z)
        except LianjianError as error:
            notes.append(f"No joint test for {name} income: {error}")
        table.append(row)
    return rows(
        table,
        "Measure",
        caption="The curves in numbers (万元 a year), and joint tests of no effect on "
        f"{draws} placebo assignments: no p under {1 / (draws + 1):.3f} is possible.",
        yuan=["Least", "Median", "Largest"],
        notes=notes,
        digits={"Least": 2, "Median": 2, "Largest": 2, "p ≤ 0.05, %": 0},
    )


def _drawn(pool: PlaceboPool, _: Panel, rng: np.random.Generator) -> Panel:
    return draw_placebo(pool, rng)


def _regressions(
    sets: Mapping[str, list[str]], columns: list[str]
) -> dict[str, Callable[[Panel], Estimate]]:
    """Return the regressions of the curve, on a panel that holds all covariates."""

    def specified(used: list[str], wary: int) -> Callable[[Panel], Estimate]:
        keep = [columns.index(column) for column in used]
        how: Adjustment = "regression" if used else "none"

        def estimate(one: Panel) -> Estimate:
            part = replace(one, x=one.x[:, keep], covariates=tuple(used))
            return regression_att(part, adjustment=how, anticipation=wary)

        return estimate

    return {f"{label} {wary}": specified(sets[label], wary) for label, wary in product(sets, WARY)}


def early_dates(studies: Studies, shifts: Sequence[int] = (2, 3)) -> Labelled:
    """Return effects of the regression at dates before joining, where there can be none."""
    found, notes = [], []
    for name, study in studies.items():
        frame = study.frame
        early = frame[frame["joined_year"].isna() | frame["year"].ne(frame["joined_year"] - 1)]
        plain = adjusted_design(frame, anticipation=0)
        line: Adjustment = "regression" if study.panel.covariates else "none"
        try:
            estimator = frame_estimator(study.outcome, plain, adjustment=line)
            table = placebo_dates(early, estimator, shifts=shifts)
        except LianjianError as error:
            notes.append(f"No placebo date for {name} income: {error}")
            continue
        for item in table.dropna(subset=["estimate"]).to_dict("records"):
            row: dict[str, object] = {"Measure": name, "Joined": f"{item['shift']} years early"}
            row |= {end.capitalize(): item[end] for end in ("estimate", "low", "high")}
            row |= {"p": item["p_value"], "Dropped": int(item["n_units_dropped"])}
            found.append(row)
    return rows(
        found,
        "Measure",
        "Joined",
        caption="Effects of the regression at dates before joining (万元 a year), 95 % intervals "
        "of CR2 over alliances. Dropped: villages without a year before the placebo date.",
        yuan=["Estimate", "Low", "High"],
        notes=notes,
    )


def strays(studies: Studies, *, draws: int, seed: int) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Return the regression's event study for placebo alliances, and whether CR2 finds them."""
    # (D, 2 + K): the estimate, its K event times, and 1 where CR2 calls it an effect
    found, notes = {}, []

    def stray(one: Panel) -> Floats:
        series = regression_series(one)
        whole = series.overall
        called = float(whole.low > 0 or whole.high < 0)
        return np.concatenate([[whole.estimate], series.estimate, [called]])

    for name, study in studies.items():
        try:
            rng = np.random.default_rng([seed, 2])
            found[name] = placebo_draws(study.pool, stray, rng, draws=draws)
        except LianjianError as error:
            notes.append(f"No placebo groups for {name} income: {error}")
    return found, tuple(notes)


def placebo_groups(studies: Studies, found: Mapping[str, Floats]) -> Labelled:
    """Return what placebo alliances show, and the real ones among them."""
    table = []
    for name, each in found.items():
        real = randomization_inference(regression_att(studies[name].panel), each[:, 0])
        low, high = np.quantile(each[:, 0], [0.025, 0.975])
        row: dict[str, object] = {"Measure": name, "Draws": len(each), "Mean": each[:, 0].mean()}
        row |= {"± MC": each[:, 0].std(ddof=1) / np.sqrt(len(each)), "2.5 %": low, "97.5 %": high}
        row |= {"Called an effect, %": 100 * each[:, -1].mean()}
        table.append(row | {"Real": real.estimate, "p": real.p_value})
    money = ("Mean", "± MC", "2.5 %", "97.5 %", "Real")
    return rows(
        table,
        "Measure",
        caption="Placebo alliances (万元 a year): their mean with its Monte Carlo error and their "
        "middle 95 %, how many CR2 over alliances calls an effect, and the estimate of the real "
        "ones with its p among them.",
        yuan=money,
        why=PLACEBOS,
        digits={**dict.fromkeys(money, 2), "Called an effect, %": 0},
    )


def left_out(studies: Studies) -> tuple[dict[str, pd.DataFrame], tuple[str, ...]]:
    """Return the headline without each county and each alliance in turn, in yuan."""
    made, notes = {}, []
    for name, study in studies.items():
        places = study.frame.drop_duplicates("village_id").set_index("village_id")
        parts = []
        for by in ("county_code", "alliance_id"):
            groups = places[by].reindex(study.panel.ids.tolist()).to_numpy(object)
            try:
                parts.append(leave_one_out(study.panel, preferred_att, groups))
            except LianjianError as error:
                notes.append(f"{name} income, without each {by}: {error}")
        if parts:
            table = pd.concat([parts[0], *(part.iloc[1:] for part in parts[1:])], ignore_index=True)
            lost = table[table["estimate"].isna()].to_dict("records")
            notes += [f"Without {x['left_out']}, {name} income: {x['notes']}" for x in lost]
            made[name] = table.dropna(subset=["estimate"])
    return made, tuple(notes)


def trends(
    studies: Studies, found: Mapping[str, Floats], bounds: Sequence[float]
) -> tuple[dict[str, HonestSensitivity], Labelled]:
    """Return honest bounds by relative magnitudes, and a table of those by smoothness."""
    honest, table, notes = {}, [], []
    for name, each in found.items():
        try:
            plain = regression_series(studies[name].panel)
            series = randomization_inference(plain, each[:, :-1], anticipation=1)
            honest[name] = honest_did(series, bounds)
            smooth = honest_did(series, SLOPES_YUAN, restriction="smoothness")
            ends = (honest[name].low, honest[name].high, honest[name].original)
            stays_inside(PLACEBOS, *np.concatenate([*ends, [honest[name].breakdown]]))
        except LianjianError as error:
            notes.append(f"No sensitivity for {name} income: {error}")
            continue
        for m, low, high in zip(smooth.bounds, smooth.low, smooth.high, strict=True):
            row = {"Measure": name, "M, 万元 a year²": f"{m / YUAN_PER_WAN:.1f}"}
            table.append(row | {"Low": low, "High": high})
    return honest, rows(
        table,
        "Measure",
        "M, 万元 a year²",
        caption="Robust 95 % intervals (万元) when the slope of the difference changes by at most "
        "M a year. M = 0: a straight line goes on.",
        yuan=["Low", "High"],
        why=PLACEBOS,
        notes=notes,
    )


def kept_out(found: Mapping[str, HonestSensitivity], bounds: Sequence[float]) -> list[str]:
    """Say up to which bound on differing trends zero stays outside."""
    return [
        f"In {name} income, no bound shown keeps zero out (the least is {bounds[0]:g})."
        if np.isnan(each.breakdown)
        else f"In {name} income, zero stays outside up to Mbar = {each.breakdown:g}."
        for name, each in found.items()
    ]


def firmness(found: Curves, without: Mapping[str, pd.DataFrame]) -> list[Quantity]:
    """Return middle and ends of the curves, and the largest change by one group, in 万元."""
    made = []
    for name, curve in found.curves.items():
        known = curve["estimate"].dropna() / YUAN_PER_WAN
        stays_inside(VARIANT, known.median())
        label = (
            f"Median estimate of all specifications with the least and the largest, {name} income"
        )
        ends = known.median(), label, "万元", 2, known.min(), known.max(), len(known)
        made.append(Quantity(f"median-specification-{name}", *ends))
    for name, frame in without.items():
        change = frame["change"].iloc[1:].abs().max() / YUAN_PER_WAN
        label = f"Largest change of the headline when one group is left out, {name} income"
        n = len(frame) - 1
        made.append(Quantity(f"largest-change-{name}", change, label, "万元", 2, n=n))
    return made


def share_holding(table: Labelled, found: Curves) -> list[Quantity]:
    """Return how many specifications hold the truth, %."""
    label = "Specifications whose interval holds the true effect, {} income"
    return [
        Quantity(
            f"share-holding-truth-{name}",
            share,
            label.format(name),
            "%",
            0,
            n=int(found.curves[str(name)]["estimate"].notna().sum()),
        )
        for name, share in table.frame["Holds it, all"].items()
    ]


def missing(studies: Studies) -> Labelled:
    """Return bounds on the gain since the base year for villages whose books are missing.

    Notes
    -----
    In each cohort and year from joining on, `lee_bounds` of the change since g−2 beside villages
    outside less what a regression on the covariates outside expects, averaged by village-years.
    """
    table = []
    for name, study in studies.items():
        panel = study.panel
        ends, mass, lost = [], [], np.zeros(2, dtype=np.int64)
        for g, place in panel.groups:
            early = np.flatnonzero(panel.years < g - study.anticipation)
            if g == NEVER or not len(early):
                continue
            joined = np.arange(panel.n_units)
            keep = ((joined >= place.start) & (joined < place.stop)) | (panel.cohort == NEVER)
            keep &= ~np.isnan(panel.y[:, early[-1]])
            for t in np.flatnonzero(panel.years >= g):
                change = panel.y[keep, t] - panel.y[keep, early[-1]]
                treated = panel.cohort[keep] == g
                if np.isnan(change[treated]).all():
                    continue
                line = _line(panel.x[keep], change, treated)
                found = lee_bounds(change - line, treated)
                ends.append((found.estimate, found.low, found.high))
                mass.append(int(treated.sum()))
                lost += (found.n_missing_treated, found.n_missing_control)
        if mass:
            middle, low, high = np.average(ends, axis=0, weights=mass)
            row = {"Measure": name, "Missing, weak": int(lost[0]), "Missing, outside": int(lost[1])}
            table.append(row | {"As seen": middle, "Least": low, "Largest": high})
    return rows(
        table,
        "Measure",
        caption="If books are missing for a reason (万元 a year): village-years since joining "
        "without books (outside, once a cohort), the regression on size by those with books, and "
        "Lee's bounds, in which the group seen more often loses its highest or its lowest.",
        yuan=["As seen", "Least", "Largest"],
    )


def _line(x: Floats, change: Floats, treated: Bools) -> Floats:
    """Return what a regression on the covariates outside expects of each unit."""
    design = np.column_stack([np.ones(len(x)), x])
    seen = ~treated & ~np.isnan(change)
    return design @ np.linalg.lstsq(design[seen], change[seen], rcond=None)[0]


def variants(studies: Studies, *, revenue_per_dividend: float, accounts_year: int) -> Labelled:
    """Return the headline for other outcomes: parts of income, joint projects, accounts."""
    found, notes = [], []
    if studies:
        frame = next(iter(studies.values())).frame
        operating = "operating_income_yuan"
        ways: dict[str, tuple[str, str, pd.DataFrame]] = {
            "Operating income": (operating, "twice", frame),
            "Subsidy alone": ("subsidy_income_yuan", "twice", frame),
            "Other income alone": ("other_income_yuan", "twice", frame),
            "Total income": ("total_income_yuan", "twice", frame),
            "Operating surplus": ("operating_surplus_yuan", "twice", frame),
            "Operating, joint income split among partners": (operating, "split", frame),
            "Operating, joint income counted once": (operating, "once", frame),
        }
        joint = frame["joint_income_yuan"].fillna(0.0)
        if frame["joint_income_yuan"].notna().any():
            paid = frame[operating] - joint + joint / revenue_per_dividend
            label = f"Operating, if revenue was booked ({revenue_per_dividend:g} for 1 of dividend)"
            ways[label] = (operating, "twice", frame.assign(**{operating: paid}))
        else:
            notes.append("Income from joint projects is not known in these books.")
        past = frame[frame["year"] < accounts_year]
        for label, column in (("Operating", operating), ("Total", "total_income_yuan")):
            ways[f"{label}, before the accounts of {accounts_year}"] = (column, "twice", past)
        for label, (column, count, part) in ways.items():
            try:
                fit = frame_estimator(column, adjusted_design(frame, joint=count))(part)
            except LianjianError as error:
                notes.append(f"{label}: {error}")
                continue
            found.append({"Outcome": label} | cells(fit))
    return rows(
        found,
        "Outcome",
        caption="The headline for other outcomes (万元 a year), 95 % intervals of CR2 over "
        "alliances. Splitting and counting once are right only where each partner books the whole "
        "of the project.",
        notes=notes,
    )


def holding_truth(found: Curves, true: Mapping[str, float]) -> Labelled:
    """Return the median specification beside the truth, and how many intervals hold it."""
    table = []
    for name, curve in found.curves.items():
        known = curve.dropna(subset=["estimate"])
        holds = known["low"].le(true[name]) & known["high"].ge(true[name])
        right = known["specification"].str.contains("| size", regex=False)
        row = {"Measure": name, "Truth": true[name], "Median": known["estimate"].median()}
        row |= {"Holds it, all": 100 * holds.mean(), "by size": 100 * holds[right].mean()}
        table.append(row | {"otherwise": 100 * holds[~right].mean()})
    return rows(
        table,
        "Measure",
        caption="The true mean effect (万元 a year), the median specification, and intervals that "
        "hold the truth, %: all, those that adjust for the number of households, and the rest.",
        yuan=["Truth", "Median"],
        digits={"Truth": 2, "Median": 2, "Holds it, all": 0, "by size": 0, "otherwise": 0},
    )


def two_programs(studies: Studies, other: Callable[[Panel, Panel], Sequence[float]]) -> Labelled:
    """Return the regression on size and the two-way regression by this and by another program."""
    table, apart, notes = [], {}, []
    for name, study in studies.items():
        plain = make_study(study.frame, study.outcome, Design()).panel
        both = twfe(plain)
        try:
            line = regression_att(study.panel).estimate
        except LianjianError as error:
            notes.append(f"No regression of {name} income: {error}")
            continue
        mine = (line, both.estimate, both.std_error)
        labels = ("on size", "two-way", "its standard error")
        for label, ours, theirs in zip(labels, mine, other(study.panel, plain), strict=True):
            is_same = np.isclose(ours, theirs, rtol=0, atol=_NOTHING_YUAN)
            apart[f"{name} income, {label}"] = 0.0 if is_same else abs(theirs / ours - 1)
            row = {"Measure": name, "Estimate": label}
            table.append(row | {"This package": ours, "statsmodels": theirs})
    said = "The two agree."
    if differ := [row for row, gap in apart.items() if gap > ROUNDING]:
        said = (
            f"The two differ by {1e6 * max(apart.values()):.0f} millionths at most, in these rows: "
            f"{'; '.join(differ)}."
        )
    return rows(
        table,
        "Measure",
        "Estimate",
        caption="The same estimates by two programs (万元 a year).",
        yuan=["This package", "statsmodels"],
        notes=[said, *notes] if apart else notes,
        digits=4,
    )
