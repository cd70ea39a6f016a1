"""Experiments: what is concluded from their figures.

Knows conditions and arms. Must never know rows, topics or files.
"""
