"""Names of accounts and columns: what counts as income, what does not, and why."""

import re
from dataclasses import dataclass

from analysis.clean.accounts import BREAK_YEAR, NEW_ONLY, OLD_ONLY
from analysis.clean.text import normalise, squeeze
from analysis.clean.words import SAYS, names, pattern, remembered, words
from analysis.fields import ACCOUNTS, BALANCES

CODES: dict[str, str] = SAYS["accounts"]
"""The closed list of reason codes."""


@dataclass(frozen=True)
class AccountName:
    """What the head of a row or column stands for."""

    # an account of `analysis.fields.ACCOUNTS`; None for everything that is not one
    account: str | None
    code: str  # one of `CODES`
    # for a total what it adds up, for a part the account it belongs to, else an explanation
    note: str = ""
    # for a total that is a measure its name in `analysis.fields.PRINTED_MEASURES`
    measure: str = ""


MEASURES: dict[str, str] = SAYS["measures"]
"""What the printed measures add up: rows 7 and 11 of the form of 2008 for the last but one two."""

ITS_OWN_SUM = "its row or column"
"""What a bare 合计 adds up."""

NOT_INCOME = ("land_compensation", "donation", "village_economy", "household_income", "mean",
              "increase", "abolished_account", "distribution", "money_in", "contract", "balance",
              "attribute")  # fmt: skip
"""Codes of what stays out of income by its name, in the order in which they are asked."""

BASIS_CODES = {
    "span": "cumulative", "rate": "change", "plan": "forecast", "before": "last_year",
    "opening": "balance", "closing": "balance", "running": "cumulative",
    "quarter": "cumulative", "month": "cumulative", "declared": "declared",
}  # fmt: skip
"""Why an amount of some basis is no amount of its year."""

# 财会〔2004〕12号. The codes of the 2023 system are not used: they are not the key to anything.
_CODES_2004 = {
    "501": "经营收入", "502": "经营支出", "511": "发包及上交收入", "522": "补助收入",
    "531": "其他收入", "541": "管理费用", "551": "其他支出", "561": "投资收益",
}  # fmt: skip

_CODE_ONLY = re.compile(r"\d{3,4}(?:[.-]?\d{2,6})?", re.ASCII)
_NUMBERING = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}[、﹑.)]|\(?[一二三四五六七八九十]{1,3}\)|\(?\d{1,2}[、﹑.)]|\(\d{1,2}\)"
    r"|[A-Z]?\d{1,3}(?=[\u4e00-\u9fff(])(?![年月季日个]))"  # B20村集体经济收入, 1 经营收入
)
_SPACED = re.compile(
    r"^(?:[一二三四五六七八九十]{1,3}|\d{1,2})[\s.]+(?=[\u4e00-\u9fff])"
)  # 1 经营收入
_CODE_AHEAD = re.compile(r"^\d{3}(?:[.-]?\d\d)?(?=[\u4e00-\u9fff])", re.ASCII)  # 501经营收入
_LONGEST = 100  # no head of a column is longer; a note is
_YEAR = re.compile(r"(?:19|20)\d\d年?度?", re.ASCII)
_UNIT = re.compile("[(\\[_]?(?:单位:?)?[十百千]?[万亿]?元(?:/年)?[)\\]]?$")
_EMPTY_BRACKETS = re.compile(  # row arithmetic: (7=1+2+3-4-5)
    r"\((?:[^()]*[=+*×-][^()]*|全口径|含税|合计|实绩|决算|小计)\)"
)
_OPENERS = re.compile("^(?:其中|加|减|本年|当年|全年|本期|年度)[:、]?")
_AT_THE_END = re.compile("^(?:年末|期末|年底)")  # 年末资产总额
_AS_PRINTED = re.compile("^[其中加减]{1,2}[:、]")

# What forms print over the amounts of their year: 经营收入/本年金额 is the account itself.
_OF_THE_YEAR = re.compile(
    "(?:本年度?|当年|本期|全年)(?:实际|发生)?(?:金额|数|额)?|(?:实际|决算|发生)(?:金额|数|额)|金额|数额"
)


@remembered
def read_account(text: str, year: int | None = None) -> AccountName:
    """Read the name of an account, a total, or what must stay out of income.

    Accounts of 财会〔2004〕12号 until 2023, whose para. 24 books land compensation and donations as
    equity; measures of 国统制[2008]27号. The names are the key, the codes (511) are not.
    """
    printed = _SPACED.sub("", normalise(text[:_LONGEST]).strip(" :*#△"))
    name = squeeze(printed).strip(":*#△")
    if len(text) > _LONGEST:
        return AccountName(None, "unknown", CODES["unknown"])
    if _CODE_ONLY.fullmatch(name):
        return _by_code(name, year)
    if pattern("basis", "span").search(name):
        return AccountName(None, BASIS_CODES["span"], CODES[BASIS_CODES["span"]])
    bare = _bare(_CODE_AHEAD.sub("", name))
    return (
        _lookup(bare, year)
        or _lookup_with_part(bare, year)
        or _kept_out(name, bare)
        or _lookup(_OPENERS.sub("", bare), year)
        or _lookup_divided(bare, year)
        or _not_income(bare)
        or AccountName(None, "unknown", CODES["unknown"])
    )


