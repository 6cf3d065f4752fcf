"""The doctor on the law: how old the data is, to the day, and overlays that stop the calls."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from compliance.jurisdictions import load_packs
from heedline.doctor import Level
from heedline.doctor.law import age, rules
from heedline.home import Home

TIGHTER = """\
schema: 1
overlay: "Ours"
jurisdiction: "US-WY"
rules:
- id: us-wy.ours
  topic: attempt_cap
  max: 1
  hours: 24
  citation: "ours"
  source: "ours"
  confidence: house
  as_of: "2026-11-21"
"""


@pytest.mark.parametrize(
    ("days_left", "level"),
    [(200, Level.OK), (31, Level.OK), (30, Level.WARN), (0, Level.WARN), (-1, Level.FAIL), (-400, Level.FAIL)],
)
def test_age_of_the_rules(days_left: int, level: Level) -> None:
    packs = load_packs()
    found = age(packs, packs.expires - timedelta(days=days_left))
    assert found.level is level
    assert str(packs.expires) in found.found
    assert bool(found.remedy) is (level is not Level.OK)


async def test_overlays_that_may_be_used_and_one_that_stops_the_calls(tmp_path: Path) -> None:
    home, now = Home(tmp_path), datetime.combine(load_packs().released, datetime.min.time(), UTC)
    assert [(finding.subject, finding.level) for finding in await rules(home, now)] == [
        ("rules", Level.OK),
        ("overlays", Level.OK),
    ]
    home.rules.mkdir()
    (home.rules / "ours.yaml").write_text(TIGHTER)
    age_of_it, overlays = await rules(home, now)
    assert overlays.level is Level.OK
    assert "with overlays" in overlays.found
    (home.rules / "other.yaml").write_text(
        'schema: 1\noverlay: "Other"\njurisdiction: "US-WY"\nremove: [us-wy.hours]\n'
    )
    age_of_it, overlays = await rules(home, now)
    assert (age_of_it.level, overlays.level) == (Level.OK, Level.FAIL)
    assert "loosens us-wy.hours" in overlays.found
    assert str(home.rules) in overlays.remedy
