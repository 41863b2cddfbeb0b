"""Tables of the answer: who joined, estimates by method, alarms, what is counted, inference."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis._labelled import Labelled, Quantity
from analysis.effects._stands_on import COHORT, GAUGES, TRAITS
from analysis.effects._study import Study
from analysis.effects.design import PROGRAMMES, Design, DesignedPanel, make_study
from analysis.effects.did import att_gt, before_after
from analysis.effects.estimand import ESTIMANDS, reweigh
from analysis.effects.inference import two_way_cr2, wild_two_way
from analysis.effects.joint import Joint
from analysis.effects.matching import balance_table
from analysis.effects.preferred import (
    adjusted_design,
    frame_estimator,
    preferred_att,
    regression_att,
)
from analysis.effects.results import EffectSeries, Estimate
from analysis.effects.studies import Studies
from analysis.effects.tables._rows import cells, in_words, joined, p_text, rows
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

if TYPE_CHECKING:
    from analysis.effects.did._propensity import Adjustment

Matched = Mapping[str, DesignedPanel]
Cells = dict[str, object]
PROGRAMME_LABELS = {
    name: name.removeprefix("has_").replace("_", " ").capitalize() for name in PROGRAMMES
}


COUNTED: Mapping[str, Joint] = {
    "as booked": "twice",
    "joint income split": "split",
    "joint income once": "once",
}
SOURCES = {
    "Operating": "operating_income_yuan",
    "Subsidies": "subsidy_income_yuan",
    "Other": "other_income_yuan",
    "Total": "total_income_yuan",
}


def who_joined(villages: pd.DataFrame) -> Labelled:
    """Return weak allied villages by year of joining, and those outside, with their traits."""
    weak = villages[villages["role"].eq("allied_weak") & villages["joined_year"].notna()]
    outside = villages[villages["role"] == "outside"]
    parts = {str(year): part for year, part in weak.groupby("joined_year")}
    found = []
    for name, part in (parts | {"all weak allied": weak, "outside": outside}).items():
        row: Cells = {"Joined in": name, "Alliances": part["alliance_id"].nunique() or None}
        row |= {"Villages": len(part), "households": part["households"].mean()}
        known = [flag for flag in PROGRAMMES if part[flag].notna().all()]
        found.append(row | {PROGRAMME_LABELS[flag]: part[flag].mean() * 100 for flag in known})
    return rows(
        found,
        "Joined in",
        caption="Weak allied villages by year of joining, and villages outside: mean households, "
        "and villages that another programme reached, %.",
        why=TRAITS,
        digits=0,
    )


def takes_part(studies: Studies, villages: pd.DataFrame) -> str:
    """Return a paragraph that says how many villages take part, and who does not."""
    lines = ["Who takes part."]
    for name, study in studies.items():
        panel = study.panel
        unseen, lost = int(np.isnan(panel.y).sum()), study.n_asked - panel.n_units
        line = f"{name.capitalize()} income: {panel.n_units:,} villages"
        line += f", {unseen:,} of their years without an amount in the books" if unseen else ""
        if lost:
            line += f"; {lost:,} more are left out for want of a trait or of a year to compare"
        lines.append(f"{line}.")
    weak = villages["role"].eq("allied_weak") & villages["joined_year"].notna()
    if others := int((villages["role"].ne("outside") & ~weak).sum()):
        lines.append(f"{others:,} other villages in alliances take no part.")
    return " ".join(lines)


def matched(studies: Studies, ratio: int) -> tuple[Matched, tuple[str, ...]]:
    """Return each study among matched villages, and which could not be matched."""
    made, notes = {}, []
    for name, study in studies.items():
        near = ("households", "change") if "households" in study.panel.covariates else ("change",)
        plan = Design(
            comparison="matched", anticipation=study.anticipation, match_ratio=ratio, match_on=near
        )
        try:
            made[name] = make_study(study.frame, study.outcome, plan)
        except LianjianError as error:
            notes.append(f"No matching for {name} income: {error}")
    return made, tuple(notes)


def balance(studies: Studies, pairs: Matched) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return standardised differences before and after matching, and what the traits are called."""
    parts: list[pd.DataFrame] = []
    for name, one in pairs.items():
        if one.match is None:
            continue
        flags = [flag for flag in PROGRAMMES if one.units[flag].notna().all()]
        units = one.units.assign(**{flag: one.units[flag].astype(float) for flag in flags})
        own = ["change", "level"]
        sized = ["households"] if "households" in studies[name].panel.covariates else []
        traits = own if parts and name != "operating" else [*sized, *flags, *own]
        made = balance_table(units, "allied", traits, one.match.treated, one.match.control)
        made["covariate"] = [f"{name} {trait}" if trait in own else trait for trait in traits]
        parts.append(made)
    labels = {"households": "Households", **PROGRAMME_LABELS}
    for name in pairs:
        labels[f"{name} change"] = f"{name.capitalize()}, yearly change"
        labels[f"{name} level"] = f"{name.capitalize()}, level (not matched)"
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(), labels


