"""Inference with few clusters, by randomization, by bootstrap, for pairs."""
