"""Corrections are data: each says what a source prints, what is right, and when it expires."""

import pandas as pd

from analysis.errors import LianjianError
from analysis.fields import TABLES


def apply_corrections(frame: pd.DataFrame, corrections: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the frame with the corrections of its file applied."""
    key = TABLES[table][0][0]
    corrected = frame.copy()
    positions = {name: position for position, name in enumerate(frame[key])}
    for item in corrections.to_dict("records"):
        row, name = item["row"], item["field"]
        where = f"corrections.csv, {item['correction_id']} ({item['file']}, {row}, {name})"
        if row not in positions:
            raise LianjianError(f"{where}: there is no row with {key} {row!r}.")
        if name not in frame.columns:
            raise LianjianError(
                f"{where}: there is no such field; there are {', '.join(frame.columns)}."
            )
        at, column = positions[row], list(frame.columns).index(name)
        seen = frame.iloc[at, column]
        if seen != item["expect"]:
            raise LianjianError(
                f"{where} has expired: it expects {item['expect']!r} and the source now says "
                f"{seen!r}. Look at the source again, then remove or rewrite the correction."
            )
        if item["decision"] == "correct":
            if pd.isna(item["should_say"]):
                raise LianjianError(f"{where}: decision is correct, but should_say is empty.")
            corrected.iloc[at, column] = item["should_say"]
    return corrected
