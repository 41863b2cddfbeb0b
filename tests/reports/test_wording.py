"""A word leaves where a person typed it, and not where numbers may have chosen it."""

import pytest

from analysis.reports.calls import Call
from analysis.reports.plan.source import Cell
from analysis.reports.release._wording import Wording
from analysis.reports.sentences import claim

BEFORE = """
means = {"north": 3.0, "south": 4.0}
limit = 3.5
labels = {"up": "rose", "down": "fell"}
"""


def chosen(code, call, *, before=BEFORE, known=()):
    cells = [Cell(1, "measure = 'operating'", ("parameters",)), Cell(2, before), Cell(3, code)]
    return Wording(cells, known).chosen(call, code)


def said(text, **words):
    return Call("say", {"text": text, "words": words, "needs": []})


TYPED = {
    "in the call": ('say("It {how}.", how="rose")', said("It {how}.", how="rose")),
    "a name": ('how = "rose"\nsay("It {how}.", how=how)', said("It {how}.", how="rose")),
    "looked up": ('say("It {how}.", how=labels["up"])', said("It {how}.", how="rose")),
    "a parameter": ('say(f"In {measure} income.")', said("In operating income.")),
    "a loop": (
        'for one in ("north", "south"):\n    say(f"In the {one}.")',
        said("In the south."),
    ),
    "a loop through what there is": (
        'for one, mean in means.items():\n    say(f"{one.capitalize()}: {{mean-{one}}}.")',
        said("South: {mean-south}."),
    ),
    "a year": ('say("Since {year}.", year=max(means))', said("Since {year}.", year=2023)),
    "a claim": (
        'say("It {how}.", how=claim("a", "more than", 0, yes="rose", no="fell"))',
        said("It {how}.", how=claim("a", "more than", 0, yes="rose", no="fell")),
    ),
    "a remark": ('note("Read it with care.")', said("*{remark}*", remark="Read it with care.")),
}
CHOSEN = {
    "by a condition": 'say("It {how}.", how="rose" if means["north"] > limit else "fell")',
    "by a name under a condition": (
        'how = "fell"\nif means["north"] > limit:\n    how = "rose"\nsay("It {how}.", how=how)'
    ),
    "by a name bound in one branch": (
        'if means["north"] > limit:\n    how = "rose"\nsay("It {how}.", how=how)'
    ),
    "by a place": 'say("It {how}.", how=["fell", "rose"][int(means["north"] > limit)])',
    "by a key": 'say("It {how}.", how={True: "rose", False: "fell"}[means["north"] > limit])',
    "by a function": (
        'def word(x):\n    return "rose" if x > limit else "fell"\n'
        'say("It {how}.", how=word(means["north"]))'
    ),
    "by the largest": 'say("It {how}.", how=max(means, key=means.get))',
    "by a loop that stops": (
        'for how in means:\n    if means[how] > limit:\n        break\nsay("It {how}.", how=how)'
    ),
    "by a loop in order": 'for how in sorted(means, key=means.get):\n    say("It {how}.", how=how)',
    "by a filter": 'say("It {how}.", how=", ".join(k for k in means if means[k] > limit))',
    "by and": 'say("It {how}.", how=means["north"] > limit and "rose" or "fell")',
    "by a match": (
        'match means["north"] > limit:\n    case True:\n        how = "rose"\n'
        'say("It {how}.", how=how)'
    ),
    "by a changed table": (
        'labels["up"] = "rose" if means["north"] > limit else "fell"\n'
        'say("It {how}.", how=labels["up"])'
    ),
    "by words of a mapping": 'say("It {how}.", **words)',
    "by arithmetic with text": 'say("It {how}.", how="ro" + "se" * (means["north"] > limit))',
    "by a walrus": 'say("It {how}.", how=(w := "rose" if means["north"] > limit else "fell"))',
    "by another name": (
        'w = "rose" if means["north"] > limit else "fell"\nhow = w\nsay("It {how}.", how=how)'
    ),
}


@pytest.mark.parametrize("way", TYPED)
def test_a_word_that_somebody_typed_leaves(way):
    code, call = TYPED[way]
    assert chosen(code, call) == {}


@pytest.mark.parametrize("way", CHOSEN)
def test_a_word_that_numbers_may_have_chosen_is_named(way):
    left = chosen(CHOSEN[way], said("It {how}.", how="rose"))
    assert [*left] == ["how"]
    assert "rose" not in left["how"]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ('say(f"It {labels[way]}.")', "It rose."),
        ('how = "rose" if means else "fell"\nsay("It " + how + ".")', "It rose."),
        ('told = f"It {way}."\nsay(told)', "It rose."),
        ('tell("It rose.")', "It rose."),
        ('say(f"{way}{measure}")', "It roseoperating"),
    ],
)
def test_a_sentence_that_code_put_together_is_named(code, text):
    assert "text" in chosen(code, said(text))


def test_a_remark_that_code_wrote_and_a_claim_with_chosen_words_are_named():
    remark = said("*{remark}*", remark="Zero stays outside.")
    assert chosen("note(*study.notes)", remark) == {"text": "…"}
    code = 'say("It {how}.", how=claim("a", "more than", 0, yes=word, no="fell"))'
    call = said("It {how}.", how=claim("a", "more than", 0, yes="rose fast", no="fell"))
    assert chosen(code, call) == {"how": "…"}


def test_of_a_caption_the_typed_pieces_stay_and_what_a_table_brings_does_too():
    given = {"name": "means", "caption": "Means, north ahead, in 2023.", "chart": ""}
    code = 'show(fig, "means", f"Means, {top} ahead, in {year}.")'
    left = chosen(code, Call("show", given))
    assert left == {"caption": "Means, … ahead, in 2023."}
    assert chosen(code, Call("show", given), known={"north"}) == {}
    brought = Call("table", {"name": "t", "caption": "By role.", "frame": None})
    assert chosen('table(tables.roles(panel), "t")', brought) == {}
    assert chosen("publish(panel)", brought) == {"caption": "…"}


def test_a_title_of_a_figure_is_asked_as_a_sentence_is():
    head = {"finding": "Incomes {how}", "measure": "in yuan", "words": {"how": "rose"}, "needs": []}
    given = {"name": "a", "caption": "Means.", "head": head}
    typed = 'show(fig, "a", "Means.", finding="Incomes {how}", measure="in yuan", how="rose")'
    assert chosen(typed, Call("show", given)) == {}
    code = typed.replace('how="rose"', 'how="rose" if means else "fell"')
    assert chosen(code, Call("show", given)) == {"how": "…"}
