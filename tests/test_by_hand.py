"""Examples of what stands behind no door, each run in the module that it names."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

SECTION = re.compile(r"^(analysis\.[\w.]+):([\w.]+)\n-+\n", re.MULTILINE)
PARTS = SECTION.split(Path(__file__).with_name("by_hand.rst").read_text("utf-8"))[1:]
EXAMPLES = list(zip(PARTS[::3], PARTS[1::3], PARTS[2::3], strict=True))


@pytest.mark.parametrize(
    ("module", "name", "text"), EXAMPLES, ids=[f"{m}:{n}" for m, n, _ in EXAMPLES]
)
def test_an_example_gives_what_it_says(module, name, text):
    known = dict(vars(import_module(module)))
    found = doctest.DocTestParser().get_doctest(text, known, name, "by_hand.rst", 0)
    assert found.examples
    said = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        found, out=said.append
    )
    assert result.failed == 0, "".join(said)
