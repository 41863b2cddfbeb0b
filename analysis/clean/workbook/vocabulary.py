"""What the words of a table mean: units, years, totals, labels, and what a column holds."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from analysis.clean.account_names import CODES, is_known, read_account
from analysis.clean.places import township_name, village_name
from analysis.clean.text import normalise, squeeze
from analysis.clean.words import pattern, remembered, words

_MONEY = tuple(words()["units"]["money"])
_COUNTS = tuple(words()["units"]["counts"])
_UNIT = "|".join((*_MONEY, *_COUNTS))
_RATE = rf"(?:{_UNIT})(?:/(?:{_UNIT}|年))?"
_IN_BRACKETS = re.compile(rf"[(\[【](?:计量)?(?:单位)?[::]?({_RATE})(?: ?(?:yuan|RMB|CNY))?[)\]】]")
_STATED = re.compile(
    rf"(?:计量|金额|货币)?单位[::]?(?:[均都皆]?[为是])?(?:人民币)?((?:{_RATE})(?:[、,/和](?:{_UNIT}))*)(?![^)\],、。;]*[村镇乡社])"
)
_AT_END = re.compile(rf"(?<=[^\d\W])[/,、]?(亿元|万元|千元)$|/({_RATE})$")
_BARE_UNIT = re.compile(rf"[(\[]?({_RATE})[)\]]?")

YEAR: Final = r"(?<!\d)(19[5-9]\d|20[0-4]\d)(?!\d)"
_YEARS = re.compile(YEAR)
_YEAR_WORD = re.compile(YEAR + r"\s*(?:年度|年末|年底|年终|年|度)?(?:12月(?:31日|底|末)?)?")
_BARE_YEAR = re.compile(YEAR + r"(?:\.0)?(?:年度|年末|年底|年)?")
_DATE_YEAR = re.compile(YEAR + r"-\d\d-\d\d(?: .*)?")
_CHINESE_YEAR = re.compile(
    "[一二]([九〇○零0])([〇○零0一二三四五六七八九])([〇○零0一二三四五六七八九])年"
)
_DIGITS = {char: str(value) for value, char in enumerate("〇一二三四五六七八九")}
_DIGITS |= dict.fromkeys("○零0", "0")
_SHORT_YEAR = re.compile(
    r"(?<![\d.])([0-4]\d)年(?=度|末|底|$|[\u4e00-\u9fff/(])(?![期限以来间内后前租多])"
)
_MONTHS = re.compile(  # 2022.01-2022.12, 2022年1月1日至6月30日, 2022/1-6月
    rf"{YEAR}[年./-]0?(1[0-2]|[1-9])(?:月|[月./-]\d{{1,2}}日?)?\s*"
    rf"(?:[至到~—–]+|(?<=[日月])-|-(?=\d{{4}}[年./-]|\d{{1,2}}月))\s*"
    r"(?:\1[年./-])?0?(1[0-2]|[1-9])(?:月|[月./-]\d{1,2}日?)?(?!\d)"
)
_PERIOD = re.compile(YEAR + r"年?\s*[-—–~至到]+\s*" + YEAR + "|累计|合计数")

_SPACES = re.compile(r"[\s\u200b\ufeff]+")
_HAN_SPACE = re.compile(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])|[\r\n\u200b\ufeff]+")
_PREFIX = re.compile(r"^[#△▲※*☆★◆●]+")
_NUMBERING = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}[、.]|\([一二三四五六七八九十\d]{1,3}\)|\d{1,2}[、.](?!\d)"
    r"|[A-Z]\d{1,3}(?:\s+|(?=[\u4e00-\u9fff])))"  # A03 行政村
)
_TOTAL = re.compile(
    r".*(?:合计|小计|总计|共计|总和|汇总)(?:数|\([^)]*\))?[::]?|全[省市州县区镇乡村](?:合计|平均)?"
)
_MAY_BE_TOTAL = re.compile("[计計和汇全总總]")
_PART = re.compile(r"^其中[::]?|^#?其中[::]")
_NUMBER_LIKE = re.compile(r"[-+约近超不足到¥￥△(]{0,3}[\d,，.]*\d")
_LABEL_WORDS = re.compile("收入|支出|收益|资金|[年月季村]|[数率]$")
_LISTED = re.compile(r"\(?\d{1,2}[、.)]\s*(?![十百千万亿]*元)[\u4e00-\u9fff]{2}")  # 5、您所在的村
_INTEGER = re.compile(r"[(\[]?(\d{1,3})[)\]]?(?:=.*)?")
_STEM = frozenset("甲乙丙丁戊己庚辛")
_CORNER = frozenset({"栏次", "行次", "序号", "代码", "列次", "栏目", "编号", "列号"})

_NOTE = re.compile(
    r"^(?:注|说明|备注|填表说明|填报说明|附注|数据来源|资料来源|补充资料|指标解释)\d?[::.、]|^(?:填表说明|填报说明)$|^注$"
)
_SIGN = re.compile(
    r"(?:单位负责人|统计负责人|填表人|填报人|制表人?|审核人?|复核人?|报出日期|填报日期|填表日期|制表日期|填报时间|"
    r"上报日期|上报时间|联系电话|联系人|主要领导|分管领导|经办人|负责人签[字名]|签[字名]|盖章|\(公章\))|"
    rf"(?:{'|'.join(words()['persons']['titles'])})(?:签[字名])?[::]"
)
_FACT = re.compile(r"^([^::\d()]{2,12})[::](.{0,60})$")
_SAYS_DATE = re.compile("日期|时间")
SIGN: Final = r"[*※†‡#△▲]+|[①-⑳⑴-⒇¹²³⁴-⁹]|[\[［]\d[\]］]|[(（]?注\d[)）]?"
"""The sign of a footnote, behind an amount and before what is said of it."""

_FOOTNOTE = re.compile(
    rf"\s*[(（]?(?:备?注[:：]?\s*)?(?:凡?[带标有])?({SIGN})\s*[:：、.)）]?\s*(.*[^\W\d].*)",
    re.DOTALL,
)
"""① 含某款; 注：带*号的为某款: the sign, and what it says."""


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """Return a label without breaks, spaces between Chinese characters, and full-width forms."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _HAN_SPACE.sub("", normalise(text).strip()).strip()


