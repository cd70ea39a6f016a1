"""Figures derived from exact sums, one idea per file.

Every figure here is a function of integer sums in millionths, so that it can be merged, taken back and
recomputed anywhere with the same answer; it must equal the reference library run on the raw data.
"""
