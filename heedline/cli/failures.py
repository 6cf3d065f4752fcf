"""What a person sees when a command fails: one line on stderr, and an exit status.

    0    done
    1    it failed: a peer is down, a disk is full, a proof does not hold
    2    what was typed, or what stands in a file, can't be taken; nothing was changed
    130  Ctrl-C

A traceback is shown only when HEEDLINE_TRACEBACK is set. An error nobody foresaw says where it arose and not what
it said, for its text may hold a number.
"""

import errno
import os
import traceback
from collections.abc import Callable, Sequence

from rich.console import Console
from typer.exceptions import Exit, TyperException

from compliance.errors import HeedlineError

TRACEBACK = "HEEDLINE_TRACEBACK"
_MACHINE = {
    errno.ENOSPC: "; make room on the disk of the home, or of the file asked for, then try again",
    errno.EDQUOT: "; make room under that quota, then try again",
    errno.EIO: "; the disk itself fails",
    errno.EROFS: "; that file system is read-only",
    errno.EMFILE: "; raise the limit of open files",
}


def outcome(command: Callable[..., object], arguments: Sequence[str] | None = None) -> int:
    """Run the command line to its end and say what failed, if anything. The exit status."""
    try:
        left = command(args=arguments, prog_name="heedline", standalone_mode=False)
    except Exit as end:
        return end.exit_code
    except Exception as error:  # the one place where every failure becomes a line
        if os.environ.get(TRACEBACK):
            traceback.print_exc()
        line, status = told(error)
        if line:
            console = Console(stderr=True, soft_wrap=True)
            console.print(f"heedline: {line}", style="red", markup=False, highlight=False)
        return status
    return left if isinstance(left, int) else 0


def told(error: Exception) -> tuple[str, int]:
    """The one line for an error, and its exit status."""
    if isinstance(error, HeedlineError):
        return one_line(str(error)), error.exit_status
    if isinstance(error, TyperException):
        return _typed_wrong(error), 2
    if isinstance(error, OSError):
        return _refused_by_the_system(error)
    if isinstance(error, ExceptionGroup):
        return told(error.exceptions[0])
    return _unforeseen(error), 1


def one_line(text: str) -> str:
    """Line breaks become blanks, other control characters are shown and not obeyed."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in " ".join(text.split()))


def _typed_wrong(error: TyperException) -> str:
    """Empty where the help was asked for by typing nothing: it has been printed."""
    said = one_line(error.format_message())
    context = getattr(error, "ctx", None)
    program = "heedline" if context is None else context.command_path
    return f"{said.removesuffix('.')}; see `{program} --help`" if said else ""


def _refused_by_the_system(error: OSError) -> tuple[str, int]:
    """Of files; the peers we talk to have errors of their own."""
    what = error.strerror or type(error).__name__
    where = f"{error.filename}: " if error.filename is not None else ""
    if error.errno in _MACHINE:
        return one_line(f"{where}{what}{_MACHINE[error.errno]}"), 1
    return one_line(f"{where}{what}"), 2 if error.filename is not None else 1


def _unforeseen(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    at = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""
    return f"an error in Heedline itself ({type(error).__name__}{at}); {TRACEBACK}=1 before the command shows all of it"
