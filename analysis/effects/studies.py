"""One study for each measure of income, side by side, and why one could not be made."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from analysis.effects._study import DRAWS, Study, study, with_traits
from analysis.effects.inference._few_clusters import ALONE, NO_SPREAD
from analysis.effects.inference._resampling import SEED
from analysis.effects.panel import Panel
from analysis.effects.preferred import (
    ADJUST_FOR,
    adjusted_design,
    preferred_att,
    regression_att,
)
from analysis.effects.results import Estimate, html_table
from analysis.errors import LianjianError
from analysis.fields import FIELDS

if TYPE_CHECKING:
    from analysis.clean.dataset import Dataset

MEASURES = ("operating", "total")
NEEDED = (
    "Needed are two alliances at least: villages with the role allied_weak, their alliance_id and "
    "joined_year; villages outside; and books from the year before joining on, better of two."
)


@dataclass(frozen=True, eq=False, repr=False)
class Studies(Mapping[str, Study]):
    """Studies that could be made, by the short name of their measure."""

    made: Mapping[str, Study]
    refused: Mapping[str, str]  # and why the others could not be made

    def __getitem__(self, name: str) -> Study:
        return self.made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)

    def __repr__(self) -> str:
        lacking = [f"No study of {name}: {reason}" for name, reason in self.refused.items()]
        return "\n".join([*map(repr, self.made.values()), *lacking])

    def _repr_html_(self) -> str:
        shown = "".join(one._repr_html_() for one in self.made.values())
        lacking = {f"No study of {name}": reason for name, reason in self.refused.items()}
        return shown + "".join(html_table(n, pd.DataFrame(), (r,)) for n, r in lacking.items())

    def titled(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return values by measure under the titles of their panels, in both languages."""
        return {f"{name.capitalize()} {_chinese(name)}": value for name, value in values.items()}

    def answered(self) -> "Studies":
        """Return those whose preferred estimate can be had, with the reason for the others."""
        refused = dict(self.refused)
        for name, one in self.made.items():
            try:
                one.answer  # noqa: B018  (kept by the study once it is made)
            except LianjianError as error:
                refused[name] = str(error)
        return Studies({n: one for n, one in self.made.items() if n not in refused}, refused)

    @property
    def said(self) -> tuple[str, ...]:
        """What a page says of them before anything else, in sentences."""
        lines = [
            f"The question cannot be answered for {name} income. {reason}"
            for name, reason in self.refused.items()
        ]
        if not self.made:
            return (*lines, NEEDED)
        columns = next(iter(self.made.values())).panel.covariates
        if lacking := [name.replace("_", " ") for name in ADJUST_FOR if name not in columns]:
            lines.append(
                f"These books lack {' and '.join(lacking)}, so nothing on this page is "
                "adjusted for it. Where size or projects shape growth, the estimates below are "
                "wrong by as much."
            )
        return tuple(lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the answers say of themselves, with the measure that it is true of."""
        return tuple(
            f"For {name} income: {note}"
            for name, one in self.made.items()
            for note in one.answer.notes
        )


def _any_att(panel: Panel, anticipation: int) -> Estimate:
    """Return the regression, or the balanced estimate where no regression can be had."""
    try:
        return regression_att(panel, anticipation=anticipation)
    except LianjianError as error:
        try:
            return preferred_att(panel, until=max(anticipation, 1))
        except LianjianError:
            raise error from None


def _chinese(name: str) -> str:
    return FIELDS[f"{name}_income_yuan"].label_zh


def studies(
    data: "Dataset",
    measures: Sequence[str] = MEASURES,
    *,
    anticipation: int = 1,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Studies:
    """Return a study of each measure: weak allied villages against villages outside.

    Parameters
    ----------
    data : Dataset
    measures : sequence of str
        Short names of measures in yuan.
    anticipation : int
        Years before joining that selection may have touched.
    draws : int
        Sets of placebo alliances.
    seed : int
        Of everything drawn.
    """
    frame = with_traits(data)
    made, refused = {}, {}
    for name in measures:
        plan = adjusted_design(frame, anticipation=anticipation)
        one = study(frame, name, plan, draws=draws, seed=seed)
        try:
            found = _any_att(one.panel, anticipation)
            if math.isnan(found.std_error):
                refused[name] = ALONE if ALONE in found.notes else NO_SPREAD
            else:
                made[name] = one
        except LianjianError as error:
            refused[name] = str(error)
    return Studies(made, refused)
