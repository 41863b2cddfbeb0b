"""What was built: the manifest of a dataset, and whether its tables are still what it says."""

import hashlib
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import paths
from analysis.clean.sources import sha256
from analysis.errors import DataError, LianjianError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

FILE = "manifest.json"

_MISSING = "~"  # no value's text begins with it
_KEYS = {
    **dict.fromkeys(("name", "kind", "title", "description", "version"), str),
    **dict.fromkeys(("sources", "corrections"), list),
    **dict.fromkeys(("parameters", "realised", "rows"), dict),
    "issues": int,
}


def content_hash(frame: "pd.DataFrame") -> str:
    """Return the hash of what a table says, which depends on no library and no type of storage."""
    digest = hashlib.sha256()
    for name in frame.columns:
        values = frame[name].astype("object")
        texts = (
            _MISSING if absent else repr(value + 0.0) if isinstance(value, float) else ascii(value)
            for value, absent in zip(values.tolist(), values.isna().tolist(), strict=True)
        )
        digest.update("\n".join([f"{name!a} {len(frame)}", *texts, ""]).encode())
    return digest.hexdigest()


def read(name: str) -> dict[str, Any]:
    """Return the manifest of a dataset that was built."""
    try:
        path = paths.processed_dataset(name) / FILE
    except LianjianError as error:
        raise LianjianError(f"{error}{did_you_mean(str(name), names())}") from None
    if not path.is_file():
        built, can_be_built = names(), {*paths.datasets(), paths.SIMULATED}
        if name in can_be_built:
            hint = f" Run `lianjian build {name}` first."
        else:
            near = did_you_mean(name, {*built, *can_be_built})
            hint = near or f" `lianjian new {name} books/*` makes it of yours."
        dataset_names = ", ".join(built) or "–"
        raise DataError(
            f"There is no processed dataset {name!r}. Built so far: {dataset_names}.{hint}"
        )
    seen = parse(path)
    lacking = [key for key, sort in _KEYS.items() if not isinstance(seen.get(key), sort)]
    # the hash of each table came with a later version
    lacking += ["tables"] if set(seen.get("rows") or ()) - set(seen.get("tables") or ()) else []
    if lacking:
        raise DataError(
            f"{path} is not a manifest that this version writes: it lacks {', '.join(lacking)}. "
            f"Run `lianjian build {name}`, which makes it anew."
        )
    return seen


def names() -> list[str]:
    """Return the names of the datasets that have a manifest."""
    return sorted(path.parent.name for path in paths.processed().glob(f"[!.]*/{FILE}"))


def is_built(name: str) -> bool:
    """Return whether anything of a dataset has been built: its manifest, or a table."""
    folder = paths.processed_dataset(name)
    return (folder / FILE).is_file() or any(folder.glob("*.parquet"))


def parse(path: Path) -> dict[str, Any]:
    """Return what a manifest holds, whatever that is."""
    try:
        seen = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path} cannot be read as JSON: {error}. It was cut off or changed; "
            f"run `lianjian build {path.parent.name}`, which makes it anew."
        ) from None
    if isinstance(seen, dict):
        return seen
    raise DataError(
        f"{path} is no manifest: it holds {type(seen).__name__}. "
        f"Run `lianjian build {path.parent.name}`, which makes it anew."
    )


def read_table(folder: Path, table: str, expected: dict[str, str]) -> "pd.DataFrame":
    """Return a table of a dataset as it was built."""
    import pandas as pd  # noqa: PLC0415  (a dataset that is up to date is told so at once)

    path = folder / f"{table}.parquet"
    mend = f"Run `lianjian build {folder.name}`, which makes it again."
    try:
        with path.open("rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        raise DataError(f"{path} is missing. {mend}") from None
    is_same = hashlib.sha256(content).hexdigest() == expected.get("sha256")
    try:
        frame = pd.read_parquet(BytesIO(content))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as parquet: {error}. {mend}") from None
    # another version of a library writes other bytes of the same table
    if not is_same and content_hash(frame) != expected.get("content"):
        raise DataError(f"{path} is not the table that was built: it was changed. {mend}")
    return frame


def changed_files(name: str, seen: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with each file of a dataset that is not as its manifest says."""
    folder = paths.processed_dataset(name)
    for file, expected in seen.get("files", {}).items():
        path = folder / Path(file).name
        if not path.is_file():
            yield f"{path} is missing"
        elif sha256(path) != expected:
            table = seen.get("tables", {}).get(path.stem) if path.suffix == ".parquet" else None
            try:
                if table is not None:
                    read_table(folder, path.stem, table)
                    continue
            except DataError as error:
                yield str(error).partition(" Run ")[0].rstrip(".")
                continue
            yield f"{path} was changed since it was built"
