"""Personal data in tables: found by header and by shape, dropped, never repeated."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from analysis.clean.text import normalise, squeeze
from analysis.clean.words import SAYS, pattern, remembered, words

REASONS: dict[str, str] = SAYS["personal"]
"""The closed list of reasons."""

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
# Any text with a shape matches this or holds a title; amounts of fewer than 11 digits do not.
_LIKELY = re.compile(
    "[0-9][0-9 -]{9}|[Ee][+]?1[0-9]|@|[0-9][)]?-[0-9]{7}|[０-９Ａ-Ｚａ-ｚ＠]|[A-Za-z_]{2}"
)
# 138.0013.8000, 138·00138000 and 一三八零零一三八零零零 are the same number.
_BETWEEN = re.compile(r"(?<=\d)[\s_·/*—–-]+(?=\d)", re.ASCII)
_POINTS = re.compile(r"(?<=\d)\.(?=\d+\.\d)|(?<=\d)\.(?=\d+$)", re.ASCII)
_SAID = str.maketrans("〇零一二三四五六七八九", "00123456789")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999
_CHECK = "10X98765432"
_MOSTLY = 0.5  # of the filled cells: then the column is about persons, else single cells are


@remembered
def _spoken() -> dict[str, re.Pattern[str]]:
    """Return what gives a person away in words, by its reason."""
    said = words()["persons"]
    titles, surnames = "|".join(said["titles"]), "".join(said["surnames"])
    own, numbered = "|".join(said["messengers"]), "|".join(said["numbered_messengers"])
    # 微信 12500 is an amount that came that way, "wechat payments" are words
    letters = (
        r"(?:(?:号码?|帐号|账号|账户|id)?[:为是_\s]*(?<![a-z]\s)(?<![a-z])|\s*:\s*)[a-z][\w-]{4,}"
    )
    digits = r"(?:号码?|帐号|账号)?[:为是\s]*[1-9]\d{4,10}(?!\d|\.\d)"
    name = (
        "[\u4e00-\u9fff]{1,2}(?![\u4e00-\u9fff])(?<![村镇乡县社部办局会])"  # 负责人:虚春村 is none
    )
    return {
        "messenger": re.compile(
            rf"(?<![a-z\d])(?:wxid_\w|(?:{own}|{numbered})(?:{letters}|同号)|(?:{numbered}){digits})",
            re.ASCII | re.IGNORECASE,
        ),
        "name": re.compile(
            rf"(?:{titles})(?:姓名|签[字名])?\s*(?::\s*[\u4e00-\u9fff]{{1,2}}|\(?\s*[{surnames}]){name}"
            rf"|^[{surnames}][\u4e00-\u9fff]{{1,2}}[(:\s]+(?:村|副|支部)*(?:{titles})"
        ),
    }


@remembered
def _titled() -> re.Pattern[str]:
    """Return the words without one of which no text speaks of a person by title or messenger."""
    said = words()["persons"]
    held = [*said["titles"], *said["messengers"], *said["numbered_messengers"]]
    return re.compile("|".join(held), re.IGNORECASE)


def shape_of(text: str) -> str:
    """Return the reason for which a text is personal, or an empty text."""
    return _number_of_person(text) or _person_in_words(text)


@remembered
def _person_in_words(text: str) -> str:
    if not _titled().search(text := normalise(text)):
        return ""
    return next((reason for reason, one in _spoken().items() if one.search(text)), "")


def _number_of_person(text: str) -> str:
    plain = text if text.isascii() else normalise(text).translate(_SAID)
    closed = _closed(plain)
    if any(_is_identity(match[0]) for match in _IDENTITY.finditer(closed)):
        return "identity_number"
    if _MOBILE.search(closed):
        return "mobile_number"
    if not _MAYBE.search(plain):
        return ""
    numbers = [match[0] for match in _IDENTITY.finditer(plain)]
    old = (f"19{match[0][6:12]}" for match in _OLD_IDENTITY.finditer(plain))
    if any(map(_is_identity, numbers)) or any(map(_is_date, old)):
        return "identity_number"
    # a spreadsheet, which keeps 15 digits, made zeros of the last three
    rounded = (number[6:14] for number in numbers if number.endswith("000"))
    cards = (match[0].replace(" ", "") for match in _CARD.finditer(plain))
    found = {
        "identity_number_damaged": _SCIENTIFIC.search(plain) or any(map(_is_date, rounded)),
        "mobile_number": _MOBILE.search(plain),
        "bank_card": any(map(_is_card, cards)),
        "landline_number": _LANDLINE.search(plain),
        "e_mail": _MAIL.search(plain),
    }
    return next((reason for reason, is_one in found.items() if is_one), "")


def _closed(text: str) -> str:
    """Return a text without what stands between digits; a point is one when there are two."""
    closed = _BETWEEN.sub("", text)
    return _POINTS.sub("", closed) if closed.count(".") > 1 else closed


def is_personal_header(text: str) -> bool:
    """Return whether a header says that its column is about persons."""
    header, said = squeeze(text).strip(":*"), words()["persons"]
    if header in said["whole_heads"]:
        return True
    is_one = any(word in header for word in said["heads"])
    return is_one and not pattern("persons", "no_heads").search(header)


class Finding(NamedTuple):
    """Personal data in a column; it holds no cell and no header, since a header can hold a name."""

    position: int  # of the column, from 0
    reason: str  # one of `REASONS`
    cells: int  # of cells
    # the whole column is about persons; else single cells are, where most are something else
    is_column: bool


def find_personal(
    headers: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]
) -> list[Finding]:
    """Find personal data in a table."""
    found = []
    for position, (labels, cells) in enumerate(zip(headers, columns, strict=True)):
        counts = Counter(cells)
        filled = sum(count for text, count in counts.items() if text.strip())
        if any(map(is_personal_header, labels)):
            found.append(Finding(position, "header", filled, is_column=True))
            continue
        reasons: Counter[str] = Counter()
        for text, count in counts.items():
            likely = _LIKELY.search(text) or (not text.isascii() and _titled().search(text))
            if likely and (reason := shape_of(text)):
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


def _is_date(digits: str) -> bool:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:8])
    return 1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31  # noqa: PLR2004


def _is_card(digits: str) -> bool:
    total = 0
    for at, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if at % 2 else 1)
        total += number - 9 if number > 9 else number  # noqa: PLR2004
    return total % 10 == 0
