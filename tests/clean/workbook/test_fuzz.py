"""300 damaged files, seeded: each is read or refused, in bounded time, and the parent lives."""

import random
import re
import time
import zipfile

import pytest

from analysis.clean.workbook.limits import WALL_SECONDS, Refused
from analysis.clean.workbook.reader import read_tables

from .shown import amounts

SEED = 20240105
SECONDS = WALL_SECONDS + 10.0  # a file that takes longer hangs; the usual one takes 0.02 s
ROWS = [
    ["虚构县2023年村集体收入"],
    ["单位：万元"],
    ["序号", "乡镇", "村名", "经营收入", None, "备注"],
    [None, None, None, "2022年", "2023年", None],
    *[[n, f"{n % 3}号镇", f"甲{n}村", n * 1.5, f"约{n}", None] for n in range(1, 30)],
    ["合计", None, None, 10, 20, None],
    ["填表人：", None, None, "报出日期："],
]
NUMBERS = ("-1", "0", "99999999999999999999", "1e400", "", "A0", "XFE1", "１", "nan", "0x10")


def flip(rng, content):
    """Flip some bits."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 4, 40))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def edit(rng, xml):  # noqa: PLR0911
    """Change XML where it hurts: attributes, tags, order, nesting, encoding."""
    tags = [m.span() for m in re.finditer(rb"<[^>]+>", xml)]
    values = [m.span(1) for m in re.finditer(rb'="([^"]*)"', xml)]
    kind = rng.randrange(7)
    if kind == 0 and values:
        start, end = rng.choice(values)
        return xml[:start] + rng.choice(NUMBERS).encode() + xml[end:]
    if kind == 1 and tags:
        start, end = rng.choice(tags)
        return xml[:start] + xml[end:]
    if kind == 2 and tags:
        start, end = rng.choice(tags)
        return xml[:end] + xml[start:end] * rng.choice((1, 1000)) + xml[end:]
    if kind == 3:
        at = rng.randrange(len(xml))
        return xml[:at] + rng.randbytes(rng.choice((1, 8))) + xml[at:]
    if kind == 4 and len(tags) > 1:
        (a, b), (c, d) = sorted(rng.sample(tags, 2))
        return xml[:a] + xml[c:d] + xml[b:c] + xml[a:b] + xml[d:]
    if kind == 5:
        return xml[: rng.randrange(len(xml))]
    inserted = rng.choice((b"<row r='7'>", b"<c r='B7' t='s'><v>99</v></c>", b"<![CDATA[",
                           b"&a;", b"<mergeCell ref='A1:C3'/>",
                           b"<is><t>x</t></is>", b"<f>1+1</f>"))  # fmt: skip
    at = rng.choice(tags)[1] if tags else 0
    return xml[:at] + inserted + xml[at:]


def damaged(rng, number, sources):
    """Return name and bytes of one damaged file."""
    xlsx, xls, text = sources
    if number % 10 < 2:
        return "a.xlsx", flip(rng, xlsx.read_bytes())
    if number % 10 < 7:
        path = xlsx.with_name("edited.xlsx")
        with zipfile.ZipFile(xlsx) as old, zipfile.ZipFile(path, "w") as new:
            names = [info.filename for info in old.infolist()]
            core = [
                n
                for n in names
                if "sheet1" in n or "workbook" in n or "shared" in n or "styles" in n
            ]
            chosen = rng.choice(core if rng.random() < 0.8 else names)
            for name in names:
                content = old.read(name)
                new.writestr(name, edit(rng, content) if name == chosen else content)
        return "a.xlsx", path.read_bytes()
    if number % 10 < 9:
        return "a.xls", flip(rng, xls.read_bytes())
    return "a.csv", flip(rng, text)


@pytest.mark.parametrize("batch", range(6))
def test_damaged_files_are_read_or_refused(batch, book, old_book, tmp_path):
    sources = (
        book({"表": ROWS}, {"表": ["A1:F1", "D3:E3", "A3:A4", "B3:B4", "C3:C4", "F3:F4"]}),
        old_book({"表": [list(row) for row in ROWS]}, {"表": [(2, 2, 3, 4)]}),
        "\n".join(",".join(str(c or "") for c in row) for row in ROWS).encode("gb18030"),
    )
    rng = random.Random(SEED + batch)  # noqa: S311  (damage, no secret)
    outcomes = {"read": 0, "refused": 0}
    for number in range(50):
        name, content = damaged(rng, number, sources)
        path = tmp_path / f"{number}{name}"
        path.write_bytes(content)
        start = time.monotonic()
        try:
            for table in read_tables(path).tables:
                amounts(table)
            outcomes["read"] += 1
        except Refused as error:
            assert path.name in str(error)  # noqa: PT017  (either outcome is right)
            outcomes["refused"] += 1
        assert time.monotonic() - start < SECONDS, path
    assert outcomes["refused"] > 10, outcomes
    assert outcomes["read"] > 0, outcomes
