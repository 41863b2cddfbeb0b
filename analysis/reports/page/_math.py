"""Formulas: TeX becomes MathML, which browsers, typst and Word can set."""

import re
import unicodedata
from functools import lru_cache
from html import escape, unescape
from xml.etree.ElementTree import Element, tostring

# environments as the library knows them; the starred form sets no numbers, as in JupyterLab
_ALIGNED = "align aligned alignedat alignat alignat* eqnarray eqnarray* split flalign flalign*"
_GATHERED = "gather gather* gathered multline multline*"
_SAME = (
    dict.fromkeys(_ALIGNED.split(), "align*")
    | dict.fromkeys(_GATHERED.split(), "matrix")
    | dict.fromkeys(("equation", "equation*", "math", "displaymath"), "")
)
_COUNTED = {"alignat", "alignat*", "alignedat"}  # they say first how many columns they have
_MATRICES = "matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix"
_KNOWN = {"align*", "array", "cases", "subarray", *_MATRICES.split()}
_ENVIRONMENT = re.compile(r"\\(begin|end)\{([A-Za-z]+\*?)\}(\{\d+\})?")
_UNSEEN = re.compile(r"\\(?:label\{[^{}]*\}|nonumber|notag)(?![A-Za-z])")
_LONG = 25  # signs
_MACRO = re.compile(r"\\[A-Za-z]+")
_TEXT = {"mtext", "ms"}
# accents of which fonts have wide forms
_ACCENTS = dict(zip("^~\u00af\u02d9\u00a8", "\u0302\u0303\u0305\u0307\u0308", strict=True))
_SPACES = {
    f"negative{name}mathspace": f"-0.{width}em"
    for name, width in (("thin", 167), ("medium", 222), ("thick", 278))
}
# what stands in a text that holds formulas: $$…$$, \[…\], \(…\), $…$, \begin{…}…\end{…}
_PIECE = re.compile(
    r"(?<!\\)\$\$(?P<a>.+?)(?<!\\)\$\$|\\\[(?P<b>.+?)\\\]|\\\((?P<c>.+?)\\\)"
    r"|(?<![$\\])\$(?P<d>.+?)(?<![$\\])\$|(?P<e>\\begin\{(?P<name>[a-z]+\*?)\}.*?\\end\{(?P=name)\})",
    re.DOTALL,
)


@lru_cache(maxsize=512)
def formula(tex: str, *, block: bool = False) -> tuple[str, str]:
    """Return a formula as HTML, and what of it cannot be set; then it stands as it was typed."""
    try:
        tree = _tree(tex, "block" if block else "inline")
    except _NotSetError as error:
        return f"<code>{escape(tex.strip())}</code>", str(error)
    if block:
        tree.set("display", "block")
    if block or len("".join(tree.itertext())) > _LONG:
        tree.set("tabindex", "0")  # it may scroll, by keyboard as well
    return tostring(tree, encoding="unicode", short_empty_elements=False), ""


class _NotSetError(Exception):
    """What of a formula is not understood."""


def _tree(tex: str, display: str) -> Element:
    from latex2mathml.converter import Converter

    for _, name, _ in _ENVIRONMENT.findall(tex):
        if name not in _SAME and name not in _KNOWN:
            raise _NotSetError(f"the environment {name}")
    known = _ENVIRONMENT.sub(_renamed, _UNSEEN.sub("", tex))
    try:
        tree = Converter(display=display).convert_to_element(known)
    except Exception as error:  # the library has no error of its own for bad TeX
        what = f"{type(error).__name__} in {' '.join(tex.split())[:40]}"
        raise _NotSetError(what) from error
    tree.attrib.clear()
    for element in tree.iter():
        _tidy(element)
    for over in tree.iter("mover"):
        if over[-1].tag == "mo":
            over[-1].text = _ACCENTS.get(str(over[-1].text), over[-1].text)
    if len(tree) == 1 and tree[0].tag == "mrow" and len(tree[0]) == 1:
        tree[:] = list(tree[0])
    return tree


def _renamed(match: re.Match[str]) -> str:
    name = match[2]
    known = _SAME.get(name, name)
    columns = "" if name in _COUNTED else match[3] or ""
    return f"\\{match[1]}{{{known}}}{columns}" if known else ""


def _tidy(element: Element) -> None:
    """Write an element as MathML Core has it; what the library did not understand is an error."""
    text = element.text = unescape(element.text or "") or None
    if text and element.tag not in _TEXT:
        macro = _MACRO.search(text)
        if macro or text == "&":
            raise _NotSetError(macro[0] if macro else "a stray &")
    if element.tag == "mspace" and element.get("width") in _SPACES:
        element.set("width", _SPACES[str(element.get("width"))])
    variant = element.attrib.pop("mathvariant", "")
    if variant == "normal":
        element.set("mathvariant", variant)
    elif variant and text:
        element.text = "".join(styled(char, variant) for char in text)


def styled(char: str, variant: str) -> str:
    """Return a letter in bold, say: browsers take the sign that Unicode has for it."""
    if (char, variant) == ("h", "italic"):
        return "ℎ"  # which was there first, as Planck's constant
    plain = re.sub(r"\b(LATIN|GREEK|LETTER) ", "", unicodedata.name(char, ""))
    for style in (variant, variant.removesuffix("-italic")):  # there are no italic digits
        try:
            return unicodedata.lookup(f"MATHEMATICAL {style.replace('-', ' ').upper()} {plain}")
        except KeyError:
            continue
    return char


def in_text(text: str) -> tuple[str, list[str]]:
    """Return TeX as HTML, its formulas set and the rest as text, and what cannot be set."""
    parts, troubles, end = [], [], 0
    for match in _PIECE.finditer(text):
        tex = next(part for part in match.group("a", "b", "c", "d", "e") if part is not None)
        # IPython's Math writes a display formula so
        inline = match.lastgroup in {"c", "d"} and not tex.startswith(r"\displaystyle")
        html, trouble = formula(tex.removeprefix(r"\displaystyle"), block=not inline)
        parts += [escape(text[end : match.start()]), html]
        troubles += [trouble] if trouble else []
        end = match.end()
    rest = text[end:]
    outside = _PIECE.sub("", text)
    if macro := _MACRO.search(outside):
        return f"<p><code>{escape(text)}</code></p>", [macro[0]]
    return f"<p>{''.join(parts)}{escape(rest)}</p>", troubles
