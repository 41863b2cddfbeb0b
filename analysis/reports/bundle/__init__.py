"""The replication bundle for a journal: made, checked, and compared with its manifest."""

from analysis.reports.bundle._held import held, rebuild
from analysis.reports.bundle._package import Made, package
from analysis.reports.bundle._signature import must_be_key, sign
from analysis.reports.bundle.verify import Verdict, verify

__all__ = ["Made", "Verdict", "held", "must_be_key", "package", "rebuild", "sign", "verify"]
