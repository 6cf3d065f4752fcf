"""What may be written on the manager's wire. Pure.

AMI is lines of ``Key: value``: a line break inside a value starts a new header, two start a new ACTION, with
our rights. MixMonitor's values are worse: Asterisk joins them with commas into the arguments of the dialplan
application, whose third argument is a shell command. So each kind of value has its own narrow alphabet.
"""

import re

from ari_app.ami.errors import UnsafeValue

MAX_VALUE = 512
"""Characters; Asterisk's own manager line is 1,024 bytes with its key."""

_PLAIN = re.compile(r"[ -~]+")
_CHANNEL = re.compile(r"[A-Za-z0-9_]+/[!-+\--~]+")
_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
_OPTIONS = re.compile(r"(?:[A-Za-z](?:\([A-Za-z0-9_./-]*\))?)*")


def channel_name(text: str) -> str:
    """A channel name such as "PJSIP/alice-00000001": printable ASCII without space and comma."""
    return _matched(_CHANNEL, text, "channel name")


def spool_path(text: str) -> str:
    """An absolute path made of letters, digits and ``. _ / -``, without a ``..`` step."""
    if ".." in _matched(_PATH, text, "path").split("/"):
        raise UnsafeValue("AMI: the path steps upwards with '..'")
    return text


def monitor_options(text: str) -> str:
    """MixMonitor options such as "D" or "DB(15)": letters, each with a plain argument in brackets or none."""
    return _matched(_OPTIONS, text, "MixMonitor options")


def plain(text: str, what: str) -> str:
    """Printable ASCII on one line."""
    return _matched(_PLAIN, text, what)


def secret(text: str) -> str:
    """A password: anything printable on one line. An error never shows it."""
    if not text or len(text) > MAX_VALUE or not text.isprintable():
        raise UnsafeValue("AMI: the secret is empty, too long or holds an unprintable character")
    return text


def _matched(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not isinstance(text, str) or len(text) > MAX_VALUE or not pattern.fullmatch(text):
        raise UnsafeValue(f"AMI: the {what} is empty, too long or holds a character that may not be sent")
    return text
