"""The replication bundle for a journal: made, checked, and compared with its manifest."""

from analysis.reports.bundle._held import held
from analysis.reports.bundle._package import Made, package
from analysis.reports.bundle.verify import Verdict, verify

__all__ = ["Made", "Verdict", "held", "package", "verify"]
