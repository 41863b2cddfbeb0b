"""Invented townships and villages in eight invented counties."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.fields import SIMULATED_COUNTIES
from analysis.simulate.scenario import Scenario

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# No bare village name of the 2023 register begins with one of these characters, so that no
# invented village can bear the name of a real one in the city. All are in GB 2312.
_FIRST = "琅瑜琪琳璇璞瑾珞珊筱筠箫笙芷荇蘅苓菁葭萱蓼薇藜鸢鸾鹤鹭鹂鹄翎翊翡翠霁霏霓霖霞黛绮"
_SECOND = "缃缇绡渌漪溆澜潋泠洵淇沅汐汀渚浔浣岚岫峦崎峤嶂壑坞埠堰圩浦屿畦畹圃苑榭庐篱扉砚墨"
_TOWNSHIP_SECOND = "霄绫琼瑛璎珂玟琬皓旖晖晗煦熠"


@dataclass(frozen=True)
class Places:
    """Where the villages lie: one entry a village, ordered by county and township."""

    county: Ints  # position in ``fields.SIMULATED_COUNTIES``
    township: Ints  # running number over all counties; consecutive ones are neighbours
    households: Ints
    size: Floats  # households over their mean, s_i


def stream(scenario: Scenario, purpose: str) -> np.random.Generator:
    """Return the random numbers of one purpose: a parameter of one step moves no other step's."""
    return np.random.default_rng([scenario.seed, *purpose.encode("ascii")])


def unit_gamma(rng: np.random.Generator, cv: float, shape: tuple[int, ...]) -> Floats:
    """Draw gamma variables with mean one and coefficient of variation ``cv``; ones for 0."""
    if cv == 0:
        return np.ones(shape)
    return rng.gamma(cv**-2, cv**2, shape)


def draw_places(scenario: Scenario) -> Places:
    """Lay out townships, which differ by one village at most, and draw sizes (lognormal)."""
    rng = stream(scenario, "households")
    county = np.repeat(np.arange(len(SIMULATED_COUNTIES)), [c.villages for c in SIMULATED_COUNTIES])
    township, first = [], 0
    for item in SIMULATED_COUNTIES:
        count = max(1, round(item.villages / scenario.villages_per_township))
        township.append(first + np.arange(item.villages) * count // item.villages)
        first += count
    sd = scenario.sd_log_households
    drawn = scenario.mean_households * np.exp(sd * rng.standard_normal(len(county)) - sd**2 / 2)
    households = np.rint(np.clip(drawn, scenario.min_households, scenario.max_households))
    return Places(
        county.astype(np.int64),
        np.concatenate(township).astype(np.int64),
        households.astype(np.int64),
        households / households.mean(),
    )


def township_names(scenario: Scenario, places: Places) -> list[str]:
    """Return the invented name of each village's township, 镇 or 乡."""
    rng = stream(scenario, "township names")
    stock = [a + b for a in _FIRST for b in _TOWNSHIP_SECOND]
    chosen = rng.permutation(stock)[: places.township.max() + 1]
    suffix = np.where(rng.random(len(chosen)) < 0.6, "镇", "乡")  # noqa: PLR2004
    names = [f"{name}{end}" for name, end in zip(chosen, suffix, strict=True)]
    return [names[i] for i in places.township]


def village_names(scenario: Scenario, places: Places) -> list[str]:
    """Return invented village names: some repeat inside a county, none inside a township."""
    rng = stream(scenario, "village names")
    stock = [a + b for a in _FIRST for b in _SECOND]
    names = [str(name) for name in rng.permutation(stock)[: len(places.county)]]
    pairs = round(scenario.repeated_name_share * len(names) / 2)
    fresh = list(rng.permutation(len(names)))
    while pairs and len(fresh) > 1:
        one = fresh.pop()
        same_county = places.county == places.county[one]
        elsewhere = same_county & (places.township != places.township[one])
        other = next((i for i in fresh if elsewhere[i]), None)
        if other is not None:
            fresh.remove(other)
            names[other] = names[one]
            pairs -= 1
    return [f"{name}村" for name in names]


def village_ids() -> list[str]:
    """Return ids such as ``SIM-3-0017``: number of the county and running number in it."""
    return [
        f"{c.code.replace('sim', 'SIM-')}-{n:04d}"
        for c in SIMULATED_COUNTIES
        for n in range(1, c.villages + 1)
    ]
