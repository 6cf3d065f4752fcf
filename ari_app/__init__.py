"""Call control over the Asterisk REST Interface."""
