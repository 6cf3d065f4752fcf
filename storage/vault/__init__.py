"""Recordings: sealed with public keys, opened by the custodian."""
