"""What the words of a header say that a column holds: places, money, counts."""

import re

from analysis.clean.workbook.marks import plain

_SPACES = re.compile(r"\s+")
_OF = r"(?:所[属在]|所)?"
_ROLES = (
    ("number", re.compile(r"序号|行次|行号|栏次|编号|№|no\.?|次序")),
    ("code", re.compile(r".*(?:代码|编码|区划码)")),
    ("year", re.compile(r"年份|年度|所属年度?|会计年度|统计年度|数据年份|年")),
    ("unit", re.compile(r"(?:计量|金额)单位")),
    ("county", re.compile(_OF + r"(?:县\(?[市区、/]*\)?|县区|区县|县市区)(?:名称?)?")),
    (
        "township",
        re.compile(_OF + r"(?:乡镇|乡\(镇\)|镇\(乡\)|镇|乡|镇街)(?:[\(、]+街道\)?)?(?:名称?|办)?"),
    ),
    (
        "village",
        re.compile(
            r"(?:所[属在]|联建|行政|单位|薄弱)?村(?:别|级|庄|委会?|居|集体经济组织|级组织)?"
            r"(?:\((?:社区|居|居委会|组)\)|社区)?(?:名称?|别)?|社区名称?|单位名称"
        ),
    ),
    (
        "item",
        re.compile(
            r"项目|科目|会计科目|指标|(?:收入|收支)?项目(?:名称)?|(?:科目|指标|账户)名称|账户|内容|收入类别"
        ),
    ),
)
_MONEY_WORDS = re.compile(
    "收入|支出|收益|费用?|金额|资金|投资|补助|利润|资产|负债|分红|租金|效益|产值|款|税|成本|万元|盈余"
)
_COUNT_WORDS = re.compile(
    "户数|人口|人数|个数|面积|数量|村数|率$|占比|比例|比重|增幅|增长|同比|%|劳动力|党员|耕地|社员|成员|组数|名次|排名"
)
_PLACE = re.compile(r".{1,20}(?:村|社区|村委会|居委会|镇|乡|街道)(?:…|\(.*\))?")


def role_of(label: str) -> str | None:
    """Return the role that a column's plain label announces.

    Examples
    --------
    >>> [role_of(t) for t in ("序号", "乡（镇）", "村（社区）名称", "村代码", "年度", "经营收入")]
    ['number', 'township', 'village', 'code', 'year', None]
    """
    text = _SPACES.sub("", plain(label)).lower()
    return next((role for role, pattern in _ROLES if pattern.fullmatch(text)), None)


def is_money(label: str) -> bool:
    """Tell whether a measure is money by its name.

    Examples
    --------
    >>> is_money("经营收入"), is_money("户数"), is_money("收入增长率")
    (True, False, False)
    """
    return bool(_MONEY_WORDS.search(label)) and not _COUNT_WORDS.search(label)


def is_count(label: str) -> bool:
    """Tell whether a measure is a count or a rate by its name.

    Examples
    --------
    >>> is_count("户数"), is_count("经营收入")
    (True, False)
    """
    return bool(_COUNT_WORDS.search(label))


def is_place(text: str) -> bool:
    """Tell whether a text ends like the name of a village or township.

    Examples
    --------
    >>> is_place("虚构村"), is_place("虚构社区居…"), is_place("经营收入")
    (True, False, False)
    """
    return bool(_PLACE.fullmatch(plain(text)))
