"""The years of the simulated books; published means and the accounting break are tied to them."""

YEARS = tuple(range(2018, 2025))
BREAK_YEAR = 2024  # the accounting system of 2023 is in force since 2024-01-01
