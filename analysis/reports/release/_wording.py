"""Which words of an output a person typed, and which ones code may have chosen by numbers.

``"rose" if gain > 0 else "fell"`` tells of the gain to the last digit, once its line can be moved.
So does a name from ``idxmax()``, a word looked up under a comparison, one that a function of the
notebook returns. Nobody can list all the ways to choose; a word leaves where none can have been
taken: it is typed in the call, or in a name that is bound once, or runs through a loop.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from analysis.reports.calls import Call
from analysis.reports.plan.source import Cell
from analysis.reports.plan.syntax import parse

_NAMED = {"table": 1, "show": 1, "record": 0}
"""Verbs whose calls are told by a name, and its place among the arguments."""
_PLACES = {"caption": 2, "text": 0}
_BROUGHT = {"caption", "label", "unit"}
_TEXTS = ("text", "finding", "measure", *sorted(_BROUGHT))
_WHOLES = (ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Dict, ast.Tuple, ast.List)
_LISTS = {"items", "keys", "values", "zip", "enumerate", "range", "list", "tuple", "next", "iter"}
_SHAPES = {"capitalize", "lower", "upper", "title", "strip", "replace", "join", "format"}
_CHANGES = {"append", "extend", "insert", "add", "update", "setdefault", "pop", "sort", "reverse"}
_Bound = tuple[ast.expr | None, ast.AST, bool]
"""To what a name is bound, by which statement, and whether by a loop."""


class Wording:
    """The calls that a notebook writes, and the names in it that nothing can have chosen.

    ``known`` are words that a person gave otherwise, such as a county among the parameters.
    """

    def __init__(self, cells: Iterable[Cell], known: Collection[str] = ()) -> None:
        self._known = sorted(known, key=len, reverse=True)
        self._bound: dict[str, list[_Bound]] = defaultdict(list)
        self._calls: dict[str, list[ast.Call]] = {}
        self._above: dict[ast.AST, ast.AST] = {}
        self._parameters: set[str] = set()
        for cell in cells:
            tree = _tree(cell)
            for above in ast.walk(tree):
                self._above |= dict.fromkeys(ast.iter_child_nodes(above), above)
            found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            self._calls.setdefault(cell.source, []).extend(found)
            bound = list(_bindings(tree))
            if {"parameters", "injected-parameters"} & {*cell.tags}:
                self._parameters |= {name for name, *_ in bound}
                continue
            for name, value, by, is_loop in bound:
                whole = self._above[by] if isinstance(by, ast.comprehension) else by
                self._bound[name].append((value, whole, is_loop))

    def chosen(self, call: Call, source: str) -> dict[str, str]:
        """Return the texts and words of a call that numbers may have chosen, and what is left."""
        given, head = call.arguments, call.arguments.get("head") or {}
        words: Mapping[str, Any] = given.get("words", head.get("words", {}))
        texts = {**given, **head, **words}
        is_note = call.verb == "say" and [*words] == ["remark"]
        written = self._written("note" if is_note else call.verb, given, source)
        if is_note:
            told = [self._left(node, texts["remark"]) for one in written for node in one.args]
            return {} if texts["remark"] in told else {"text": "…"}
        found = {}
        for key in [*_TEXTS, *words]:
            nodes = [_argument(one, key, _PLACES.get(key)) for one in written] or [None]
            if key in _BROUGHT and written:  # what lj.tables makes brings its own
                nodes = [node for node in nodes if node is not None]
            for left in [self._said(node, texts.get(key)) for node in nodes]:
                if left is not None:
                    found[key] = left
        return found

    def _written(self, verb: str, given: Mapping[str, Any], source: str) -> list[ast.Call]:
        """Return the calls in the code of a cell that may have made this one."""
        told_by, place = ("text", 0) if verb == "say" else ("name", _NAMED.get(verb))
        calls = [one for one in self._calls.get(source, []) if _called(one) == verb]
        if place is None:
            return calls
        words = given.get("words", (given.get("head") or {}).get("words", {}))
        calls = [one for one in calls if _hands_over(one, words)]
        asked = [(one, _argument(one, told_by, place)) for one in calls]
        return [
            one for one, node in asked if node is not None and self._match(node, given[told_by])
        ]

    def _said(self, node: ast.expr | None, word: object) -> str | None:
        """Return what is left of a word that numbers may have chosen, or of what a claim says."""
        if hasattr(word, "relation"):
            made = self._once(node) if isinstance(node, ast.Name) else node
            if not isinstance(made, ast.Call):
                return "…"
            sides = {name: _argument(made, name) for name in ("yes", "no")}
            told = [self._said(side, getattr(word, name)) for name, side in sides.items() if side]
            return next((left for left in told if left is not None), None)
        if not isinstance(word, str) or not self._tells(word):
            return None
        left = "…" if node is None else self._left(node, word)
        return None if left == word else left

    def _tells(self, text: str) -> bool:
        """Whether a text has letters besides the words that are known."""
        for word in self._known:
            text = text.replace(word, "")
        return any(sign.isalpha() for sign in text)

    def _left(self, node: ast.expr, text: str) -> str:
        """Return a text of this node without what code may have chosen in it."""
        if not (several := self._match(node, text)):
            return "…"
        is_sure = len({*several}) == 1  # else which words are whose is not to be told
        groups, told = iter(several[0]), ""
        for piece in self._pieces(node):
            word = piece if isinstance(piece, str) else next(groups)
            is_typed = isinstance(piece, str) or (
                is_sure and (not self._tells(word) or all(map(self._is_fixed, piece)))
            )
            told += word if is_typed else "…"
        return told

    def _match(self, node: ast.expr, text: str) -> list[tuple[str, ...]]:
        """Return what stands between the typed pieces of a text: read from left and from right."""
        found = []
        for between in ("(.*?)", "(.*)"):
            pieces = [re.escape(p) if isinstance(p, str) else between for p in self._pieces(node)]
            if match := re.fullmatch("".join(pieces), text, re.DOTALL):
                found.append(match.groups())
        return found

    def _pieces(self, node: ast.expr) -> list[str | list[ast.expr]]:
        """Return the typed pieces of a text, and what stands together between two of them."""
        found: list[str | list[ast.expr]] = []
        for part in self._parts(node):
            if isinstance(part, str):
                found.append(part)
            elif found and isinstance(found[-1], list):
                found[-1].append(part)
            else:
                found.append([part])
        return found

    def _parts(self, node: ast.expr) -> Iterator[str | ast.expr]:
        """Yield the typed pieces of a text, and the expressions between them."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            for value in node.values:
                yield from self._parts(value)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._parts(node.left)
            yield from self._parts(node.right)
        elif isinstance(node, ast.Name) and (bound := self._once(node)) is not None:
            yield from self._parts(bound)
        else:
            yield node.value if isinstance(node, ast.FormattedValue) else node

    def _once(self, node: ast.Name) -> ast.expr | None:
        """Return to what a name is bound, where it is bound once and under no condition."""
        bound = self._bound.get(node.id, [])
        if len(bound) != 1 or node.id in self._parameters:
            return None
        [(value, by, is_loop)] = bound
        if is_loop or value is None or self._is_conditional(by, node):
            return None
        own = {one.id for one in ast.walk(value) if isinstance(one, ast.Name)}
        return None if node.id in own else value

    def _is_fixed(self, node: ast.AST) -> bool:
        """Whether nothing can have chosen what an expression is."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return self._is_fixed_name(node)
        if isinstance(node, ast.Call) and _called(node) == "next":  # the first of what there is
            return _is_plain(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = [node.func.value, *node.args]
            return node.func.attr in _SHAPES and all(map(self._is_fixed, of))
        if isinstance(node, _WHOLES):
            inside = [one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
            return all(map(self._is_fixed, inside))
        return False

    def _is_fixed_name(self, node: ast.Name) -> bool:
        if node.id in self._parameters:
            return node.id not in self._bound
        bound = self._bound.get(node.id, [])
        if bound and all(is_loop for *_, is_loop in bound):
            around = {*self._around(node)}
            mine = [(value, by) for value, by, _ in bound if by in around]
            return bool(mine) and all(value is not None and _is_plain(value) for value, _ in mine)
        value = self._once(node)
        return value is not None and self._is_fixed(value)

    def _around(self, node: ast.AST) -> Iterator[ast.AST]:
        while (above := self._above.get(node)) is not None:
            yield above
            node = above

    def _is_conditional(self, binding: ast.AST, use: ast.AST) -> bool:
        """Whether a name is bound under a condition that its use does not stand under."""
        kinds = (ast.If, ast.While, ast.Try, ast.Match, ast.FunctionDef, ast.Lambda)
        above = {*self._around(binding)} - {*self._around(use)}
        return any(isinstance(one, kinds) for one in above)


def _tree(cell: Cell) -> ast.AST:
    try:
        return parse(cell.python)
    except SyntaxError:
        return ast.Module([], [])


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _hands_over(node: ast.Call, words: Collection[str]) -> bool:
    """Whether a call hands over words of these names, as far as one can see."""
    names = {one.arg for one in node.keywords}
    return None in names or names.issuperset(words)


def _argument(node: ast.Call, name: str, place: int | None = None) -> ast.expr | None:
    given = next((one.value for one in node.keywords if one.arg == name), None)
    if given is None and place is not None and place < len(node.args):
        return node.args[place]
    return given


def _bindings(tree: ast.AST) -> Iterator[tuple[str, ast.expr | None, ast.AST, bool]]:
    """Yield each name that code binds: to what, by which statement, and whether by a loop."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node.value, node, False
            case ast.For():
                yield from ((name, node.iter, node, True) for name in _names(node.target))
            case ast.comprehension():
                whole = None if node.ifs else node.iter
                yield from ((name, whole, node, True) for name in _names(node.target))
            case _:
                yield from ((name, None, node, False) for name in _changed(node))


def _changed(node: ast.AST) -> list[str]:
    """Return the names that a node binds or changes otherwise."""
    match node:
        case ast.arg(arg=name):
            return [name]
        case ast.Assign(targets=targets):
            return [name for target in targets for name in _names(target)]
        case ast.AugAssign(target=target) | ast.NamedExpr(target=target):
            return _names(target)
        case ast.withitem(optional_vars=ast.expr() as target):
            return _names(target)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in _CHANGES:
            return [name]
    return []


def _names(target: ast.expr) -> list[str]:
    """Return the names of a target: of ``found["a"], rest`` these are found and rest."""
    if isinstance(target, ast.Tuple | ast.List):
        return [name for one in target.elts for name in _names(one)]
    while isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        target = target.value
    return [target.id] if isinstance(target, ast.Name) else []


def _is_plain(node: ast.expr) -> bool:
    """Whether a loop runs through what there is, unsorted and whole."""
    kinds = ast.Compare | ast.IfExp | ast.BoolOp | ast.Lambda | ast.comprehension
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    is_listed = all(_called(one) in _LISTS for one in calls)
    return is_listed and not any(isinstance(one, kinds) for one in ast.walk(node))