def by_method(studies: Studies, pairs: Matched) -> dict[str, pd.DataFrame]:
    """Return the estimates of each study by method, naive ones first, in yuan."""
    return {name: _by_method(studies, name, pairs.get(name)) for name in studies}


def _by_method(studies: Studies, name: str, pairs: DesignedPanel | None) -> pd.DataFrame:
    """Return the estimates of one study by method, the adjusted ones with their own inference."""
    study, found = studies[name], studies[name].answer
    table = study.estimates(pairs.panel if pairs else None).drop(index="sun_abraham")
    shown = ["estimate", "std_error", "low", "high", "p_value", "n_units"]
    own = {"balanced": found.estimate}
    if found.regression is not None:
        own["regression"] = found.regression.overall
    for row, one in own.items():
        table.loc[row, shown] = [getattr(one, key) for key in shown]
    if found.healed is not None:
        values = {key: getattr(found.healed, key) for key in shown}
        label = {"label": "Balanced, neighbours' losses taken out", "verdict": "defensible"}
        healed = pd.DataFrame([label | values], index=["healed"])
        table = pd.concat([table.drop(index="balanced"), healed, table.loc[["balanced"]]])
    table = table.dropna(subset=["estimate"]).rename(columns={"label": "name", "each_once": "once"})
    table = table.astype({"n_units": int}).reset_index(drop=True)
    names = ["name", *shown[:4], "p", "n_units", "once", "is_defensible"]
    table = table.assign(p=table["p_value"], is_defensible=table["verdict"].eq("defensible"))
    return table[names]


def answers(studies: Studies, found: Mapping[str, pd.DataFrame]) -> list[Quantity]:
    """Return the numbers of the answer for each measure, in 万元."""
    made = []
    for name, table in found.items():
        of, head = studies[name].answer, studies[name].answer.estimate
        naive = float(table["estimate"].iloc[0]) / YUAN_PER_WAN
        label = f"Before and after, weak allied villages, {name} income"
        made.append(
            Quantity(f"naive-{name}", naive, label, "万元", 2, n=int(table["n_units"].iloc[0]))
        )
        label = f"Headline effect on weak allied villages, {name} income"
        value, low, high = (one / YUAN_PER_WAN for one in (head.estimate, head.low, head.high))
        made.append(Quantity(f"att-{name}", value, label, "万元", 2, low, high, head.n_units))
        label = f"Gauges that alarm, {name} income"
        on = len(of.alarms.on)
        gauges = sum(gauge.is_on is not None for gauge in of.alarms.gauges)  # that can be read
        made.append(Quantity(f"alarms-{name}", on, label, digits=0, n=gauges))
        if of.placebos is not None:
            label = f"p of no effect on any village, by placebo alliances, {name} income"
            p, n = head.p_value, len(of.placebos)
            made.append(Quantity(f"p-randomisation-{name}", p, label, digits=3, n=n))
    return made


def beside(studies: Studies) -> list[str]:
    """Say beside each headline what the regression gives, what alarms, and who is not weighted."""
    said = []
    for name, study in studies.items():
        alarm = f"{study.answer.alarms.said}."
        if study.answer.regression is None:
            said.append(f"{name.capitalize()} income: no regression beside it; {alarm}")
            continue
        line = in_words(study.answer.apart / YUAN_PER_WAN)
        said.append(f"{name.capitalize()} income: {line} 万元 from the regression on size; {alarm}")
    without = [
        f"{' and '.join(map(str, years))} ({name})"
        for name, years in unweighted_cohorts(studies).items()
    ]
    if without:
        said.append(
            "Weighting cannot use all: the doubly robust estimate is without those that joined in "
            f"{'; '.join(without)}, as some of them have no counterpart outside."
        )
    return said


