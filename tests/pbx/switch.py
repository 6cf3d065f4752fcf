"""Real Asterisk instances for tests: each with a home, ports and an RTP range of its own."""

import random
import socket
from pathlib import Path

from heedline.demo.world import Ports
from heedline.home import Home
from heedline.initialise import initialise
from heedline.pbx import Instance
from heedline.settings import Phone, Settings

_taken: set[int] = set()


def free_port() -> int:
    """A port nobody listens on, below the range from which the kernel gives ports to clients."""
    while True:
        port = random.randrange(12000, 28000)
        if port in _taken:
            continue
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
        _taken.add(port)
        return port


def settings_for(name: str = "main", phones: tuple[Phone, ...] = (), **pbx: int | str) -> Settings:
    """Settings of one instance on free ports; keywords replace single keys of [pbx]."""
    start = free_port() & ~1
    ports: dict[str, int | str] = {key: free_port() for key in ("ari_port", "ami_port", "sip_tls_port", "sip_udp_port")}
    data = {"instance": name, "rtp_start": start, "rtp_end": start + 99, **ports, **pbx}
    return Settings.parse({"pbx": data, "phones": [phone.model_dump() for phone in phones]}, where="test")


def free_ports() -> Ports:
    """For a whole World; its RTP range lies above those of single instances."""
    return Ports(free_port(), free_port(), free_port(), random.randrange(28000, 32000, 2))


async def new_instance(home: Path, settings: Settings) -> Instance:
    """An initialised home with the instance of these settings, not started."""
    done = await initialise(Home(home), settings)
    return Instance(done.home, settings)
