"""One small class a rule, its citation in the docstring."""
