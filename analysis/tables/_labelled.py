"""What tables and numbers are called, and how many decimals they get."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from analysis._labelled import Labelled, Quantity

INCOMES = {"operating": "operating_income_yuan", "total": "total_income_yuan"}
"""Both measures of income, side by side in every table, and their columns."""

TITLES = {"operating": "Operating 经营性收入", "total": "Total 总收入"}
"""What their panels in a chart are called."""


@cache
def _registry(file: str = "labels.toml") -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name(file).read_text("utf-8"))


def quantity(
    name: str,
    value: Any,
    *,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    **words: object,
) -> Quantity:
    """Return a number with the address, label and unit that ``numbers.toml`` has for it.

    Parameters
    ----------
    name : str
        Its entry, with the places in it, such as ``"up-{measure}"``.
    value : float or an estimate
        The number.
    low, high, n
        Its interval, and the observations behind it, where it is no estimate that says them.
    **words : object
        What stands for the places in name and label.

    Examples
    --------
    >>> made = quantity("up-{measure}", 97.8, measure="total", since=2021, until=2024)
    >>> made.name, made.unit
    ('up-total', '%')
    """
    entry = _registry("numbers.toml")[name]
    label = entry["label"].format(**words)
    unit, digits = entry.get("unit", ""), entry.get("digits")
    return Quantity(name.format(**words), value, label, unit, digits, low, high, n)


def labelled(frame: pd.DataFrame, **words: object) -> Labelled:
    """Return rows with the labels and decimals that ``labels.toml`` has for their columns.

    Parameters
    ----------
    frame : DataFrame
        Its index is named as it is to be headed.
    **words : object
        What stands for the places in labels, such as ``since``.

    Examples
    --------
    >>> labelled(pd.DataFrame({"start_mean": [2.0]}), since=2018).labels
    {'start_mean': 'Mean 2018'}
    """
    known = {str(name): _registry()[str(name)] for name in frame if str(name) in _registry()}
    labels = {
        name: entry["label"].format(**words) for name, entry in known.items() if "label" in entry
    }
    digits = {name: entry["digits"] for name, entry in known.items() if "digits" in entry}
    return Labelled(frame, labels, digits)


def written(value: float, digits: int) -> str:
    """Write a number with a true minus sign, for a cell that holds more than one."""
    text = f"{value:,.{digits}f}".replace("inf", "∞")
    return text.replace("-", "−") if text.strip("-0.,") else text.removeprefix("-")
