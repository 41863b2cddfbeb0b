"""Simple formulas of TeX as plain HTML: no script, no images."""

import re
from html import escape

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[A-Za-z]|\d[\d.,]*|\s+|.")
_SIGNS = {
    "times": "×", "cdot": "·", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠",
    "approx": "≈", "pm": "±", "sum": "∑", "prod": "∏", "infty": "∞", "to": "→", "ldots": "…",
    "in": "∈", "min": "min", "max": "max", "log": "log", "ln": "ln", "exp": "exp", "sqrt": "√",
    "mid": "|", "sim": "∼", "quad": " ", "left": "", "right": "", "bigl": "", "bigr": "",
}  # fmt: skip
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ",
    "lambda": "λ", "mu": "μ", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
    "Delta": "Δ", "Sigma": "Σ",
}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
_UPRIGHT = {"text", "mathrm", "operatorname"}
_BINARY = set("+=<>≤≥≠≈±×·→∼∈")


def html(tex: str) -> str:
    r"""Write a formula as HTML; what is not understood stays as typed.

    Examples
    --------
    >>> html("k_1 - t")
    '<i>k</i><sub>1</sub> − <i>t</i>'
    >>> html(r"\oint x")
    '<code>\\oint x</code>'
    """
    tokens = [t for t in _TOKEN.findall(tex.strip()) if not t.isspace()]
    try:
        return "".join(_read(tokens, len(tokens)))
    except (KeyError, IndexError):
        return f"<code>{escape(tex.strip())}</code>"


def _read(tokens: list[str], count: int) -> list[str]:
    """Read tokens, taking them off the list, up to a closing brace or a number of atoms."""
    parts: list[str] = []
    while tokens and len(parts) < count:
        sign = tokens.pop(0)
        if sign == "}":
            break
        parts.append(_atom(sign, tokens))
    return parts


def _atom(sign: str, tokens: list[str]) -> str:
    name = sign[1:] if sign.startswith("\\") else ""
    if sign == "{":
        text = "".join(_read(tokens, len(tokens)))
    elif sign in "_^":
        tag = "sub" if sign == "_" else "sup"
        text = f"<{tag}>{_argument(tokens)}</{tag}>"
    elif name == "frac":
        above, below = _argument(tokens), _argument(tokens)
        text = f"{_bracketed(above)}/{_bracketed(below)}"
    elif name in _UPRIGHT:
        text = re.sub(r"</?i>", "", _argument(tokens))
    elif name in _ACCENTS:
        text = _argument(tokens).replace("</i>", f"{_ACCENTS[name]}</i>")
    elif name:
        text = f"<i>{_GREEK[name]}</i>" if name in _GREEK else _spaced(_SIGNS[name])
    elif sign.isalpha() and sign.isascii():
        text = f"<i>{sign}</i>"
    else:
        text = _spaced({"-": "−", "*": "∗", "'": "′"}.get(sign, escape(sign)))
    return text


def _spaced(sign: str) -> str:
    return f" {sign} " if sign in _BINARY or sign in {"−", "&lt;", "&gt;"} else sign


def _argument(tokens: list[str]) -> str:
    return _atom(tokens.pop(0), tokens)


def _bracketed(part: str) -> str:
    simple = re.fullmatch(r"(<i>.</i>|[\d.,]+)(<su[bp]>.*</su[bp]>)?", part)
    return part if simple else f"({part})"
