"""Confirmation messages reach a real SMTP server and a real web server, and outlive a kill."""

import asyncio
import datetime as dt
import email
import email.policy
import hmac
import ipaddress
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from compliance.errors import BadInput
from storage.consent.message import Outgoing, checked_address, checked_url
from storage.consent.opt_in import Requested, confirm_by_token, request
from storage.consent.outbox import MOST_FAILURES, Round, Sender, enqueue, send_due
from storage.consent.smtp import SmtpSender
from storage.consent.tokens import OptInKeys
from storage.consent.webhook import SIGNATURE, WebhookSender, signature
from storage.consent.wording import Wording
from storage.database import Database
from tests.pbx.switch import free_port
from tests.storage.builders import CALLEE, OTHER
from tests.storage.test_consent_ledger import TEXT, grant, withdrawn

KEYS = OptInKeys(b"c" * 32)
PAGE = "https://acme.example/confirm?t={token}"
ANN = "ann@example.org"


@dataclass
class Mailbox:
    """What a real server takes. `port` of the plain one."""

    port: int = 0
    got: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    answer: str = "250 taken"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            content = envelope.original_content or b""
            self.got.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
            self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        return self.answer


def _serve(mailbox: Mailbox, **more: Any) -> Iterator[Mailbox]:
    mailbox.port = free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, **more)
    controller.start()
    yield mailbox
    controller.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    yield from _serve(Mailbox())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key, one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(dt.UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = built.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("tls") / "mail.pem"
    plain = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + plain)
    return file


@pytest.fixture
def tls_mailbox(certificate: Path) -> Iterator[Mailbox]:
    """A server that takes mail only after STARTTLS and a login."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any) -> AuthResult:
        return AuthResult(success=isinstance(data, LoginPassword) and data.password == b"opensesame", handled=False)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    yield from _serve(Mailbox(), tls_context=context, require_starttls=True, authenticator=check, auth_required=True)


def plain(mailbox: Mailbox) -> SmtpSender:
    return SmtpSender("127.0.0.1", mailbox.port, "consent@acme.example", "none")


async def asked(db: Database, now: datetime, transport: Any = "smtp", address: str = ANN, **more: Any) -> Requested:
    async with db.begin() as tx:
        made = await request(tx, KEYS, CALLEE, grant(now, **more), life=timedelta(hours=1), by="a", now=now)
        await enqueue(tx, KEYS, made.act.id, transport, address, now)
    return made


async def sent(db: Database, sender: Sender, now: datetime) -> Round:
    return await send_due(db, KEYS, sender, PAGE, lambda: now)


async def test_the_message_holds_link_code_and_the_exact_words_and_is_sent_once(
    db: Database, now: datetime, mailbox: Mailbox
) -> None:
    made = await asked(db, now, wording=replace(TEXT, language="de", text="Acme darf mich anrufen.\n.\nGrüße, 電話"))
    assert await sent(db, plain(mailbox), now) == Round(sent=1)
    assert await sent(db, plain(mailbox), now) == Round()
    (message,) = mailbox.got
    assert mailbox.envelopes == [("consent@acme.example", [ANN])]
    assert (message["To"], message["Subject"]) == (ANN, "Bitte bestätigen: Anrufe von Acme")
    body = message.get_content()
    for part in (PAGE.format(token=made.token), made.code, "Acme darf mich anrufen.\n.\nGrüße, 電話"):
        assert part in body.replace("\r\n", "\n")
    async with db.begin() as tx:
        await confirm_by_token(tx, KEYS, made.token, by="ann", now=now)


async def test_a_server_that_refuses_leaves_it_in_the_outbox_but_not_for_ever(
    db: Database, now: datetime, mailbox: Mailbox
) -> None:
    await asked(db, now)
    mailbox.answer = "451 later"
    done = await sent(db, plain(mailbox), now)
    assert (done.failed, done.trouble) == (1, "SMTP server 127.0.0.1: refused with 451")
    mailbox.answer = "250 taken"
    assert await sent(db, plain(mailbox), now) == Round(sent=1)

    await asked(db, now)
    mailbox.answer = "550 never"
    for _ in range(MOST_FAILURES):
        assert (await sent(db, plain(mailbox), now)).failed == 1
    assert await sent(db, plain(mailbox), now) == Round()


@pytest.mark.parametrize("what", ["withdrawn", "confirmed", "expired"])
async def test_what_is_over_is_not_sent(db: Database, now: datetime, mailbox: Mailbox, what: str) -> None:
    made = await asked(db, now)
    if what == "withdrawn":
        await withdrawn(db, now)
    elif what == "confirmed":
        async with db.begin() as tx:
            await confirm_by_token(tx, KEYS, made.token, by="ann", now=now)
    later = now + timedelta(hours=1) if what == "expired" else now
    assert await sent(db, plain(mailbox), later) == Round()
    assert mailbox.got == []


async def test_a_request_sends_its_own_message_and_uses_up_nobodys_tries(
    db: Database, now: datetime, mailbox: Mailbox
) -> None:
    async with db.begin() as tx:
        first = await request(tx, KEYS, CALLEE, grant(now), life=timedelta(hours=1), by="a", now=now)
        await enqueue(tx, KEYS, first.act.id, "smtp", ANN, now)
        second = await request(tx, KEYS, CALLEE, grant(now), life=timedelta(hours=1), by="a", now=now)
        own = await enqueue(tx, KEYS, second.act.id, "smtp", "bob@example.org", now)
    for expected in (Round(sent=1), Round()):
        assert await send_due(db, KEYS, plain(mailbox), PAGE, lambda: now, only=own) == expected
    assert [recipients for _, recipients in mailbox.envelopes] == [["bob@example.org"]]


async def test_who_withdraws_while_others_are_sent_to_gets_no_message(db: Database, now: datetime) -> None:
    class Slow:
        """A server that takes its time; meanwhile the person withdraws."""

        transport = "smtp"
        sent = 0

        async def send(self, outgoing: Outgoing) -> str:
            self.sent += 1
            await withdrawn(db, now)
            return "0" * 64

    for _ in range(3):
        await asked(db, now)
    slow = Slow()
    assert await send_due(db, KEYS, slow, PAGE, lambda: now) == Round(sent=1)
    assert slow.sent == 1


async def test_an_address_that_does_not_open_holds_up_no_other_message(
    db: Database, now: datetime, mailbox: Mailbox
) -> None:
    async with db.begin() as tx:
        made = await request(tx, KEYS, OTHER, grant(now), life=timedelta(hours=1), by="cli:ann", now=now)
        await enqueue(tx, OptInKeys(b"o" * 32), made.act.id, "smtp", "callee@example.org", now)
    await asked(db, now)
    done = await sent(db, plain(mailbox), now)
    assert (done.sent, done.failed) == (1, 1)
    assert "consent.key" in done.trouble
    assert "example.org" not in done.trouble


KILLED = """
import asyncio, os, signal, sys
from datetime import UTC, datetime
from storage.consent.outbox import send_due
from storage.consent.tokens import OptInKeys
from storage.database import Database
from storage.numbers import NumberKeys

