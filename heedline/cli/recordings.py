"""`heedline recordings`: what was recorded; played and exported for whom the rules allow, verified by anybody."""

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from compliance.errors import BadInput, HeedlineError
from heedline import custody
from heedline.cli.ledger import PrincipalOption, ReasonOption, on_ledger, print_pairs, print_table, when
from heedline.cli.options import HomeOption, JsonOption, checked_id, home_of, new_file, print_json
from storage.database import Database
from storage.governance.access import Action
from storage.ids import is_id
from storage.ledger.recordings import Recording, Segment, Wrap
from storage.vault.blobs import FolderBlobs
from storage.vault.custodian import Custodian, OpenRecording
from storage.vault.errors import VaultError
from storage.vault.export import AudioFormat, stretch_of, to_file, to_player
from storage.vault.inspection import inspect
from storage.vault.manifest import Manifest, parse
from storage.vault.verify import Proof, verify

app = typer.Typer(name="recordings", help="Recorded calls: list, play, export, verify.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="RECORDING", help="The recording's id.")]
FromOption = Annotated[float | None, typer.Option("--from", min=0, help="Second to begin at.")]
ToOption = Annotated[float | None, typer.Option("--to", min=0, help="Second to end at.")]

# (program, arguments that make it play WAV from its stdin)
_PLAYERS = (
    ("aplay", ("-q", "-")),
    ("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error", "-i", "-")),
    ("play", ("-q", "-t", "wav", "-")),
)


class Unsound(HeedlineError):
    """A recording is not as it was sealed."""


def _checked(recording: str) -> str:
    return checked_id(recording, "recording", "heedline recordings list")


