"""How a plan ended, for programs: JSON, and JUnit XML as build servers read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from analysis.errors import Exit, LianjianError
from analysis.files import of_system, write_bytes
from analysis.terminal import visible

UP_TO_DATE, NOT_RUN = "up to date", "not run"


@dataclass(frozen=True)
class Ending:
    """How one run of the plan ended, as ``docs/schemas/run.json`` describes it."""

    report: str
    notebook: str
    result: str  # done, rendered, failed, up to date, not run
    reasons: tuple[str, ...] = ()  # why it was due
    seconds: float = 0.0
    message: str = ""  # the error
    file: str = ""  # what to look at, relative to the project
    notes: tuple[str, ...] = ()  # what is wrong with a report that was published all the same
    written: tuple[str, ...] = ()  # inputs of reports that the run, or somebody meanwhile, changed

    @property
    def ok(self) -> bool:
        """Whether there is a page of it."""
        return self.result != "failed"


@dataclass(frozen=True)
class Ended:
    """How a plan ended: its exit code, and its runs in the order of the plan."""

    exit: Exit
    seconds: float
    endings: tuple[Ending, ...] = ()


def as_json(ended: Ended) -> dict[str, Any]:
    """Return the end of a plan for a program."""
    reports = [{**vars(e), "seconds": round(e.seconds, 2)} for e in ended.endings]
    return {"exit": int(ended.exit), "seconds": round(ended.seconds, 2), "reports": reports}


def write_junit(
    path: Path, seconds: float = 0.0, endings: Sequence[Ending] = (), error: str = ""
) -> None:
    """Write the end of a plan as JUnit XML.

    A run is a test case: one that failed is a failure, one that was up to date or not reached is
    skipped, with the reason. What kept the whole plan from running is an error of a case of its
    own.
    """
    results = [ending.result for ending in endings]
    counts = {
        "name": "lianjian run",
        "tests": str(len(results) + bool(error)),
        "failures": str(results.count("failed")),
        "errors": str(int(bool(error))),
        "time": f"{seconds:.3f}",
    }
    skipped = str(results.count(UP_TO_DATE) + results.count(NOT_RUN))
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts, skipped=skipped)

    def case(notebook: str, name: str, time: float) -> ET.Element:
        about = {"classname": visible(notebook), "name": visible(name), "time": f"{time:.3f}"}
        return ET.SubElement(suite, "testcase", about)

    for ending in endings:
        made = case(ending.notebook, ending.report, ending.seconds)
        if not ending.ok:
            message = visible(ending.message)
            failure = ET.SubElement(made, "failure", message=message, type="failed")
            failure.text = f"{message}\nsee {visible(ending.file)}" if ending.file else message
        elif ending.result in {UP_TO_DATE, NOT_RUN}:
            ET.SubElement(made, "skipped", message=ending.result)
        elif ending.notes:
            ET.SubElement(made, "system-err").text = visible("\n".join(ending.notes))
    if error:
        made = case("lianjian", "run", seconds)
        ET.SubElement(made, "error", message=visible(error), type="refused")
    ET.indent(root)
    try:
        write_bytes(path, ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    except OSError as trouble:
        reason = of_system(trouble, path.parent)
        raise LianjianError(f"--junit {path} cannot be written: {reason}") from trouble
