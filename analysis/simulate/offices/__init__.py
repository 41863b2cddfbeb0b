"""The simulated ledgers as the dirty workbooks that eight county offices would send."""

from analysis.simulate.offices.describe import describe_offices
from analysis.simulate.offices.dirt import Dirt
from analysis.simulate.offices.write import Books, make_books

__all__ = ["Books", "Dirt", "describe_offices", "make_books"]
