"""What a person can call refuses what it cannot take in a sentence."""

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis as lj
from analysis.clean.dataset import Dataset
from analysis.errors import LianjianError

WRONG = {
    "None": None,
    "text": "环县",
    "number": 3,
    "list": [1, 2],
    "mapping": {"a": 1},
    "array": np.arange(4.0),
    "empty frame": pd.DataFrame(),
    "foreign frame": pd.DataFrame({"村名": ["东沟村"], "总收入": [1.0]}),
}
TAKES_ANYTHING = {"use_theme"}


def doors():
    for room in (lj.indicators, lj.effects, lj.figures):
        for name in room.__all__:
            if inspect.isfunction(getattr(room, name)) and name not in TAKES_ANYTHING:
                yield pytest.param(getattr(room, name), id=f"{room.__name__}.{name}")


def needed(function):
    several = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and one.kind not in several]


@pytest.mark.parametrize("function", list(doors()))
def test_every_door_answers_wrong_arguments_with_a_sentence(function):
    sentences = []
    for wrong in WRONG.values():
        try:
            function(**dict.fromkeys(needed(function), wrong))
        except LianjianError as error:
            sentences.append(str(error).rstrip())
    assert all(said[-1] in ".]?" for said in sentences), sentences
    # a list or an array of numbers is what some take
    assert len(sentences) >= len(WRONG) - 4 or not needed(function)


@pytest.mark.parametrize("function", list(doors()))
def test_every_door_names_an_argument_that_it_does_not_have(function):
    with pytest.raises(LianjianError, match="has no argument 'yaers'"):
        function(**dict.fromkeys(needed(function)), yaers=3)


def test_what_was_probably_meant_is_said():
    panel = pd.DataFrame({"village_id": ["a"], "year": [2024], "role": ["helper"]})
    dataset = Dataset("published", "published", "The record", "", "0123456789ab", Path())
    with pytest.raises(LianjianError, match=r"Give one of its tables: data\.panel"):
        lj.indicators.means(dataset, ["role", "year"])
    with pytest.raises(LianjianError, match="make_panel"):
        lj.effects.att_gt(panel)
    with pytest.raises(LianjianError, match=r"\{name: what it holds\}"):
        lj.figures.lorenz_curves(panel)
    with pytest.raises(LianjianError, match="no column operating_income_wan_yuan"):
        lj.figures.composition(panel)
    with pytest.raises(LianjianError, match=r"Did you mean panel\?"):
        lj.indicators.means(pnael=panel)


def test_a_right_call_goes_through():
    panel = pd.DataFrame(
        {"village_id": ["a", "b"], "year": [2024, 2024], "total_income_yuan": [1e4, 3e4]}
    )
    made = lj.indicators.means(panel, ["year"], ["total_income_yuan"])
    assert made["total_income_wan_yuan"].tolist() == [2.0]
    assert lj.indicators.means.__doc__.startswith("Return")
