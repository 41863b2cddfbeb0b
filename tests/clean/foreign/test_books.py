"""The books themselves: every number is said to be an amount or none, and the amounts add up."""

import pytest

from .books import Sheet, read_books, within
from .person import VILLAGES

FACTORS = (1, 1_000, 10_000)
BOOKS = read_books()


def stands_for(sheet: Sheet, amount) -> bool:
    """Whether the cells say the amount in 元, 千元 or 万元, or are text that needs reading."""
    values = [sheet.value(cell) for cell in amount.cells]
    if any(not isinstance(value, int | float) for value in values):
        return all(value is not None for value in values)
    return any(abs(sum(values) * factor - amount.yuan) < 0.006 for factor in FACTORS)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_every_number_is_an_amount_or_said_to_be_none(book):
    for sheet in book.sheets:
        amounts = [*sheet.truth, *sheet.may, *sheet.doubt]
        assert {amount.village for amount in amounts} <= set(VILLAGES)
        assert [amount for amount in amounts if not stands_for(sheet, amount)] == []
        booked = {cell for amount in amounts for cell in amount.cells}
        never = {cell for cell in sheet.numbers() if within(cell, " ".join(sheet.never.values()))}
        assert set(sheet.numbers()) - booked - never == set()
        assert {amount.cell for amount in sheet.truth} & never == set()


def test_no_two_books_say_which_amount_counts_differently():
    for book in BOOKS:
        keys = [(a.village, a.year, a.item) for a in book.amounts("truth")]
        assert len(keys) == len(set(keys)), book.name


def test_nothing_names_the_annex_that_nobody_has_seen():
    for book in BOOKS:
        assert "14号" not in book.form + book.about
