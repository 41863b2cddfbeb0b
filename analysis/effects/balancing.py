"""Entropy balancing on size and the whole path of own income, augmented by regression.

Weak villages are chosen on what their books showed. Given that path, who was taken is luck; so the
villages outside are weighted until they show the same one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from analysis._evidence import is_collecting
from analysis.effects._clustered import make_estimate, make_series
from analysis.effects._panel_columns import independent
from analysis.effects.did.fixed_effects import comparison_cohorts
from analysis.effects.panel import Bools, Floats, Ints, Panel
from analysis.effects.results import EffectSeries, Influence
from analysis.errors import LianjianError

NAME = "Entropy balancing"
RIDGE = 0.1
"""Penalty on the dual, traits in standard deviations: a little imbalance for many more villages."""
FEW = 5
"""A group of fewer villages, or of fewer comparison villages in effect, is not balanced."""
NEWTON_STEPS, GRADIENT, ROUNDING = 100, 1e-6, 1e-13
NEARLY = 1e-3
"""A trait of which others leave less of its spread is left out: far from zero a root is a line."""
SINGULAR = 1e-12
"""A year in which the traits' least eigenvalue is this small beside the largest tells nothing."""
LEAST_ROOT = 1000.0
"""Yuan under which the root of income is taken to be no steeper: there it has no slope of use."""
LEAST_LEVEL = 0.1
"""Noise is taken to follow the expected level, but no further down than this share of its mean."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Villages of one cohort that show the same years before, and those they are compared with."""

    cohort: int  # first treated year g
    path: Ints  # positions of the years of own income that were balanced
    treated: Ints  # (n₁,) units
    control: Ints  # (n₀,) units
    years: Ints  # (P,) positions of the years from g on
    # (n₀,) of the comparison units, adding to one; equal when too few villages could be balanced
    weight: Floats
    imbalance: float  # largest difference left between the means, in standard deviations outside
    effect: Floats  # (n₁, P) what each treated unit shows beyond the comparison; NaN without books
    residual: Floats  # (n₀, P) what the regression on the traits leaves to each comparison unit
    pull: Floats  # (n₀, P) influence of each comparison unit on the mean effect of a year
    is_balanced: bool  # whether weights were fitted
    # (N, T, P) how far each amount moves the mean effect of a year, where someone collects evidence
    moved: Floats | None = None

    @property
    def n_effective(self) -> float:
        """1/Σ weight², the number of comparison villages that would carry as much."""
        return float(1 / (self.weight**2).sum())


