"""Send by SMTP (RFC 5321), over TLS wherever it leaves the machine.

`smtplib` in a thread: a message now and then needs no connection pool, and the standard library's client is the one
with the most eyes on it.
"""

import asyncio
import hashlib
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

from compliance.errors import BadInput
from storage.consent.message import NotSent, Outgoing, checked_address, on_loopback

Tls = Literal["starttls", "tls", "none"]
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class SmtpSender:
    """`tls`: "starttls" (port 587), "tls" from the first byte (465), "none" on loopback only. The server's certificate
    must be good for its name. `password` is used when there is a user.

    Raises BadInput: no TLS off loopback, or a sender that is no address.
    """

    host: str
    port: int
    sender: str
    tls: Tls = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)
    transport: Literal["smtp"] = "smtp"

    def __post_init__(self) -> None:
        checked_address(self.sender)
        if self.tls == "none" and not on_loopback(self.host):
            raise BadInput("consent.smtp_tls: none is for a server on 127.0.0.1 only; use starttls or tls")

    async def send(self, outgoing: Outgoing) -> str:
        """SHA-256 (hex) of the message as the server took it. Raises NotSent."""
        message = self.message(outgoing)
        await asyncio.to_thread(self._send, message)
        return hashlib.sha256(message.as_bytes()).hexdigest()

    def message(self, outgoing: Outgoing) -> EmailMessage:
        """The same message has the same Message-ID whenever it is sent: mail programs fold a repetition."""
        message = EmailMessage(policy=SMTP)
        message["From"] = _address(self.sender)
        message["To"] = _address(outgoing.address)
        message["Subject"] = "".join(char for char in outgoing.subject() if char.isprintable())
        message["Message-ID"] = f"<{outgoing.id.lower()}@{self.sender.partition('@')[2]}>"
        message["Date"] = format_datetime(outgoing.made)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(outgoing.body())
        message["Content-Language"] = outgoing.language
        return message

    def _send(self, message: EmailMessage) -> None:
        context = self.context or ssl.create_default_context()
        try:
            server = self._connected(context)
            try:
                if self.tls == "starttls":
                    server.starttls(context=context)
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
                with suppress(smtplib.SMTPException, OSError):  # it has been taken; a rude goodbye changes nothing
                    server.quit()
            finally:
                server.close()  # no QUIT here: after a failed handshake nobody would answer it
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"SMTP server {self.host}: refused with {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent(f"SMTP server {self.host}: {type(error).__name__}") from None

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT_S, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)


def _address(text: str) -> Address:
    name, _, host = checked_address(text).partition("@")
    return Address(username=name, domain=host)
