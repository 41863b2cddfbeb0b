"""Which data others may have: what their cards say in so many words, in doubt not."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis import paths
from analysis.clean import decisions
from analysis.clean.build import BOOKS, PUBLISHED, datasets
from analysis.clean.simulated import is_drawn
from analysis.clean.sources import Card, read_cards, read_toml
from analysis.errors import LianjianError
from analysis.reports.text import meant


@dataclass(frozen=True)
class Holding:
    """A dataset, and why it is left out; ``withheld`` is empty when it goes in."""

    name: str
    kind: str
    title: str
    folder: Path
    cards: tuple[Card, ...]
    head: dict[str, Any] = field(repr=False)
    withheld: str = ""

    @property
    def card_file(self) -> Path:
        """Where its cards stand."""
        return paths.card_file(self.name)

    @property
    def place(self) -> str:
        """Its folder, as the bundle names it."""
        return "data/raw" if self.name == PUBLISHED else f"data/raw/{self.name}"

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
        return is_drawn(self.head, self.cards)

    def files(self) -> Iterator[Path]:
        """Yield what belongs to it: its cards, the files they describe, what was filled in."""
        yield self.card_file
        yield from (self.folder / card.file for card in self.cards)
        if self.name != PUBLISHED:
            decided = paths.decisions(self.name)
            yield from (decided / kind for kind in decisions.KINDS if (decided / kind).is_file())


def known(names: Collection[str]) -> None:
    """Raise unless datasets are there."""
    for name in names:
        if name not in datasets():
            near = meant(name, datasets())
            raise LianjianError(
                f"There is no dataset {name!r}.{near} Datasets are: {', '.join(datasets())}."
            )


def holding(name: str, with_data: Collection[str], without: Collection[str] = ()) -> Holding:
    """Return a dataset, and whether it goes in: as its cards say, or as it was asked for."""
    card_file = paths.card_file(name)
    head = read_toml(card_file)
    held = Holding(
        name,
        PUBLISHED if name == PUBLISHED else str(head.get("kind", "")),
        str(head.get("title", name)),
        paths.raw_dataset(name),
        read_cards(card_file),
        head,
    )
    asked = "it was asked to stay out" if name in without else ""
    return replace(held, withheld=asked or _withheld(held, with_data))


def _withheld(held: Holding, with_data: Collection[str]) -> str:
    """Say why a dataset stays out; the strictest of its cards decides."""
    closed = [card for card in held.cards if card.share != "open"]
    never = [card for card in closed if card.share == "never"]
    place = f"data/raw/{held.card_file.relative_to(paths.raw()).as_posix()}"
    if held.name == PUBLISHED and closed:
        raise LianjianError(
            f'{closed[0].file}: its card in {place} does not say share = "open", and every build '
            "needs this file. Say so with its spdx, or take it in as a dataset of its own "
            "(`lianjian new`), which can be left out."
        )
    if never and held.name in with_data:
        raise LianjianError(
            f'{never[0].file}: its card in {place} says share = "never", so others may not have '
            "it. Leave --with-data out; if the card is wrong, mend it."
        )
    if never:
        return f'the card of {never[0].file} says share = "never"'
    if held.name in with_data or held.is_drawn:
        return ""
    if held.kind == "simulated":
        return "it is marked as simulated, and `lianjian simulate` did not write it"
    if closed and closed[0].share:
        return f'the card of {closed[0].file} says share = "{closed[0].share}"'
    if closed:
        return f"no card says who may have {closed[0].file} (share)"
    return ""
