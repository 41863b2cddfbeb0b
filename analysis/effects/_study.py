"""A study: one outcome, one design, and everything that can be asked of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from analysis import fields
from analysis.effects._clustered import check_anticipation
from analysis.effects.alarms import Alarms
from analysis.effects.answer import Answer, answer
from analysis.effects.design import Design, as_villages, make_study
from analysis.effects.did import (
    before_after,
    imputation,
    sun_abraham,
    twfe,
)
from analysis.effects.did._propensity import Adjustment
from analysis.effects.did.callaway_santanna import Comparison
from analysis.effects.estimand import ESTIMANDS, reweigh
from analysis.effects.inference import (
    PlaceboPool,
    few_clusters,
    placebo_draws,
    randomization_inference,
)
from analysis.effects.inference._resampling import SEED
from analysis.effects.joint import joint_counted
from analysis.effects.panel import NEVER, Floats, Panel, make_panel
from analysis.effects.preferred import (
    ADJUST_FOR,
    adjusted_design,
    alliance_pool,
    preferred_att,
    regression_att,
    regression_points,
    regression_series,
)
from analysis.effects.results import EffectSeries, Estimate, html_table
from analysis.effects.sensitivity import HonestSensitivity, honest_did
from analysis.errors import LianjianError

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset

DRAWS = 99
UNIT_YEARS = (
    "the mean over all years from treatment on of all treated units: each unit-year seen, with the "
    "base year, counts once"
)
WEIGHTED_YEARS = (
    "the mean over all years from treatment on of all treated units: each unit-year seen, with the "
    "base year, counts by its unit's weight"
)
NOT_IMITATED = (
    "Placebo alliances are held against all villages outside, and this design against some of "
    "them: matched, of the zone twin, or of a stratum."
)
Inference = Literal["placebos", "clusters"]


Verdict = Literal["naive", "defensible"]


@dataclass(frozen=True)
class Method:
    """An estimator of the table of estimators: what it is called, believes, and computes."""

    label: str  # {0} and {1} stand for the years before g in which a path ends
    believes: str
    estimate: Callable[[Panel, int, Comparison], Estimate]  # of panel, anticipation, comparison
    adjusts: bool = False  # only where there are covariates
    on: Literal["plain", "adjusted", "matched"] = "adjusted"
    base: int | None = None  # years of anticipation, where it takes its own
    verdict: Verdict = "defensible"


def _regression(adjustment: Adjustment | None = None) -> Callable[..., Estimate]:
    def estimate(panel: Panel, wary: int, versus: Comparison) -> Estimate:
        return regression_att(panel, adjustment=adjustment, anticipation=wary, comparison=versus)

    return estimate


METHODS: dict[str, Method] = {
    "before_after": Method(
        "Before and after",
        "nothing else moved the outcome, and no luck in being chosen",
        lambda panel, wary, _: before_after(panel, anticipation=wary),
        on="plain",
        base=0,
        verdict="naive",
    ),
    "unadjusted": Method(
        "Outside, no adjustment",
        "all would have gained as much, whatever their traits",
        _regression("none"),
        on="plain",
        verdict="naive",
    ),
    "twfe": Method(
        "Two-way fixed effects",
        "parallel trends, and one effect for all cohorts and years",
        lambda panel, wary, _: twfe(panel, anticipation=wary),
        on="plain",
        verdict="naive",
    ),
    "early": Method(
        "Adjusted, from g−1",
        "parallel trends from the year of selection on, given the covariates",
        _regression(),
        adjusts=True,
        base=0,
        verdict="naive",
    ),
    "matched": Method(
        "Matched",
        "neighbours in size and past change would have gained as much",
        _regression("none"),
        on="matched",
    ),
    "imputation": Method(
        "Imputation, adjusted",
        "parallel trends in all years before",
        lambda panel, wary, _: imputation(panel, anticipation=wary, pool="all").overall,
    ),
    "sun_abraham": Method(
        "Sun–Abraham, adjusted",
        "parallel trends from the base year on",
        lambda panel, wary, _: sun_abraham(panel, anticipation=wary).overall,
    ),
    "doubly_robust": Method(
        "Doubly robust, adjusted",
        "the line in the covariates or the weights are right",
        _regression("doubly_robust"),
        adjusts=True,
    ),
    "regression": Method(
        "Regression, adjusted",
        "parallel trends from the base year on, given the covariates",
        _regression(),
    ),
    "balanced_early": Method(
        "Balanced, path to g−{1}",
        "the same, where the year before joining was touched already",
        lambda panel, wary, _: preferred_att(panel, until=max(wary, 1) + 1),
    ),
    "balanced": Method(
        "Balanced, path to g−{0}",
        "nothing that no year before showed chose the treated",
        lambda panel, wary, _: preferred_att(panel, until=max(wary, 1)),
    ),
}
"""The estimators of `Study.estimates`, in the order in which they are shown."""


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """One outcome under one design. False when it could not be made; ``reason`` then says why.

    Attributes
    ----------
    outcome : str
        Column studied.
    anticipation : int
        Years before treatment that may be affected already.
    comparison : str
        ``never`` or ``not_yet``, as in `att_gt`.
    design : Design or None
        Of villages and alliances; None of a plain frame.
    reason : str
        Why there is no study, else empty.
    n_asked : int
        Units that the design asked for, with those that lack what the estimators need.
    draws, seed : int
        Sets of placebo alliances, and the seed of everything drawn.
    """

    outcome: str
    _panel: Panel | None
    anticipation: int
    comparison: Comparison = "never"
    design: Design | None = None
    _frame: pd.DataFrame | None = field(default=None)
    reason: str = ""
    n_asked: int = 0
    draws: int = DRAWS
    seed: int = SEED

    def __bool__(self) -> bool:
        return self._panel is not None

    @property
    def panel(self) -> Panel:
        """For the estimators; the reason why there is none is an error."""
        if self._panel is None:
            raise LianjianError(self.reason)
        return self._panel

    @property
    def frame(self) -> pd.DataFrame:
        """Villages and years with all traits."""
        if self._frame is None:
            if self._panel is None:
                raise LianjianError(self.reason)
            raise LianjianError(
                "Alarms and placebo alliances need villages with role, alliance and county, and "
                "villages outside: make the study of a dataset."
            )
        return self._frame

    @property
    def plan(self) -> Design:
        """The design; of a plain frame there is none, which is an error."""
        if self.design is None:
            raise LianjianError("The study is of a plain frame, without villages and alliances.")
        return self.design

    @property
    def pool(self) -> PlaceboPool:
        """Who can stand for the villages that joined; why nobody can is an error."""
        pool, reason = self._pool
        if pool is None:
            raise LianjianError(reason)
        return pool

    def preferred(self, inference: Inference | None = None) -> Estimate:
        """Return the preferred estimate, with the inference of placebos or of few clusters.

        Of villages outside alliances: balanced on covariates and the path of the outcome. Of a
        plain frame, or among villages that join later: the regression.

        Parameters
        ----------
        inference : {"placebos", "clusters"}, optional
            ``placebos`` for the mean on these villages, ``clusters`` for alliances like these; the
            first where alliances can be imitated when not given.
        """
        by_placebos = self._by_placebos(inference)
        if self._has_answer:
            return self.answer.estimate if by_placebos else self.answer.few
        plain = regression_att(
            self.panel, anticipation=self.anticipation, comparison=self.comparison
        )
        if by_placebos:
            return randomization_inference(plain, self.placebos()[:, 0])
        return plain

    def event_study(self, inference: Inference | None = None) -> EffectSeries:
        """Return the effects by event time, all against one base year, with a band.

        By regression: balancing leaves no years before to show.

        Parameters
        ----------
        inference : {"placebos", "clusters"}, optional
            As in `preferred`.
        """
        plain = regression_series(
            self.panel, anticipation=self.anticipation, comparison=self.comparison
        )
        plain = replace(plain, outcome=self.outcome)
        if not self._by_placebos(inference):
            return plain
        try:
            return randomization_inference(plain, self.placebos(), anticipation=self.anticipation)
        except LianjianError as error:
            if inference == "placebos":
                raise
            lacking = f"No placebo alliances, so intervals are those of CR2: {error}"
            return replace(plain, notes=(*plain.notes, lacking))

    def honest(
        self,
        bounds: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
        *,
        restriction: Literal["relative_magnitudes", "smoothness"] = "relative_magnitudes",
        event_time: int | None = None,
        earliest: int | None = None,
    ) -> HonestSensitivity:
        """Return robust bounds as trends are allowed to differ: `honest_did` of the event study."""
        return honest_did(
            self.event_study(),
            bounds,
            restriction=restriction,
            event_time=event_time,
            earliest=earliest,
        )

    def placebos(self) -> Floats:
        """Return the regression for placebo alliances (D, 1 + K), the overall one first.

        Raises
        ------
        LianjianError
            The study is of a plain frame, or alliances cannot be imitated.
        """
        return self._placebos

    def alarms(self) -> Alarms:
        """Return the gauges of alarm beside the preferred estimate.

        Raises
        ------
        LianjianError
            As for `answer`.
        """
        return self.answer.alarms

    @cached_property
    def answer(self) -> Answer:
        """The preferred estimate with the regression, the alarms and the breakdown ratio beside it.

        Raises
        ------
        LianjianError
            The study is of a plain frame, or of villages that join later.
        """
        if self.comparison != "never":
            raise LianjianError("Alarms need villages outside alliances to compare with.")
        frame, (pool, reason) = self.frame, self._pool
        rng = np.random.default_rng([self.seed, 3])
        made = answer(
            self.panel, frame, pool, rng=rng, draws=self.draws, anticipation=self.anticipation
        )
        if pool is None:
            note = f"No placebo alliances, so intervals are those of CR2: {reason}"
            made = replace(made, notes=(note, *made.notes))
        return made

    @property
    def _has_answer(self) -> bool:
        return self.design is not None and self.comparison == "never"

    def estimates(self, matched: Panel | None = None) -> pd.DataFrame:
        """Return one row an estimator, naive ones first, with what each believes.

        Parameters
        ----------
        matched : Panel, optional
            Of matched units, which makes one estimate more.

        Returns
        -------
        DataFrame
            Index ``method``; ``label, verdict, believes``, the estimate with the error of few
            clusters, ``each_once`` (each unit counting once, or by its weight, however many years
            it is seen), and ``notes``; without numbers, and with the reason in the notes, where an
            estimator refuses.
        """
        panels, rows = {"adjusted": self.panel, "plain": self._plain, "matched": matched}, {}
        until = max(self.anticipation, 1)
        for name, method in METHODS.items():
            panel = panels[method.on]
            if panel is None or (method.adjusts and not panel.covariates):
                continue
            if name == "early" and not self.anticipation:  # the base year of all others
                continue
            label = method.label.format(until, until + 1)
            row: dict[str, object] = {
                "label": label if self.panel.covariates else label.removesuffix(", adjusted"),
                "verdict": method.verdict,
                "believes": method.believes,
            }
            wary = self.anticipation if method.base is None else method.base
            try:
                found = method.estimate(panel, wary, self.comparison)
                found = found if name == "twfe" else few_clusters(found)
                row |= {key: getattr(found, key) for key in _SHOWN}
                row["notes"] = "; ".join(found.notes)
                if name != "twfe":
                    once = reweigh(panel, "villages", anticipation=wary)
                    row["each_once"] = method.estimate(once, wary, self.comparison).estimate
            except LianjianError as error:
                row["notes"] = f"not estimated: {error}"
            rows[name] = row
        names = ["label", "verdict", "believes", *_SHOWN, "each_once", "notes"]
        table = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=names)
        return table.rename_axis("method")

    @cached_property
    def _plain(self) -> Panel:
        """The panel without covariates, and with the villages that lack one."""
        if self.design is None:
            panel = self.panel
            return replace(panel, x=panel.x[:, :0], covariates=())
        return make_study(self.frame, self.outcome, Design(anticipation=self.anticipation)).panel

    def table(self) -> pd.DataFrame:
        """Return the estimates as a reader wants them: labels, estimate, interval, p."""
        shown = self.estimates().set_index("label")
        return shown[["estimate", "low", "high", "p_value", "each_once", "verdict"]]

    def plot(self, unit: str | None = None) -> Any:
        """Draw the event study; ``unit`` is any text, 万元 divides yuan by 10,000.

        Parameters
        ----------
        unit : str, optional
            万元 for measures in yuan, else the name of the outcome, when not given.
        """
        return self.event_study().plot(unit or "")

    def to_frame(self) -> pd.DataFrame:
        """Return the rows studied: unit, year, outcome, cohort, cluster, weight, covariates.

        Raises
        ------
        LianjianError
            A column of one's own has the name of another one here.
        """
        panel = self.panel
        unit, year = np.nonzero(~np.isnan(panel.y))
        columns = {
            "unit": panel.ids[unit],
            "year": panel.years[year],
            panel.outcome: panel.y[unit, year],
            "cohort": panel.cohort[unit],
            "cluster": panel.cluster[unit],
        }
        if panel.weight is not None:
            columns["weight"] = panel.weight[unit, year]
        own = (panel.outcome, *panel.covariates)
        if taken := [name for name in own if name in _PARTS]:
            raise LianjianError(
                f"The frame of a study has its own {', '.join(taken)}: rename that column of yours "
                "before the study is made."
            )
        traits = {name: panel.x[unit, k] for k, name in enumerate(panel.covariates)}
        return pd.DataFrame({**columns, **traits}).sort_values(["unit", "year"], ignore_index=True)

    @property
    def estimand(self) -> str:
        """What the preferred number is a mean of, in one sentence."""
        if self.panel.weight is not None:
            return WEIGHTED_YEARS
        return ESTIMANDS["village_years"] if self.design else UNIT_YEARS

    @cached_property
    def _placebos(self) -> Floats:
        pool = self.pool

        def estimator(one: Panel) -> Floats:
            return regression_points(one, anticipation=self.anticipation)

        return placebo_draws(pool, estimator, np.random.default_rng(self.seed), draws=self.draws)

    def _by_placebos(self, inference: str | None) -> bool:
        if inference not in {None, "placebos", "clusters"}:
            raise LianjianError(f"inference is {inference!r}; it can be placebos or clusters.")
        if inference is None:
            return self._has_answer and self._pool[0] is not None
        return inference == "placebos"

    @cached_property
    def _pool(self) -> tuple[PlaceboPool | None, str]:
        """Who can stand for whom, or why nobody can."""
        try:
            frame, panel, plan = self.frame, self.panel, self.plan
            if plan.comparison in {"matched", "zone_twin"} or plan.programmes == "strata":
                return None, NOT_IMITATED
            frame = frame[frame["village_id"].isin(panel.ids.tolist())]
            counted = joint_counted(frame, panel.outcome, plan.joint)
            return alliance_pool(frame.assign(**{panel.outcome: counted}), panel.outcome, plan), ""
        except LianjianError as error:
            return None, str(error)

    def __repr__(self) -> str:
        if self._panel is None:
            return f"No study of {self.outcome}: {self.reason}"
        base = f"from the last year before g − {self.anticipation}"
        base = base if self.anticipation else "from the last year before g"
        lines = [
            f"Study of {self.outcome}: {self.panel!r}",
            f"  compared with {self._against}, {base}; estimated is {self.estimand}",
        ]
        return "\n".join([*lines, *(f"  {note}" for note in self.panel.notes)])

    @property
    def _against(self) -> str:
        """Who is compared with, in words."""
        if self.comparison == "not_yet":
            return "units not yet treated"
        if (self.panel.cohort == NEVER).any():
            return "units never treated"
        return f"units not treated by {self.panel.years[-1]}"

    def _repr_html_(self) -> str:
        if self._panel is None:
            return html_table(f"No study of {self.outcome}", pd.DataFrame(), (self.reason,))
        return html_table(f"Study of {self.outcome}", self.table().reset_index(), self.panel.notes)


_PARTS = ("unit", "year", "cohort", "cluster", "weight")
"""Columns of the frame of a study beside its outcome and covariates."""

_SHOWN = ("estimate", "std_error", "low", "high", "p_value", "n_units", "n_clusters")


def study(
    data: "Dataset | pd.DataFrame",
    outcome: str,
    design: Design | None = None,
    *,
    unit: str | None = None,
    year: str = "year",
    cohort: str | None = None,
    cluster: str | None = None,
    covariates: Sequence[str] = (),
    weights: str | None = None,
    comparison: Comparison = "never",
    anticipation: int | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Study:
    """Return a study of an outcome: of a dataset's villages, or of a frame of one's own.

    Parameters
    ----------
    data : Dataset or DataFrame
        With ``panel`` and ``villages``, whose traits are merged; or one row a unit and year.
    outcome : str
        A column by its name or its label in either language, or the short name of a measure in
        yuan: ``operating``, ``total``.
    design : Design, optional
        Of a dataset: who is compared with whom. Weak allied villages against villages outside, with
        the covariates that the data have, when not given.
    unit, year, cohort, cluster, covariates, weights
        Of a frame of one's own, as in `make_panel`: what its columns are called.
    comparison : {"never", "not_yet"}
        Of a frame of one's own, as in `att_gt`.
    anticipation : int, optional
        Years before treatment that may be affected already: 1 for villages, which were chosen in
        the year before joining, 0 for a frame of one's own, when not given.
    draws : int
        Sets of placebo alliances.
    seed : int
        Of everything drawn.

    Returns
    -------
    Study
        False where it cannot be made; printed, it says why.

    Examples
    --------
    From one's own frame to an event study with a band, a chart and honest bounds:

    >>> frame = pd.DataFrame({"id": np.repeat(np.arange(40), 6), "year": [*range(2019, 2025)] * 40})
    >>> frame["g"] = np.where(frame["id"] < 10, 2022, 0)
    >>> joined = frame["g"].between(1, frame["year"])
    >>> frame["log_y"] = frame["id"] * frame["year"] % 7 / 7 + joined
    >>> own = study(frame, "log_y", unit="id", cohort="g")
    >>> own.event_study().tidy().shape
    (5, 10)
    >>> chart = own.plot(unit="log income")
    >>> len(own.honest([0.5]).low)
    1
    >>> study(frame, "log_y", unit="id", cohort="treated")
    No study of log_y: The frame has no column treated; it has id, year, g, log_y. Name your own: \