def estimates(found: Mapping[str, pd.DataFrame]) -> Labelled:
    """Return the estimates of `by_method` as one table in 万元."""
    labels = {"estimate": "Estimate", "std_error": "Standard error", "low": "Low", "high": "High"}
    labels |= {"p": "p", "n_units": "Villages", "once": "Each village once"}
    money = ["estimate", "std_error", "low", "high", "once"]
    parts = {}
    for name, table in found.items():
        amounts = {key: table[key] / YUAN_PER_WAN for key in money}
        parts[name] = table.assign(**amounts).set_index("name")[[*labels]].rename(columns=labels)
    return joined(
        parts,
        "Method",
        caption="Effect on weak allied villages by method (万元 a year): "
        f"{ESTIMANDS['village_years']}. Last column: {ESTIMANDS['villages']}. "
        "The two-way regression weights years and "
        "cohorts as it likes. Intervals: 95 %; of the adjusted regression and the last row from "
        "placebo alliances, for these villages; of the rest CR2 over alliances, for alliances like "
        "these; the two-way one counts all clusters.",
    )


def unweighted_cohorts(studies: Studies) -> dict[str, list[int]]:
    """Return the cohorts that the doubly robust estimate is without, by study with covariates."""
    lost = {}
    for name, study in studies.items():
        if study.panel.covariates:
            try:
                kept = att_gt(study.panel, anticipation=study.anticipation).cohort
            except LianjianError:  # the table of estimates says why there is none
                continue
            lost[name] = [int(g) for g in study.panel.cohorts if g not in kept]
    return {name: years for name, years in lost.items() if years}


def alarms(studies: Studies) -> Labelled:
    """Return the gauges beside each headline; notes say what none sees, and who is compared."""
    parts: dict[str, pd.DataFrame] = {}
    notes: list[str] = []
    for name, study in studies.items():
        found = study.answer.alarms
        frame = found.to_frame().set_index("gauge").rename_axis("Gauge")
        frame["size"] /= [1 if gauge == "Lasting luck" else YUAN_PER_WAN for gauge in frame.index]
        parts[name] = frame.drop(columns="meaning").rename(
            columns={"value": "Value"}
            | {key: key.capitalize() for key in ("limit", "size", "verdict")}
        )
        notes = notes or list(found.blind)
    notes += [f"{name} income: {study.answer.balanced.notes[0]}" for name, study in studies.items()]
    return joined(
        parts,
        "Gauge",
        caption="Gauges beside the headline. Size: mean of placebo alliances of the regression, "
        "and change of a village of mean size near an alliance (万元 a year); correlation of luck "
        "a year apart, times two.",
        why=GAUGES,
        notes=notes,
        digits={"Value": 2, "Limit": 1, "Size": 2},
    )


def breakdown(studies: Studies) -> Labelled:
    """Return the largest ratio of standard deviations at which each headline stands."""
    found = []
    for name, study in studies.items():
        each = study.answer.breakdown
        ratio, groups = each.alliances["ratio"], each.alliances["groups"]
        row: Cells = {"Measure": name, "Headline": each.ratio, "Alliances": len(ratio)}
        row |= {"Least alliance": ratio.min(), "Median alliance": ratio.median()}
        row |= {"Above 1": int(ratio.gt(1).sum()), "Fewest groups": int(groups.min())}
        found.append(row)
    return rows(
        found,
        "Measure",
        caption="Largest ratio of an alliance's standard deviation to that of groups like it, at "
        "5 %.",
        why=GAUGES,
        digits=1,
    )


def _headline(
    study: Study, outcome: str, *, joint: Joint = "twice", a_household: bool = False
) -> Estimate:
    """Return the preferred estimate for another outcome, in yuan a village or a household."""
    frame = study.frame
    plan = adjusted_design(frame, anticipation=study.anticipation, joint=joint)
    if a_household:
        frame = frame.assign(**{outcome: frame[outcome] / frame["households"].astype("Float64")})
    return frame_estimator(outcome, plan)(frame)


