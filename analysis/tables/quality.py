"""Tables of the books themselves: what was read, doubted and corrected, and what looks wrong."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis._evidence import keep_counts
from analysis._frame import by_code
from analysis._labelled import Labelled, Quantity
from analysis.clean.issues import CODES, SEVERITIES, TASKS, task
from analysis.fields import YUAN_PER_WAN
from analysis.indicators import targets
from analysis.indicators._stands_on import keep_held, keep_share, keep_shares
from analysis.tables._labelled import INCOMES, TITLES, labelled, quantity

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset

_JUMP = 10  # times the income of the year before
_FEW_ACCOUNTS = 2  # all at zero may be true


def amounts(data: "Dataset") -> Labelled:
    """Count the amounts that were read, by county and year."""
    places = data.villages[["village_id", "county_name"]]
    read = data.income.merge(places, on="village_id", how="left")
    read["county_name"] = read["county_name"].fillna("not in the village list")
    counts = by_code(read.groupby(["county_name", "year"]).size().unstack(fill_value=0))
    keep_counts(counts)
    return Labelled(counts.rename_axis("County"), digits=0).saying(
        "Amounts read, by county and year: villages times accounts."
    )


def known_of_county(data: "Dataset") -> Labelled:
    """Give the villages of each county whose operating income is known, by year, in percent."""
    known = data.panel.assign(known=data.panel["operating_income_yuan"].notna())
    listed = data.villages.groupby("county_name").size()
    counts = by_code(known.groupby(["county_name", "year"])["known"].sum().unstack(fill_value=0))
    size = listed.reindex(counts.index)
    shares = counts.div(size, axis=0) * 100
    for year in shares:
        keep_shares(pd.DataFrame({"in": counts[year], "out": size - counts[year]}), shares[[year]])
    return Labelled(shares.rename_axis("County"), digits=1).saying(
        "Villages of the list whose operating income is known, %, by county and year."
    )


def read_and_doubted(data: "Dataset") -> list[Quantity]:
    """Return how much was read, is known, and is in doubt; of a simulation, what was misread."""
    cells = len(data.villages) * len(data.years)
    seen = int(data.panel["operating_income_yuan"].notna().sum())
    known = seen / cells * 100
    keep_share(seen / cells, seen, cells)
    errors = data.issues["severity"].eq("error").sum()
    made = [
        quantity("amounts", len(data.income)),
        quantity("coverage", known, n=cells),
        quantity("errors", int(errors), n=len(data.issues)),
    ]
    if data.score:
        of = data.score
        made += [
            quantity("cells-wrong", of["wrong"], n=of["cells"]),
            quantity("cells-unplaced", of["unplaced"] / of["cells"] * 100, n=of["cells"]),
        ]
    return made


def doubts(issues: pd.DataFrame) -> Labelled:
    """Count recorded doubts by what a researcher must do."""
    if issues.empty:
        return Labelled(pd.DataFrame(), notes=("No doubt was recorded.",))
    kinds = issues.assign(task=issues["code"].map(task)).groupby(["task", "code", "severity"])
    keep_counts(kinds.size().to_frame())
    rows = kinds.size().rename("issues").reset_index()
    rows["order"] = rows["task"].map(list(TASKS).index)
    rows = rows.sort_values(["order", "issues"], ascending=[True, False])
    made = pd.DataFrame(
        {
            "What to do": rows["task"].map(TASKS),
            "What was seen": rows["code"].map(CODES),
            "Severity": rows["severity"],
            "Issues": rows["issues"],
        }
    )
    return Labelled(made.set_index("What to do")).saying(
        "Recorded doubts, by what a researcher must do."
    )


def doubts_by_file(issues: pd.DataFrame) -> Labelled:
    """Count recorded doubts by file."""
    rows = issues.groupby(["file", "severity"]).size().unstack(fill_value=0)
    rows = rows.reindex(columns=list(SEVERITIES), fill_value=0).rename_axis("File")
    keep_counts(rows)
    labels = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
    return Labelled(rows, labels, 0).saying(
        "Recorded doubts by file; “panel” is what shows only in the finished panel."
    )


def corrections(data: "Dataset") -> Labelled:
    """List the corrections of a dataset's files."""
    labels = {"says": "Says", "should_say": "Should say", "reason": "Reason"}
    if not data.applied_corrections:
        return Labelled(pd.DataFrame(), notes=("No cell of these books was corrected.",))
    rows = pd.DataFrame(data.applied_corrections).set_index("file")
    return Labelled(rows[[*labels]].rename_axis("File"), labels).saying(
        "Corrections of this dataset's files, each with its reason; a doubt that was kept says so."
    )


def signs(data: "Dataset") -> Labelled:
    """Count villages whose numbers look wrong by themselves, by year."""
    panel = data.panel.sort_values(["village_id", "year"])
    year, operating = panel["year"], panel["operating_income_yuan"]
    booked = data.income.groupby(["village_id", "year"])["amount_yuan"]
    empty = booked.apply(lambda amounts: (amounts == 0).all()) & (booked.size() > _FEW_ACCOUNTS)
    before = operating.groupby(panel["village_id"]).shift().clip(lower=YUAN_PER_WAN)
    below = panel["total_income_yuan"] < operating - 0.005
    rows = pd.DataFrame(
        {
            "Villages": panel.groupby("year")["village_id"].nunique(),
            "All accounts zero": empty.groupby("year").sum(),
            "Operating income zero": (operating == 0).groupby(year).sum(),
            "Tenfold and more": (operating / before > _JUMP).groupby(year).sum(),
            "Total below operating": below.groupby(year).sum(),
        }
    )
    keep_counts(rows.fillna(0))
    return Labelled(rows.fillna(0).rename_axis("Year"), digits=0).saying(
        "Villages with a sign of a fault, by year."
    )


