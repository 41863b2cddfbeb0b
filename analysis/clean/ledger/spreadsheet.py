"""Questions answered in a spreadsheet: ``questions.xlsx`` beside ``answers.toml``."""

import difflib
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from analysis import _language, paths
from analysis.clean import decisions
from analysis.clean.ledger.answers import read_answers
from analysis.clean.ledger.collect import Shelf
from analysis.clean.ledger.describe import asked_of, entry_of, identity, quoted
from analysis.clean.ledger.private import of_amount, safe
from analysis.clean.ledger.questions import choices_of, sentence, told
from analysis.clean.workbook.limits import Refused
from analysis.clean.workbook.reader import read_sheets
from analysis.clean.workbook.tables import Question
from analysis.errors import LianjianError
from analysis.fields import EVERY_COUNTY
from analysis.files import write_bytes, zipped

_SHEET, _CHOICES = "questions 问题", "choices 选项"
_COLUMNS: Final = {  # key: head, width; without a width it is hidden
    "form": ("form 表式", 0),
    "block": ("block", 0),
    "panel": ("panel", 0),
    "file": ("file 文件", 22),
    "sheet": ("sheet 工作表", 14),
    "about": ("about 关于", 22),
    "key": ("key 项目", 11),
    "question": ("question", 38),
    "问题": ("问题", 30),
    "says": ("answers 可填", 44),
    "proposal": ("proposal 建议", 14),
    "answer": ("answer 答案", 18),
    "by": ("by 填写人", 11),
    "on": ("on 日期", 11),
    "evidence": ("evidence 依据", 30),
    "rows": ("rows in question 原表", 46),
}
_IDENTITY = ("form", "file", "sheet", "block", "panel", "key", "about")
_GIVEN: Final = {True: "choose from the list 从下拉列表选择", False: "write it 直接填写"}
_USUAL: Final = {"county": tuple(c.name_zh for c in EVERY_COUNTY)}
_LINES, _CELLS, _KEYS = 3, 8, 3
_TIMES = re.compile(rb"<dcterms:(created|modified)[^>]*>[^<]*</dcterms:\1>")


def ask(name: str, shelf: Shelf) -> Path | None:
    """Write what the books leave open for a person to answer; without anything there is no file."""
    path = paths.decisions(name) / decisions.QUESTIONS
    if path.is_file() and _filled(path):
        return path
    waiting = asked_of(shelf, read_answers(decisions.answers(name)))
    if not waiting:
        path.unlink(missing_ok=True)
        return None
    decisions.prepare(name)
    write_bytes(path, workbook([_line(one) for one in waiting]))
    return path


def take_over(name: str) -> tuple[str, ...]:
    """Bring what a person wrote into ``questions.xlsx`` to ``answers.toml``, and say so.

    The file goes to the history as it was filled in.
    """
    path = paths.decisions(name) / decisions.QUESTIONS
    if not path.is_file() or not (filled := _filled(path)):
        return ()
    text = decisions.answers_text(name)
    entries = decisions.answers(name).get("answer", [])
    known = {identity(entry): at for at, entry in enumerate(entries)}
    said: dict[int, dict[str, str]] = {}
    for number, line in filled:
        where = f"{path}, row {number}"
        at = known.get(identity(line))
        if at is None:
            near = _nearest(line, entries)
            raise LianjianError(
                f"{where}: nothing asks for {line['key']!r} of {_shown(line)}; the nearest that is "
                f"asked is {near}. Put the answer there, or clear it."
            )
        before = str(entries[at].get("answer", ""))
        if before not in {"", line["answer"]}:
            raise LianjianError(
                f"{where} answers {line['answer']!r}, and {decisions.ANSWERS} says {before!r} of "
                "the same. Clear the one that does not count."
            )
        _must_be_one(where, {**entries[at], "answer": line["answer"]})
        said[at] = {key: line[key] for key in ("answer", "by", "on") if line[key]}
    decisions.keep(name, path)
    decisions.write_answers(name, _filled_in(text, said))
    path.unlink()
    return (f"{len(said)} answers of {path} were taken over into {decisions.ANSWERS}",)


