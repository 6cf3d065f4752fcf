"""The processes of Heedline, and the one that keeps the others running."""
