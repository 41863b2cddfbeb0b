"""A number written out as text is vouched for by nobody, so it does not leave in a cell."""

import pandas as pd
import pytest

from analysis.reports._walk import seen


def let_out(_at, number, _counted):
    return number


@pytest.mark.parametrize(
    "text",
    [
        "0.042",
        "< 0.001",
        "62 (55–68)",
        "−0.31\u00a0to\u00a00.36",
        "2.1 to 3.4",
        "1,234.5",
        "0.52 (0.4–0.6)",
    ],
)
@pytest.mark.parametrize("dtype", [object, "str"])
def test_numbers_as_text_do_not_leave(text, dtype):
    frame = pd.DataFrame({"p": pd.Series([text, "–"], dtype=dtype)})
    assert seen(frame, let_out, "tab")["p"].tolist() == ["…", "–"]


@pytest.mark.parametrize(
    "text", ["5–10", "2024", "2022–2024", "Balanced, path to g−1", "西峰区", "yes", "2 years early"]
)
def test_names_with_digits_stay(text):
    frame = pd.DataFrame({"band": pd.Series([text], dtype="str")})
    assert seen(frame, let_out, "tab")["band"].tolist() == [text]
