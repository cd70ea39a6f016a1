"""Experiments: what is compared, who is in which variant, what is measured of them, and what it says.

Knows plans, the states of an experiment, assignment, sums and reports, all pure. Must never know topics or tables.
"""
