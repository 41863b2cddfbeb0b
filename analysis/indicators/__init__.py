"""Panel to numbers: pure functions of frames, without files, notebooks or figures.

``from analysis.indicators import means, growth`` takes a verb from the door; the files, called by
their subject, hold the rest: ``income, bands, spells, inequality, convergence, pairs, targets``.
"""

from typing import TYPE_CHECKING

from analysis import _border

if TYPE_CHECKING:
    from analysis.indicators._bootstrap import bootstrap
    from analysis.indicators.bands import WEAK_WAN, band_shares, transitions, weak_share
    from analysis.indicators.convergence import beta_convergence
    from analysis.indicators.income import by_source, changes, growth, means, span
    from analysis.indicators.inequality import decompose, gini
    from analysis.indicators.spells import kaplan_meier, weak_spells

__all__ = [
    "WEAK_WAN",
    "band_shares",
    "beta_convergence",
    "bootstrap",
    "by_source",
    "changes",
    "decompose",
    "gini",
    "growth",
    "kaplan_meier",
    "means",
    "span",
    "transitions",
    "weak_share",
    "weak_spells",
]


def __getattr__(name: str) -> object:
    """Open the files when one of their names is asked for, so that the door costs nothing."""
    if name not in __all__:
        raise _border.no_such_name(__name__, name, __all__)
    # named one by one, so that a report knows that it follows from them
    from analysis.indicators import (  # noqa: PLC0415
        _bootstrap,
        bands,
        convergence,
        income,
        inequality,
        spells,
    )

    files = (_bootstrap, bands, convergence, income, inequality, spells)
    found = next(vars(file)[name] for file in files if name in vars(file))
    return _border.at_the_door(found) if callable(found) else found


def __dir__() -> list[str]:
    return __all__
