"""Who stands behind a number: villages, weights, measures and years, found again by the number.

Rooms that make numbers keep what they know of them here, and whoever lets numbers out asks. Outside
``collecting`` nothing is kept, so that a notebook at the desk pays nothing.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    side: int = 0  # −1 the lower end of an interval, 1 the upper one: rounded outwards
    error: float = float("nan")  # an estimate's standard error
    df: float = float("nan")  # and its residual degrees of freedom


_kept: dict[str, list[Evidence]] | None = None
_books: list[Callable[[], pd.DataFrame]] = []
_paused = 0


@contextmanager
def collecting(panel: pd.DataFrame | None = None) -> Iterator[dict[str, list[Evidence]]]:
    """Keep evidence of every number made within, of the books in a panel."""
    global _kept
    before, _kept = _kept, {}
    books, _books[:] = [*_books], [] if panel is None else [lambda: panel]
    try:
        yield _kept
    finally:
        _kept, _books[:] = before, books


@contextmanager
def paused() -> Iterator[None]:
    """Keep nothing of what is made within, such as estimates for placebo alliances."""
    global _paused  # noqa: PLW0603
    _paused += 1
    try:
        yield
    finally:
        _paused -= 1


def begin(panel: Callable[[], pd.DataFrame]) -> None:
    """Keep evidence from now on, as a process does that has loaded a ledger with this panel."""
    global _kept  # noqa: PLW0603
    _kept = {} if _kept is None else _kept
    _books.append(panel)


def is_collecting() -> bool:
    """Whether someone wants evidence, so that a room may spare itself the work."""
    return _kept is not None and not _paused


def source_of(values: object) -> Key | None:
    """Return of which measure and year these are the amounts by village; None of other numbers."""
    if not isinstance(values, pd.Series):
        return None
    known = values.dropna()
    for panel in (read() for read in _books):
        if values.name not in panel or known.empty or not known.index.is_unique:
            continue
        for year, rows in panel.groupby("year"):
            amounts = rows.set_index("village_id")[values.name].reindex(known.index)
            if (amounts == known).fillna(value=False).all():
                return str(values.name), int(str(year))
    return None


def keep(value: float, evidence: Evidence) -> None:
    """Remember what a number stands on."""
    if is_collecting() and _kept is not None and np.isfinite(value):
        _kept.setdefault(float(value).hex(), []).append(evidence)


def keep_sum(
    value: float, parts: Iterable[tuple[float, float]], villages: int, rule: Rule = "amount"
) -> None:
    """Keep what Σ factor · number stands on, where it is known of each number."""
    if not is_collecting():
        return
    weights: dict[Key, pd.Series] = {}
    for factor, number in parts:
        stands = next((one for one in find(number) if one.weights), None)
        if stands is None:
            return
        for key, pull in stands.weights.items():
            more = pull * factor
            weights[key] = weights[key].add(more, fill_value=0.0) if key in weights else more
    keep(value, Evidence(rule, villages, weights))


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
    """Return evidence by number as JSON: groups of villages and their weights once, by name."""
    groups: dict[str, list[Any]] = {}

    def group(of: list[Any]) -> str:
        name = hashlib.sha256("\n".join(map(str, of)).encode()).hexdigest()[:16]
        groups[name] = of
        return name

    def one(stands: Evidence) -> dict[str, Any]:
        told = {item.name: getattr(stands, item.name) for item in fields(Evidence)}
        told["weights"] = [
            [measure, year, group(weight.index.tolist()), group(_thin(weight.tolist()))]
            for (measure, year), weight in stands.weights.items()
        ]
        told["parents"] = [one(parent) for parent in stands.parents]
        return {name: _plain(value) for name, value in told.items()}

    return {"numbers": {key: [one(e) for e in each] for key, each in found.items()}, "of": groups}


def unpacked(said: Mapping[str, Any]) -> dict[str, list[Evidence]]:
    """Return evidence by number from its JSON."""

    def one(told: Mapping[str, Any]) -> Evidence:
        weights = {}
        for measure, year, name, pulls in told["weights"]:
            ids, pull = said["of"][name], said["of"][pulls]
            weights[measure, year] = pd.Series(pull if len(pull) > 1 else float(pull[0]), ids)
        more = {name: float(told[name]) for name in ("scale", "offset", "error", "df")}
        return Evidence(
            told["rule"],
            told["villages"],
            weights,
            tuple(map(one, told["parents"])),
            tuple(map(float, told["parent_values"])),
            of=told["of"],
            side=told["side"],
            **more,
        )

    return {key: [one(each) for each in told] for key, told in said["numbers"].items()}


def _thin(weights: list[float]) -> list[float]:
    """Return weights to nine digits, one for all where they are the same."""
    short = [float(f"{weight:.9g}") for weight in weights]
    return short[:1] if len(set(short)) == 1 else short


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON)
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