def counted(studies: Studies) -> Labelled:
    """Return the headline as booked, and with joint income split and once."""
    found, notes = [], []
    for name, study in studies.items():
        for label, how in COUNTED.items():
            try:
                fit = _headline(study, study.outcome, joint=how)
            except LianjianError as error:
                notes.append(f"{label}, {name} income: {error}")
                continue
            found.append({"Measure": name, "Counted": label} | cells(fit))
    return rows(
        found,
        "Measure",
        "Counted",
        caption="The headline by what is counted, 万元 a year, with 95 % intervals of CR2 over "
        "alliances.",
        notes=notes,
    )


def by_source(studies: Studies) -> Labelled:
    """Return the headline for each source of income, a village and a household."""
    found, notes = [], []
    for study in list(studies.values())[:1]:  # both have the same books
        ways = [("village, 万元", YUAN_PER_WAN), ("household, yuan", 1)]
        if study.frame["households"].isna().all():
            ways.pop()
            notes.append("The villages of these books have no number of households.")
        for label, outcome in SOURCES.items():
            for per, unit in ways:
                try:
                    fit = _headline(study, outcome, a_household=unit == 1)
                except LianjianError as error:
                    notes.append(f"{label}, a {per}: {error}")
                    continue
                found.append({"Source": label, "Per": per} | cells(fit, unit))
    return rows(
        found,
        "Source",
        "Per",
        caption="The headline by source of income, a village and a household, a year, with 95 % "
        "intervals of CR2 over alliances. Each source is balanced on its own path, so that the "
        "parts need not add up to the total.",
        notes=notes,
    )


def pre_trends(studies: Studies) -> Labelled:
    """Return tests of no difference in trends before the base year (p)."""
    found = []
    for name, study in studies.items():
        each, wary = study.answer, study.anticipation
        if each.regression is None:
            continue
        how: Adjustment = "regression" if study.panel.covariates else "none"
        joint = att_gt(study.panel, anticipation=wary, adjustment=how).pretest()
        few = "refused" if np.isnan(joint.p_value) else p_text(joint.p_value)
        by_placebos = _of_test(each.regression) if each.placebos is not None else "–"
        found.append(
            {
                "Measure": name,
                "Points before": int((each.regression.index < -wary).sum()),
                "Placebo alliances": by_placebos,
                "CR2, Holm": _of_test(each.few_regression),
                "Joint, few alliances": few,
                "Joint, χ² (misleading)": p_text(joint.p_chi2),
            }
        )
    return rows(
        found,
        "Measure",
        caption="Tests of no difference in trends before the base year (p): the largest point "
        "against that of placebo alliances; CR2 with the alliances behind each point, adjusted for "
        "their number; and two joint tests over all cohort-years. With three alliances a cohort a "
        "joint test cannot be made; the usual χ², which most packages print, then rejects three of "
        "four times when nothing is wrong.",
    )


def _of_test(series: EffectSeries | None) -> str:
    return p_text(series.pretest.p_value if series and series.pretest else np.nan)


def by_cohort(studies: Studies) -> Labelled:
    """Return the mean effect by year of joining, without intervals."""
    found = []
    for name, study in studies.items():
        for year, part in study.answer.balanced.effects().groupby("cohort"):
            mean = np.average(part["effect"], weights=part["weight"])
            counts = {"Alliances": part["cluster"].nunique(), "Villages": part["unit"].nunique()}
            found.append({"Measure": name, "Joined in": str(year), **counts, "Effect": mean})
    return rows(
        found,
        "Measure",
        "Joined in",
        caption="Mean effect by year of joining (万元 a year), over unequal numbers of years. No "
        "interval: a standard error within a cohort would rest on its few alliances.",
        yuan=["Effect"],
        why=COHORT,
    )


def few_alliances(studies: Studies, *, draws: int, seed: int) -> Labelled:
    """Return the effect under several kinds of inference."""
    found, notes, worth = [], [], np.nan
    for name, study in studies.items():
        each, panel, wary = study.answer, study.panel, study.anticipation
        if np.isnan(worth) and each.few.influence is not None:
            worth = float(each.few.influence.n_effective[0])
        kinds = {"CR2 over alliances": each.few}
        if each.placebos is not None:
            kinds = {"placebo alliances": each.estimate} | kinds
        try:
            alone = reweigh(panel, "alliances", anticipation=wary)
            rng = np.random.default_rng([seed, 2])
            kinds |= {
                "each alliance once": preferred_att(alone, until=max(wary, 1)),
                "two-way regression, CR2": two_way_cr2(panel, anticipation=wary),
                "two-way regression, wild bootstrap": wild_two_way(
                    panel, anticipation=wary, draws=draws, rng=rng
                ),
            }
        except LianjianError as error:
            notes.append(f"Not every kind of inference for {name} income: {error}")
        found += [
            {"Measure": name, "Inference": label} | cells(one) | {"Degrees of freedom": one.df}
            for label, one in kinds.items()
        ]
    return rows(
        found,
        "Measure",
        "Inference",
        caption="The effect under several kinds of inference (万元 a year), 95 % intervals. The "
        f"alliances are worth {worth:.1f} equal ones.",
        notes=notes,
        digits={"Estimate": 2, "Low": 2, "High": 2, "Degrees of freedom": 1},
    )


