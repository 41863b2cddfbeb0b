"""Plant the faults on the pages of an office and record each one."""

from collections.abc import Callable
from functools import cache

import numpy as np
from opencc import OpenCC

from analysis.simulate.offices.dirt import FAULTS, Dirt, how_many
from analysis.simulate.offices.ledger import SUMS, Ledger
from analysis.simulate.offices.pages import Amount, Page, Place, Planted
from analysis.simulate.offices.wording import FORMS

Stream = Callable[[str], np.random.Generator]
_At = tuple[int, Place]  # page and place


def soil(pages: list[Page], ledger: Ledger, dirt: Dirt, stream: Stream, county: str) -> None:
    """Plant faults on the pages of one office, in place; each kind has its own random numbers."""
    free = _fill_with_zeros(pages, dirt, stream)
    texts = {number for number, page in enumerate(pages) if page.is_text}
    for kind, form in FORMS.items():
        if FAULTS[kind].only not in {"", county}:
            continue
        rng = stream(kind)
        choice = [
            at
            for at, amount in free.items()
            if (form.in_text or at[0] not in texts) and form.suits(amount)
        ]
        for number, place in _choose(choice, dirt[kind], rng):
            page, amount = pages[number], pages[number].amounts[place]
            written = form.wordings[rng.integers(len(form.wordings))](amount)
            if written.text is None:
                del page.cells[place]
            else:
                page.cells[place] = written.text
            expected = FAULTS[kind].expected
            fault = Planted(place, kind, expected, amount=amount, reads=written.reads)
            page.planted.append(fault)
            del free[number, place]
    _upset_totals(pages, dirt, stream)
    _rename(pages, ledger, dirt, stream)
    _break_heads(pages, dirt, stream)
    for page in pages:
        if dirt["signatures"]:
            _sign(page)


def _choose(choice: list[_At], share: float, rng: np.random.Generator) -> list[_At]:
    chosen = rng.choice(len(choice), how_many(share, len(choice)), replace=False)
    return [choice[at] for at in sorted(chosen.tolist())]


def _fill_with_zeros(pages: list[Page], dirt: Dirt, stream: Stream) -> dict[_At, Amount]:
    """Prefill some villages and years; return the places that are still free, in order."""
    copied = {(a.village, a.year) for page in pages for a in page.copies.values()}
    places: dict[tuple[int, int], list[_At]] = {}
    for number, page in enumerate(pages):
        for place, amount in (*page.amounts.items(), *page.totals.items()):
            if amount.village >= 0 and (amount.village, amount.year) not in copied:
                places.setdefault((amount.village, amount.year), []).append((number, place))
    keys = list(places)
    rng = stream("zero_filled")
    chosen = rng.choice(len(keys), how_many(dirt["zero_filled"], len(keys)), replace=False)
    for at in sorted(chosen.tolist()):
        for number, place in places.pop(keys[at]):
            page = pages[number]
            amount = page.amounts.get(place) or page.totals.pop(place)
            page.cells[place] = 0.0
            fault = Planted(place, "zero_filled", "issue", amount=amount, reads=(0.0, 0.0, 0.0))
            page.planted.append(fault)
    return {
        at: pages[at[0]].amounts[at[1]]
        for group in places.values()
        for at in group
        if at[1] in pages[at[0]].amounts
    }


def _upset_totals(pages: list[Page], dirt: Dirt, stream: Stream) -> None:
    choice = [
        (number, place)
        for number, page in enumerate(pages)
        for place, amount in page.totals.items()
        if amount.cents > 0 and amount.account not in SUMS
    ]
    for number, place in _choose(choice, dirt["total_off"], stream("total_off")):
        page = pages[number]
        amount = page.totals[place]
        wrong = amount._replace(cents=amount.cents * 109 // 100 + 12_345)
        page.cells[place] = wrong.written
        yuan = wrong.cents / 100
        fault = Planted(place, "total_off", "issue", amount=amount, reads=(yuan, yuan, yuan))
        page.planted.append(fault)


def _rename(pages: list[Page], ledger: Ledger, dirt: Dirt, stream: Stream) -> None:
    doubled = {item.village for page in pages for item in page.planted if item.village is not None}
    free = {
        (number, place): None
        for number, page in enumerate(pages)
        for place, village in page.names.items()
        if village not in doubled
    }
    for kind, variants in _VARIANTS.items():
        rng = stream(kind)
        for number, place in _choose(list(free), dirt[kind], rng):
            village = pages[number].names[place]
            name = ledger.names[village]
            variant = variants[rng.integers(len(variants))]
            pages[number].cells[place] = variant(name.removesuffix("村"))
            expected = FAULTS[kind].expected
            pages[number].planted.append(Planted(place, kind, expected, name, village))
            del free[number, place]
    for page in pages:
        for at, item in enumerate(page.planted):
            if item.kind in {"duplicate_row", "suffix_double"} and item.village is not None:
                name = ledger.names[item.village]
                page.planted[at] = item._replace(true=name)
                if item.kind == "suffix_double":
                    page.cells[item.place] = f"{name}民委员会"


_VARIANTS: dict[str, tuple[Callable[[str], str], ...]] = {
    "name_cut": (lambda base: f"{base}村民委员会"[:5] + "…",),
    "name_suffix": (
        lambda base: f"{base}村委会",
        lambda base: f"{base}村民委员会",
        lambda base: base,
    ),
    "name_spaces": (lambda base: " ".join(f"{base}村"), lambda base: "　".join(base) + "村"),
    "name_prefix": (lambda base: f"#{base}村", lambda base: f"△ {base}村"),
}


def _break_heads(pages: list[Page], dirt: Dirt, stream: Stream) -> None:
    choice = [(number, place) for number, page in enumerate(pages) for place in page.heads]
    for number, place in _choose(choice, dirt["head_break"], stream("head_break")):
        page = pages[number]
        whole, name = str(page.cells[place]), page.heads[place]
        page.cells[place] = whole.replace(name, f"{name[:2]}\n{name[2:]}")
        page.planted.append(Planted(place, "head_break", "read", true=whole))


def _sign(page: Page) -> None:
    row = page.height
    page.cells[row, 0] = "注：本表以年度决算为准。"
    for column, text in enumerate(("单位负责人：", "填表人：", "报出日期：2025年1月10日")):
        page.cells[row + 1, 2 * column] = text


@cache
def _converter() -> OpenCC:
    return OpenCC("s2t")


def make_traditional(page: Page) -> None:
    """Write the whole page in traditional characters, in place."""
    for place, value in page.cells.items():
        if isinstance(value, str):
            page.cells[place] = _converter().convert(value)
    page.planted.append(Planted((0, 0), "traditional", "read"))
