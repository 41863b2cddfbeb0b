"""The replication bundle for a journal."""