class Dies:
    transport = "smtp"
    async def send(self, outgoing):
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    db = await Database.open(sys.argv[1], NumberKeys(b"l" * 32, b"s" * 32))
    now = datetime.fromisoformat(sys.argv[2])
    await send_due(db, OptInKeys(b"c" * 32), Dies(), "", lambda: now)

asyncio.run(main())
"""


async def test_a_kill_between_commit_and_sending_loses_no_message(
    db: Database, ledger_file: Path, now: datetime, mailbox: Mailbox
) -> None:
    made = await asked(db, now)
    url = f"sqlite+aiosqlite:///{ledger_file}"
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, url, now.isoformat()])
    assert killed.returncode == -signal.SIGKILL
    assert await sent(db, plain(mailbox), now) == Round(sent=1)
    assert made.code in mailbox.got[0].get_content()


async def test_a_kill_after_sending_sends_the_same_once_more(
    db: Database, now: datetime, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked(db, now)

    with monkeypatch.context() as patch:
        patch.setattr(SmtpSender, "send", _then_lost(SmtpSender.send))
        with pytest.raises(asyncio.CancelledError):
            await sent(db, plain(mailbox), now)
    assert await sent(db, plain(mailbox), now) == Round(sent=1)
    first, second = mailbox.got
    assert first["Message-ID"] == second["Message-ID"]
    assert first.get_content() == second.get_content()


def _then_lost(send: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    async def sends(*arguments: object) -> str:
        await send(*arguments)
        raise asyncio.CancelledError  # the process ends before the delivery is written

    return sends


async def test_mail_leaves_the_machine_only_over_tls_to_a_server_with_a_good_certificate(
    db: Database, now: datetime, tls_mailbox: Mailbox, certificate: Path
) -> None:
    await asked(db, now)
    trusting = ssl.create_default_context(cafile=str(certificate))
    good = SmtpSender("127.0.0.1", tls_mailbox.port, "consent@acme.example", "starttls", "acme", "opensesame", trusting)
    for bad in (replace(good, context=None), replace(good, password="sesame"), replace(good, tls="none")):
        assert (await sent(db, bad, now)).failed == 1
    assert tls_mailbox.got == []
    assert await sent(db, good, now) == Round(sent=1)
    assert "opensesame" not in repr(good)
    with pytest.raises(BadInput, match="smtp_tls"):
        SmtpSender("mail.example.org", 25, "consent@acme.example", "none")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@localhost",
        "ann@example.org\nBcc: all@example.org",
        "ann@example.org\r\n",
        "ann@example.org, bob@example.org",
        "ann <ann@example.org>",
        '"ann\\n"@example.org',
        "änn@example.org",
        "a" * 65 + "@example.org",
        "ann@" + "e" * 250 + ".org",
    ],
)
def test_an_address_that_could_be_more_than_one_is_refused(address: str) -> None:
    with pytest.raises(BadInput) as caught:
        checked_address(address)
    assert "bob" not in str(caught.value)


async def test_nothing_that_a_seller_is_called_becomes_a_header(now: datetime, mailbox: Mailbox) -> None:
    outgoing = Outgoing(
        "01M7", "c", ANN, "Acme\r\nBcc: all@example.org\x85{code}", "survey", None, "", "12345678", now, now
    )
    await plain(mailbox).send(outgoing)
    (message,) = mailbox.got
    assert message["Bcc"] is None
    assert message["Subject"] == "Please confirm: calls from AcmeBcc: all@example.org{code}"
    assert mailbox.envelopes[0][1] == [ANN]


@dataclass
class Hook:
    """A real web server that answers as it is told."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        if status == 0:
            await asyncio.sleep(5)
        return web.Response(status=status or 204, headers={"Location": "/elsewhere"} if status == 302 else None)


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/hook", found.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


