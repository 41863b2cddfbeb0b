"""The description page of a simulated dataset: parameters, process, claims, limits."""

from dataclasses import fields
from pathlib import Path

from analysis.simulate.scenario import Scenario
from analysis.simulate.untreated import target_means
from analysis.simulate.years import YEARS


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
        "gain": {"each": "Each weak allied village", "mean": "The mean weak allied village"}[
            scenario.reading
        ],
    }
    page = Path(__file__).with_name("simulation.md").read_text("utf-8")
    return page.format(**values) + "\n".join(_parameters(scenario)) + "\n"


def _row(means: list[float]) -> str:
    return " | ".join(f"{mean:.2f}" for mean in means)


def _parameters(scenario: Scenario) -> list[str]:
    """Return the parameter tables, one a group."""
    lines: list[str] = []
    for item in fields(scenario):
        about = item.metadata
        if about["group"]:
            lines += ["", f"### {about['group']}", ""]
            lines += ["| parameter | value | unit | what it is | source |", "|---|---|---|---|---|"]
        value = _shown(getattr(scenario, item.name))
        cells = (f"`{item.name}`", value, about["unit"], about["description"], about["source"])
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(_shown(part) for part in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
