"""Many runs on one corpus: arms compared over seeds, and settings searched by dev F1."""

from nomina.tuning.compare import ARMS, Arm, parse_arm, run_comparison
from nomina.tuning.planning import SearchOptions
from nomina.tuning.search import Snapshot, run_search
from nomina.tuning.space import Space, parse_space
from nomina.tuning.workers import LocalWorkers, Workers

__all__ = [
    "ARMS",
    "Arm",
    "LocalWorkers",
    "SearchOptions",
    "Snapshot",
    "Space",
    "Workers",
    "parse_arm",
    "parse_space",
    "run_comparison",
    "run_search",
]
