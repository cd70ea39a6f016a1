"""The embedded stack: a real Kafka and a real Postgres on this machine, and the roles beside them, supervised.

Knows how to fetch, configure, start, watch and stop programs, and where a directory's addresses and keys are written.
Must never know what Fitly does with them: no topics, no tables, no client library of Kafka or Postgres. Whatever speaks
to the servers is given by the caller.
"""
