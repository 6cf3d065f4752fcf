"""Segment format (stub header replaced by the vault)."""
