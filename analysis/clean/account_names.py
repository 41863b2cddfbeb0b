"""Names of accounts and columns: what counts as income, what does not, and why."""

import re
from dataclasses import dataclass

from analysis.clean.accounts import BREAK_YEAR
from analysis.clean.text import squeeze
from analysis.fields import ACCOUNTS

CODES = {
    "account": "an account of the year's system",
    "part": "a sub-account; the amount is a part of its account and is not added to it",
    "total": "a printed total; it checks its parts and is no account",
    "code_only": "a code without a name: from 2024 on 511 means another account than before",
    "wrong_year": "an account of the system that was not in force in that year",
    "needs_year": "a code without a name, and the year is not known",
    "abolished_account": "an account of the 2004 system that no measure uses (农业税附加返还收入)",
    "land_compensation": "land compensation is equity (公积公益金), never income",
    "donation": "donations are equity (公积公益金), never income",
    "village_economy": "the economy of the whole village, not of its collective",
    "household_income": "income of households or persons, not of the collective",
    "forecast": "planned or expected, not booked",
    "cumulative": "a part of a year, or a running total within it",
    "last_year": "the year before that of the table",
    "change": "a change or a rate, not an amount of the year",
    "mean": "an amount a head, a household or a village, not a sum",
    "unknown": "not known",
}
"""The closed list of reason codes."""


@dataclass(frozen=True)
class AccountName:
    """What the head of a row or column stands for.

    Attributes
    ----------
    account : str or None
        An account of `analysis.fields.ACCOUNTS`; None for everything that is not one.
    code : str
        One of `CODES`.
    note : str
        For a total what it adds up, for a part the account it belongs to, else an explanation.
    """

    account: str | None
    code: str
    note: str = ""


# Books and forms abbreviate; a name stands here only when it can mean one account.
_ACCOUNTS = {
    **{name: name for name in ACCOUNTS},
    "发包收入": "发包及上交收入", "上交收入": "发包及上交收入", "发包上交收入": "发包及上交收入",
    "发包及上缴收入": "发包及上交收入", "发包上缴收入": "发包及上交收入",
    "发包与上交收入": "发包及上交收入", "发包和上交收入": "发包及上交收入",
    "承包收入": "发包及上交收入", "承包及上交收入": "发包及上交收入",
    "发包及上交": "发包及上交收入",
    "村集体经营收入": "经营收入", "集体经营收入": "经营收入",
    "投资收入": "投资收益", "对外投资收益": "投资收益",
    "补助": "补助收入", "补贴收入": "补助收入", "政府补助收入": "补助收入",
    "财政补助收入": "补助收入",
    "财政补贴收入": "补助收入", "转移支付收入": "补助收入", "上级补助收入": "补助收入",
    "其它收入": "其他收入", "其它支出": "其他支出",
    "管理费": "管理费用", "管理费支出": "管理费用", "经营费用": "经营支出", "经营成本": "经营支出",
    "税金和附加": "税金及附加", "税金附加": "税金及附加", "公益性支出": "公益支出",
    "专项应付": "专项应付款",
}  # fmt: skip
_OLD_ONLY = frozenset({"发包及上交收入"})
_NEW_ONLY = frozenset({"税金及附加", "公益支出", "专项应付款"})
_ABOLISHED = re.compile("农业税附加.{0,3}返还收入")

# 财会〔2004〕12号. The codes of the 2023 system are not used: they are not the key to anything.
_CODES_2004 = {
    "501": "经营收入", "502": "经营支出", "511": "发包及上交收入", "522": "补助收入",
    "531": "其他收入", "541": "管理费用", "551": "其他支出", "561": "投资收益",
}  # fmt: skip

# What the parts of an account are called. 租金 is 发包 for land and 经营 for buildings, so the bare
# word is not here; nor is 分红, which some books put under 经营.
_PARTS = {
    "农产品销售收入": "经营收入", "物资销售收入": "经营收入", "产品销售收入": "经营收入",
    "销售收入": "经营收入", "劳务收入": "经营收入", "服务收入": "经营收入",
    "出租收入": "经营收入", "厂房租金收入": "经营收入", "房屋租赁收入": "经营收入",
    "光伏收入": "经营收入", "光伏发电收入": "经营收入",
    "土地发包收入": "发包及上交收入", "耕地发包收入": "发包及上交收入",
    "机动地发包收入": "发包及上交收入", "承包金": "发包及上交收入", "承包费": "发包及上交收入",
    "企业上交利润": "发包及上交收入", "企业上交收入": "发包及上交收入",
    "股息收入": "投资收益", "股利收入": "投资收益", "债券利息收入": "投资收益",
    "入股分红收入": "投资收益", "股金分红": "投资收益",
    "村级运转补助": "补助收入", "村级组织运转经费补助": "补助收入", "一事一议奖补": "补助收入",
    "利息收入": "其他收入", "存款利息收入": "其他收入", "罚款收入": "其他收入",
    "固定资产盘盈": "其他收入", "盘盈收入": "其他收入",
    "干部报酬": "管理费用", "办公费": "管理费用", "差旅费": "管理费用",
    "利息支出": "其他支出", "坏账损失": "其他支出", "固定资产盘亏": "其他支出",
}  # fmt: skip

