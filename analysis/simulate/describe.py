"""The description page of a simulated dataset: parameters, process, claims, limits."""

from dataclasses import fields

from analysis.simulate.scenario import Scenario
from analysis.simulate.untreated import target_means
from analysis.simulate.years import YEARS

# The first parameter of each group, in the order of the dataclass.
_GROUPS = {
    "seed": "Seed",
    "mean_households": "Places",
    "operating_2019_wan": "Operating income without an alliance",
    "total_2018_wan": "Subsidy and other income",
    "account_weights": "Accounts",
    "alliance_counties": "Alliances",
    "effect_wan": "Effects",
    "reading": "Claims",
    "central_projects": "Concurrent programmes",
    "joint_booking": "Joint projects",
    "dirt": "Faults of the books",
    "growth_by_level": "Rival worlds",
}

_PAGE = """\
# Simulated village ledgers

This page states how `lianjian simulate` draws its dataset. It is generated from the parameters:
change `analysis/simulate/scenario.py`, not this page. **Every value of the dataset is drawn at
random. No value belongs to a real village, township or county; every name is invented.** The eight
counties are called 甲县 to 辛县 (`sim1` to `sim8`). Each has the number of villages and the zone of
one of the eight counties of Qingyang, so that a design works here as it would there.

Money is in 万元 (10,000 yuan) on this page and in yuan in the files. i is a village, t a year from
2018 to 2024, g the year in which an alliance begins, e = t − g the event time.

## The process

### Places
1,261 villages in 8 counties, by the true numbers of those of Qingyang (NBS codes for statistics
2023). Townships hold about {villages_per_township} villages; consecutive townships are neighbours.
Households are lognormal and clipped; s_i is their number over the mean of all villages.

### Operating income without an alliance

    Y0_it = s_i (b_i + g_t) η_it + r_it

b_i is the lasting level of a village: a lognormal variable shifted to mean zero, so that it is
skewed to the right and never below −{level_bound_wan}. η_it has mean one and is independent over
years: a gamma shock of the village, times one that its township shares, times zero for an empty
shell (空壳村) in an early year, the others being scaled up for it. g_t is solved from the draw, so
that the mean of Y0 over all villages is the published one to the digit. r_it is the return of a
central project, {central_return_wan} a year from its second year.
How many villages fall by more than 10 % in a year stands in `dataset.toml` under `[realised]`.

Conditional on households and on having a central project, the expected change of Y0 between two
years is linear in households and the same for every village: **trends are parallel in levels,
conditionally.** Without adjustment they are not: weak villages are small, and s_i scales the
common path.

### Subsidy and other income
Subsidy (补助收入) is lumpy: a grant comes with a probability that rises with need (the rank of
s_i (b_i + g_2021)), and its mean amount falls as the probability rises. The expected amount is thus
the same for all villages, and parallel trends hold for subsidy and total income as well. Grants of
central projects come on top and are part of the mean path. Other income is proportional to size
with gamma noise. Realised means equal the path.

Mean path over all villages, before the accounting break:

| 万元 | {years} |
|---|{rules}|
| operating | {operating} |
| subsidy | {subsidy} |
| other | {other} |

Published or derived from published figures: 2019 (Pingliang), 2018 total (Pingliang), operating
2022–2024 and the sum of subsidy and other 2022–2023 (Gansu). The rest is geometric interpolation,
or 2024 as 2023. Joining two places into one path is an assumption; the fall of subsidy from 2019 to
2022 is a fall between the two sources.

### Accounts
Operating income splits into 经营收入, 发包及上交收入 and 投资收益 by Dirichlet shares of the
village. From 2024, 发包及上交收入 does not exist: its content goes to the other two by a split of
the village, and their sum does not change. From 2024, a grant is booked as 专项应付款 (a liability,
no income) with probability {earmarked_share}, and a central grant always: subsidy falls for
accounting reasons alone. 经营支出 and 管理费用 follow the income and the size of the village;
税金及附加 and 公益支出 begin in 2024. Each village-year lists every account of its system, zeros
included.

### Alliances
{alliances} alliances, each of one helper and {fewest} to {most} weak villages of neighbouring
townships: {helpers} + {weak} = {allied} allied villages. **That the published 82 are 9 helpers and
73 weak villages is an assumed reading of the source article.** Years of joining are dealt at
random. Each helper and one weak village of its alliance form a pair (结对).

Selection uses income *as observed in g − 1*. A helper is drawn from the highest incomes of the
county. Weak villages are drawn from those below {weak_threshold_wan} in the townships around it,
small villages with more chance; where too few are below, the lowest are taken. A low shock in g − 1
(a high one for helpers) is therefore part of being selected, and reverts: base year g − 1 shows
regression to the mean, base year g − 2 is free of it.

### Effects
A weak village gains {effects} (e = 0, 1, ...) times its own factor, gamma with mean one
between alliances and inside them, booked as 投资收益: the dividend of the joint project. A helper
gains {helper_effect_wan} times its factor. In the year of joining a weak village also receives
{subsidy_effect_wan} of subsidy, so that effects on operating and on total income differ. There are
no spillovers on other villages and no effect before joining.

### Joint projects
Each alliance owns a firm with revenue {revenue_per_dividend} times the dividends it pays. Under
`joint_booking = "dividend"` partners book dividends. Under `"revenue"` they book their share of the
revenue: booked income is the same, the dividends behind it are smaller by this factor, and so is
the truth. The two datasets cannot be told apart from the ledger, only from `joint_projects.csv`.

### Concurrent programmes
{central_projects} central projects, {rebuilt_centres} rebuilt centres, {resident_cadres} villages
with a resident cadre and {reserve_talents} with a reserve talent: drawn without replacement, poor
villages and weak villages of an alliance with more chance. Chances follow need and never a year's
shock; the first year of a project is drawn apart from everything else. Only central projects
change income, and they change the untreated one: leaving them out of an analysis biases it.

## The claims
As chosen here: `reading = "{reading}"`, `claim_measure = "{claim_measure}"`.

1. The {allied} allied villages have a mean {claim_measure} income of {claim_mean_wan} in 2024.
   Helper i gets a constant k_i more level in all years, in proportion to b_i + {level_bound_wan},
   that makes this true; g_t gives way so that the mean of all villages stays on its path. k, the
   mean k_i, is in `dataset.toml` under `[realised]`. When helpers would not stay rich, the
   simulation stops. Under the claim on total income, k is often below zero, and a helper may then
   lie below the incomes that it was chosen from.
2. {gain} gained {claim_gain_wan} or more in 2024 over 2023, in the same measure. Dividends of
   2024 are topped up to it, in steps of {top_up_step_yuan} yuan. The top-up is part of the effect
   and follows from the shocks of 2023 and 2024; untreated income is not touched.
   Under `reading = "each"` and `claim_measure = "total"`, projects that would begin in 2023 begin
   in 2024, in all villages: a grant booked as income in 2023 would leave no room for a gain.

Both claims hold for what is booked.

## From the ledger to the data
The ledger is written as the books that eight county offices would send, with faults planted at
`dirt` times the rates of [offices.md](offices.md), and the dataset is built from these books alone,
through the same reader as anybody's own. Beside them stands what a researcher would have filled in
after going through the issues: `crosswalk.csv` gives each name that was cut off its village, and
`corrections.csv` says what the doubtful cells of the allied villages should say, so that the
claims hold in the data as read. What is doubtful in the other villages stays open: some amounts
are missing from the tables, and a few are read from words (约30, 20多) and imprecise.
`lianjian build` prints how the reader did against the truth, cell by cell and fault by fault.

## The files
| file | a row |
|---|---|
| 25 workbooks and text tables | the books: see [offices.md](offices.md) |
| `crosswalk.csv`, `corrections.csv` | a place and a cell that a person decided about |
| `villages.csv` | a village: invented names, county, zone, households, role, alliance, programmes |
| `register.csv` | a village, to look names up in |
| `cells.csv` | a cell of the books: whose it is and what it should say, in yuan |
| `planted.csv` | a fault of the books |
| `joint_projects.csv` | an allied village and year: dividend, share of revenue, what is booked |
| `truth.csv` | a village, year and measure: untreated and treated income (empty outside) |
| `att.csv` | mean effect by measure, role, cohort and event time; empty means all |
| `dataset.toml` | parameters, realised numbers, a card for each file |

Measures of the truth are booked incomes: subsidy is what stands in 补助收入, after the break.

## Rival worlds
The last group of parameters makes other worlds than the one above, to hold estimators against:
growth that follows a village's own level, shocks that last, losses of villages outside near an
alliance, other rules of selection, books that do not exist. Their defaults leave everything as
described, and a card lists them only where they were set. `python benchmarks/worlds.py` holds the
estimators of report 05 against each.

## What it does not contain unless a rival world is asked for
- Faults that follow income: every cell is as likely to have one, so that what is missing is missing
  at random. Amounts off by a third, copied years, villages that merge.
- Spillovers, anticipation, exit from an alliance, a change of the helper.
- Shocks that last: a village that is an empty shell in one year is not more likely one in the next.
- County or zone trends, and an effect of rebuilt centres, resident cadres or reserve talents.
- A greater spread of levels after 2022: growth to 2024 is common to all villages but for size, so
  that villages differ less in 2024 than real ones.
- Bunching above administrative targets other than the claimed gain; price changes (values are
  nominal).
- Evidence. It tests methods; it says nothing on what alliances did in Qingyang.

## Parameters
"assumed" means that no source was found. A published figure of another place is used for its size
only.
"""


