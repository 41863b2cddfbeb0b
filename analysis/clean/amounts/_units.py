"""Units of ledger cells: money in yuan, shares as a ratio, counts as they are named."""

import re
from dataclasses import dataclass
from decimal import Decimal

RATIO = "比例"
YUAN = "元"

# What a unit word is worth in the unit that is stored.
_MONEY = {
    "元": "1", "圆": "1", "块": "1", "块钱": "1", "元钱": "1", "元人民币": "1",
    "rmb": "1", "cny": "1", "yuan": "1", "元rmb": "1",
    "角": "0.1", "毛": "0.1", "毛钱": "0.1", "分": "0.01", "分钱": "0.01",
    "百元": "100", "千元": "1000", "万元": "10000", "十万元": "100000", "百万元": "1000000",
    "千万元": "10000000", "亿元": "100000000",
}  # fmt: skip
_RATIOS = {"%": "0.01", "‰": "0.001", "‱": "0.0001"}
# Of different sizes, so each stays what it is: nothing is converted that a person did not ask for.
_MEASURES = (
    "亩", "公顷", "平方米", "平方公里", "立方米", "方", "公里", "千米", "米", "里", "斤", "公斤",
    "千克", "克", "吨", "千瓦", "兆瓦", "瓦", "kw", "mw", "千瓦时", "kwh", "度", "kg", "km", "t",
    "个月", "天", "小时", "倍", "百分点", "个百分点", "股", "人次", "户次", "场次", "亩次",
)  # fmt: skip
_SPELLINGS = {
    "kw": "千瓦", "mw": "兆瓦", "kwh": "千瓦时", "kg": "公斤", "km": "公里", "t": "吨",
    "千克": "公斤", "千米": "公里", "个百分点": "百分点",
}  # fmt: skip
PERSONS = frozenset("人名位口")
_COUNTS = (
    "人", "户", "个", "名", "位", "口", "家", "项", "处", "座", "头", "只", "匹", "羽", "株", "棵",
    "套", "台", "辆", "间", "所", "条", "件", "场", "批", "组", "栋", "幢", "孔", "眼", "块",
    "村", "社", "笔", "宗", "起", "册", "份", "支", "次", "期", "类", "种", "顶", "架", "部", "艘",
    "方面",
)  # fmt: skip
COUNTS = frozenset(_COUNTS)
_PER = "年|月|天|日|季|季度|人|户|亩|村|斤|公斤|吨|平方米|次|度|头|只|株|棵|个|间|台|股"
_RATE = re.compile(rf"(.+?)(?:/|每)({_PER})")
_NOUN = re.compile(r"[\u4e00-\u9fff]{1,8}")
# A word behind a count may name what is counted, but none that bends or adds a number.
_NOT_IN_NOUN = frozenset(
    "零一二两三四五六七八九十百千万亿几数多余约近逾超过不足未无满左右上下内外以达至到各每共合计"
    "增减亏损欠差负和与及或元圆角分块亩年月日季预拟均"
)
# 12村民 are villagers, not villages: only true measure words may have a noun behind them.
_CLASSIFIERS = frozenset("个名位家项处座头只匹株棵套台辆间所条件批栋幢孔眼笔") | {"方面"}


@dataclass(frozen=True)
class Unit:
    """A unit as stored, and what one of the written unit is worth in it."""

    name: str
    factor: Decimal = Decimal(1)

    @property
    def base(self) -> str:
        """The unit without what it is counted per."""
        return self.name.split("/", maxsplit=1)[0]


NO_UNIT = Unit("")


def read_unit(text: str) -> Unit | None:  # noqa: PLR0911  (one kind a line)
    """Return the unit that a normalised text names, or None.

    Examples
    --------
    >>> read_unit("万元").factor, read_unit("元/亩").name, read_unit("个服务中心").name
    (Decimal('10000'), '元/亩', '个')
    >>> read_unit("个左右") is None
    True
    """
    word = text.lower().strip()
    if not word:
        return NO_UNIT
    if word in _MONEY and word != "块":
        return Unit(YUAN, Decimal(_MONEY[word]))
    if word in _RATIOS:
        return Unit(RATIO, Decimal(_RATIOS[word]))
    if word in _MEASURES:
        return Unit(_SPELLINGS.get(word, word))
    if word in COUNTS:
        return Unit(word)
    if word[-1] in "整正" and (YUAN in word or "圆" in word):
        return read_unit(word[:-1])
    rate = _RATE.fullmatch(word)
    if rate:
        above = read_unit(rate[1])
        return Unit(f"{above.name}/{rate[2]}", above.factor) if above and above.name else None
    head = "方面" if word.startswith("方面") else word[0]
    noun = word[len(head) :]
    if head in _CLASSIFIERS and _NOUN.fullmatch(noun) and not _NOT_IN_NOUN.intersection(noun):
        return Unit(head)
    return None


def same_kind(cell: Unit, column: Unit) -> bool:
    """Return whether a cell's own unit measures what its column does.

    A yearly rate is what a yearly ledger holds anyhow; 人, 名, 位 and 口 all count persons.
    """
    if cell.base in PERSONS and column.base in PERSONS:
        return True
    return cell.name.removesuffix("/年") == column.name.removesuffix("/年")