def is_known(text: str) -> bool:
    """Tell whether a label is a word of the vocabulary: no place has such a name."""
    return bool(text) and read_account(text).code != "unknown"


@remembered
def balance_of(label: str) -> str:
    """Return which of `analysis.fields.BALANCES` the last level of a label names, else nothing."""
    bare = _bare(squeeze(normalise(label.rpartition("/")[2])).strip(":*#△"))
    bare = _AT_THE_END.sub("", _OPENERS.sub("", bare))
    return bare if bare in BALANCES else names("balances").get(bare, "")


def item_in(title: str) -> str:
    """Return the longest name of an account or measure that a title holds, empty without one."""
    text = squeeze(title)
    known = [*ACCOUNTS, *names("accounts"), *MEASURES, *names("measures")]
    found = [name for name in known if len(name) > len("总收入") and name in text]
    return max(found, key=len, default="")


def _kept_out(name: str, bare: str) -> AccountName | None:
    for basis, code in BASIS_CODES.items():
        if code != "balance" and pattern("basis", basis).search(name):
            return AccountName(None, code, CODES[code])
    for code in ("mean", *NOT_INCOME):
        if (own := _patterns().get(code)) and own.search(bare):
            return AccountName(None, code, CODES[code])
    return None


@remembered
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return the patterns of what stays out of income, by reason."""
    found = {code: said.get("patterns") for code, said in words()["not_income"].items()}
    return {code: re.compile("|".join(own)) for code, own in found.items() if own}


def _not_income(name: str) -> AccountName | None:
    """Look up the last level of a name: 其中/财政补助/省级."""
    tail = re.split("[-—_/]", name)[-1]
    return _lookup(tail, None) if tail in _kept_out_names() else None


@remembered
def _kept_out_names() -> dict[str, str]:
    return {
        name: code for code in NOT_INCOME for name in words()["not_income"][code].get("names", ())
    }


def _lookup_divided(name: str, year: int | None) -> AccountName | None:
    """Look up 经营收入-光伏 (a part) and 收入/经营收入 (the account under its heading)."""
    match = re.search(r"[-—_/\\:>|·]+(?=[^-—_/\\:>|·]+$)", name)
    if match is None:
        return None
    head, tail = name[: match.start()], name[match.end() :]
    if _OF_THE_YEAR.fullmatch(tail):
        return _lookup(head, year) or _lookup_divided(head, year)
    whole, part = _account(head), _account(tail)
    if whole:
        return None if part else _in_force(whole, year, part=True)
    if part:
        return _in_force(part, year, part=not _is_heading(head))
    return _lookup(tail, year) if _is_heading(head) else None


def _lookup_with_part(name: str, year: int | None) -> AccountName | None:
    """Look up an account with a part of its own in brackets: 管理费用(含运转支出)."""
    found = re.fullmatch(r"([^()]+)\((?:其中)?[含:]([^()]+)\)?", name)
    account = _account(found[1]) if found else None
    if not found or not account or names("parts").get(found[2]) != account:
        return None
    return _in_force(account, year, part=False)


def _is_heading(name: str) -> bool:
    last = re.split("[-—_/]", name)[-1]
    return last in words()["kinds"]["groups"] or last in names("measures") or last in MEASURES or (
        last in names("totals")
    )  # fmt: skip


def _account(name: str) -> str | None:
    return name if name in ACCOUNTS else names("accounts").get(name)


def _lookup(name: str, year: int | None) -> AccountName | None:
    if account := _account(name) or _account(re.sub("(?:合计|小计)$", "", name)):
        # the total of an account's own parts is the account
        return _in_force(account, year, part=False)
    if name in names("parts"):
        return _in_force(names("parts")[name], year, part=True)
    if measure := name if name in MEASURES else names("measures").get(name):
        return AccountName(None, "total", MEASURES[measure], measure)
    if name in names("totals"):
        return AccountName(None, "total", names("totals")[name])
    if code := _kept_out_names().get(name):
        return AccountName(None, code, CODES[code])
    return None


def _in_force(account: str, year: int | None, *, part: bool) -> AccountName:
    """Return the account where the year's system has it."""
    late = year is not None and year >= BREAK_YEAR and account in OLD_ONLY
    early = year is not None and year < BREAK_YEAR and account in NEW_ONLY
    if part:
        return AccountName(account, "part", f"part of {account}")
    if late:
        said = f"{account} is an account of the years before {BREAK_YEAR}"
        return AccountName(None, "wrong_year", said)
    if early:
        said = f"{account} is an account of {BREAK_YEAR} and later years"
        return AccountName(None, "wrong_year", said)
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
    bare = _NUMBERING.sub("", bare)
    bare = _EMPTY_BRACKETS.sub("", bare)
    bare = _UNIT.sub("", bare)
    bare = _YEAR.sub("", bare)
    return bare.strip(":()[]、-—_/")
