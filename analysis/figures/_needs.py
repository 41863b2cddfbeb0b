"""What charts need of the frames that they are given, said before anything is drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from analysis._frame import amounts, need_columns, whole_years
from analysis.errors import LianjianError


@dataclass(frozen=True)
class Need:
    """Columns that a frame must have: of texts, of numbers, of numbers of which none is missing."""

    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    key: tuple[str, ...] = ()  # columns that tell rows apart; a year among them is one
    endless: tuple[str, ...] = ()  # numbers that may be infinite
    perhaps: tuple[str, ...] = ()  # numbers that a frame may have


def _need(texts: str = "", numbers: str = "", whole: str = "", key: str = "") -> Need:
    """Return a need of names that strokes part."""
    names = [tuple(filter(None, given.split("/"))) for given in (texts, numbers, whole, key)]
    ends = tuple(name for name in names[1] if name in {"low", "high"})
    rest = tuple(name for name in names[1] if name not in ends)
    return Need(names[0], rest, names[2], names[3], ends)


def _by_county(given: Mapping[str, Any]) -> Need:
    columns = given.get("columns") or [given["column"]]
    return Need(("county_code",), tuple(columns), key=("county_code", "year"))


def _by_group(given: Mapping[str, Any]) -> Need:
    return Need((given["group"],), tuple(given["columns"]), key=(given["group"], "year"))


def _each_column(given: Mapping[str, Any]) -> Need:
    return Need(whole=tuple(getattr(given["shares"], "columns", ())))


_ESTIMATES = "estimate/low/high"
_NEEDS: Mapping[tuple[str, str], Need | Callable[[Mapping[str, Any]], Need]] = {
    ("band_bars", "shares"): _each_column,
    ("composition", "means"): _need(
        whole="operating_income_wan_yuan/subsidy_income_wan_yuan/other_income_wan_yuan", key="year"
    ),
    ("county_paths", "means"): _by_county,
    ("county_small_multiples", "means"): _by_county,
    ("paths_by_group", "means"): _by_group,
    ("estimator_comparison", "tables"): _need(
        texts="is_defensible", numbers=_ESTIMATES, key="name"
    ),
    ("gain_distribution", "change"): _need(texts="role", numbers="change_wan_yuan"),
    ("leave_one_out_dots", "tables"): _need(numbers=_ESTIMATES, key="left_out"),
    ("lorenz_curves", "panels"): _need(whole="villages_pct/income_pct"),
    ("love_plot", "balance"): _need(numbers="smd_before/smd_after", key="covariate"),
    ("pair_gaps", "gaps"): _need(numbers="helper/weak/gap/joined_year", key="pair_id/year"),
    ("pair_slopes", "ends"): Need(whole=("start", "end"), key=("pair_id",), perhaps=("expected",)),
    ("power_curves", "curves"): _need(whole="effect/power/low/high", key="effect"),
    ("province_paths", "means"): _need(
        texts="qualifier", whole="value_wan_yuan", key="measure/year"
    ),
    ("reported_changes", "ends"): _need(
        texts="village/alliance/first_year/last_year/first_qualifier/last_qualifier",
        whole="first_wan/last_wan",
    ),
    ("reported_sizes", "sizes"): _need(texts="name/qualifier", whole="per_village_wan"),
    ("specification_curves", "curves"): _need(numbers=_ESTIMATES, key="specification"),
    ("transition_heat", "moves"): Need(),
    ("survival_curves", "curves"): _need(
        texts="left", numbers="low/high", whole="time/survival/censored/at_risk", key="time"
    ),
}


def read(chart: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given to a chart, with its numbers as numpy has them, or say what it lacks."""

    def part(name: str, value: Any) -> Any:
        if not isinstance(value, str) and hasattr(value, "__len__") and not len(value):
            raise LianjianError(f"{chart}: {name} is empty, so there is nothing to draw.")
        if isinstance(value, Mapping):
            return {key: part(name, inside) for key, inside in value.items()}
        if isinstance(value, tuple):
            return tuple(part(name, inside) for inside in value)
        need = _NEEDS.get((chart, name))
        if need is None or isinstance(value, Real):
            return value
        return _frame(value, need(given) if callable(need) else need)

    return {name: part(name, value) for name, value in given.items()}


def _frame(frame: pd.DataFrame, need: Need) -> pd.DataFrame:
    need_columns(frame, *need.key, *need.texts, *need.numbers, *need.whole, *need.endless)
    perhaps = [name for name in need.perhaps if name in frame]
    for name in (*need.numbers, *need.whole, *perhaps):
        missing = int(np.isnan(amounts(frame[name], name)).sum())
        if missing and name in need.whole:
            raise LianjianError(
                f"{name} is missing in {missing} rows, and cannot be drawn there. Leave these rows "
                f"out: frame.dropna(subset=[{name!r}])."
            )
    for name in need.endless:
        amounts(frame[name].replace([np.inf, -np.inf], np.nan), name)
    if "year" in need.key:
        whole_years(frame["year"])
    if need.key and (twice := frame.duplicated([*need.key])).any():
        first = ", ".join(f"{name} {frame.loc[twice, name].iloc[0]}" for name in need.key)
        raise LianjianError(
            f"{int(twice.sum())} rows repeat {' and '.join(need.key)}, first {first}; a line has "
            "one value a point. Draw means, or one group at a time."
        )
    # pandas' own types of numbers have a missing value that nothing can draw
    odd = [
        name
        for name in (*need.numbers, *need.whole, *need.endless, *perhaps)
        if isinstance(frame[name].dtype, pd.api.extensions.ExtensionDtype)
    ]
    return frame.astype(dict.fromkeys(odd, float)) if odd else frame
