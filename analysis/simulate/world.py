"""The whole process, step by step: both potential outcomes of every village and year."""

from dataclasses import dataclass, replace

import numpy as np

from analysis.errors import LianjianError
from analysis.simulate import alliances as al
from analysis.simulate import rivals
from analysis.simulate import untreated as un
from analysis.simulate.places import Bools, Floats, Ints, Places, draw_places, stream, unit_gamma
from analysis.simulate.scenario import Scenario
from analysis.simulate.years import YEARS

CENTS_IN_WAN = 1_000_000
MEAN_TOLERANCE_WAN = 0.02  # well inside the printed digit, 0.05
LAST, BEFORE = YEARS.index(2024), YEARS.index(2023)


@dataclass(frozen=True)
class World:
    """One draw of the process; money is in cents (0.01 yuan), village × year."""

    scenario: Scenario
    places: Places
    engine: un.Engine
    alliances: al.Alliances
    programmes: al.Programmes
    operating: Ints  # untreated, like the next two
    subsidy: Ints  # what stands in 补助收入
    other: Ints
    payable: Ints  # grants booked as 专项应付款
    booked: Ints  # what allied villages book as 投资收益 from their joint project
    dividend: Ints  # what it paid them: the effect on operating income
    revenue_share: Ints  # their share of the joint firm's revenue
    granted: Ints  # additional subsidy of the alliance: the effect on subsidy
    top_up: Ints  # part of ``booked`` in 2024 that lifts the gain to the claim, one a village
    helper_shift: float  # k, the mean constant in 万元 added to the helpers' levels
    spilled: Ints  # what villages outside lose to alliances near; ``operating`` is without that
    unseen: Bools  # years of villages whose books do not exist

    @property
    def own_operating(self) -> Ints:
        """Operating income without the joint project's: the untreated one less what is spilled."""
        return self.operating - self.spilled


def cents(wan: Floats) -> Ints:
    """Round amounts in 万元 to whole cents of a yuan."""
    return np.rint(wan * CENTS_IN_WAN).astype(np.int64)


def draw_world(scenario: Scenario) -> World:
    """Run the process once."""
    places = draw_places(scenario)
    means = un.target_means(scenario)
    engine = un.draw_engine(scenario, places, means)
    # Alliances form on incomes up to 2022, and no project returns income before 2023.
    nothing = np.zeros(engine.shock.shape)
    early = un.operating_income(scenario, places, engine, means.operating, nothing)
    alliances = al.form_alliances(scenario, places, early, engine.need)
    programmes = al.assign_programmes(scenario, engine.need, alliances.weak)
    started = programmes.project_year[:, None]
    returning = (started > 0) & (np.array(YEARS) > started)
    returns = np.where(returning, scenario.central_return_wan, 0.0)
    grants = un.draw_grants(scenario, engine, means.subsidy, programmes.project_year)
    nobody = np.zeros(engine.shock.shape, dtype=np.int64)
    world = World(
        scenario,
        places,
        engine,
        alliances,
        programmes,
        cents(un.operating_income(scenario, places, engine, means.operating, returns)),
        cents(grants.income),
        cents(un.other_income(scenario, places, means.other)),
        cents(grants.payable),
        *(nobody,) * 4,
        nobody[:, 0],
        0.0,
        nobody,
        rivals.unseen(scenario, alliances.number, alliances.cohort),
    )
    return _spill(_settle(_guarantee(_treat(world))))


def claimed(world: World) -> Ints:
    """Return the booked income that the claims speak of, in cents, village × year."""
    income = world.operating + world.booked
    if world.scenario.claim_measure == "total":
        income = income + world.subsidy + world.granted + world.other
    return income


def _treat(world: World) -> World:
    """Pay dividends by event time, with mean-one heterogeneity, and the joining subsidy."""
    s, a = world.scenario, world.alliances
    rng = stream(s, "effects")
    own = unit_gamma(rng, s.effect_village_cv, a.number.shape)
    own = own * unit_gamma(rng, s.effect_alliance_cv, (len(s.cohorts),))[a.number]
    event = np.array(YEARS) - a.cohort[:, None]
    member = (a.number >= 0)[:, None]
    after = member & (event >= 0)
    path = np.array(s.effect_wan)[np.clip(event, 0, len(s.effect_wan) - 1)]
    amount = np.zeros(event.shape)
    for role, mean in ((a.weak, path), (a.helper, np.full(event.shape, s.helper_effect_wan))):
        rows = role[:, None] & after
        amount += np.where(rows, mean * (own / own[role].mean())[:, None], 0)
    granted = np.where(a.weak[:, None] & member & (event == 0), s.subsidy_effect_wan, 0)
    return _book(replace(world, granted=cents(granted)), cents(amount))


