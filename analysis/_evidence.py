"""Who stands behind a number: villages, weights, measures and years, found again by the number.

Rooms that make numbers keep what they know of them here, and whoever lets numbers out asks. Outside
``collecting`` nothing is kept, so that a notebook at the desk pays nothing.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
import pandas as pd

Key = tuple[str, int]
"""A measure and a year."""

Rule = Literal["amount", "order", "estimate", "ratio", "difference", "count", "share", "single"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a number stands on.

    ``weights`` holds, by measure and year, the derivative of the number by each village's amount in
    yuan. A ratio and a difference stand on two other numbers instead, a count on the villages in
    it and a share on those in it and around it; a single is one village's own, whatever it was
    computed from.
    """

    rule: Rule
    villages: int
    weights: Mapping[Key, pd.Series] = field(default_factory=dict)
    parents: tuple["Evidence", ...] = ()
    parent_values: tuple[float, ...] = ()
    scale: float = 1.0  # a ratio is scale · a / b + offset
    offset: float = 0.0
    of: int = 0  # a share: how many it is of
    error: float = float("nan")  # an estimate's standard error
    df: float = float("nan")  # and its residual degrees of freedom


_kept: dict[str, list[Evidence]] | None = None


@contextmanager
def collecting() -> Iterator[dict[str, list[Evidence]]]:
    """Keep evidence of every number made within."""
    global _kept  # noqa: PLW0603  (one book a process, as there is one kernel)
    before, _kept = _kept, {}
    try:
        yield _kept
    finally:
        _kept = before


def begin() -> None:
    """Keep evidence from now on, as a process does that has loaded a ledger."""
    global _kept  # noqa: PLW0603
    _kept = {} if _kept is None else _kept


def is_collecting() -> bool:
    """Whether someone wants evidence, so that a room may spare itself the work."""
    return _kept is not None


def keep(value: float, evidence: Evidence) -> None:
    """Remember what a number stands on."""
    if _kept is not None and np.isfinite(value):
        _kept.setdefault(float(value).hex(), []).append(evidence)


def find(value: float) -> list[Evidence]:
    """Return all that was kept of a number; several where different numbers came out equal."""
    return [] if _kept is None else _kept.get(float(value).hex(), [])


def mean_of(values: pd.Series, measure: str, year: int, scale: float) -> Evidence:
    """Return what a mean stands on; ``values`` are amounts by village, missing ones left out."""
    known = values.index[values.notna()]
    weight = pd.Series(scale / max(len(known), 1), index=known)
    return Evidence("amount", len(known), {(measure, year): weight})


def window(values: pd.Series, at: float, measure: str, year: int, scale: float) -> Evidence:
    """Return what a quantile stands on: the ten amounts around it, or at its end."""
    ordered = values.dropna().sort_values(kind="stable")
    width = min(10, len(ordered))
    start = math.floor(at * (len(ordered) - 1) - (width - 1) / 2)
    start = min(max(start, 0), len(ordered) - width)
    around = ordered.index[start : start + width]
    return Evidence("order", width, {(measure, year): pd.Series(scale / width, index=around)})


def packed(found: Mapping[str, list[Evidence]]) -> dict[str, Any]:
    """Return evidence by number as JSON: villages once, groups of them by name."""
    groups: dict[str, list[str]] = {}

    def group(ids: list[str]) -> str:
        name = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
        groups[name] = ids
        return name

    def one(stands: Evidence) -> dict[str, Any]:
        told = {item.name: getattr(stands, item.name) for item in fields(Evidence)}
        told["weights"] = [
            [measure, year, group(weight.index.tolist()), _thin(weight.tolist())]
            for (measure, year), weight in stands.weights.items()
        ]
        told["parents"] = [one(parent) for parent in stands.parents]
        return {name: _plain(value) for name, value in told.items()}

    return {"numbers": {key: [one(e) for e in each] for key, each in found.items()}, "of": groups}


def unpacked(said: Mapping[str, Any]) -> dict[str, list[Evidence]]:
    """Return evidence by number from its JSON."""

    def one(told: Mapping[str, Any]) -> Evidence:
        weights = {}
        for measure, year, name, pull in told["weights"]:
            ids = said["of"][name]
            weights[measure, year] = pd.Series(pull if isinstance(pull, list) else float(pull), ids)
        more = {name: float(told[name]) for name in ("scale", "offset", "error", "df")}
        return Evidence(
            told["rule"],
            told["villages"],
            weights,
            tuple(map(one, told["parents"])),
            tuple(map(float, told["parent_values"])),
            of=told["of"],
            **more,
        )

    return {key: [one(each) for each in told] for key, told in said["numbers"].items()}


def _thin(weights: list[float]) -> float | list[float]:
    """Return weights, one for all where they are the same."""
    return weights[0] if len(set(weights)) == 1 else weights


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON)
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
