"""Many runs on one corpus: arms compared over seeds."""

from nomina.tuning.compare import ARMS, Arm, parse_arm, run_comparison

__all__ = ["ARMS", "Arm", "parse_arm", "run_comparison"]
