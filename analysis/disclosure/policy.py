"""What may leave: the policy of a dataset, strict by itself for ledgers, loosened with a reason."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from analysis.errors import LianjianError, did_you_mean

MANTISSAS = (1.0, 2.0, 5.0)
"""Steps are one of these times a power of ten."""


HEADLINE = ("att-operating", "att-total", "mean-gain-operating", "mean-gain-total")
"""Numbers of the notebooks that go first: preferred estimates, and mean gains of weak villages."""


@dataclass(frozen=True)
class Policy:
    """Rules by which numbers of a dataset leave the machine that holds it.

    Attributes
    ----------
    p_percent : float
        No amount becomes known closer than this, in percent of itself, even to a reader who knows
        every other amount.
    kappa : float
        The first step tried, in units of ``p_percent`` of the largest contribution.
    floor_yuan : float
        Amounts nearer to zero than this are protected as if they were this large.
    atom_villages : int
        Villages behind an amount, at least.
    count_villages, count_round : int
        Smaller counts are said to be fewer than this; others are rounded to this.
    min_dof, treated_villages : int
        Residual degrees of freedom, and treated villages, behind an estimate at least.
    coarsest : float
        A number is withheld when its step exceeds this part of it, an estimate when it exceeds its
        standard error: rounding then adds at most a twelfth to its variance.
    headline, public : tuple of str
        Names of numbers that pass the door first, and of facts of the design, which are exempt.
    reason : str
        Why it is looser than by itself; printed on each page.
    on : bool
        Whether anything is guarded; published and drawn data are not.
    """

    p_percent: float = 10.0
    kappa: float = 3.0
    floor_yuan: float = 1000.0
    atom_villages: int = 5
    count_villages: int = 10
    count_round: int = 5
    min_dof: int = 10
    treated_villages: int = 5
    coarsest: float = 0.5
    headline: tuple[str, ...] = HEADLINE
    public: tuple[str, ...] = ()
    reason: str = ""
    on: bool = True

    @classmethod
    def read(cls, table: Mapping[str, Any], kind: str) -> "Policy":
        """Return the policy that a dataset's decisions state.

        Parameters
        ----------
        table : mapping
            ``[disclosure]`` of the dataset's decisions; empty for the strict policy.
        kind : str
            Of the dataset: ``ledger`` and ``mixed`` are guarded, others are exempt.

        Raises
        ------
        LianjianError
            An unknown key, a value of the wrong kind or out of range, or a rule that is loosened
            without a reason.
        """
        known = {item.name: item for item in fields(cls) if item.name != "on"}
        given: dict[str, Any] = {}
        for key, value in table.items():
            if key not in known:
                raise LianjianError(
                    f"[disclosure] has no key {key}.{did_you_mean(key, known)} It has "
                    f"{', '.join(known)}."
                )
            given[key] = _read(key, value, known[key].default)
        policy = cls(**given, on=kind in {"ledger", "mixed"})
        if (loose := policy.loosened()) and policy.on and not policy.reason.strip():
            raise LianjianError(
                f"[disclosure] is looser than by itself in {', '.join(loose)}. Say why in "
                'reason = "…"; the pages print it.'
            )
        return policy

    def loosened(self) -> tuple[str, ...]:
        """Return the rules that let out more than they do by themselves.

        Examples
        --------
        >>> Policy(p_percent=5, reason="agreed with the county").loosened()
        ('p_percent',)
        """
        strict = Policy()
        stricter_is_more = [name for name in _RANGES if name != "coarsest"]
        lower = [n for n in stricter_is_more if getattr(self, n) < getattr(strict, n)]
        higher = ["coarsest"] if self.coarsest > strict.coarsest else []
        return (*lower, *higher, *(["public"] if self.public else []))

    def allows_threshold(self, value: float) -> bool:
        """Whether a threshold that a reader may vary is one of 1, 2, 5 times a power of ten.

        Counts above thresholds that are near to each other tell the amounts between them.

        Examples
        --------
        >>> Policy().allows_threshold(5.0), Policy().allows_threshold(8.11)
        (True, False)
        """
        return not self.on or value == 0 or math.isclose(abs(value), nice(abs(value)))


_RANGES = {
    "p_percent": (1, 100),
    "kappa": (2, 100),
    "floor_yuan": (0, math.inf),
    "atom_villages": (3, math.inf),
    "count_villages": (3, math.inf),
    "count_round": (1, 1000),
    "min_dof": (1, math.inf),
    "treated_villages": (3, math.inf),
    "coarsest": (0, 1),
}


def _read(key: str, value: object, default: object) -> object:
    """Return one value of the policy, in its type and range."""
    if isinstance(default, str):
        if not isinstance(value, str):
            raise LianjianError(f"[disclosure] {key} is {value!r}. It takes text in quotes.")
        return value
    if isinstance(default, tuple):
        if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
            raise LianjianError(f'[disclosure] {key} is {value!r}. It takes a list, as in ["a"].')
        return tuple(value)
    wanted = "a whole number" if isinstance(default, int) else "a number"
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole or (isinstance(value, float) and isinstance(default, float))):
        raise LianjianError(f"[disclosure] {key} is {value!r}. It takes {wanted}.")
    low, high = _RANGES[key]
    if not low <= value <= high:  # type: ignore[operator]
        ends = f"at least {low}" if math.isinf(high) else f"{low} to {high}"
        raise LianjianError(f"[disclosure] {key} is {value}. It takes {wanted}, {ends}.")
    return value


def nice(step: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is no smaller than ``step``.

    Examples
    --------
    >>> nice(0.3), nice(0.5), nice(6.0), nice(0)
    (0.5, 0.5, 10.0, 0.0)
    """
    if step <= 0:
        return 0.0
    power = math.floor(math.log10(step)) - 1
    while True:
        for mantissa in MANTISSAS:
            # 5e-1 and 0.5 are one number only when it is read from its digits
            one = float(f"{mantissa:g}e{power}")
            if one >= step * (1 - 1e-12):
                return one
        power += 1


def steps(number: int, step: float) -> float:
    """Return so many steps as one writes them.

    Examples
    --------
    >>> 112 * 0.1, steps(112, 0.1)
    (11.200000000000001, 11.2)
    """
    return float(f"{number * step:.12g}")
