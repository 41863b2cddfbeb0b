"""What a file may be: the limits, each with its reason, and the refusal that names them.

The limits are far above what a county sends and far below what harms the machine that reads.
"""

from pathlib import Path
from typing import Final

from analysis.errors import LianjianError

MEGABYTE: Final = 1_000_000

# The largest honest workbook met, one county, ten years, every account, is under 10 MB.
MAX_FILE_BYTES: Final = 64 * MEGABYTE
# A sheet formatted down to its last row inflates to about 300 MB and holds only a few values.
MAX_INFLATED_BYTES: Final = 512 * MEGABYTE
# Empty formatted rows compress 20 to 60 times; deflate cannot exceed 1,032, and bombs come near.
MAX_RATIO: Final = 200
# Small members of repeated text reach high ratios and harm nobody.
RATIO_FROM_BYTES: Final = 8 * MEGABYTE
# 400 sheets bring at most a few members each.
MAX_MEMBERS: Final = 4_000
# 宁县 has 257 villages; one sheet for each of them must pass.
MAX_SHEETS: Final = 400
# Rows WITH values. The whole country has about 500,000 villages.
MAX_ROWS: Final = 500_000
# The right-most column with a value: ten years of a form of 100 columns pass.
MAX_COLUMNS: Final = 1_024
# Cells with values: up to 150 bytes each, and the reading process stays below 500 MB.
MAX_CELLS: Final = 2_000_000
# Text of all cells together, for the same reason.
MAX_TEXT_BYTES: Final = 64 * MEGABYTE
# What a spreadsheet program itself allows in a cell.
MAX_CELL_CHARS: Final = 32_767
# One merge for each cell of a 2,000-village register would be fewer.
MAX_MERGES: Final = 50_000
# Struck, unseen and commented cells: a county's whole record of one account would be fewer.
MAX_MARKS: Final = 50_000
# A title across 16,384 columns passes, a merge over a whole sheet does not.
MAX_MERGED_CELLS: Final = 1_000_000
# Text is held whole and as cells at once.
MAX_TEXTFILE_BYTES: Final = 32 * MEGABYTE
# A line of a text table: 1,024 columns of 100 characters.
MAX_LINE_CHARS: Final = 100_000

ADDRESS_SPACE_BYTES: Final = 2_000 * MEGABYTE
CPU_SECONDS: Final = 30
WALL_SECONDS: Final = 60
"""Of the process that parses: 1,000,000 cells need about 5 s and 200 MB."""


class Refused(LianjianError):  # noqa: N818  (the verdict on a file)
    """A file that is not read, and why."""

    def __init__(self, path: Path, code: str, seen: str, advice: str) -> None:
        super().__init__(f"{path} is not read: {seen}. {advice}")
        self.path = path
        self.code = code


class Unreadable(Exception):  # noqa: N818  (a sentence about the content, turned into Refused)
    """Raised where the file's name is not known: reason code, what was seen, what to do."""

    def __init__(self, code: str, seen: str, advice: str) -> None:
        super().__init__(seen)
        self.code, self.seen, self.advice = code, seen, advice


def over(code: str, what: str, seen: int, limit: int) -> Unreadable:
    """Return the error of a count above its limit."""
    return Unreadable(
        code,
        f"it has {seen:,} {what} or more; the limit is {limit:,}",
        "Delete what does not belong to the tables, or split the file, and save it anew.",
    )