# The words of the forms of 2008: row 7 is 经营收益, row 11 is 本年收益.
_TOTALS = {
    "经营性收入": "经营收入 + 发包及上交收入 + 投资收益",
    "经营性收入合计": "经营收入 + 发包及上交收入 + 投资收益",
    "收入合计": "total income", "收入总计": "total income", "收入总额": "total income",
    "总收入": "total income", "集体总收入": "total income", "集体收入": "total income",
    "村集体收入": "total income", "村集体总收入": "total income",
    "集体经济收入": "total income", "村集体经济收入": "total income",
    "村级集体经济收入": "total income", "村集体经济总收入": "total income",
    "集体经济总收入": "total income", "年总收入": "total income", "全年总收入": "total income",
    "支出合计": "total spending", "总支出": "total spending", "支出总计": "total spending",
    "支出总额": "total spending", "费用合计": "total spending",
    "经营收益": "operating income − 经营支出 − 管理费用",
    "本年收益": "经营收益 + 补助收入 + 其他收入 − 其他支出",
    "本年收益合计": "经营收益 + 补助收入 + 其他收入 − 其他支出",
    "收益总额": "经营收益 + 补助收入 + 其他收入 − 其他支出",
    "净收益": "本年收益 after tax", "合计": "its row or column", "总计": "its row or column",
    "小计": "its row or column", "共计": "its row or column",
}  # fmt: skip

# In the order in which they are asked: a forecast of a mean is a forecast.
_KEPT_OUT = (
    ("forecast", "预计|预期|计划|拟|预算|目标|预测|估计|力争"),
    ("last_year", "上年(?!度?结)|去年|上一年|前一年|往年|上期|年初|期初"),
    ("cumulative", "累计|季度|[一二三四]季|半年|[0-9一二三四五六七八九十本上当]月"),
    ("change", "增长|增加|增幅|增速|增量|同比|环比|比上|下降|减少|占比|比重|比例|完成率|增收|%"),
    ("mean", "人均|户均|村均|亩均|平均|均值|每[人户村亩]"),
    ("land_compensation", "土地补偿|征地补偿|征地款|征用土地|土地征用|征收补偿|拆迁补偿|安置补助"),
    ("donation", "捐赠|捐款|捐资|受赠|接受捐"),
    ("village_economy", "农村经济总收入|农村经济收入|总产值|全村经济|村域经济|企业营业收入"),
    ("household_income", "农民|农户|群众|居民|村民|可支配|纯收入|务工"),
)  # fmt: skip
_KEPT_OUT_RULES = tuple((code, re.compile(pattern)) for code, pattern in _KEPT_OUT)

_CODE_ONLY = re.compile(r"\d{3,4}(?:[.-]?\d{2,})?", re.ASCII)
_NUMBERING = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}[、.)]|\(?[一二三四五六七八九十]{1,3}\)|\(?\d{1,2}[、.)]|\(\d{1,2}\))"
)
_CODE_AHEAD = re.compile(r"^5\d\d(?:[.-]?\d\d)?(?=[\u4e00-\u9fff])", re.ASCII)  # 501经营收入
_HEADINGS = frozenset(_TOTALS) | {"收入", "支出", "收支", "费用", "各项收入", "各项支出", "收益"}
_LONGEST = 100  # no head of a column is longer; a note is
_YEAR = re.compile(r"(?:19|20)\d\d年?度?", re.ASCII)
_UNIT = re.compile("[(\\[]?(?:单位:?)?[十百千]?[万亿]?元[)\\]]?$")
_EMPTY_BRACKETS = re.compile(r"\([^()]*[=+*×-][^()]*\)")  # row arithmetic: (7=1+2+3-4-5)
_OPENERS = re.compile("^(?:其中|加|减|本年|当年|全年|本期|年度)[:、]?")
_AS_PRINTED = re.compile("^[其中加减]{1,2}[:、]")


# What forms print over the amounts of their year: 经营收入/本年金额 is the account itself.
_OF_THE_YEAR = re.compile(
    "(?:本年度?|当年|本期|全年)(?:实际|发生)?(?:金额|数|额)?|(?:实际|决算|发生)(?:金额|数|额)|金额|数额"
)


