"""Workbooks and text tables, read safely: from a file as received to tables of text.

``reader.read_tables(path)`` is the door. This module imports nothing, so that the process that
parses workbooks starts with only what it needs.
"""
