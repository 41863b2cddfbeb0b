"""Tables in HTML, XML of 2003 and OpenDocument: cells, repeats, merges, what is hidden, bombs."""

import zipfile

import pytest

from analysis.clean.workbook.cells import Mark, Span
from analysis.clean.workbook.reader import read_sheets

from .test_hostile import refused

OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
EXCEL = "urn:schemas-microsoft-com:office:spreadsheet"
SPACES = " ".join(
    f'xmlns:{name}="{OFFICE}:{long}:1.0"'
    for name, long in {
        "office": "office", "table": "table", "text": "text", "style": "style",
        "fo": "xsl-fo-compatible",
    }.items()
)  # fmt: skip


@pytest.fixture
def ods(tmp_path):
    """Write rows of OpenDocument as a file, with styles and a prologue."""

    def write(rows, styles="", prologue="", manifest="<m/>", body="spreadsheet"):
        path = tmp_path / "册.ods"
        content = (
            f"{prologue}<office:document-content {SPACES}>"
            f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>"
            f'<office:{body}><table:table table:name="表">{rows}</table:table></office:{body}>'
            "</office:body></office:document-content>"
        )
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
            made.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            made.writestr("content.xml", content)
            made.writestr("META-INF/manifest.xml", manifest)
        return path

    return write


@pytest.fixture
def page(tmp_path):
    """Write an HTML page, by the name that web systems give it."""

    def write(html, encoding="utf-8"):
        path = tmp_path / "导出.xls"
        path.write_bytes(html.encode(encoding))
        return path

    return write


@pytest.fixture
def xml(tmp_path):
    """Write a workbook in the XML of 2003."""

    def write(rows, styles="", more="", encoding="utf-8", prologue=""):
        path = tmp_path / "报表.xls"
        text = (
            f'<?xml version="1.0" encoding="{encoding}"?>{prologue}'
            f'<Workbook xmlns="{EXCEL}" xmlns:ss="{EXCEL}"><Styles>{styles}</Styles>'
            f'<Worksheet ss:Name="收入"><Table>{rows}</Table>{more}</Worksheet></Workbook>'
        )
        path.write_bytes(text.encode(encoding))
        return path

    return write


def cells(sheet):
    return {number: row.texts for number, row in sheet.rows.items()}


def number(value, shown="", **more):
    given = "".join(f' {k.replace("_", ":", 1).replace("_", "-")}="{v}"' for k, v in more.items())
    return (
        f'<table:table-cell office:value-type="float" office:value="{value}"{given}>'
        f"<text:p>{shown or value}</text:p></table:table-cell>"
    )


def line(*parts, **more):
    given = "".join(f' table:{k.replace("_", "-")}="{v}"' for k, v in more.items())
    return f"<table:table-row{given}>{''.join(parts)}</table:table-row>"


