"""What lies in :mod:`analysis._frame`, under the name it had."""

from analysis._frame import TIE, Floats, amounts, flags, numeric

__all__ = ["TIE", "Floats", "amounts", "flags", "numeric"]
