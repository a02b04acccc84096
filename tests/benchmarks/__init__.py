"""Figures, each measured in the same run as what it is compared with. `python -m tests.benchmarks NAME`."""
