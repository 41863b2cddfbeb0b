"""Who stands behind a number: villages, weights, measures and years, found again by the number.

Rooms that make numbers keep what they know of them here, and whoever lets numbers out asks. Outside
``collecting`` nothing is kept, so that a notebook at the desk pays nothing.
"""

import base64
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

_FAR = 1e15
"""More yuan than any village has, in place of infinity, for which JSON has no number."""

Key = tuple[str, int]
"""A measure and a year."""

Rule = Literal[
    "amount",
    "order",
    "estimate",
    "ratio",
    "difference",
    "test",
    "interval",
    "count",
    "share",
    "single",
    "inside",
    "public",
]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a number stands on.

    ``weights`` holds, by measure and year, the derivative of the number by each village's amount in
    yuan. A ratio and a difference stand on two other numbers instead, a count on the villages in
    it and a share on those in it and around it, a p-value and an interval of t on an estimate and
    its error; a single is one village's own, whatever it was computed from, and what is inside
    stays so.
    """

    rule: Rule
    villages: int
    weights: Mapping[Key, pd.Series] = field(default_factory=dict)
    parents: tuple["Evidence", ...] = ()
    parent_values: tuple[float, ...] = ()
    scale: float = 1.0  # a ratio is scale · a / b + offset, an end of an interval a + scale · b
    offset: float = 0.0
    of: int = 0  # a share: how many it is of
    side: int = 0  # −1 the lower end of an interval, 1 the upper one: rounded outwards
    error: float = float("nan")  # its standard error: a step of more than that leaves nothing
    df: float = float("nan")  # and its residual degrees of freedom
    # a share: between which amounts each village stays where it is, in or out by ``weights``
    stays: Mapping[Key, tuple[pd.Series, pd.Series]] = field(default_factory=dict)
    instead: float = float("nan")  # what may leave for it, as the mean of the ten about a median
    why: str = ""  # what is inside stays so for this reason; what is public is so at this address


_kept: dict[str, list[Evidence]] | None = None
_books: list[Callable[[], pd.DataFrame]] = []
_published: list[Callable[[], frozenset[str]]] = []
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


def publish(tables: Callable[[], Iterable[pd.DataFrame]]) -> None:
    """Let the numbers of these tables pass: they are published, where no book of a ledger is."""
    _published.append(cache(lambda: frozenset(_hexes(tables()))))


def _hexes(tables: Iterable[pd.DataFrame]) -> Iterator[str]:
    for table in tables:
        for column in table.select_dtypes("float"):
            yield from (value.hex() for value in table[column].dropna().tolist())


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
        own = panel[["village_id", "year"]].assign(amount=panel[values.name])
        for year, rows in own.groupby("year"):
            amounts = rows.set_index("village_id")["amount"].reindex(known.index)
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


def stays_inside(why: str, *values: float) -> None:
    """Keep why numbers stay inside, of those that nothing else is known of."""
    for value in values if is_collecting() else ():
        if not find(value):
            keep(value, Evidence("inside", 0, why=why))


def find(value: float) -> list[Evidence]:
    """Return all that was kept of a number; several where different numbers came out equal."""
    if _kept is None:
        return []
    key = float(value).hex()
    if key not in _kept and any(key in numbers() for numbers in _published):
        return [Evidence("public", 0, why="reference")]
    return _kept.get(key, [])


def mean_of(values: pd.Series, measure: str, year: int, scale: float) -> Evidence:
    """Return what a mean stands on; ``values`` are amounts by village, missing ones left out."""
    known = values.index[values.notna()]
    weight = pd.Series(scale / max(len(known), 1), index=known)
    return Evidence("amount", len(known), {(measure, year): weight})


def share_of(
    is_in: pd.Series, stays: Mapping[Key, tuple[pd.Series, pd.Series]], scale: float
) -> Evidence:
    """Return what a share stands on: who is in, and between which amounts each stays there.

    Without end is as far as no amount goes.
    """
    known = {
        key: (low.clip(lower=-_FAR).astype(float), high.clip(upper=_FAR).astype(float))
        for key, (low, high) in stays.items()
    }
    weights = {key: is_in.astype(float) for key in known}
    inside, of = int(is_in.sum()), len(is_in)
    return Evidence("share", inside, weights, of=of, scale=scale, stays=known)


def window(values: pd.Series, at: float, measure: str, year: int, scale: float) -> Evidence:
    """Return what a quantile stands on: the ten amounts around it, or at its end."""
    ordered = values.dropna().sort_values(kind="stable")
    width = min(10, len(ordered))
    start = math.floor(at * (len(ordered) - 1) - (width - 1) / 2)
    start = min(max(start, 0), len(ordered) - width)
    around = ordered.iloc[start : start + width]
    weights = {(measure, year): pd.Series(scale / width, index=around.index)}
    return Evidence("order", width, weights, instead=float(around.mean()) * scale)


def packed(found: Mapping[str, list[Evidence]]) -> dict[str, Any]:
    """Return evidence by number as JSON: groups of villages and their weights once, by name."""
    groups: dict[str, list[Any] | str] = {}

    def group(of: list[Any] | str) -> str:
        name = hashlib.sha256("\n".join(map(str, of)).encode()).hexdigest()[:16]
        groups[name] = of
        return name

    def one(stands: Evidence) -> dict[str, Any]:
        told = {item.name: getattr(stands, item.name) for item in fields(Evidence)}
        told["weights"] = [
            [
                measure,
                year,
                group(weight.index.tolist()),
                group(_thin(weight.tolist(), stands.rule)),
            ]
            for (measure, year), weight in stands.weights.items()
        ]
        told["stays"] = [
            [*key, group(ends[0].index.tolist()), *(group(_thin(end.tolist())) for end in ends)]
            for key, ends in stands.stays.items()
        ]
        told["parents"] = [one(parent) for parent in stands.parents]
        return {name: _plain(value) for name, value in told.items()}

    return {"numbers": {key: [one(e) for e in each] for key, each in found.items()}, "of": groups}


_FLOATS = ("scale", "offset", "error", "df", "instead")


def unpacked(said: Mapping[str, Any]) -> dict[str, list[Evidence]]:
    """Return evidence by number from its JSON."""
    made: dict[tuple[str, str], pd.Series] = {}
    groups = cache(lambda ids: pd.Index(said["of"][ids]))

    def series(ids: str, pulls: str) -> pd.Series:
        if (ids, pulls) not in made:
            pull = said["of"][pulls]
            if isinstance(pull, str):
                pull = np.frombuffer(base64.b64decode(pull), "<f4").astype(np.float64)
            made[ids, pulls] = pd.Series(pull if len(pull) > 1 else float(pull[0]), groups(ids))
        return made[ids, pulls]

    def one(told: Mapping[str, Any]) -> Evidence:
        weights = {(name, year): series(*of) for name, year, *of in told["weights"]}
        stays = {
            (name, year): (series(ids, low), series(ids, high))
            for name, year, ids, low, high in told["stays"]
        }
        more = {name: float(told[name]) for name in _FLOATS}
        return Evidence(
            told["rule"],
            told["villages"],
            weights,
            tuple(map(one, told["parents"])),
            tuple(map(float, told["parent_values"])),
            of=told["of"],
            side=told["side"],
            stays=stays,
            why=told["why"],
            **more,
        )

    return {key: [one(each) for each in told] for key, told in said["numbers"].items()}


def _thin(weights: list[float], rule: Rule = "amount") -> list[float] | str:
    """Return weights to nine digits, one for all where they are the same; of estimates to seven.

    An estimate has many weights that differ, which are packed in four bytes each.
    """
    short = [float(f"{weight:.9g}") for weight in weights]
    if len(set(short)) == 1:
        return short[:1]
    if rule == "estimate":
        return base64.b64encode(np.array(short, "<f4").tobytes()).decode()
    return short


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON)
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