def _filled_in(text: str, said: Mapping[int, Mapping[str, str]]) -> str:
    """Return the text of answers.toml with answers put into some of its entries, by number."""
    parts, number = [], -1
    for header, part in decisions.sections(text):
        lines = part.splitlines(keepends=True)
        number += header == "answer"
        if header == "answer" and (given := said.get(number)):
            lines = [line for line in lines if line.partition("=")[0].strip() not in given]
            end = next((at for at, line in enumerate(lines) if at and not line.strip()), len(lines))
            lines[end:end] = [f"{key} = {quoted(value)}\n" for key, value in given.items()]
        parts.append("".join(lines))
    return "".join(parts)


def _must_be_one(where: str, entry: Mapping[str, Any]) -> None:
    try:
        read_answers({"answer": [entry]})
    except LianjianError as error:
        raise LianjianError(f"{where}{str(error).removeprefix('answers.toml, answer 1')}") from None


def _shown(entry: Mapping[str, Any]) -> str:
    _, file, sheet, *_ = told = identity(entry)
    about = "、".join(told[len(_IDENTITY) - 1 :])
    return " ".join(filter(None, (about, file, sheet))) or "the table"


def _nearest(line: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    names = {f"{entry['key']} of {_shown(entry)}": None for entry in entries}
    wanted = f"{line['key']} of {_shown(line)}"
    return next(iter(difflib.get_close_matches(wanted, list(names), 1, 0.0)), "nothing")


def _line(one: Question) -> dict[str, str | tuple[str, ...]]:
    entry = entry_of(one)
    files = list(dict.fromkeys(table.file for table in one.tables))
    seen_in = "" if "file" in entry else ", ".join(files[:_CELLS])
    return {
        **{key: str(entry.get(key, "")) for key in _IDENTITY},
        "about": "\n".join(one.about),
        "question": sentence(one),
        "问题": sentence(one, "zh"),
        "proposal": one.proposal,
        "evidence": "\n".join(filter(None, (*_in_both(one.evidence), seen_in))),
        "rows": "\n".join(_rows(one)),
        "choices": choices_of(one) or _USUAL.get(one.key, ()),
        "says": "\n".join(_choices(one)),
    }


def _choices(one: Question) -> Iterator[str]:
    """Yield how an answer is given, and what the choices mean that do not speak for themselves."""
    choices, says = choices_of(one), told()[one.key].get("says", {})
    yield _GIVEN[bool(choices)]
    yield from (f"{choice} = {says[choice]}" for choice in choices if choice in says)


def _in_both(text: str) -> Iterator[str]:
    """Yield a text in English and in Chinese, as all of the sheet is said."""
    yield text
    if text and "zh" in _language.languages():
        with _language.writing("zh", "books"):
            yield _language.said(text)


def _rows(one: Question) -> Iterator[str]:
    """Yield the head and the first lines that a question is about, remarks left out."""
    table, about = one.tables[0], {*one.about}
    roles = [column.role for column in table.columns]
    own = one.columns or [at for at, c in enumerate(table.columns) if {c.name, c.label} & about]
    keys = [at for at, role in enumerate(roles) if role not in {"value", "text", "number"}]
    values = sorted(own) or [at for at, role in enumerate(roles) if role == "value"]
    shown = sorted({*keys[:_KEYS], *values[: _CELLS - _KEYS]}) or range(len(roles))
    yield " | ".join(safe(table.columns[at].name) for at in shown)
    lines = table.grid.texts
    if about and (at := table.find("item")) is not None:
        lines = tuple(line for line in lines if line[at] in about) or lines
    show = {"value": of_amount, "text": lambda _: "…"}
    for line in lines[:_LINES]:
        yield " | ".join(show.get(roles[at], safe)(line[at]) for at in shown)


def workbook(lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the questions as a workbook: one a row, with drop-downs from a hidden sheet."""
    import openpyxl  # noqa: PLC0415
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = openpyxl.Workbook()
    page = book.active
    page.title = _SHEET
    for column, (key, (head, width)) in enumerate(_COLUMNS.items(), start=1):
        letter = get_column_letter(column)
        page.column_dimensions[letter].width = width or 8
        page.column_dimensions[letter].hidden = not width
        _put(page.cell(1, column), head)
        page.cell(1, column).font = Font(bold=True)
        for row, line in enumerate(lines, start=2):
            cell = page.cell(row, column)
            _put(cell, str(line.get(key, "")))
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if key == "answer":
                cell.fill = PatternFill("solid", fgColor="FFF2CC")
    page.freeze_panes = "A2"
    page.auto_filter.ref = page.dimensions
    _offer(book, page, lines)
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as made:
        # the same questions give the same bytes: nothing says when they were written
        return zipped({name: _TIMES.sub(b"", made.read(name)) for name in made.namelist()})


def _offer(book: Any, page: Any, lines: Sequence[Mapping[str, Any]]) -> None:  # noqa: ANN401
    """Give each answer that has choices a drop-down; the lists lie on a sheet of their own."""
    from openpyxl.utils import get_column_letter  # noqa: PLC0415
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    answer = get_column_letter(1 + list(_COLUMNS).index("answer"))
    offered = book.create_sheet(_CHOICES)
    offered.sheet_state = "hidden"
    lists: dict[tuple[str, ...], DataValidation] = {}
    for row, line in enumerate(lines, start=2):
        choices = tuple(line.get("choices", ()))
        if not choices:
            continue
        if choices not in lists:
            column = len(lists) + 1
            for at, choice in enumerate(choices, start=1):
                _put(offered.cell(at, column), choice)
            letter = get_column_letter(column)
            formula = f"'{_CHOICES}'!${letter}$1:${letter}${len(choices)}"
            # an answer that is not listed is checked when it is read: a column can be named
            lists[choices] = DataValidation("list", formula, allow_blank=True)
            lists[choices].showErrorMessage = False
            page.add_data_validation(lists[choices])
        lists[choices].add(f"{answer}{row}")


def _put(cell: Any, text: str) -> None:  # noqa: ANN401
    """Write a text as a text, whatever it begins with: a book must not plant a formula here."""
    cell.value = "".join(char for char in text if char.isprintable() or char == "\n") or None
    if cell.value is not None:
        cell.data_type = "s"
        cell.quotePrefix = text[0] in "=+-@"


def _filled(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the lines that hold an answer, with their row; the file is never trusted."""
    again = "Save it as .xlsx again, or remove it: `lianjian build` writes a new one."
    try:
        sheets = read_sheets(path)
    except Refused as error:
        raise LianjianError(f"{path} cannot be read ({error}). {again}") from None
    page = next((sheet for sheet in sheets if sheet.name == _SHEET), None)
    if page is None or 1 not in page.rows:
        seen = f"it has no sheet {_SHEET!r} with a head in its first row"
        raise LianjianError(f"{path} cannot be read ({seen}). {again}")
    heads = {head: key for key, (head, _) in _COLUMNS.items()}
    columns = {heads.get(text.strip(), ""): at for at, text in enumerate(page.rows[1].texts, 1)}
    if missing := [key for key in (*_IDENTITY, "answer") if key not in columns]:
        shown = ", ".join(_COLUMNS[key][0] for key in missing)
        raise LianjianError(f"{path}: the head lacks {shown}. The columns' names must stay.")
    found = []
    for row in page.rows:
        line = {key: page.text(row, columns[key]).strip() for key in _COLUMNS if key in columns}
        if row > 1 and line["answer"]:
            found.append((row, {"by": "", "on": "", **line}))
    return found
