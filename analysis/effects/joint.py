"""Income from joint projects, which partners may book more than once."""

from typing import Literal

import numpy as np
import pandas as pd

from analysis.errors import LianjianError

Joint = Literal["twice", "split", "once"]

WITH_JOINT = (
    "operating_income_yuan",
    "total_income_yuan",
    "operating_surplus_yuan",
    "surplus_of_year_yuan",
    "joint_income_yuan",
)


def joint_counted(frame: pd.DataFrame, outcome: str, joint: Joint) -> pd.Series:
    """Return the outcome with the income from joint projects counted as asked."""
    if joint == "twice":
        return frame[outcome]
    if outcome not in WITH_JOINT:
        raise LianjianError(f"{outcome} holds no joint income; use joint='twice'.")
    if "joint_income_yuan" not in frame.columns or frame["joint_income_yuan"].isna().all():
        raise LianjianError(
            "The income from joint projects is not known in these data. Use joint='twice', and say "
            "that shared income may count more than once."
        )
    booked = frame["joint_income_yuan"].fillna(0.0).astype(np.float64)
    inside = frame["alliance_id"].notna() & (booked > 0)
    part = pd.DataFrame(
        {
            "key": frame["alliance_id"].astype(str) + "|" + frame["year"].astype(str),
            "booked": booked,
            "helper": frame["role"].eq("helper"),
        }
    )[inside]
    groups = part.groupby("key")["booked"]
    if joint == "split":
        kept = part["booked"] / groups.transform("size")
    else:
        largest = part["booked"] == groups.transform("max")
        chief = part["helper"] & largest
        first = chief.groupby(part["key"]).transform("any")
        holders = np.where(first, chief, largest)
        count = pd.Series(holders, index=part.index).groupby(part["key"]).transform("sum")
        kept = part["booked"].where(holders, 0.0) / count
    return frame[outcome] - booked.where(inside, 0.0) + kept.reindex(frame.index).fillna(0.0)
