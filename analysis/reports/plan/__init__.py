"""Which runs there are: notebooks, parameters, plan, what a notebook's source says."""

__all__ = ["in_notebook", "notebooks", "parameters", "plan", "source", "syntax"]
