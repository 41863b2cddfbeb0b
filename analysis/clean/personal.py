"""Personal data in tables: found by header and by shape, dropped, never repeated."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

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
_LIKELY = re.compile("[0-9][0-9 -]{9}|[Ee][+]?1[0-9]|@|[0-9][)]?-[0-9]{7}|[０-９Ａ-Ｚａ-ｚ＠]")
# 138.0013.8000, 138·00138000 and 一三八零零一三八零零零 are the same number.
_BETWEEN = re.compile(r"(?<=\d)[\s_·/*—–-]+(?=\d)", re.ASCII)
_POINTS = re.compile(r"(?<=\d)\.(?=\d+\.\d)|(?<=\d)\.(?=\d+$)", re.ASCII)
_SAID = str.maketrans("〇零一二三四五六七八九", "00123456789")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECK = "10X98765432"
_MOSTLY = 0.5  # of the filled cells: then the column is about persons, else single cells are


def shape_of(text: str) -> str:  # noqa: PLR0911  (one shape a line)
    """Return the reason for which a text is personal, or an empty text.

    Examples
    --------
    >>> shape_of("11010519491231002X"), shape_of("621002003200"), shape_of("3.2E+17")
    ('identity_number', '', 'identity_number_damaged')
    """
    plain = text if text.isascii() else normalise(text).translate(_SAID)
    closed = _closed(plain)
    if any(_is_identity(match[0]) for match in _IDENTITY.finditer(closed)):
        return "identity_number"
    if _MOBILE.search(closed):
        return "mobile_number"
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


def _closed(text: str) -> str:
    """Return a text without what stands between digits; a point is one when there are two."""
    closed = _BETWEEN.sub("", text)
    return _POINTS.sub("", closed) if closed.count(".") > 1 else closed


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


class Finding(NamedTuple):
    """Personal data in a column; it holds no cell and no header, since a header can hold a name.

    Attributes
    ----------
    position : int
        Of the column, from 0.
    reason : str
        One of `REASONS`.
    cells : int
        Of cells.
    is_column : bool
        The whole column is about persons; else single cells are, where most are something else.
    """

    position: int
    reason: str
    cells: int
    is_column: bool


def find_personal(
    headers: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]
) -> list[Finding]:
    """Find personal data in a table.

    Parameters
    ----------
    headers : sequence of sequence of str
        The labels of each column.
    columns : sequence of sequence of str
        The cells of each column.

    Examples
    --------
    >>> find_personal([["村名"], ["电话"]], [["甲", "乙"], ["13800138000", ""]])
    [Finding(position=1, reason='header', cells=1, is_column=True)]
    """
    found = []
    for position, (labels, cells) in enumerate(zip(headers, columns, strict=True)):
        counts = Counter(cells)
        filled = sum(count for text, count in counts.items() if text.strip())
        if any(map(is_personal_header, labels)):
            found.append(Finding(position, "header", filled, is_column=True))
            continue
        reasons: Counter[str] = Counter()
        for text, count in counts.items():
            if _LIKELY.search(text) and (reason := shape_of(text)):
                reasons[reason] += count
        in_header = any(map(shape_of, labels))
        is_column = in_header or reasons.total() > _MOSTLY * filled
        found += [
            Finding(position, reason, count, is_column) for reason, count in reasons.most_common()
        ]
        if in_header and not reasons:
            found.append(Finding(position, "header", filled, is_column))
    return found


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
