"""Retention, holds, erasure, access."""
