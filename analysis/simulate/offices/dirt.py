"""How dirty the books are: the rates of ``faults.toml``, or other ones."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from analysis.errors import LianjianError


@dataclass(frozen=True)
class Fault:
    """A kind of fault as ``faults.toml`` states it; ``only`` is the county that alone has it."""

    rate: float
    of: str
    expected: str
    description: str
    only: str = ""


_FILE = Path(__file__).with_name("faults.toml")
FAULTS: Final[Mapping[str, Fault]] = {
    kind: Fault(**stated) for kind, stated in tomllib.loads(_FILE.read_text("utf-8")).items()
}


class Dirt:
    """What is wrong with the books of an office, and how often: `FAULTS`, or other shares."""

    def __init__(self, **rates: float) -> None:
        for kind, rate in rates.items():
            if kind not in FAULTS:
                raise LianjianError(f"There is no fault {kind!r}. Kinds are: {', '.join(FAULTS)}.")
            if not 0 <= rate <= 1:
                raise LianjianError(f"Dirt({kind}={rate!r}): expected a share between 0 and 1.")
        self._rates = {kind: rates.get(kind, fault.rate) for kind, fault in FAULTS.items()}

    def __getitem__(self, kind: str) -> float:
        """Return the share of a kind."""
        return self._rates[kind]

    @classmethod
    def none(cls) -> "Dirt":
        """Return no dirt at all: clean books in the same layouts."""
        return cls(**dict.fromkeys(FAULTS, 0))

    @classmethod
    def times(cls, factor: float) -> "Dirt":
        """Return the stated rates times a factor, each at most a half; no dirt at all for zero."""
        if not factor:
            return cls.none()
        stated = {kind: fault.rate for kind, fault in FAULTS.items()}
        return cls(**{
            kind: rate if isinstance(rate, bool) else min(factor * rate, max(rate, 0.5))
            for kind, rate in stated.items()
        })  # fmt: skip


def how_many(share: float, of: int) -> int:
    """Return how many of so many a share is, at least one when there is any."""
    return min(of, max(1, round(share * of))) if share > 0 else 0
