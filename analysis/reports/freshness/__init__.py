"""What a report follows from, and whether that is still so."""

from analysis.reports.freshness._checksums import RUN_ID, checksums, mismatches, sealed

__all__ = ["RUN_ID", "checksums", "mismatches", "sealed"]
