"""The builder of the private Asterisk, with a stand-in for mmdebstrap: what is asked of it, and how it may fail."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from heedline.pbx import AsteriskMissing, BuildFailed, find_asterisk
from heedline.pbx.apt import Apt, choose_mirror, reaching_options
from heedline.pbx.asterisk import of_root
from heedline.pbx.builder import build

APT = Apt("http://mirror.test/debian", ('Acquire::http::Proxy "http://proxy.test:3128"',))
LOADER = """#!/bin/sh
# stands for a dynamic loader: --library-path DIR BINARY -V
shift 2; exec "$@"
"""


def stand_in(folder: Path, script: str) -> None:
    """An mmdebstrap that runs `script`; $root is the target folder, $@ the arguments."""
    tool = folder / "mmdebstrap"
    tool.write_text(
        f'#!/bin/bash\nset -u\necho "$@" >>{folder}/asked\n'
        "for root; do case $root in */.*building-*) break;; esac; done\n" + script
    )
    tool.chmod(0o755)


def asterisk(version: str) -> str:
    """Lines that put an Asterisk of that version into $root."""
    return f"""
mkdir -p "$root/usr/sbin" "$root/usr/lib64" "$root/usr/lib/x-y-z/asterisk/modules" "$root/usr/share/asterisk/rest-api"
cat >"$root/usr/lib64/ld-linux-x.so.2" <<'EOF'
{LOADER}EOF
printf '#!/bin/sh\\necho "Asterisk {version}+dfsg-1"\\n' >"$root/usr/sbin/asterisk"
chmod +x "$root"/usr/*/*
echo "I: extracting archives..."
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def leavings(root: Path) -> list[str]:
    """What lies beside the root, less its lock."""
    return [found.name for found in root.parent.iterdir() if found.name not in (root.name, f".{root.name}.lock")]


def test_builds_once_moves_it_whole_and_then_only_looks(tmp_path: Path, tools: Path) -> None:
    stand_in(tools, asterisk("22.10.1"))
    root = tmp_path / "c/asterisk-22"
    said: list[str] = []
    built = build(root, said.append, apt=APT)
    assert built.version == (22, 10, 1)
    assert built.root == root
    assert "extracting archives..." in said
    assert leavings(root) == []
    build(root, said.append, apt=APT)
    asked = (tools / "asked").read_text().splitlines()
    assert len(asked) == 1
    assert asked[0].endswith("http://mirror.test/debian")
    assert 'Acquire::http::Proxy "http://proxy.test:3128"' in asked[0]
    assert "Check-Valid-Until" not in asked[0], "a mirror is trusted with its date until it proves to lag"


def test_a_lagging_mirror_is_tried_again_and_the_screen_says_so(tmp_path: Path, tools: Path) -> None:
    stand_in(
        tools,
        'case "$*" in *Check-Valid-Until*) ;; '
        '*) touch "$root/half"; echo "E: Release file for x is expired"; exit 25;; esac\n'
        + asterisk("22.10.1")
        + '[ ! -e "$root/half" ] || exit 3\n',
    )
    said: list[str] = []
    build(tmp_path / "c/asterisk-22", said.append, apt=APT)
    assert any("the mirror lags" in line for line in said)
    first, second = (tools / "asked").read_text().splitlines()
    assert "Check-Valid-Until" not in first
    assert 'Acquire::Check-Valid-Until "false"' in second


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "E: apt-get update failed"; exit 25', "status 25: E: apt-get update failed"),
        (asterisk("20.19.0"), "carries Asterisk 20.19.0, older than 22.10.1"),
        (asterisk("22.10.0"), "older than 22.10.1"),
        ("exit 0", "Asterisk does not run"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path: Path, tools: Path, script: str, said: str) -> None:
    stand_in(tools, script)
    root = tmp_path / "c/asterisk-22"
    with pytest.raises(BuildFailed, match=said):
        build(root, lambda _: None, apt=APT)
    assert not root.exists()
    assert leavings(root) == []


def test_an_older_root_is_replaced_and_kept_when_the_build_fails(tmp_path: Path, tools: Path) -> None:
    root = tmp_path / "c/asterisk-22"
    old = str(root)
    root.parent.mkdir()
    subprocess.run(["bash", "-c", f"root={old}\n{asterisk('22.9.0')}"], check=True, capture_output=True)
    stand_in(tools, "exit 9")
    with pytest.raises(BuildFailed):
        build(root, lambda _: None, apt=APT)
    held = of_root(root)
    assert held is not None
    assert held.version == (22, 9, 0)
    stand_in(tools, asterisk("22.11.0"))
    assert build(root, lambda _: None, apt=APT).version == (22, 11, 0)
    assert leavings(root) == []


def test_ctrl_c_leaves_nothing_half_built_and_stops_the_tool(tmp_path: Path, tools: Path) -> None:
    stand_in(tools, f'touch "$root/half"; echo "I: downloading"; echo $$ >{tools}/pid; exec sleep 600\n')
    root = tmp_path / "c/asterisk-22"
    program = (
        "import pathlib, sys\nfrom heedline.pbx.apt import Apt\nfrom heedline.pbx.builder import build\n"
        "build(pathlib.Path(sys.argv[1]), lambda line: print(line, flush=True), apt=Apt('http://x/debian'))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        while child.stdout.readline().strip() != "downloading":
            assert child.poll() is None
        deadline = time.monotonic() + 5
        while not (tools / "pid").exists() or not (tools / "pid").read_text():
            assert time.monotonic() < deadline
        child.send_signal(signal.SIGINT)
        child.wait(timeout=15)
    assert child.returncode != 0
    assert not root.exists()
    assert leavings(root) == []
    assert not Path(f"/proc/{int((tools / 'pid').read_text())}").exists()


def test_what_a_killed_builder_left_is_removed_by_the_next(tmp_path: Path, tools: Path) -> None:
    root = tmp_path / "c/asterisk-22"
    left = root.parent / ".asterisk-22.building-abc"
    left.mkdir(parents=True)
    (left / "file").touch()
    stand_in(tools, asterisk("22.10.1"))
    build(root, lambda _: None, apt=APT)
    assert leavings(root) == []


def test_two_builders_do_the_work_once(tmp_path: Path, tools: Path) -> None:
    stand_in(tools, "sleep 0.5\n" + asterisk("22.10.1"))
    root = tmp_path / "c/asterisk-22"
    program = (
        "import pathlib, sys\nfrom heedline.pbx.apt import Apt\nfrom heedline.pbx.builder import build\n"
        "build(pathlib.Path(sys.argv[1]), print, apt=Apt('http://x/debian'))\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE, text=True) for _ in "12"
    ]
    said = [child.communicate(timeout=30)[0] for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert len((tools / "asked").read_text().splitlines()) == 1
    assert sum("another build is at work" in text for text in said) <= 1


def test_without_mmdebstrap_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
    with pytest.raises(BuildFailed, match="apt install mmdebstrap"):
        build(tmp_path / "c/asterisk-22", lambda _: None, apt=APT)


def test_a_named_root_that_is_not_there_is_an_error_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEEDLINE_ASTERISK_ROOT", str(tmp_path / "none"))
    with pytest.raises(AsteriskMissing, match=r"heedline pbx install"):
        find_asterisk()


@pytest.mark.parametrize(
    ("targets", "mirror"),
    [
        ("http://a.test/debian/\tbookworm\tmain\tDebian\n", "http://a.test/debian"),
        (
            "http://a.test/debian-security/\tbookworm-security\tmain\tDebian\n"
            "https://tools.test/x/\tstable\tmain\tTools\nhttps://b.test/deb/\ttrixie\tmain\tDebian\n",
            "https://b.test/deb",
        ),
        ("mirror+file:/etc/apt/m.list/debian\tbookworm\tmain\t$(ORIGIN)\n", "mirror+file:/etc/apt/m.list/debian"),
    ],
)
def test_the_machines_own_mirror_is_taken(targets: str, mirror: str) -> None:
    assert choose_mirror(targets) == mirror


@pytest.mark.parametrize(
    "targets",
    ["", "garbage\n", "http://u.test/ubuntu/\tnoble\tmain\tUbuntu\n", "http://d.test/x/\tsid\tcontrib\tDebian\n"],
)
def test_a_machine_without_a_debian_mirror_is_told_the_vagrant_way(targets: str) -> None:
    with pytest.raises(BuildFailed, match="vagrant up"):
        choose_mirror(targets)


def test_proxies_go_along() -> None:
    dump = 'Acquire::http::Proxy "http://p.test:1/";\nAcquire::https::Proxy "";\nAPT::Architecture "amd64";\n'
    assert [option for option in reaching_options(dump) if "Proxy" in option] == [
        'Acquire::http::Proxy "http://p.test:1/"'
    ]
