"""The worker on Kafka: the only importer of faust and aiokafka.

Knows partitions, transactions and offsets. Must never know what an event means.
"""
