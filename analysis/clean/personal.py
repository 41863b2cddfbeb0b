"""Personal data in tables: found by header and by shape, dropped, never repeated."""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from analysis.clean.text import normalise, squeeze

REASONS = {
    "header": "the header says that the column is about a person",
    "identity_number": "18 digits with a right check digit, or 15 with a date of birth",
    "identity_number_damaged": "an identity or card number that a spreadsheet made a number of",
    "mobile_number": "a mobile number",
    "landline_number": "a telephone number with area code",
    "bank_card": "16 to 19 digits with a right check digit (Luhn)",
    "e_mail": "an e-mail address",
}
"""The closed list of reasons."""

# What village forms head such columns with.
HEADER_WORDS = (
    "身份证", "证件号", "公民身份号码", "手机", "电话", "联系方式", "微信", "邮箱", "姓名", "名字",
    "书记", "主任", "文书", "报账员", "负责人", "法人", "法定代表人", "联系人", "经办人", "填表人",
    "户主", "银行账号", "银行帐号", "账号", "帐号", "卡号", "开户名", "住址", "家庭地址",
    "出生年月", "出生日期", "监护人", "带头人", "承包人", "责任人", "驻村干部姓名", "身份证号",
)  # fmt: skip
# 会计 alone is a person, 会计科目 is not.
_EXACT_HEADERS = frozenset({"会计", "村会计", "出纳", "村干部", "干部", "理事长", "监事长"})
# 电话费 and 书记报酬 are amounts, 法人单位数 and 户主人数 are counts.
_NO_PERSON = re.compile(
    r"(?:费|费用|支出|收入|补助|补贴|报酬|工资|津贴|数|数量|人数|户数|金额|余额|额|个|元|年限|职数)"
    r"(?:\([^()]*\))?$|\([^()]*元\)$|^是否|单位性质|项目|工程"
)

# Digit boundaries: without them nearly half of all 12-digit village codes hold a mobile number.
# Not before a decimal: 13800138000.50 is an amount, while .0 is what a float prints.
_END = r"(?!\d|\.\d*[1-9]|\.\d\d|,\d)"
_START = r"(?<![\d.,])"
_IDENTITY = re.compile(rf"{_START}[1-6]\d{{16}}[\dXx]{_END}", re.ASCII)
_OLD_IDENTITY = re.compile(rf"{_START}[1-6]\d{{14}}{_END}", re.ASCII)
_MOBILE = re.compile(
    rf"{_START}(?:\+?86[- ]?)?1[3-9]\d(?:\d{{8}}|[- ]\d{{4}}[- ]\d{{4}}){_END}", re.ASCII
)
_LANDLINE = re.compile(r"(?<!\d)\(?0\d{2,3}(?:\)|-|\)-)\d{7,8}(?!\d)", re.ASCII)
_CARD = re.compile(rf"{_START}[3-69](?:\d{{15,18}}|\d{{3}}(?: \d{{4}}){{3}}(?: \d{{1,3}})?){_END}",
                   re.ASCII)  # fmt: skip
_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[A-Za-z]{2,}", re.ASCII)
# 18 digits are E+17, 15 are E+14, cards E+15 to E+18, mobiles 1.3 to 1.9 E+10; a village code is
# E+11 and no amount is as large as any of them.
_SCIENTIFIC = re.compile(
    r"(?<![\d.])(?:[1-9](?:\.\d+)?[Ee]\+?1[4-8]|1\.[3-9]\d*[Ee]\+?10)(?!\d)", re.ASCII
)
_MAYBE = re.compile(r"\d[\d\s.+)Ee-]{5,}|@", re.ASCII)
# Any text with a shape matches this; amounts of fewer than 11 digits do not.
_LIKELY = r"[0-9][0-9 -]{9}|[Ee][+]?1[0-9]|@|[0-9][)]?-[0-9]{7}|[０-９Ａ-Ｚａ-ｚ＠]"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECK = "10X98765432"
_MOSTLY = 0.5  # of the filled cells: then the column is about persons, else single cells are
_REPORT = ("position", "reason", "count", "action")


def shape_of(text: str) -> str:  # noqa: PLR0911  (one shape a line)
    """Return the reason for which a text is personal, or an empty text.

    Examples
    --------
    >>> shape_of("11010519491231002X"), shape_of("621002003200"), shape_of("3.2E+17")
    ('identity_number', '', 'identity_number_damaged')
    """
    plain = text if text.isascii() else normalise(text)
    if not _MAYBE.search(plain):
        return ""
    if any(_is_identity(match[0]) for match in _IDENTITY.finditer(plain)):
        return "identity_number"
    if any(_is_date(f"19{match[0][6:12]}") for match in _OLD_IDENTITY.finditer(plain)):
        return "identity_number"
    if _SCIENTIFIC.search(plain) or any(_is_rounded(m[0]) for m in _IDENTITY.finditer(plain)):
        return "identity_number_damaged"
    if _MOBILE.search(plain):
        return "mobile_number"
    if any(_is_card(match[0].replace(" ", "")) for match in _CARD.finditer(plain)):
        return "bank_card"
    if _LANDLINE.search(plain):
        return "landline_number"
    return "e_mail" if _MAIL.search(plain) else ""


