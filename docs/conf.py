"""How the documentation is built: from these pages and from the docstrings behind each door.

Nothing is fetched, neither here nor by whoever opens a page: formulas are written as MathML.
"""

from docutils.nodes import Element
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

project = "lianjian"
author = "the lianjian contributors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["examples", "schemas"]

html_theme = "pydata_sphinx_theme"
html_title = "lianjian"
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # a page opened from disk may not read others to quote them
html_theme_options = {
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}
html_math_renderer = "mathml"

# a door names what is public (``__all__``); where in the room it is written does not matter
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types with their units
numpydoc_show_class_members = False

nb_execution_mode = "off"
suppress_warnings = ["mystnb.unknown_mime_type"]


def _inline(translator: HTML5Translator, node: Element) -> None:
    translator.body.append(convert(node.astext()))


def _block(translator: HTML5Translator, node: Element) -> None:
    translator.body.append(f"<p>{convert(node.astext(), display='block')}</p>")


def _done(translator: HTML5Translator, node: Element) -> None:
    """Nothing is left to write."""


def setup(app: Sphinx) -> None:
    """Write formulas as MathML, which needs no program from a server."""
    app.add_html_math_renderer("mathml", (_inline, _done), (_block, _done))
