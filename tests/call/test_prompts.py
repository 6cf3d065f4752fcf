"""Prompts: what is said is known by hash, what is missing is known before anybody is dialled."""

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ari_app import speech
from ari_app.call.events import Prompt
from ari_app.prompts import PromptMissing, Prompts
from ari_app.wording import PromptId, Seller, UnknownLanguage, languages, parse_language
from compliance.errors import BadInput
from heedline.cli import prompts as cli

SELLER = Seller("Acme Solar", "+12025550123")
SHIPPED = Path(__file__).parents[2] / "asterisk_conf" / "prompts"


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Prompts:
    """All shipped languages, rendered once."""
    prompts = Prompts(tmp_path_factory.mktemp("prompts"), SELLER)
    for language in languages():
        prompts.render(language)
    return prompts


def tone(path: Path, seconds: float = 1.0, rate: int = 8000, channels: int = 1, level: float = 0.3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave_ = level * np.sin(2 * np.pi * 300 * np.arange(int(seconds * rate)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((wave_ * 32767).astype("<i2"), channels).tobytes())


def test_every_prompt_of_a_call_is_there_in_all_four_languages(spoken: Prompts) -> None:
    assert set(languages()) == {"en", "es", "fr", "de"}
    assert {prompt.value for prompt in Prompt} <= set(PromptId)
    for language in languages():
        assert spoken.complete(language)
        assert set(spoken.available(language)) == set(PromptId)


def test_notices_are_short(spoken: Prompts) -> None:
    assert spoken.media("notice", "en").seconds < 6
    assert all(1 < spoken.media("notice", language).seconds < 7 for language in languages())


def test_audio_is_what_asterisk_plays(spoken: Prompts) -> None:
    for suffix, rate in ((".wav", 8000), (".wav16", 16000)):
        audio = spoken.media(PromptId.NOTICE, "en")
        assert audio.uri == f"sound:{audio.file.with_suffix('')}"
        assert audio.file.is_absolute()
        with wave.open(str(audio.file.with_suffix(suffix))) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, rate)
            assert file.getnframes() / rate == pytest.approx(audio.seconds, abs=0.001)
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert np.abs(samples).max() < 0.75 * 32767  # resampling must not clip
        assert np.abs(samples).max() > 0.4 * 32767


def test_rendering_again_makes_nothing_and_changes_no_hash(spoken: Prompts) -> None:
    before = spoken.media("optout_done", "fr")
    assert spoken.render("fr") == []
    assert spoken.media("optout_done", "fr") == before


def test_hashes_tell_every_text_apart(spoken: Prompts) -> None:
    audios = [spoken.media(prompt, language) for language in languages() for prompt in PromptId]
    assert len({audio.text_hash for audio in audios}) == len({audio.audio_hash for audio in audios}) == len(audios)


def test_unknown_language_is_refused_before_dialling(spoken: Prompts) -> None:
    with pytest.raises(UnknownLanguage, match="'it'"):
        spoken.media("notice", "it")
    assert not spoken.complete("it")
    assert not any(spoken.available("it").values())


def test_unknown_prompt_is_refused(spoken: Prompts) -> None:
    with pytest.raises(BadInput, match=r"'\.\./\.\./etc/passwd'"):
        spoken.media("../../etc/passwd", "en")


def test_a_missing_file_is_seen_before_dialling(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    assert not prompts.complete("en")
    with pytest.raises(PromptMissing, match="heedline prompts render"):
        prompts.media("notice", "en")
    prompts.render("en")
    assert prompts.complete("en")
    prompts.media("notice", "en").file.unlink()
    assert prompts.available("en")["notice"] is False
    assert prompts.available("en")["optout_done"] is True
    assert not prompts.complete("en")


def test_a_torn_file_counts_as_missing(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    prompts.render("en")
    prompts.media("notice", "en").file.write_bytes(b"RIFF")
    with pytest.raises(PromptMissing):
        prompts.media("notice", "en")
    assert prompts.render("en") == [PromptId.NOTICE]


def test_the_seller_is_named_and_each_seller_has_its_own_audio(spoken: Prompts) -> None:
    wording = spoken.wording(PromptId.AGENT_UNAVAILABLE, "en")
    assert "Acme Solar" in wording.text
    assert "1, 2 0 2, 5 5 5, 0 1 2 3" in wording.text
    other = spoken.of_seller(Seller("Other Ltd", "+442071838750"))
    with pytest.raises(PromptMissing):
        other.media("agent_unavailable", "en")
    assert other.media("notice", "en") == spoken.media("notice", "en")
    with pytest.raises(BadInput, match="who called"):
        Prompts(spoken.folder).media("agent_unavailable", "en")


@pytest.mark.parametrize("name", ["", "[[boom]]", "<speak>", "a\nb", "x" * 81, "{number}"])
def test_a_seller_that_could_not_be_spoken_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        Seller(name, "+12025550123")


def test_own_recording_replaces_the_voice_and_is_the_evidence(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    prompts.render("en")
    synthetic = prompts.media("notice", "en")
    tone(tmp_path / "own/en/notice.wav", 2.0)
    with pytest.raises(BadInput, match=r"notice\.txt"):
        prompts.render("en")
    (tmp_path / "own/en/notice.txt").write_text("We record this call.\n")
    assert not prompts.complete("en")  # not taken up yet
    assert prompts.render("en") == [PromptId.NOTICE]
    own = prompts.media("notice", "en")
    assert (own.version, own.seconds) == (0, 2.0)
    assert own.text_hash != synthetic.text_hash
    assert own.file.stem == own.audio_hash

    tone(tmp_path / "own/en/notice.wav", 1.0)
    with pytest.raises(PromptMissing):
        prompts.media("notice", "en")
    prompts.render("en")
    assert prompts.media("notice", "en").audio_hash != own.audio_hash
    assert own.file.exists()  # what was played stays


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ({"rate": 16000}, "16000 Hz"),
        ({"channels": 2}, "2 channel"),
        ({"seconds": 0.1}, "0.1 s long"),
        ({"level": 0.0}, "silent"),
    ],
)
def test_own_recording_of_the_wrong_shape_is_refused(tmp_path: Path, shape: dict[str, float], says: str) -> None:
    tone(tmp_path / "own/en/notice.wav", **shape)
    (tmp_path / "own/en/notice.txt").write_text("We record this call.")
    with pytest.raises(BadInput, match=says):
        Prompts(tmp_path).render("en")


def test_own_recording_that_is_no_wav_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own/en").mkdir(parents=True)
    (tmp_path / "own/en/notice.wav").write_bytes(b"ID3 mp3 it is")
    with pytest.raises(BadInput, match="not a WAV file"):
        Prompts(tmp_path).render("en")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("language: en", "language: es", "name it es.yaml"),
        ("version: 1", "version: 0", "whole number"),
        ("  notice:", "  notise:", "'notice' is missing"),
        ("language: en", "language: en\ncolour: red", "unknown key 'colour'"),
        ("press 9.", "press {key}.", "in braces"),
        ("from {seller}", "from us", "in braces"),
        ("This call is recorded", "This [[call]] is recorded", "letters, digits"),
        ("voice: en-us", "voice: -w/tmp/x", "is not a voice"),
        ("texts:", "texts: []\nmore:", "must be a table"),
    ],
)
def test_a_malformed_text_file_is_refused_with_its_line(old: str, new: str, says: str) -> None:
    text = (SHIPPED / "en.yaml").read_text()
    assert old in text
    with pytest.raises(BadInput, match=r"en\.yaml:\d+: .*" + says):
        parse_language(text.replace(old, new, 1).encode(), "en.yaml")


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    with pytest.raises(BadInput):
        parse_language(content, "en.yaml")