@dataclass(frozen=True, eq=False)
class Balanced:
    """All fits of a panel, and what they left out."""

    panel: Panel
    fits: tuple[Fit, ...]
    until: int
    notes: tuple[str, ...]

    @cached_property
    def cells(self) -> tuple[Ints, Ints, Floats, Floats]:
        """Unit, event time, effect and weight of each treated unit-year that counts."""
        unit, when, effect = [], [], []
        for fit in self.fits:
            row, year = np.nonzero(~np.isnan(fit.effect))
            unit.append(fit.treated[row])
            when.append(self.panel.years[fit.years[year]] - fit.cohort)
            effect.append(fit.effect[row, year])
        units = np.concatenate(unit)
        own = self.panel.unit_weight
        mass = np.ones(len(units)) if own is None else own[units]
        return units, np.concatenate(when), np.concatenate(effect), mass

    def effects(self) -> pd.DataFrame:
        """Return one row a treated unit-year that counts: cohort, event time, effect, weight."""
        unit, when, effect, mass = self.cells
        return pd.DataFrame(
            {
                "unit": self.panel.ids[unit],
                "cluster": self.panel.cluster[unit],
                "cohort": self.panel.cohort[unit],
                "event_time": when,
                "effect": effect,
                "weight": mass,
            }
        )

    def points(self) -> Floats:
        """Return the mean over unit-years, then by event time from 0 on, (1 + K,)."""
        _, _, effect, mass = self.cells
        return np.array([np.average(effect[mark], weights=mass[mark]) for mark in self._marks])

    @property
    def used(self) -> Bools:
        """Units that take part (N,)."""
        used = np.zeros(self.panel.n_units, dtype=np.bool_)
        for fit in self.fits:
            used[fit.treated] = used[fit.control] = True
        return used

    def series(self) -> EffectSeries:
        """Return the effects by event time from 0 on, and their mean over unit-years."""
        # The years before are what was balanced, so that they show no trend to test.
        carried = self.influence
        first = np.arange(len(carried.theta)) == 0
        overall = make_estimate(
            f"{NAME}, path to g−{self.until}",
            carried.part(first),
            "influence function by {cluster}, t({df})",
            notes=self.notes,
        )
        index, name = np.unique(self.cells[1]), f"{NAME}, by event time"
        return make_series(
            name, "event_time", index, carried.part(~first), overall, notes=self.notes
        )

    @property
    def influence(self) -> Influence:
        """Who carries the numbers of `points`."""
        # The weights are taken as given, as is the path of each village: who carries the number,
        # not what another draw of villages would have balanced.
        unit, _, effect, mass = self.cells
        theta = self.points()
        weight, psi = np.zeros((2, self.panel.n_units, len(theta)))
        for q, mark in enumerate(self._marks):
            total = mass[mark].sum()
            np.add.at(weight[:, q], unit[mark], mass[mark] / total)
            np.add.at(psi[:, q], unit[mark], mass[mark] * (effect[mark] - theta[q]) / total)
        for fit in self.fits:
            psi[fit.control] += fit.pull @ self._shares(fit)
        pulls = [fit.moved @ self._shares(fit) for fit in self.fits if fit.moved is not None]
        pull = np.sum(pulls, axis=0) if len(pulls) == len(self.fits) else None
        return Influence(self.panel, theta, psi, weight, self.used, pull)

    @property
    def _marks(self) -> list[Bools]:
        """Which cells count in the mean over unit-years, and at each event time."""
        when = self.cells[1]
        return [when >= 0, *(when == e for e in np.unique(when))]

    def _shares(self, fit: Fit) -> Floats:
        """Return the share of a fit's years in each number (P, Q)."""
        _, when, _, mass = self.cells
        own = self.panel.unit_weight
        unit = np.ones(len(fit.treated)) if own is None else own[fit.treated]
        times = self.panel.years[fit.years] - fit.cohort
        asked = np.column_stack([times >= 0, *(times == e for e in np.unique(when))])
        total = np.array([mass[mark].sum() for mark in self._marks])
        return (unit @ ~np.isnan(fit.effect))[:, None] * asked / total


def entropy_weights(traits: Floats, target: Floats, prior: Floats | None = None) -> Floats:
    """Return weights (n,) nearest to the prior under which the mean of traits is the target."""
    # Hainmueller 2012, Political Analysis 20(1), DOI 10.1093/pan/mpr025: w ∝ q exp(−z′λ), λ the
    # minimum of log Σ q exp(−(z − target)′λ) + ridge λ′λ/2, which is convex; steps are halved until
    # it falls.
    gap = traits - target
    log_prior = np.zeros(len(gap)) if prior is None else np.log(prior)
    multiplier = np.zeros(gap.shape[1])

    def dual(at: Floats) -> tuple[float, Floats]:
        power = log_prior - gap @ at
        top = power.max()
        mass = np.exp(power - top)
        total = mass.sum()
        return float(top + np.log(total) + RIDGE / 2 * at @ at), mass / total

    value, weight = dual(multiplier)
    for _ in range(NEWTON_STEPS):
        mean = weight @ gap
        slope = RIDGE * multiplier - mean
        if np.abs(slope).max(initial=0.0) < GRADIENT:
            return weight
        curve = (gap * weight[:, None]).T @ gap - np.outer(mean, mean)
        step = np.linalg.solve(curve + RIDGE * np.eye(len(mean)), slope)
        size = 1.0
        while (new := dual(multiplier - size * step))[0] > value + ROUNDING and size > GRADIENT:
            size /= 2
        multiplier, (value, weight) = multiplier - size * step, new
    raise LianjianError(
        f"The balancing weights did not converge in {NEWTON_STEPS} steps: the largest mean is off "
        f"by {np.abs(slope).max():.2g} standard deviations. Leave out a trait."
    )


