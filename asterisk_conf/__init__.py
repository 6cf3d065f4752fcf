"""Templates of what Asterisk is told, and the texts callees hear."""
