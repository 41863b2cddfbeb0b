"""Who stands behind a number: villages, weights, measures and years, found again by the number.

Rooms that make numbers keep what they know of them here, and whoever lets numbers out asks. Outside
``collecting`` nothing is kept, so that a notebook at the desk pays nothing.
"""

import base64
import hashlib
import json
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

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
class Where:
    """Who is in: of whom Σ factor · amount lies from ``low`` up to, but not at, ``high``.

    The ends are in yuan, one for all or one a village.
    """

    factors: Mapping[Key, float]
    low: float | pd.Series = -math.inf
    high: float | pd.Series = math.inf


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a number stands on.

    ``weights`` holds, by measure and year, the derivative of the number by each village's amount in
    yuan. A ratio and a difference stand on two other numbers instead, a count and a share on who
    is in of those ``among`` whom it counts, a p-value and an interval of t on an estimate and its
    error; a single is one village's own, whatever it was computed from, and what is inside stays
    so.
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
    among: pd.Index = field(default_factory=lambda: pd.Index([]))  # villages, of a count or share
    where: tuple[Where, ...] = ()  # and who of them is in: those of whom all of this is true
    instead: float = float("nan")  # what may leave for it, as the mean of the ten about a median
    why: str = ""  # what is inside stays so for this reason; what is public is so at this address

    @cached_property
    def name(self) -> str:
        """What tells it from the evidence of all other numbers, of those that came out equal."""
        told = hashlib.sha256()
        for one in (self.rule, self.villages, self.of, self.side, self.scale, self.parent_values):
            told.update(repr(one).encode())
        indices = {id(one): one for one in (self.among, *(w.index for w in self.weights.values()))}
        ids = {key: "|".join(index.tolist()).encode() for key, index in indices.items()}
        for key in sorted(self.weights):
            weight = self.weights[key]
            told.update(repr(key).encode() + ids[id(weight.index)])
            told.update(weight.to_numpy(np.float64).tobytes())
        told.update(ids[id(self.among)])
        for where in self.where:
            told.update(repr(sorted(where.factors.items())).encode())
            told.update(np.hstack([where.low, where.high]).astype(np.float64).tobytes())
        for parent in self.parents:
            told.update(parent.name.encode())
        return told.hexdigest()[:32]

    def whole(self) -> "Evidence":
        """Return a difference or a ratio by how far each amount moves it, without its parents."""
        (over, under), (a, b) = self.parents, self.parent_values
        is_ratio = self.rule == "ratio"
        by = (self.scale / b, -self.scale * a / b**2) if is_ratio else (1.0, -1.0)
        weights = combined(zip(by, (over.weights, under.weights), strict=True))
        return replace(
            self,
            rule="ratio" if is_ratio else "amount",
            villages=min(over.villages, under.villages),
            weights=weights,
            parents=(),
            parent_values=(),
        )


def combined(parts: Iterable[tuple[float, Mapping[Key, pd.Series]]]) -> dict[Key, pd.Series]:
    """Return the weights of Σ factor · number from those of each number."""
    weights: dict[Key, pd.Series] = {}
    for factor, own in parts:
        for key, pull in own.items():
            more = pull * factor
            weights[key] = weights[key].add(more, fill_value=0.0) if key in weights else more
    return weights


Stands = Evidence | Callable[[], Evidence]
"""What a number stands on, or how to find that out once somebody asks."""

_kept: dict[str, list[Stands]] | None = None
_books: list[Callable[[], pd.DataFrame]] = []
_published: list[Callable[[], frozenset[str]]] = []
_paused = 0


@contextmanager
def collecting(panel: pd.DataFrame | None = None) -> Iterator[dict[str, list[Stands]]]:
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


def keep(value: float, evidence: Stands) -> None:
    """Remember what a number stands on."""
    if is_collecting() and _kept is not None and math.isfinite(value):
        _kept.setdefault(float(value).hex(), []).append(evidence)


def keep_counts(*tables: pd.DataFrame) -> None:
    """Keep of every whole number in these tables that it says how many."""
    for table in tables if is_collecting() else ():
        for n in {int(n) for n in table.to_numpy(np.float64).ravel() if n % 1 == 0}:
            keep(float(n), Evidence("count", n))


def keep_sum(
    value: float, parts: Iterable[tuple[float, float]], villages: int, rule: Rule = "amount"
) -> None:
    """Keep what Σ factor · number stands on, where it is known of each number."""
    if not is_collecting():
        return
    found = []
    for factor, number in parts:
        stands = next((one for one in find(number) if one.weights), None)
        if stands is None:
            return
        found.append((factor, stands.weights))
    keep(value, Evidence(rule, villages, combined(found)))


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
    found = [one if isinstance(one, Evidence) else one() for one in _kept.get(key, [])]
    if found:
        _kept[key] = [*found]
    return found


