"""Tables of income: who is known, its sources and level, its change by group, a county in brief."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from analysis._evidence import keep_counts
from analysis._labelled import Labelled, Quantity
from analysis.fields import BALANCES, FIELDS, ROLES, YUAN_PER_WAN, ZONES, shown
from analysis.indicators import by_source, changes, growth, means, weak_share
from analysis.indicators._stands_on import keep_gains, keep_in_bands, keep_ratio, median
from analysis.indicators.bands import band, edges_yuan
from analysis.indicators.income import SOURCES, deflate
from analysis.indicators.income import swings as year_swings
from analysis.indicators.targets import attain_share
from analysis.tables._labelled import INCOMES, labelled, quantity


def coverage(panel: pd.DataFrame) -> Labelled:
    """Count the villages with a known total income, by role and year."""
    rows = panel.groupby(["role", "year"])["total_income_yuan"].count().unstack()
    rows = rows.loc[[role for role in ROLES if role in rows.index]]
    keep_counts(rows)
    made = Labelled(rows.rename(index=ROLES).rename_axis("Role"))
    return made.saying("Villages with a known total income, by year.")


def sources(now: pd.DataFrame) -> Labelled:
    """Say what income consists of by role, % of the group's total, in one year."""
    rows = by_source(now, "role")
    if rows.empty:
        return Labelled(pd.DataFrame())
    rows["role"] = rows["role"].map(ROLES)
    shown = ["villages", *rows.columns[rows.columns.str.endswith("_pct")]]
    made = labelled(rows.set_index("role").rename_axis("Role")[shown])
    return replace(made, notes=tuple(penniless(now.replace({"role": ROLES}), "role")))


def penniless(panel: pd.DataFrame, by: str) -> list[str]:
    """Say which groups of villages have no income, which therefore consists of nothing."""
    known = panel.dropna(subset=[*SOURCES, "total_income_yuan"])
    total = known.groupby(by)["total_income_yuan"].sum()
    names = ", ".join(str(name) for name in total.index[total <= 0])
    if not names:
        return []
    return [f"Left out, because they have no income of which to give shares: {names}."]


def by_band(now: pd.DataFrame) -> Labelled:
    """Give income a village and a household, and what it consists of, by band of operating income.

    Villages without any income have no sources, and are left out.
    """
    column = "operating_income_yuan"
    known = now[now["total_income_yuan"] > 0]
    banded = known.assign(band=band(known[column]))
    parts = [*SOURCES, "total_income_yuan"]
    keep_in_bands(banded.dropna(subset=parts).set_index("village_id")[column], edges_yuan())
    rows = by_source(banded, "band")
    if rows.empty:
        return Labelled(pd.DataFrame(), notes=("No village has all parts of its income known.",))
    household = means(banded, "band", column, per="household").drop(columns="villages")
    rows = rows.merge(household, on="band", how="left").set_index("band").rename_axis("Band, 万元")
    shown = ["villages", "operating_income_wan_yuan", "operating_income_yuan_per_household"]
    made = labelled(rows[[*shown, "operating_pct", "subsidy_pct", "other_pct"]]).known()
    return made.saying(
        "Villages by band of operating income: mean operating income a village (万元) and a "
        "household (yuan), and what their income consists of, % of the band's total."
    )


def levels(panel: pd.DataFrame, prices: pd.DataFrame, base_year: int, weak_wan: float) -> Labelled:
    """Give mean incomes by year, as booked and in prices of one year, and the share of the weak."""
    both = list(INCOMES.values())
    yearly = means(panel, "year", [*both, "operating_surplus_yuan"])
    # prices move a year's mean as they move each of its amounts
    wan = [f"{name.removesuffix('_yuan')}_wan_yuan" for name in both]
    real = deflate(yearly, prices, base_year, wan)
    rows = pd.DataFrame(
        {
            "year": yearly["year"],
            "known_operating": yearly["operating_income_villages"],
            "known_total": yearly["total_income_villages"],
            "operating": yearly["operating_income_wan_yuan"],
            "total": yearly["total_income_wan_yuan"],
            "surplus": yearly["operating_surplus_wan_yuan"],
            "operating_real": real["operating_income_wan_yuan"],
            "total_real": real["total_income_wan_yuan"],
            "weak_pct": weak_share(panel, "year", weak_wan)["weak_pct"],
        }
    )
    return (
        labelled(rows)
        .known()
        .saying(
            "Villages with a known operating and total income, mean income of a village whose own "
            f"is known (万元), and villages with an operating income under {weak_wan:g} 万元. "
            f"Real: prices of {base_year}."
        )
    )


