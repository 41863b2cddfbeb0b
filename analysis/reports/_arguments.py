"""Arguments of a call as JSON, and back: a closed list of types, nothing that is imported or run.

What JSON has no word for is an object with a ``$`` that names its type. A record (an estimate, a
county) comes back as a bare namespace of its numbers and texts.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import singledispatch
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd


class CannotKeepError(Exception):
    """A value of a type that is not on the list."""


@singledispatch
def encode(value: object) -> Any:
    """Return a value as JSON has it."""
    if value is pd.NA:
        return {"$": "missing"}
    if is_dataclass(value) and not isinstance(value, type):
        return {"$": "record", "of": {name: encode(item) for name, item in parts(value).items()}}
    raise CannotKeepError(type(value).__name__)


@encode.register(type(None))
@encode.register(bool)
@encode.register(int)
def _same(value: bool | int | None) -> bool | int | None:
    return value


@encode.register
def _text(value: str) -> str:
    return str(value)


@encode.register
def _float(value: float) -> Any:
    return value if math.isfinite(value) else {"$": "float", "of": str(float(value))}


@encode.register
def _scalar(value: np.generic) -> Any:
    return encode(value.item())


@encode.register
def _frame(value: pd.DataFrame) -> dict[str, Any]:
    columns = [_array(value.iloc[:, at]) for at in range(value.shape[1])]
    index = _index(value.index)
    return {"$": "frame", "index": index, "columns": _index(value.columns), "of": columns}


@encode.register(pd.Series)
def _one_column(value: "pd.Series[Any]") -> dict[str, Any]:
    name, index = encode(value.name), _index(value.index)
    return {"$": "series", "name": name, "index": index, "of": _array(value)}


@encode.register
def _row(value: np.ndarray) -> dict[str, Any]:
    if value.ndim != 1:
        raise CannotKeepError(f"{value.ndim}-dimensional array")
    return {"$": "array", "of": _array(pd.Series(value))}


@encode.register(tuple)
def _tuple(value: tuple[Any, ...]) -> dict[str, Any]:
    return {"$": "tuple", "of": [encode(item) for item in value]}


@encode.register(list)
def _list(value: list[Any]) -> list[Any]:
    return [encode(item) for item in value]


@encode.register(Mapping)
def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    if all(isinstance(key, str) for key in value) and "$" not in value:
        return {key: encode(item) for key, item in value.items()}
    return {"$": "map", "of": [[encode(k), encode(v)] for k, v in value.items()]}


def parts(value: Any) -> dict[str, Any]:
    """Return what a call keeps of a record, or holds of one that was read from a notebook."""
    names = [one.name for one in fields(value)] if is_dataclass(value) else list(vars(value))
    return {name: own for name in names if _tells(own := getattr(value, name))}


def _tells(value: object) -> bool:
    """Whether a part of a record is a number, a text or a row of them."""
    if isinstance(value, tuple | list):
        return all(map(_tells, value))
    row = isinstance(value, np.ndarray) and value.ndim == 1
    return row or value is None or isinstance(value, str | int | float | np.generic)


def _array(values: "pd.Series[Any] | pd.Index") -> dict[str, Any]:
    """Return a column: its type and its values."""
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        codes = pd.Categorical(values).codes.tolist()
        known = _array(dtype.categories)
        return {"dtype": "category", "of": codes, "known": known, "ordered": bool(dtype.ordered)}
    listed = values.tolist()
    if dtype.kind == "O" and str(dtype) == "object":
        return {"dtype": "object", "of": [encode(value) for value in listed]}
    if dtype.kind == "M":
        written = [None if pd.isna(value) else value.isoformat() for value in listed]
        return {"dtype": str(dtype), "of": written}
    missing = pd.isna(values).tolist()
    plain = [None if gone else _plain(v) for v, gone in zip(listed, missing, strict=True)]
    return {"dtype": str(dtype), "of": plain}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    if isinstance(value, bool | int | float | str):
        return value
    raise CannotKeepError(type(value).__name__)


def _index(index: pd.Index) -> dict[str, Any]:
    if isinstance(index, pd.MultiIndex):
        levels = [_array(index.get_level_values(at)) for at in range(index.nlevels)]
        return {"names": [encode(name) for name in index.names], "levels": levels}
    if isinstance(index, pd.RangeIndex):
        return {"names": encode(index.name), "range": [index.start, index.stop, index.step]}
    return {"names": encode(index.name), "of": _array(index)}


def decode(said: Any) -> Any:
    """Return the value that `encode` wrote."""
    if isinstance(said, list):
        return [decode(item) for item in said]
    if not isinstance(said, dict):
        return said
    if "$" not in said:
        return {key: decode(item) for key, item in said.items()}
    if said["$"] not in _DECODERS:
        raise CannotKeepError(str(said["$"]))
    return _DECODERS[said["$"]](said)


def _table(said: Mapping[str, Any]) -> pd.DataFrame:
    columns, index = dict(enumerate(map(_series, said["of"]))), _indexed(said["index"])
    frame = pd.DataFrame(columns, index=range(len(index)))
    frame.index, frame.columns = index, _indexed(said["columns"])
    return frame


def _named(said: Mapping[str, Any]) -> "pd.Series[Any]":
    made = _series(said["of"])
    made.index, made.name = _indexed(said["index"]), decode(said["name"])
    return made


_DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "float": lambda said: float(said["of"]),
    "missing": lambda _: pd.NA,
    "tuple": lambda said: tuple(decode(said["of"])),
    "map": lambda said: {decode(key): decode(item) for key, item in said["of"]},
    "record": lambda said: SimpleNamespace(**decode(said["of"])),
    "array": lambda said: _series(said["of"]).to_numpy(),
    "series": _named,
    "frame": _table,
}


def _series(said: Mapping[str, Any]) -> "pd.Series[Any]":
    dtype, values = said["dtype"], said["of"]
    if dtype == "category":
        known = pd.Index(_series(said["known"]))
        return pd.Series(pd.Categorical.from_codes(values, known, ordered=said["ordered"]))
    if dtype == "object":
        return pd.Series([decode(value) for value in values], dtype=object)
    if dtype.startswith("float"):
        numbers = [float("nan") if value is None else float(value) for value in values]
        return pd.Series(numbers, dtype=dtype)
    return pd.Series(values, dtype=dtype)


def _indexed(said: Mapping[str, Any]) -> pd.Index:
    names = decode(said["names"])
    if "levels" in said:
        return pd.MultiIndex.from_arrays([_series(one) for one in said["levels"]], names=names)
    if "range" in said:
        start, stop, step = said["range"]
        return pd.RangeIndex(start, stop, step, name=names)
    return pd.Index(_series(said["of"]), name=names)


def frames(value: Any, name: str = "") -> "Sequence[tuple[str, pd.DataFrame]]":
    """Return the tables in decoded arguments, each with the names that lead to it."""
    match value:
        case pd.DataFrame():
            return [(name, value)]
        case pd.Series():
            return [(name, value.to_frame("value" if value.name is None else value.name))]
        case np.ndarray():
            return [(name, pd.DataFrame({"value": value}))]
        case SimpleNamespace():
            rows = {k: v for k, v in vars(value).items() if isinstance(v, np.ndarray | tuple)}
            longest = max((len(v) for v in rows.values()), default=0)
            whole = {k: list(v) for k, v in rows.items() if longest and len(v) == longest}
            single = {k: [v] for k, v in vars(value).items() if isinstance(v, str | int | float)}
            return [(name, pd.DataFrame(whole or single))]
        case Mapping():
            pairs = list(value.items())
        case tuple() | list():
            pairs = [(str(at), one) for at, one in enumerate(value, start=1)]
        case _:
            return []
    parts = [frames(one, f"{name} / {key}" if name else str(key)) for key, one in pairs]
    return [found for part in parts for found in part]
