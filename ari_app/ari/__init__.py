"""ARI client: generated operations, transport, session."""
