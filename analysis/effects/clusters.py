"""Cluster-robust inference for least squares: CR1 with t(G−1), CR2 with Satterthwaite df."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from analysis.effects.inference import Floats, Ints, check_level, cluster_codes
from analysis.effects.results import Estimate
from analysis.errors import LianjianError

RANK_TOLERANCE = 1e-9
"""A direction of the design under this share of the largest one is not there."""
LEVERAGE_TOLERANCE = 1e-9
"""A direction of a cluster with 1 − leverage under this has no residual left (pseudo-inverse)."""
FIT_TOLERANCE = 1e-12
"""Residual variation under this share of the outcome's is a perfect fit."""
FEW_DF = 4.0
"""Under this the Satterthwaite approximation itself is unreliable (Tipton 2015)."""


@dataclass(frozen=True)
class ClusteredSample:
    """Rows ready for clustered inference.

    Attributes
    ----------
    design : float array, shape (n, k)
        Regressors, demeaned within the absorbed units.
    outcome : float array, shape (n,)
        The outcome, demeaned likewise.
    codes : int array, shape (n,)
        Cluster 0 … G−1 of each row.
    n_clusters, n_units : int
        G, and absorbed units (rows when nothing is absorbed).
    notes : tuple of str
        What was dropped.
    """

    design: Floats
    outcome: Floats
    codes: Ints
    n_clusters: int
    n_units: int
    notes: tuple[str, ...]


def _demean(values: Floats, codes: Ints, counts: Ints) -> Floats:
    return values - (np.bincount(codes, values, len(counts)) / counts)[codes]


def clustered_sample(
    design: npt.ArrayLike,
    outcome: npt.ArrayLike,
    clusters: npt.ArrayLike,
    absorb: npt.ArrayLike | None = None,
) -> ClusteredSample:
    """Return the usable rows, with unit effects absorbed.

    Parameters
    ----------
    design : array-like, shape (n, k)
        Regressors, with the intercept or the period dummies written out. Only effects nested in
        clusters may be absorbed: period dummies partialled out beforehand give a wrong CR2 and a
        wrong wild bootstrap.
    outcome : array-like, shape (n,)
        Outcome. Rows where it or a regressor is missing are dropped, and that is noted.
    clusters : array-like, shape (n,)
        Cluster labels.
    absorb : array-like, shape (n,), optional
        Unit labels whose fixed effects are absorbed; each unit lies in one cluster.

    Raises
    ------
    LianjianError
        Shapes differ, no row is left, one cluster, or a unit lies in two clusters.

    Examples
    --------
    >>> sample = clustered_sample([[0], [1], [0], [1]], [1, 3, 2, 6], [1, 1, 2, 2], [1, 1, 2, 2])
    >>> sample.outcome.tolist()
    [-1.0, 1.0, -2.0, 2.0]
    """
    x = np.asarray(design, dtype=float)
    y = np.asarray(outcome, dtype=float)
    if x.ndim != 2 or y.shape != x.shape[:1] or len(pd.Series(clusters)) != len(y):  # noqa: PLR2004
        raise LianjianError(
            f"The design has shape {x.shape}, the outcome {y.shape}, the clusters "
            f"({len(pd.Series(clusters))},); expected (n, k), (n,) and (n,)."
        )
    usable = np.isfinite(y) & np.isfinite(x).all(axis=1)
    notes: tuple[str, ...] = ()
    groups = pd.Series(clusters).reset_index(drop=True)
    units = None if absorb is None else pd.Series(absorb).reset_index(drop=True)
    if not usable.all():
        notes = (f"{int((~usable).sum())} of {len(y)} rows dropped: a value is missing",)
        x, y, groups = x[usable], y[usable], groups[usable]
        units = None if units is None else units[usable]
    if not len(y):
        raise LianjianError("No row has both an outcome and all regressors.")
    codes, n_clusters = cluster_codes(groups)
    if units is None:
        return ClusteredSample(x, y, codes, n_clusters, len(y), notes)
    unit_codes, labels = pd.factorize(units)
    if (unit_codes < 0).any():
        raise LianjianError(f"{int((unit_codes < 0).sum())} rows have no unit to absorb.")
    first = np.empty(len(labels), dtype=np.int64)
    first[unit_codes[::-1]] = codes[::-1]
    if (first[unit_codes] != codes).any():
        broken = labels[unit_codes[np.argmax(first[unit_codes] != codes)]]
        raise LianjianError(
            f"Unit {broken} lies in two clusters. Absorb only effects nested in clusters; write "
            "others (periods, counties) as columns of the design."
        )
    counts = np.bincount(unit_codes)
    x = np.asfortranarray(x)
    demeaned = np.empty_like(x)
    for j in range(x.shape[1]):
        demeaned[:, j] = _demean(x[:, j], unit_codes, counts)
    y = _demean(y, unit_codes, counts)
    return ClusteredSample(demeaned, y, codes, n_clusters, len(labels), notes)


