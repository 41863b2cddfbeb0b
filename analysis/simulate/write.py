"""A simulated dataset as files: the same bytes for the same scenario on every machine."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from analysis import paths
from analysis.clean import decisions
from analysis.clean.simulated import is_drawn, is_outdated, record
from analysis.clean.sources import Card, count_rows, faults, read_cards, read_toml
from analysis.clean.tables import write_csv
from analysis.errors import LianjianError
from analysis.files import locked, open_to_readers, staged_folder
from analysis.simulate.offices.answers import corrections, crosswalk
from analysis.simulate.offices.dirt import Dirt
from analysis.simulate.offices.write import make_books, register
from analysis.simulate.simulation import Simulation

CARD = "dataset.toml"
_BY_HAND = ("crosswalk.csv", "corrections.csv")
_SAID = tomllib.loads(Path(__file__).with_name("card.toml").read_text("utf-8"))


def write(simulation: Simulation, folder: Path) -> None:
    """Write the dataset into ``folder``, all of it or nothing.

    The files are made beside the folder and swapped in by rename. An earlier simulated dataset
    of that name is replaced; any other folder with content is left alone.

    Parameters
    ----------
    simulation : Simulation
        What ``simulate`` returned.
    folder : Path
        The dataset's folder; its name becomes the dataset's name.

    Raises
    ------
    LianjianError
        The folder holds something that is not a simulated dataset.
    """
    with locked(paths.processed(), folder.name):
        _write(simulation, folder)


def _write(simulation: Simulation, folder: Path) -> None:
    _spare_others(folder)
    scenario, villages = simulation.scenario, simulation.villages
    books = make_books(simulation, scenario.seed, Dirt.times(scenario.dirt))
    files = books.contents | {
        "villages.csv": _csv(villages),
        "register.csv": _csv(register(villages)),
        "joint_projects.csv": _csv(simulation.joint_projects),
        "truth.csv": _csv(simulation.truth),
        "att.csv": _csv(simulation.att),
        "cells.csv": _csv(books.cells, None),
        "planted.csv": _csv(books.planted, None),
    }
    lines = books.cells[["file", "village_id", "year"]].drop_duplicates().groupby("file").size()
    by_hand = {
        "crosswalk.csv": crosswalk(books.planted, villages),
        "corrections.csv": corrections(books.planted, villages),
    }
    with staged_folder(folder, CARD) as staging:
        open_to_readers(staging)
        cards = []
        for file, content in files.items():
            (staging / file).write_bytes(content)
            rows = count_rows(staging / file) if file.endswith(".csv") else int(lines[file])
            cards.append(_source(file, content, rows))
        for file, frame in by_hand.items():
            if len(frame):
                write_csv(frame, staging / file, "utf-8")
                cards.append(_source(file, (staging / file).read_bytes(), len(frame)))
        card = _dataset_card(simulation, folder.name, cards)
        (staging / CARD).write_text(card, encoding="utf-8", newline="\n")


def _spare_others(folder: Path) -> None:
    """Refuse to replace what this module did not write: a real ledger has no other copy."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        fault = _strange(folder)
    except LianjianError as error:
        fault = str(error).rstrip(".")
    if fault:
        raise LianjianError(
            f"{folder} was left as it is: {fault}. Choose another name for the simulated dataset, "
            "or move that folder."
        )


def _strange(folder: Path) -> str:
    """Say what in a folder is not as a simulation wrote it, empty when all is."""
    head, cards = read_toml(folder / CARD), read_cards(folder / CARD)
    known = {card.file for card in cards} | {CARD}
    if is_outdated(head, cards):
        known |= set(_BY_HAND)
        for name in _BY_HAND if "record" not in head else ():  # no card: a person may have changed
            decisions.keep(folder.name, folder / name)
    elif not is_drawn(head, cards):
        return "`lianjian simulate` did not write it"
    strange = sorted(path.name for path in folder.iterdir() if path.name not in known)
    if strange:
        return f"it holds {', '.join(strange)}, which is not of the simulation"
    return next(faults(folder, cards), "").rstrip(".")


def _csv(frame: pd.DataFrame, numbers: str | None = "%.2f") -> bytes:
    return frame.to_csv(index=False, float_format=numbers, lineterminator="\n").encode("utf-8")


def _source(file: str, content: bytes, rows: int) -> dict[str, str | int]:
    """Return the source card of a file."""
    titles, said = _SAID["titles"], _SAID["source"]
    return {
        "file": file,
        "title": titles.get(file, titles[""]),
        **said,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": rows,
        "kind": "simulated",
    }


def _dataset_card(simulation: Simulation, name: str, cards: list[dict[str, str | int]]) -> str:
    """Return dataset.toml: what it is, every parameter, what was realised, one card a file."""
    scenario = simulation.scenario
    weak = scenario.weak_per_alliance
    head = {"name": name, **_SAID["dataset"]}
    head["description"] = head["description"].format(helpers=len(weak), weak=sum(weak))
    parameters = scenario.parameters()
    made = {"parameters": parameters, "realised": simulation.realised}
    head["record"] = record(made, [Card(**card) for card in cards])  # type: ignore[arg-type]
    lines = _table(head)
    lines += ["", "[parameters]", *_table(parameters)]
    lines += ["", "[realised]", *_table(simulation.realised)]
    for card in cards:
        lines += ["", "[[source]]", *_table(card)]
    return "\n".join(lines) + "\n"


def _table(values: Mapping[str, object]) -> list[str]:
    """Return ``key = value`` lines; JSON writes these types as TOML does."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
