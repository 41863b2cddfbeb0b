"""Which data others may have: decided from their cards, in doubt against it."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean.build import BOOKS, BY_HAND, PUBLISHED, datasets
from analysis.clean.sources import Card, read_cards, read_toml
from analysis.errors import LianjianError
from analysis.reports.text import meant

_OPEN = re.compile(
    r"\b(?:CC0|CC[- ]BY|MIT|BSD|Apache|ODbL|ODC|PDDL|WTFPL|OGL|public domain)\b|open government",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    r"confidential|all rights reserved|proprietary|restricted|internal use|secret"
    r"|\b(?:not|never|no|without|forbid\w*|prohibit\w*)\b[^.;]{0,40}"
    r"\b(?:shar\w+|redistribut\w+|pass\w* on|publish|publication|disclos\w+|copied)\b"
    r"|禁止|不得|不可|不准|未经|保密|机密|秘密|涉密|内部",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Holding:
    """A dataset, and whether others may have it.

    Attributes
    ----------
    name, kind, title : str
        Of the dataset.
    folder : Path
        Where its raw files lie.
    cards : tuple of Card
        Of its raw files.
    head : dict
        What its card file says of all of them.
    withheld : str
        Why it is left out, empty when it goes in.
    """

    name: str
    kind: str
    title: str
    folder: Path
    cards: tuple[Card, ...]
    head: dict[str, Any] = field(repr=False)
    withheld: str = ""

    @property
    def untold(self) -> tuple[str, ...]:
        """What no card tells, and who wants the data must know."""
        asked = ("producer", "locator")
        said = {name: {getattr(card, name) for card in self.cards} for name in asked}
        return tuple(name for name in asked if said[name] <= {"", "not stated"})

    @property
    def is_books(self) -> bool:
        """Whether its files are books as received, not tidy tables."""
        return self.head.get("form") == BOOKS

    @property
    def is_drawn(self) -> bool:
        """Whether ``lianjian simulate`` wrote it: the persons in its books cannot exist."""
        return self.kind == "simulated" and "parameters" in self.head

    def files(self) -> Iterator[Path]:
        """Yield what belongs to it: its cards, the files they describe, what was filled in."""
        yield self.folder / ("sources.toml" if self.name == PUBLISHED else "dataset.toml")
        yield from (self.folder / card.file for card in self.cards)
        if self.name != PUBLISHED:
            yield from (self.folder / file for file in BY_HAND if (self.folder / file).is_file())


def known(names: Collection[str]) -> None:
    """Raise unless datasets are there."""
    for name in names:
        if name not in datasets():
            near = meant(name, datasets())
            raise LianjianError(
                f"There is no dataset {name!r}.{near} Datasets are: {', '.join(datasets())}."
            )


def holding(name: str, with_data: Collection[str], without: Collection[str] = ()) -> Holding:
    """Return a dataset, and whether it goes in.

    Parameters
    ----------
    name : str
        The dataset.
    with_data : collection of str
        Ledgers that go in though their cards are silent on who may have them.
    without : collection of str
        Datasets that stay out whatever their cards say.

    Raises
    ------
    LianjianError
        It must go in, and its cards say that others may not have it.

    Notes
    -----
    What is published or simulated goes in unless a card forbids it. Ledgers stay out unless the
    licence of every file is one that lets others have it, or they are asked for by name.
    """
    folder, card_file = paths.raw_dataset(name), paths.card_file(name)
    head, cards = read_toml(card_file), read_cards(card_file)
    kind = PUBLISHED if name == PUBLISHED else str(head.get("kind", ""))
    closed = [card.file for card in cards if _CLOSED.search(f"{card.licence}. {card.rights}")]
    if closed and (name == PUBLISHED or name in with_data):
        do = (
            "Every build needs this file. Take it in as a dataset of its own (`lianjian new`), "
            "which can be left out."
            if name == PUBLISHED
            else "Leave --with-data out; if the card is wrong, mend it."
        )
        raise LianjianError(
            f"{closed[0]}: its card in {card_file.name} says that others may not have it. {do}"
        )
    silent = [card.file for card in cards if not _OPEN.search(card.licence)]
    reason = ""
    if name in without:
        reason = "it was asked to stay out"
    elif closed:
        reason = f"licence or rights of {closed[0]} do not let others have it"
    elif kind == "ledger" and silent and name not in with_data:
        reason = f"the licence of {silent[0]} does not say that others may have it"
    return Holding(name, kind, str(head.get("title", name)), folder, cards, head, reason)
