"""Sentences: their numbers are those of the ledger, and their claims turn with them."""

import json

import nbformat
import pandas as pd
import pytest

from analysis import reports
from analysis.errors import LianjianError
from analysis.reports import calls, claim, products, sentences
from analysis.reports.calls import Call
from analysis.reports.numbers import Ledger, written
from analysis.reports.page import _cells, findings, ledger
from analysis.reports.plan.source import Promise

WEAK = written(value=3.456, unit="万元", low=1.0, high=5.0, n=73)
LEDGER = Ledger()
LEDGER.numbers |= {
    "gain-weak": {"label": "Gain, weak", **WEAK},
    "gain-all": {"label": "Gain, all", **written(value=-2.0, unit="万元")},
    "share-up": {"label": "Share", **written(value=62.5, unit="%", n=8)},
}


FRAME = pd.DataFrame({"gain": [-3.44, 1.0], "who": ["a", "b"]}, index=["helper", "all.out"])
LEDGER.tables["target"] = {"name": "target", "frame": FRAME, "digits": 1, "labels": None}


def said(text, needs=(), **words):
    return sentences.said(text, words, needs, LEDGER)


def test_a_number_stands_in_each_of_its_forms_and_leaves_with_its_address():
    made = said(
        "Weak villages gained **{gain-weak}** ({gain-weak:unit}, {gain-weak:interval}, "
        "{gain-weak:n} villages), all lost {gain-all:size}; {{not a place}}."
    )
    assert made.plain == (
        "Weak villages gained **3.46** (3.46 万元, 1.00 to 5.00, 73 villages), all lost 2; "
        "{not a place}."
    )
    assert '<data value="3.456" data-address="num-gain-weak">3.46</data>' in made.html
    assert '<strong><a class="lj-pointer" href="#num-gain-weak">' in made.html


def test_a_sentence_leads_to_another_report_and_to_nothing_else():
    made = said("[power of {gain-all}](../08-power/report.html#sec-a), [x](https://x.org), [y](#z)")
    assert '<a href="../08-power/report.html#sec-a">power of ' in made.html
    assert made.html.count("<a href") == 1
    assert made.plain == "power of −2, [x](https://x.org), [y](#z)"


def test_a_cell_of_a_table_stands_as_it_is_written_there():
    made = said("{target.helper.gain}, {target.helper.gain:size} and {target.all.out.gain}")
    assert made.plain == "−3.4, 3.4 and 1.0"
    assert '<a class="lj-pointer" href="#tab-target"><data value="-3.44"' in made.html


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{target.helper.gian}", "Did you mean target.helper.gain[?]"),
        ("{target.helper.who}", "its cell holds none"),
        ("{gain-wek}", "Did you mean gain-weak[?]"),
        ("{gain-weak:unti}", "Did you mean unit[?]"),
        ("{gain-all:interval}", "recorded without interval"),
        ("{gain-all:n}", "recorded without count"),
        ("{who:unit}", "only numbers of the ledger have forms"),
    ],
)
def test_what_a_sentence_cannot_say_fails_in_words(text, message):
    with pytest.raises(LianjianError, match=message):
        said(text, who="nobody")


def test_words_of_a_dataset_are_text_and_nothing_else():
    made = said("In {place} *{gain-weak}*.\n\n## Why\n\nx < y", place="<b>环县</b> **{gain-all}**")
    assert "<b>" not in made.html
    assert "**{gain-all}**" in made.html
    assert '<p class="lj-subhead"><strong>Why</strong></p><p>x &lt; y</p>' in made.html


def test_a_sentence_that_needs_a_number_is_left_out_without_it():
    assert said("{gain-late}", needs=["gain-late"]).html == ""
    assert said("{gain-weak}", needs=["gain-weak"]).html
    assert said("{gain-all}", needs=["gain-all:interval"]).html == ""
    assert said("{gain-weak:interval}", needs=["gain-weak:interval"]).plain == "1.00 to 5.00"


@pytest.mark.parametrize(
    ("made", "words", "holds"),
    [
        (claim("gain-weak", "more than", "gain-all"), "more than", True),
        (claim("gain-all", "at least", 0, yes="grew", no="shrank"), "shrank", False),
        (claim("share-up", "in most"), "in most", True),
        (claim("share-up", "in all"), "not in all", False),
        (claim("gain-weak", "less than", 3.5), "less than", True),
    ],
)
def test_a_claim_is_tried_on_the_ledger(made, words, holds):
    sentence = said("It was {so}.", so=made)
    assert sentence.plain == f"It was {words}."
    assert [(c["holds"], c["said"]) for c in sentence.claims] == [(holds, words)]


