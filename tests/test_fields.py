"""The field registry and what is made from it."""

import re

import pytest

from analysis import paths
from analysis.clean.tables import schema
from analysis.errors import LianjianError
from analysis.fields import (
    COUNTIES,
    EVERY_COUNTY,
    FIELDS,
    SIMULATED_COUNTIES,
    TABLES,
    ZONES,
    county,
    dictionary,
    twin,
)


def test_the_dictionary_is_fresh():
    stored = (paths.root() / "data" / "dictionary.md").read_text(encoding="utf-8")
    assert stored == dictionary(), "run: lianjian dictionary"


def test_every_column_of_every_table_is_registered():
    for table, (keys, columns) in TABLES.items():
        assert set(columns) <= set(FIELDS), table
        assert set(keys) <= set(columns), table
        assert set(schema(table).columns) == set(columns)


def test_no_stored_column_is_personal():
    stored = {name for _, columns in TABLES.values() for name in columns}
    assert not [name for name in stored if FIELDS[name].personal]


def test_names_carry_their_units():
    for field in FIELDS.values():
        if field.name.endswith("_wan_yuan"):
            assert field.unit == "万元"
        elif field.name.endswith("_yuan"):
            assert field.unit == "yuan"
        if field.name.endswith("_pct"):
            assert field.unit == "%"
        if field.name.startswith(("has_", "is_")):
            assert field.dtype == "bool"
        assert field.label
        assert field.label_zh
        assert field.description


def test_counties_are_those_of_the_register(built):
    import analysis

    register = analysis.load("published").register
    counted = register.groupby(["county_code", "county_name"]).size().to_dict()
    assert counted == {(c.code, c.name_zh): c.villages for c in COUNTIES}
    assert sum(c.villages for c in COUNTIES) == 1261


def test_zones_have_two_counties_each():
    for each in EVERY_COUNTY:
        assert twin(each.code).zone == each.zone
        assert twin(twin(each.code).code) == each
    assert {each.zone for each in COUNTIES} == set(ZONES)


def test_invented_counties_bear_no_real_name_or_code(built):
    import analysis

    register = analysis.load("published").register
    taken = {*register["county_name"], *register["county_code"]}
    for each, real in zip(SIMULATED_COUNTIES, COUNTIES, strict=True):
        assert not {each.code, each.name_zh, each.name} & taken
        assert not re.fullmatch(r"\d+", each.code)
        assert (each.zone, each.villages) == (real.zone, real.villages)
        assert twin(each.code) in SIMULATED_COUNTIES


def test_an_unknown_county_is_named_with_all():
    with pytest.raises(
        LianjianError,
        match=r"no county '宁波'.*621026 Ning County 宁县.*sim7 Simulated County 7 庚县",
    ):
        county("宁波")
