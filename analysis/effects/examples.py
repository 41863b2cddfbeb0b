"""The four villages of the examples, small enough to follow by hand."""

import numpy as np
import pandas as pd

from analysis.effects.panel import Panel, make_panel


def four_villages() -> Panel:
    """Return two villages that join in 2024, gaining 3 and 2, and two outside, gaining 1 and 0."""
    frame = pd.DataFrame(
        {
            "village_id": [*"aabbccdd"],
            "year": [2023, 2024] * 4,
            "income": [1.0, 4.0, 2.0, 4.0, 1.0, 2.0, 3.0, 3.0],
            "joined_year": [2024] * 4 + [0] * 4,
        }
    )
    return make_panel(frame, "income")


def growing_villages() -> Panel:
    """Return six villages, two of which join in 2023, over four years with changes of their own."""
    gains = np.array(
        [[0, 1, 0, 4], [0, 0, 1, 3], [0, 1, 1, 1], [0, 2, 1, 2], [0, 0, 2, 1], [0, 1, 0, 0]]
    )
    frame = pd.DataFrame(
        {
            "village_id": np.repeat([*"abcdef"], 4),
            "year": [2020, 2021, 2022, 2023] * 6,
            "income": np.cumsum(gains, axis=1).ravel().astype(float),
            "joined_year": np.repeat([2023, 2023, 0, 0, 0, 0], 4),
        }
    )
    return make_panel(frame, "income")