def _seconds(recording: Recording) -> float | None:
    return None if recording.manifest is None else parse(recording.manifest, recording.id).seconds


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    before: Annotated[str | None, typer.Option("--before", help="Go on after this id.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List recordings, the newest first."""

    async def work(db: Database) -> list[Recording]:
        async with db.read() as tx:
            return await tx.recordings.list(limit, None if before is None else _checked(before))

    found = on_ledger(home, work)
    if json:
        print_json({"recordings": [_as_json(recording) for recording in found]})
        return
    rows = [
        (r.id, when(r.started), _length(r), r.state.value + (", after a crash" if r.crashed else ""), r.attempt_id)
        for r in found
    ]
    print_table(("recording", "started", "length", "state", "attempt"), rows, "no recordings yet")


def _length(recording: Recording) -> str:
    seconds = _seconds(recording)
    return "" if seconds is None else f"{seconds:.2f} s"


@app.command()
def show(recording: IdArgument, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one recording: its segments, pauses, gaps, and to which keys it is sealed."""

    async def work(db: Database) -> tuple[Recording, list[Segment], list[Wrap]]:
        async with db.read() as tx:
            found = await tx.recordings.get(_checked(recording))
            return found, list(await tx.recordings.segments(found.id)), await tx.wraps.of(found.id)

    found, segments, wraps = on_ledger(home, work)
    manifest = None if found.manifest is None else parse(found.manifest, found.id)
    if json:
        listed = [{"number": s.number, "state": s.state.value, "bytes": s.size} for s in segments]
        held = [{"segment": w.segment, "kek": w.kek_id, "algorithm": w.algorithm} for w in wraps]
        print_json({**_as_json(found), **_details(manifest), "segments": listed, "wrapped_keys": held})
        return
    print_pairs(
        [
            ("recording", found.id),
            ("attempt", found.attempt_id),
            ("state", found.state.value),
            ("started", when(found.started)),
            ("sealed", when(found.sealed)),
            ("length", _length(found)),
            ("retention", f"{found.retention_class}, until {when(found.keep_until)}"),
            ("after a crash", "yes" if found.crashed else "no"),
            ("end", found.reason),
        ]
    )
    keks = {w.segment: w.kek_id for w in wraps}
    rows = [(s.number, s.state.value, s.size, when(s.started), keks.get(s.number, "erased")) for s in segments]
    print_table(("segment", "state", "bytes", "started", "KEK"), rows, "no segments")
    for name, spans in _details(manifest).items():
        for span in spans:
            Console().print(f"{name.removesuffix('s')}: {span}", markup=False, highlight=False)


def _details(manifest: Manifest | None) -> dict[str, list[dict[str, object]]]:
    if manifest is None:
        return {"pauses": [], "gaps": []}
    pauses: list[dict[str, object]] = [
        {"from": _offset(manifest, span.from_us), "to": _offset(manifest, span.to_us)} for span in manifest.pauses
    ]
    gaps: list[dict[str, object]] = [
        {"kind": gap.kind.value, "from": _offset(manifest, gap.from_us), "to": _offset(manifest, gap.to_us)}
        for gap in manifest.gaps
    ]
    return {"pauses": pauses, "gaps": gaps}


def _offset(manifest: Manifest, at_us: int | None) -> float | None:
    """Seconds since the recording began."""
    return None if at_us is None else round((at_us - manifest.started_us) / 1e6, 3)


def _as_json(recording: Recording) -> dict[str, object]:
    return {
        "recording": recording.id,
        "attempt": recording.attempt_id,
        "state": recording.state.value,
        "started": recording.started.isoformat(),
        "sealed": None if recording.sealed is None else recording.sealed.isoformat(),
        "seconds": _seconds(recording),
        "rate": recording.rate,
        "crashed": recording.crashed,
        "reason": recording.reason,
        "retention_class": recording.retention_class,
    }


async def _open(db: Database, home: Path | None, recording: str, action: Action, who: str, why: str) -> OpenRecording:
    found = home_of(home)
    custodian = Custodian(db, FolderBlobs(found.vault), custody.key_provider(found), custody.trusted(found))
    return await custodian.open(_checked(recording), action, principal=who, reason=why, at=datetime.now(UTC))


@app.command()
def export(
    recording: IdArgument,
    output: Annotated[Path, typer.Argument(metavar="FILE", help="A new file: .wav, .flac, .opus or .ogg.")],
    principal: PrincipalOption,
    reason: ReasonOption,
    start: FromOption = None,
    end: ToOption = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a recording to a new file: left the callee, right what the callee heard."""
    suffix = output.suffix.lower().removeprefix(".").replace("ogg", "opus")
    if suffix not in {kind.value for kind in AudioFormat}:
        raise BadInput(f"{output.name}: a name ends in .wav, .flac, .opus or .ogg")
    new_file(output)

    async def work(db: Database) -> dict[str, object]:
        with await _open(db, home, recording, Action.EXPORT_RECORDING, principal, reason) as opened:
            stretch = stretch_of(opened, start, end)
            size = to_file(opened, stretch, output, AudioFormat(suffix))
            seconds = (stretch.last - stretch.first) / opened.manifest.rate
            return {"recording": recording, "file": str(output), "bytes": size, "seconds": seconds}

    done = on_ledger(home, work)
    if json:
        print_json(done)
    else:
        Console().print(f"{output}: {done['seconds']:.2f} s, {done['bytes']} bytes", markup=False, highlight=False)


@app.command()
def play(
    recording: IdArgument,
    principal: PrincipalOption,
    reason: ReasonOption,
    start: FromOption = None,
    end: ToOption = None,
    home: HomeOption = None,
) -> None:
    """Play a recording through aplay, ffplay or sox. Nothing is written to a disk."""
    command = next(([found, *args] for name, args in _PLAYERS if (found := shutil.which(name))), None)
    if command is None:
        raise VaultError("no player here (aplay, ffplay or sox); install one, or use `heedline recordings export`")

    async def work(db: Database) -> OpenRecording:
        return await _open(db, home, recording, Action.PLAY_RECORDING, principal, reason)

    with on_ledger(home, work) as opened:
        stretch = stretch_of(opened, start, end)
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as player:
            if player.stdin is not None:
                to_player(opened, stretch, player.stdin)
            status = player.wait()
    if status:
        raise VaultError(f"{command[0]} could not play it; is there a sound device? Else export it")


@app.command("verify")
def verify_(
    recording: Annotated[str | None, typer.Argument(metavar="RECORDING", help="Left out: all of them.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="A copy of a vault; no database is used then.")
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option("--key", help="A node's public key file (trusted/NAME.pub); may repeat.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Prove recordings whole and unchanged from manifests, public keys and ciphertext, and that none is missing."""
    wanted = None if recording is None else _checked(recording)
    if folder is not None:
        proofs = _verify_folder(folder, key or [], wanted, home)
    else:
        proofs = _verify_home(home, key or [], wanted)
    if json:
        print_json({"sound": all(proof.sound for proof in proofs), "recordings": [_proof(p) for p in proofs]})
    else:
        for proof in proofs:
            _say(proof)
        if not proofs:
            Console().print("no recordings yet")
    broken = [proof.recording for proof in proofs if not proof.sound]
    if broken:
        raise Unsound(f"{len(broken)} of {len(proofs)} recordings are not as they were sealed: {broken[0]} …")


def _verify_folder(folder: Path, key: list[Path], wanted: str | None, home: Path | None) -> list[Proof]:
    if not folder.is_dir():
        raise BadInput(f"{folder}: not a folder; give a copy of a vault")
    found = home_of(home)
    trusted = custody.trusted(found, key)
    names = [wanted] if wanted else sorted(entry.name for entry in folder.iterdir() if is_id(entry.name))
    if not names:
        raise BadInput(f"{folder}: no recording in it; give a copy of a vault")
    return [verify(name, FolderBlobs(folder), trusted) for name in names]


def _verify_home(home: Path | None, key: list[Path], wanted: str | None) -> list[Proof]:
    found = home_of(home)
    trusted, blobs = custody.trusted(found, key), FolderBlobs(found.vault)

    async def work(db: Database) -> list[Proof]:
        return await inspect(db, blobs, trusted, wanted)

    return on_ledger(home, work)


def _proof(proof: Proof) -> dict[str, object]:
    return {
        "recording": proof.recording,
        "sound": proof.sound,
        "findings": [{"where": finding.where, "what": finding.what} for finding in proof.findings],
        "notes": list(proof.notes),
    }


def _say(proof: Proof) -> None:
    console = Console(soft_wrap=True)
    length = "" if proof.manifest is None else f", {proof.manifest.seconds:.2f} s"
    state = f"sound{length}" if proof.sound else "NOT AS IT WAS SEALED"
    console.print(f"{proof.recording}  {state}", markup=False, highlight=False)
    for finding in proof.findings:
        console.print(f"    {finding.where}: {finding.what}", style="red", markup=False, highlight=False)
    for note in proof.notes:
        console.print(f"    {note}", style="dim", markup=False, highlight=False)
