"""The policy and the memory of a dataset, among what people decided about it."""

import hashlib
import hmac
import io
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from analysis import paths
from analysis.clean import decisions
from analysis.clean.sources import read_toml
from analysis.disclosure.policy import Policy
from analysis.errors import LianjianError
from analysis.files import locked, write_bytes

POLICY, MEMORY = "disclosure.toml", "released.parquet"
RELEASES, KEY = "releases.csv", "released.key"
CERTIFICATE = "release.json"
"""What a release says of itself: who, when, by which rules, of which dataset."""
_TURN = "release"  # of a memory: after how many releases it was written


def read_policy(name: str) -> Policy:
    """Return the policy of a ledger: what its decisions state, else the strict one.

    Raises
    ------
    LianjianError
        ``data/decisions/NAME/disclosure.toml`` holds something else than ``[disclosure]``, or a
        rule that is wrong or loosened without a reason.
    """
    path = paths.decisions(name) / POLICY
    table = read_toml(path) if path.is_file() else {}
    if odd := [key for key in table if key != "disclosure"]:
        raise LianjianError(f"{path} holds {odd[0]}. It takes one table, [disclosure].")
    try:
        return Policy.read(table.get("disclosure", {}))
    except LianjianError as error:
        raise LianjianError(f"{path}: {error}") from None


def read_memory(name: str) -> pd.DataFrame | None:
    """Return what readers know of a dataset by now; none where nothing has left.

    What left of another dataset counts as well: the same books may have been taken in twice.

    Raises
    ------
    LianjianError
        It cannot be read, or is missing though numbers were released.
    """
    own = paths.decisions(name) / MEMORY
    if not (own.parent / RELEASES).is_file():
        _must_be_first(name)
    folders = {own.parent, *(path.parent for path in own.parent.parent.glob(f"*/{RELEASES}"))}
    paths_of = {*(folder / MEMORY for folder in folders), *own.parent.parent.glob(f"*/{MEMORY}")}
    frames = [_memory(path) for path in sorted(paths_of, key=lambda path: (path != own, path))]
    held = [frame for frame in frames if frame is not None]
    return pd.concat(held, ignore_index=True) if held else None


def _must_be_first(name: str) -> None:
    """Raise where pages of a dataset were released of which its decisions know nothing."""
    for path in sorted(paths.released().glob(f"*/{CERTIFICATE}")):
        if json.loads(path.read_text("utf-8")).get("dataset") == name:
            raise LianjianError(
                f"{path.parent} was released of {name}, and {paths.decisions(name)} does not know "
                "of it, so that a release may tell more than it should. Bring that folder back "
                "from a backup."
            )


def _memory(path: Path) -> pd.DataFrame | None:
    """Return one memory: none where nothing has left, and no older one than the last release."""
    back = f"Bring it back from its history in {path.parent / 'history'} or from a backup."
    left = _releases(path.parent)
    if not left and not path.is_file():
        return None
    if not path.is_file():
        raise LianjianError(
            f"{path} is missing, though numbers were released. Without it a release may tell more "
            f"than it should. {back}"
        )
    try:
        memory = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise LianjianError(
            f"{path} cannot be read ({error}). It holds what readers know of the villages by now; "
            f"without it a release may tell more than it should. {back}"
        ) from None
    if memory.attrs.pop(_TURN, left) < left:
        raise LianjianError(
            f"{path} is an older copy: it does not know of the last of {left} releases, so that "
            f"the next one may tell more than it should. {back}"
        )
    return memory


def _releases(folder: Path) -> int:
    """Return how many releases are written down."""
    path = folder / RELEASES
    return max(0, len(path.read_text("utf-8").splitlines()) - 1) if path.is_file() else 0


def write_memory(name: str, memory: pd.DataFrame) -> None:
    """Keep what readers know once a release is out; it is as secret as the books."""
    path = decisions.prepare(name) / MEMORY
    decisions.keep(name, path)
    memory = memory.copy()
    memory.attrs = {_TURN: _releases(path.parent) + 1}
    buffer = io.BytesIO()
    memory.to_parquet(buffer, index=False)
    write_bytes(path, buffer.getvalue(), private=True)


@contextmanager
def releasing(name: str) -> Iterator[None]:
    """Let one release at a time read what readers know of a dataset, and add to it."""
    with locked(paths.processed(), f"{name}.release"):
        yield


def edition(name: str, version: str) -> str:
    """Return what a release calls the version of a dataset.

    A version is a hash of all amounts, so that whoever knows the others could try the last one.
    Keyed with a secret that stays among the decisions, it tells nothing.
    """
    path = decisions.prepare(name) / KEY
    if not path.is_file():
        write_bytes(path, secrets.token_hex(32).encode(), private=True)
    return hmac.new(path.read_bytes(), version.encode(), hashlib.sha256).hexdigest()[:12]


def keep_release(name: str, told: Mapping[str, str]) -> None:
    """Keep who released what, when, of which run and version: what a release itself leaves out."""
    path = decisions.prepare(name) / RELEASES
    before = path.read_text("utf-8") if path.is_file() else ""
    line = pd.DataFrame([told]).to_csv(index=False, header=not before, lineterminator="\n")
    write_bytes(path, (before + line).encode(), private=True)
