"""Charts are drawn as in a process that has loaded nothing, whatever other tests have loaded."""

import pytest

from analysis.clean import dataset


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch):
    monkeypatch.setattr(dataset, "_loaded", {})