def per_household(now: pd.DataFrame) -> Labelled:
    """Give mean income a village and a household by role, with the villages behind the latter."""
    both = list(INCOMES.values())
    village, household = means(now, "role", both), means(now, "role", both, per="household")
    rows = village.drop(columns=["villages", "operating_income_villages", "total_income_villages"])
    rows = rows.merge(household.drop(columns="villages"), on="role")
    rows = rows.assign(role=rows["role"].map(ROLES)).set_index("role").rename_axis("Role")
    return labelled(rows).saying(
        f"Mean income a village (万元) and a household (yuan) by role, {now['year'].max()}, and "
        "the villages behind the means a household."
    )


def changed(panel: pd.DataFrame, since: int, until: int) -> dict[str, pd.DataFrame]:
    """Return the change of both incomes between two years; none without books of the first."""
    if since not in set(panel["year"]):
        unknown = dict.fromkeys(INCOMES.values(), float("nan"))
        before = panel[panel["year"] == until].assign(year=since, **unknown)
        panel = pd.concat([panel, before], ignore_index=True)
    return {name: changes(panel, column, since, until) for name, column in INCOMES.items()}


def change(
    found: Mapping[str, pd.DataFrame] | pd.DataFrame,
    by: str | Sequence[str],
    since: int,
    until: int,
) -> Labelled:
    """Give the change of incomes between two years by group, for one measure or several."""
    if isinstance(found, pd.DataFrame):
        rows = growth(found, by)
        rows["zone"] = rows["zone"].map(lambda zone: f"{zone} {ZONES[zone]}")
        return labelled(
            rows.set_index(list(by)).rename_axis(["Zone", "County"]), since=since, until=until
        )
    rows = pd.concat({name: growth(frame, by) for name, frame in found.items()})
    rows.index = pd.MultiIndex.from_arrays(
        [rows.index.get_level_values(0), rows.pop("role").map(ROLES)], names=["Measure", "Role"]
    )
    return labelled(rows, since=since, until=until)


