"""Corrections apply where they still fit, and stop the build where they do not."""

import pandas as pd
import pytest

import analysis
from analysis.clean.published import apply_corrections
from analysis.errors import LianjianError


def correction(**changes):
    row = {
        "correction_id": "C1",
        "file": "published_figures.csv",
        "row": "F01",
        "field": "value",
        "says": "261",
        "should_say": "1261",
        "expect": "261",
        "decision": "correct",
        "reason": "characters lost",
        "authority": "paragraph 6",
    }
    return pd.DataFrame([row | changes])


@pytest.fixture
def figures():
    return pd.DataFrame({"figure_id": ["F01", "F02"], "value": ["261", "47"]})


def test_a_correction_changes_one_cell_and_not_the_source(figures):
    corrected = apply_corrections(figures, correction(), "figures")
    assert corrected["value"].tolist() == ["1261", "47"]
    assert figures["value"].tolist() == ["261", "47"]


def test_a_kept_doubt_changes_nothing(figures):
    kept = correction(decision="keep", should_say=None)
    pd.testing.assert_frame_equal(apply_corrections(figures, kept, "figures"), figures)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expect": "262"}, "has expired: it expects '262' and the source now says '261'"),
        ({"row": "F99"}, "no row with figure_id 'F99'"),
        ({"field": "number"}, "no such field; there are figure_id, value"),
        ({"should_say": None}, "should_say is empty"),
    ],
)
def test_a_correction_that_does_not_fit_stops(figures, changes, said):
    with pytest.raises(LianjianError, match=said):
        apply_corrections(figures, correction(**changes), "figures")


def test_a_kept_doubt_expires_too(figures):
    with pytest.raises(LianjianError, match="has expired"):
        apply_corrections(figures, correction(decision="keep", expect="5"), "figures")


def test_the_known_faults_of_the_article_are_mended(built):
    figures = analysis.load("published").figures.set_index("figure_id")
    assert figures.loc["F01", "value"] == 1261
    assert figures.loc["F22", "unit"] == "persons"
    # five zones announced, four listed: both stay
    assert figures.loc["F30", "value"] == 5
    assert figures.loc["F31", "value"] == 4
    register = analysis.load("published").register.set_index("village_code")
    assert register.loc["621025101201", "village_name"] == "中巷村委会"
