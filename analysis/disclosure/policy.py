"""What may leave: the policy of a dataset, strict by itself for ledgers, loosened with a reason."""

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

from analysis.errors import LianjianError, did_you_mean

HEADLINE = ("att-operating", "att-total", "mean-gain-operating", "mean-gain-total")
"""Numbers of the notebooks that go first: preferred estimates, and mean gains of weak villages."""

N = TypeVar("N", int, float)


def _at_least(low: float, default: N, *, most: float = math.inf) -> N:
    """Return a rule in numbers, with its range."""
    rule: N = field(default=default, metadata={"range": (low, most)})
    return rule


@dataclass(frozen=True)
class Policy:
    """Rules by which numbers of a ledger leave the machine that holds it.

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
    """

    p_percent: float = _at_least(1, 10.0, most=100)
    kappa: float = _at_least(2, 3.0, most=100)
    floor_yuan: float = _at_least(0, 1000.0)
    atom_villages: int = _at_least(3, 5)
    count_villages: int = _at_least(3, 10)
    count_round: int = _at_least(1, 5, most=1000)
    min_dof: int = _at_least(1, 10)
    treated_villages: int = _at_least(3, 5)
    coarsest: float = _at_least(0, 0.5, most=1)
    headline: tuple[str, ...] = HEADLINE
    public: tuple[str, ...] = ()
    reason: str = ""

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> "Policy":
        """Return the policy that ``[disclosure]`` of a dataset's decisions states.

        Raises
        ------
        LianjianError
            An unknown key, a value of the wrong kind or out of range, or a rule that is loosened
            without a reason.
        """
        known = {item.name: item for item in fields(cls)}
        for key in table:
            if key not in known:
                raise LianjianError(
                    f"[disclosure] has no key {key}.{did_you_mean(key, known)} It has "
                    f"{', '.join(known)}."
                )
        policy = cls(**{key: _read(known[key], value) for key, value in table.items()})
        if (loose := policy.loosened()) and not policy.reason.strip():
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
        loose = []
        for rule in fields(self):
            own, strict = getattr(self, rule.name), rule.default
            # the lower the looser, but for how coarse a number may become
            if rule.metadata and (own > strict if rule.name == "coarsest" else own < strict):
                loose.append(rule.name)
        return (*loose, *(["public"] if self.public else []))

    def allows_threshold(self, value: float) -> bool:
        """Whether a threshold that a reader may vary is one of 1, 2, 5 times a power of ten.

        Counts above thresholds that are near to each other tell the amounts between them.

        Examples
        --------
        >>> Policy().allows_threshold(5.0), Policy().allows_threshold(8.11)
        (True, False)
        """
        return value == 0 or math.isclose(abs(value), nice(abs(value)))


def _read(rule: "Field[Any]", value: Any) -> Any:  # noqa: ANN401  (TOML)
    """Return one value of the policy, in its type and range."""
    key = rule.name
    if isinstance(rule.default, str):
        if not isinstance(value, str):
            raise LianjianError(f"[disclosure] {key} is {value!r}. It takes text in quotes.")
        return value
    if isinstance(rule.default, tuple):
        if not isinstance(value, list) or any(not isinstance(each, str) for each in value):
            raise LianjianError(f'[disclosure] {key} is {value!r}. It takes a list, as in ["a"].')
        return tuple(value)
    wanted = "a whole number" if isinstance(rule.default, int) else "a number"
    if type(value) not in {int, type(rule.default)}:
        raise LianjianError(f"[disclosure] {key} is {value!r}. It takes {wanted}.")
    low, high = rule.metadata["range"]
    if not low <= value <= high:
        ends = f"at least {low}" if math.isinf(high) else f"{low} to {high}"
        raise LianjianError(f"[disclosure] {key} is {value!r}. It takes {wanted}, {ends}.")
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
    power = math.floor(math.log10(step))
    # 5e-1 and 0.5 are one number only when it is read from its digits
    several = (float(f"{mantissa}e{power}") for mantissa in (1, 2, 5, 10))
    return next(one for one in several if one >= step * (1 - 1e-12))


def to_step(value: float, step: float, side: int = 0) -> float:
    """Return the next whole number of steps, as one writes it; an end of an interval outwards.

    Examples
    --------
    >>> to_step(11.23, 0.1), to_step(11.23, 0.1, 1), to_step(-11.23, 0.1, -1)
    (11.2, 11.3, -11.3)
    """
    outwards = side * math.ceil(side * value / step - 1e-9)
    return float(f"{(outwards if side else round(value / step)) * step:.12g}")
