"""How estimators do where the truth is known: bias, spread, coverage, rejection."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.effects.panel import Panel
from analysis.effects.power import PanelEstimator
from analysis.errors import LianjianError

Draw = Callable[[int], tuple[Mapping[str, Panel], float]]


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Estimates over many draws of a process with a known truth.

    Attributes
    ----------
    runs : DataFrame
        One row a seed and method: ``seed, method, truth, estimate, std_error, low, high,
        p_value``; numbers missing and ``reason`` filled where the estimator refused.
    failed : mapping of int to str
        Seeds that gave no data, and why.
    """

    runs: pd.DataFrame
    failed: Mapping[int, str]

    def summary(self, size: float = 0.05) -> pd.DataFrame:
        """Return one row a method.

        Parameters
        ----------
        size : float
            Level of the tests.

        Returns
        -------
        DataFrame
            ``draws, refused, truth`` (mean), ``bias`` and ``bias_error`` (its Monte Carlo standard
            error), ``bias_pct`` of the truth (missing when that is 0), ``spread`` (deviation of
            estimate − truth), ``mean_std_error, rmse``, ``coverage_pct`` and its
            ``coverage_error``: intervals that hold the draw's truth; ``coverage_mean_pct``: those
            that hold the mean truth of all draws, what treated clusters gain at large; and
            ``rejects_pct``: draws with p ≤ ``size``, the size of the test when the truth is 0,
            else its power.

        Notes
        -----
        Where effects differ between clusters, a clustered standard error allows for drawing other
        clusters: it is made for the mean truth, and covers the draw's own truth too often.

        Examples
        --------
        Estimates 1 and 3 of the truth 2: no bias, spread √2.

        >>> runs = pd.DataFrame({"seed": [0, 1], "method": "x", "truth": 2.0,
        ...     "estimate": [1.0, 3.0], "std_error": 1.0, "low": [0.0, 2.5], "high": [2.0, 4.5],
        ...     "p_value": [0.3, 0.01]})
        >>> table = MonteCarlo(runs, {}).summary()
        >>> table[["bias", "spread", "coverage_pct", "rejects_pct"]].round(4).iloc[0].tolist()
        [0.0, 1.4142, 50.0, 50.0]
        """
        rows: dict[object, dict[str, float]] = {}
        for method, part in self.runs.groupby("method", sort=False):
            known = part.dropna(subset=["estimate"])
            gap = (known["estimate"] - known["truth"]).to_numpy(float)
            n, truth = len(known), float(known["truth"].mean())
            if not n:
                rows[method] = {"draws": 0, "refused": len(part)}
                continue
            covered = known["low"].le(known["truth"]) & known["truth"].le(known["high"])
            share = float(covered.mean())
            spread = float(gap.std(ddof=1)) if n > 1 else float("nan")
            rows[method] = {
                "draws": n,
                "refused": len(part) - n,
                "truth": truth,
                "bias": float(gap.mean()),
                "bias_error": spread / np.sqrt(n),
                "bias_pct": 100 * float(gap.mean()) / truth if truth else float("nan"),
                "spread": spread,
                "mean_std_error": float(known["std_error"].mean()),
                "rmse": float(np.sqrt((gap**2).mean())),
                "coverage_pct": 100 * share,
                "coverage_error": 100 * float(np.sqrt(share * (1 - share) / n)),
                "coverage_mean_pct": 100
                * float((known["low"].le(truth) & known["high"].ge(truth)).mean()),
                "rejects_pct": 100 * float((known["p_value"] <= size).mean()),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def monte_carlo(
    draw: Draw, methods: Mapping[str, tuple[str, PanelEstimator]], seeds: Iterable[int]
) -> MonteCarlo:
    """Run estimators on draws of a process whose truth is known.

    Parameters
    ----------
    draw : callable
        From a seed to panels by name, and the truth in the unit of their outcome.
    methods : mapping of str to (str, callable)
        Name of a method: which panel it takes, and the estimator.
    seeds : iterable of int
        One draw each. A seed that ends in a LianjianError is counted, not replaced.

    Raises
    ------
    LianjianError
        Every seed failed.

    Notes
    -----
    Morris, White & Crowther 2019, Statistics in Medicine 38(11) (DOI 10.1002/sim.8086), for the
    measures and their Monte Carlo errors.

    Examples
    --------
    >>> from analysis.effects.results import Estimate
    >>> def off_by_one(panel):
    ...     return Estimate("x", 3.0, 1.0, 1.0, 5.0, 0.01, 0.95, 9, 9, 9, 9, "by hand")
    >>> study = monte_carlo(lambda _: ({"all": None}, 2.0), {"x": ("all", off_by_one)}, range(4))
    >>> study.summary()[["bias", "bias_pct", "coverage_pct", "rejects_pct"]].iloc[0].tolist()
    [1.0, 50.0, 100.0, 100.0]
    """
    rows: list[dict[str, object]] = []
    failed = {}
    for seed in seeds:
        try:
            panels, truth = draw(seed)
        except LianjianError as error:
            failed[seed] = str(error)
            continue
        for name, (which, estimator) in methods.items():
            row: dict[str, object] = {"seed": seed, "method": name, "truth": truth}
            try:
                e = estimator(panels[which])
            except LianjianError as error:
                rows.append({**row, "estimate": np.nan, "reason": str(error)})
                continue
            rows.append({**row, "estimate": e.estimate, "std_error": e.std_error, "low": e.low,
                         "high": e.high, "p_value": e.p_value, "reason": ""})  # fmt: skip
    if not rows:
        first = next(iter(failed.values()), "no seed was given")
        raise LianjianError(f"No draw gave data: {first}")
    return MonteCarlo(pd.DataFrame(rows), failed)
