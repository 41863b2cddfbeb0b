"""Income of every village had there been no alliance.

Arrays are village × year (``YEARS``), in 万元, unless their name says otherwise.
"""

from dataclasses import dataclass

import numpy as np

from analysis.errors import LianjianError
from analysis.simulate.places import Bools, Floats, Ints, Places, stream, unit_gamma
from analysis.simulate.rivals import spread_of_levels, village_shocks
from analysis.simulate.scenario import Scenario
from analysis.simulate.years import BREAK_YEAR, YEARS


@dataclass(frozen=True)
class Means:
    """Means over all villages that the untreated incomes reproduce, one a year, in 万元."""

    operating: Floats
    subsidy: Floats
    other: Floats


def target_means(scenario: Scenario) -> Means:
    """Return the year path of each income before the accounting break."""
    # published means where there are any; 2020 and 2021 lie on the geometric line from 2019 to
    # 2022, operating income of 2018 on its extension; subsidy of 2018 is total less the other two
    s = scenario
    rest_2022 = s.total_2022_wan - s.operating_2022_wan
    rest_2023 = s.total_2023_wan - s.operating_2023_wan
    if min(rest_2022, rest_2023) <= 0:
        raise LianjianError(
            f"Total income less operating income is {rest_2022:.2f} 万元 in 2022 and "
            f"{rest_2023:.2f} in 2023; both must be above zero. "
            "Change total_2022_wan, total_2023_wan or the operating means."
        )
    steps = np.arange(4) / 3
    operating = s.operating_2019_wan * (s.operating_2022_wan / s.operating_2019_wan) ** steps
    before = s.operating_2019_wan**2 / operating[1]
    part = s.subsidy_part
    subsidy = s.subsidy_2019_wan * (part * rest_2022 / s.subsidy_2019_wan) ** steps
    other = s.other_2019_wan * ((1 - part) * rest_2022 / s.other_2019_wan) ** steps
    subsidy_2018 = s.total_2018_wan - before - s.other_2019_wan
    return Means(
        np.array([before, *operating, s.operating_2023_wan, s.operating_2024_wan]),
        np.array([subsidy_2018, *subsidy, part * rest_2023, part * rest_2023]),
        np.array([s.other_2019_wan, *other, (1 - part) * rest_2023, (1 - part) * rest_2023]),
    )


@dataclass(frozen=True)
class Engine:
    """What operating income without alliance is made of: s_i (b_i d_t + g_t) η_it."""

    level: Floats  # b_i in 万元, mean zero in expectation, right-skewed, above ``-level_bound_wan``
    shock: Floats  # η_it, mean one, independent over years; zero in the years of an empty shell
    need: Floats  # rank of the lasting income s_i (b_i + g_2021), 1 the poorest, -1 the richest
    spread: Floats  # d_t of each year, one unless growth follows a village's own level


def draw_engine(scenario: Scenario, places: Places, means: Means) -> Engine:
    """Draw levels and shocks; a zero in early years is made up for by the others."""
    n, years = len(places.county), len(YEARS)
    normal = stream(scenario, "levels").standard_normal(n)
    sd, bound = scenario.level_sd_log, scenario.level_bound_wan
    level = bound * (np.exp(sd * normal - sd**2 / 2) - 1)
    rng = stream(scenario, "shocks")
    shock = village_shocks(scenario, rng, n)
    shared = unit_gamma(rng, scenario.township_shock_cv, (int(places.township.max()) + 1, years))
    shells = np.array(scenario.empty_shell_share)
    alive = rng.random((n, years)) >= shells
    shock = shock * shared[places.township] * alive / (1 - shells)
    lasting = places.size * (level + means.operating[YEARS.index(2021)])
    need = 1 - 2 * lasting.argsort().argsort() / (n - 1)
    return Engine(level, shock, need, spread_of_levels(scenario, means.operating))


def operating_income(
    scenario: Scenario, places: Places, engine: Engine, target: Floats, returns: Floats
) -> Floats:
    """Return s_i (b_i d_t + g_t) η_it plus the returns of central projects, its mean the target."""
    scaled = places.size[:, None] * engine.shock
    level = engine.level[:, None] * engine.spread
    path = target - returns.mean(axis=0) - (scaled * level).mean(axis=0)
    path = path / scaled.mean(axis=0)
    if (path - scenario.level_bound_wan * engine.spread).min() <= 0:
        raise LianjianError(
            f"The year path of operating income falls to {path.min():.2f} 万元, and village levels "
            f"reach {scenario.level_bound_wan} below it. Lower level_bound_wan or raise the means."
        )
    return scaled * (level + path) + returns


@dataclass(frozen=True)
class Grants:
    """Subsidies of all villages, in 万元, split by where they are booked."""

    income: Floats  # 补助收入
    payable: Floats  # 专项应付款, a liability: from 2024 only


def draw_grants(scenario: Scenario, engine: Engine, target: Floats, project_year: Ints) -> Grants:
    """Draw lumpy subsidies around the mean path, the grants of central projects included."""
    # poor villages receive more often and less at a time: the expected amount of a year is the same
    # for all, so that parallel trends hold for subsidy and total income too
    rng = stream(scenario, "grants")
    shape = engine.shock.shape
    central = scenario.central_grant_wan * (project_year[:, None] == np.array(YEARS))
    ordinary = target - central.mean(axis=0)
    if ordinary.min() <= 0:
        year = YEARS[int(ordinary.argmin())]
        raise LianjianError(
            f"Central grants of {year} are {central.mean(axis=0).max():.2f} 万元 a village and all "
            f"subsidies {target[YEARS.index(year)]:.2f}. Lower central_grant_wan, "
            "central_projects or that year's part in central_project_shares."
        )
    probability = scenario.subsidy_probability * (1 + scenario.subsidy_need_slope * engine.need)
    received: Bools = rng.random(shape) < probability[:, None]
    amount = received / probability[:, None] * unit_gamma(rng, scenario.subsidy_cv, shape)
    amount = amount * ordinary / amount.mean(axis=0)
    after = np.array(YEARS) >= BREAK_YEAR
    earmarked = after & (rng.random(shape) < scenario.earmarked_share)
    return Grants(
        np.where(earmarked, 0, amount) + np.where(after, 0, central),
        np.where(earmarked, amount, 0) + np.where(after, central, 0),
    )


def other_income(scenario: Scenario, places: Places, target: Floats) -> Floats:
    """Return other income, proportional to size with gamma noise, on its mean path."""
    shape = (len(places.county), len(YEARS))
    noise = unit_gamma(stream(scenario, "other income"), scenario.other_cv, shape)
    drawn = places.size[:, None] * noise
    return drawn * target / drawn.mean(axis=0)
