"""Numbers that leave the machine which holds the books: the policy, the door, the decisions."""

from analysis.disclosure.door import Released, withheld
from analysis.disclosure.guard import Guard, Number
from analysis.disclosure.kept import (
    CERTIFICATE,
    edition,
    keep_release,
    read_memory,
    read_policy,
    releasing,
    write_memory,
)
from analysis.disclosure.policy import Policy

__all__ = [
    "CERTIFICATE",
    "Guard",
    "Number",
    "Policy",
    "Released",
    "edition",
    "keep_release",
    "read_memory",
    "read_policy",
    "releasing",
    "withheld",
    "write_memory",
]