def balance(panel: Panel, *, until: int = 1) -> Balanced:
    """Balance villages outside against each cohort on covariates and its path of own income."""
    # In each year from g on, income is regressed on the traits among villages outside, weighted by
    # 1/level² where it is an amount (noise follows the level); what the treated show beyond the
    # prediction is compared with the balanced mean of what the regression left outside. The traits
    # are the covariates, income in each year of the path, and for its last year the root of income
    # and whether there was none: a village without income in a year returns to its level whole, one
    # with bad luck in part. Where the path has gaps, villages are balanced on the years that they
    # show, those with the same years together; groups of fewer than five take the regression alone.
    # No difference to a base year is taken: with the path among the traits it changes nothing.
    outside = np.flatnonzero(comparison_cohorts(panel.cohort, panel, until))
    if not len(outside):
        raise LianjianError("No unit is never treated, so there is nobody to balance against.")
    seen = ~np.isnan(panel.y)
    fits, notes = [], []
    for g, rows in panel.groups:
        path = np.flatnonzero(panel.years <= g - until)
        years = np.flatnonzero(panel.years >= g)
        if not len(years) or rows.start in outside:
            continue
        units = np.arange(rows.start, rows.stop)
        units = units[seen[units][:, years].any(axis=1)]
        shown = seen[units][:, path]
        if blank := int((~shown.any(axis=1)).sum()):
            notes.append(
                f"Left out, no income up to {g - until} to balance on: {blank:,} villages of {g}."
            )
        for pattern in np.unique(shown[shown.any(axis=1)], axis=0):
            group = units[(shown == pattern).all(axis=1)]
            fit = _fit(panel, path[pattern], years, group, outside)
            if fit is None or np.isnan(fit.effect).all():
                notes.append(
                    f"Left out: {len(group):,} villages of {g}, as too few villages outside show "
                    "the same years and span the traits."
                )
            else:
                fits.append(fit)
                notes += _fit_notes(panel, fit, path, until)
    if not fits:
        raise LianjianError(
            f"No cohort shows income up to {until} years before joining and after it, beside "
            "villages outside that show the same years. " + " ".join(notes)
        )
    return Balanced(panel, tuple(fits), until, (_summary(fits), *notes))


