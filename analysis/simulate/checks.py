"""Whether the process can run on the parameters of a scenario."""

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from analysis.errors import LianjianError
from analysis.fields import SIMULATED_COUNTIES
from analysis.simulate.years import BREAK_YEAR, YEARS

if TYPE_CHECKING:
    from analysis.simulate.scenario import Scenario


def check(scenario: "Scenario") -> None:
    """Stop at the first value that the process cannot run on."""
    for item in fields(scenario):
        value = getattr(scenario, item.name)
        if get_origin(item.type) is Literal and value not in get_args(item.type):
            _refuse(item.name, value, " or ".join(map(repr, get_args(item.type))))
        _check_numbers(item.name, value, is_share=item.metadata["unit"].startswith("share"))
        if item.metadata["above_zero"] and min(_tuple(value)) <= 0:
            _refuse(item.name, value, "above zero")
    if scenario.min_households > scenario.max_households:
        _refuse("min_households", scenario.min_households, "at most max_households")
    _check_lengths(scenario)


def _check_numbers(name: str, value: object, *, is_share: bool) -> None:
    if value == ():
        _refuse(name, value, "at least one value")
    for number in _tuple(value):
        if isinstance(number, str):
            continue
        if not math.isfinite(number) or number < 0:
            _refuse(name, value, "finite, and zero or more")
        if is_share and number > 1:
            _refuse(name, value, "a share between 0 and 1")


def _check_lengths(scenario: "Scenario") -> None:
    alliances = len(scenario.alliance_counties)
    known = {county.code for county in SIMULATED_COUNTIES}
    if not set(scenario.alliance_counties) <= known:
        _refuse("alliance_counties", scenario.alliance_counties, f"codes among {sorted(known)}")
    for name in ("weak_per_alliance", "cohorts"):
        if len(getattr(scenario, name)) != alliances:
            _refuse(name, getattr(scenario, name), f"one value for each of {alliances} alliances")
    first, last = YEARS[2], YEARS[-2]
    if not all(first <= year <= last for year in scenario.cohorts):
        # Two clean years before joining, and the two years of the claimed gain after it.
        _refuse("cohorts", scenario.cohorts, f"years from {first} to {last}")
    if len(scenario.effect_wan) <= BREAK_YEAR - min(scenario.cohorts):
        expected = f"a value for each event time up to {BREAK_YEAR - min(scenario.cohorts)}"
        _refuse("effect_wan", scenario.effect_wan, expected)
    if len(scenario.empty_shell_share) != len(YEARS) or max(scenario.empty_shell_share) >= 1:
        expected = f"{len(YEARS)} shares below 1"
        _refuse("empty_shell_share", scenario.empty_shell_share, expected)
    shares = scenario.central_project_shares
    if len(shares) != len(scenario.central_project_years) or abs(sum(shares) - 1) > 1e-9:  # noqa: PLR2004
        _refuse("central_project_shares", shares, "one share a year that add up to 1")
    if not all(
        max(scenario.cohorts) - 1 <= y <= BREAK_YEAR for y in scenario.central_project_years
    ):
        # An earlier project would return income in the year that alliances are chosen on.
        expected = f"years from {max(scenario.cohorts) - 1} to {BREAK_YEAR}"
        _refuse("central_project_years", scenario.central_project_years, expected)
    if scenario.subsidy_probability * (1 + scenario.subsidy_need_slope) > 1:
        _refuse("subsidy_need_slope", scenario.subsidy_need_slope, "a probability of at most 1")


def _tuple(value: Any) -> tuple[Any, ...]:  # noqa: ANN401  (any type of parameter)
    return value if isinstance(value, tuple) else (value,)


def _refuse(name: str, value: object, expected: str) -> None:
    raise LianjianError(
        f"Scenario({name}={value!r}) cannot be simulated: expected {expected}. Change {name}."
    )
