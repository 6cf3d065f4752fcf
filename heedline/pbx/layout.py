"""Where one instance keeps what: all under home/pbx/<instance>.

etc/        rendered configuration, 0600: it holds passwords
local/      the admin's own additions: pjsip.conf, extensions.conf, modules.conf, #included when there
run/        control socket, pid, `instance.json` (who runs)
log/        messages.log (warnings, errors), security.log, console.log
db/         Asterisk's own database: registrations
spool/      Asterisk's spool; `recording/` and `monitor/` must exist or ARI answers 500 to `record`
ramspool/   where plaintext audio may pass: a tmpfs, or a link to one (see heedline.pbx.spool)
"""

from dataclasses import dataclass
from pathlib import Path

from compliance.errors import BadInput
from heedline.secrets import ensure_folder

_SOCKET_PATH = 107  # sockaddr_un.sun_path less its final zero


@dataclass(frozen=True)
class Layout:
    folder: Path

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def local(self) -> Path:
        return self.folder / "local"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def db(self) -> Path:
        return self.folder / "db"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    @property
    def ramspool(self) -> Path:
        return self.folder / "ramspool"

    @property
    def state(self) -> Path:
        return self.run / "instance.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def messages(self) -> Path:
        return self.log / "messages.log"

    @property
    def security(self) -> Path:
        return self.log / "security.log"

    @property
    def console(self) -> Path:
        return self.log / "console.log"

    def make(self) -> None:
        """Make the folders, 0700. Raises BadInput when the control socket's path would be too long for the kernel."""
        socket = self.run / "asterisk.ctl"
        if len(bytes(socket)) > _SOCKET_PATH:
            raise BadInput(f"{socket}: longer than the {_SOCKET_PATH} bytes a socket may have; use a shorter --home")
        for folder in (self.etc, self.local, self.run, self.log, self.db, self.spool / "recording"):
            ensure_folder(folder)
        ensure_folder(self.spool / "monitor")
