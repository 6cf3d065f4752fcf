"""Regulations as data, and their strict loader."""
