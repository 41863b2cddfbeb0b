"""JupyterLab as a workplace of this project; `make lab` and the container start it with this.

What is saved or moved into ``notebooks/`` loses its outputs on the way, so that looking at a
notebook changes nothing in the checkout, and amounts of real villages do not leave with it.
"""

import json
from glob import escape
from pathlib import Path
from urllib.parse import quote

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

from analysis.files import write_text
from analysis.reports.plan.notebooks import ENDING, as_stored, without_outputs

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = ROOT / "notebooks"
REFUSED = (
    "not kept: it is too large, or no text. Clear its outputs first, or upload it to work/ and "
    "move it from there."
)


def read(file):
    """Return a stored notebook; empty where there is none that can be read."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("cells"), list) else {}


class Contents(AsyncLargeFileManager):
    """Files of the project, of which the collection keeps no outputs."""

    def _collected(self, path):
        """Whether a notebook belongs to the collection, by whatever way it is reached."""
        file = Path(self._get_os_path(path.strip("/"))).resolve()
        return file.suffix.lower() == ENDING and file.is_relative_to(COLLECTION)

    async def save(self, model, path=""):
        """Save a file; a notebook of the collection without its outputs."""
        if model.get("content") is not None and self._collected(path):
            model = self._tidied(model, path)
        return await super().save(model, path)

    def _tidied(self, model, path):
        content, stored = model["content"], read(Path(self._get_os_path(path.strip("/"))))
        if model.get("type") == "notebook":
            return {**model, "content": without_outputs(content, stored)}
        # an upload comes as a file, a large one in pieces
        if "chunk" in model or model.get("format") != "text":
            raise HTTPError(400, f"{path} is {REFUSED}")
        try:
            return {**model, "content": as_stored(without_outputs(json.loads(content), stored))}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise HTTPError(400, f"{path} is not kept: it is no notebook ({error}).") from error

    async def rename(self, old_path, new_path):
        """Move a file or a folder; what comes into the collection so loses its outputs."""
        await super().rename(old_path, new_path)
        self._tidy(Path(self._get_os_path(new_path.strip("/"))))

    def _tidy(self, place):
        if place.is_dir():
            moved = place.rglob(f"*{ENDING}")
        else:
            saved = place.parent / self.checkpoints.checkpoint_dir
            moved = [place, *saved.glob(f"{escape(place.stem)}-checkpoint{place.suffix}")]
        for file in moved:
            if file.resolve().is_relative_to(COLLECTION) and (notebook := read(file)):
                write_text(file, as_stored(without_outputs(notebook, notebook)))


first = min((file.name for file in COLLECTION.glob("[0-9]*.ipynb")), default="")

c.ServerApp.root_dir = str(ROOT)
c.ServerApp.contents_manager_class = Contents
c.LabApp.default_url = f"/lab/tree/notebooks/{quote(first)}"
# nothing leaves the machine: no list of extensions, no news, no look for a newer version
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
