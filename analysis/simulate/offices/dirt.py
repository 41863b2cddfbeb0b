"""How dirty the books are: every rate once, with what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from analysis.errors import LianjianError


def _share(default: float, of: str, expected: str, description: str) -> float:
    metadata = {"of": of, "expected": expected, "description": description}
    declared: Any = field(default=default, metadata=metadata)
    return declared


def _switch(of: str, expected: str, description: str) -> bool:
    metadata = {"of": of, "expected": expected, "description": description}
    declared: Any = field(default=True, metadata=metadata)
    return declared


@dataclass(frozen=True)
class Dirt:
    """What is wrong with the books of an office, and how often.

    A number is a share of what ``metadata["of"]`` names, in each office: that share is planted,
    rounded, and at least one where there is any to choose from. A switch is on or off. The name
    of a field is the ``kind`` in ``planted.csv``. With all at zero the books are clean in the
    same layouts.

    Raises
    ------
    LianjianError
        A share is not between 0 and 1.

    Examples
    --------
    >>> Dirt(tick=0).tick, Dirt.none().blank
    (0, 0)
    """

    blank: float = _share(0.001, "amounts", "read", "The cell is empty: missing, never zero")
    dash: float = _share(
        0.001, "amounts", "read", "-, —, 无 or / in place of the amount: missing, never zero"
    )
    zero_filled: float = _share(
        0.002,
        "villages and years",
        "issue",
        "Every account of the village and year says 0.0: a blank form that was prefilled",
    )
    tick: float = _share(0.0001, "amounts", "refused", "√ in place of the amount")
    number_as_text: float = _share(
        0.002, "amounts", "read", "The number is stored as text (workbooks only)"
    )
    full_width: float = _share(0.001, "amounts", "read", "Full-width digits: ３５．６")
    separators: float = _share(
        0.001, "amounts of 1,000 or more", "read", "Grouped digits: 1，234，567．89 or 1,234,567.89"
    )
    own_unit: float = _share(
        0.0005,
        "amounts",
        "read",
        "The cell states a unit, not that of its table: 27.9万元 among 元",
    )
    in_words: float = _share(
        0.0005, "amounts above zero", "read", "Written out with a unit: 二十七点九万元"
    )
    about: float = _share(
        0.0003, "amounts of 1 万元 or more", "read",
        "约 before two digits of the amount: ± half of the last non-zero digit",
    )  # fmt: skip
    more_than: float = _share(
        0.0003, "amounts of 10 万元 or more", "read",
        "多 after the first digit of the amount in 万元 (20多), or after 万 (27万多): reads as the "
        "lower end, up to the next step",
    )  # fmt: skip
    no_number: float = _share(
        0.0004, "amounts of 1 万元 or more", "refused",
        "3.34亿万元, 33,5, 25/30, 待核, 见附表: text that must not become a number",
    )  # fmt: skip
    formula: float = _share(
        0.0002, "amounts above zero", "refused", "A formula without its value (workbooks only)"
    )
    unit_slip: float = _share(
        0.0003,
        "amounts of 1 万元 or more, but for grants and other income",
        "issue",
        "元 where the table has 万元, or the reverse: wrong by 10,000",
    )
    total_off: float = _share(0.005, "totals above zero", "issue", "A total that does not add up")
    duplicate_row: float = _share(0.002, "lines", "issue", "A line is printed twice")
    suffix_double: float = _share(
        0.001, "lines", "issue", "A line is printed twice, as 村 and as 村民委员会"
    )
    name_suffix: float = _share(
        0.05, "village names", "read", "村委会, 村民委员会 or nothing for 村"
    )
    name_spaces: float = _share(0.01, "village names", "read", "Spaces inside the name")
    name_prefix: float = _share(0.01, "village names", "read", "# or △ before the name")
    name_cut: float = _share(
        0.003, "village names", "issue", "村民委员会 cut to five characters and …"
    )
    head_break: float = _share(
        0.5, "header cells that name an account", "read", "A line break inside the header cell"
    )
    other_column: bool = _switch(
        "offices", "issue", "预计年效益, 上年收入 and 第二季度累计收入 beside the accounts"
    )
    personal_column: bool = _switch(
        "offices", "issue", "姓名, 身份证号, 联系电话 and 银行账号, none of which can exist"
    )
    signatures: bool = _switch("pages", "", "Notes and a line for signatures below the table")
    traditional: bool = _switch("庚县", "read", "Traditional characters throughout")

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not 0 <= value <= 1:
                raise LianjianError(
                    f"Dirt({item.name}={value!r}): expected a share between 0 and 1."
                )

    @classmethod
    def none(cls) -> "Dirt":
        """Return no dirt at all."""
        off: dict[str, Any] = {item.name: 0 for item in fields(cls)}
        return cls(**off)

    @classmethod
    def times(cls, factor: float) -> "Dirt":
        """Return the default rates times a factor, each at most a half; no dirt at all for zero.

        Examples
        --------
        >>> Dirt.times(5).blank, Dirt.times(0) == Dirt.none(), Dirt.times(1) == Dirt()
        (0.005, True, True)
        """
        if not factor:
            return cls.none()
        rates: dict[str, Any] = vars(cls())
        more = {
            name: rate if isinstance(rate, bool) else min(factor * rate, max(rate, 0.5))
            for name, rate in rates.items()
        }
        return cls(**more)

    @classmethod
    def expected(cls, kind: str) -> str:
        """Return what a reader must do with a kind of fault."""
        return cls._about(kind)["expected"]

    @classmethod
    def describe(cls, kind: str) -> str:
        """Return what a kind of fault is, in one sentence."""
        return cls._about(kind)["description"]

    @classmethod
    def _about(cls, kind: str) -> Mapping[str, str]:
        return next(item.metadata for item in fields(cls) if item.name == kind)


def how_many(share: float, of: int) -> int:
    """Return how many of so many a share is, at least one when there is any.

    Examples
    --------
    >>> how_many(0.1, 26), how_many(0.001, 26), how_many(0, 26), how_many(0.1, 0)
    (3, 1, 0, 0)
    """
    return min(of, max(1, round(share * of))) if share > 0 else 0