def _fit(panel: Panel, path: Ints, years: Ints, treated: Ints, outside: Ints) -> Fit | None:
    """Balance one group of villages that show the same years before."""
    control = outside[~np.isnan(panel.y[np.ix_(outside, path)]).any(axis=1)]
    if len(control) < 2:
        return None
    traits = _traits(panel, path)
    z0, z1, amount = traits[control], traits[treated], bool((panel.y[control][:, path] >= 0).all())
    spread = z0.std(axis=0)
    kept = np.flatnonzero(spread > 0)
    if len(control) <= len(kept) + 1:
        return None
    centre = z0[:, kept].mean(axis=0)
    z0, z1 = ((z[:, kept] - centre) / spread[kept] for z in (z0, z1))
    alone = independent(z0, NEARLY)
    z0, z1 = z0[:, alone], z1[:, alone]
    own = panel.unit_weight
    q1, q0 = (
        np.full(len(rows), 1 / len(rows)) if own is None else own[rows] / own[rows].sum()
        for rows in (treated, control)
    )
    target = q1 @ z1
    weight = entropy_weights(z0, target, q0) if len(treated) >= FEW else q0
    is_balanced = len(treated) >= FEW and 1 / (weight**2).sum() >= FEW
    if not is_balanced:
        weight = q0
    (line0, y0, then), (line1, y1, here) = (
        (np.column_stack([np.ones(len(z)), z]), y, (~np.isnan(y)).astype(np.float64))
        for z, y in ((z0, panel.y[np.ix_(control, years)]), (z1, panel.y[np.ix_(treated, years)]))
    )
    noise = q0 * (_precision(line0, y0) if amount else 1.0)
    width = line0.shape[1]
    # every year at once: who shows no books in it has no weight in it
    moments = (line0[:, :, None] * line0[:, None, :]).reshape(len(line0), width**2)
    mass = noise[:, None] * then
    gram = (mass.T @ moments).reshape(len(years), width, width)
    least = np.linalg.eigvalsh(gram)[:, [0, -1]]
    known = (
        (then.sum(axis=0) > width) & (here.sum(axis=0) > 0) & (least[:, 0] > SINGULAR * least[:, 1])
    )
    bread = np.linalg.inv(np.where(known[:, None, None], gram, np.eye(width)))
    beta = np.einsum("pij,pj->ip", bread, (mass * np.nan_to_num(y0)).T @ line0)
    left = y0 - line0 @ beta
    share = weight[:, None] * then
    share /= np.maximum(share.sum(axis=0), 1e-300)
    level = (share * np.nan_to_num(left)).sum(axis=0)
    effect = np.where(known, y1 - line1 @ beta - level, np.nan)
    at = (q1[:, None] * here / np.maximum(q1 @ here, 1e-300)).T @ line1
    slope = np.einsum("pij,pj->ip", bread, at - share.T @ line0)
    lever = line0 @ slope * noise[:, None]
    moved = None
    if is_collecting():  # the precision of the regression is taken as given
        rest = np.where(known & ~np.isnan(left), left, 0.0)
        counted, held = q1[:, None] * here / np.maximum(q1 @ here, 1e-300), share + lever * then
        gamma, by_weight = np.zeros_like(beta[1:]), np.zeros((len(z0), 1, 1))
        if is_balanced:
            gamma, by_weight = _reweighed(z0, target, weight, share, rest - level)
        traits1 = -counted[:, None] * beta[1:] - q1[:, None, None] * gamma
        traits0 = held[:, None] * beta[1:] - (mass * rest)[:, None] * slope[1:] + by_weight
        scale = known / spread[kept[alone], None]
        sides = (
            (treated, counted * known, traits1 * scale),
            (control, -held * known, traits0 * scale),
        )
        moved = _moved(panel, path, years, kept[alone], sides)
    pull = np.where(known, -share * (left - level) - lever * left, 0.0)
    return Fit(
        cohort=int(panel.cohort[treated[0]]),
        path=path,
        treated=treated,
        control=control,
        years=years,
        weight=weight,
        imbalance=float(np.abs(weight @ z0 - target).max(initial=0.0)),
        effect=effect,
        residual=np.where(known, left, np.nan),
        pull=np.nan_to_num(pull),
        is_balanced=bool(is_balanced),
        moved=moved,
    )


def _reweighed(
    z: Floats, target: Floats, weight: Floats, share: Floats, rest: Floats
) -> tuple[Floats, Floats]:
    """Return how the balanced mean of residuals moves with the target (C, P) and with each z."""
    # With weights ∝ exp(−z′λ) it moves with the target by the slope γ of the residuals on the
    # traits, and with a unit's own traits by its weight times γ + λ (residual − γ′z), around the
    # means.
    gap = z - target
    mean = weight @ gap
    curve = (gap * weight[:, None]).T @ gap - np.outer(mean, mean)
    gamma = np.linalg.solve(curve + RIDGE * np.eye(len(curve)), z.T @ (share * rest))
    apart = rest - (z @ gamma - (share * (z @ gamma)).sum(axis=0))
    own: Floats = share[:, None] * (gamma + (mean / RIDGE)[:, None] * apart[:, None])
    return np.asarray(gamma, dtype=np.float64), own