def gains(change: pd.DataFrame, *, grouped: bool) -> pd.DataFrame:
    """Give the changes of villages by role for a chart, one row a village or a tenth of them."""
    # as a ledger's page may show it: tenths of a role, of ten villages at least, by their changes
    if not grouped:
        return change[["role", "change_wan_yuan"]]
    size = change.groupby("role")["village_id"].transform("size")
    rank = change.groupby("role")["change_wan_yuan"].rank(method="first") - 1
    steps = (size // 10).clip(1, 10)
    tenth = "tenth " + (rank * steps // size + 1).astype(int).astype(str)
    keys = [change["role"], tenth.rename("tenth")]
    means = change.groupby(keys, observed=True, sort=True)["change_wan_yuan"].mean()
    keep_gains(change, keys, means)
    return means.reset_index()


def target(found: Mapping[str, pd.DataFrame], gain_wan: float) -> Labelled:
    """Say by measure whether weak allied villages reached a gain, in each reading of the claim."""
    rows = {}
    for name, frame in found.items():
        weak, outside = (frame[frame["role"] == role] for role in ("allied_weak", "outside"))
        if weak.empty:
            continue
        gain, share = growth(weak)["change_mean"].item(), attain_share(weak, gain_wan)
        rows[name] = {
            "villages": len(weak),
            "gain": gain,
            "gain_reached": "yes" if gain >= gain_wan else "no",
            "share": share,
            "share_reached": "yes" if share == 100 else "no",
            "outside": attain_share(outside, gain_wan) if len(outside) else float("nan"),
        }
    shown = ["villages", "gain", "gain_reached", "share", "share_reached", "outside"]
    made = pd.DataFrame(list(rows.values()), index=list(rows), columns=shown)
    return labelled(made.rename_axis("Measure"))


def gained(
    reached: Labelled, gain_wan: float, since: int, until: int, more: Mapping[str, str]
) -> Iterator[Quantity]:
    """Yield by measure the mean gain of weak allied villages, and who reached a target."""
    words: dict[str, Any] = {"gain": gain_wan, "since": since, "until": until}
    for name, row in reached.frame.iterrows():
        of = {"n": int(row["villages"]), "measure": name, "more": more[str(name)], **words}
        yield quantity("mean-gain-{measure}", row["gain"], **of)
        yield quantity("share-reached-{measure}", row["share"], **of)
        if pd.notna(row["outside"]):
            yield quantity("share-outside-{measure}", row["outside"], measure=name, **words)


def true_gain(known: pd.DataFrame, change: pd.DataFrame, until: int) -> Iterator[Quantity]:
    """Yield by how much a simulation's alliances raised the operating income of weak villages."""
    weak = change.loc[change["role"] == "allied_weak", "village_id"]
    known = known[(known["year"] == until) & (known["measure"] == "operating")]
    own = known[known["village_id"].isin(weak)]
    if len(own):
        effect = (own["treated_yuan"] - own["untreated_yuan"]).mean() / YUAN_PER_WAN
        yield quantity("true-effect-operating", effect, n=len(own), until=until)


def swings(panel: pd.DataFrame) -> Labelled:
    """Give the change of villages on the year before, for both incomes."""
    rows = {n: year_swings(panel, column).set_index("year") for n, column in INCOMES.items()}
    return labelled(pd.concat(rows).rename_axis(["Measure", "Year"])).saying(
        "Change of villages on the year before (万元): mean, quartiles, and share that fell."
    )


def _moved(part: pd.DataFrame, since: int, until: int) -> "pd.Series[Any]":
    """Return how operating income moved; missing where no village is known in both years."""
    found = growth(changed(part, since, until)["operating"])
    return found.iloc[0] if len(found) else pd.Series(float("nan"), index=found.columns)


_SHARES = {
    "operating_income_yuan": "Operating income in total income, %",
    "subsidy_income_yuan": "Subsidies in total income, %",
    "other_income_yuan": "Other income in total income, %",
}
_OF_THOSE = "Assets, debt and distribution: means of the villages whose books print them."


def _held(now: pd.DataFrame) -> dict[str, float]:
    """Give what villages own, owe and pay out, means of those whose books print it."""
    columns = [name for name in BALANCES.values() if name in now and now[name].notna().any()]
    if not columns:
        return {}
    found = means(now, "year", columns).iloc[0]
    return {f"{FIELDS[name].label}, mean": found[shown(name).name] for name in columns}


def _consists_of(each: pd.DataFrame) -> dict[str, float]:
    """Give the parts of total income, % of it, of the villages whose parts are known."""
    # a missing subsidy is none that was not paid; a source that no book prints stops no other
    printed = [name for name in SOURCES if each[name].notna().any()]
    whole = each.dropna(subset=[*printed, "total_income_yuan"])
    total = whole["total_income_yuan"]
    shares = {}
    for name, label in _SHARES.items():
        share = whole[name].sum(min_count=1) / total.sum(min_count=1) * 100
        keep_ratio(share, whole[name], total)
        shares[label] = share
    return shares


def brief(parts: Mapping[str, pd.DataFrame], since: int, until: int, weak_wan: float) -> Labelled:
    """Hold groups of villages against one another in one year: a column a group."""
    columns = {}
    for name, part in parts.items():
        now = part[part["year"] == until]
        village = means(now, "year", list(INCOMES.values())).iloc[0]
        household = means(now, "year", list(INCOMES.values()), per="household").iloc[0]
        moved = _moved(part, since, until)
        each = now.set_index("village_id")
        weak = weak_share(now, "year", weak_wan)["weak_pct"].item()
        columns[name] = {
            "Operating income, mean": village["operating_income_wan_yuan"],
            "Operating income, median": median(each["operating_income_yuan"], 1 / YUAN_PER_WAN),
            "Total income, mean": village["total_income_wan_yuan"],
            "Operating income a household, yuan": household["operating_income_yuan_per_household"],
            **_consists_of(each),
            f"Operating income, mean change on {since}": moved["change_mean"],
            f"Villages with less operating income than in {since}, %": moved["fell_pct"],
            f"Villages with operating income under {weak_wan:g} 万元, %": weak,
            **_held(now),
        }
    made = Labelled(pd.DataFrame(columns).T, digits=1).known()
    has_held = any(f"{FIELDS[name].label}, mean" in made.frame for name in BALANCES.values())
    said = _OF_THOSE if has_held else "These books print no assets, debt or distribution."
    return replace(made, frame=made.frame.T.rename_axis(str(until)), notes=(*made.notes, said))


def brief_numbers(
    made: Labelled, parts: Mapping[str, pd.DataFrame], since: int, until: int, county: str
) -> Iterator[Quantity]:
    """Yield what a brief says first: its county's means and their change, its twin's, and all."""
    own, now = made.frame.iloc[:, 0], next(iter(parts.values())).query("year == @until")
    beside = made.frame.iloc[:, 1:]
    words: dict[str, Any] = {"county": county, "since": since, "until": until}
    for name, column in INCOMES.items():
        n, value = int(now[column].count()), own.get(f"{name.capitalize()} income, mean")
        if n:
            yield quantity("{measure}-mean", value, n=n, measure=name, **words)
    change = own.get(f"Operating income, mean change on {since}")
    if pd.notna(change):
        yield quantity("operating-change", change, **words)
    others = beside.reindex(["Operating income, mean"]).iloc[0]
    for name, value in zip(["all-mean", "twin-mean"], reversed(list(others)), strict=False):
        if pd.notna(value):
            yield quantity(name, value, **words)
