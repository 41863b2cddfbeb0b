"""Rows, clusters and absorbed units made ready for clustered inference."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis._frame import amounts
from analysis.effects.inference._resampling import Floats, Ints, cluster_codes
from analysis.errors import LianjianError

RANK_TOLERANCE = 1e-9
"""A direction of the design under this share of the largest one is not there."""
FIT_TOLERANCE = 1e-12
"""Residual variation under this share of the outcome's is a perfect fit."""
FEW_EFFECTIVE = 3.0
"""With fewer equivalent clusters every clustered test is known to fail (MacKinnon & Webb 2017)."""
NOT_IDENTIFIED = (
    "The contrast is not identified: its regressor does not vary, or others determine it. Check "
    "that treated and untreated rows exist before and after."
)
PERFECT_FIT = (
    "The residuals are all zero: the outcome is constant or fitted perfectly, so its uncertainty "
    "cannot be estimated. Check the outcome column."
)
NO_SCORE = (
    "The cluster scores are all zero: no cluster leaves a residual for this contrast. Treatment "
    "may vary in one cluster only; use a randomisation test."
)


@dataclass(frozen=True)
class ClusteredSample:
    """Rows ready for clustered inference."""

    design: Floats  # (n, k)
    outcome: Floats  # (n,)
    codes: Ints  # (n,)
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
    """Return the usable rows, with unit effects absorbed."""
    x = amounts(design, "The design")
    y = amounts(outcome, "The outcome")
    if x.ndim != 2 or y.shape != x.shape[:1] or len(pd.Series(clusters)) != len(y):
        raise LianjianError(
            f"The design has shape {x.shape}, the outcome {y.shape}, the clusters "
            f"({len(pd.Series(clusters))},); expected (n, k), (n,) and (n,)."
        )
    usable = ~np.isnan(y) & ~np.isnan(x).any(axis=1)
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
    """Return a contrast as a vector: a column number stands for that coefficient."""
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


def concentration_note(mass: Floats) -> list[str]:
    """Return a note when a contrast rests on very few clusters, such as one treated cluster."""
    equivalent = float(mass.sum()) ** 2 / float(mass @ mass)
    if equivalent >= FEW_EFFECTIVE:
        return []
    note = (
        f"the contrast rests on the equivalent of {equivalent:.1f} clusters: the standard error is "
        "too small and the test unreliable; use a randomisation test instead"
    )
    return [note]
