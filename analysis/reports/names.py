"""Names that are safe in a file name, an address and an anchor."""

import hashlib
import re
import unicodedata

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*\Z")
_LONGEST = 60


def is_slug(text: str) -> bool:
    """Whether a text can stand in a file name and in an anchor as it is.

    Examples
    --------
    >>> is_slug("att_operating"), is_slug("a b"), is_slug("../x")
    (True, False, False)
    """
    return _SLUG.match(text) is not None


def slug(text: str) -> str:
    """Turn any text into a slug: lower-case ASCII letters, digits, ``-`` and ``_``.

    What ASCII cannot hold is replaced by a short hash of the whole text, so that two
    different names never share a slug.

    Examples
    --------
    >>> slug("Huan County")
    'huan-county'
    >>> slug("环县") == slug("庆城县")
    False
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    plain = re.sub(r"([-_])[-_]+", r"\1", plain)[:_LONGEST].strip("-_")
    faithful = text.isascii() and len(text) <= _LONGEST
    if plain and faithful:
        return plain
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain}-{digest}" if plain else digest
