"""After the calls: what auditors would ask for."""

from heedline.demo.export import OFFICER, heedline
from heedline.demo.stage import Stage


async def verify_all(stage: Stage) -> None:
    """Recordings and audit log prove themselves; who may not, does not; a flipped byte is found and named."""
    stage.begin("Proofs: recordings, audit log, access")
    proof = await heedline(stage, "recordings", "verify")
    sound = proof.out.count("  sound")
    stage.claim("every recording proves whole and unchanged", proof.status == 0 and sound > 0, f"{sound} recordings")
    audit = await heedline(stage, "audit", "verify")
    stage.claim("the audit log proves whole and in order", audit.status == 0, _last(audit.out or audit.error))
    recordings = sorted(stage.exports.glob("*.wav"))
    if not recordings:
        stage.claim("there is a recording to try it on", False)
        return
    name = recordings[0].stem
    target = stage.exports / "stranger.wav"
    stranger = await heedline(
        stage, "recordings", "export", name, str(target), "--as", "stranger", "--reason", "curious"
    )
    stage.claim("who has no role gets nothing", stranger.status != 0 and not target.exists(), _last(stranger.error))
    shown = await heedline(stage, "audit", "show")
    stage.claim("the exports are in the audit log, with who", OFFICER in shown.out)
    await _flip(stage, name)


async def _flip(stage: Stage, recording: str) -> None:
    """One byte of a sealed segment, changed and changed back."""
    segment = max((stage.world.home.vault / recording).rglob("*"), key=lambda file: file.stat().st_size)
    sound = segment.read_bytes()
    segment.write_bytes(sound[:-100] + bytes([sound[-100] ^ 1]) + sound[-99:])
    try:
        proof = await heedline(stage, "recordings", "verify", recording)
    finally:
        segment.write_bytes(sound)
    said = proof.out + proof.error
    stage.claim(
        "one flipped byte is found and named", proof.status != 0 and "segment 0" in said, _line(said, "segment 0")
    )


def _line(text: str, wanted: str) -> str:
    return next((line.strip() for line in text.splitlines() if wanted in line), "not named")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:100] if lines else ""
