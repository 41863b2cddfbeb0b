"""The design: who is treated when, who is compared with whom, and what else is going on."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from analysis import fields
from analysis._frame import need_columns, need_roles, numeric, whole_years
from analysis.effects._panel_columns import start_years
from analysis.effects.joint import Joint, joint_counted
from analysis.effects.matching import Match, match_villages
from analysis.effects.panel import NEVER, Panel, make_panel
from analysis.errors import LianjianError

Versus = Literal["never", "not_yet", "matched", "zone_twin"]
Programmes = Literal["ignore", "covariates", "strata", "exclude"]

PROGRAMMES = (
    "has_central_project",
    "has_rebuilt_centre",
    "has_resident_cadre",
    "has_reserve_talent",
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "comparison": ("never", "not_yet", "matched", "zone_twin"),
    "programmes": ("ignore", "covariates", "strata", "exclude"),
    "joint": ("twice", "split", "once"),
}


CLUSTER = "alliance or township"
"""What clusters of villages are called."""


@dataclass(frozen=True)
class Design:
    """What is compared with what.

    Attributes
    ----------
    role : str
        The treated: ``allied_weak``, ``allied_other`` or ``helper``; one, as weak villages and
        helpers were chosen for opposite reasons and are never pooled.
    comparison : str
        ``never``: villages outside alliances. ``not_yet``: the same role, before
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
    weights : str or None
        Column that says how much a village counts, e.g. ``households`` for the mean household.
    """

    role: str = "allied_weak"
    comparison: Versus = "never"
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
    weights: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns whose coefficient may differ by year, programmes included."""
        programmes = self.programme_names if self.programmes == "covariates" else ()
        return (*self.covariates, *programmes)


@dataclass(frozen=True, eq=False)
class DesignedPanel:
    """A design carried out."""

    design: Design
    panel: Panel
    comparison: Literal["never", "not_yet"]
    match: Match | None
    units: pd.DataFrame = field(repr=False)


def make_study(
    frame: pd.DataFrame,
    outcome: str,
    design: Design | None = None,
) -> DesignedPanel:
    """Carry out a design on the project's panel."""
    # Villages in an alliance that are not of the role take no part: they share its projects.
    design = design or Design()
    _check(design)
    frame = numeric(frame, outcome)
    _need_traits(frame, design)
    value = joint_counted(frame, outcome, design.joint)
    frame = frame.assign(
        **{outcome: value},
        cohort=frame["joined_year"].astype("Float64").fillna(0.0).astype(np.float64),
        **{CLUSTER: _clusters(frame)},
    )
    if "households" in frame.columns:
        households = frame["households"].astype("Float64").astype(np.float64)
        frame["log_households"] = np.log(households.where(households > 0))
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
        units, pairs = match_villages(
            frame,
            units,
            outcome,
            on=design.match_on,
            exact=design.match_exact,
            anticipation=design.anticipation,
            ratio=design.match_ratio,
            caliper=design.match_caliper,
        )
        frame = frame[
            frame["village_id"].isin(
                units["village_id"].iloc[np.concatenate([pairs.treated, pairs.control])]
            )
        ]
        notes += pairs.notes
    panel = make_panel(
        frame,
        outcome,
        cohort="cohort",
        cluster=CLUSTER,
        weights=design.weights,
        covariates=list(dict.fromkeys(covariates)),
    )
    panel = replace(panel, notes=panel.notes + notes)
    kind: Literal["never", "not_yet"] = "never"
    if design.comparison == "not_yet":
        kind = "not_yet"
    return DesignedPanel(design, panel, kind, pairs, units)


def _clusters(frame: pd.DataFrame) -> pd.Series:
    """Return the alliance of a village, else its township, else the village itself."""
    own = "village " + frame["village_id"].astype(str)
    if "township_name" in frame.columns:
        county = frame["county_code"].astype(str) if "county_code" in frame.columns else ""
        township = "township " + county + "|" + frame["township_name"].astype(str)
        own = township.where(frame["township_name"].notna(), own)
    return frame["alliance_id"].astype(object).where(frame["alliance_id"].notna(), own)


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
    for name in ("covariates", "programme_names", "match_on", "match_exact"):
        if isinstance(value := getattr(design, name), str):
            raise LianjianError(
                f"{name} takes several names, and was given one text, {value!r}. Put it in "
                f"brackets: ({value!r},)."
            )
    for name, allowed in OPTIONS.items():
        if getattr(design, name) not in allowed:
            raise LianjianError(
                f"{name} is {getattr(design, name)!r}; it can be {', '.join(allowed)}."
            )


