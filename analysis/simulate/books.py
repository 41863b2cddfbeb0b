"""From incomes to the accounts that a village keeps."""

import numpy as np
import pandas as pd

from analysis.simulate.places import Floats, Ints, stream, unit_gamma
from analysis.simulate.world import World, cents
from analysis.simulate.years import BREAK_YEAR, YEARS

_SIDE, _RUNNING = ("投资收益", "补助收入", "其他收入"), ("经营支出", "管理费用")
_NEW = ("税金及附加", "公益支出")
OLD_SYSTEM = ("经营收入", "发包及上交收入", *_SIDE, *_RUNNING, "其他支出")
NEW_SYSTEM = ("经营收入", *_SIDE, "专项应付款", *_RUNNING, *_NEW, "其他支出")


def book_accounts(world: World, ids: list[str]) -> pd.DataFrame:
    """Return the ledger: one row a village, year and account of the system of that year."""
    accounts = _income(world) | _spending(world)
    columns, names, years = [], [], []
    for position, year in enumerate(YEARS):
        for name in OLD_SYSTEM if year < BREAK_YEAR else NEW_SYSTEM:
            columns.append(accounts[name][:, position])
            names.append(name)
            years.append(year)
    n = len(ids)
    book = pd.DataFrame(
        {
            "village_id": np.repeat(np.array(ids, dtype=object), len(columns)),
            "year": np.tile(np.array(years), n),
            "account_name": np.tile(np.array(names, dtype=object), n),
            "amount_yuan": np.column_stack(columns).ravel() / 100,
        }
    )
    kept = ~world.unseen[:, np.array(years) - YEARS[0]].ravel()
    return book if kept.all() else book[kept].reset_index(drop=True)


def _income(world: World) -> dict[str, Ints]:
    """Split operating income into its accounts, in cents that add up, before 2024 and after."""
    s, n = world.scenario, len(world.top_up)
    rng = stream(s, "accounts")
    shares = rng.dirichlet(s.account_weights, n)
    kept = rng.beta(*s.contracting_split, n)[:, None]
    own = world.own_operating
    business = np.floor(own * shares[:, :1]).astype(np.int64)
    contracting = np.floor(own * shares[:, 1:2]).astype(np.int64)
    investment = own - business - contracting + world.booked
    after = np.array(YEARS) >= BREAK_YEAR
    moved = np.where(after, np.floor(contracting * kept).astype(np.int64), 0)
    return {
        "经营收入": business + moved,
        "发包及上交收入": np.where(after, 0, contracting),
        "投资收益": investment + np.where(after, contracting - moved, 0),
        "补助收入": world.subsidy + world.granted,
        "其他收入": world.other,
        "专项应付款": world.payable,
    }


def _spending(world: World) -> dict[str, Ints]:
    """Draw the expenses: part follows the village's income and part its size."""
    s = world.scenario
    after = np.array(YEARS) >= BREAK_YEAR
    operating = (world.own_operating + world.booked) / 1e6
    side = (world.subsidy + world.granted + world.other) / 1e6
    running = 1 - np.where(after, s.net_share_2024, s.net_share)
    business = _expense(world, "business expense", operating, s.business_part * running)
    management = _expense(world, "management", operating, (1 - s.business_part) * running)
    other = _expense(world, "other expense", side, np.full(len(YEARS), s.other_expense_share))
    welfare = np.where(after, np.floor(other * s.welfare_part).astype(np.int64), 0)
    taxed = _income(world)["经营收入"] * s.tax_share
    return {
        "经营支出": business,
        "管理费用": management,
        "其他支出": other - welfare,
        "公益支出": welfare,
        "税金及附加": np.where(after, np.rint(taxed).astype(np.int64), 0),
    }


def _expense(world: World, purpose: str, income: Floats, share: Floats) -> Ints:
    """Return share × (fixed · s_i · mean income + (1 - fixed) · income_it) × noise, in cents."""
    s = world.scenario
    noise = unit_gamma(stream(s, purpose), s.expense_cv, income.shape)
    base = s.fixed_part * world.places.size[:, None] * income.mean(axis=0)
    return cents(share * (base + (1 - s.fixed_part) * income) * noise)
