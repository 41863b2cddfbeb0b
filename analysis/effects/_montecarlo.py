"""How estimators do where the truth is known: bias, spread, coverage, rejection."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis._evidence import paused
from analysis.effects.panel import Panel
from analysis.effects.power import PanelEstimator
from analysis.errors import LianjianError

Draw = Callable[[int], tuple[Mapping[str, Panel], float]]


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """Estimates over many draws of a process with a known truth."""

    runs: pd.DataFrame
    failed: Mapping[int, str]

    def summary(self, size: float = 0.05) -> pd.DataFrame:
        """Return one row a method."""
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
    """Run estimators on draws of a process whose truth is known."""
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
                with paused():
                    e = estimator(panels[which])
            except LianjianError as error:
                rows.append({**row, "estimate": np.nan, "reason": str(error)})
                continue
            rows.append(
                {
                    **row,
                    "estimate": e.estimate,
                    "std_error": e.std_error,
                    "low": e.low,
                    "high": e.high,
                    "p_value": e.p_value,
                    "reason": "",
                }
            )
    if not rows:
        first = next(iter(failed.values()), "no seed was given")
        raise LianjianError(f"No draw gave data: {first}")
    return MonteCarlo(pd.DataFrame(rows), failed)
