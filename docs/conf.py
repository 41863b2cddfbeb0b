"""How the documentation is built: from these pages and from the docstrings behind each door.

Nothing is fetched, neither here nor by whoever opens a page: formulas are written as MathML.
"""

from typing import Any

from latex2mathml.converter import convert

project = "lianjian"
author = "the lianjian contributors"
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["examples", "schemas"]

html_theme = "pydata_sphinx_theme"
html_title = "lianjian"
html_show_sourcelink = False
html_copy_source = False
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


def _inline(translator: Any, node: Any) -> None:
    translator.body.append(convert(node.astext()))


def _block(translator: Any, node: Any) -> None:
    translator.body.append(f"<p>{convert(node.astext(), display='block')}</p>")


def _done(translator: Any, node: Any) -> None:
    """Nothing is left to write."""


def setup(app: Any) -> None:
    """Write formulas as MathML, which needs no program from a server."""
    app.add_html_math_renderer("mathml", (_inline, _done), (_block, _done))
