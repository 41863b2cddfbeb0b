"""The policy and the memory of a dataset, among what people decided about it."""

import io

import pandas as pd

from analysis import paths
from analysis.clean import decisions
from analysis.clean.sources import read_toml
from analysis.disclosure.policy import Policy
from analysis.errors import LianjianError
from analysis.files import write_bytes

POLICY, MEMORY = "disclosure.toml", "released.parquet"


def read_policy(name: str, kind: str) -> Policy:
    """Return the policy of a dataset: what its decisions state, else the strict one of its kind.

    Parameters
    ----------
    name, kind : str
        The dataset, and whether it is ``ledger``, ``mixed``, ``published`` or ``simulated``.

    Raises
    ------
    LianjianError
        ``data/decisions/NAME/disclosure.toml`` holds something else than ``[disclosure]``, or a
        rule that is wrong or loosened without a reason.
    """
    path = paths.decisions(name) / POLICY
    if not path.is_file():
        return Policy.read({}, kind)
    table = read_toml(path)
    if odd := [key for key in table if key != "disclosure"]:
        raise LianjianError(f"{path} holds {odd[0]}. It takes one table, [disclosure].")
    try:
        return Policy.read(table.get("disclosure", {}), kind)
    except LianjianError as error:
        raise LianjianError(f"{path}: {error}") from None


def read_memory(name: str) -> pd.DataFrame | None:
    """Return what readers know of a dataset by now; none where nothing has left."""
    path = paths.decisions(name) / MEMORY
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise LianjianError(
            f"{path} cannot be read ({error}). It holds what readers know of the villages by now; "
            "without it a release may tell more than it should. Bring it back from its history in "
            f"{path.parent / 'history'} or from a backup."
        ) from None


def write_memory(name: str, memory: pd.DataFrame) -> None:
    """Keep what readers know once a release is out; it is as secret as the books."""
    path = decisions.prepare(name) / MEMORY
    decisions.keep(name, path)
    buffer = io.BytesIO()
    memory.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue())
    path.chmod(0o600)
