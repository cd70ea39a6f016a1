"""What crosses the process edge: contracts of events, bytes of rows, and the shard that folds raw records."""
