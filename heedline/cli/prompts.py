"""`heedline prompts`: what is said in calls.

Recordings of your own go to prompts/own/LANGUAGE/ID.wav in the home (8 kHz, mono, 16 bit), their words to ID.txt
beside it; `heedline prompts render` takes them up.
"""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ari_app.prompts import PromptMissing, Prompts
from ari_app.wording import PromptId, Seller, language_of, languages
from compliance.errors import BadInput
from heedline.cli.options import HomeOption, JsonOption, home_of, print_json
from heedline.settings import Settings

app = typer.Typer(name="prompts", help="What is said in calls: render, list, check, hear.", no_args_is_help=True)

Languages = Annotated[list[str] | None, typer.Argument(help="Languages, such as en; all when none is given.")]
SellerOption = Annotated[str, typer.Option("--seller", help="Business named in agent_unavailable.")]
NumberOption = Annotated[str, typer.Option("--seller-number", help="Its number to call back, E.164.")]


@app.command()
def render(
    given: Languages = None, home: HomeOption = None, seller: SellerOption = "", seller_number: NumberOption = ""
) -> None:
    """Make the audio that is missing; check and take up your own recordings.

    Your own go to prompts/own/LANGUAGE/ID.wav in the home (8 kHz, mono, 16 bit), their words to ID.txt beside it.
    """
    prompts = _prompts(home, seller, seller_number)
    for language in _languages(given):
        made = prompts.render(language)
        Console().print(f"{language}  {len(made)} made, {len(prompts.ids()) - len(made)} there already", markup=False)


@app.command(name="list")
def list_(
    given: Languages = None,
    home: HomeOption = None,
    seller: SellerOption = "",
    seller_number: NumberOption = "",
    json: JsonOption = False,
) -> None:
    """Show every prompt: its words, length and hashes."""
    prompts = _prompts(home, seller, seller_number)
    rows = [_row(prompts, prompt, language) for language in _languages(given) for prompt in prompts.ids()]
    if json:
        print_json({"prompts": rows})
        return
    table = Table("language", "prompt", "version", "seconds", "text hash", "audio hash", "words", box=None)
    for row in rows:
        table.add_row(
            *(str(row[key])[:12] for key in ("language", "id", "version", "seconds", "text_hash", "audio_hash")),
            str(row["text"]),
        )
    Console().print(table)


@app.command()
def check(
    given: Languages = None, home: HomeOption = None, seller: SellerOption = "", seller_number: NumberOption = ""
) -> None:
    """Exit status 0 when every prompt can be played; else say what is missing."""
    prompts = _prompts(home, seller, seller_number)
    for language in _languages(given):
        for prompt in prompts.ids():
            prompts.media(prompt, language)
    Console().print("every prompt can be played")


@app.command()
def say(
    prompt: Annotated[str, typer.Argument(help="A prompt's id, such as notice.")],
    language: Annotated[str, typer.Argument(help="Such as en.")] = "en",
    home: HomeOption = None,
    seller: SellerOption = "",
    seller_number: NumberOption = "",
) -> None:
    """Print where the audio lies and what it says, for any player: aplay "$(heedline prompts say notice)"."""
    prompts = _prompts(home, seller, seller_number)
    audio = prompts.media(prompt, language)
    Console(stderr=True, soft_wrap=True).print(prompts.wording(audio.id, language).text, markup=False, highlight=False)
    typer.echo(audio.file)


def _prompts(home: HomeOption, seller: str, number: str) -> Prompts:
    if bool(seller) != bool(number):
        raise BadInput("--seller and --seller-number: give both or neither")
    found = home_of(home)
    Settings.load(found.settings_file)  # a home there is, and not a folder made by a slip of the finger
    return Prompts(found.prompts, Seller(seller, number) if seller else None)


def _languages(given: list[str] | None) -> list[str]:
    return [language_of(code).code for code in given] if given else list(languages())


def _row(prompts: Prompts, prompt: PromptId, language: str) -> dict[str, object]:
    wording = prompts.wording(prompt, language)
    row: dict[str, object] = {
        "language": language,
        "id": prompt.value,
        "version": wording.version or "own",
        "seconds": "-",
        "text_hash": wording.hash,
        "audio_hash": "-",
        "text": wording.text,
    }
    try:
        audio = prompts.media(prompt, language)
    except PromptMissing:
        return row  # shown as `-`: `check` says what to do
    return row | {"seconds": round(audio.seconds, 2), "audio_hash": audio.audio_hash}
