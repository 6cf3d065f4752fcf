"""The snippets for an Asterisk that exists already: held against our templates and read by a real Asterisk."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from heedline.pbx import process
from heedline.pbx.render import render
from tests.pbx.switch import new_instance, settings_for

CONF = Path(__file__).resolve().parents[2] / "asterisk_conf"
SNIPPETS = CONF / "snippets"


def lines(file: Path) -> set[str]:
    """Its settings, comments and blanks left out."""
    found = (re.sub(r"\s*;.*", "", line).strip() for line in file.read_text().splitlines())
    return {line for line in found if line}


@pytest.mark.parametrize("name", ["ari", "manager", "http"])
def test_a_snippet_says_what_our_own_pbx_is_told(name: str) -> None:
    ours = lines(CONF / f"{name}.conf.j2")
    for line in lines(SNIPPETS / f"{name}.conf"):
        known = line.replace("CHANGE-ME", f"{{{{ {'ami' if name == 'manager' else 'ari'}_password }}}}")
        known = known.replace("[heedline]", f"[{{{{ {'ami' if name == 'manager' else 'ari'}_user }}}}]")
        known = known.replace("8088", "{{ pbx.ari_port }}")
        assert known in ours, line


def test_the_modules_are_among_ours() -> None:
    ours = {line.replace("require", "load") for line in lines(CONF / "modules.conf.j2")}
    assert lines(SNIPPETS / "modules.conf") <= ours


def test_no_pattern_lets_a_caller_add_arguments() -> None:
    patterns = re.findall(r"exten => (\S+?),", (SNIPPETS / "extensions.conf").read_text())
    assert len(patterns) > 20
    for pattern in patterns:
        assert re.fullmatch(r"_(\+Z|\*)?X+", pattern), pattern


@pytest.mark.pbx
async def test_a_plain_asterisk_with_the_snippets_answers_heedline(tmp_path: Path) -> None:
    instance = await new_instance(tmp_path / "h", settings_for())
    layout = instance.layout
    layout.make()
    render(instance.home, instance.settings, instance.asterisk, layout).write(layout.etc)
    shutil.copytree(SNIPPETS, layout.etc / "heedline")
    for name, password in (("ari", instance.ari_password), ("manager", instance.ami_password)):
        file = layout.etc / "heedline" / f"{name}.conf"
        file.write_text(file.read_text().replace("CHANGE-ME", password))
    http = layout.etc / "heedline/http.conf"
    http.write_text(http.read_text().replace("8088", str(instance.settings.pbx.ari_port)))
    (layout.etc / "ari.conf").write_text('[general]\nenabled = yes\n#include "heedline/ari.conf"\n')
    (layout.etc / "manager.conf").write_text(
        f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {instance.ami_port}\n"
        '#include "heedline/manager.conf"\n'
    )
    (layout.etc / "http.conf").write_text('[general]\n#include "heedline/http.conf"\n')
    included = "".join(f'#include "heedline/{name}.conf"\n' for name in ("extensions", "gate"))
    (layout.etc / "extensions.conf").write_text(f"[general]\nstatic = yes\n{included}")
    modules = layout.etc / "modules.conf"
    modules.write_text(modules.read_text() + '#include "heedline/modules.conf"\n')
    running = process.start(instance.asterisk, layout, "by hand")
    try:
        async with asyncio.timeout(20):
            while not (await instance.health()).ok:
                await asyncio.sleep(0.05)
        command = [*instance.asterisk.command, "-C", str(layout.etc / "asterisk.conf"), "-rx"]
        for context, kind in (("heedline-agents", "manual"), ("heedline-inbound", "inbound")):
            said = subprocess.run([*command, f"dialplan show {context}"], capture_output=True, text=True, check=False)
            assert f"Stasis(heedline,{kind},${{EXTEN}})" in said.stdout
        said = subprocess.run([*command, "dialplan show heedline-gate"], capture_output=True, text=True, check=False)
        assert "AGI(${HEEDLINE_AGI}/gate,${ARG1},${ARG2})" in said.stdout
        assert not re.search(r"ERROR|WARNING", layout.messages.read_text()), layout.messages.read_text()
    finally:
        await process.stop(running, 5)
        process.forget(layout)
