"""Secret parameters: read from the environment, struck out of what a run leaves.

Struck out are the value as it is, backwards, and in the usual encodings (base64 at any offset, hex,
as part of an address). What code does to it beyond that (a part of it, its letters one by one)
nobody can see.
"""

import base64
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from analysis.errors import LianjianError
from analysis.reports.plan.parameters import Parameter

_SHORTEST = 6  # characters; a shorter one would be struck out of innocent words


def variables(notebook: str, declared: Mapping[str, Parameter]) -> dict[str, str]:
    """Return the secret parameters of a notebook and the environment variables that hold them."""
    found = {p.name: p.variable for p in declared.values() if p.secret}
    for name, variable in found.items():
        if len(os.environ.get(variable, "")) < _SHORTEST:
            raise LianjianError(
                f"{notebook}: the secret {name!r} is read from the environment variable "
                f"{variable}, which is not set or has fewer than {_SHORTEST} characters."
            )
    return found


class Striker:
    """Strikes secrets out of texts, given the environment variables that hold them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.struck: set[str] = set()  # those that were met
        self._patterns = {
            name: re.compile("|".join(map(re.escape, _forms(os.environ[variable]))))
            for name, variable in variables.items()
        }

    def __call__(self, value: Any) -> Any:
        """Return a text, or whatever holds texts, without the secrets."""
        if isinstance(value, str):
            for name, pattern in self._patterns.items():
                value, times = pattern.subn(f"<{name}>", value)
                if times:
                    self.struck.add(name)
            return value
        if isinstance(value, dict):
            for name in value:
                value[name] = self(value[name])
            return value
        return [self(item) for item in value] if isinstance(value, list) else value


def _forms(secret: str) -> list[str]:
    """Return what a secret looks like, the longest first."""
    content = secret.encode()
    forms = {secret, secret[::-1], repr(secret)[1:-1], content.hex(), content.hex().upper()}
    forms |= {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for offset in range(3):
        # the characters that follow from the secret alone, whatever stands before and after it
        first, last = -(-8 * offset // 6), 8 * (offset + len(content)) // 6
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            forms.add(encode(b"\0" * offset + content)[first:last].decode())
    return sorted(forms, key=len, reverse=True)
