"""Append-only facts, one repository a noun."""
