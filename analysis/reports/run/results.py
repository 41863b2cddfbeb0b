"""How a plan ended, for programs: JSON, and JUnit XML as build servers read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from analysis.errors import Exit
from analysis.files import write_bytes
from analysis.terminal import visible

UP_TO_DATE, NOT_RUN = "up to date", "not run"


@dataclass(frozen=True)
class Ending:
    """How one run of the plan ended.

    Attributes
    ----------
    report, notebook : str
        Names of the report and of its notebook.
    result : {"done", "rendered", "up to date", "failed", "not run"}
        What became of it.
    reasons : tuple of str
        Why it was due.
    seconds : float
        How long it took.
    message : str
        The error, empty where there was none.
    file : str
        What to look at, relative to the project; empty where there is nothing.
    """

    report: str
    notebook: str
    result: str
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""
    file: str = ""


@dataclass(frozen=True)
class Ended:
    """How a plan ended.

    Attributes
    ----------
    exit : Exit
        The exit code.
    seconds : float
        How long it took.
    endings : tuple of Ending
        Its runs, in the order of the plan.
    """

    exit: Exit
    seconds: float
    endings: tuple[Ending, ...] = ()


def as_json(ended: Ended) -> dict[str, Any]:
    """Return the end of a plan for a program; ``docs/schemas/run.json`` describes it."""
    return {
        "exit": int(ended.exit),
        "seconds": round(ended.seconds, 2),
        "reports": [
            {**vars(ending), "reasons": list(ending.reasons), "seconds": round(ending.seconds, 2)}
            for ending in ended.endings
        ],
    }


def write_junit(path: Path, ended: Ended) -> None:
    """Write the end of a plan as JUnit XML.

    A run is a test case: one that failed is a failure, one that was up to date or not reached is
    skipped, with the reason.
    """
    results = [ending.result for ending in ended.endings]
    counts = {
        "name": "lianjian run",
        "tests": str(len(results)),
        "failures": str(results.count("failed")),
        "errors": "0",
        "time": f"{ended.seconds:.3f}",
    }
    skipped = str(results.count(UP_TO_DATE) + results.count(NOT_RUN))
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts, skipped=skipped)
    for ending in ended.endings:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=visible(ending.notebook),
            name=visible(ending.report),
            time=f"{ending.seconds:.3f}",
        )
        if ending.result == "failed":
            message = visible(ending.message)
            failure = ET.SubElement(case, "failure", message=message, type="failed")
            failure.text = f"{message}\nsee {visible(ending.file)}" if ending.file else message
        elif ending.result in {UP_TO_DATE, NOT_RUN}:
            ET.SubElement(case, "skipped", message=ending.result)
    ET.indent(root)
    write_bytes(path, ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
