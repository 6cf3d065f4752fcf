"""`heedline gate check --facts`: lines in, verdicts out, through pipes as programs and admins use them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compliance import SCREENING_RULES, BadInput, Gate, Verdict, load_packs
from heedline.gate import LONGEST_LINE, answer
from tests.rules.world import GOOD

GATE = Gate(SCREENING_RULES, load_packs())
FACTS = json.dumps(GOOD.to_dict()).encode()
COMMAND = (sys.executable, "-m", "heedline", "gate", "check", "--facts")
BOM = b"\xef\xbb\xbf"


def said(*portions: bytes, into: list[bytes] | None = None) -> list[dict[str, object]]:
    """What is answered when the input comes in these portions; `into` keeps it when an error ends it."""
    coming: Iterator[bytes] = iter((*portions, b""))
    written: list[bytes] = [] if into is None else into
    count = answer(lambda size: next(coming), written.append, GATE, "x")
    lines = b"".join(written).splitlines()
    assert len(lines) == count
    return [json.loads(line) for line in lines]


def test_each_line_is_a_verdict() -> None:
    first, second = said(FACTS + b"\n" + b"{}\n")
    assert Verdict.from_json(json.dumps(first)) == GATE.check(GOOD)
    assert second["decision"] == "deny"


@pytest.mark.parametrize(
    "portions",
    [
        (FACTS,),
        (BOM + FACTS + b"\r\n",),
        (b"\n\r\n  \t\n" + FACTS + b"\n\n",),
        (FACTS[:7], FACTS[7:], b"\n"),
        (BOM[:1], BOM[1:], FACTS, b"\r", b"\n"),
        tuple(bytes([byte]) for byte in FACTS),
        (FACTS + b" " * (LONGEST_LINE - len(FACTS)),),
    ],
)
def test_one_line_however_it_comes(portions: tuple[bytes, ...]) -> None:
    assert said(*portions) == [GATE.check(GOOD).to_dict()]


@pytest.mark.parametrize("portions", [(), (b"\n\n",), (BOM,), (b"\r\n",)])
def test_nothing_is_answered_with_nothing(portions: tuple[bytes, ...]) -> None:
    assert said(*portions) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (b'{"who":1}', "x:4: unknown key 'who'"),
        (b"what", "x:4: not JSON"),
        (BOM + FACTS, "x:4: not JSON"),
        (b'{"seller":"' + b"a" * LONGEST_LINE + b'"}', "x:4: longer than 1 MiB"),
        (b"\xff", "x:4: not UTF-8"),
    ],
)
@pytest.mark.parametrize("size", [1 << 21, 1 << 18, 100])
def test_the_first_wrong_line_ends_it_and_all_before_it_are_answered(wrong: bytes, says: str, size: int) -> None:
    text = FACTS + b"\n\n" + FACTS + b"\n" + wrong + b"\n" + FACTS + b"\n"
    answered: list[bytes] = []
    with pytest.raises(BadInput, match=says):
        said(*(text[at : at + size] for at in range(0, len(text), size)), into=answered)
    assert b"".join(answered).count(b"\n") == 2


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    given = 0

    def endless(size: int) -> bytes:
        nonlocal given
        given += size
        return b"x" * size

    with pytest.raises(BadInput, match="x:1: longer than 1 MiB"):
        answer(endless, lambda text: None, GATE, "x")
    assert given <= 2 * LONGEST_LINE


def test_a_program_that_writes_one_line_and_waits_is_answered() -> None:
    with subprocess.Popen([*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(3):
            process.stdin.write(FACTS + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["pack"] == GATE.pack
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stdout.read() == b""


def test_the_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    size = 48 << 20
    file = tmp_path / "facts.jsonl"
    padded = FACTS + b" " * (1 << 16) + b"\n"
    with file.open("wb") as stream:
        for _ in range(size // len(padded)):
            stream.write(padded)
    peaks = []
    for given in (os.devnull, str(file)):
        process = subprocess.Popen([*COMMAND, given], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(used.ru_maxrss << 10)
    assert peaks[1] - peaks[0] < 12 << 20, peaks


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_bytes((FACTS + b"\n") * 3000)
    process = subprocess.Popen([*COMMAND, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(10) == 141
    process.stderr.close()


def test_a_wrong_line_is_told_on_stderr_and_what_was_answered_stays() -> None:
    done = subprocess.run(
        [*COMMAND, "-"], input=FACTS + b'\n{"who":1}\n' + FACTS, capture_output=True, check=False, timeout=20
    )
    assert done.returncode == 2
    assert done.stdout.count(b"\n") == 1
    assert done.stderr.decode().strip() == "heedline: standard input:2: unknown key 'who'"