def lift_unit(label: str) -> tuple[str | None, str]:
    """Return the unit that a plain label states, and the label without it."""
    for stated in (_IN_BRACKETS, _STATED, _AT_END):
        if (found := stated.search(label)) and (unit := found[1] or found[found.lastindex or 1]):
            rest = label[: found.start()] + label[found.end() :]
            if stated is _IN_BRACKETS and unit == "村":
                continue
            return unit, rest.strip("()[]【】,、 ")
    return None, label


def bare_unit(label: str) -> str | None:
    """Return the unit when a plain cell holds nothing else."""
    found = _BARE_UNIT.fullmatch(label)
    return found[1] if found else None


def money_unit(stated: str) -> str | None:
    """Return the one unit of money in a statement such as ``万元、户``."""
    parts = [part for part in re.split("[、,和]", stated) if part in _MONEY]
    return parts[0] if len(parts) == 1 else None


def lift_year(label: str) -> tuple[int | None, str]:
    """Return the one year that a plain label names, and the label without it."""
    label = spelled(label)
    if found := _DATE_YEAR.fullmatch(label):
        return int(found[1]), ""
    years = set(_YEARS.findall(label))
    if len(years) != 1 or _PERIOD.search(label):
        return None, label
    rest = _YEAR_WORD.sub("", label).strip("()[],、 ")
    return int(years.pop()), rest


def spelled(label: str) -> str:
    """Return a plain label with years in digits and months as 2022年1-6月."""
    return _MONTHS.sub(r"\1年\2-\3月", _CHINESE_YEAR.sub(_digits, label))


def short_years(label: str) -> list[str]:
    """Return the years that a plain label names by two digits: 22年."""
    return _SHORT_YEAR.findall(label)