unit=…, year=…, cohort=…, the cohort being the first treated year.
    """
    try:
        check_anticipation(anticipation or 0)
        if isinstance(data, pd.DataFrame) and (unit or cohort or "role" not in data.columns):
            _check_whose(design is not None)
            panel = make_panel(
                data,
                outcome,
                unit=unit or "village_id",
                year=year,
                cohort=cohort or "joined_year",
                cluster=cluster,
                covariates=covariates,
                weights=weights,
            )
            return Study(outcome, panel, anticipation or 0, comparison)
        own = any((cluster, *covariates, weights)) or year != "year" or comparison != "never"
        _check_whose(own)
        frame = as_villages(with_traits(data))
        outcome = _measure(outcome, frame)
        chosen = design or adjusted_design(frame)
        if anticipation is not None:
            chosen = replace(chosen, anticipation=anticipation)
        made = make_study(frame, outcome, chosen)
        panel = made.panel
        if design is None and (lacking := [n for n in ADJUST_FOR if n not in chosen.columns]):
            what = " and ".join(fields.FIELDS[name].label.lower() for name in lacking)
            note = f"Not adjusted for {what}, which the data lack or have for too few villages."
            panel = replace(panel, notes=(*panel.notes, note))
        known = (outcome, panel, chosen.anticipation, made.comparison, chosen, frame)
        return Study(*known, n_asked=len(made.units), draws=draws, seed=seed)
    except LianjianError as error:
        return Study(outcome, None, anticipation or 0, reason=str(error))


def with_traits(data: "Dataset | pd.DataFrame") -> pd.DataFrame:
    """Return the panel with those traits of the villages that it does not hold."""
    if isinstance(data, pd.DataFrame):
        return data
    villages = data.villages
    new = [name for name in villages.columns if name not in data.panel.columns]
    return data.panel.merge(
        villages[["village_id", *new]], on="village_id", how="left", validate="m:1"
    )


def _check_whose(is_other: bool) -> None:
    """Check that a design comes with villages, and what else can be said with other frames."""
    if is_other:
        raise LianjianError(
            "A design is of villages; unit, cohort, year, cluster, covariates, weights and "
            "comparison are of a frame of one's own. Of villages say what they say by "
            "Design(covariates=…, weights=…, comparison=…), and give other frames no design."
        )


def _measure(outcome: str, frame: pd.DataFrame) -> str:
    """Return the column that is meant by a name, a short name or a label."""
    short: Mapping[str, str] = {name.split("_")[0]: name for name in reversed(fields.MEASURES)}
    meant = short.get(outcome) or fields.column_called(outcome, fields.MEASURES)
    return outcome if outcome in frame.columns else meant or outcome