def read_account(text: str, year: int | None = None) -> AccountName:
    """Read the name of an account, a total, or what must stay out of income.

    Parameters
    ----------
    text : str
        The head of a row or column, as printed.
    year : int, optional
        The year of the amounts. The systems change on 2024-01-01.

    Returns
    -------
    AccountName
        Its ``account`` is set only for accounts of the year's system and for sub-accounts, which
        the code ``"part"`` tells apart. A name that is not known stays ``"unknown"``.

    Notes
    -----
    Accounts of 财会〔2004〕12号 until 2023, whose para. 24 books land compensation and donations as
    equity; measures of 国统制[2008]27号. The names are the key and the codes are not: 511 is
    发包及上交收入 in the first system and another account in the second.

    Examples
    --------
    >>> read_account("發包及上繳收入", 2022).account
    '发包及上交收入'
    >>> read_account("511", 2024).code, read_account("511", 2023).account
    ('code_only', '发包及上交收入')
    >>> read_account("预计年经营收入").code, read_account("收入合计").code
    ('forecast', 'total')
    >>> read_account("经营收入/本年金额").code, read_account("经营收入/上年金额").code
    ('account', 'last_year')
    """
    name = squeeze(text[:_LONGEST]).strip(":*#△")
    if len(text) > _LONGEST:
        return AccountName(None, "unknown", CODES["unknown"])
    if _CODE_ONLY.fullmatch(name):
        return _by_code(name, year)
    bare = _bare(_CODE_AHEAD.sub("", name))
    return (
        _lookup(bare, year)
        or _kept_out(name)
        or _lookup(_OPENERS.sub("", bare), year)
        or _lookup_divided(bare, year)
        or AccountName(None, "unknown", CODES["unknown"])
    )


def _kept_out(name: str) -> AccountName | None:
    for code, pattern in _KEPT_OUT_RULES:
        if pattern.search(name):
            return AccountName(None, code, CODES[code])
    return None


def _lookup_divided(name: str, year: int | None) -> AccountName | None:
    """Look up 经营收入-光伏 (a part) and 收入/经营收入 (the account under its heading)."""
    match = re.search(r"[-—_/\\:>|·]+(?=[^-—_/\\:>|·]+$)", name)
    if match is None:
        return None
    head, tail = name[: match.start()], name[match.end() :]
    if _OF_THE_YEAR.fullmatch(tail):
        return _lookup(head, year) or _lookup_divided(head, year)
    if head in _ACCOUNTS:
        return None if tail in _ACCOUNTS else _in_force(_ACCOUNTS[head], year, part=True)
    if tail in _ACCOUNTS:
        return _in_force(_ACCOUNTS[tail], year, part=head not in _HEADINGS)
    return None


def _lookup(name: str, year: int | None) -> AccountName | None:
    if name in _ACCOUNTS:
        return _in_force(_ACCOUNTS[name], year, part=False)
    if name.removesuffix("合计") in _ACCOUNTS or name.removesuffix("小计") in _ACCOUNTS:
        # the total of an account's own parts is the account
        return _in_force(_ACCOUNTS[name[:-2]], year, part=False)
    if name in _PARTS:
        return _in_force(_PARTS[name], year, part=True)
    if name in _TOTALS:
        return AccountName(None, "total", _TOTALS[name])
    if _ABOLISHED.fullmatch(name):
        return AccountName(None, "abolished_account", CODES["abolished_account"])
    return None


def _in_force(account: str, year: int | None, *, part: bool) -> AccountName:
    """Return the account where the year's system has it."""
    late = year is not None and year >= BREAK_YEAR and account in _OLD_ONLY
    early = year is not None and year < BREAK_YEAR and account in _NEW_ONLY
    if late or early:
        system = "2004" if late else "2023"
        return AccountName(None, "wrong_year", f"{account} belongs to the {system} system")
    if part:
        return AccountName(account, "part", f"part of {account}")
    return AccountName(account, "account")


def _by_code(code: str, year: int | None) -> AccountName:
    if year is None:
        return AccountName(None, "needs_year", CODES["needs_year"])
    if year >= BREAK_YEAR:
        return AccountName(None, "code_only", CODES["code_only"])
    account = _CODES_2004.get(code[:3])
    if account is None:
        return AccountName(None, "unknown", CODES["unknown"])
    return _in_force(account, year, part=len(code) > len("501"))


def _bare(name: str) -> str:
    """Return a name without number, unit, year and row arithmetic."""
    bare = _NUMBERING.sub("", name)
    bare = _AS_PRINTED.sub("", bare)
    bare = _EMPTY_BRACKETS.sub("", bare)
    bare = _UNIT.sub("", bare)
    bare = _YEAR.sub("", bare)
    return bare.strip(":()[]、-—_/")
