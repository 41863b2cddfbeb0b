"""Cluster-robust inference for least squares: CR1 with t(G−1), CR2 with Satterthwaite df."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy

from analysis.effects.inference._resampling import Floats, check_level
from analysis.effects.inference._sample import (
    FIT_TOLERANCE,
    NO_SCORE,
    NOT_IDENTIFIED,
    PERFECT_FIT,
    RANK_TOLERANCE,
    ClusteredSample,
    clustered_sample,
    concentration_note,
    contrast_vector,
)
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

LEVERAGE_TOLERANCE = 1e-9
"""A direction of a cluster with 1 − leverage under this has no residual left (pseudo-inverse)."""
FEW_DF = 4.0
"""Under this the Satterthwaite approximation itself is unreliable (Tipton 2015)."""


@dataclass(frozen=True)
class _Fit:
    bread: Floats  # (k, k) pseudo-inverse of X'X
    rank: int
    weights: Floats  # (k,) bread @ contrast
    estimate: float
    residuals: Floats  # (n,)


def _fit(sample: ClusteredSample, contrast: Floats) -> _Fit:
    scale = np.sqrt((sample.design**2).sum(axis=0))
    scale[scale == 0] = 1
    scaled = sample.design / scale
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    kept = values > RANK_TOLERANCE * values.max()
    aim = contrast / scale
    basis = vectors[:, kept]
    if not kept.any() or np.linalg.norm(aim - basis @ (basis.T @ aim)) > 1e-6 * np.linalg.norm(aim):
        raise LianjianError(NOT_IDENTIFIED)
    inverse = (basis / values[kept]) @ basis.T
    beta = inverse @ (scaled.T @ sample.outcome)
    residuals = sample.outcome - scaled @ beta
    beta += inverse @ (scaled.T @ residuals)  # one refinement: normal equations lose digits
    residuals = sample.outcome - scaled @ beta
    total = float(((sample.outcome - sample.outcome.mean()) ** 2).sum())
    if float(residuals @ residuals) <= FIT_TOLERANCE * total or total == 0:
        raise LianjianError(PERFECT_FIT)
    bread = inverse / np.outer(scale, scale)
    return _Fit(bread, int(kept.sum()), bread @ contrast, float(aim @ beta), residuals)


def _record(
    sample: ClusteredSample,
    fit: _Fit,
    *,
    variance: float,
    df: float,
    level: float,
    words: list[str],
) -> Estimate:
    """Turn an estimate and its variance into the record; ``words`` are name, inference, notes."""
    name, inference, *notes = words
    mass = np.bincount(sample.codes, (sample.design @ fit.weights) ** 2, sample.n_clusters)
    notes += concentration_note(mass.astype(np.float64))
    error = float(np.sqrt(variance))
    if error <= FIT_TOLERANCE * float(np.abs(fit.weights).max() * np.abs(sample.outcome).max()):
        raise LianjianError(NO_SCORE)
    reach = float(scipy.stats.t.ppf((1 + level) / 2, df)) * error
    return Estimate(
        name=name,
        estimate=fit.estimate,
        std_error=error,
        low=fit.estimate - reach,
        high=fit.estimate + reach,
        p_value=float(2 * scipy.stats.t.sf(abs(fit.estimate) / error, df)),
        level=level,
        df=df,
        n_obs=len(sample.outcome),
        n_units=sample.n_units,
        n_clusters=sample.n_clusters,
        inference=inference,
        notes=sample.notes + tuple(notes),
    )


def cr1(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    clusters: npt.ArrayLike,
    contrast: int | npt.ArrayLike,
    *,
    absorb: npt.ArrayLike | None = None,
    level: float = 0.95,
    name: str = "least squares",
) -> Estimate:
    """Estimate a contrast with the CR1 variance and t with G−1 degrees of freedom."""
    # Liang & Zeger 1986 (DOI 10.1093/biomet/73.1.13); Cameron & Miller 2015 (DOI
    # 10.3368/jhr.50.2.317), eq. 11–12. k counts the columns of the design, not absorbed effects.
    check_level(level)
    sample = clustered_sample(design, outcome, clusters, absorb)
    fit = _fit(sample, contrast_vector(contrast, sample.design.shape[1]))
    n, groups = len(sample.outcome), sample.n_clusters
    if n <= fit.rank:
        raise LianjianError(f"{n} rows cannot carry {fit.rank} coefficients.")
    scores = np.bincount(sample.codes, (sample.design @ fit.weights) * fit.residuals, groups)
    variance = groups / (groups - 1) * (n - 1) / (n - fit.rank) * float(scores @ scores)
    words = [name, f"cluster-robust CR1, t({groups - 1})"]
    return _record(sample, fit, variance=variance, df=float(groups - 1), level=level, words=words)


def cr2(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    clusters: npt.ArrayLike,
    contrast: int | npt.ArrayLike,
    *,
    absorb: npt.ArrayLike | None = None,
    level: float = 0.95,
    name: str = "least squares",
) -> Estimate:
    """Estimate a contrast with the bias-reduced CR2 variance and Satterthwaite df."""
    # Bell & McCaffrey 2002 (Survey Methodology 28(2), 169–181); Pustejovsky & Tipton 2018 (DOI
    # 10.1080/07350015.2016.1247004): eq. 11 for the generalised inverse, sec. 3.2 and theorem 2 for
    # absorbed effects, which leave V and df as with dummies when they are nested in clusters.
    check_level(level)
    sample = clustered_sample(design, outcome, clusters, absorb)
    fit = _fit(sample, contrast_vector(contrast, sample.design.shape[1]))
    values, vectors = np.linalg.eigh(fit.bread)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    order = np.argsort(sample.codes, kind="stable")
    turned = sample.design[order] @ root
    ends = np.cumsum(np.bincount(sample.codes, minlength=sample.n_clusters)).tolist()
    grams = np.empty((sample.n_clusters, *root.shape))
    scores = np.empty(grams.shape[:2])
    residuals = fit.residuals[order]
    for g, (start, end) in enumerate(pairwise([0, *ends])):
        rows = turned[start:end]
        grams[g], scores[g] = rows.T @ rows, residuals[start:end] @ rows
    # I − X_g (X'X)⁻¹ X_g' differs from the identity in the k directions of X_g only
    leverage, directions = np.linalg.eigh(grams)
    room = 1 - leverage
    adjust = np.where(room > LEVERAGE_TOLERANCE, 1 / np.sqrt(np.where(room > 0, room, 1)), 0.0)
    aim = np.einsum("gji,j->gi", directions, root.T @ contrast_vector(contrast, len(root)))
    inner = np.einsum("gij,gj->gi", directions, adjust * aim)  # p_g = X_g root inner_g
    variance = float((np.einsum("gi,gi->g", inner, scores) ** 2).sum())
    loadings = np.einsum("gij,gj->gi", grams, inner)  # root' X_g' p_g
    lengths = np.einsum("gi,gi->g", inner, loadings)  # p_g'p_g
    shared = (loadings**2).sum(axis=1)
    gram = loadings.T @ loadings
    trace = float((lengths - shared).sum())
    square = float((lengths**2).sum() - 2 * (lengths * shared).sum() + (gram**2).sum())
    df = trace**2 / square if square > 0 else float("nan")
    if not np.isfinite(df) or trace <= 0:
        raise LianjianError(NO_SCORE)
    words = [name, f"cluster-robust CR2, Satterthwaite t({df:.2f})"]
    if df < FEW_DF:
        words.append(f"{df:.2f} degrees of freedom: under {FEW_DF:g} the approximation is rough")
    return _record(sample, fit, variance=variance, df=df, level=level, words=words)
