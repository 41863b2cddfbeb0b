"""Draw the gallery of the documentation anew: run its blocks, save what they draw, write its text.

    python tools/gallery.py [PAGE]

The page is its own source: each block of Python runs after those above it, and where the last line
is a chart, its picture and its alternative text stand below. The Chinese page has the same blocks,
with words of its own and pictures in Chinese.
"""

import ast
import io
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

import analysis
from analysis.figures import Chart, call_of
from analysis.reports.plan.syntax import parse

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PAGES = (PAGE, ROOT / "docs" / "zh" / "gallery.md")
PICTURES = "images/gallery"
WIDE = 900  # pixels: twice what a column of the page shows of most
COLOURS = 96
# a block, and the picture below it: ![in words](its file)
BLOCK = re.compile(
    r"```python\n(?P<code>.*?)```\n(?:\n!\[(?:[^\]\\]|\\.)*\]\([^)]*\)\n)?", re.DOTALL
)


def value_of(code: str, names: dict[str, Any]) -> object:
    """Run a block; return the value of its last line, if it has one."""
    *before, last = parse(code).body
    if not isinstance(last, ast.Expr):
        before, last = [*before, last], None
    exec(compile(ast.Module(before, []), "gallery", "exec"), names)  # noqa: S102  (our own page)
    return last and eval(compile(ast.Expression(last.value), "gallery", "eval"), names)  # noqa: S307


def small(chart: Chart, folder: Path) -> bytes:
    """Return a picture of a chart of few bytes, with its text inside."""
    with Image.open(chart.save(folder / ".chart.png")) as drawn:
        size = (WIDE, round(drawn.height * WIDE / drawn.width))
        picture = drawn.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    (folder / ".chart.png").unlink()
    said, buffer = PngImagePlugin.PngInfo(), io.BytesIO()
    said.add_itxt("Description", chart.alt)
    picture.quantize(COLOURS).save(buffer, "png", pnginfo=said, optimize=True)
    return buffer.getvalue()


def draw(page: Path) -> list[str]:
    """Write a page and its pictures anew; return the names of the charts that it shows."""
    names: dict[str, Any] = {}
    drawn: list[str] = []
    folder = page.parent / PICTURES
    folder.mkdir(parents=True, exist_ok=True)

    def shown(block: re.Match[str]) -> str:
        code = f"```python\n{block['code']}```\n"
        chart = value_of(block["code"], names)
        if not isinstance(chart, Chart):
            return code
        call = call_of(chart.figure)
        drawn.append(call.chart if call else f"chart-{len(drawn)}")
        (folder / f"{drawn[-1]}.png").write_bytes(small(chart, folder))
        alt = re.sub(r"([\[\]\\])", r"\\\1", " ".join(chart.alt.split()))
        return f"{code}\n![{alt}]({PICTURES}/{drawn[-1]}.png)\n"

    try:
        text = BLOCK.sub(shown, page.read_text("utf-8"))
    finally:
        analysis.language("en")  # a page may have chosen another
    page.write_text(text, "utf-8")
    return drawn


if __name__ == "__main__":
    for page in map(Path, sys.argv[1:]) if sys.argv[1:] else PAGES:
        # simulated data that one page loads would mark what the next draws of the record
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            for name in apart.submit(draw, page).result():
                print(name)
