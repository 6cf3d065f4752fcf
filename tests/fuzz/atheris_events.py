"""Coverage-guided fuzzing of the ARI event door.

By hand: python tests/fuzz/atheris_events.py CORPUS -max_total_time=600
"""

import sys

import atheris

with atheris.instrument_imports(include=["ari_app.ari.events", "ari_app.ari.models"]):
    from ari_app.ari.events import BadEvent, parse_event


def one(data: bytes) -> None:
    event = parse_event(data)
    repr(event).encode()
    if isinstance(event, BadEvent) and len(event.fault) >= 100:
        raise AssertionError("a fault repeats its input")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