def with_full_years(label: str, *, only_first: bool = False) -> str:
    """Return a plain label with 2022年 for 22年, or only where it begins with that."""
    if only_first and not _SHORT_YEAR.match(label):
        return label
    return _SHORT_YEAR.sub(r"20\1年", label, count=int(only_first))


def _digits(found: re.Match[str]) -> str:
    first = "1" if found[0][0] == "一" else "2"
    return first + "".join(_DIGITS[char] for char in found.groups()) + "年"


def years_named(text: str) -> list[int]:
    """Return the years a text names, in order and once each."""
    return list(dict.fromkeys(int(y) for y in _YEARS.findall(spelled(text))))


def is_year(label: str) -> bool:
    """Tell whether a plain cell is a year and nothing else."""
    return bool(_BARE_YEAR.fullmatch(_CHINESE_YEAR.sub(_digits, label)))


def is_total(label: str) -> bool:
    """Tell whether a label is that of a sum over other rows or columns."""
    may_be = bool(_MAY_BE_TOTAL.search(label))
    return (may_be and bool(_TOTAL.fullmatch(stripped(label)))) or is_only_a_sum(label)


@remembered
def is_only_a_sum(label: str) -> bool:
    """Tell whether a label says that its line or column is a sum, and nothing else: 合计, Total."""
    return bool(pattern("kinds", "only_a_sum").fullmatch(stripped(label)))


def is_part(label: str) -> bool:
    """Tell whether a label begins with 其中: a part of the line before it."""
    return "其" in label and bool(_PART.match(stripped(label)))


def stripped(label: str) -> str:
    """Return a plain label without the marks that are printed before it."""
    text = _SPACES.sub("", plain(label)) if not plain(label).isascii() else plain(label)
    return _NUMBERING.sub("", _PREFIX.sub("", text).strip()).strip()


def item_label(label: str) -> str:
    """Return the name of an account or measure: no marks, no numbering, no 其中."""
    return _NUMBERING.sub("", _PART.sub("", stripped(label))).strip()


def is_number_like(text: str) -> bool:
    """Tell whether a cell starts like a quantity."""
    return bool(_NUMBER_LIKE.match(unicodedata.normalize("NFKC", text).strip()))


def is_quantity(text: str) -> bool:
    """Tell whether a text cell is a quantity and no label that begins with digits."""
    return is_number_like(text) and not _LABEL_WORDS.search(text) and not _LISTED.match(text)


def is_numbering(labels: list[str]) -> bool:
    """Tell whether cells are 甲 乙 1 2 3: the numbers of columns or rows, no data."""
    rest = [text for text in labels if text]
    before = len(rest)
    while rest and (rest[0] in _STEM or rest[0] in _CORNER):
        rest.pop(0)
    stems = before - len(rest)
    found = [_INTEGER.fullmatch(text) for text in rest]
    numbers = [int(match[1]) for match in found if match]
    if len(numbers) != len(found):
        return False
    if not numbers:
        return len(labels) > 1 and bool(labels) and all(t in _STEM for t in labels if t)
    steps_by_one = all(b - a == 1 for a, b in pairwise(numbers))
    return numbers[0] <= 2 and steps_by_one and (len(numbers) > 1 or stems > 1)  # noqa: PLR2004


def is_note(label: str) -> bool:
    """Tell whether a line is a note or a signature that ends a table."""
    return bool(_NOTE.match(plain(label)) or is_signature(label))


def footnote(text: str) -> tuple[str, str] | None:
    """Return the sign and the words of a line such as ``[1] 含借款``: no name of a place."""
    found = _FOOTNOTE.fullmatch(text)
    if not found or is_number_like(found[2]) or is_place(found[2]):
        return None
    return found[1], found[2]


def is_signature(label: str) -> bool:
    """Tell whether a cell asks for a name, a date or a seal."""
    text = plain(label)
    found = _SIGN.search(text)
    return bool(found) and (":" in text or found.start() == 0)  # type: ignore[union-attr]


def fact(label: str) -> tuple[str, str] | None:
    """Return label and value of a line such as ``填报单位：虚构镇``."""
    found = _FACT.match(plain(label))
    return (found[1], found[2]) if found else None