def in_wan(panel: pd.DataFrame) -> dict[str, "pd.Series[float]"]:
    """Return both incomes of all villages and years in 万元, by measure."""
    return {name: panel[column] / YUAN_PER_WAN for name, column in INCOMES.items()}


def heaping(panel: pd.DataFrame, bounds: Sequence[float], window_pct: float) -> Labelled:
    """Count incomes just below and just above each target, for both measures."""
    rows, window = {}, window_pct / 100
    for bound in bounds:
        for name, values in in_wan(panel).items():
            above = ((values >= bound) & (values < bound * (1 + window))).sum()
            below = ((values < bound) & (values >= bound * (1 - window))).sum()
            rows[f"{bound:g} 万元", name] = {"Just below": int(below), "Just above": int(above)}
    return Labelled(pd.DataFrame(rows).T.rename_axis(["Target", "Income"]), digits=0).saying(
        f"Villages and years within {window_pct:g} % of a target; a smooth spread has slightly "
        "more below than above."
    )


def heaps_in_words(heaped: Labelled) -> dict[str, str]:
    """Say for each panel of a chart how many incomes lie around each target."""
    said: dict[str, list[str]] = {title: [] for title in TITLES.values()}
    for (target, name), row in zip(heaped.frame.index, heaped.frame.to_numpy(), strict=True):
        said[TITLES[name]].append(f"{row[0]} just below and {row[1]} just above {target}")
    return {title: ", ".join(parts) for title, parts in said.items()}


def reconciliation(data: "Dataset", year: int, mean_wan: float, gain_wan: float) -> Labelled:
    """Hold the published figures against the panel, in each measure and each reading."""
    panel, villages = data.panel, data.villages
    allied = panel[(panel["role"] != "outside") & (panel["year"] == year)].set_index("village_id")
    members = int((villages["role"] != "outside").sum())
    weak = villages.loc[villages["role"] == "allied_weak", "village_id"]
    rows: list[dict[str, object]] = []
    for name, column in INCOMES.items():
        gains = _gains(panel[panel["village_id"].isin(weak)], column, year)
        level = {(column, year): 1 / YUAN_PER_WAN}
        rise = {**level, (column, year - 1): -1 / YUAN_PER_WAN}
        claims: tuple[tuple[str, pd.Series[float], float, targets.Reading, int], ...] = (
            (
                "mean of allied villages",
                allied[column] / YUAN_PER_WAN,
                mean_wan,
                "mean is",
                members,
            ),
            ("gain of weak villages, their mean", gains, gain_wan, "mean at least", len(weak)),
            ("gain of weak villages, each", gains, gain_wan, "each at least", len(weak)),
        )
        for what, values, claimed, reading, count in claims:
            row: dict[str, object] = {"Figure": what, "Measure": name}
            if count:
                held = targets.reconcile(values, claimed, reading, villages=count)
                stands = level if reading == "mean is" else rise
                keep_held(held.claimed, held.observed, values, stands)
                row |= {"Published": held.claimed, "Panel": held.observed}
                row |= {"Known of all": f"{held.known} of {held.villages}", "Verdict": held.verdict}
            rows.append({"Verdict": "no such village listed"} | row)
    if not members:
        why = "These books list no village of an alliance: no published figure speaks of them."
        return Labelled(pd.DataFrame(), notes=(why,))
    columns = ["Figure", "Measure", "Published", "Panel", "Known of all", "Verdict"]
    made = pd.DataFrame(rows).reindex(columns=columns).set_index(["Figure", "Measure"])
    return Labelled(made, digits={"Published": 1, "Panel": 2}).saying(
        f"Published figures beside the panel in {year}, 万元."
    )


def _gains(panel: pd.DataFrame, column: str, year: int) -> "pd.Series[float]":
    """Return the gain of each village on the year before, 万元; none without both years."""
    wide = panel.pivot(index="village_id", columns="year", values=column)
    if not {year - 1, year} <= set(wide.columns):
        return pd.Series(dtype="float64")
    return (wide[year] - wide[year - 1]) / YUAN_PER_WAN


def agreements(held: Labelled) -> dict[str, Any]:
    """Return how many readings agree with the panel, of how many, and which, for a sentence."""
    agreeing = held.frame.index[held.frame["Verdict"] == "agrees"]
    which = "; ".join(f"{figure}, {measure}" for figure, measure in agreeing)
    return {"agree": len(agreeing), "readings": len(held), "which": f" ({which})" if which else ""}


def planted(score: Mapping[str, Any], faults: Mapping[str, Any]) -> Labelled:
    """Give the faults that a simulation planted, by kind, and how many were found."""
    kinds = pd.DataFrame(score["kinds"]).T
    rows = pd.DataFrame(
        {
            "Fault": [faults[str(kind)].description for kind in kinds.index],
            "Must be": [faults[str(kind)].expected for kind in kinds.index],
            "Planted": kinds["faults"].to_numpy(),
            "Found": kinds["found"].to_numpy(),
        }
    )
    return labelled(rows.set_index("Fault")).saying(
        "Planted faults by kind. Read: the cell must read as written; refused: no number may be "
        "made of it, and it must be named; issue: it must be named."
    )


def read_in_words(score: Mapping[str, Any]) -> dict[str, str]:
    """Return the counts of a simulation's reader, for a sentence."""
    counts = {key: score[key] for key in ("cells", "right", "wrong", "unplaced", "faults", "found")}
    counts["unread"] = score["refused"] + score["unread"]
    return {key: f"{count:,}" for key, count in counts.items()}
