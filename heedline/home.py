"""The home: the one folder that holds all Heedline keeps on a machine.

heedline.toml      settings, no secrets
secrets/           0700; one secret a file, 0600
tls/               the PBX's certificate and the CA the phones trust
ledger.sqlite3     the ledger (unless settings name a PostgreSQL)
ledger.made        says that there was one: a ledger that is gone is not made anew in silence
optouts.journal    opt-outs the ledger could not take yet; told to it at the next start
vault/             sealed segments
registry/          do-not-call lists of nations and states, sealed indexes
prompts/           rendered prompts, by content hash
rules.d/           overlays: the administrator's own rules upon the shipped ones
pbx/<instance>/    etc, run, log, db, spool of one Asterisk
run/               sockets and process ids
log/               what our processes say
backups/           made before a migration
"""

import os
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = "HEEDLINE_HOME"
DEFAULT = Path("var")


@dataclass(frozen=True)
class Home:
    path: Path

    @classmethod
    def find(cls, given: Path | None = None) -> "Home":
        """The folder given, else $HEEDLINE_HOME, else ./var; always absolute."""
        return cls((given or Path(os.environ.get(ENVIRONMENT) or DEFAULT)).resolve())

    @property
    def settings_file(self) -> Path:
        return self.path / "heedline.toml"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def tls(self) -> Path:
        return self.path / "tls"

    @property
    def database(self) -> Path:
        return self.path / "ledger.sqlite3"

    @property
    def ledger_made(self) -> Path:
        return self.path / "ledger.made"

    @property
    def optout_journal(self) -> Path:
        return self.path / "optouts.journal"

    @property
    def dialplan_optout_journal(self) -> Path:
        return self.path / "dialplan-optouts.journal"

    @property
    def vault(self) -> Path:
        return self.path / "vault"

    @property
    def registry(self) -> Path:
        return self.path / "registry"

    @property
    def prompts(self) -> Path:
        return self.path / "prompts"

    @property
    def rules(self) -> Path:
        return self.path / "rules.d"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def conductor_socket(self) -> Path:
        return self.run / "conductor.sock"

    @property
    def recorder_socket(self) -> Path:
        return self.run / "recorder.sock"

    def pbx(self, instance: str) -> Path:
        return self.path / "pbx" / instance
