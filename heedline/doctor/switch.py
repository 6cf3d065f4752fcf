"""The PBX: which Asterisk, does it answer, has it what we need."""

import re
from collections.abc import Iterator
from importlib.resources import files

import aiohttp
from aiohttp import encode_basic_auth

from compliance.errors import HeedlineError
from heedline.doctor.finding import Finding, fail, ok
from heedline.pbx import ARI_USER, AsteriskMissing, Instance
from heedline.pbx.asterisk import FLOOR, floor_text

# What a PBX that is not ours needs as well; the rest of modules.conf.j2 is for ours.
NEEDED = re.compile(r"^require = ((?:app_stasis|app_mixmonitor|res_ari|res_stasis|res_http_websocket)\w*)\.so", re.M)


async def switch(instance: Instance) -> list[Finding]:
    """All about the PBX; one that is down gives few lines, not many."""
    findings = [_installed(instance)]
    try:
        health = await instance.health()
    except HeedlineError as error:
        return [*findings, fail("PBX", str(error), "heedline init")]
    up = "heedline pbx up"
    for name, well in (("ARI", health.ari), ("AMI", health.ami)):
        if well:
            findings.append(ok(name, f"answers {instance.ari_url if name == 'ARI' else f'port {instance.ami_port}'}"))
        else:
            said = next((part for part in health.problem.split("; ") if part.startswith(name)), health.problem)
            findings.append(fail(name, said.removeprefix(f"{name}: "), up))
    if health.ari:
        findings += await _inside(instance)
    return findings


def _installed(instance: Instance) -> Finding:
    try:
        asterisk = instance.asterisk
    except AsteriskMissing as error:
        return fail("asterisk", str(error), "heedline pbx install")
    return ok("asterisk", f"{asterisk.version_text}, {asterisk.root or 'of the system'}")


async def _inside(instance: Instance) -> list[Finding]:
    headers = {"Authorization": encode_basic_auth(ARI_USER, instance.ari_password)}
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            async with session.get(f"{instance.ari_url}/asterisk/info?only=system") as answer:
                version = str((await answer.json())["system"]["version"])
            async with session.get(f"{instance.ari_url}/asterisk/modules") as answer:
                loaded = {str(row["name"]) for row in await answer.json() if row["status"] == "Running"}
    except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError) as error:
        return [
            fail("ARI", f"answers, but not as Asterisk does ({type(error).__name__})", "what listens on that port?")
        ]
    return [_version(version), *_modules(loaded)]


def _version(text: str) -> Finding:
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    if match is None or tuple(map(int, match.groups())) < FLOOR:
        return fail("running", f"Asterisk {text}", f"upgrade it to {floor_text()} or newer: ARI fixes of 2026")
    return ok("running", f"Asterisk {match[0]}")


def _modules(loaded: set[str]) -> Iterator[Finding]:
    template = files("asterisk_conf").joinpath("modules.conf.j2").read_text()
    needed = [f"{name}.so" for name in NEEDED.findall(template)]
    missing = [name for name in needed if name not in loaded]
    for name in missing:
        yield fail("modules", f"{name} is not loaded", f"add `load = {name}` to modules.conf and restart Asterisk")
    if not missing:
        yield ok("modules", f"{len(loaded)} loaded, the {len(needed)} needed among them")
