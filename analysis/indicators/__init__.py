"""Panel to numbers: pure functions of frames, without files, notebooks or figures.

``from analysis.indicators import means, growth`` takes a verb from the door; the files, called by
their subject, hold the rest: ``income, bands, spells, inequality, convergence, pairs, targets``.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING

from analysis._border import at_the_door
from analysis.errors import did_you_mean

if TYPE_CHECKING:
    from analysis.indicators._bootstrap import bootstrap
    from analysis.indicators.bands import (
        WEAK_RULES,
        WEAK_WAN,
        band,
        band_shares,
        status,
        transitions,
        weak_share,
    )
    from analysis.indicators.convergence import beta_convergence, sigma_convergence
    from analysis.indicators.income import by_source, changes, deflate, growth, means, span, swings
    from analysis.indicators.inequality import decompose, gini, indices, lorenz, theil
    from analysis.indicators.pairs import closing, gaps
    from analysis.indicators.spells import joining_spells, kaplan_meier, weak_spells
    from analysis.indicators.targets import attain_share, reconcile

__all__ = [
    "WEAK_RULES",
    "WEAK_WAN",
    "attain_share",
    "band",
    "band_shares",
    "beta_convergence",
    "bootstrap",
    "by_source",
    "changes",
    "closing",
    "decompose",
    "deflate",
    "gaps",
    "gini",
    "growth",
    "indices",
    "joining_spells",
    "kaplan_meier",
    "lorenz",
    "means",
    "reconcile",
    "sigma_convergence",
    "span",
    "status",
    "swings",
    "theil",
    "transitions",
    "weak_share",
    "weak_spells",
]


def __getattr__(name: str) -> object:
    """Open the files when one of their names is asked for, so that the door costs nothing."""
    if name not in __all__:
        raise AttributeError(
            f"module 'analysis.indicators' has no attribute {name!r}.{did_you_mean(name, __all__)}"
        )
    files = (
        import_module("analysis.indicators._bootstrap"),
        import_module("analysis.indicators.bands"),
        import_module("analysis.indicators.convergence"),
        import_module("analysis.indicators.income"),
        import_module("analysis.indicators.inequality"),
        import_module("analysis.indicators.pairs"),
        import_module("analysis.indicators.spells"),
        import_module("analysis.indicators.targets"),
    )
    found = next(vars(file)[name] for file in files if name in vars(file))
    return at_the_door(found) if inspect.isfunction(found) else found


def __dir__() -> list[str]:
    return __all__
