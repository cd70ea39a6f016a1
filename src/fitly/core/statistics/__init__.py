"""Figures derived from sums, one idea per file, in two steps: values become sums, and sums become figures.

Sums are small frozen things that add: `Sums` and `JointSums` of exact integers in millionths, for the stream (they can
be taken back), and `Moments` and `JointMoments` of floats, for files. Integer sums become moments by one division, so
every figure that is a function of moments serves both. It must equal the reference library run on the raw data.
"""
