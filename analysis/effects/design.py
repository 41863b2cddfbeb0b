"""The design: who is treated when, who is compared with whom, and what else is going on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from analysis import fields
from analysis.effects.matching import Match, balance_table, match
from analysis.effects.panel import FEW_TREATED, Panel, make_panel
from analysis.errors import LianjianError

Comparison = Literal["never_allied", "not_yet_allied", "matched", "zone_twin"]
Programmes = Literal["ignore", "covariates", "strata", "exclude"]
Joint = Literal["twice", "split", "once"]

PROGRAMMES = (
    "has_central_project",
    "has_rebuilt_centre",
    "has_resident_cadre",
    "has_reserve_talent",
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "comparison": ("never_allied", "not_yet_allied", "matched", "zone_twin"),
    "programmes": ("ignore", "covariates", "strata", "exclude"),
    "joint": ("twice", "split", "once"),
}
WITH_JOINT = ("operating_income_yuan", "total_income_yuan", "operating_surplus_yuan",
              "surplus_of_year_yuan", "joint_income_yuan")  # fmt: skip


@dataclass(frozen=True)
class Design:
    """What is compared with what.

    Attributes
    ----------
    role : str
        The treated: ``allied_weak``, ``allied_other`` or ``helper``; one, as weak villages and
        helpers were chosen for opposite reasons and are never pooled.
    comparison : str
        ``never_allied``: villages outside alliances. ``not_yet_allied``: the same role, before
        joining. ``matched``: villages outside, matched. ``zone_twin``: villages outside in the
        other county of the zone, each county with its twin.
    programmes : str
        Concurrent programmes are ignored, enter as covariates, as strata (each combination a
        stratum), or exclude a village that has one.
    programme_names : tuple of str
        Which programmes.
    covariates : tuple of str
        Further columns whose coefficient may differ by year; ``log_households`` is made here.
    joint : str
        Income from joint projects: ``twice`` as every partner books it; ``split``, each booking
        divided by the partners that book one in that alliance and year, right when each books the
        whole; ``once``, only the largest booking (the helper's among equals) stays.
    anticipation : int
        Years before joining that may be affected already: 1, because villages were chosen on the
        income of the year before joining.
    county : str or None
        Only the treated of one county, by code or name.
    match_on, match_exact : tuple of str
        Covariates of the matching, where ``change`` is the mean yearly change of the outcome up to
        the base year, and ``level`` the outcome in the base year, which is warned of; and columns
        that must agree.
    match_ratio : int
        Comparison villages for each treated one.
    match_caliper : float or None
        Largest distance in standard deviations.
    """

    role: str = "allied_weak"
    comparison: Comparison = "never_allied"
    programmes: Programmes = "ignore"
    programme_names: tuple[str, ...] = PROGRAMMES
    covariates: tuple[str, ...] = ()
    joint: Joint = "twice"
    anticipation: int = 1
    county: str | None = None
    match_on: tuple[str, ...] = ("log_households", "change")
    match_exact: tuple[str, ...] = ("county_code",)
    match_ratio: int = 3
    match_caliper: float | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A design carried out.

    Attributes
    ----------
    design : Design
        What was asked for.
    panel : Panel
        For the estimators; clusters are alliances, and each village outside by itself.
    comparison : str
        What to tell `group_time`: ``never`` or ``not_yet``.
    match : Match or None
        Of a matched design; its rows are those of ``units``.
    units : DataFrame
        One row a village that takes part, before matching.
    """

    design: Design
    panel: Panel
    comparison: Literal["never", "not_yet"]
    match: Match | None
    units: pd.DataFrame = field(repr=False)


def make_study(
    frame: pd.DataFrame, outcome: str, design: Design | None = None, *,
    villages: pd.DataFrame | None = None, unbalanced: Literal["keep", "balance"] = "keep",
) -> Study:  # fmt: skip
    """Carry out a design on the project's panel.

    Parameters
    ----------
    frame : DataFrame
        The panel: one row a village and year.
    outcome : str
        A measure of the panel, in yuan.
    design : Design, optional
        Weak allied villages against villages outside when not given.
    villages : DataFrame, optional
        The villages table, for traits that the panel does not hold, as the programmes.
    unbalanced : {"keep", "balance"}
        As in `make_panel`.

    Returns
    -------
    Study
        Its panel's notes tell who was left out.

    Raises
    ------
    LianjianError
        Roles would be pooled, an option or a column is unknown, or a group is empty.

    Notes
    -----
    Villages in an alliance that are not of the role take no part: they share its projects.

    Examples
    --------
    >>> frame = pd.DataFrame({"village_id": [*"aabbcc"], "year": [2022, 2024] * 3,
    ...     "role": ["allied_weak"] * 2 + ["outside"] * 4, "alliance_id": ["A"] * 2 + [None] * 4,
    ...     "joined_year": [2024] * 2 + [None] * 4, "total_income_yuan": [1.0, 4, 1, 2, 1, 1]})
    >>> make_study(frame, "total_income_yuan").panel.ids.tolist()
    ['a', 'c', 'b']
    """
    design = design or Design()
    _check(design)
    frame = _with_traits(frame, villages, design)
    value = joint_counted(frame, outcome, design.joint)
    frame = frame.assign(
        **{outcome: value},
        cohort=frame["joined_year"].astype("Float64").fillna(0.0).astype(np.float64),
        alliance=frame["alliance_id"].astype(object).where(
            frame["alliance_id"].notna(), "village " + frame["village_id"].astype(str)
        ),
    )  # fmt: skip
    if "households" in frame.columns:
        frame["log_households"] = np.log(frame["households"].astype("Float64").astype(np.float64))
    frame, notes = _choose(frame, design)
    frame, more = _programmes(frame, design)
    covariates = [*design.covariates, *more.names]
    notes += more.notes
    if design.comparison == "zone_twin":
        frame, strata = _twin_strata(frame)
        covariates += strata.names
        notes += strata.notes
    units = frame.drop_duplicates("village_id").reset_index(drop=True)
    pairs = None
    if design.comparison == "matched":
        units, pairs = _matched(frame, units, outcome, design)
        frame = frame[frame["village_id"].isin(units["village_id"].iloc[
            np.concatenate([pairs.treated, pairs.control])
        ])]  # fmt: skip
        notes += pairs.notes
    panel = make_panel(
        frame, outcome, cohort="cohort", cluster="alliance", unbalanced=unbalanced,
        covariates=list(dict.fromkeys(covariates)),
    )  # fmt: skip
    panel = panel.take(np.ones(panel.n_units, dtype=np.bool_), *notes)
    kind: Literal["never", "not_yet"] = "never"
    if design.comparison == "not_yet_allied":
        kind = "not_yet"
    return Study(design, panel, kind, pairs, units)


def event_time(frame: pd.DataFrame) -> pd.Series:
    """Return years since joining, negative before, missing for villages that never join.

    Examples
    --------
    >>> frame = pd.DataFrame({"year": [2022, 2024, 2024], "joined_year": [2023, 2023, None]})
    >>> event_time(frame).tolist()
    [-1, 1, <NA>]
    """
    return frame["year"].astype("Int64") - frame["joined_year"].astype("Int64")


def joint_counted(frame: pd.DataFrame, outcome: str, joint: Joint) -> pd.Series:
    """Return the outcome with the income from joint projects counted as asked.

    Parameters
    ----------
    frame : DataFrame
        With ``joint_income_yuan, alliance_id, role, year`` unless ``joint`` is ``twice``.
    outcome : str
        A measure in yuan that holds the joint income.
    joint : {"twice", "split", "once"}
        As in `Design`.

    Raises
    ------
    LianjianError
        The joint income is not known, or the outcome does not hold it.

    Notes
    -----
    The firm's revenue booked by each of its n partners counts n times. In one documented county 11
    villages booked 1,125 万元 of revenue and drew 500 万元 of dividends, an overstatement by 2.25.

    Examples
    --------
    Two partners book the same 6: as booked, halves, and with the helper alone.

    >>> frame = pd.DataFrame({"year": [2024, 2024], "alliance_id": ["A", "A"],
    ...     "role": ["allied_weak", "helper"], "joint_income_yuan": [6.0, 6.0],
    ...     "total_income_yuan": [10.0, 20.0]})
    >>> [joint_counted(frame, "total_income_yuan", how).tolist()
    ...  for how in ("twice", "split", "once")]
    [[10.0, 20.0], [7.0, 17.0], [4.0, 20.0]]
    """
    if joint == "twice":
        return frame[outcome]
    if outcome not in WITH_JOINT:
        raise LianjianError(f"{outcome} holds no joint income; use joint='twice'.")
    if "joint_income_yuan" not in frame.columns or frame["joint_income_yuan"].isna().all():
        raise LianjianError(
            "The income from joint projects is not known in these data. Use joint='twice', and say "
            "that shared income may count more than once."
        )
    booked = frame["joint_income_yuan"].fillna(0.0).astype(np.float64)
    inside = frame["alliance_id"].notna() & (booked > 0)
    part = pd.DataFrame({
        "key": frame["alliance_id"].astype(str) + "|" + frame["year"].astype(str),
        "booked": booked, "helper": frame["role"].eq("helper"),
    })[inside]  # fmt: skip
    groups = part.groupby("key")["booked"]
    if joint == "split":
        kept = part["booked"] / groups.transform("size")
    else:
        largest = part["booked"] == groups.transform("max")
        chief = part["helper"] & largest
        first = chief.groupby(part["key"]).transform("any")
        holders = np.where(first, chief, largest)
        count = pd.Series(holders, index=part.index).groupby(part["key"]).transform("sum")
        kept = part["booked"].where(holders, 0.0) / count
    return frame[outcome] - booked.where(inside, 0.0) + kept.reindex(frame.index).fillna(0.0)


@dataclass(frozen=True)
class _Extra:
    names: list[str]
    notes: tuple[str, ...]


def _check(design: Design) -> None:
    if not isinstance(design.role, str):
        raise LianjianError(
            f"role is {design.role!r}. Roles are never pooled: weak villages were chosen because "
            "they were low, helpers because they were high. Make one study for each."
        )
    roles = tuple(role for role in fields.ROLES if role != "outside")
    if design.role not in roles:
        raise LianjianError(f"role is {design.role!r}; it can be {', '.join(roles)}.")
    for name, allowed in OPTIONS.items():
        if getattr(design, name) not in allowed:
            raise LianjianError(
                f"{name} is {getattr(design, name)!r}; it can be {', '.join(allowed)}."
            )


def _with_traits(
    frame: pd.DataFrame, villages: pd.DataFrame | None, design: Design
) -> pd.DataFrame:
    if villages is not None:
        new = [name for name in villages.columns if name not in frame.columns]
        traits = villages[["village_id", *new]]
        frame = frame.merge(traits, on="village_id", how="left", validate="many_to_one")
    wanted = ["village_id", "year", "role", "alliance_id", "joined_year", *design.covariates]
    if design.programmes != "ignore":
        wanted += design.programme_names
    if design.comparison == "zone_twin" or design.county:
        wanted += ["county_code"]
    known = {*frame.columns, "log_households"}
    if lost := [name for name in wanted if name not in known]:
        raise LianjianError(
            f"The panel has no column {', '.join(lost)}. Programmes stand in the villages table: "
            "pass it as `villages`."
        )
    return frame


def _choose(frame: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep the treated role and those it is compared with."""
    treated = frame["role"].eq(design.role) & frame["cohort"].gt(0)
    outside = frame["role"].eq("outside") & frame["cohort"].eq(0)
    county = fields.county(design.county).code if design.county else None
    if county:
        treated &= frame["county_code"].eq(county)
    notes = []
    if design.comparison == "not_yet_allied":
        keep = treated
        notes.append("Compared with villages of the same role that join later.")
    elif design.comparison == "zone_twin":
        mine = frame.loc[treated, "county_code"].unique()
        twins = {fields.twin(str(code)).code for code in mine}
        keep = treated | (outside & frame["county_code"].isin(twins))
    else:
        keep = treated | outside
        if county:
            keep &= frame["county_code"].eq(county)
    if not treated.any():
        where = f" in {fields.county(county).name}" if county else ""
        raise LianjianError(f"No village of the role {design.role} has a year of joining{where}.")
    if not (keep & ~treated).any() and design.comparison != "not_yet_allied":
        raise LianjianError("No village outside alliances is left to compare with.")
    others = frame.loc[~keep & frame["role"].ne("outside"), "village_id"].nunique()
    if others:
        notes.append(f"{others:,} other villages in alliances take no part.")
    alliances = frame.loc[treated, "alliance_id"].nunique()
    if alliances < FEW_TREATED:
        notes.append(f"The treated lie in {alliances} alliances.")
    return frame[keep].copy(), tuple(notes)


def _programmes(frame: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, _Extra]:
    names = list(design.programme_names)
    if design.programmes == "ignore":
        return frame, _Extra([], ())
    flags = frame[names].astype("boolean")
    if flags.isna().any().any():
        raise LianjianError(f"{int(flags.isna().any(axis=1).sum())} rows miss {', '.join(names)}.")
    if design.programmes == "exclude":
        having = flags.any(axis=1)
        left = frame[~having]
        lost = frame.loc[having, "village_id"].nunique()
        return left, _Extra([], (f"{lost:,} villages with {', '.join(names)} were left out.",))
    if design.programmes == "covariates":
        made = frame.assign(**{name: flags[name].astype(np.float64) for name in names})
        return made, _Extra(names, (f"Covariates by year: {', '.join(names)}.",))
    code = (flags.astype(np.int64) * [2**k for k in range(len(names))]).sum(axis=1)
    return _strata(frame, code, "stratum", f"combinations of {', '.join(names)}")


def _strata(
    frame: pd.DataFrame, code: pd.Series, prefix: str, what: str
) -> tuple[pd.DataFrame, _Extra]:
    """Keep strata that hold treated and untreated villages, and mark each by a column."""
    treated = frame["cohort"] > 0
    both = code.isin(set(code[treated])) & code.isin(set(code[~treated]))
    if not (both & treated).any():
        raise LianjianError(f"No stratum of {what} holds both treated and comparison villages.")
    notes = [f"Strata by year: {what}."]
    for words, group in (("treated", treated), ("comparison", ~treated)):
        lost = frame.loc[group & ~both, "village_id"].nunique()
        if lost:
            notes.append(f"{lost:,} {words} villages have no counterpart in their stratum.")
    columns = {f"{prefix} {value}": code.eq(value).astype(np.float64) for value in
               sorted(code[both].unique())}  # fmt: skip
    return frame.assign(**columns)[both], _Extra(list(columns), tuple(notes))


def _twin_strata(frame: pd.DataFrame) -> tuple[pd.DataFrame, _Extra]:
    """Give a treated county and the outside villages of its twin one stratum."""
    twin = frame["county_code"].map(lambda code: fields.twin(str(code)).code)
    code = frame["county_code"].where(frame["cohort"] > 0, twin)
    return _strata(frame, code, "county", "county and zone twin")


def _matched(
    frame: pd.DataFrame, units: pd.DataFrame, outcome: str, design: Design
) -> tuple[pd.DataFrame, Match]:
    """Match inside cohorts, each with its own years before joining."""
    wide = frame.pivot(index="village_id", columns="year", values=outcome)
    years = wide.columns.to_numpy()
    levels = [name for name in design.match_on if name in {"level", outcome, *fields.MEASURES}]
    cohorts = sorted(units.loc[units["cohort"] > 0, "cohort"].unique())
    parts, skipped = [], 0
    taken: set[str] = set()
    for g in cohorts:
        pre = years[years < g - design.anticipation]
        rows = units[
            (units["cohort"] == g) | ((units["cohort"] == 0) & ~units["village_id"].isin(taken))
        ]
        if not len(pre) or ("change" in design.match_on and len(pre) < 2):  # noqa: PLR2004
            skipped += int((rows["cohort"] == g).sum())
            continue
        mine = wide.loc[rows["village_id"]]
        table = rows.assign(
            allied=(rows["cohort"] == g).to_numpy(),
            level=mine[pre[-1]].to_numpy(),
            change=((mine[pre[-1]] - mine[pre[0]]) / max(pre[-1] - pre[0], 1)).to_numpy(),
        )
        wanted = [*design.match_on, *design.match_exact]
        table = table[table["allied"] | table[wanted].notna().all(axis=1)]
        whole = table[wanted].notna().all(axis=1)
        skipped += int((~whole).sum())
        table = table[whole].reset_index(drop=True)
        if not table["allied"].any() or table["allied"].all():
            skipped += int(table["allied"].sum())
            continue
        pairs = match(
            table, "allied", design.match_on, exact=design.match_exact, ratio=design.match_ratio,
            caliper=design.match_caliper, levels=levels,
        )  # fmt: skip
        taken |= set(table["village_id"].iloc[pairs.control])
        parts.append((table, pairs))
    if not parts:
        raise LianjianError(
            "No cohort shows the years before joining that the matching needs: "
            "match on something else than `change`."
        )
    return _join(parts, design, skipped)


def _join(
    parts: Sequence[tuple[pd.DataFrame, Match]], design: Design, skipped: int
) -> tuple[pd.DataFrame, Match]:
    """Put the matches of the cohorts together; a village outside stands once for each cohort."""
    offset, left, right, distance, lonely = 0, [], [], [], []
    for table, pairs in parts:
        left.append(pairs.treated + offset)
        right.append(pairs.control + offset)
        distance.append(pairs.distance)
        lonely.append(pairs.unmatched + offset)
        offset += len(table)
    units = pd.concat([table for table, _ in parts], ignore_index=True)
    one, zero = np.concatenate(left), np.concatenate(right)
    notes = list(
        dict.fromkeys(note for _, pairs in parts for note in pairs.notes if "level" in note)
    )
    alone = sum(len(pairs.unmatched) for _, pairs in parts)
    if skipped or alone:
        notes.insert(
            0, f"{skipped + alone:,} treated villages could not be matched and take no part."
        )
    notes.insert(0, f"Matched {len(np.unique(one)):,} villages with {len(zero):,} outside.")

    balance = balance_table(units, "allied", list(design.match_on), one, zero)
    return units, Match(
        one, zero, np.concatenate(distance), np.concatenate(lonely), balance, tuple(notes)
    )
