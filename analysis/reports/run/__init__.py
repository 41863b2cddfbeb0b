"""From a run of the plan to a report in its place."""
