"""Tables of power: the least effect that this design finds, and what other designs would find."""

from collections.abc import Mapping

import numpy as np

from analysis._labelled import Labelled, Quantity
from analysis.effects._stands_on import PLACEBOS
from analysis.effects.inference import PlaceboPool
from analysis.effects.power import PlaceboStudy, Rule, minimal_effect, placebo_study, power_curve
from analysis.effects.preferred import alliance_pool, preferred_att, preferred_points
from analysis.effects.studies import Studies
from analysis.effects.tables._rows import rows
from analysis.errors import LianjianError
from analysis.fields import YUAN_PER_WAN

RULES: tuple[Rule, ...] = ("placebo", "t")


def planted(
    studies: Studies, *, draws: int, seed: int, alliance_cv: float
) -> tuple[dict[str, PlaceboStudy], tuple[str, ...]]:
    """Return the headline for placebo alliances, and what a planted effect adds to it."""
    made, notes = {}, []
    for name, study in studies.items():
        try:
            made[name] = _planted(study.pool, draws, [seed, 1], alliance_cv)
        except LianjianError as error:
            notes.append(f"No power can be computed for {name} income. {error}")
        else:
            if lost := made[name].n_failed:
                notes.append(
                    f"{lost} of {draws} sets of placebo alliances had no estimate for {name} "
                    "income and are left out."
                )
    return made, tuple(notes)


def _planted(pool: PlaceboPool, draws: int, seed: list[int], alliance_cv: float) -> PlaceboStudy:
    return placebo_study(
        pool,
        preferred_att,
        np.random.default_rng(seed),
        draws=draws,
        alliance_cv=alliance_cv,
        points=preferred_points,
    )


def power(
    studies: Studies, found: Mapping[str, PlaceboStudy], *, chance: float, claim_wan: float
) -> Labelled:
    """Return the least effect found with a chance, by placebo alliances and by t."""
    table = []
    for name, each in found.items():
        claim = [claim_wan * YUAN_PER_WAN]
        row: dict[str, object] = {"Measure": name, "Spread": each.estimate.std(ddof=1)}
        row |= {"Standard error": each.std_error.mean()}
        row |= {"False alarms of t, %": 100 * each.rejection_rate}
        row |= {"Least effect, placebo alliances": minimal_effect(each, chance)}
        row |= {"Least effect, t": minimal_effect(each, chance, "t")}
        of_placebos, of_t = (power_curve(each, claim, rule)["power"].item() for rule in RULES)
        row[f"Chance for {claim_wan:g}, placebo alliances, %"] = 100 * of_placebos
        row[f"Chance for {claim_wan:g}, t, %"] = 100 * of_t
        table.append(row)
    pool = next((studies[name].pool for name in found), None)
    sizes = f"{pool.n_villages} weak villages in {len(pool.alliances)} alliances" if pool else ""
    return rows(
        table,
        "Measure",
        caption=f"{sizes}, imitated without an effect: spread of the estimates and mean standard "
        "error (万元), and how many t takes for an effect. Then the least effect (万元 a year) "
        f"found with a chance of {100 * chance:.0f} %, and the chance of finding {claim_wan:g} "
        "万元.",
        yuan=["Spread", "Standard error", "Least effect, placebo alliances", "Least effect, t"],
        why=PLACEBOS,
        digits={key: 0 if "%" in key else 2 for key in (table[0] if table else {})},
    )


def least_effects(found: Mapping[str, PlaceboStudy], chance: float) -> list[Quantity]:
    """Return the least effect found with a chance, by placebo alliances and by t, in 万元."""
    kinds: tuple[tuple[Rule, str, str], ...] = (
        ("placebo", "", "placebo alliances"),
        ("t", "-t", "t over alliances"),
    )
    label = f"Least mean effect found with a chance of {100 * chance:.0f} %"
    return [
        Quantity(
            f"least-effect{mark}-{name}",
            minimal_effect(each, chance, rule) / YUAN_PER_WAN,
            f"{label}, {name} income, {words}",
            "万元",
            2,
            n=len(each.estimate),
        )
        for name, each in found.items()
        for rule, mark, words in kinds
    ]


def other_designs(
    studies: Studies,
    found: Mapping[str, PlaceboStudy],
    *,
    draws: int,
    seed: int,
    alliance_cv: float,
    chance: float,
) -> Labelled:
    """Return spread and least effect with half of the alliances, and with one year less."""
    table, notes = [], []
    for name, full in found.items():
        study, frame = studies[name], studies[name].frame
        weak = frame["role"].eq("allied_weak") & frame["alliance_id"].notna()
        every = sorted(frame.loc[weak, "alliance_id"].unique())
        half = every[::2]
        designs = {
            "as it is": None,
            f"{len(half)} of {len(every)} alliances": ~weak | frame["alliance_id"].isin(half),
            "one year less at the end": frame["year"] < frame["year"].max(),
        }
        for label, keep in designs.items():
            pool, each = study.pool, full
            try:
                if keep is not None:
                    pool = alliance_pool(frame[keep], study.outcome, study.plan)
                    each = _planted(pool, draws, [seed, 2], alliance_cv)
            except LianjianError as error:
                notes.append(f"{label}, {name} income: {error}")
                continue
            row = {"Measure": name, "Design": label, "Alliances": len(pool.alliances)}
            row |= {"Weak villages": pool.n_villages, "Spread": each.estimate.std(ddof=1)}
            table.append(row | {"Least effect": minimal_effect(each, chance)})
    return rows(
        table,
        "Measure",
        "Design",
        caption="Spread without an effect, and least effect that passes 95 % of placebo alliances "
        f"with a chance of {100 * chance:.0f} % (万元 a year), under other designs.",
        yuan=["Spread", "Least effect"],
        why=PLACEBOS,
        notes=notes,
    )
