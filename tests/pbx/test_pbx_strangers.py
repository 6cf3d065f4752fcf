"""Who has no password gets nowhere, and learns nothing: raw sockets against a real Asterisk."""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import encode_basic_auth

from heedline.pbx import ARI_USER, Instance
from heedline.secrets import read_password
from heedline.settings import Phone
from tests.pbx.sip import Answer, SipLine, offer
from tests.pbx.switch import free_port, new_instance, settings_for

pytestmark = pytest.mark.pbx

METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH", "NOTIFY", "INFO", "UPDATE")
PHONES = (Phone(name="alice"), Phone(name="callee", role="far_end", transport="udp"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pbx(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Instance]:
    instance = await new_instance(tmp_path_factory.mktemp("strangers"), settings_for(phones=PHONES))
    await instance.up()
    yield instance
    await instance.down()


@pytest.fixture(params=["udp", "tls"])
def line(pbx: Instance, request: pytest.FixtureRequest) -> Iterator[SipLine]:
    wanted = pbx.settings.pbx
    opened = (
        SipLine(wanted.sip_udp_port)
        if request.param == "udp"
        else SipLine(wanted.sip_tls_port, pbx.home.tls / "ca.pem")
    )
    yield opened
    opened.close()


def without_the_random(answer: Answer) -> str:
    """The answer less what differs between any two: nonce, opaque, branch, tag, call id, name asked for."""
    text = re.sub(r'(nonce|opaque)="[^"]*"', r"\1", answer.text)
    text = re.sub(r"(branch|tag|rport)=[^;\s>]+", r"\1", text)
    text = re.sub(r"Call-ID: .*", "Call-ID", text)
    return re.sub(r"sip:[a-z]+@", "sip:who@", text)


@pytest.mark.parametrize("method", METHODS)
async def test_an_anonymous_request_gets_401_whatever_it_asks(pbx: Instance, line: SipLine, method: str) -> None:
    for user in ("anonymous", "mallory", "alice", "callee"):
        answer = line.ask(method, "sip:+15550100123@127.0.0.1", user)
        # Out of a dialogue, a method that needs one is answered 481, before anyone is looked up.
        assert answer.status in (401, 481), (user, answer.text)
        assert answer.status == 401 or method in ("INFO", "UPDATE")
    assert await calls(pbx) == []


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(line: SipLine) -> None:
    known = "callee" if line.transport == "UDP" else "alice"
    for method in ("REGISTER", "INVITE"):
        wrong = line.ask(method, "sip:+15550100123@127.0.0.1", known, "wrong")
        unknown = line.ask(method, "sip:+15550100123@127.0.0.1", "mallory", "wrong")
        assert wrong.status == unknown.status == 401
        assert without_the_random(wrong) == without_the_random(unknown)


async def test_one_phones_password_does_not_open_anothers_name(pbx: Instance, line: SipLine) -> None:
    password = read_password(pbx.home, "phone-alice.password")
    assert line.ask("REGISTER", "sip:127.0.0.1", "callee", password).status == 401


async def test_the_right_password_registers(pbx: Instance, line: SipLine) -> None:
    known = "callee" if line.transport == "UDP" else "alice"
    password = read_password(pbx.home, f"phone-{known}.password")
    assert line.ask("REGISTER", "sip:127.0.0.1", known, password).status == 200


async def test_a_tls_phone_without_srtp_is_refused(pbx: Instance) -> None:
    line = SipLine(pbx.settings.pbx.sip_tls_port, pbx.home.tls / "ca.pem")
    password = read_password(pbx.home, "phone-alice.password")
    answer = line.ask(
        "INVITE", "sip:+15550100123@127.0.0.1", "alice", password, body=offer(free_port(), encrypted=False)
    )
    assert answer.status == 488, answer.text
    line.close()


async def test_the_tls_port_speaks_tls_1_2_and_1_3_and_nothing_older(pbx: Instance) -> None:
    port = pbx.settings.pbx.sip_tls_port
    for version, works in (
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ):
        context = ssl.create_default_context(cafile=str(pbx.home.tls / "ca.pem"))
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            if works:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
                    assert secure.version() == version.name.replace("_", ".").replace("TLSv", "TLSv")
            else:
                with pytest.raises(OSError):  # noqa: PT011  an SSLError or a closed connection, as OpenSSL likes
                    context.wrap_socket(plain, server_hostname="127.0.0.1")


async def test_rubbish_on_the_sip_ports_changes_nothing(pbx: Instance) -> None:
    rubbish = (
        b"\0" * 2000,
        b"\r\n" * 500,
        b"INVITE sip:x SIP/2.0\r\nContent-Length: 99999999\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    )
    for data in rubbish:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(data[:1400], ("127.0.0.1", pbx.settings.pbx.sip_udp_port))
        line = SipLine(pbx.settings.pbx.sip_tls_port, pbx.home.tls / "ca.pem")
        line.socket.sendall(data)
        line.close()
    assert (await pbx.status()).healthy
    assert await calls(pbx) == []


@pytest.mark.parametrize("path", ["asterisk/info", "channels", "endpoints", "api-docs/resources.json", "events?app=x"])
async def test_ari_without_the_password_is_401(pbx: Instance, path: str) -> None:
    for headers in ({}, {"Authorization": encode_basic_auth(ARI_USER, "wrong")}, {"Authorization": "Basic %%%"}):
        async with aiohttp.ClientSession() as session, session.get(f"{pbx.ari_url}/{path}", headers=headers) as answer:
            assert answer.status == 401, path


@pytest.mark.parametrize("path", ["", "static/", "httpstatus", "manager", "rawman", "mxml", "metrics", "phoneprov/"])
async def test_the_http_port_serves_ari_and_nothing_else(pbx: Instance, path: str) -> None:
    url = f"http://127.0.0.1:{pbx.settings.pbx.ari_port}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404
        assert "Asterisk" not in answer.headers.get("Server", "")


def ami(pbx: Instance, *actions: str, login: bool = True) -> list[str]:
    """What AMI answers to each action, after logging in with our user."""
    first = f"Action: Login\r\nUsername: heedline\r\nSecret: {pbx.ami_password}\r\nEvents: off\r\n\r\n" if login else ""
    answers = []
    with socket.create_connection(("127.0.0.1", pbx.ami_port), timeout=5) as plain, plain.makefile("rb") as stream:
        stream.readline()
        for number, action in enumerate(([first] if first else []) + [f"{action}\r\n\r\n" for action in actions]):
            plain.sendall(action.replace("\r\n", f"\r\nActionID: {number}\r\n", 1).encode())
            block = b""
            while f"ActionID: {number}\r\n".encode() not in block or not block.endswith(b"\r\n\r\n"):
                got = stream.readline()
                if not got:
                    break
                block = got if block.endswith(b"\r\n\r\n") else block + got
            answers.append(block.decode())
    return answers


async def test_the_ami_user_can_record_and_list_and_nothing_that_calls_or_changes_configuration(pbx: Instance) -> None:
    refused = (
        "Originate\r\nChannel: Local/1@x\r\nApplication: NoOp",
        "Command\r\nCommand: core show version",
        "Redirect\r\nChannel: x\r\nContext: from-phones\r\nExten: 100\r\nPriority: 1",
        "Setvar\r\nVariable: X\r\nValue: 1",
        "UpdateConfig\r\nSrcFilename: pjsip.conf\r\nDstFilename: pjsip.conf",
    )
    login, *answers = ami(pbx, *(f"Action: {action}" for action in refused))
    assert "Response: Success" in login
    for action, answer in zip(refused, answers, strict=True):
        assert "Permission denied" in answer or "Invalid/unknown command" in answer, (action, answer)
    channel = "\r\nChannel: PJSIP/none-00000000"
    _, start, mute, stop, contacts = ami(
        pbx,
        f"Action: MixMonitor{channel}\r\nFile: /dev/null",
        f"Action: MixMonitorMute{channel}\r\nDirection: both\r\nState: 1",
        f"Action: StopMixMonitor{channel}",
        "Action: PJSIPShowContacts",
    )
    for answer in (start, mute, stop):
        assert "No such channel" in answer or "not found" in answer.lower(), answer
    assert "Permission denied" not in contacts


async def test_a_wrong_ami_password_is_refused(pbx: Instance) -> None:
    (answer,) = ami(pbx, "Action: Login\r\nUsername: heedline\r\nSecret: wrong", login=False)
    assert "Authentication failed" in answer


async def calls(pbx: Instance) -> list[object]:
    """The channels Asterisk has now."""
    headers = {"Authorization": encode_basic_auth(ARI_USER, pbx.ari_password)}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{pbx.ari_url}/channels") as answer:
        found: list[object] = await answer.json()
        return found


async def test_no_security_log_holds_a_telephone_number(pbx: Instance, tmp_path: Path) -> None:
    line = SipLine(pbx.settings.pbx.sip_udp_port)
    line.ask("INVITE", "sip:+15550100777@127.0.0.1", "mallory")
    line.close()
    for file in pbx.layout.log.iterdir():
        assert "5550100777" not in file.read_text(errors="replace"), file