def is_personal_header(text: str) -> bool:
    """Return whether a header says that its column is about persons.

    Examples
    --------
    >>> [is_personal_header(text) for text in ("聯繫電話", "村书记姓名", "电话费", "会计科目")]
    [True, True, False, False]
    """
    header = squeeze(text).strip(":*")
    if header in _EXACT_HEADERS:
        return True
    return any(word in header for word in HEADER_WORDS) and not _NO_PERSON.search(header)


def find_personal(frame: pd.DataFrame) -> pd.DataFrame:
    """Find the columns of a table that hold personal data.

    Parameters
    ----------
    frame : DataFrame
        Cells as text (numbers are looked at as they print).

    Returns
    -------
    DataFrame
        One row a column and reason: ``position`` of the column from 0, ``reason`` of `REASONS`,
        ``count`` of cells, and ``action``: the column is to be dropped, or single cells are to be
        removed where most of the column is something else. It holds no cell and no header, since
        a header can hold a name, too.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"村名": ["甲", "乙"], "电话": ["13800138000", ""]})
    >>> find_personal(table).values.tolist()
    [[1, 'header', 1, 'column dropped']]
    """
    found: list[tuple[int, str, int, str]] = []
    for position, header in enumerate(frame.columns):
        cells = frame.iloc[:, position]
        filled = _filled(cells)
        if any(is_personal_header(str(part)) for part in _parts(header)):
            found.append((position, "header", int(filled.sum()), "column dropped"))
            continue
        reasons = _shapes(cells)
        counts = reasons[reasons != ""].value_counts()
        in_header = any(shape_of(str(part)) for part in _parts(header))
        drop = in_header or counts.sum() > _MOSTLY * filled.sum()
        action = "column dropped" if drop else "cells removed"
        found += [(position, str(why), int(n), action) for why, n in counts.items()]
        if in_header and counts.empty:
            found.append((position, "header", int(filled.sum()), action))
    return pd.DataFrame(found, columns=list(_REPORT))


def drop_personal(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table without personal data, and what `find_personal` found.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"村名": ["甲", "乙", "丙"], "备注": ["电13800138000", "修路", "打井"],
    ...                       "姓名": ["某", "某", "某"]})
    >>> clean, report = drop_personal(table)
    >>> clean["备注"].isna().tolist(), clean.columns.tolist()
    ([True, False, False], ['村名', '备注'])
    """
    report = find_personal(frame)
    dropped = set(report.loc[report["action"] == "column dropped", "position"])
    touched = set(report["position"]) - dropped
    kept = [at for at in range(frame.shape[1]) if at not in dropped]
    columns = []
    for at in kept:
        cells = frame.iloc[:, at]
        columns.append(cells.mask(_shapes(cells) != "") if at in touched else cells)
    clean = pd.concat(columns, axis=1) if columns else frame.iloc[:, []].copy()
    clean.columns = frame.columns[kept]
    return clean, report


def _parts(header: Any) -> Iterable[Any]:  # noqa: ANN401  (a label can be anything)
    return header if isinstance(header, tuple) else (header,)


def _filled(cells: pd.Series) -> pd.Series:
    return cells.notna() & (cells.astype("str").str.strip() != "")


def _shapes(cells: pd.Series) -> pd.Series:
    """Return the reason of each cell; few cells are long enough to be looked at one by one."""
    reasons = np.full(len(cells), "", dtype=object)
    texts = cells.astype("str")
    likely = texts.str.contains(_LIKELY, regex=True, na=False).to_numpy(dtype=bool)
    reasons[likely] = [shape_of(text) for text in texts[likely]]
    return pd.Series(reasons, index=cells.index)


def _is_identity(digits: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return _CHECK[total % 11] == digits[-1].upper() and _is_date(digits[6:14])


def _is_rounded(digits: str) -> bool:
    """Whether a spreadsheet, which keeps 15 digits, made zeros of the last three."""
    return digits.endswith("000") and _is_date(digits[6:14])


def _is_date(digits: str) -> bool:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    return 1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31  # noqa: PLR2004


def _is_card(digits: str) -> bool:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if at % 2 else 1)
        total += number - 9 if number > 9 else number  # noqa: PLR2004
    return total % 10 == 0
