"""Simulated village ledgers with a known truth, calibrated on the published figures.

``simulate(Scenario())`` returns the frames, ``write`` puts them into a folder, ``describe``
states every parameter with its source.
"""

from analysis.simulate.describe import describe
from analysis.simulate.scenario import Scenario, read_scenario
from analysis.simulate.simulation import Simulation, simulate
from analysis.simulate.write import write

__all__ = ["Scenario", "Simulation", "describe", "read_scenario", "simulate", "write"]
