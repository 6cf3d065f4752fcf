"""A bare SIP user agent for tests: says exactly what it is told, over UDP or TLS, and reads what comes back."""

import hashlib
import re
import secrets
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """One SIP answer."""

    status: int
    text: str

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}:[ \t]*(.*?)\r$", self.text, re.IGNORECASE | re.MULTILINE)
        return found[1] if found else ""


class SipLine:
    """One connection to the PBX. `ca` given: TLS, checked against it."""

    def __init__(self, port: int, ca: Path | None = None) -> None:
        self.port = port
        self.transport = "TLS" if ca else "UDP"
        kind = socket.SOCK_STREAM if ca else socket.SOCK_DGRAM
        plain = socket.socket(socket.AF_INET, kind)
        plain.settimeout(5)
        plain.connect(("127.0.0.1", port))
        self.socket = (
            ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname="127.0.0.1") if ca else plain
        )
        self.local = self.socket.getsockname()[1]

    def close(self) -> None:
        self.socket.close()

    def send(
        self,
        method: str,
        target: str,
        user: str,
        *,
        body: str = "",
        call: str = "",
        sequence: int = 1,
        headers: str = "",
        to: str = "",
    ) -> str:
        """Send one request; the Call-ID it used."""
        call = call or secrets.token_hex(8)
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.socket.sendall(
            (
                f"{method} {target} SIP/2.0\r\n"
                f"Via: SIP/2.0/{self.transport} 127.0.0.1:{self.local};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n"
                f"From: <sip:{user}@127.0.0.1>;tag=t{call}\r\n"
                f"To: {to or f'<{target}>'}\r\n"
                f"Call-ID: {call}\r\nCSeq: {sequence} {method}\r\n"
                f"Contact: <sip:{user}@127.0.0.1:{self.local};transport={self.transport.lower()}>\r\n"
                f"Max-Forwards: 70\r\n{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
        return call

    def answer(self) -> Answer:
        """The next final or provisional answer other than 100."""
        while True:
            text = self.socket.recv(16384).decode()
            status = re.match(r"SIP/2\.0 (\d{3}) ", text)
            if status and status[1] != "100":
                return Answer(int(status[1]), text)

    def ask(self, method: str, target: str, user: str, password: str | None = None, *, body: str = "") -> Answer:
        """Send, answer the challenge with `password` if one is given, and return the last answer."""
        to = f"<sip:{user}@127.0.0.1>" if method == "REGISTER" else ""  # its own address of record
        call = self.send(method, target, user, body=body, to=to)
        first = self.answer()
        if first.status != 401 or password is None:
            return first
        if method == "INVITE":
            self.acknowledge(first, target, user, call, 1)
        self.send(
            method,
            target,
            user,
            body=body,
            call=call,
            sequence=2,
            to=to,
            headers=f"Authorization: {_digest(first.header('WWW-Authenticate'), method, target, user, password)}\r\n",
        )
        last = self.answer()
        while last.status < 200:
            last = self.answer()
        if method == "INVITE":
            self.acknowledge(last, target, user, call, 2)
        return last

    def acknowledge(self, answer: Answer, target: str, user: str, call: str, sequence: int) -> None:
        via = answer.header("Via")
        self.socket.sendall(
            (
                f"ACK {target} SIP/2.0\r\nVia: {via}\r\nFrom: <sip:{user}@127.0.0.1>;tag=t{call}\r\n"
                f"To: {answer.header('To')}\r\nCall-ID: {call}\r\nCSeq: {sequence} ACK\r\n"
                "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode()
        )


def offer(port: int, *, encrypted: bool) -> str:
    """An SDP offer of G.711, with an SDES key or in the clear."""
    profile = "RTP/SAVP" if encrypted else "RTP/AVP"
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n" if encrypted else ""
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} {profile} 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        f"{key}a=sendrecv\r\n"
    )


def _digest(challenge: str, method: str, target: str, user: str, password: str) -> str:
    """RFC 8760 digest with MD5 and qop=auth, which is what the PBX offers."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    client = secrets.token_hex(8)
    one = _md5(f"{user}:{given['realm']}:{password}")
    two = _md5(f"{method}:{target}")
    response = _md5(f"{one}:{given['nonce']}:00000001:{client}:auth:{two}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{target}", '
        f'response="{response}", algorithm=MD5, cnonce="{client}", qop=auth, nc=00000001, opaque="{given["opaque"]}"'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
