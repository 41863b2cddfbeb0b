"""The parameters of a simulated ledger, each with its unit and its source."""

from dataclasses import Field, dataclass, field, fields
from typing import Any, Literal, TypeVar

from analysis.fields import SIMULATED_COUNTIES
from analysis.indicators.bands import WEAK_WAN
from analysis.simulate.checks import check

T = TypeVar("T")

GANSU = "mean village of Gansu, 低起点如何实现高速跑——甘肃省村集体经济倍速发展调查 (2025)"
PINGLIANG = "mean village of Pingliang, 李振东/何剑 2021, DOI 10.19415/j.cnki.1673-890x.2021.30.018"
ARTICLE = "source article on Qingyang"
ASSUMED = "assumed"
RIVAL = "a world to hold estimators against"


def _p(default: T, unit: str, description: str, source: str = ASSUMED) -> T:
    """Declare a parameter; the dataclass machinery reads the returned field as its default."""
    metadata = {"unit": unit, "description": description, "source": source}
    declared: Any = field(default=default, metadata=metadata)
    return declared


@dataclass(frozen=True)
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

    seed: int = _p(20241231, "", "Seed of all random numbers")

    # Places
    mean_households: float = _p(320.0, "households", "Mean size of a village")
    sd_log_households: float = _p(0.35, "log households", "Spread of village size (lognormal)")
    min_households: int = _p(60, "households", "Smallest village")
    max_households: int = _p(1200, "households", "Largest village")
    villages_per_township: int = _p(
        12, "villages", "Mean number of villages in a township", "assumed, near the register's 11"
    )
    repeated_name_share: float = _p(
        0.03,
        "share of villages",
        "Villages that share their name with one in another township of the county",
        "NBS codes for statistics 2023: 37 of 1,261 villages of Qingyang",
    )

    # Operating income without an alliance
    operating_2019_wan: float = _p(4.07, "万元", "Mean operating income in 2019", PINGLIANG)
    operating_2022_wan: float = _p(
        10.03, "万元", "Mean operating income in 2022", f"{GANSU}: 22.76 / 2.2685"
    )
    operating_2023_wan: float = _p(22.76, "万元", "Mean operating income in 2023", GANSU)
    operating_2024_wan: float = _p(29.31, "万元", "Mean operating income in 2024", GANSU)
    level_bound_wan: float = _p(
        2.4, "万元", "How far the level of the poorest village can lie below the mean"
    )
    level_sd_log: float = _p(1.0, "log", "Skewness of the village levels (shifted lognormal)")
    shock_cv: float = _p(0.25, "", "Coefficient of variation of a village's yearly shock")
    township_shock_cv: float = _p(
        0.08, "", "Coefficient of variation of the yearly shock that a township shares"
    )
    empty_shell_share: tuple[float, ...] = _p(
        (0.15, 0.12, 0.08, 0.04, 0.0, 0.0, 0.0),
        "share of villages, 2018 to 2024",
        "Villages without any operating income in the year (空壳村)",
    )

    # Subsidy and other income
    total_2018_wan: float = _p(
        36.41, "万元", "Mean total income in 2018", f"{PINGLIANG}: 22.71 / (1 - 0.376)"
    )
    subsidy_2019_wan: float = _p(15.72, "万元", "Mean subsidy in 2019", PINGLIANG)
    other_2019_wan: float = _p(
        2.91, "万元", "Mean other income in 2019, and (assumed) in 2018", PINGLIANG
    )
    total_2022_wan: float = _p(
        11.42, "万元", "Mean total income in 2022", f"{GANSU}: 25.78 / 2.2574"
    )
    total_2023_wan: float = _p(25.78, "万元", "Mean total income in 2023", GANSU)
    subsidy_part: float = _p(
        2 / 3, "share", "Subsidy in the sum of subsidy and other income, from 2022"
    )
    subsidy_probability: float = _p(0.45, "", "Probability of a grant in a year, mean village")
    subsidy_need_slope: float = _p(
        0.5, "", "Its relative rise from the mean village to the poorest one"
    )
    subsidy_cv: float = _p(0.8, "", "Coefficient of variation of a grant's amount")
    other_cv: float = _p(0.6, "", "Coefficient of variation of other income")
    earmarked_share: float = _p(
        0.5, "share of grants", "Grants booked as 专项应付款 instead of 补助收入 from 2024"
    )

    # Books
    account_weights: tuple[float, float, float] = _p(
        (4.0, 3.0, 1.5),
        "Dirichlet weights",
        "Split of operating income into 经营收入, 发包及上交收入, 投资收益",
    )
    contracting_split: tuple[float, float] = _p(
        (3.0, 2.0), "Beta weights", "Split of 发包及上交收入 into 经营收入 and 投资收益 from 2024"
    )
    net_share: float = _p(
        11.44 / 22.76,
        "share",
        "Operating surplus in operating income until 2023",
        f"{GANSU}: 11.44 / 22.76 in 2023; earlier years assumed equal",
    )
    net_share_2024: float = _p(
        16.18 / 29.31, "share", "The same in 2024", f"{GANSU}: 16.18 / 29.31"
    )
    business_part: float = _p(0.6, "share", "经营支出 in the sum of 经营支出 and 管理费用")
    fixed_part: float = _p(0.5, "share", "Spending that follows size instead of income")
    expense_cv: float = _p(0.2, "", "Coefficient of variation of each expense")
    other_expense_share: float = _p(
        0.2, "share", "其他支出 (until 2023) in subsidy and other income"
    )
    welfare_part: float = _p(0.6, "share", "其他支出 that is called 公益支出 from 2024")
    tax_share: float = _p(0.01, "share", "税金及附加 in 经营收入 from 2024")

    # Alliances
    alliance_counties: tuple[str, ...] = _p(
        (*(county.code for county in SIMULATED_COUNTIES), "sim7"),
        "county codes",
        "County of each alliance: one each, the largest county two",
    )
    weak_per_alliance: tuple[int, ...] = _p(
        (8, 8, 8, 8, 8, 8, 8, 8, 9),
        "villages",
        "Weak villages of each alliance",
        "assumed reading of the source article: 9 helpers + 73 weak = 82 allied villages",
    )
    cohorts: tuple[int, ...] = _p(
        (2021, 2021, 2021, 2022, 2022, 2022, 2023, 2023, 2023),
        "years",
        "Years of joining, dealt to the alliances at random",
    )
    weak_threshold_wan: float = _p(
        WEAK_WAN,
        "万元",
        "Weak: operating income below this in the year before joining",
        "practice in Gansu by 2022 (weak source)",
    )
    weak_size_weight: float = _p(
        4.0, "", "Chance of being chosen falls with this power of village size"
    )
    neighbour_townships: int = _p(5, "townships", "Neighbouring townships that an alliance spans")
    helper_top_share: float = _p(
        0.05, "share of the county", "Helpers come from this highest-income part"
    )

    # Effects
    effect_wan: tuple[float, ...] = _p(
        (1.5, 3.0, 4.0, 4.5),
        "万元, event time 0, 1, 2, 3",
        "Mean effect that a weak village books as 投资收益, before any top-up",
    )
    effect_alliance_cv: float = _p(0.2, "", "Spread of the effect between alliances")
    effect_village_cv: float = _p(0.35, "", "Spread of the effect inside an alliance")
    helper_effect_wan: float = _p(1.0, "万元", "Mean effect that a helper books as 投资收益")
    subsidy_effect_wan: float = _p(
        0.8, "万元", "Additional subsidy of a weak village in its year of joining"
    )

    # Claims
    reading: Literal["each", "mean"] = _p(
        "each", "", "Who gained: each weak village, or the mean of them", f"{ARTICLE}: ambiguous"
    )
    claim_measure: Literal["operating", "total"] = _p(
        "operating", "", "Income that both claims speak of", f"{ARTICLE}: not stated"
    )
    claim_mean_wan: float = _p(
        27.9,
        "万元",
        "Mean of all allied villages in 2024; 0: no such claim",
        f"{ARTICLE}: 27.9 万元",
    )
    claim_gain_wan: float = _p(
        2.0, "万元", "Gain of weak allied villages in 2024 over 2023", f"{ARTICLE}: 2 万元 or more"
    )
    top_up_step_yuan: int = _p(100, "yuan", "Dividends are topped up in whole steps of this")
    helper_rich_ratio: float = _p(
        1.25, "", "Lowest mean income of the helpers over that of all villages, 2020 to 2024"
    )

    # Concurrent programmes
    central_projects: int = _p(47, "villages", "Villages with a central project", ARTICLE)
    central_project_years: tuple[int, ...] = _p(
        (2022, 2023, 2024), "years", "First years of the central projects"
    )
    central_project_shares: tuple[float, ...] = _p(
        (0.3, 0.35, 0.35), "share of projects", "Projects that begin in each of these years"
    )
    central_grant_wan: float = _p(
        50.0, "万元", "Grant of a central project", "about 50 万元 in reports from other places"
    )
    central_return_wan: float = _p(
        3.0, "万元", "Yearly operating income from a project, from its second year"
    )
    rebuilt_centres: int = _p(47, "villages", "Villages with a rebuilt centre", ARTICLE)
    resident_cadres: int = _p(73, "villages", "Villages with a resident cadre", ARTICLE)
    reserve_talents: int = _p(165, "villages", "Villages with a reserve talent", ARTICLE)
    need_slope: float = _p(2.0, "", "Log odds of a programme, poorest over richest village")
    allied_odds: float = _p(3.0, "", "Odds of a programme, weak allied over other villages")

    # Joint projects
    joint_booking: Literal["dividend", "revenue"] = _p(
        "dividend", "", "What a partner books: its dividend, or its share of the firm's revenue"
    )
    revenue_per_dividend: float = _p(
        2.25, "", "Revenue of a joint firm over dividends paid", "安吉递铺 2021: 1,125 / 500 万元"
    )

    # The books
    dirt: float = _p(
        1.0,
        "",
        "Faults planted in the books, times the rates of docs/offices.md; 0 for clean books",
    )

    # Rival worlds: each default is the world described above
    growth_by_level: float = _p(
        0.0, "share", "How far growth follows a village's own level; 1: in proportion", RIVAL
    )
    luck_persistence: float = _p(
        0.0, "share", "Correlation of a village's shock with that of the year before", RIVAL
    )
    spillover_township: float = _p(
        0.0,
        "share of the effect",
        "Lost by villages outside in a township of an alliance, from its beginning",
        RIVAL,
    )
    spillover_county: float = _p(
        0.0, "share of the effect", "Lost by all other villages outside in its county", RIVAL
    )
    selected_on: Literal[
        "g-1", "g-2", "mean", "per household", "size", "need", "random", "joining year"
    ] = _p(
        "g-1",
        "",
        "What weak villages are chosen on: operating income of these years, a trait, or chance",
        RIVAL,
    )
    base_years_lost: float = _p(
        0.0, "share of alliances", "Whose books of g - 2 are lost in all their villages", RIVAL
    )
    attrition: float = _p(
        0.0, "share of villages", "Whose books end, each year since the first alliances", RIVAL
    )

    def __post_init__(self) -> None:
        check(self)

    def parameters(self) -> dict[str, Any]:
        """Return what a dataset's card lists: all but the rival worlds that were not asked for."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        rival = {item.name: item.default for item in fields(self) if _is_rival(item)}
        return {
            name: value
            for name, value in values.items()
            if name not in rival or value != rival[name]
        }


def _is_rival(item: Field[Any]) -> bool:
    """Tell whether a parameter makes another world than the one that is described."""
    return item.metadata["source"] == RIVAL
