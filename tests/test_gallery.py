"""The gallery: every chart of the house, drawn by the lines that stand above its picture."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from PIL import Image

from analysis import _language, figures
from analysis.clean import dataset

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))
import gallery  # noqa: E402

PICTURE = re.compile(r"!\[((?:[^\]\\]|\\.)*)\]\((\S+)\)")


@pytest.fixture(scope="module")
def text():
    return gallery.PAGE.read_text("utf-8")


def test_a_chart_takes_ten_lines_and_has_its_picture_below(text):
    blocks = [block["code"].splitlines() for block in gallery.BLOCK.finditer(text)]
    assert max(map(len, blocks)) <= 10
    shown = {Path(file).stem: alt for alt, file in PICTURE.findall(text)}
    assert set(shown) == set(figures.CHARTS)
    for name, alt in shown.items():
        with Image.open(gallery.PAGE.parent / gallery.PICTURES / f"{name}.png") as picture:
            assert picture.width == gallery.WIDE
            assert picture.info["Description"].split() == re.sub(r"\\(.)", r"\1", alt).split()


def test_pictures_of_made_up_numbers_say_so(text):
    record, made_up = text.split("## Income over time")
    assert not any(alt.startswith("Simulated data.") for alt, _ in PICTURE.findall(record))
    assert all(alt.startswith("Simulated data.") for alt, _ in PICTURE.findall(made_up))


def test_the_blocks_draw_what_stands_below_them(built, tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "_loaded", {})
    page = shutil.copyfile(gallery.PAGE, tmp_path / "gallery.md")
    assert sorted(gallery.draw(page)) == sorted(figures.CHARTS)
    assert page.read_text("utf-8") == gallery.PAGE.read_text("utf-8")


QUOTED = re.compile(r'"[^"]*"')
SPOKEN = 'lj.language("zh")\n'


def test_the_chinese_page_has_the_same_lines_in_its_own_words_and_pictures_in_chinese(text):
    twin = gallery.PAGES[1].read_text("utf-8")
    lines, shown = (
        ["".join(QUOTED.sub('""', block["code"]).split()) for block in gallery.BLOCK.finditer(page)]
        for page in (text, twin.replace(SPOKEN, ""))
    )
    assert lines == shown
    assert SPOKEN in twin
    assert [file for _, file in PICTURE.findall(text)] == [
        file for _, file in PICTURE.findall(twin)
    ]
    for alt, file in PICTURE.findall(twin):
        with Image.open(gallery.PAGES[1].parent / file) as picture:
            assert picture.width == gallery.WIDE
            assert picture.info["Description"].split() == re.sub(r"\\(.)", r"\1", alt).split()
    record, made_up = twin.split("## 收入的变化")
    assert not any(alt.startswith("模拟数据。") for alt, _ in PICTURE.findall(record))
    assert all(alt.startswith("模拟数据。") for alt, _ in PICTURE.findall(made_up))
    words = [alt for alt, _ in PICTURE.findall(twin) if not _language.is_chinese(alt)]
    assert words == []
