"""The proof behind ``fitly verify``: the log, the tables and Postgres, held against each other from outside.

Each file is one question. They know records, rows and the core's pure functions; they must never ask a worker or
a sink, since those are what is being proved.
"""