def _spill(world: World) -> World:
    """Take from villages outside what alliances near them cost them, nine tenths at most."""
    a = world.alliances
    lost = cents(rivals.spilled(world.scenario, world.places, a.number, a.cohort))
    return replace(world, spilled=np.minimum(lost, world.operating * 9 // 10))


def _book(world: World, booked: Ints) -> World:
    """Derive dividends and revenue from what is booked, as the published incomes are."""
    # when partners book revenue, the dividends behind it, and with them the truth, are smaller
    factor = world.scenario.revenue_per_dividend
    if world.scenario.joint_booking == "revenue":
        dividend = np.rint(booked / factor).astype(np.int64)
        return replace(world, booked=booked, dividend=dividend, revenue_share=booked)
    revenue = np.rint(booked * factor).astype(np.int64)
    return replace(world, booked=booked, dividend=booked, revenue_share=revenue)


def _settle(world: World) -> World:
    """Make both claims hold together: three rounds bring them to rest below the printed digit."""
    if not world.scenario.claim_mean_wan:
        return world
    start = world
    for _ in range(3):
        world = _guarantee(_shift_helpers(start, world))
    s, allied = world.scenario, world.alliances.number >= 0
    mean = claimed(world)[allied, LAST].mean() / CENTS_IN_WAN
    if abs(mean - s.claim_mean_wan) > MEAN_TOLERANCE_WAN:
        raise LianjianError(
            f"The allied villages' mean of 2024 is {mean:.3f} 万元 and should be "
            f"{s.claim_mean_wan}: the claims do not settle. Lower claim_gain_wan."
        )
    return world


def _shift_helpers(start: World, world: World) -> World:
    """Move the helpers' levels so that the allied villages' mean of 2024 is the claimed one."""
    # helper i gets k_i more in all years, in proportion to its level's distance from the lower
    # bound; the year path g_t gives way, so that the mean of all villages stays as published
    s, helper = world.scenario, world.alliances.helper
    allied = world.alliances.number >= 0
    above = np.where(helper, world.engine.level + s.level_bound_wan, 0)
    higher = above[:, None] * world.engine.spread
    scaled = world.places.size[:, None] * world.engine.shock
    share = (scaled * higher).sum(axis=0) / scaled.sum(axis=0)
    slope = scaled * (higher - share)
    paid = claimed(replace(world, operating=start.operating))[allied, LAST].sum() / CENTS_IN_WAN
    factor = (s.claim_mean_wan * allied.sum() - paid) / slope[allied, LAST].sum()
    shift = float(factor * above[helper].mean())
    operating = start.operating + cents(factor * slope)
    recent = slice(YEARS.index(2020), None)
    ratio = (operating[helper].mean(axis=0) / operating.mean(axis=0))[recent].min()
    if ratio < s.helper_rich_ratio or operating.min() < 0:
        raise LianjianError(
            f"A mean of {s.claim_mean_wan} 万元 for the allied villages in 2024 moves the helpers' "
            f"level by {shift:.2f} 万元. They would have {ratio:.2f} times the income of all "
            f"villages (helper_rich_ratio: at least {s.helper_rich_ratio}), and the lowest village "
            f"{operating.min() / CENTS_IN_WAN:.2f} 万元 (at least 0). Change claim_mean_wan, "
            "effect_wan, claim_gain_wan, weak_size_weight or the seed."
        )
    return replace(world, operating=operating, helper_shift=shift)


def _guarantee(world: World) -> World:
    """Top up the dividends of 2024 until the claimed gain of the weak villages is reached."""
    s, weak = world.scenario, world.alliances.weak
    booked = world.booked.copy()
    booked[:, LAST] -= world.top_up
    income = claimed(replace(world, booked=booked))
    gain = (income[:, LAST] - income[:, BEFORE])[weak]
    missing = cents(np.array(s.claim_gain_wan)) - gain
    if s.reading == "mean":
        missing = np.full(gain.shape, np.ceil(missing.mean()))
    # Paid in round sums: a gain of exactly the claim to the cent would be no one's dividend.
    step = s.top_up_step_yuan * 100
    top_up = np.zeros(weak.shape, dtype=np.int64)
    top_up[weak] = np.ceil(np.maximum(missing, 0) / step).astype(np.int64) * step
    booked[:, LAST] += top_up
    return _book(replace(world, top_up=top_up), booked)
