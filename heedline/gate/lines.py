"""Lines of facts in, a verdict a line out: `heedline gate check --facts`.

What has been read is answered and written before more is read, so a program that writes one line and waits gets its
answer, and a file of any size needs the memory of one portion. The first line that can't be taken ends the work: what
stands before it has been answered, nothing after it has.
"""

from collections.abc import Callable, Iterator

from compliance import BadInput, Gate
from compliance.facts_line import facts_from_line, verdict_line

LONGEST_LINE = 1 << 20
"""Bytes. Ten thousand attempts, the most one line may hold, take a quarter of it."""
PORTION = 1 << 18
_BOM = b"\xef\xbb\xbf"

Read = Callable[[int], bytes]
Write = Callable[[bytes], object]


def answer(read: Read, write: Write, gate: Gate, name: str) -> int:
    """Answer every line; returns how many. Blank ones are skipped, and so are a BOM and the CR of a CRLF.

    `read` gives what there is, at most so many bytes, and nothing at the end. `name` stands for the input in messages.

    Raises BadInput, naming the line: too long, or no facts.
    """
    answered = 0
    for number, lines in _portions(read, name):
        said: list[bytes] = []
        try:
            for place, line in enumerate(lines, start=number):
                if len(line) > LONGEST_LINE:
                    raise _too_long(name, place)
                if line and not line.isspace():
                    facts = facts_from_line(line.removesuffix(b"\r"), f"{name}:{place}")
                    said.append(verdict_line(gate.check(facts)))
        finally:
            if said:
                write(b"\n".join(said) + b"\n")
        answered += len(said)
    return answered


def _portions(read: Read, name: str) -> Iterator[tuple[int, list[bytes]]]:
    """Whole lines as they come, with the number of the first."""
    rest, number = bytearray(), 1
    while portion := read(PORTION):
        rest += portion
        if b"\n" in portion:
            whole, _, rest = rest.rpartition(b"\n")
            lines = _without_bom(bytes(whole), number).split(b"\n")
            yield number, lines
            number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise _too_long(name, number)
    if rest:
        yield number, [_without_bom(bytes(rest), number)]


def _without_bom(text: bytes, number: int) -> bytes:
    return text.removeprefix(_BOM) if number == 1 else text


def _too_long(name: str, number: int) -> BadInput:
    return BadInput(f"{name}:{number}: longer than {LONGEST_LINE >> 20} MiB")
