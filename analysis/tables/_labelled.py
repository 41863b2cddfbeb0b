"""A table as it is published: rows, what its columns are called, and how many decimals they get."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from analysis._labelled import Labelled


@cache
def _registry() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("labels.toml").read_text("utf-8"))


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
    labels = {name: entry["label"].format(**words) for name, entry in known.items()}
    digits = {name: entry["digits"] for name, entry in known.items() if "digits" in entry}
    return Labelled(frame, labels, digits)


def written(value: float, digits: int) -> str:
    """Write a number with a true minus sign, for a cell that holds more than one.

    Examples
    --------
    >>> written(-1234.56, 1), written(-0.01, 1), written(float("inf"), 1)
    ('−1,234.6', '0.0', '∞')
    """
    text = f"{value:,.{digits}f}".replace("inf", "∞")
    return text.replace("-", "−") if text.strip("-0.,") else text.removeprefix("-")