def as_villages(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with years as numbers, no year of joining outside, and known roles alone."""
    if {"village_id", "year"} & set(frame.index.names) - set(frame.columns):
        need_columns(frame, "village_id", "year")
    need_roles(frame)
    made: dict[str, Any] = {}
    if "year" in frame:
        made["year"] = whole_years(frame["year"])
    if "joined_year" in frame:
        joined = pd.Series(start_years(frame, "joined_year"), frame.index)
        made["joined_year"] = joined.astype("Int64").mask(joined == NEVER)
    return frame.assign(**made)


def _need_traits(frame: pd.DataFrame, design: Design) -> None:
    wanted = ["village_id", "year", "role", "alliance_id", "joined_year", *design.covariates]
    wanted += [design.weights] if design.weights else []
    if design.programmes != "ignore":
        wanted += design.programme_names
    if design.comparison == "zone_twin" or design.county:
        wanted += ["county_code"]
    known = {*frame.columns, "log_households"}
    if lost := [name for name in wanted if name not in known]:
        hint = " Traits of villages stand in data.villages: make the study of the dataset."
        hint = "" if {*lost} & {"village_id", "year"} else hint
        raise LianjianError(f"The panel has no column {', '.join(lost)}.{hint}")


def _choose(frame: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep the treated role and those it is compared with."""
    treated = frame["role"].eq(design.role) & frame["cohort"].gt(0)
    outside = frame["role"].eq("outside") & frame["cohort"].eq(0)
    county = fields.county(design.county).code if design.county else None
    if county:
        treated &= frame["county_code"].eq(county)
    notes = []
    if design.comparison == "not_yet":
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
    if not (keep & ~treated).any() and design.comparison != "not_yet":
        raise LianjianError("No village outside alliances is left to compare with.")
    alone = frame.loc[treated & frame["alliance_id"].isna(), "village_id"].nunique()
    if alone:
        notes.append(
            f"{alone:,} villages that joined have no alliance_id: each counts as of an alliance of "
            "its township, or of its own."
        )
    others = frame.loc[~keep & frame["role"].ne("outside"), "village_id"].nunique()
    if others:
        notes.append(f"{others:,} other villages in alliances take no part.")
    return frame[keep].copy(), tuple(notes)


def _programmes(frame: pd.DataFrame, design: Design) -> tuple[pd.DataFrame, _Extra]:
    names = list(design.programme_names)
    if design.programmes == "ignore":
        return frame, _Extra([], ())
    flags = frame[names].astype("boolean")
    if design.programmes == "covariates":
        made = flags.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        return frame.assign(**dict(zip(names, made.T, strict=True))), _Extra(
            names, (f"Covariates by year: {', '.join(names)}.",)
        )
    if flags.isna().any().any():
        raise LianjianError(f"{int(flags.isna().any(axis=1).sum())} rows miss {', '.join(names)}.")
    if design.programmes == "exclude":
        having = flags.any(axis=1)
        left = frame[~having]
        lost = frame.loc[having, "village_id"].nunique()
        return left, _Extra([], (f"{lost:,} villages with {', '.join(names)} were left out.",))
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
    columns = {
        f"{prefix} {value}": code.eq(value).astype(np.float64)
        for value in sorted(code[both].unique())
    }
    return frame.assign(**columns)[both], _Extra(list(columns), tuple(notes))


def _twin_strata(frame: pd.DataFrame) -> tuple[pd.DataFrame, _Extra]:
    """Give a treated county and the outside villages of its twin one stratum."""
    twins = {code: fields.twin(str(code)).code for code in frame["county_code"].unique()}
    twin = frame["county_code"].map(twins)
    code = frame["county_code"].where(frame["cohort"] > 0, twin)
    return _strata(frame, code, "county", "county and zone twin")