def _moved(
    panel: Panel,
    path: Ints,
    years: Ints,
    columns: Ints,
    sides: Sequence[tuple[Ints, Floats, Floats]],
) -> Floats:
    """Return how far each amount moves the mean effects (N, T, P), in its year and as a trait."""
    # A side has its units, the weight of their income (n, P), and what each trait moves (n, C, P).
    moved = np.zeros((*panel.y.shape, len(years)))
    for rows, direct, traits in sides:
        moved[rows[:, None], years, np.arange(len(years))] = direct
        for c, column in enumerate(columns - panel.x.shape[1]):
            if 0 <= column < len(path):
                moved[rows, path[column]] += traits[:, c]
            elif column == len(path):
                last = np.maximum(np.abs(panel.y[rows, path[-1]]), LEAST_ROOT)
                moved[rows, path[-1]] += traits[:, c] / (2 * np.sqrt(last))[:, None]
    return moved


def _traits(panel: Panel, path: Ints) -> Floats:
    """Return covariates, the path, and the root and absence of income in its last year (N, k)."""
    last = panel.y[:, path[-1]]
    root = np.sign(last) * np.sqrt(np.abs(last))
    return np.column_stack([panel.x, panel.y[:, path], root, (last == 0).astype(np.float64)])


def _precision(line: Floats, y: Floats) -> Floats:
    """Return 1/level² of the mean level since joining that plain least squares expects."""
    with np.errstate(invalid="ignore"):
        mean = np.nansum(y, axis=1) / (~np.isnan(y)).sum(axis=1)
    seen = ~np.isnan(mean)
    part = line[seen]
    level = line @ np.linalg.lstsq(part.T @ part, part.T @ mean[seen], rcond=None)[0]
    centre = float(mean[seen].mean()) if seen.any() else 0.0
    return (centre / np.maximum(level, LEAST_LEVEL * centre)) ** 2 if centre > 0 else level * 0 + 1


def _fit_notes(panel: Panel, fit: Fit, path: Ints, until: int) -> list[str]:
    """Say what was not balanced in a group of villages."""
    notes, number = [], len(fit.treated)
    lost = np.setdiff1d(path, fit.path)
    if len(lost):
        text = ", ".join(str(year) for year in panel.years[lost])
        notes.append(
            f"{number:,} villages of {fit.cohort} lack {text}: balanced on the years they show."
        )
    elif panel.years[fit.path[-1]] != fit.cohort - until:
        notes.append(
            f"No year {fit.cohort - until}: {fit.cohort} is balanced up to "
            f"{panel.years[fit.path[-1]]}."
        )
    seen = ~np.isnan(panel.y[np.ix_(fit.treated, fit.years)])
    blank = seen.any(axis=0) & np.isnan(fit.effect).all(axis=0)
    if blank.any():
        text = ", ".join(str(year) for year in panel.years[fit.years[blank]])
        notes.append(
            f"Left out, {fit.cohort} in {text}: too few villages outside show it, or they do not "
            "span the traits."
        )
    if not fit.is_balanced:
        notes.append(
            f"{number:,} villages of {fit.cohort} are too few to balance: their income is held "
            "against the regression on size and path alone."
        )
    for name, column in zip(panel.covariates, panel.x.T, strict=True):
        constant = np.unique(column[fit.control])
        if len(constant) == 1 and (column[fit.treated] != constant[0]).any():
            notes.append(f"All villages outside have {name} {constant[0]:g}: not balanced on it.")
    return notes


def _summary(fits: list[Fit]) -> str:
    """Say how many comparison villages there are in effect, and what imbalance is left."""
    balanced = [fit for fit in fits if fit.is_balanced]
    if not balanced:
        return "No group of villages was large enough to balance: regression on size and path."
    worth = [fit.n_effective for fit in balanced]
    return (
        f"Comparison villages in effect: {np.mean(worth):.0f} a group of joiners, at least "
        f"{min(worth):.0f}; largest imbalance left: "
        f"{max(fit.imbalance for fit in balanced):.2f} standard deviations."
    )
