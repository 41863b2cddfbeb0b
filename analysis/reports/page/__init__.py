"""From an executed notebook to a page that can be cited.

``publish`` makes the page; ``findings`` says what a notebook published, ``checks`` what was looked
at, ``normalise`` takes out what is chance, ``ledger`` writes the cited numbers, ``index`` and
``feed`` list the reports, ``versions`` compares packages with the lock.
"""

__all__ = ["checks", "feed", "findings", "index", "ledger", "normalise", "publish", "versions"]
