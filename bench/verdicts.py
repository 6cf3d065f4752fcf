"""Verdicts a second on one core: `heedline gate check --facts` over full facts.

Every line holds every key; numbers, times, attempts and consents differ from line to line. CPU seconds of the
process, its start taken off (a run over one line). Beside it the least that any program does: the same lines read and
as many verdicts written with the standard library's JSON, nothing decided.
"""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from compliance import SCREENING_RULES, Gate, load_packs
from compliance.facts_line import facts_from_line

PLACES = {  # area code: a state of it, a postal code there, and whether the state keeps a list of its own
    "212": ("US-NY", "10001", False),
    "305": ("US-FL", "33101", True),
    "214": ("US-TX", "75201", True),
    "213": ("US-CA", "90012", False),
    "312": ("US-IL", "60601", False),
    "617": ("US-MA", "02108", True),
    "303": ("US-CO", "80202", True),
    "206": ("US-WA", "98101", False),
    "615": ("US-TN", "37201", True),
    "702": ("US-NV", "89101", False),
    "404": ("US-GA", "30303", False),
    "602": ("US-AZ", "85003", False),
    "850": ("US-FL", "32301", True),
    "219": ("US-IN", "46402", True),
}
_BARE = """
import json, sys
verdict = json.load(open(sys.argv[2]))
for line in open(sys.argv[1]):
    json.loads(line)
    sys.stdout.write(json.dumps(verdict) + "\\n")
"""


_LEAST_S = 0.001  # a run too small to be told from its start


@dataclass(frozen=True)
class Verdicts:
    lines: int
    ours: float  # a second of CPU
    bare: float
    allowed: float  # share


def line(rng: random.Random, at: datetime) -> str:
    """Facts of a call that is allowed, unless its hour or its history says no."""
    code = rng.choice(tuple(PLACES))
    state, postal_code, own_list = PLACES[code]
    at += timedelta(seconds=rng.randrange(6 * 3600))

    def ago(days: float) -> str:
        return (at - timedelta(days=days * rng.random(), seconds=1)).isoformat(timespec="seconds")

    read = {"listed": rng.random() < 0.02, "version_date": (at.date() - timedelta(days=rng.randrange(20))).isoformat()}
    consented = ago(60)
    facts = {
        "number": f"+1{code}{rng.randrange(2, 10)}{rng.randrange(10**6):06d}",
        "at": at.isoformat(timespec="seconds"),
        "call_kind": "live",
        "purpose": "telemarketing",
        "party": "consumer",
        "region": state,
        "postal_code": postal_code,
        "seller": "Acme Water",
        "campaign": "spring",
        "agent_region": "US-NY",
        "internal_dnc": rng.random() < 0.01,
        "registries": {"us.ftc.ndnc": read} | ({f"{state.lower()}.dnc": read} if own_list else {}),
        "consents": [
            {
                "kind": "express_written",
                "purpose": "telemarketing",
                "seller": "Acme Water",
                "obtained_at": consented,
                "confirmed_at": consented,
                "expires_at": (at + timedelta(days=400)).isoformat(timespec="seconds"),
            }
        ],
        "relationship": {"kind": "purchase", "at": ago(80)},
        "attempts": [ago(40) for _ in range(rng.randrange(4))],
        "refusals": [],
        "silent_calls": [],
        "topic": "water",
        "double_opt_in": True,
        "reassigned": {"answer": "no", "checked_at": ago(10), "consent_date": consented[:10]},
        "caller_id": "+12125550100",
        "abandonment": {"answered": rng.randrange(500, 5000), "abandoned": rng.randrange(8)},
        "switches": {"holiday": False, "US-LA": {"start": "2027-08-01T00:00:00Z", "end": "2027-08-08T00:00:00Z"}},
        "storage_region": "US-NY",
        "seller_region": "US-NY",
        "recording_policy": "follow_law",
        "in_flight": False,
        "prompts": {"en": True},
        "ring_seconds": 25,
    }
    return json.dumps(facts)


def measure(folder: Path, lines: int, runs: int) -> Verdicts:
    """The quickest of so many runs. Raises CalledProcessError: a side failed."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(7)
    at = datetime.now(UTC).replace(hour=16, minute=0, second=0, microsecond=0)
    texts = [line(rng, at) for _ in range(lines)]
    gate = Gate(SCREENING_RULES, load_packs())
    verdicts = [gate.check(facts_from_line(text.encode(), "bench")) for text in texts[:1000]]
    whole, one, verdict = folder / "facts.jsonl", folder / "one.jsonl", folder / "verdict.json"
    whole.write_text("".join(f"{text}\n" for text in texts))
    one.write_text(f"{texts[0]}\n")
    verdict.write_text(verdicts[0].to_json())
    command = (sys.executable, "-m", "heedline", "gate", "check", "--facts")
    bare = (sys.executable, "-c", _BARE)
    return Verdicts(
        lines,
        lines / max(_cpu(runs, *command, str(whole)) - _cpu(runs, *command, str(one)), _LEAST_S),
        lines / max(_cpu(runs, *bare, str(whole), str(verdict)) - _cpu(runs, *bare, str(one), str(verdict)), _LEAST_S),
        sum(verdict.allowed for verdict in verdicts) / len(verdicts),
    )


def _cpu(runs: int, *command: str) -> float:
    """CPU seconds of the quickest run."""
    best = float("inf")
    for _ in range(runs):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        best = min(best, used.ru_utime + used.ru_stime)
    return best