def is_date_fact(name: str) -> bool:
    """Tell whether a fact's name speaks of when the form was filled in."""
    return bool(_SAYS_DATE.search(name))


# of several words over one amount the first here decides: 上年同期累计 is of the year before
TIMES = (
    "whole", "span", "rate", "plan", "before", "opening", "closing", "running", "quarter", "month",
    "actual", "declared", "year",
)  # fmt: skip
SIDES = ("debit", "credit")

OF_THE_YEAR = frozenset({"", "whole", "actual", "year"})
"""Bases on which an amount is that of its year."""

_ACCOUNT_CODE = re.compile(r"[1-6]\d\d(?:[.-]?\d\d){0,2}", re.ASCII)
_MAY_HOLD_A_BASIS = frozenset({"unknown", "forecast", "last_year", "cumulative", "change", "mean"})
_SAID_WITH_IT = re.compile(
    "^(?:本年|当年|同期|的)+|(?:同期|本年|当年|金额|发生额?|余额|余|情况|[数额])+$"
)


@remembered
def role_of(label: str) -> str | None:
    """Return the role that a column's head announces."""
    text = squeeze(label).lower().strip("*#△:")
    return next((r for r in words()["roles"] if pattern("roles", r).fullmatch(text)), None)


@remembered
def basis_of(label: str) -> tuple[str, str, str]:
    """Return on what time and side of its account an amount stands, and the rest of the head."""
    if read_account(label).code not in _MAY_HOLD_A_BASIS:
        return "", "", label
    found, rest = {}, label
    for kind, bases in (("time", TIMES), ("side", SIDES)):
        for basis in bases:
            if match := pattern("basis", basis).search(rest):
                found[kind] = basis
                rest = rest[: match.start()] + rest[match.end() :]
                break
    if not found:
        return "", "", label
    if found.get("time") == "before":  # 上年同期累计 is one word
        rest = pattern("basis", "running").sub("", rest)
    rest = _SAID_WITH_IT.sub("", rest).strip("()[]-—_/:、 ")
    return found.get("time", ""), found.get("side", ""), rest


def joined_basis(levels: Sequence[tuple[str, str]]) -> str:
    """Return what all words over one amount say: its time and its side, parted by a blank."""
    times, sides = zip(*levels, strict=True) if levels else ((), ())
    first = [next((each for each in known if each in said), "")
             for known, said in ((TIMES, times), (SIDES, sides))]  # fmt: skip
    return " ".join(filter(None, first))


def is_money(label: str) -> bool:
    """Tell whether a measure is money by its name."""
    return bool(pattern("kinds", "money").search(label)) and not is_count(label)


def is_count(label: str) -> bool:
    """Tell whether a measure is a count or a rate by its name."""
    return bool(pattern("kinds", "counts").search(label))


@remembered
def is_place(text: str) -> bool:
    """Tell whether a text ends like the name of a village or township and is no word of ours."""
    return _ends_like_a_place(text) and not is_word(text)


def is_township(text: str) -> bool:
    """Tell whether a text ends like the name of a township and not like that of a village."""
    return bool(township_name(text).kind) and not village_name(text).kind and len(text) > 1


def _ends_like_a_place(text: str) -> bool:
    return bool(pattern("kinds", "places").fullmatch(squeeze(text)))


@remembered
def is_word(text: str) -> bool:
    """Tell whether a text is a word of the vocabulary: then it names no place."""
    code = read_account(text).code
    # 村民委员会 holds 村民, which speaks of households elsewhere
    if role_of(text) is not None or code in (_NAMES if _ends_like_a_place(text) else _ANY):
        return True
    time, side, rest = basis_of(text)
    return bool(time or side) and not rest


_NAMES = frozenset({"account", "total", "part", "balance", "distribution", "contract", "attribute"})
_ANY = frozenset(CODES) - {"unknown"}


def item_kind(label: str) -> str:
    """Return what a row's label is as an item: "known", "money", or empty when it is neither."""
    if not re.search(r"[^\W\d]", label):
        return "known" if _ACCOUNT_CODE.fullmatch(label) else ""
    return "known" if is_known(label) else "money" if is_money(label) else ""