def test_a_claim_is_of_one_unit_and_of_a_known_relation():
    with pytest.raises(LianjianError, match="in 万元 against"):
        said("{so}", so=claim("gain-weak", "more than", "share-up"))
    with pytest.raises(LianjianError, match=r"Did you mean more than[?]"):
        claim("gain-weak", "more then", "gain-all")


def test_no_number_is_handed_over_as_a_word():
    with pytest.raises(LianjianError, match="record it"):
        products.say("{x}", x=1.5)


def notebook(value):
    facts = {"label": "Gain", **written(value=value, unit="")}
    number = Call("record", {"name": "gain", "label": "Gain", "unit": "", "value": value,
                             "low": None, "high": None, "n": None, "digits": None})  # fmt: skip
    made = calls.make(number, Ledger())
    sentence = Call("say", {"text": "It is {so}: {gain}.", "needs": ["gain"],
                            "words": {"so": claim("gain", "more than", 2)}})  # fmt: skip
    outputs = [
        nbformat.v4.new_output("display_data", {"text/html": made.html, calls.MIME: calls.kept(c)},
                               metadata={"lianjian": {"product": kind, "name": name, **more}})
        for c, kind, name, more in (
            (number, "number", "gain", facts), (sentence, "sentence", "", {"needs": ["gain"]})
        )
    ]  # fmt: skip
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])


def test_the_page_says_the_sentence_again_and_keeps_what_it_claims(tmp_path):
    node = notebook(3.0)
    found = findings.gather(node)
    writer = _cells.Writer(found, tmp_path)
    writer.at(1)
    html = [writer.output(output) for output in node.cells[0].outputs][1]
    assert 'It is more than: <a class="lj-pointer" href="#num-gain" rel=' in html
    assert 'data-address="num-gain"' in html
    assert found.claims == [{"claim": "gain more than 2", "holds": True, "said": "more than"}]


@pytest.mark.parametrize("chart", ["paths_by_group", ""])
def test_the_title_of_a_chart_claims_as_a_sentence_does(chart):
    """Whichever room drew it; compare finds the claim in the record of the run."""
    node = notebook(3.0)
    so = claim("gain", "less than", 2)
    head = {"finding": "A gain {so}", "words": {"so": so}, "needs": ["gain"], "measure": "Gain"}
    head |= {"source": "Nobody"}
    drawn = Call("show", {"name": "paths", "chart": chart, "caption": "Paths", "alt": "Paths",
                          "marked": False, "with": {}, "head": head})  # fmt: skip
    output = nbformat.v4.new_output(
        "display_data", {"text/html": "<figure></figure>", calls.MIME: calls.kept(drawn)},
        metadata={"lianjian": {"product": "figure", "name": "paths"}},
    )  # fmt: skip
    node.cells[0].outputs.append(output)
    [sentence, title] = findings.gather(node).claims
    assert sentence["holds"]
    assert title == {"claim": "gain less than 2", "holds": False, "said": "no less than"}


def test_a_need_that_nobody_declares_is_a_mistake():
    with pytest.raises(LianjianError, match="needs the number 'gain'"):
        findings.keep_promises(findings.gather(notebook(3.0)), [Promise("number", "gian")], "x")


def test_compare_names_claims_that_flipped(tmp_path):
    for name, holds in (("old", True), ("new", False)):
        found = [{"claim": "a more than b", "holds": holds, "said": "more" if holds else "less"}]
        (tmp_path / name).mkdir()
        record = {"slug": name, "claims": [*found, {"claim": "c", "holds": True, "said": "c"}]}
        (tmp_path / name / "run.json").write_text(json.dumps(record))
    [line] = ledger.flipped(tmp_path / "old", tmp_path / "new")
    assert line == "a more than b  held, now does not: “more” became “less”"


@pytest.mark.parametrize("text", ["of {all", "of all}", "{gain-weak:{n}}", "{gain-weak!x}"])
def test_a_brace_that_is_no_place_is_said(text):
    with pytest.raises(LianjianError, match=r"brace of its own|was not recorded|no form"):
        said(text)


@pytest.mark.parametrize(
    ("publish", "words"),
    [
        (lambda: reports.say(None), "say publishes a sentence, and None is none"),
        (lambda: reports.record(None), "record takes the name of a number, and None is none"),
        (lambda: reports.record("gain", 1.0, "Gain"), "too many positional arguments"),
        (lambda: reports.record("gain", 1.0, lable="Gain"), "Did you mean label"),
        (lambda: reports.table(FRAME, "gain", titel="Gain"), "has no argument 'titel'"),
    ],
)
def test_what_is_published_wrongly_is_said_and_no_traceback(publish, words):
    with pytest.raises(LianjianError, match=words):
        publish()
