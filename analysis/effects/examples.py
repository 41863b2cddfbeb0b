"""The four villages of the examples, small enough to follow by hand."""

import pandas as pd

from analysis.effects.panel import Panel, make_panel


def four_villages() -> Panel:
    """Return two villages that join in 2024, gaining 3 and 2, and two outside, gaining 1 and 0.

    A comparison of the mean gains is 2.5 − 0.5 = 2.

    Examples
    --------
    >>> four_villages().y.tolist()
    [[1.0, 4.0], [2.0, 4.0], [1.0, 2.0], [3.0, 3.0]]
    """
    frame = pd.DataFrame(
        {
            "village_id": [*"aabbccdd"],
            "year": [2023, 2024] * 4,
            "income": [1.0, 4.0, 2.0, 4.0, 1.0, 2.0, 3.0, 3.0],
            "joined_year": [2024] * 4 + [0] * 4,
        }
    )
    return make_panel(frame, "income")
