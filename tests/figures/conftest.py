"""Charts are drawn as in a process that has loaded nothing, whatever other tests have loaded."""

import pytest

from analysis.clean import dataset


@pytest.fixture(autouse=True)
def _nothing_loaded(monkeypatch):
    monkeypatch.setattr(dataset, "_loaded", {})


@pytest.fixture(scope="module")
def unmarked():
    """Draw as of real data, once for all tests of a module that only look at the charts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "_loaded", {})
        yield
