"""Who may have a file is a closed choice, on each card or once for all of them."""

import pytest

from analysis.clean.sources import read_cards
from analysis.errors import LianjianError

CARD = """
[[source]]
file = "{}.csv"
title = "T"
producer = "P"
licence = "CC0, but not for you"
rights = "不对外公开"
sha256 = "0"
bytes = 1
rows = 1
kind = "ledger"
"""


def cards(tmp_path, head="", *own):
    path = tmp_path / "dataset.toml"
    files = [CARD.format(number) + more for number, more in enumerate(own or [""])]
    path.write_text(head + "".join(files), "utf-8")
    return [(card.share, card.spdx) for card in read_cards(path)]


def test_nobody_said(tmp_path):
    assert cards(tmp_path) == [("", "")]


def test_the_head_speaks_for_cards_that_are_silent(tmp_path):
    head = 'share = "open"\nspdx = "ODbL-1.0"\n'
    own = cards(tmp_path, head, "", 'share = "never"\n', 'share = "open"\nspdx = "MIT"\n')
    assert own == [("open", "ODbL-1.0"), ("never", ""), ("open", "MIT")]


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ('share = "public"\n', "share is 'public', expected one of"),
        ('share = "Open"\nspdx = "MIT"\n', "share is 'Open'"),
        ("share = true\n", "share is True"),
        ('share = "open"\n', "spdx is missing"),
        ('share = "open"\nspdx = "CC BY 4.0"\n', "spdx is 'CC BY 4.0'"),
        ('spdx = "MIT"\n', 'does not say "open"'),
        ('share = "on-request"\nspdx = "MIT"\n', 'does not say "open"'),
    ],
)
def test_what_is_no_choice_is_refused(tmp_path, head, message):
    with pytest.raises(LianjianError, match=message):
        cards(tmp_path, head)
