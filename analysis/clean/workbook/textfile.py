"""Text tables: encoding and delimiter found, every line kept.

Plain text has no parser that could be attacked, so it is read in the project's own process, under
the same limits on rows, columns, cells and text.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from analysis.clean.workbook.cells import Row, Sheet
from analysis.clean.workbook.limits import MAX_LINE_CHARS, Unreadable, over
from analysis.clean.workbook.pages import Pages

_COMMON = "村元年镇乡县收入户市合计"
"""Characters that stand in any village table, simplified or common to both scripts."""
_COMMON_TRADITIONAL = "村元年鎮鄉縣收入戶市合計"

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_DELIMITERS = (",", "\t", ";", "，", "|", "｜")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SAMPLE_LINES = 200
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_YEAR = re.compile(r"(19|20)\d\d")
_THOUSANDS = re.compile(r"-?\d{1,3},\d{3}(\.\d+)?")
_AS_UTF8 = "Save it as CSV in UTF-8 from a spreadsheet program."


def read_textfile(path: Path) -> Sheet:
    """Return a text table as a sheet."""
    text, encoding = decode(path.read_bytes())
    delimiter = find_delimiter(text)
    rows = _rows(text, delimiter)
    _must_be_whole(rows, delimiter)
    notes = [f"read as {encoding}, cells separated by {_NAMES[delimiter]}"]
    if uneven := _uneven(rows):
        notes.append(uneven)
    return Sheet(name="", rows=rows, notes=tuple(notes))


_NAMES = {
    ",": "commas",
    "\t": "tabs",
    ";": "semicolons",
    "，": "full-width commas",
    "|": "vertical bars",
    "｜": "full-width vertical bars",
}


def decode(content: bytes) -> tuple[str, str]:
    """Return the text of some bytes and the name of their encoding."""
    # gb18030 and not gbk: 48 village names of the national register lie outside gbk
    mark, encoding = next((bom for bom in _BOMS if content.startswith(bom[0])), (b"", "utf-8"))
    if not mark and b"\0" in content:
        raise _nul(content.index(b"\0"))
    try:
        text = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if mark:
            raise _undecodable(f"{encoding}, which its first bytes announce", error) from None
        problem = error
    else:
        if "\0" in text:
            raise _nul(text.index("\0"))
        return text, encoding
    candidates = []
    for encoding, common in (("gb18030", _COMMON), ("big5", _COMMON_TRADITIONAL)):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        candidates.append((sum(map(text.count, common)), encoding, text))
    if not candidates:
        raise _undecodable("UTF-8, GB18030 or Big5", problem)
    best = max(candidates, key=lambda candidate: candidate[0])
    if best[0] == 0 or (len(candidates) > 1 and candidates[0][0] == candidates[1][0]):
        raise Unreadable(
            "encoding",
            "its encoding cannot be told: read as "
            + " or ".join(name for _, name, _ in candidates)
            + f" it holds none or equally many of the characters {_COMMON}",
            _AS_UTF8,
        )
    return best[2], best[1]


def _nul(position: int) -> Unreadable:
    return Unreadable(
        "binary",
        f"it holds a NUL character at position {position:,}, so it is no text table",
        "It is damaged or another format; copy it again from where it came.",
    )


def _undecodable(expected: str, error: UnicodeDecodeError) -> Unreadable:
    byte = error.object[error.start]
    seen = f"it is no text in {expected}: byte 0x{byte:02x} at position {error.start:,}"
    return Unreadable("encoding", seen, _AS_UTF8)


def find_delimiter(text: str) -> str:
    """Return the delimiter that gives the lines the most even number of cells."""
    sample = list(islice(_lines(text), _SAMPLE_LINES))
    scores = []
    for rank, delimiter in enumerate(_DELIMITERS):
        try:
            widths = [len(row) for row in _parse(sample, delimiter) if any(row)]
        except csv.Error:
            continue
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        usual = max(set(wide), key=lambda width: (wide.count(width), width))
        scores.append((wide.count(usual) * (usual - 1), -rank, delimiter))
    return max(scores)[2] if scores else ","


def _lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends, one at a time: a second copy of the text would be large."""
    for found in _LINE.finditer(text):
        yield found[0]


def _parse(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _rows(text: str, delimiter: str) -> dict[int, Row]:
    rows: dict[int, Row] = {}

    def take(message: dict[str, Any]) -> None:
        rows.update({n: Row(kinds, texts) for n, kinds, texts in message.get("rows", ())})

    longest = max(map(len, _lines(text)), default=0)
    if longest > MAX_LINE_CHARS:
        raise over("line", "characters in one line", longest, MAX_LINE_CHARS)
    pages = Pages(take)
    pages.open("")
    try:
        for number, record in enumerate(_parse(_lines(text), delimiter), start=1):
            texts = [cell.strip(" \t\r\n\u3000\ufeff") for cell in record]
            while texts and not texts[-1]:
                texts.pop()
            if texts:
                pages.add(number, "".join(map(_kind, texts)), texts)
    except csv.Error as error:
        raise Unreadable(
            "quotes", f"its quotation marks do not match ({error})", _AS_UTF8
        ) from None
    pages.end()
    if not rows:
        raise Unreadable("empty", "it holds no text", "Copy it again from where it came.")
    return rows


def _kind(text: str) -> str:
    if not text:
        return " "
    return "n" if _NUMBER.fullmatch(text) else "s"


def _must_be_whole(rows: dict[int, Row], delimiter: str) -> None:
    """Refuse a text whose amounts were parted at the comma of their thousands: 10 | 000."""
    # which cells belong together cannot always be told (8,500,120), so none is read
    if delimiter not in {",", "，"}:
        return
    heads = (
        len(row.texts)
        for row in rows.values()
        if all(k != "n" or _YEAR.fullmatch(t) for k, t in zip(row.kinds, row.texts, strict=True))
    )
    head = max(heads, default=0)
    longer = {number: row.texts for number, row in rows.items() if len(row.texts) > head > 1}
    torn = {
        number: [(a, b) for a, b in pairwise(texts) if _THOUSANDS.fullmatch(f"{a},{b}")]
        for number, texts in longer.items()
    }
    if not torn or any(len(torn[n]) < len(texts) - head for n, texts in longer.items()):
        return
    number = min(torn)
    left, right = torn[number][0]
    raise Unreadable(
        "thousands",
        f"line {number:,} has {len(longer[number])} cells under a head of {head}: {left!r} and "
        f"{right!r} look like one amount, {left},{right}, parted at its comma",
        "Save it with quotation marks around such amounts, without such commas, or as .xlsx.",
    )


def _uneven(rows: dict[int, Row]) -> str:
    """Return a note on lines that are longer than those around them, empty when there is none."""
    widths = [len(row.texts) for row in rows.values()]
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    longer = [number for number, row in rows.items() if len(row.texts) > usual]
    if not longer:
        return ""
    shown = ", ".join(map(str, longer[:10])) + (", …" if len(longer) > 10 else "")  # noqa: PLR2004
    return f"{len(longer)} lines have more than {usual} cells, kept as they stand: {shown}"
