"""The words that a ledger writes around a number, and the reasons for not reading one."""

import re

MISSING = frozenset(
    """- -- --- — —— ― – ─ / // \\ . .. ... …… * ** *** 无 空 缺 缺失 暂无 没有 未统计 未填 未报
    未填报 未上报 待统计 待填 待报 不详 未知 无数据 暂无数据 空白 无此项 n/a na nan none null nil
    <na>""".split()  # noqa: SIM905
)
"""Texts that say there is no figure; whether a dash or 无 means zero is for the file's card."""

ERRORS = frozenset(
    "#ref! #n/a #value! #div/0! #name? #null! #num! #spill! #calc! #getting_data ####".split()  # noqa: SIM905
)
"""What a spreadsheet prints when a formula failed: the figure existed and is lost."""

TICKS = frozenset("○◯√×✓✗✔✘")
"""Marks that say yes or no; a circle is also written for zero, but only inside a number."""

REASONS = {
    "too_long": "longer than 80 characters",
    "too_many_digits": "more than 15 digits before the point, or an exponent of more than 2",
    "too_large": "1,000 trillion or more",
    "not_finite": "infinite",
    "not_text": "neither a text nor a number (a truth value, a list)",
    "formula": "the text of a formula",
    "id_shape": "the shape of an identity number",
    "mobile_shape": "the shape of a mobile number",
    "code_shape": "the shape of a 12-digit statistical code",
    "scientific_code": "a long code that a spreadsheet turned into scientific form",
    "date": "a date, a year or a month",
    "text": "no number in it",
    "text_around": "words around the number that are not known",
    "note_changes_value": "a note that changes or doubts the number",
    "vague_word": "an amount without any number (若干)",
    "unit_only": "a unit without a number",
    "unit_unknown": "a unit that is not known",
    "unit_order": "units in an order that no number has (3万8亿, 亿万元)",
    "unit_conflict": "another unit than that of its column",
    "foreign_currency": "money that is not yuan",
    "separators": "separators that group nothing (33,5)",
    "two_figures": "more than one number",
    "two_readings": "a form with two readings (一亿五千)",
    "range_order": "a range whose end is not above its beginning",
    "qualifier_conflict": "qualifiers that contradict each other",
    "damaged": "characters were lost in front of it",
    "unknown_form": "a form that is not known",
}
"""The closed list of reasons for refusing a text."""

AMBIGUOUS = frozenset({"two_figures", "two_readings"})
"""Reasons that say there are several readings rather than none."""

FLAGS = {
    "blank": "missing: nothing stands there",
    "dash": "missing: a dash or another mark",
    "word": "missing: a word such as 无 or 未统计",
    "dash_like": "一 alone: one, or a dash typed as a character",
    "error": "missing: a spreadsheet error",
    "elided": "a unit left out was put in (两万五 = 25,000)",
    "loose": "余 after 万 or 亿 reaches to the next unit only (300万余)",
    "missing_zero": "a 零 was left out (三万五百)",
    "leading_zero": "begins with zeros, as codes do",
    "scientific": "scientific form; digits may be lost",
    "bracket_negative": "brackets were read as a minus",
    "loss": "a loss word was read as a minus",
    "label": "words or a year in front were left out",
    "note": "a note in brackets was left out",
    "mark": "a footnote mark was left out",
    "forecast": "said to be planned or expected",
    "stacked": "two qualifiers; the tighter one governs",
    "scale_in_cell": "the cell has its own 万 in a column in 万元; the cell governs",
    "unit_in_cell": "the cell has another size of unit than its column; the cell governs",
}
"""The closed list of conventions used and doubts left."""

