"""Formulas and pictures of the prose in PDF and Word."""

import base64
import io
import zipfile

import pypdf
import pytest

from analysis.reports.run import runner
from analysis.reports.run.runner import Options

pytest.importorskip("typst", reason="PDF and Word need the extra 'pdf'")
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJg"
    "gg=="
)
PROSE = r"""md: # T

Here $\widehat{ATT}(g, t)$ and

\begin{align}\tau &= \frac{a}{b} \\ &= \text{强村}\end{align}

$$\hat\theta_{gt} = \sum_{i=1}^{n} x_i$$

![a dot](dot.png)
"""


def test_formulas_and_pictures_stand_in_pdf_and_word(project):
    (project.notebooks / "dot.png").write_bytes(PIXEL)
    project.notebook("01-a", PROSE, "from IPython.display import Math\nMath(r'\\sqrt{x}')")
    assert runner.run(options=Options(jobs=1, formats=("pdf", "docx"))) == 0
    folder = project.reports / "01-a"
    pdf = pypdf.PdfReader(io.BytesIO((folder / "report.pdf").read_bytes()))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert "rgb" not in text
    assert "强村" in text
    assert "∑" in text
    assert sum(len(page.images) for page in pdf.pages) == 1
    with zipfile.ZipFile(folder / "report.docx") as word:
        document = word.read("word/document.xml").decode()
        pictures = [name for name in word.namelist() if name.startswith("word/media/")]
    assert document.count("<m:oMath>") == 4
    assert document.count("<m:acc>") == 2  # the hats
    assert "强村" in document
    assert len(pictures) == 1
