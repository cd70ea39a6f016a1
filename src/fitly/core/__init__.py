"""The whole product as pure functions: no await, clock, randomness, logging or I/O.

Delete everything else and what is left still learns, replays and certifies.
"""
