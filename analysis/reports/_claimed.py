"""Whether a product shows only what the datasets named in its ``data=`` hold."""

from collections.abc import Collection
from typing import Any

from analysis import _evidence
from analysis.clean.dataset import Dataset, loaded
from analysis.errors import LianjianError
from analysis.reports import _arguments
from analysis.reports._walk import seen
from analysis.reports.calls import Call

_PLACES = ("village_id", "village_name", "county", "county_name")


def must_hold(call: Call, named: Collection[Dataset]) -> None:
    """Raise where villages or counties of another dataset stand in a product, or behind a number.

    Whose a number is, is known where evidence of it is kept: where a ledger was loaded.
    """
    names = {data.name for data in named}
    own = {place for data in named for place in _places(data)}
    shown = _texts(call) | _behind(call)
    for other in loaded():
        foreign = sorted(shown & (_places(other) - own)) if other.name not in names else []
        if foreign:
            raise LianjianError(
                f"data= names {', '.join(sorted(names))}, and {foreign[0]} is of {other.name}. "
                "Name in data= all that the product stands on, or leave data= out."
            )


def _places(data: Dataset) -> set[str]:
    """Name the villages and counties in the tables that were read so far; none is read for it."""
    tables = vars(data)["_frames"].values()
    columns = (table[name] for table in tables for name in _PLACES if name in table)
    return {str(place) for column in columns for place in column.dropna().unique()}


def _texts(call: Call) -> set[str]:
    """Return what stands in the cells and at the heads of rows of a call's tables."""
    given = {name: value for name, value in call.arguments.items() if name in {"frame", "with"}}
    found: set[str] = set()
    for _, frame in _arguments.frames(given):
        whole = frame.reset_index()
        for at in range(whole.shape[1]):
            column = whole.iloc[:, at]
            if column.dtype.kind not in "iufbM":
                found.update(map(str, column.dropna().unique()))
    return found


def _behind(call: Call) -> set[str]:
    """Name the villages behind the numbers of a call, where all that came out equal agree."""
    found: set[str] = set()
    named: dict[int, set[str]] = {}  # by index: many numbers are of the same villages

    def villages(stands: _evidence.Evidence) -> set[str]:
        indices = [weight.index for weight in stands.weights.values()]
        for index in indices:
            if id(index) not in named:
                named[id(index)] = set(map(str, index.tolist()))
        return set().union(*(named[id(index)] for index in indices))

    def see(_: str, number: float, counted: bool) -> float:
        stands = [] if counted or number.is_integer() else _evidence.find(number)
        if stands:
            found.update(set.intersection(*map(villages, stands)))
        return number

    arguments: dict[str, Any] = dict(call.arguments)
    seen(arguments, see, "")
    return found
