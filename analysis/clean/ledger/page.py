"""The page of issues: what a researcher must do, with the cell to open."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import pandas as pd

from analysis import __version__
from analysis.clean.issues import CODES, SEVERITIES, TASKS, task

_SHOWN = 200
"""Issues of one code on the page; the rest stand in issues.csv."""


def issues_page(issues: pd.DataFrame, manifest: Mapping[str, Any]) -> str:
    """Return the page of issues as HTML: self-contained, without scripts, everything escaped.

    Parameters
    ----------
    issues : DataFrame
        The table issues.
    manifest : mapping
        ``name, title, kind, version`` of the dataset.
    """
    groups = []
    tasks = issues["code"].map(task)
    for key, title in TASKS.items():
        part = issues[tasks == key]
        if part.empty:
            continue
        order = part["severity"].map(SEVERITIES.index)
        ranked = part.assign(order=order).sort_values(["order", "code", "file", "cell"])
        kinds = [
            {"code": code, "says": CODES[str(code)], "count": len(rows),
             "rows": rows.head(_SHOWN).to_dict("records"), "more": max(len(rows) - _SHOWN, 0)}
            for code, rows in ranked.groupby("code", sort=False)
        ]  # fmt: skip
        groups.append({"key": key, "title": title, "count": len(part), "kinds": kinds})
    counts = {name: int((issues["severity"] == name).sum()) for name in SEVERITIES}
    text = _template().render(
        data=manifest, groups=groups, counts=counts, files=_by_file(issues), version=__version__
    )
    return str(text)


def _by_file(issues: pd.DataFrame) -> list[dict[str, Any]]:
    if issues.empty:
        return []
    table = issues.groupby(["file", "severity"]).size().unstack(fill_value=0)
    table = table.reindex(columns=list(SEVERITIES), fill_value=0)
    return [{"file": f, **{k: int(row[k]) for k in SEVERITIES}} for f, row in table.iterrows()]


@cache
def _template() -> Any:  # noqa: ANN401  (jinja2's template is untyped here)
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    environment = Environment(
        loader=PackageLoader("analysis.clean.ledger", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("issues.html.j2")
