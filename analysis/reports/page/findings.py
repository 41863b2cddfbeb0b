"""What an executed notebook used and published, read from its outputs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from analysis import _language
from analysis.errors import LianjianError, did_you_mean
from analysis.reports import calls, freshness, markup, sentences
from analysis.reports.numbers import Ledger
from analysis.reports.page.normalise import INJECTED
from analysis.reports.plan.source import Promise

if TYPE_CHECKING:
    from nbformat import NotebookNode

DATA_MIME = "application/vnd.lianjian.data+json"
WITHHELD = "lianjian-withheld"
"""In the metadata of a cell of a released report: it shows more to those inside."""


@dataclass(frozen=True)
class Product:
    """One published figure, table or number; its name is unique among its kind."""

    kind: str
    name: str
    position: int  # among its kind, from 1
    facts: dict[str, Any] = field(repr=False)  # caption or label, values, kind of data
    cell: int = 0  # its place in the notebook's source, from 1
    html: str = field(default="", repr=False)
    # that made it; of a figure where a chart of the house drew it
    call: calls.Call | None = field(default=None, repr=False, compare=False)

    @property
    def anchor(self) -> str:
        """Id in the page."""
        return markup.anchor(self.kind, self.name)

    @property
    def reference(self) -> str:
        """What a sentence says when it points here."""
        if self.kind == "number":
            return str(self.facts["text"])
        return f"{markup.WORDS[self.kind]} {self.position}"


@dataclass(frozen=True)
class Findings:
    """Datasets used and products published, in their order; the kind of each dataset read."""

    datasets: tuple[dict[str, Any], ...]
    products: tuple[Product, ...]
    read: Mapping[str, str] = field(default_factory=dict)
    said: tuple[Product, ...] = ()  # sentences; they have no address
    ledger: Ledger = field(default_factory=Ledger, repr=False, compare=False)

    @property
    def kinds(self) -> set[str]:
        """Kinds of all data that were read, loaded or published from."""
        out = (*self.products, *self.said)
        said = {str(p.facts.get("kind") or "") for p in out} - {"mixed", ""}
        drawn = {"simulated"} if any(p.facts.get("simulated") for p in out) else set()
        return {*self.read.values(), *(str(d["kind"]) for d in self.datasets)} | said | drawn

    @property
    def simulated(self) -> bool:
        """Whether any of it is simulated."""
        return "simulated" in self.kinds

    @property
    def kind(self) -> str:
        """Kind of the data: of what was read, and of what the products stand on."""
        stood_on = [p.facts.get("kind") or "mixed" for p in self.products]
        return freshness.kind_of(self.kinds, stood_on)

    @property
    def unmarked(self) -> tuple[Product, ...]:
        """Products that may stand on simulated data, which they do not say."""
        return tuple(
            p
            for p in self.products
            if self.simulated
            and not p.facts.get("simulated")
            and (self.kind == "simulated" or p.facts.get("unsure"))
        )

    @property
    def numbers(self) -> tuple[Product, ...]:
        """The cited numbers."""
        return tuple(p for p in self.products if p.kind == "number")

    @property
    def claims(self) -> list[dict[str, Any]]:
        """What sentences and titles claim of the order of numbers, and whether it holds."""
        stated = (*self.said, *self.products)
        return [claim for one in stated for claim in one.facts.get("claims", ())]

    def find(self, anchor: str) -> Product | None:
        """Find a product by its id in the page."""
        return next((p for p in self.products if p.anchor == anchor), None)


def keep_promises(found: Findings, promised: Sequence[Promise] | None, where: str) -> None:
    """Compare what a run published with what its notebook declares, where it declares it."""
    if promised is None:
        return
    declared = {(promise.kind, promise.name): promise for promise in promised}
    numbers = [name for kind, name in declared if kind == "number"]
    needs = (need for sentence in found.said for need in sentence.facts.get("needs", ()))
    for name in (need.partition(":")[0] for need in needs):
        if name not in numbers:
            raise LianjianError(
                f"{where} has a sentence that needs the number {name!r}, which its cell tagged "
                f"'products' does not declare.{did_you_mean(name, numbers)} "
                "Nobody would ever read it."
            )
    published = {(product.kind, product.name) for product in found.products}
    for (kind, name), promise in declared.items():
        if promise.always and (kind, name) not in published:
            raise LianjianError(
                f"{where} declares the {kind} {name!r} and did not publish it. Publish it, take it "
                "out of the cell tagged 'products', or end its name there with a ? if only some "
                "data allow it."
            )
    for kind, name in sorted(published - set(declared)):
        near = did_you_mean(name, [n for k, n in declared if k == kind])
        raise LianjianError(
            f"{where} publishes the {kind} {name!r}, which its cell tagged 'products' does not "
            f"declare.{near} Add it there."
        )


def gather(node: "NotebookNode", read: Mapping[str, str] = MappingProxyType({})) -> Findings:
    """Read the findings of a notebook; what its calls made is made again."""
    datasets: dict[str, dict[str, Any]] = {}
    products: list[Product] = []
    said: list[Product] = []
    ledger = Ledger()
    counts: Counter[str] = Counter()
    held = node.metadata.get(calls.FRAMES, {})
    own = [cell for cell in node.cells if INJECTED not in cell.metadata.get("tags", [])]
    outputs = ((at, o) for at, cell in enumerate(own, 1) for o in cell.get("outputs", []))
    for at, output in outputs:
        data = output.get("data", {}).get(DATA_MIME)
        if data is not None:
            datasets[data["name"]] = data
        facts = dict(output.get("metadata", {}).get("lianjian", {}))
        if not facts:
            continue
        kind, name = facts.pop("product"), facts.pop("name")
        call = calls.of(output, held)
        html, facts = _made(output, call, facts, ledger)
        if kind == "sentence":
            said.append(Product(kind, name, len(said) + 1, facts, at, html))
            continue
        if any((p.kind, p.name) == (kind, name) for p in products):
            raise LianjianError(
                f"Two {markup.WORDS[kind].lower()}s are called {name!r}, so that its address "
                f"#{markup.anchor(kind, name)} is not unique. Give each its own name."
            )
        if call and (head := call.arguments.get("head")):
            title = sentences.said(head["finding"], head["words"], head["needs"], ledger)
            facts = {**facts, "claims": title.claims}
        counts[kind] += 1
        known = None if call and call.verb == "show" and not call.arguments["chart"] else call
        products.append(Product(kind, name, counts[kind], facts, at, html, known))
    return Findings(tuple(datasets.values()), tuple(products), read, tuple(said), ledger)


def _made(
    output: Mapping[str, Any],
    call: calls.Call | None,
    facts: dict[str, Any],
    ledger: Ledger,
) -> tuple[str, dict[str, Any]]:
    """Make the call of an output again; a figure stays as drawn, save in another language."""
    language = _language.current()
    if call is None or (call.verb == "show" and (language is None or not call.arguments["chart"])):
        if call and language:  # the notebook drew it by itself
            language.asked[f"figure {call.arguments['name']}"] = False
        return str(output["data"]["text/html"]), facts
    made = calls.make(call, ledger)
    return made.html, {**facts, **made.facts}
