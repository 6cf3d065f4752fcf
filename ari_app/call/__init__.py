"""PURE: what happens in a call. Events in, commands out."""
