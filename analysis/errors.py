"""Errors that speak to a person."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class LianjianError(Exception):
    """What was seen, what was expected, where, and what to do: one message for a person.

    The command line prints it without a traceback and exits with 1.
    """


def need_columns(frame: "pd.DataFrame", *columns: str) -> None:
    """Raise unless a frame has the columns.

    Examples
    --------
    >>> import pandas as pd
    >>> need_columns(pd.DataFrame({"year": [2024]}), "year", "role")
    Traceback (most recent call last):
    analysis.errors.LianjianError: The frame has no column role; it has year.
    """
    missing = [name for name in dict.fromkeys(columns) if name not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns)) or "none"
        raise LianjianError(f"The frame has no column {', '.join(missing)}; it has {has}.")
