"""The parameters of a simulated ledger; ``scenario.toml`` gives each its unit and its source."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from analysis.errors import LianjianError
from analysis.fields import SIMULATED_COUNTIES
from analysis.indicators.bands import WEAK_WAN
from analysis.simulate.checks import check

T = TypeVar("T")

_STATED = tomllib.loads(Path(__file__).with_name("scenario.toml").read_text("utf-8"))
RIVAL: str = _STATED["sources"]["RIVAL"]
"""The source of parameters that make another world than the one that is described."""


def _described(cls: type[T]) -> type[T]:
    """Give each parameter the metadata that ``scenario.toml`` states."""
    usual = {"unit": "", "source": "assumed", "group": "", "above_zero": False}
    for name, stated in _STATED["parameters"].items():
        about = usual | stated
        about["source"] = about["source"].format(**_STATED["sources"])
        setattr(cls, name, field(default=getattr(cls, name), metadata=about))
    return cls


@dataclass(frozen=True)
@_described
class Scenario:
    """Every parameter of the data-generating process.

    ``dataclasses.fields`` gives each one's metadata: ``unit``, ``description`` and
    ``source`` (a citation, or the word "assumed"). ``describe`` prints them all. Money is in
    万元 (10,000 yuan) a village and year unless the unit says otherwise.

    Raises
    ------
    LianjianError
        A value contradicts another one or cannot be drawn from.

    Examples
    --------
    >>> Scenario().claim_mean_wan
    27.9
    >>> Scenario(reading="mean").reading
    'mean'
    """

    seed: int = 20241231

    # Places
    mean_households: float = 320.0
    sd_log_households: float = 0.35
    min_households: int = 60
    max_households: int = 1200
    villages_per_township: int = 12
    repeated_name_share: float = 0.03

    # Operating income without an alliance
    operating_2019_wan: float = 4.07
    operating_2022_wan: float = 10.03
    operating_2023_wan: float = 22.76
    operating_2024_wan: float = 29.31
    level_bound_wan: float = 2.4
    level_sd_log: float = 1.0
    shock_cv: float = 0.25
    township_shock_cv: float = 0.08
    empty_shell_share: tuple[float, ...] = (0.15, 0.12, 0.08, 0.04, 0.0, 0.0, 0.0)

    # Subsidy and other income
    total_2018_wan: float = 36.41
    subsidy_2019_wan: float = 15.72
    other_2019_wan: float = 2.91
    total_2022_wan: float = 11.42
    total_2023_wan: float = 25.78
    subsidy_part: float = 2 / 3
    subsidy_probability: float = 0.45
    subsidy_need_slope: float = 0.5
    subsidy_cv: float = 0.8
    other_cv: float = 0.6
    earmarked_share: float = 0.5

    # Books
    account_weights: tuple[float, float, float] = (4.0, 3.0, 1.5)
    contracting_split: tuple[float, float] = (3.0, 2.0)
    net_share: float = 11.44 / 22.76
    net_share_2024: float = 16.18 / 29.31
    business_part: float = 0.6
    fixed_part: float = 0.5
    expense_cv: float = 0.2
    other_expense_share: float = 0.2
    welfare_part: float = 0.6
    tax_share: float = 0.01

    # Alliances
    alliance_counties: tuple[str, ...] = (*(county.code for county in SIMULATED_COUNTIES), "sim7")
    weak_per_alliance: tuple[int, ...] = (8, 8, 8, 8, 8, 8, 8, 8, 9)
    cohorts: tuple[int, ...] = (2021, 2021, 2021, 2022, 2022, 2022, 2023, 2023, 2023)
    weak_threshold_wan: float = WEAK_WAN
    weak_size_weight: float = 4.0
    neighbour_townships: int = 5
    helper_top_share: float = 0.05

    # Effects
    effect_wan: tuple[float, ...] = (1.5, 3.0, 4.0, 4.5)
    effect_alliance_cv: float = 0.2
    effect_village_cv: float = 0.35
    helper_effect_wan: float = 1.0
    subsidy_effect_wan: float = 0.8

    # Claims
    reading: Literal["each", "mean"] = "each"
    claim_measure: Literal["operating", "total"] = "operating"
    claim_mean_wan: float = 27.9
    claim_gain_wan: float = 2.0
    top_up_step_yuan: int = 100
    helper_rich_ratio: float = 1.25

    # Concurrent programmes
    central_projects: int = 47
    central_project_years: tuple[int, ...] = (2022, 2023, 2024)
    central_project_shares: tuple[float, ...] = (0.3, 0.35, 0.35)
    central_grant_wan: float = 50.0
    central_return_wan: float = 3.0
    rebuilt_centres: int = 47
    resident_cadres: int = 73
    reserve_talents: int = 165
    need_slope: float = 2.0
    allied_odds: float = 3.0

    # Joint projects
    joint_booking: Literal["dividend", "revenue"] = "dividend"
    revenue_per_dividend: float = 2.25

    # The books
    dirt: float = 1.0

    # Rival worlds: each default is the world described above
    growth_by_level: float = 0.0
    luck_persistence: float = 0.0
    spillover_township: float = 0.0
    spillover_county: float = 0.0
    selected_on: Literal[
        "g-1", "g-2", "mean", "per household", "size", "need", "random", "joining year"
    ] = "g-1"
    base_years_lost: float = 0.0
    attrition: float = 0.0

    def __post_init__(self) -> None:
        check(self)

    def parameters(self) -> dict[str, Any]:
        """Return what a dataset's card lists: all but the rival worlds that were not asked for."""
        return {
            item.name: value
            for item in fields(self)
            if (value := getattr(self, item.name)) != item.default
            or item.metadata["source"] != RIVAL
        }


def read_scenario(values: Mapping[str, str]) -> Scenario:
    """Return the default scenario with some parameters set.

    Parameters
    ----------
    values : mapping of str to str
        Parameter names and their values as text; a list is written with commas.

    Raises
    ------
    LianjianError
        No parameter has that name, a text cannot be read as its type, or the value contradicts
        another one.

    Examples
    --------
    >>> read_scenario({"seed": "7", "effect_wan": "1,2,3,4"}).effect_wan
    (1.0, 2.0, 3.0, 4.0)
    """
    defaults = {field.name: field.default for field in fields(Scenario)}
    chosen: dict[str, Any] = {}
    for name, text in values.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=3)
            hint = f" Did you mean {', '.join(near)}?" if near else ""
            raise LianjianError(
                f"The simulation has no parameter {name!r}.{hint} docs/simulation.md lists all."
            )
        default = defaults[name]
        try:
            chosen[name] = _like(default, text)
        except ValueError:
            raise LianjianError(
                f"Parameter {name} cannot be {text!r}: a value like {default!r} is expected."
            ) from None
    return Scenario(**chosen)


def _like(default: object, text: str) -> object:
    """Read a text as the type of the default."""
    if isinstance(default, tuple):
        return tuple(_like(default[0], part.strip()) for part in text.split(","))
    if isinstance(default, int | float):
        return type(default)(text)
    return text
