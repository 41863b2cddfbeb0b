"""Difference-in-differences: two-way fixed effects, Callaway & Sant'Anna, imputation."""
