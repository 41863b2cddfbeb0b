"""Numbers that leave the machine which holds the books: the policy, the door, the decisions."""

from analysis.disclosure.door import Door, Released, withheld
from analysis.disclosure.guard import Guard, Number, smallest_groups
from analysis.disclosure.kept import (
    edition,
    keep_release,
    read_memory,
    read_policy,
    releasing,
    write_memory,
)
from analysis.disclosure.policy import Policy, nice

__all__ = [
    "Door",
    "Guard",
    "Number",
    "Policy",
    "Released",
    "edition",
    "keep_release",
    "nice",
    "read_memory",
    "read_policy",
    "releasing",
    "smallest_groups",
    "withheld",
    "write_memory",
]
