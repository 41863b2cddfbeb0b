"""Bounds when villages are missing: Lee's trimming and the worst case."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis._frame import amounts, flags
from analysis.effects.results import Floats
from analysis.errors import LianjianError


@dataclass(frozen=True)
class Bounds:
    """An interval for an effect that missing villages leave open."""

    low: float
    high: float
    estimate: float
    method: str
    trimmed_share: float
    n_missing_treated: int
    n_missing_control: int
    notes: tuple[str, ...] = ()


def _trimmed_mean(ascending: Floats, keep: float) -> float:
    """Return the mean of the lowest ``keep`` observations, the last one counted in part."""
    whole = int(np.floor(keep + 1e-9))
    rest = keep - whole if keep - whole > 1e-9 else 0.0
    total = float(ascending[:whole].sum()) + (rest * float(ascending[whole]) if rest else 0.0)
    return total / keep


def lee_bounds(outcome: npt.ArrayLike, treated: npt.ArrayLike) -> Bounds:
    """Bound the mean effect on villages that are observed whether treated or not."""
    # With q₁ and q₀ the shares observed among treated and controls, trim the group observed more by
    # p = (q₁ − q₀)/q₁ (q₁ ≥ q₀)
    # of its highest values for the lower bound, of its lowest for the upper one.
    # Lee 2009 (DOI 10.1111/j.1467-937X.2009.00536.x), proposition 1a. Assumes that treatment moves
    # presence in one direction only and that treatment is as if random. The value at the cut counts
    # in part, so that exactly the share p is trimmed.
    y = amounts(outcome, "The outcome")
    group = flags(treated, "treated")
    if y.ndim != 1 or group.shape != y.shape:
        raise LianjianError(f"Outcome {y.shape} and treated {group.shape} differ; expected (n,).")
    seen = ~np.isnan(y)
    first, second = np.sort(y[group & seen]), np.sort(y[~group & seen])
    if not len(first) or not len(second):
        raise LianjianError(
            f"{len(first)} treated and {len(second)} control villages are observed; expected both."
        )
    shares = len(first) / group.sum(), len(second) / (~group).sum()
    share = 1 - min(shares) / max(shares)
    low, high = [], []
    for values, is_trimmed in ((first, shares[0] > shares[1]), (second, shares[1] > shares[0])):
        keep = len(values) * (1 - share) if is_trimmed else float(len(values))
        low.append(_trimmed_mean(values, keep))
        high.append(-_trimmed_mean(-values[::-1], keep))
    which = "treated" if shares[0] > shares[1] else "controls"
    return Bounds(
        low=float(low[0] - high[1]),
        high=float(high[0] - low[1]),
        estimate=float(first.mean() - second.mean()),
        method="Lee trimming",
        trimmed_share=share,
        n_missing_treated=int((group & ~seen).sum()),
        n_missing_control=int((~group & ~seen).sum()),
        notes=(
            "assumes that treatment moves presence in one direction only",
            f"observed: {shares[0]:.1%} of treated, {shares[1]:.1%} of controls; "
            + (f"{which} trimmed" if share else "nothing trimmed"),
        ),
    )
