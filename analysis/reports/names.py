"""Names that are safe in a file name, an address and an anchor."""

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Collection

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*\Z")
_LONGEST = 60
_MANY = 20  # more names than this are counted, not listed


def is_slug(text: str) -> bool:
    """Whether a text can stand in a file name and in an anchor as it is.

    Examples
    --------
    >>> is_slug("att_operating"), is_slug("a b"), is_slug("../x")
    (True, False, False)
    """
    return _SLUG.match(text) is not None


def slug(text: str, *, exact: bool = False) -> str:
    """Turn any text into a slug: lower-case ASCII letters, digits, ``-`` and ``_``.

    What ASCII cannot hold is replaced by a short hash of the whole text.

    Parameters
    ----------
    text : str
        Any text.
    exact : bool
        Whether lost spaces, points and capitals count as well, so that two different texts never
        share a slug.

    Examples
    --------
    >>> slug("Huan County")
    'huan-county'
    >>> slug("环县") == slug("庆城县")
    False
    >>> slug("a b") == slug("a-b"), slug("a b", exact=True) == slug("a-b", exact=True)
    (True, False)
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    plain = re.sub(r"([-_])[-_]+", r"\1", plain)[:_LONGEST].strip("-_")
    faithful = text == plain if exact else text.isascii() and len(text) <= _LONGEST
    if plain and faithful:
        return plain
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest


def meant(word: str, known: Collection[str]) -> str:
    """Return " Did you mean …?" where a known word is near, and nothing elsewhere.

    Examples
    --------
    >>> meant("conty", ["county", "year"])
    " Did you mean 'county'?"
    """
    near = difflib.get_close_matches(word, list(known), 1)
    return f" Did you mean {near[0]!r}?" if near else ""


def listed(names: Collection[str]) -> str:
    """List names, or the first of them where they are many.

    Examples
    --------
    >>> listed(["a", "b"])
    'a, b'
    >>> listed([f"n{number}" for number in range(3000)])[-23:]
    'n18, n19 and 2,980 more'
    """
    more = len(names) - _MANY
    first = ", ".join(list(names)[:_MANY])
    return f"{first} and {more:,} more" if more > 0 else first
