"""Finished reports for print and for Word."""
