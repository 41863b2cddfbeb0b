"""Who is compared with whom, concurrent programmes, and joint income counted once or more."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.effects.design import PROGRAMMES, Design, make_study
from analysis.effects.joint import joint_counted
from analysis.errors import LianjianError

YEARS = np.arange(2018, 2025)
OUTCOME = "operating_income_yuan"
EXACT = 1e-9  # sums of a few floats


@pytest.fixture(scope="module")
def villages() -> pd.DataFrame:
    """Return four counties, of two zones; alliances of one helper and four weak."""
    rng = np.random.default_rng(3)
    rows = []
    for county, zone in (
        ("sim2", "farm"),
        ("sim3", "farm"),
        ("sim4", "forest"),
        ("sim5", "forest"),
    ):
        for k in range(30):
            allied = county in {"sim2", "sim4"} and k < 5
            rows.append(
                {
                    "village_id": f"SIM-{county}-{k:03}",
                    "county_code": county,
                    "zone": zone,
                    "role": ("helper" if k == 0 else "allied_weak") if allied else "outside",
                    "alliance_id": f"A{county}" if allied else None,
                    "joined_year": (2021 if county == "sim2" else 2022) if allied else None,
                    "households": int(rng.integers(80, 600)),
                    **{name: bool(rng.random() < 0.2) for name in PROGRAMMES},
                }
            )
    frame = pd.DataFrame(rows)
    return frame.astype({"joined_year": "Int64", "households": "Int64"})


@pytest.fixture(scope="module")
def panel(villages) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    traits = villages.drop(columns=list(PROGRAMMES))
    frame = traits.merge(pd.DataFrame({"year": YEARS}), how="cross")
    base = 20_000 + 300 * frame["households"].astype(float) * (frame["year"] - 2015)
    after = (frame["year"] >= frame["joined_year"]).fillna(False).astype(float)  # noqa: FBT003
    return frame.assign(
        operating_income_yuan=base + 5_000 * rng.normal(size=len(frame)) + 30_000 * after,
        joint_income_yuan=30_000 * after,
    )


def test_never_takes_the_role_and_everybody_outside(panel):
    study = make_study(panel, OUTCOME)
    assert study.comparison == "never"
    assert (study.panel.cohort > 0).sum() == 8
    assert (study.panel.cohort == 0).sum() == 110
    assert study.panel.n_clusters == 112
    assert any("2 other villages in alliances take no part" in n for n in study.panel.notes)


def test_roles_are_never_pooled(panel):
    for role in (("allied_weak", "helper"), ["allied_weak"]):
        with pytest.raises(LianjianError, match="never pooled"):
            make_study(panel, OUTCOME, Design(role=role))
    with pytest.raises(LianjianError, match="it can be helper, allied_weak, allied_other"):
        make_study(panel, OUTCOME, Design(role="outside"))


def test_not_yet_leaves_villages_outside_out(panel):
    study = make_study(panel, OUTCOME, Design(comparison="not_yet"))
    assert study.comparison == "not_yet"
    assert study.panel.n_units == 8


def test_zone_twin_compares_across_the_zone(panel, villages):
    study = make_study(panel, OUTCOME, Design(comparison="zone_twin"))
    outside = study.panel.ids[study.panel.cohort == 0]
    assert {name[4:8] for name in outside} == {"sim3", "sim5"}
    assert study.panel.covariates == ("county sim2", "county sim4")
    one = make_study(panel, OUTCOME, Design(comparison="zone_twin", county="乙县"))
    assert {name[4:8] for name in one.panel.ids[one.panel.cohort == 0]} == {"sim3"}
    assert (one.panel.cohort > 0).sum() == 4


def test_programmes(panel, villages):
    new = villages.columns.difference(panel.columns).union(["village_id"])
    whole = panel.merge(villages[new], on="village_id")

    def study(how: str):
        return make_study(whole, OUTCOME, Design(programmes=how))

    having = villages.set_index("village_id")[list(PROGRAMMES)].any(axis=1)
    without = study("exclude")
    assert not having[without.panel.ids].any()
    assert any("were left out" in note for note in without.panel.notes)
    assert study("covariates").panel.covariates == PROGRAMMES
    strata = study("strata").panel
    assert (strata.x.sum(axis=1) == 1).all()
    for column in strata.x.T == 1:
        assert 0 < (strata.cohort[column] > 0).sum() < column.sum()
    with pytest.raises(LianjianError, match="make the study of the dataset"):
        make_study(panel, OUTCOME, Design(programmes="strata"))
    with pytest.raises(LianjianError, match="several names, and was given one text, 'households'"):
        make_study(panel, OUTCOME, Design(covariates="households"))


def test_villages_that_joined_without_an_alliance_are_said(panel):
    weak = panel["role"] == "allied_weak"
    made = make_study(panel.assign(alliance_id=panel["alliance_id"].where(~weak)), OUTCOME)
    number = panel.loc[weak, "village_id"].nunique()
    assert any(f"{number} villages that joined have no alliance_id" in n for n in made.panel.notes)


def test_matching_on_level_is_warned_of_and_on_change_is_not(panel):
    base = Design(comparison="matched", match_exact=(), match_ratio=2)
    study = make_study(panel, OUTCOME, base)
    assert (study.panel.cohort > 0).sum() == 8
    assert (study.panel.cohort == 0).sum() == 16
    assert not any("Daw & Hatfield" in note for note in study.panel.notes)
    balance = study.match.balance.set_index("covariate")
    assert (balance["smd_after"].abs() <= balance["smd_before"].abs() + 0.1).all()
    level = make_study(panel, OUTCOME, replace(base, match_on=("log_households", "level")))
    assert any("Daw & Hatfield" in note for note in level.panel.notes)


def test_matched_change_ends_before_anticipation(panel):
    study = make_study(panel, OUTCOME, Design(comparison="matched", match_exact=()))
    wide = panel.pivot(index="village_id", columns="year", values=OUTCOME)
    row = study.units[study.units["joined_year"] == 2022].iloc[0]
    expected = (wide.loc[row["village_id"], 2020] - wide.loc[row["village_id"], 2018]) / 2
    assert row["change"] == pytest.approx(expected)


def test_joint_income_split_once_twice(panel):
    twice = panel[OUTCOME]
    split = joint_counted(panel, OUTCOME, "split")
    once = joint_counted(panel, OUTCOME, "once")
    joined = panel["joint_income_yuan"] > 0
    assert (twice - split)[joined].to_numpy() == pytest.approx(30_000 * 4 / 5, abs=1e-6)
    assert (twice - once)[joined & (panel["role"] == "allied_weak")].to_numpy() == pytest.approx(
        30_000, abs=1e-6
    )
    assert (twice == once)[joined & (panel["role"] == "helper")].all()
    assert (twice == split)[~joined].all()


def test_joint_income_counted_once_goes_to_the_largest_booking():
    frame = pd.DataFrame(
        {
            "year": 2024,
            "alliance_id": ["A", "A", "B", "B", None],
            "role": ["helper", "allied_weak", "allied_weak", "allied_weak", "outside"],
            "joint_income_yuan": [2.0, 5.0, 4.0, 4.0, 0.0],
            "total_income_yuan": [10.0] * 5,
        }
    )
    once = joint_counted(frame, "total_income_yuan", "once")
    assert once.tolist() == pytest.approx([8.0, 10.0, 8.0, 8.0, 10.0], abs=EXACT)


def test_joint_income_that_is_not_known_is_refused(panel):
    with pytest.raises(LianjianError, match="is not known"):
        make_study(panel.assign(joint_income_yuan=np.nan), OUTCOME, Design(joint="split"))
    with pytest.raises(LianjianError, match="holds no joint income"):
        joint_counted(panel.assign(subsidy_income_yuan=1.0), "subsidy_income_yuan", "once")


def test_options_are_checked(panel):
    with pytest.raises(LianjianError, match="it can be never"):
        make_study(panel, OUTCOME, Design(comparison="all"))
    with pytest.raises(LianjianError, match="No village of the role allied_other"):
        make_study(panel, OUTCOME, Design(role="allied_other"))
    with pytest.raises(LianjianError, match="in Simulated County 3"):
        make_study(panel, OUTCOME, Design(county="丙县"))
    with pytest.raises(LianjianError, match="no column area"):
        make_study(panel, OUTCOME, Design(covariates=("area",)))
