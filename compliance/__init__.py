"""PURE RULES: may we call, what must we say, may we record."""