def contrast_vector(contrast: int | npt.ArrayLike, k: int) -> Floats:
    """Return a contrast as a vector: a column number stands for that coefficient.

    Examples
    --------
    >>> contrast_vector(1, 3).tolist()
    [0.0, 1.0, 0.0]
    """
    if isinstance(contrast, int | np.integer):
        if not -k <= contrast < k:
            raise LianjianError(f"There is no column {contrast}: the design has {k}.")
        return np.eye(k)[contrast]
    vector = np.asarray(contrast, dtype=float)
    if vector.shape != (k,) or not np.isfinite(vector).all() or not vector.any():
        raise LianjianError(
            f"The contrast has shape {vector.shape}; expected {k} numbers, not all 0."
        )
    return vector


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
        raise LianjianError(
            "The contrast is not identified: its regressor does not vary, or others determine it. "
            "Check that treated and untreated rows exist before and after."
        )
    inverse = (basis / values[kept]) @ basis.T
    beta = inverse @ (scaled.T @ sample.outcome)
    residuals = sample.outcome - scaled @ beta
    beta += inverse @ (scaled.T @ residuals)  # one refinement: normal equations lose digits
    residuals = sample.outcome - scaled @ beta
    total = float(((sample.outcome - sample.outcome.mean()) ** 2).sum())
    if float(residuals @ residuals) <= FIT_TOLERANCE * total or total == 0:
        raise LianjianError(
            "The residuals are all zero: the outcome is constant or fitted perfectly, so its "
            "uncertainty cannot be estimated. Check the outcome column."
        )
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
    error = float(np.sqrt(variance))
    if error <= FIT_TOLERANCE * float(np.abs(fit.weights).max() * np.abs(sample.outcome).max()):
        raise LianjianError(
            "The cluster scores are all zero: no cluster leaves a residual for this contrast. "
            "Treatment may vary in one cluster only; use a randomisation test."
        )
    reach = float(stats.t.ppf((1 + level) / 2, df)) * error
    return Estimate(
        name=name,
        estimate=fit.estimate,
        std_error=error,
        low=fit.estimate - reach,
        high=fit.estimate + reach,
        p_value=float(2 * stats.t.sf(abs(fit.estimate) / error, df)),
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
    r"""Estimate a contrast with the CR1 variance and t with G−1 degrees of freedom.

    .. math:: V = \frac{G}{G-1}\,\frac{n-1}{n-k}\,
        (X'X)^{-1}\Big(\sum_g X_g'e_ge_g'X_g\Big)(X'X)^{-1}

    k counts the columns of the design, not the absorbed effects: those are nested in clusters.

    Parameters
    ----------
    design, outcome, clusters, absorb
        As for `clustered_sample`.
    contrast : int or array-like, shape (k,)
        Column number, or weights c of the coefficients: the estimate is c'b, in outcome units.
    level : float
        Confidence level.
    name : str
        Put into the record.

    Returns
    -------
    Estimate

    Raises
    ------
    LianjianError
        One cluster, contrast not identified, or no residual variation.

    Notes
    -----
    Liang & Zeger 1986 (DOI 10.1093/biomet/73.1.13); t(G−1) and the factor: Cameron & Miller 2015
    (DOI 10.3368/jhr.50.2.317), eq. 11–12. With few or unequal clusters prefer `cr2` or the wild
    bootstrap.

    Examples
    --------
    Mean of 1, 3, 5, 7 in clusters {1, 3} and {5, 7}: cluster sums of residuals are ∓4, so
    V = 2 · (16 + 16) / 16 = 4.

    >>> result = cr1([[1], [1], [1], [1]], [1, 3, 5, 7], [1, 1, 2, 2], 0)
    >>> result.estimate, round(result.std_error, 12), result.df
    (4.0, 2.0, 1.0)
    """
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
    r"""Estimate a contrast with the bias-reduced CR2 variance and Satterthwaite df.

    .. math:: V = \sum_g (p_g'e_g)^2, \quad p_g = A_g X_g (X'X)^{-1}c, \quad
        A_g = \big(I - X_g (X'X)^{-1} X_g'\big)^{+1/2}

    With independent homoskedastic errors as the working model, q_g = (I−H)_{·g} p_g and

    .. math:: df = \Big(\sum_g q_g'q_g\Big)^2 \Big/ \sum_{g,h} (q_g'q_h)^2 .

    Parameters
    ----------
    design, outcome, clusters, contrast, absorb, level, name
        As for `cr1`.

    Returns
    -------
    Estimate
        Notes say so when df is under 4.

    Raises
    ------
    LianjianError
        As for `cr1`.

    Notes
    -----
    Bell & McCaffrey 2002 (Survey Methodology 28(2), 169–181); Pustejovsky & Tipton 2018
    (DOI 10.1080/07350015.2016.1247004): eq. 11 for the generalised inverse, sec. 3.2 and theorem 2
    for absorbed effects, which leave V and df as with dummies when the effects are nested in
    clusters. A_g is never formed: only the k directions of X_g differ from the identity, so a
    cluster of 100,000 rows costs no more than a thin decomposition.

    Examples
    --------
    Mean of 1, 3, 5, 7 in clusters {1, 3} and {5, 7}: each cluster has leverage 1/2, so
    V = (16 + 16) / (16 · 1/2) = 4, and the two cluster scores are opposite: df = 1.

    >>> result = cr2([[1], [1], [1], [1]], [1, 3, 5, 7], [1, 1, 2, 2], 0)
    >>> round(result.std_error, 12), round(result.df, 12)
    (2.0, 1.0)
    """
    check_level(level)
    sample = clustered_sample(design, outcome, clusters, absorb)
    fit = _fit(sample, contrast_vector(contrast, sample.design.shape[1]))
    order = np.argsort(sample.codes, kind="stable")
    ends = np.cumsum(np.bincount(sample.codes, minlength=sample.n_clusters))
    groups = np.split(order, ends[:-1])
    values, vectors = np.linalg.eigh(fit.bread)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    variance = 0.0
    lengths = np.empty(sample.n_clusters)  # p_g'p_g
    loadings = np.empty((sample.n_clusters, root.shape[1]))  # root' X_g' p_g
    for g, rows in enumerate(groups):
        x = sample.design[rows]
        # the k directions in which I − X_g (X'X)⁻¹ X_g' differs from the identity
        left, singular, _ = np.linalg.svd(x @ root, full_matrices=False)
        room = 1 - singular**2
        adjust = np.where(room > LEVERAGE_TOLERANCE, 1 / np.sqrt(np.where(room > 0, room, 1)), 0.0)
        aimed = x @ fit.weights
        p = aimed + left @ ((adjust - 1) * (left.T @ aimed))
        variance += float(p @ fit.residuals[rows]) ** 2
        lengths[g] = p @ p
        loadings[g] = (p @ x) @ root
    shared = (loadings**2).sum(axis=1)
    gram = loadings.T @ loadings
    trace = float((lengths - shared).sum())
    square = float((lengths**2).sum() - 2 * (lengths * shared).sum() + (gram**2).sum())
    df = trace**2 / square if square > 0 else float("nan")
    if not np.isfinite(df) or trace <= 0:
        raise LianjianError(
            "No cluster leaves a residual for this contrast: treatment varies in one cluster only. "
            "Use a randomisation test."
        )
    words = [name, f"cluster-robust CR2, Satterthwaite t({df:.2f})"]
    if df < FEW_DF:
        words.append(f"{df:.2f} degrees of freedom: under {FEW_DF:g} the approximation is rough")
    return _record(sample, fit, variance=variance, df=df, level=level, words=words)
