"""`heedline doctor`: looks at everything calls and recordings hang on, and says what to do about each failure."""

import datetime

from compliance.errors import HeedlineError
from heedline.doctor import keeping, law, lists, machine
from heedline.doctor.door import dialplan_door
from heedline.doctor.finding import Finding, Level, fail, ok
from heedline.doctor.switch import switch
from heedline.home import Home
from heedline.pbx import Instance
from heedline.settings import Settings

__all__ = ["Finding", "Level", "examine"]


async def examine(home: Home, now: datetime.datetime | None = None) -> list[Finding]:
    """All findings, in the order in which one would mend them. Changes nothing."""
    now = now or datetime.datetime.now(datetime.UTC)
    findings = [machine.python(), machine.clock(now), await machine.own_name()]
    try:
        settings = Settings.load(home.settings_file)
    except HeedlineError as error:
        return [*findings, fail("settings", str(error), "heedline init, or mend the file")]
    findings.append(ok("settings", str(home.settings_file)))
    findings.append(machine.disk(home))
    findings += keeping.secrets(home, settings)
    findings.append(keeping.certificate(home, now))
    findings.append(await keeping.ledger(home, settings))
    findings.append(keeping.prompts(home))
    findings += await law.rules(home, now)
    findings += await lists.lists(home, now)
    findings += await switch(Instance(home, settings))
    findings += await dialplan_door(settings)
    findings += machine.spool(home, settings)
    return findings
