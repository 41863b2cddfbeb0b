"""Finished reports for print and for Word, with what they come from in a file beside them."""

from analysis.reports.documents._document import (
    FORMATS,
    PROVENANCE,
    kept,
    lacks,
    render,
    require,
    write,
)

__all__ = ["FORMATS", "PROVENANCE", "kept", "lacks", "render", "require", "write"]
