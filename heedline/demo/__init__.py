"""Real phones, far ends and ears: what the demo, the tests and the benchmark call with."""
