"""What ``lianjian cite`` answers: a report's own citation, as its record keeps it."""

import difflib
import json
from pathlib import PurePosixPath
from typing import Any

from analysis import paths
from analysis.errors import LianjianError
from analysis.reports import bibliography, citation, staging
from analysis.reports.formats import visible


def cite(report: str, form: str) -> str:
    """Return the citation of a report, or of the package where none is named.

    Parameters
    ----------
    report : str
        Name of the report's folder, or a path to it or to its page; ``#num-…`` and the like at its
        end cite one number, figure or table in it.
    form : {"text", "bibtex", "csl", "ris"}
        How it is written.

    Raises
    ------
    LianjianError
        There is no such report, none of that address in it, or no such form.
    """
    if form not in bibliography.FORMATS:
        raise LianjianError(
            f"There is no form {form!r}.{_meant(form, bibliography.FORMATS)} "
            f"Forms are: {', '.join(bibliography.FORMATS)}."
        )
    write = bibliography.FORMATS[form]
    if not report:
        return write(citation.of_package())
    name, _, anchor = report.partition("#")
    record = _record(_slug(name))
    cited = citation.from_record(record["citation"])
    if anchor:
        cited = citation.at(cited, anchor, _words(record, anchor))
    return write(cited)


def _slug(name: str) -> str:
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "report.html"]
    return parts[-1] if parts else name


def _record(slug: str) -> dict[str, Any]:
    reports = paths.reports()
    known = sorted(path.parent.name for path in reports.glob("[!.]*/run.json"))
    good = [name for name in known if not name.endswith(staging.FAILED)]
    if slug not in good:
        failed = f"{slug}{staging.FAILED}" in known
        why = " Its only run failed, and a failed run is not cited." if failed else ""
        names = ", ".join(good) if len(good) <= 20 else f"{len(good)} folders of {reports.name}"  # noqa: PLR2004
        raise LianjianError(
            f"There is no report {slug!r}.{why}{'' if failed else _meant(slug, good)} "
            f"Reports are: {names or 'none yet; `lianjian run` makes them'}."
        )
    record: dict[str, Any] = json.loads((reports / slug / "run.json").read_bytes())
    if "citation" not in record:
        raise LianjianError(
            f"{reports.name}/{slug} was made by an earlier version, which kept no citation. "
            f"Run it again: lianjian run {slug}"
        )
    return record


def _words(record: dict[str, Any], anchor: str) -> str:
    """Return what an address in a page shows."""
    addresses = record["addresses"]
    if anchor not in addresses:
        raise LianjianError(
            f"{record['slug']} has no #{anchor}.{_meant(anchor, addresses)} "
            f"It has: {', '.join(f'#{name}' for name in addresses) or 'no address'}."
        )
    for number in record["numbers"]:
        if number["anchor"] == anchor:
            return visible(f"{number['label']}: {number['text']}")
    return str(addresses[anchor])


def _meant(word: str, known: Any) -> str:  # noqa: ANN401  (any collection of texts)
    near = difflib.get_close_matches(word, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""
