"""A simulated dataset as files: the same bytes for the same scenario on every machine."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from analysis.errors import LianjianError
from analysis.files import staged_folder
from analysis.simulate.simulation import Simulation

CARD = "dataset.toml"
TITLES = {
    "villages.csv": "Simulated villages: invented names, size, role, programmes",
    "accounts.csv": "Simulated village accounts 2018-2024",
    "joint_projects.csv": "Simulated dividends and revenue of joint projects",
    "truth.csv": "Potential outcomes of the simulated villages",
    "att.csv": "True mean effects of the simulated alliances",
}
LICENCE = "free use as long as the data are named as simulated"
RIGHTS = "no rights of others: every value is drawn at random, every village name is invented"


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
    _spare_others(folder)
    with staged_folder(folder) as staging:
        cards = [_write_table(simulation, staging, file) for file in TITLES]
        card = _dataset_card(simulation, folder.name, cards)
        (staging / CARD).write_text(card, encoding="utf-8", newline="\n")


def _spare_others(folder: Path) -> None:
    """Refuse to replace what this module did not write: a real ledger has no other copy."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        kind = tomllib.loads((folder / CARD).read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError):
        kind = None
    if kind != "simulated":
        raise LianjianError(
            f'{folder.name} exists and its {CARD} does not say kind = "simulated": it was left '
            "as it is. Choose another name for the simulated dataset."
        )


def _write_table(simulation: Simulation, folder: Path, file: str) -> dict[str, str | int]:
    """Write one table and return its source card."""
    frame = getattr(simulation, file.removesuffix(".csv"))
    text = frame.to_csv(index=False, float_format="%.2f", lineterminator="\n")
    content = text.encode("utf-8")
    (folder / file).write_bytes(content)
    return {
        "file": file,
        "title": TITLES[file],
        "producer": "lianjian simulate",
        "licence": LICENCE,
        "rights": RIGHTS,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": len(frame),
        "kind": "simulated",
    }


def _dataset_card(simulation: Simulation, name: str, cards: list[dict[str, str | int]]) -> str:
    """Return dataset.toml: what it is, every parameter, what was realised, one card a file."""
    scenario = simulation.scenario
    weak = scenario.weak_per_alliance
    head = {
        "name": name,
        "kind": "simulated",
        "title": "Simulated village ledgers of eight counties, 2018-2024",
        "description": (
            "Drawn at random from a stated process; no value belongs to a real village and every "
            f"village and township name is invented. {len(weak)} helpers and {sum(weak)} weak "
            f"villages in {len(weak)} alliances are an assumed reading of the source article."
        ),
    }
    parameters = {item.name: getattr(scenario, item.name) for item in fields(scenario)}
    lines = _table(head)
    lines += ["", "[parameters]", *_table(parameters)]
    lines += ["", "[realised]", *_table(simulation.realised)]
    for card in cards:
        lines += ["", "[[source]]", *_table(card)]
    return "\n".join(lines) + "\n"


def _table(values: Mapping[str, object]) -> list[str]:
    """Return ``key = value`` lines; JSON writes these types as TOML does."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