def test_text_goes_to_espeak_by_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    real = subprocess.run

    def run(command: list[str], **how: object) -> subprocess.CompletedProcess[bytes]:
        seen.append(command)
        return real(command, **how)

    monkeypatch.setattr(subprocess, "run", run)
    speech.speak(languages()["en"], "-w /tmp/stolen")
    assert not any("stolen" in part for part in seen[0])


def test_without_espeak_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(speech.SpeechFailed, match="install the package espeak-ng"):
        speech.speak(languages()["en"], "hello")


@pytest.mark.parametrize(("source", "target"), [(22050, 8000), (22050, 16000), (16000, 8000), (8000, 16000)])
def test_resampling_keeps_a_tone_and_its_length(source: int, target: int) -> None:
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(source * 2) / source)
    result = speech.resample(samples, source, target)
    assert result.size == target * 2
    wanted = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(target * 2) / target)
    middle = slice(target // 4, -target // 4)
    assert np.abs(result[middle] - wanted[middle]).max() < 0.001


def test_resampling_lets_no_alias_through() -> None:
    high = np.sin(2 * np.pi * 6000 * np.arange(16000) / 16000)
    assert np.abs(speech.resample(high, 16000, 8000)[800:-800]).max() < 0.001  # the tone is cut on at the ends


def test_the_command_renders_checks_and_lists(tmp_path: Path) -> None:
    runner = CliRunner()
    home = ["--home", str(tmp_path)]
    (tmp_path / "heedline.toml").touch()
    with pytest.raises(PromptMissing):
        runner.invoke(cli.app, ["check", "en", *home], catch_exceptions=False)
    assert runner.invoke(cli.app, ["render", "en", *home]).exit_code == 0
    assert runner.invoke(cli.app, ["check", "en", *home]).exit_code == 0
    listed = runner.invoke(cli.app, ["list", "en", "--json", *home])
    assert '"id": "notice"' in listed.stdout
    said = runner.invoke(cli.app, ["say", "notice", "en", *home])
    assert Path(said.stdout.splitlines()[-1]).exists()
