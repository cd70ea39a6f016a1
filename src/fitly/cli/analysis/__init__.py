"""A finished experiment from a file: rows become units, units become figures, figures become an answer.

Knows files and the answer's form. Must never know how a figure is derived: `fitly.core.statistics` does.
"""