async def test_a_webhook_gets_a_signed_body_with_the_same_id_every_time(
    db: Database, now: datetime, hook: Hook
) -> None:
    made = await asked(db, now, "webhook")
    hook.answers = [503, 429]
    assert await sent(db, WebhookSender(hook.url, b"k" * 32, 0.001), now) == Round(sent=1)
    assert len(hook.got) == 3
    assert len({headers["Idempotency-Key"] for headers, _ in hook.got}) == 1
    headers, body = hook.got[-1]
    said = json.loads(body)
    assert (said["address"], said["code"], said["link"]) == (ANN, made.code, PAGE.format(token=made.token))
    at, value = (part.partition("=")[2] for part in headers[SIGNATURE].split(","))
    assert hmac.compare_digest(hmac.digest(b"k" * 32, f"{at}.".encode() + body, "sha256").hex(), value)
    assert signature(b"k" * 32, int(at), body) == headers[SIGNATURE]


@pytest.mark.parametrize(
    ("answers", "calls", "trouble"),
    [([400], 1, "answered 400"), ([302], 1, "answered 302"), ([500] * 9, 3, "answered 500"), ([0] * 3, 3, "Timeout")],
)
async def test_a_webhook_that_says_no_is_not_asked_for_ever(
    db: Database, now: datetime, hook: Hook, answers: list[int], calls: int, trouble: str
) -> None:
    await asked(db, now, "webhook")
    hook.answers = list(answers)
    done = await sent(db, WebhookSender(hook.url, b"k" * 32, 0.001, 0.2), now)
    assert (done.failed, len(hook.got)) == (1, calls)
    assert trouble in done.trouble


async def test_nobody_there_is_said_without_address_or_token(db: Database, now: datetime) -> None:
    await asked(db, now, "webhook")
    done = await sent(db, WebhookSender("http://127.0.0.1:9/", b"k" * 32, 0.001), now)
    assert done.failed == 1
    assert ANN not in done.trouble


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.example",
        "http://acme.example/x",
        "ftp://a.example/",
        "https://",
        "https://u:p@a.example/",
        "http://[x/",
    ],
)
def test_a_url_that_would_show_a_token_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        checked_url(url, "consent.webhook_url")


async def test_a_language_nobody_has_written_for_gets_english(now: datetime, mailbox: Mailbox) -> None:
    outgoing = Outgoing("m", "c", ANN, "Acme", "survey", Wording("ta", "1", "ஆம்"), "", "12345678", now, now)
    digest = await plain(mailbox).send(outgoing)
    assert mailbox.got[0]["Content-Language"] == "en"
    assert "ஆம்" in mailbox.got[0].get_content()
    assert len(digest) == 64
