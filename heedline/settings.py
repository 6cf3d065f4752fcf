"""Settings: `heedline.toml` in the home, read strictly.

An unknown key, a wrong type or a value out of range is refused with the file and the key; nothing is guessed.
Secrets never stand here: they are files of mode 0600 in `secrets/` (see `heedline.secrets`).
"""

import ipaddress
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from compliance.errors import BadInput

Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
Region = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Pbx(_Strict):
    """One Asterisk instance. ARI and AMI listen on loopback only."""

    instance: Name = "main"
    ari_port: Port = 8088
    ami_port: Port = 5038
    sip_tls_port: Port = 5061
    sip_udp_port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: no UDP; phones use TLS and SRTP
    sip_address: str = "127.0.0.1"
    rtp_start: Annotated[int, Field(ge=1024, le=65534)] = 20000
    rtp_end: Annotated[int, Field(ge=1025, le=65535)] = 20999

    @model_validator(mode="after")
    def _range(self) -> "Pbx":
        if self.rtp_end <= self.rtp_start:
            raise ValueError("rtp_end must lie above rtp_start")
        return self


class Recording(_Strict):
    spool: str = ""  # empty: a tmpfs of its own under /dev/shm
    spool_megabytes: Annotated[int, Field(ge=1, le=65536)] = 256
    segment_minutes: Annotated[int, Field(ge=1, le=720)] = 15
    retention_class: Name = "standard"
    retention_days: Annotated[int, Field(ge=1, le=36500)] = 1825  # 16 CFR 310.5: five years


class Call(_Strict):
    agent_ring_seconds: Annotated[int, Field(ge=3, le=120)] = 20
    agent_region: Region = "US"
    storage_region: Region = "US"
    seller_region: Region = "US"
    default_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "US"  # of numbers dialled without +
    manual_campaign: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_-]{0,30})?$")] = ""  # empty: none from a phone


class Consent(_Strict):
    """How a person is asked to confirm a consent (double opt-in)."""

    transport: Literal["", "smtp", "webhook"] = ""  # empty: nothing is sent, `heedline consent request` prints the code
    confirm_url: str = ""  # the page behind the link, with {token} in it; empty: codes only
    valid_hours: Annotated[int, Field(ge=1, le=720)] = 48
    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 587
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""  # its password: secrets/smtp.password
    smtp_sender: str = ""
    webhook_url: str = ""


class Agi(_Strict):
    """FastAGI for a dialplan of one's own. It has no passwords: who reaches it is obeyed."""

    port: Annotated[int, Field(ge=0, le=65535)] = 0  # 0: off; Asterisk's default is 4573
    address: str = "127.0.0.1"
    peers: tuple[str, ...] = ()  # addresses of the PBX, where it is on another machine

    @model_validator(mode="after")
    def _reached_by_few(self) -> "Agi":
        try:
            here = ipaddress.ip_address(self.address)
            for peer in self.peers:
                ipaddress.ip_address(peer)
        except ValueError as error:
            raise ValueError(f"address and peers are IP addresses: {error}") from None
        if not here.is_loopback and not self.peers:
            raise ValueError("FastAGI has no passwords: off loopback, peers must name the addresses that may ask")
        return self


class Phone(_Strict):
    """A SIP phone that registers with this PBX; its password is `secrets/phone-<name>`."""

    name: Name
    transport: Literal["tls", "udp"] = "tls"
    role: Literal["agent", "far_end"] = "agent"


class Route(_Strict):
    """Numbers that begin with `prefix` are dialled at `endpoint`; `{number}` stands for the E.164 number."""

    prefix: Annotated[str, Field(pattern=r"^\+[0-9]{0,14}$")]
    endpoint: Annotated[str, Field(pattern=r"^PJSIP/[A-Za-z0-9_{}@.:/+-]{1,120}$")]


class Settings(_Strict):
    tenant: Name = "main"
    node: Name = "node1"
    database_url: str = ""  # empty: SQLite in the home
    pbx: Pbx = Pbx()
    recording: Recording = Recording()
    call: Call = Call()
    agi: Agi = Agi()
    consent: Consent = Consent()
    phones: tuple[Phone, ...] = ()
    routes: tuple[Route, ...] = ()

    @classmethod
    def load(cls, file: Path) -> "Settings":
        """Read the file.

        Raises BadInput: the file is missing, is not TOML, or a key is unknown, missing or out of range.
        """
        try:
            with file.open("rb") as stream:
                data = tomllib.load(stream)
        except FileNotFoundError:
            raise BadInput(f"{file}: not there; run `heedline init` first") from None
        except OSError as error:
            raise BadInput(f"{file}: can't be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"{file}: {error}") from None
        return cls.parse(data, where=str(file))

    @classmethod
    def parse(cls, data: dict[str, object], where: str) -> "Settings":
        try:
            # As JSON, whose lists may become our tuples while nothing else is converted: "8088" is no port.
            return cls.model_validate_json(json.dumps(data, default=str))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "settings"
            raise BadInput(f"{where}: {key}: {first['msg']}") from None