def words(text, given=""):
    return (
        f'<table:table-cell office:value-type="string"{given}><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


def test_opendocument_repeats_covers_and_hides(ods):
    rows = (
        line(words("村名", ' table:number-columns-spanned="2"'), "<table:covered-table-cell/>")
        + line(words("虚<text:s/>甲<text:span>村</text:span>"), number(7))
        + line("<table:table-cell/>", number_rows_repeated="5")
        + line(number(3, table_number_columns_repeated=3), number_rows_repeated="2")
        + line(words("虚乙村"), number(8), visibility="collapse")
        + line('<table:table-cell table:number-columns-repeated="16384"/>',
               number_rows_repeated="1048000")
    )  # fmt: skip
    (sheet,) = read_sheets(ods(rows))
    assert cells(sheet) == {
        1: ["村名"], 2: ["虚 甲村", "7"], 8: ["3"] * 3, 9: ["3"] * 3, 10: ["虚乙村", "8"],
    }  # fmt: skip
    assert sheet.merges == (Span(1, 1, 1, 2),)
    assert sheet.hidden_rows == {10}


def test_opendocument_looks_comments_and_scaled_numbers(ods):
    styles = (
        '<style:style style:name="gone"><style:text-properties '
        'style:text-line-through-style="solid"/></style:style>'
        '<style:style style:name="white"><style:text-properties fo:color="#FFFFFF"/></style:style>'
    )
    note = "<office:annotation><text:p>应为9000元</text:p></office:annotation>"
    rows = line(
        number(1200, table_style_name="gone"),
        number(1300, table_style_name="white"),
        number(1400).replace("<text:p>", f"{note}<text:p>", 1),
        number(345_000, "34.5"),
        number(12, "12元"),
    )
    (sheet,) = read_sheets(ods(rows, styles))
    assert cells(sheet) == {1: ["1200", "1300", "1400", "345000", "12"]}
    assert sheet.marks == (
        Mark(1, 1, "struck"), Mark(1, 2, "unseen"), Mark(1, 3, "comment", "应为9000元"),
    )  # fmt: skip
    assert [(f.column, f.code) for f in sheet.formats] == [(4, "0!.0,"), (5, '0"元"')]


def test_html_spans_entities_nested_tables_and_chinese_bytes(page):
    html = (
        "<html><body><table><tr><td>外<table><tr><th rowspan=2>村名<th colspan=2>收入&nbsp;（元）"
        "<tr><td>经营<br>收入<td>补助</table></td></tr>"
        "<tr style='display: none'><td>虚甲村<td x:num='1234.5'>1,235<td><s>80</s></table>"
    )
    (sheet,) = read_sheets(page(html, "gb18030"))
    assert cells(sheet) == {
        1: ["村名", "收入 （元）"], 2: ["", "经营\n收入", "补助"], 4: ["外"],
        5: ["虚甲村", "1234.5", "80"],
    }  # fmt: skip


def test_html_keeps_kinds_and_marks(page):
    html = "<table><tr><td>1,234.50<td>01<td><del>5</del><td style='text-decoration:line-through'>6"
    (sheet,) = read_sheets(page(html))
    assert sheet.rows[1].kinds == "nnnn"
    assert cells(sheet) == {1: ["1234.50", "01", "5", "6"]}
    assert sheet.marks == (Mark(1, 3, "struck"), Mark(1, 4, "struck"))


def test_xml_of_2003(xml):
    styles = (
        '<Style ss:ID="s1"><Font ss:StrikeThrough="1"/></Style>'
        '<Style ss:ID="s2"><NumberFormat ss:Format="0!.0,"/></Style>'
    )

    def cell(kind, text, given="", more=""):
        return f'<Cell {given}><Data ss:Type="{kind}">{text}</Data>{more}</Cell>'

    note = '<Comment><ss:Data xmlns="http://www.w3.org/TR/REC-html40"><B>王</B>实收</ss:Data></Comment>'
    rows = (
        '<Row ss:Index="3">' + cell("String", "村名", 'ss:MergeAcross="1"') + "</Row>"
        '<Row ss:Hidden="1">'
        + cell("Number", "27.899999999999999", 'ss:Index="3" ss:StyleID="s1"')
        + cell("Number", "319900", 'ss:StyleID="s2"', note)
        + cell("DateTime", "2023-12-31T00:00:00.000")
        + '<Cell ss:Formula="=A1"/></Row>'
    )
    hidden = (
        "<x:WorksheetOptions xmlns:x='x'><x:Visible>SheetHidden</x:Visible></x:WorksheetOptions>"
    )
    (sheet,) = read_sheets(xml(rows, styles, hidden, "gb2312"))
    assert cells(sheet) == {3: ["村名"], 4: ["", "", "27.9", "319900", "2023-12-31", ""]}
    assert sheet.rows[4].kinds == "  nndf"
    assert sheet.merges == (Span(3, 1, 3, 2),)
    assert (sheet.state, sheet.hidden_rows) == ("hidden", {4})
    assert sheet.marks == (Mark(4, 3, "struck"), Mark(4, 4, "comment", "王实收"))
    assert [(f.column, f.code) for f in sheet.formats] == [(4, "0!.0,")]


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'


def test_entities_are_refused(ods, xml):
    refused(ods(line(words("&c;")), prologue=BOMB), "entities")
    refused(xml("<Row><Cell><Data>&c;</Data></Cell></Row>", prologue=BOMB), "entities")


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (line(number(1), number_rows_repeated="1048576"), "rows"),
        (line(number(1), number_rows_repeated="9" * 4000), "damaged"),
        (line(number(1, table_number_columns_repeated=16384)), "columns"),
        (line(number(1), number_rows_repeated="400000") * 2, "rows"),
        (line(words("长" * 40_000)), "text"),
        (line(number(1, table_number_rows_spanned=10**6, table_number_columns_spanned=900)),
         "merges"),
        (line(number(1)) + "<table:table-row>", "damaged"),
    ],
)  # fmt: skip
def test_opendocument_bombs(ods, rows, code):
    refused(ods(rows), code)


def test_opendocument_that_is_locked_or_no_spreadsheet(ods):
    refused(ods(line(number(1)), manifest="<m><m:encryption-data/></m>"), "encrypted", "password")
    refused(ods(line(number(1)), body="text"), "foreign", "text or picture")


def test_html_bombs(page):
    refused(page("<table><tr><td rowspan=60000 colspan=1000>1"), "merges")
    refused(page("<table><tr>" + "<td>1" * 2_000), "columns")


def test_deep_nesting_ends(page):
    (sheet,) = read_sheets(page("<table><tr><td>" * 50_000 + "村"))
    assert [row.texts for row in sheet.rows.values()] == [["村"]]
