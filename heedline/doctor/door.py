"""The AGI door, where it is switched on."""

import asyncio

from heedline.doctor.finding import Finding, ok, warn
from heedline.settings import Settings

_CONNECT_S = 2.0


async def dialplan_door(settings: Settings) -> list[Finding]:
    """Whether somebody listens there. Without it a dialplan's gate denies, so it is no more than a warning."""
    wanted = settings.agi
    if not wanted.port:
        return []
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(wanted.address, wanted.port)
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return [
            warn("AGI", f"nobody answers on port {wanted.port} ({why}): your dialplan's gate denies", "heedline serve")
        ]
    writer.close()
    return [ok("AGI", f"listens on {wanted.address}, port {wanted.port}")]
