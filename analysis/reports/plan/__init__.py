"""Which runs there are: parameters, plan, what a notebook's source says."""