def describe(scenario: Scenario) -> str:
    """Return the Markdown page that states the process and every parameter with its source.

    Parameters
    ----------
    scenario : Scenario
        The values to print.

    Examples
    --------
    >>> describe(Scenario()).splitlines()[0]
    '# Simulated village ledgers'
    """
    values = {item.name: getattr(scenario, item.name) for item in fields(scenario)}
    means = target_means(scenario)
    weak = scenario.weak_per_alliance
    values |= {
        "years": " | ".join(map(str, YEARS)),
        "rules": "|".join("---:" for _ in YEARS),
        "operating": _row(means.operating.tolist()),
        "subsidy": _row(means.subsidy.tolist()),
        "other": _row(means.other.tolist()),
        "alliances": len(weak),
        "helpers": len(weak),
        "weak": sum(weak),
        "allied": len(weak) + sum(weak),
        "fewest": min(weak),
        "most": max(weak),
        "effects": ", ".join(map(str, scenario.effect_wan)),
        "gain": {
            "each": "Each weak allied village",
            "mean": "The mean weak allied village",
        }[scenario.reading],
    }
    return _PAGE.format(**values) + "\n".join(_parameters(scenario)) + "\n"


def _row(means: list[float]) -> str:
    return " | ".join(f"{mean:.2f}" for mean in means)


def _parameters(scenario: Scenario) -> list[str]:
    """Return the parameter tables, one a group."""
    lines: list[str] = []
    for item in fields(scenario):
        if item.name in _GROUPS:
            lines += ["", f"### {_GROUPS[item.name]}", ""]
            lines += ["| parameter | value | unit | what it is | source |", "|---|---|---|---|---|"]
        about = item.metadata
        value = _shown(getattr(scenario, item.name))
        cells = (f"`{item.name}`", value, about["unit"], about["description"], about["source"])
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(part) for part in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
