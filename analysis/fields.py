"""Every column once: name, type, unit, labels, description, allowed values.

The schemas that a build checks, ``data/dictionary.md``, axis labels and the choices of
notebook parameters all come from this registry. Chinese terms stand here with their
translation and nowhere else.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from analysis.errors import LianjianError, did_you_mean

Dtype = Literal["string", "int", "float", "bool"]

YUAN_PER_WAN = 10_000.0

BANDS_WAN = (5.0, 10.0, 20.0, 50.0, 100.0)
"""Lower bounds of the income bands above the first, 万元.

5 and 10 stand in the form of 2008 (国统制[2008]27号), 50 and 100 in later yearbooks (from
memory); 20 parts the villages of today, few of which lie under 5.
"""

SUFFIX = {"village": "_wan_yuan", "household": "_yuan_per_household"}
"""How a money column ends once it is shown: in 万元 a village, or in yuan a household."""


@dataclass(frozen=True)
class Field:
    """One column, wherever it stands.

    Attributes
    ----------
    name : str
        Column name; a unit is its suffix (``_yuan``, ``_wan_yuan``, ``_pct``, ``_year``).
    dtype : {"string", "int", "float", "bool"}
        Logical type; a nullable int is stored as pandas ``Int64``.
    label, label_zh : str
        What a figure or a table calls it, in English and in Chinese.
    description : str
        What it holds, with the source of the definition where there is one.
    unit : str
        Unit of the stored value, empty for a pure number or a text.
    allowed : tuple of str
        The closed list of values, empty when open.
    nullable : bool
        Whether a value may be missing.
    minimum : float or None
        The lowest value that can be right.
    personal : bool
        Whether it would identify a person. No stored column may.
    """

    name: str
    dtype: Dtype
    label: str
    label_zh: str
    description: str
    unit: str = ""
    allowed: tuple[str, ...] = ()
    nullable: bool = False
    minimum: float | None = None
    personal: bool = False


@dataclass(frozen=True)
class County:
    """A county, real or invented, with its zone twin given by the shared ``zone``."""

    code: str
    name_zh: str
    name: str
    zone: str
    villages: int


# Codes and village counts: NBS codes for statistics 2023 (cut-off 2023-06-30).
# Zones: the observation points that the source article names, two counties to a zone.
COUNTIES: tuple[County, ...] = (
    County("621002", "西峰区", "Xifeng District", "scenic", 100),
    County("621021", "庆城县", "Qingcheng County", "farm", 153),
    County("621022", "环县", "Huan County", "farm", 251),
    County("621023", "华池县", "Huachi County", "forest", 111),
    County("621024", "合水县", "Heshui County", "forest", 80),
    County("621025", "正宁县", "Zhengning County", "park", 94),
    County("621026", "宁县", "Ning County", "park", 257),
    County("621027", "镇原县", "Zhenyuan County", "scenic", 215),
)

# What simulated villages belong to, so that no invented income stands under a real name: each is
# invented, and has the zone and the size of the real county at its place.
SIMULATED_COUNTIES: tuple[County, ...] = tuple(
    County(f"sim{number}", f"{stem}县", f"Simulated County {number}", real.zone, real.villages)
    for number, (stem, real) in enumerate(zip("甲乙丙丁戊己庚辛", COUNTIES, strict=True), 1)
)

EVERY_COUNTY = (*COUNTIES, *SIMULATED_COUNTIES)

ZONES = {"farm": "农区", "forest": "林区", "park": "园区", "scenic": "景区"}

ROLES = {
    "helper": "Helper village",
    "allied_weak": "Weak allied village",
    "allied_other": "Other allied village",
    "outside": "Outside alliances",
}

KINDS = ("published", "ledger", "simulated")

# Account names of the 2004 and the 2023 system (财会〔2004〕12号; in force until 2023-12-31,
# and the system in force since 2024-01-01). Names are the key, codes change meaning.
ACCOUNTS = {
    "经营收入": "business income",
    "发包及上交收入": "contracting and remittance income",
    "投资收益": "investment income",
    "补助收入": "subsidy income",
    "其他收入": "other income",
    "经营支出": "business expense",
    "管理费用": "management expense",
    "其他支出": "other expense",
    "税金及附加": "taxes and surcharges",
    "公益支出": "public-welfare expense",
    "专项应付款": "earmarked payables",
}

# What is printed as a measure of its own, and the column of the panel that holds it.
PRINTED_MEASURES = {
    "经营性收入": "operating_income_yuan",
    "总收入": "total_income_yuan",
    "经营收益": "operating_surplus_yuan",
    "本年收益": "surplus_of_year_yuan",
    "可支配收入": "",
}

# What is owned, owed and paid out of the surplus: read where a book prints it, never asked for,
# and in no income. The lines of the balance sheet and of 收益分配 in both systems of accounts.
BALANCES = {
    "资产总额": "assets_yuan",
    "负债总额": "debt_yuan",
    "成员分红": "distributed_yuan",
    "提取公积公益金": "reserves_yuan",
}


def _money(
    name: str, label: str, label_zh: str, description: str, *, nullable: bool = False
) -> Field:
    return Field(
        f"{name}_yuan", "float", label, label_zh, description, unit="yuan", nullable=nullable
    )


def _programme(name: str, label: str, label_zh: str, description: str) -> Field:
    return Field(name, "bool", label, label_zh, description)


# fmt: off
_ALL = (
    Field("village_id", "string", "Village", "村代码",
          "12-digit code of the 2023 register, or an id beginning with SIM in simulated data"),
    Field("village_name", "string", "Village name", "村名",
          "Name as printed in the source; invented in simulated data"),
    Field("village_code", "string", "Village code", "统计用区划代码",
          "12-digit code: county 6, township 3, village 3"),
    Field("township_code", "string", "Township code", "乡镇代码", "9-digit code"),
    Field("township_name", "string", "Township", "乡镇",
          "Name of the township; invented in simulated data"),
    Field("county_code", "string", "County code", "县代码",
          "6-digit code of the county; sim1 to sim8 in simulated data",
          allowed=tuple(c.code for c in EVERY_COUNTY)),
    Field("county_name", "string", "County", "县区",
          "Chinese name of the county; invented, 甲县 to 辛县, in simulated data",
          allowed=tuple(c.name_zh for c in EVERY_COUNTY)),
    Field("zone", "string", "Zone", "党建观察点",
          "Zone for which the source article names the county as an observation point",
          allowed=tuple(ZONES)),
    Field("households", "int", "Households", "户数", "Resident households", unit="households",
          minimum=1, nullable=True),
    Field("role", "string", "Role", "角色",
          "Helper (rich village of a pair), weak or other village of an alliance, or outside",
          allowed=tuple(ROLES)),
    Field("alliance_id", "string", "Alliance", "党建联建", "Alliance that the village belongs to",
          nullable=True),
    Field("joined_year", "int", "Year joined", "加入年份", "First year in the alliance",
          unit="year", nullable=True),
    Field("pair_id", "string", "Pair", "结对",
          "Pair of one helper and one weak village; missing outside pairs", nullable=True),
    _programme("has_central_project", "Central project", "中央扶持集体经济项目",
               "Has a collective-economy project funded by the central government"),
    _programme("has_rebuilt_centre", "Rebuilt service centre", "党群服务中心改造",
               "Its service centre was rebuilt"),
    _programme("has_resident_cadre", "Resident cadre", "驻村干部",
               "A resident cadre is posted there"),
    _programme("has_reserve_talent", "Reserve talent", "后备人才",
               "A reserve candidate for village office is listed there"),
    Field("central_project_year", "int", "Central project, first year", "项目年份",
          "First year of the central project", unit="year", nullable=True),
    Field("year", "int", "Year", "年份", "Calendar year", unit="year", minimum=1949),
    Field("account_name", "string", "Account", "科目",
          "Account by name, not by code: 511 changes meaning in 2024. 发包及上交收入 stands "
          "until 2023; 税金及附加, 公益支出 and 专项应付款 stand from 2024. A measure that a book "
          "prints without the accounts that make it (经营性收入, 总收入, 经营收益, 本年收益, "
          "可支配收入) stands here under its own name, and so do assets, debt and distribution "
          "(资产总额, 负债总额, 成员分红, 提取公积公益金)",
          allowed=(*ACCOUNTS, *PRINTED_MEASURES, *BALANCES)),
    _money("amount", "Amount", "金额", "Amount booked in the account in the year"),
    _money("operating_income", "Operating income", "经营性收入",
           "经营收入 + 发包及上交收入 + 投资收益, gross (浙委办〔2012〕79号)", nullable=True),
    _money("subsidy_income", "Subsidy income", "补助收入", "补助收入", nullable=True),
    _money("other_income", "Other income", "其他收入", "其他收入", nullable=True),
    _money("total_income", "Total income", "总收入",
           "Operating, subsidy and other income together", nullable=True),
    _money("operating_expense", "Business expense", "经营支出", "经营支出", nullable=True),
    _money("management_expense", "Management expense", "管理费用", "管理费用", nullable=True),
    _money("other_expense", "Other expense", "其他支出", "其他支出", nullable=True),
    _money("operating_surplus", "Operating surplus", "经营收益",
           "Operating income − 经营支出 − 管理费用, net "
           "(国统制[2008]27号, form 农市(经)年综6表, row 7)", nullable=True),
    _money("surplus_of_year", "Surplus of the year", "本年收益",
           "经营收益 + 补助收入 + 其他收入 − 其他支出 (same form, row 11)", nullable=True),
    _money("joint_income", "Income from joint projects", "联建项目收入",
           "Booked from the joint project of an alliance; a part of operating income",
           nullable=True),
    _money("assets", "Total assets", "资产总额",
           "资产总计 of the balance sheet at the end of the year, where a book prints it",
           nullable=True),
    _money("debt", "Total debt", "负债总额",
           "负债合计 of the balance sheet at the end of the year, where a book prints it",
           nullable=True),
    _money("distributed", "Distributed to members", "成员分红",
           "农户分配 (2004 system) or 向成员分配 (2023 system) of the year's surplus",
           nullable=True),
    _money("reserves", "Drawn to reserves", "提取公积公益金",
           "Part of the year's surplus that stays with the collective", nullable=True),
    # published sources
    Field("figure_id", "string", "Figure", "编号", "Row id of a published figure"),
    Field("section", "string", "Section", "部分", "Part of the source article"),
    Field("subject", "string", "Subject", "事项", "What the figure counts or measures"),
    Field("subject_zh", "string", "Subject in Chinese", "事项原词", "The term the source uses"),
    Field("value", "float", "Value", "数值", "Number in the stated unit"),
    Field("unit", "string", "Unit", "单位", "Unit of the value"),
    Field("qualifier", "string", "Qualifier", "限定", "How the source qualifies the number",
          allowed=("exact", "about", "about_zero", "at_least", "over", "under", "mean", "each",
                   "in_words", "listed", "derived", "target", "forecast")),
    Field("same_as", "string", "Same as", "同", "Row that states the same fact; it counts once",
          nullable=True),
    Field("period", "string", "Period", "时期", "Period that the number covers"),
    Field("place", "string", "Place", "地点", "Place that the number covers"),
    Field("measure", "string", "Measure", "口径",
          "Which quantity; for incomes: total, operating, net, disposable, subsidy, dividend, "
          "project (income of one project) or unstated; project_funds is money paid in"),
    Field("locator", "string", "Locator", "出处", "Where in the source"),
    Field("programme", "string", "Programme", "项目类别", "Programme that the number belongs to",
          nullable=True),
    Field("note", "string", "Note", "备注", "Reading aid", nullable=True),
    Field("statistic", "string", "Statistic", "统计量",
          "Of several villages: the mean, the total, each, or the gain of each; level of one",
          allowed=("mean", "total", "each", "each gain", "level")),
    Field("villages", "int", "Villages", "村数", "Number of villages behind the value",
          unit="villages", nullable=True, minimum=1),
    Field("value_wan_yuan", "float", "Value", "数值", "Money as printed, or derived from it",
          unit="万元"),
    Field("low_wan_yuan", "float", "Least", "下限",
          "Least value that the rounding of the printed numbers leaves; of derived values only",
          unit="万元", nullable=True),
    Field("high_wan_yuan", "float", "Most", "上限",
          "Largest value that the rounding of the printed numbers leaves; of derived values only",
          unit="万元", nullable=True),
    Field("band_low_wan_yuan", "float", "Band from", "分组下限", "Lower bound of the band",
          unit="万元", nullable=True),
    Field("band_high_wan_yuan", "float", "Band to", "分组上限", "Upper bound of the band",
          unit="万元", nullable=True),
    Field("share_pct", "float", "Share", "占比", "Share as printed", unit="%", minimum=0),
    Field("report_id", "string", "Report", "编号", "Row id of a figure on named villages"),
    Field("level", "string", "Level", "层级", "One village, or the villages of one alliance",
          allowed=("village", "alliance")),
    Field("province", "string", "Province", "省份", "Province as printed"),
    Field("city", "string", "City", "市州", "City or prefecture as printed"),
    Field("county", "string", "County", "县区", "County as printed, anywhere in China",
          nullable=True),
    Field("township", "string", "Township", "乡镇", "Township as printed", nullable=True),
    Field("village", "string", "Village", "村名", "Village or villages as printed",
          nullable=True),
    Field("year_note", "string", "Note on the year", "年份说明",
          "How the source dates the figure, where the year is not plain", nullable=True),
    Field("term_in_source", "string", "Term", "原词", "What the source calls the income"),
    Field("alliance_joined", "string", "Joined", "联建年份", "Year of the alliance as printed",
          nullable=True),
    Field("alliance_form", "string", "Form", "联建形式", "Form of the alliance as printed",
          nullable=True),
    Field("series_id", "string", "Series", "序列", "Figures of one village that belong together",
          nullable=True),
    Field("series_position", "string", "Position", "序列位置", "Place of the figure in its series",
          allowed=("before", "before2", "mid", "after", "panel"), nullable=True),
    Field("source_kind", "string", "Kind of source", "来源类型", "What sort of place prints it"),
    Field("alliance", "string", "Alliance", "是否联建",
          "Whether the value is of an alliance; not stated: the source says nothing of one",
          allowed=("yes", "no", "partly", "not_stated")),
    Field("source", "string", "Source", "来源", "Document that prints the value"),
    Field("published", "string", "Published", "发布时间", "Date or year of publication",
          nullable=True),
    Field("confidence", "string", "Confidence", "可信度",
          "H primary text or data, M press or paper read in part, L weak",
          allowed=("H", "M", "L")),
    Field("cpi_pct", "float", "Consumer prices", "居民消费价格涨幅", "Change on the year before",
          unit="%"),
    Field("rural_cpi_pct", "float", "Rural consumer prices", "农村居民消费价格涨幅",
          "Change on the year before", unit="%"),
    # corrections and issues
    Field("correction_id", "string", "Correction", "更正编号", "Row id of a correction"),
    Field("file", "string", "File", "文件", "File under data/raw, or of a dataset"),
    Field("row", "string", "Row", "行", "Key of the row"),
    Field("field", "string", "Field", "字段", "Column of the row"),
    Field("says", "string", "Says", "原文", "What the source says"),
    Field("should_say", "string", "Should say", "应为", "What it should say; empty when kept",
          nullable=True),
    Field("expect", "string", "Expected", "预期", "Text that must stand there, or the build stops"),
    Field("decision", "string", "Decision", "处理", "Corrected, or kept as a known doubt",
          allowed=("correct", "keep")),
    Field("reason", "string", "Reason", "理由", "Why"),
    Field("authority", "string", "Authority", "依据", "What the decision rests on"),
    Field("cell", "string", "Cell", "单元格", "Row and column of the cell"),
    Field("text", "string", "Text seen", "所见文本", "What stands there; never personal data",
          nullable=True),
    Field("code", "string", "Reason code", "问题代码", "One of a closed list"),
    Field("severity", "string", "Severity", "程度", "How much it matters",
          allowed=("error", "warning", "note")),
    Field("action", "string", "Action", "处理", "What was done"),
)
# fmt: on

FIELDS: dict[str, Field] = {field.name: field for field in _ALL}

TRAITS: tuple[str, ...] = (
    "county_code",
    "county_name",
    "zone",
    "role",
    "alliance_id",
    "joined_year",
    "pair_id",
)
"""What a panel repeats of its villages."""

_PROGRAMMES = (
    "has_central_project has_rebuilt_centre has_resident_cadre has_reserve_talent "
    "central_project_year"
)
MEASURES: tuple[str, ...] = (
    "operating_income_yuan",
    "subsidy_income_yuan",
    "other_income_yuan",
    "total_income_yuan",
    "operating_expense_yuan",
    "management_expense_yuan",
    "other_expense_yuan",
    "operating_surplus_yuan",
    "surplus_of_year_yuan",
    "joint_income_yuan",
)


def shown(name: str, per: str = "village") -> Field:
    """Return a money column in yuan as tables show it: in 万元 a village, or in yuan a household.

    Examples
    --------
    >>> shown("total_income_yuan").name, shown("total_income_yuan").unit
    ('total_income_wan_yuan', '万元')
    >>> shown("total_income_yuan", "household").unit
    'yuan a household'
    """
    base = FIELDS.get(name) or Field(name, "float", name.removesuffix("_yuan"), "", "", "yuan")
    unit = {"village": "万元", "household": "yuan a household"}[per]
    return replace(base, name=name.removesuffix("_yuan") + SUFFIX[per], unit=unit)


# money as it is shown
FIELDS |= {
    shown(name, per).name: shown(name, per)
    for name in (*MEASURES, *BALANCES.values())
    for per in SUFFIX
}


def _columns(names: str) -> tuple[str, ...]:
    return tuple(names.split())


# Each table: its columns in order and, first, the columns that identify a row.
TABLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "villages": (
        ("village_id",),
        _columns(
            "village_id village_name township_name county_code county_name zone households "
            f"role alliance_id joined_year pair_id {_PROGRAMMES}"
        ),
    ),
    "income": (
        ("village_id", "year", "account_name"),
        _columns("village_id year account_name amount_yuan"),
    ),
    "panel": (
        ("village_id", "year"),
        ("village_id", "year", *TRAITS, "households", *MEASURES, *BALANCES.values()),
    ),
    "issues": ((), _columns("file cell text code severity action")),
    "figures": (
        ("figure_id",),
        _columns(
            "figure_id same_as section subject subject_zh value unit qualifier year period place "
            "measure locator programme note"
        ),
    ),
    "corrections": (
        ("correction_id",),
        _columns("correction_id file row field says should_say expect decision reason authority"),
    ),
    "register": (
        ("village_code",),
        _columns("village_code village_name township_code township_name county_code county_name"),
    ),
    "prices": (("year",), _columns("year cpi_pct rural_cpi_pct")),
    "benchmarks": (
        (),
        _columns(
            "place same_as year period villages statistic measure value_wan_yuan low_wan_yuan "
            "high_wan_yuan qualifier alliance source published confidence note"
        ),
    ),
    "bands": (
        (),
        _columns(
            "place year measure band_low_wan_yuan band_high_wan_yuan share_pct qualifier source "
            "published confidence note"
        ),
    ),
    "reported": (
        ("report_id",),
        _columns(
            "report_id level province city county township village year year_note statistic "
            "measure value_wan_yuan qualifier term_in_source villages alliance alliance_joined "
            "alliance_form series_id series_position source published source_kind confidence"
        ),
    ),
}


def column_called(name: str, columns: Iterable[str]) -> str:
    """Return which of some columns a name or a label in either language stands for, else nothing.

    Examples
    --------
    >>> columns = ["total_income_yuan", "operating_income_yuan", "zone"]
    >>> column_called("经营性收入", columns), column_called("Total Income", columns)
    ('operating_income_yuan', 'total_income_yuan')
    >>> column_called("operating", columns), column_called("income", columns)
    ('operating_income_yuan', '')
    """
    asked, known = name.strip().casefold(), [*columns]
    labels = {
        column: {field.label_zh, field.label.casefold()}
        for column in known
        if (field := FIELDS.get(column))
    }
    near = [column for column in known if asked in {column.casefold(), *labels.get(column, ())}]
    near += [column for column in known if asked and column.startswith(asked)]
    return near[0] if near else ""


def county(key: str) -> County:
    """Return the county that a code, a Chinese or an English name stands for.

    Raises
    ------
    LianjianError
        No county has that code or name; the message lists all.

    Examples
    --------
    >>> county("621022").name_zh, county("Huan County").code
    ('环县', '621022')
    """
    for each in EVERY_COUNTY:
        if key in {each.code, each.name_zh, each.name}:
            return each
    county_names = ", ".join(f"{c.code} {c.name} {c.name_zh}" for c in EVERY_COUNTY)
    names = [name for c in EVERY_COUNTY for name in (c.name, c.name_zh, c.code)]
    hint = did_you_mean(str(key), names)
    raise LianjianError(f"There is no county {key!r}.{hint} The counties are: {county_names}.")


def twin(key: str) -> County:
    """Return the other county of the same zone: of a real county a real one.

    Examples
    --------
    >>> twin("环县").name_zh, twin("丙县").name_zh
    ('庆城县', '乙县')
    """
    this = county(key)
    alike = COUNTIES if this in COUNTIES else SIMULATED_COUNTIES
    return next(c for c in alike if c.zone == this.zone and c != this)


def dictionary() -> str:
    """Return the data dictionary as Markdown, table by table."""
    lines = [
        "# Data dictionary",
        "",
        "Made from `analysis/fields.py` by `lianjian dictionary`; do not edit.",
    ]
    for table, (keys, columns) in TABLES.items():
        lines += ["", f"## {table}", ""]
        if keys:
            lines += [f"One row for each {', '.join(f'`{key}`' for key in keys)}.", ""]
        lines += [
            "| column | type | unit | label | 中文 | description |",
            "|---|---|---|---|---|---|",
        ]
        for name in columns:
            field = FIELDS[name]
            kind = field.dtype + (", may be missing" if field.nullable else "")
            allowed = f" One of: {', '.join(field.allowed)}." if field.allowed else ""
            lines.append(
                f"| `{name}` | {kind} | {field.unit} | {field.label} | {field.label_zh} "
                f"| {field.description}.{allowed} |"
            )
    return "\n".join(lines) + "\n"