@dataclass(frozen=True, eq=False)
class Line:
    """A number of each village, Σ factor · amount: what its mean, quantiles and shares stand on."""

    yuan: pd.Series  # by village; missing ones are left out
    of: Mapping[Key, float]  # the factors
    scale: float = 1.0  # from yuan to the unit of the number

    def _each(self, villages: pd.Index, share: float) -> dict[Key, pd.Series]:
        return {key: pd.Series(by * share, villages) for key, by in self.of.items()}

    def mean(self, error: float = math.nan) -> Evidence:
        """Return what the mean stands on."""
        known = self.yuan.index[self.yuan.notna()]
        weights = self._each(known, self.scale / max(len(known), 1))
        return Evidence("amount", len(known), weights, error=error)

    def sum(self) -> Evidence:
        """Return what the sum stands on."""
        known = self.yuan.index[self.yuan.notna()]
        return Evidence("amount", len(known), self._each(known, self.scale))

    def about(self, at: float) -> Evidence:
        """Return what a quantile stands on: the ten amounts around it, or at its end."""
        ordered = self.yuan.dropna().sort_values(kind="stable")
        width = min(10, len(ordered))
        start = math.floor(at * (len(ordered) - 1) - (width - 1) / 2)
        start = min(max(start, 0), len(ordered) - width)
        around = ordered.iloc[start : start + width]
        weights = self._each(around.index, self.scale / width)
        return Evidence("order", width, weights, instead=float(around.mean()) * self.scale)

    def share(
        self, low: float = -math.inf, high: float = math.inf, is_in: pd.Series | None = None
    ) -> Evidence:
        """Return what the share in percent stands on of those from ``low`` to under ``high``."""
        is_in = (self.yuan >= low) & (self.yuan < high) if is_in is None else is_in
        return share_of(is_in, 100.0, Where(self.of, low, high))


def share_of(is_in: pd.Series, scale: float, *where: Where) -> Evidence:
    """Return what a share stands on: who is in by village, and by which amounts."""
    inside, of = int(is_in.sum()), len(is_in)
    return Evidence("share", inside, of=of, scale=scale, among=is_in.index, where=where)


def packed(found: Mapping[str, list[Evidence]]) -> str:
    """Return evidence by number as one text: each evidence, group and row of weights once."""
    groups: dict[str, list[Any] | str] = {}
    told: list[dict[str, Any]] = []
    places: dict[int, int] = {}
    named: dict[int, tuple[pd.Index, str]] = {}  # many weights are of the same villages

    def group(of: list[Any] | str) -> str:
        written = of if isinstance(of, str) else "\n".join(map(str, of))
        name = hashlib.sha256(written.encode()).hexdigest()[:16]
        groups[name] = of
        return name

    def ids(index: pd.Index) -> str:
        if id(index) not in named:
            named[id(index)] = index, group(index.tolist())
        return named[id(index)][1]

    def end(of: float | pd.Series) -> str | list[str]:
        return [group(list(map(str, of.tolist())))] if isinstance(of, pd.Series) else str(of)

    def place(stands: Evidence) -> int:
        if id(stands) not in places:
            every = [(getattr(stands, item.name), item) for item in fields(Evidence)]
            one = {item.name: _plain(own) for own, item in every if own is not item.default}
            one["weights"] = [
                [*key, ids(weight.index), group(_thin(weight, stands.rule))]
                for key, weight in stands.weights.items()
            ]
            one["among"] = ids(stands.among)
            one["where"] = [
                [[[*key, by] for key, by in each.factors.items()], *map(end, (each.low, each.high))]
                for each in stands.where
            ]
            one["parents"] = [place(parent) for parent in stands.parents]
            places[id(stands)] = len(told)
            told.append(one)
        return places[id(stands)]

    numbers = {key: [place(one) for one in each] for key, each in found.items()}
    said = json.dumps({"numbers": numbers, "stands": told, "of": groups})
    return base64.b64encode(zlib.compress(said.encode(), 1)).decode()


_FLOATS = ("scale", "offset", "error", "df", "instead")


def unpacked(text: str) -> dict[str, list[Evidence]]:
    """Return evidence by number from its text."""
    said = json.loads(zlib.decompress(base64.b64decode(text)))
    groups = cache(lambda ids: pd.Index(said["of"][ids]))

    @cache
    def series(ids: str, pulls: str) -> pd.Series:
        pull = said["of"][pulls]
        if isinstance(pull, str):
            pull = np.frombuffer(base64.b64decode(pull), "<f4").astype(np.float64)
        return pd.Series(pull if len(pull) > 1 else float(pull[0]), groups(ids))

    def one(told: Mapping[str, Any]) -> Evidence:
        weights = {(name, year): series(*of) for name, year, *of in told["weights"]}
        among = groups(told["among"])

        def end(of: str | list[str]) -> float | pd.Series:
            each = said["of"][of[0]] if isinstance(of, list) else []
            return pd.Series(list(map(float, each)), among) if isinstance(of, list) else float(of)

        where = [
            Where({(name, year): by for name, year, by in factors}, end(low), end(high))
            for factors, low, high in told["where"]
        ]
        own: dict[str, Any] = {
            name: float(told[name]) if name in _FLOATS else told[name] for name in told
        }
        own |= {
            "weights": weights,
            "among": among,
            "where": tuple(where),
            "parents": tuple(made[place] for place in told["parents"]),
            "parent_values": tuple(told.get("parent_values", ())),
        }
        return Evidence(**own)

    made: dict[int, Evidence] = {}
    for place, told in enumerate(said["stands"]):  # parents stand before their children
        made[place] = one(told)
    return {key: [made[place] for place in each] for key, each in said["numbers"].items()}


def _thin(weights: pd.Series, rule: Rule = "amount") -> list[float] | str:
    """Return weights to nine digits, one for all where they are the same; of estimates to seven.

    An estimate has many weights that differ, which are packed in four bytes each.
    """
    values = weights.to_numpy(np.float64)
    is_one = len(values) > 0 and bool((values == values[0]).all())
    if rule == "estimate" and not is_one:
        return base64.b64encode(values.astype("<f4").tobytes()).decode()
    return [float(f"{weight:.9g}") for weight in (values[:1] if is_one else values).tolist()]


def _plain(value: Any) -> Any:  # noqa: ANN401  (JSON)
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
