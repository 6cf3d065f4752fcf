"""The ears of the tests, tested: they tell tones, languages and cut prompts apart, through G.711 and a jittery line."""

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ari_app.prompts import Prompts
from ari_app.wording import PromptId, Seller, languages
from compliance.errors import BadInput
from heedline.demo import sound
from heedline.demo.sound import Sound, Span

RATE = 8000
LANGUAGES = tuple(languages())


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Sound]:
    """By id and language."""
    made = Prompts(tmp_path_factory.mktemp("prompts"), Seller("Acme Solar", "+12025550123"))
    for language in LANGUAGES:
        made.render(language)
    return {
        (prompt.value, language): sound.load(made.media(prompt, language).file)
        for language in LANGUAGES
        for prompt in PromptId
    }


def mu_law(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """There and back through 8-bit µ-law (ITU-T G.711)."""
    clipped = np.clip(samples, -1, 1)
    code = np.round(np.sign(clipped) * np.log1p(255 * np.abs(clipped)) / np.log(256) * 127) / 127
    return np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255


def over_the_line(spoken: Sound, *, before: float = 1.3, gain: float = 0.4, noise: float = 0.002) -> Sound:
    """What a phone would keep: silence, the sound more quietly, hiss, µ-law."""
    quiet = np.zeros(int(before * RATE))
    samples = np.concatenate([quiet, gain * spoken.samples, np.zeros(RATE // 2)])
    hiss = noise * np.random.default_rng(7).standard_normal(samples.size)
    return Sound(mu_law(samples + hiss), RATE)


def jittered(heard: Sound) -> Sound:
    """A jitter buffer at work: 20 ms lost here, 40 ms of silence put in there."""
    samples = heard.samples
    third = samples.size // 3
    return Sound(
        np.concatenate([samples[:third], samples[third + 160 : 2 * third], np.zeros(320), samples[2 * third :]]), RATE
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_notice_is_told_from_the_other_languages(prompts: dict[tuple[str, str], Sound], language: str) -> None:
    ear = over_the_line(prompts["notice", language])
    for other in LANGUAGES:
        heard = sound.find_prompt(ear, prompts["notice", other])
        assert heard.found == heard.whole == (other == language)
        if other == language:
            assert heard.start == pytest.approx(1.3 + 0.1, abs=0.06)  # the prompt has 0.1 s of lead
            assert heard.skipped == 0
            assert heard.score > 0.95


def test_every_prompt_is_recognised_among_all_others(prompts: dict[tuple[str, str], Sound]) -> None:
    named = {f"{prompt} {language}": heard for (prompt, language), heard in prompts.items()}
    for name in (
        "notice en",
        "consent_ask es",
        "reprompt de",
        "consent_refused fr",
        "optout_done en",
        "call_denied de",
    ):
        best = sound.best_prompt(over_the_line(named[name]), named)
        assert best is not None
        assert best[0] == name
        assert best[1].whole
        whole = [
            other for other, spoken in named.items() if sound.find_prompt(over_the_line(named[name]), spoken).whole
        ]
        assert whole == [name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_jitter_buffer_at_work_changes_nothing(prompts: dict[tuple[str, str], Sound], language: str) -> None:
    heard = sound.find_prompt(jittered(over_the_line(prompts["notice", language])), prompts["notice", language])
    assert heard.whole


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_cut_prompt_is_measured_as_cut(prompts: dict[tuple[str, str], Sound], language: str, kept: float) -> None:
    notice = prompts["notice", language]
    heard = sound.find_prompt(over_the_line(notice.part(0, notice.seconds * kept)), notice)
    assert heard.found
    assert not heard.whole
    assert heard.skipped < 0.2
    spoken = sound.sounding_spans(notice, gap=10.0)[0]
    fair = (notice.seconds * kept - spoken.start) / spoken.seconds
    assert heard.fraction == pytest.approx(fair, abs=0.1)


def test_a_prompt_whose_beginning_is_missing_is_measured_so(prompts: dict[tuple[str, str], Sound]) -> None:
    notice = prompts["notice", "en"]
    heard = sound.find_prompt(over_the_line(notice.part(2.0)), notice)
    assert heard.found
    assert not heard.whole
    assert heard.skipped == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "nothing"])
def test_no_prompt_in_what_is_no_speech(prompts: dict[tuple[str, str], Sound], kind: str) -> None:
    size = 10 * RATE
    samples = {
        "silence": np.zeros(size),
        "noise": 0.2 * np.random.default_rng(3).standard_normal(size),
        "tone": sound.tone(440, 10).samples,
        "nothing": np.zeros(0),
    }[kind]
    for notice in (prompts["notice", language] for language in LANGUAGES):
        assert not sound.find_prompt(Sound(samples, RATE), notice).found


@pytest.mark.parametrize(("level", "gain"), [(0.02, 0.4), (0.1, 0.4), (0.25, 1.0)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_is_recognised_under_a_tone_of_the_other_party(
    prompts: dict[tuple[str, str], Sound], language: str, level: float, gain: float
) -> None:
    """In the bridge the notice is played to both while they may talk."""
    line = over_the_line(prompts["notice", language], gain=gain)
    talk = sound.tone(440, line.seconds, level=level).samples[: line.samples.size]
    ear = Sound(mu_law(line.samples + talk), RATE)
    for other in LANGUAGES:
        heard = sound.find_prompt(ear, prompts["notice", other])
        assert heard.found == heard.whole == (other == language)


def test_tone_spans_are_right_to_a_frame() -> None:
    pieces = [np.zeros(RATE), sound.tone(440, 1.5).samples, np.zeros(RATE // 2), sound.tone(440, 1.0).samples]
    ear = Sound(mu_law(np.concatenate(pieces)), RATE)
    assert sound.tone_spans(ear, 440) == [Span(1.0, 2.5), Span(3.0, 4.0)]
    assert sound.tone_spans(ear, 880) == []
    assert sound.silence_spans(ear) == [Span(0.0, 1.0), Span(2.5, 3.0)]


def test_speech_is_no_tone(prompts: dict[tuple[str, str], Sound]) -> None:
    for hz in (440, 880, 1000):
        assert sound.tone_seconds(prompts["consent_ask", "en"], hz) < 0.5


def test_two_tones_are_both_heard_and_noise_hides_neither() -> None:
    both = sound.tone(440, 2).samples + sound.tone(1000, 2).samples
    hiss = 0.01 * np.random.default_rng(5).standard_normal(both.size)
    ear = Sound(both + hiss, RATE)
    for hz in (440, 1000):
        assert sum(span.seconds for span in sound.tone_spans(ear, hz, purity=0.3)) == pytest.approx(2.0, abs=0.05)


def test_a_short_dropout_does_not_split_a_tone_but_a_pause_does() -> None:
    samples = sound.tone(440, 3).samples.copy()
    samples[RATE : RATE + 320] = 0
    samples[2 * RATE : 2 * RATE + 1600] = 0
    assert sound.tone_spans(Sound(samples, RATE), 440) == [Span(0.0, 2.0), Span(2.2, 3.0)]


def test_a_file_still_growing_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "growing.wav"
    sound.write_tone(file, 440, 2)
    content = bytearray(file.read_bytes())
    content[4:8] = content[40:44] = bytes(4)  # sizes are written at the end only
    file.write_bytes(content[:-7999])
    ear = sound.load(file)
    assert ear.seconds == pytest.approx(1.5, abs=0.001)
    assert sound.tone_seconds(ear, 440) == pytest.approx(1.5, abs=0.02)


def test_channels_of_stereo_are_kept_apart(tmp_path: Path) -> None:
    left, right = (np.round(sound.tone(hz, 1).samples * 32767).astype("<i2") for hz in (440, 1000))
    both = np.stack([left, right], axis=1).tobytes()
    (tmp_path / "spool.raw").write_bytes(both)
    with wave.open(str(tmp_path / "export.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(both)
    for channel, hz, other in ((0, 440, 1000), (1, 1000, 440)):
        for ear in (sound.load_raw(tmp_path / "spool.raw", channel), sound.load(tmp_path / "export.wav", channel)):
            assert sound.tone_seconds(ear, hz) == pytest.approx(1.0, abs=0.02)
            assert sound.tone_seconds(ear, other) == 0


def test_a_tone_file_goes_on_without_a_click(tmp_path: Path) -> None:
    sound.write_tone(tmp_path / "tone.wav", 441, 3)
    assert sound.tone_spans(sound.load(tmp_path / "tone.wav"), 441) == [Span(0.0, 3.0)]
    step = np.abs(np.diff(sound.load(tmp_path / "tone.wav").samples)).max()
    assert step < 1.01 * 0.25 * 2 * np.pi * 441 / RATE


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3" + bytes(60), b"RIFF\0\0\0\0WAVEfmt " + bytes(60)])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(BadInput):
        sound.load(tmp_path / "x.wav")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not there"):
        sound.load(tmp_path / "x.wav")
