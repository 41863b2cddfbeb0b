"""Invented books, and the numbers that pages print of them."""

import numpy as np
import pandas as pd

from analysis._evidence import Evidence, Line, collecting, find
from analysis.disclosure import Number
from analysis.indicators import transitions, weak_share

SOURCES = ["operating_income_yuan", "subsidy_income_yuan", "other_income_yuan"]
TOTAL = "total_income_yuan"
YEARS = (2019, 2020, 2021)
HEADLINE = ("mean-allied", "gain-weak")


def books(villages, seed, *, losses=False):
    """Return invented books: skewed amounts with zeros, a few that dwarf the rest, some unknown.

    Counties hold 150 villages and more; in smaller ones a source that few villages have is ruled
    by its largest amounts, and the middle of what is known comes nearer to them than luck.
    """
    rng = np.random.default_rng(seed)
    counties = max(1, villages // 150)
    ids = [f"X{n:04d}" for n in range(villages)]
    allied = rng.permutation(villages)[: max(10, villages // 12)]
    role = np.full(villages, "outside", dtype=object)
    role[allied] = "allied_weak"
    role[allied[: max(2, len(allied) // 9)]] = "helper"
    level = rng.lognormal(11, 1.0, villages) * np.where(role == "helper", 15, 1)
    frames = []
    for year in YEARS:
        part = {
            SOURCES[0]: level * rng.lognormal(0, 0.3, villages),
            SOURCES[1]: rng.lognormal(10, 1, villages) * (rng.random(villages) < 0.4),
            SOURCES[2]: rng.lognormal(9, 1.5, villages),
        }
        if losses:
            part[SOURCES[2]] -= rng.lognormal(9, 1, villages)
        frame = pd.DataFrame({name: np.round(values, 2) for name, values in part.items()})
        frame[TOTAL] = frame.sum(axis=1)
        frame.loc[rng.random(villages) < 0.05, [*SOURCES, TOTAL]] = np.nan
        county = [f"9{n % counties}" for n in range(villages)]
        frames.append(frame.assign(village_id=ids, year=year, role=role, county_code=county))
    return pd.concat(frames, ignore_index=True)


def wanted(panel):
    """Return what pages print: means by county and role, changes, gaps, medians, inequality."""
    weak, helper = panel["role"] == "allied_weak", panel["role"] == "helper"
    sets = {"all": panel["role"].notna(), "weak": weak, "rest": ~weak, "helper": helper,
            "allied": weak | helper}  # fmt: skip
    for code in panel["county_code"].unique():
        here = panel["county_code"] == code
        sets |= {f"{code}-{name}": sets[name] & here for name in ("all", "weak", "rest")}
    numbers, means = [], {}
    for name, inside in sets.items():
        for year in YEARS:
            rows = panel[inside & (panel["year"] == year)].set_index("village_id")
            for measure in (*SOURCES, TOTAL):
                values = rows[measure]
                if values.notna().any():
                    stands = Line(values, {(measure, year): 1.0}, 1e-4).mean()
                    mean = means[name, measure, year] = (values.mean() / 1e4, stands)
                    numbers.append(Number(f"{name}-{measure}-{year}", mean[0], [stands]))
    first, last = YEARS[0], YEARS[-1]
    for name in sets:
        if (name, TOTAL, first) in means and (name, TOTAL, last) in means:
            before, after = means[name, TOTAL, first], means[name, TOTAL, last]
            stands = combined([(1, after[1]), (-1, before[1])])
            numbers.append(Number(f"change-{name}", after[0] - before[0], [stands]))
    rows = panel[weak & (panel["year"] == last)].set_index("village_id")[SOURCES[0]].dropna()
    stands = Line(rows, {(SOURCES[0], last): 1.0}, 1e-4).about(0.5)
    numbers.append(Number("median-weak", rows.median() / 1e4, [stands]))
    rows = panel[panel["year"] == last].set_index("village_id")[SOURCES[0]].dropna()
    stands = gini_of(rows, SOURCES[0], last, 1)
    numbers.append(Number("gini", gini(rows.to_numpy()), [stands]))
    mean = means["allied", SOURCES[0], last]
    numbers.append(Number("mean-allied", mean[0], [mean[1]]))
    end, start = means["weak", SOURCES[0], last], means["weak", SOURCES[0], first]
    gain = combined([(1, end[1]), (-1, start[1])])
    numbers.append(Number("gain-weak", end[0] - start[0], [gain]))
    return numbers


def shares(panel, lines=(1, 2, 5, 10, 20)):
    """Return shares of villages under lines, by year and role, as the indicators make them."""
    numbers = []
    with collecting(panel):
        for line in lines:
            for by in ("year", ["role", "year"]):
                rows = weak_share(panel, by, line)
                for place, value in enumerate(rows["weak_pct"].dropna()):
                    stands = [one for one in find(value) if one.where]
                    numbers.append(Number(f"under-{line}-{len(by)}-{place}", value, stands[:1]))
    return numbers


def moves(panel, first=YEARS[0], last=YEARS[-1]):
    """Return how many villages moved from band to band, as the indicators count them."""
    numbers = []
    with collecting(panel):
        for measure in (SOURCES[0], TOTAL):
            counts = transitions(panel, measure, first, last).counts
            for row, inside in enumerate(counts.to_numpy().tolist()):
                for place, n in enumerate(inside):
                    known = [one for one in find(n) if one.rule == "count"]
                    stands = [Evidence("count", n), *known]
                    numbers.append(Number(f"moved-{measure}-{row}-{place}", float(n), stands))
    return numbers


def combined(parts):
    """Return what a weighted sum of numbers stands on."""
    weights = {}
    least = 0
    for factor, part in parts:
        least = min(least, part.villages) if least else part.villages
        for key, weight in part.weights.items():
            pull = weight * factor
            weights[key] = weights[key].add(pull, fill_value=0.0) if key in weights else pull
    return Evidence("amount", least, weights)


def gini_of(values, measure, year, scale):
    """Return what a Gini coefficient stands on: its derivative by each amount, with ranks held."""
    ordered = values.dropna().sort_values(kind="stable")
    n, total = len(ordered), float(ordered.sum())
    rank = 2.0 * np.arange(1, n + 1) - n - 1
    index = float(rank @ ordered.to_numpy()) / (n * total)
    pull = (rank / n - index) / total * scale
    weights = {(measure, year): pd.Series(pull, index=ordered.index)}
    return Evidence("estimate", n, weights, df=n - 1)


def gini(values):
    n = len(values)
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(values) / (n * values.sum()))
