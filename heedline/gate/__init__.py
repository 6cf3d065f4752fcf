"""The gate asked from outside a call: facts by the line."""

from heedline.gate.lines import LONGEST_LINE, answer

__all__ = ["LONGEST_LINE", "answer"]
