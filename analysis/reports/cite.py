"""What ``lianjian cite`` answers: a report's own citation, as its record keeps it."""

from contextlib import AbstractContextManager
from pathlib import PurePosixPath
from typing import Any

from analysis import _language
from analysis.errors import LianjianError, did_you_mean
from analysis.reports import citation, finished
from analysis.reports.text import listed
from analysis.terminal import visible


def cite(report: str, form: str, code: str = "en") -> str:
    """Return the citation of a report, or of the package where none is named.

    It is that of the page in a language, where the report has one.
    """
    if form in citation.ARCHIVES:
        if report:
            raise LianjianError(f"{form} describes the package: leave out the name of the report.")
        return citation.ARCHIVES[form][1]()
    if form not in citation.FORMATS:
        forms = [*citation.FORMATS, *citation.ARCHIVES]
        form_names = ", ".join(forms)
        raise LianjianError(
            f"There is no form {form!r}.{did_you_mean(form, forms)} Forms are: {form_names}."
        )
    write = citation.FORMATS[form]
    if not report:
        return write(citation.of_package())
    name, _, anchor = report.partition("#")
    record = _record(slug(name))
    with _writing(record, code):
        cited = citation.from_record(finished.told(record)["citation"])
        if anchor:
            cited = citation.at(cited, anchor, _words(record, anchor))
        return _language.said(write(cited)) if form == "text" else write(cited)


def addresses(report: str, code: str = "en") -> dict[str, str]:
    """Return the addresses in a report that can be cited, each with what it shows."""
    record = _record(slug(report))
    with _writing(record, code):
        return {anchor: _words(record, anchor) for anchor in record["addresses"]}


def _writing(record: dict[str, Any], code: str) -> AbstractContextManager[object]:
    """Write in a language, where the report has a page in it, and else in English."""
    own = record["notebook"].removesuffix(".ipynb")
    return _language.writing(code if code in record.get("pages", ()) else "en", own)


def slug(name: str) -> str:
    """Return the name of the report that a path leads to."""
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "report.html"]
    return parts[-1] if parts else name


def _record(name: str) -> dict[str, Any]:
    [folder] = finished.named([name])
    record = finished.record_of(folder)
    if "citation" not in record:
        raise LianjianError(
            f"{folder.parent.name}/{name} was made by an earlier version, which kept no citation. "
            f"Run it again: lianjian run {name}"
        )
    return record


def _words(record: dict[str, Any], anchor: str) -> str:
    """Return what an address in a page shows."""
    addresses = record["addresses"]
    if anchor not in addresses:
        raise LianjianError(
            f"{record['slug']} has no #{anchor}.{did_you_mean(anchor, addresses)} "
            f"It has: {listed([f'#{name}' for name in addresses]) or 'no address'}."
        )
    for number in record["numbers"]:
        if number["anchor"] == anchor:
            return visible(_language.said(f"{number['label']}: {number['text']}"))
    return _language.said(str(addresses[anchor]))