# Longest first, so that 不超过 is never seen as 超过.
PREFIXES = {
    "不超过": "le", "未超过": "le", "没超过": "le", "不高于": "le", "不多于": "le",
    "不大于": "le", "未突破": "le", "至多": "le", "最多": "le", "≤": "le", "<=": "le", "≦": "le",
    "不低于": "ge", "不少于": "ge", "不小于": "ge", "不下于": "ge", "不下": "ge", "至少": "ge",
    "最少": "ge", "起码": "ge", "≥": "ge", ">=": "ge", "≧": "ge",
    "不足": "lt", "不到": "lt", "未满": "lt", "不满": "lt", "未达到": "lt", "未达": "lt",
    "没到": "lt", "少于": "lt", "低于": "lt", "小于": "lt", "<": "lt", "不及": "lt",
    "超过": "gt", "超出": "gt", "突破": "gt", "高于": "gt", "多于": "gt", "大于": "gt",
    "不止": "gt", "超": "gt", "逾": "gt", "破": "gt", "过": "gt", ">": "gt",
    "大约为": "approx", "大约": "approx", "约为": "approx", "约合": "approx", "约计": "approx",
    "约": "approx", "大概": "approx", "大致": "approx", "≈": "approx",
    "接近": "under", "将近": "under", "趋近": "under", "逼近": "under", "近": "under",
    "高达": "reach", "多达": "reach", "达到": "reach", "已达": "reach", "达": "reach",
}  # fmt: skip
SUFFIXES = {
    "(含)以上": "ge", "及以上": "ge", "以上": "ge", "+": "ge", "起": "ge",
    "(含)以下": "le", "及以下": "le", "以下": "le", "(含)以内": "le", "以内": "le", "之内": "le",
    "(不含)以上": "gt", "(不含)以下": "lt", "不止": "gt", "不到": "lt",
    "左右": "approx", "上下": "approx", "前后": "approx",
}  # fmt: skip
VAGUE = ("若干", "许多", "很多", "大量", "少量", "少许", "一些")
LOSSES = ("净亏损", "亏损额", "亏损", "净亏", "亏")
FORECASTS = ("预计", "预期", "预估", "计划", "拟", "目标")
CURRENCIES = ("人民币", "rmb", "cny", "¥")
FOREIGN = ("美元", "美金", "港元", "港币", "欧元", "日元", "英镑", "$", "€", "£", "usd", "hkd")

# Words that may stand before the amount without changing what it says. Not here, on purpose:
# 增加 减少 (a change), 人均 户均 村均 (a mean), 上年 累计 (another period), 欠 (a debt).
LABELS = (
    "发包及上交收入", "经营性收入", "经营收入", "经营收益", "投资收益", "补助收入", "其他收入",
    "经营支出", "管理费用", "其他支出", "集体经济", "村集体", "集体", "经济", "总收入", "收入",
    "收益", "支出", "总额", "金额", "合计", "共计", "总计", "共", "全年", "当年", "本年",
    "年总收入",
    "年经营收入", "年收入", "年收益",
    "实现", "完成", "为", "是", "有", "面积", "总户数", "户数", "总人口", "人口", "总投资", "投资",
    "补助", "资产总额", "资产",
)  # fmt: skip
NOTE_OPENERS = ("其中", "含", "包括", "内含", "不含", "注", "见", "附", "详见", "另")
BENDING = re.compile(
    "[亏负减欠错误疑约近超逾余多几数?万亿千百]|作废|左右|上下|以[上下内]|不足|不到|待核|上年|去年|累计|季|月"
)
"""What a note in brackets must not hold, unless it lists a part of the amount (其中：…)."""

YEAR = re.compile(
    r"(?:(?:19|20)\d\d|[一二][〇零一二九][〇零一二三四五六七八九]{2})年(?:度)?", re.ASCII
)
_Y, _SEP = r"(?:19|20)\d\d", r"[-/.]"
DATE = re.compile(
    rf"(?:{_Y}|\d\d){_SEP}\d{{1,2}}{_SEP}\d{{1,2}}(?:[ T]\d.*)?|{_Y}[-/年]\d{{1,2}}"
    rf"|\d{{1,2}}/\d{{1,2}}/{_Y}|.*\d月.*|\d+[年月日号]度?(?:末|底|初)?|{_Y}年?[-~至到]{_Y}年?",
    re.ASCII | re.DOTALL,
)
MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)", re.ASCII)
IDENTITY = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)", re.ASCII)
# Province, county, township, then a committee: 001 to 199 in towns, 200 to 399 in villages.
CODE = re.compile(r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])\d{7}[0-3]\d\d", re.ASCII)
