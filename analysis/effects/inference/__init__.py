"""Inference for few treated clusters, and for pairs."""

from analysis.effects.inference._few_clusters import few_clusters
from analysis.effects.inference._paired_ranks import signed_rank
from analysis.effects.inference._two_way import two_way_cr2, wild_two_way
from analysis.effects.inference.paired import bca_mean, sign_flip
from analysis.effects.inference.placebos import PlaceboPool, draw_placebo, placebo_pool
from analysis.effects.inference.randomization import placebo_draws, randomization_inference

__all__ = [
    "PlaceboPool",
    "bca_mean",
    "draw_placebo",
    "few_clusters",
    "placebo_draws",
    "placebo_pool",
    "randomization_inference",
    "sign_flip",
    "signed_rank",
    "two_way_cr2",
    "wild_two_way",
]