def helpers(studies: Studies) -> Labelled:
    """Return the regression for helpers, beside before and after."""
    found, notes = [], []
    for name, study in studies.items():
        plan = adjusted_design(study.frame, "helper", anticipation=study.anticipation)
        try:
            panel = make_study(study.frame, study.outcome, plan).panel
            head = cells(regression_att(panel, anticipation=study.anticipation))
            naive = before_after(panel).estimate
        except LianjianError as error:
            notes.append(f"No estimate for helpers, {name} income: {error}")
            continue
        row: Cells = {"Measure": name, "Helpers": int((panel.cohort > 0).sum())}
        row |= {"Before and after": naive / YUAN_PER_WAN, "Adjusted": head.pop("Estimate")}
        found.append(row | head)
    return rows(
        found,
        "Measure",
        caption="Effect on helpers (万元 a year): before and after, and the regression on size "
        "from g−2: nine villages are too few to balance, and lie above nearly all others.",
        notes=notes,
    )


def truth(studies: Studies, known: pd.DataFrame) -> Labelled:
    """Return true and estimated effects by years since joining."""
    found = []
    weak = known[known["cohort"].isna() & known["role"].eq("allied_weak")]
    for name, study in studies.items():
        each = study.answer.series
        of_year = weak[weak["measure"] == name].dropna(subset=["event_time"])
        true_by_year = of_year.set_index("event_time")["att_yuan"]
        for place in np.flatnonzero(each.index >= 0):
            true, estimate = float(true_by_year.loc[each.index[place]]), each.estimate[place]
            inside = each.low[place] <= true <= each.high[place]
            row: Cells = {"Measure": name, "Years since": int(each.index[place])}
            row |= {"Truth": true, "Estimate": estimate, "Error": estimate - true}
            found.append(row | {"In the interval": "yes" if inside else "no"})
    return rows(
        found,
        "Measure",
        "Years since",
        caption="True and estimated effects by years since joining (万元).",
        yuan=["Truth", "Estimate", "Error"],
    )


def true_effects(studies: Studies, known: pd.DataFrame) -> list[Quantity]:
    """Return the true mean effects of a simulation on weak allied villages, in 万元."""
    true = _true_means(known, "allied_weak")
    label = "True mean effect on weak allied villages, {} income"
    return [
        Quantity(f"truth-{name}", true[name] / YUAN_PER_WAN, label.format(name), "万元", 2)
        for name in studies
    ]


def true_helpers(studies: Studies, known: pd.DataFrame) -> list[str]:
    """Say what helpers truly gained in a simulation."""
    true = _true_means(known, "helper")
    gains = [f"{in_words(true[name] / YUAN_PER_WAN)} in {name} income" for name in studies]
    return [f"Helpers truly gained, in 万元 a year: {' and '.join(gains)}."] if gains else []


def _true_means(known: pd.DataFrame, role: str) -> "pd.Series[float]":
    """Return the true mean effects on a role by measure, over all cohorts and years, in yuan."""
    mean = known[known["cohort"].isna() & known["event_time"].isna()]
    return mean[mean["role"] == role].set_index("measure")["att_yuan"].astype(float)


def worst_balance(table: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Say in which trait the groups differ most before matching, and what is left of it."""
    worst = table.iloc[int(table["smd_before"].abs().to_numpy().argmax())]
    return (
        f"The largest difference before matching is in {labels[worst['covariate']].lower()}, "
        f"{in_words(worst['smd_before'])} standard deviations; after it, "
        f"{in_words(worst['smd_after'])}. A regression on size uses all villages outside and asks "
        "for a straight line; matching asks for neighbours, and finds few for the smallest "
        "villages."
    )
