"""Finds the best model for a target: cost tables, allocation of sparsities, and the search."""

from tfsparse.search.cost_table import CostTable
from tfsparse.search.measure import measure_costs
from tfsparse.search.targets import TargetOutOfReachError

__all__ = ["CostTable", "TargetOutOfReachError", "measure_costs"]
