"""Each publisher's format as it is and as it should not be."""

import zipfile
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.errors import BadInput
from compliance.facts import Reassigned, ReassignedAnswer
from compliance.number import Number
from storage.registry import BadLine, BadList, reading
from tests.storage.registry.world import FTC, TODAY, World, flat

A, B = "+14161234567", "+16041234567"


def zipped(**members: str | bytes) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return stream.getvalue()


XML = "<list type='full' level='all' val=''><ac val='416'><ph val='1234567'/></ac><ac val='604'></ac></list>"
TAKEN = [
    ("416,1234567\n604,7654321\n", "ca.dncl"),
    ("416,1234567\r\n604,7654321\r\n", "ca.dncl"),
    ("416,1234567\r\n604,7654321", "ca.dncl"),
    ("\ufeff416,1234567\n604,7654321\n\n\n", "ca.dncl"),
    (" 416, 1234567 \n604,7654321\t\n", "ca.dncl"),
    ("4161234567\n6047654321\n", "ca.dncl"),
    ("14161234567\n+16047654321\n6047654321\n", "ca.dncl"),
    (zipped(a_txt="416,1234567\n", b_txt="604,7654321\n"), "ca.dncl"),
    (XML, "ca.dncl"),
    (XML.replace("val=''>", "val=''/>"), "ca.dncl"),  # the published sample
    ("\ufeff<?xml version='1.0' encoding='UTF-8'?>\r\n" + XML.replace("'", '"').replace("><", ">\r\n  <"), "ca.dncl"),
    (zipped(a_xml=XML), "ca.dncl"),
    (XML.replace("all", "ac").replace("val=''", "val='416'").replace("<ac val='604'></ac>", ""), "ca.dncl"),
]


@pytest.mark.parametrize(("content", "list_id"), TAKEN)
def test_a_list_is_read_as_it_is_published(world: World, content: str | bytes, list_id: str) -> None:
    prepared = world.take(content, list_id)
    assert world.listed(A, list_id)
    assert world.listed("+14161234568", list_id) is False
    only_416 = b"level='ac'" in world.write(content).read_bytes()
    assert world.listed(B, list_id) is (None if only_416 else False)
    assert prepared.version.sources[0].file == "list.txt"
    assert len(prepared.version.sources[0].sha256) == 64


REFUSED = [
    ("416,1234567\n416,123456\n", 2),
    ("416,1234567\n\n416,1234568\n", 2),
    ("416,1234567\n416,123456x\n", 2),
    ("416,1234567\n416;1234567\n", 2),
    ("116,1234567\n", 1),
    ("416,1234567\n041,1234567\n", 2),
    ("416,1234567\n4161234567,\n", 2),
    ("416,1234567\n416,1234567,A\n", 2),
    ("4161234567\n2,141234567\n", 2),
    ("416,1234567\n416,12", 2),
    ("416,1234567\n" + "9" * 5000, 2),
    ("416,1234567\n416,1234\x0067\n", 2),
    ("416,1234567\n416,123456\u0667\n", 2),
    ("phone\n4161234567\n", 1),
    ("4161234567\r4161234568\r", 1),
    (XML.replace("</list>", ""), 1),
    (XML.replace("1234567", "123456"), 1),
    (XML.replace("<ac val='604'>", "<ac val='6044'>"), 1),
    (XML.replace("</ac><ac", "<ac"), 1),
    (XML.replace("full", "change"), 1),
    (XML + XML, 1),
    ("<!DOCTYPE x [<!ENTITY a 'a'>]>" + XML, 1),
    (XML.replace("<ac val='416'>", "\n<ac val='416'>\n<ph val='7654321'/>\n<ph val='&a;'/>"), 4),
    (XML.replace("all", "ac").replace("val=''", "val='604'"), 1),
    (zipped(a_txt="416,1234567\n", b_txt="x\n"), 1),
]


@pytest.mark.parametrize(("content", "line"), REFUSED)
def test_one_wrong_line_refuses_the_file_and_leaves_what_stood(world: World, content: str | bytes, line: int) -> None:
    world.take("416,7777777\n", "ca.dncl")
    with pytest.raises(BadLine, match=f"line {line}: ") as refused:
        world.take(content, "ca.dncl")
    assert not any(char * 5 in str(refused.value) for char in "1234567890")
    assert "123456" not in str(refused.value)
    assert world.listed("+14167777777", "ca.dncl")
    assert world.listed(A, "ca.dncl") is False
    assert len(list(world.registry.iterdir())) == 4


def reference(text: str) -> list[str] | None:
    """The numbers of a flat list, the slow way; None: refused."""
    found = []
    lines = text.split("\n")
    while lines and not lines[-1].strip(" \t\r"):
        lines.pop()
    for line in lines:
        plain = "".join(char for char in line if char not in " \t\r")
        plain = plain[:3] + plain[4:] if plain[3:4] == "," and len(plain) == 11 else plain
        plain = plain.removeprefix("+1") if len(plain) == 12 else plain
        plain = plain[1:] if len(plain) == 11 and plain[0] == "1" else plain
        if len(plain) != 10 or not plain.isascii() or not plain.isdigit() or plain[0] in "01":
            return None
        found.append(plain)
    return found


piece = st.sampled_from(
    ["416,1234567", "4161234567", "14161234567", "+14161234567", "604,7654321", " 416, 1234567", "1"]
)
ending = st.sampled_from(["\n", "\n", "\n", "\r\n", " \n", "\n\n"])


@given(st.lists(st.tuples(piece, ending), max_size=12), st.integers(1, 40), st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_fast_reader_takes_what_a_slow_one_takes(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, str]], chunk: int, cut: bool
) -> None:
    text = "".join(line + end for line, end in lines)
    text = text.rstrip("\r\n ") if cut else text
    wanted = reference(text)
    world = World(tmp_path_factory.mktemp("w"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "CHUNK", chunk)
        try:
            prepared = world.take(text, "ca.dncl", coverage="all", allow_shrink=True, format=None)
        except BadList:
            assert wanted is None or text[:1] == "1"  # what the first line is must be plain
            return
    assert wanted is not None
    assert (prepared.version.lines, prepared.version.numbers) == (len(wanted), len(set(wanted)))
    assert all(world.listed(f"+1{number}", "ca.dncl") for number in wanted)


def test_a_list_in_no_order_is_taken_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 100)
    numbers = [area * 10**7 + 5550000 + n * 37 % 1000 for n in range(200) for area in (212, 305, 416)]
    assert world.take(flat(numbers)).version.numbers == len(set(numbers))
    assert all(world.listed(f"+1{number}") for number in numbers[::41])


def test_british_numbers_are_national_or_international(world: World) -> None:
    world.take("02079460000\n 01632 960 001\n016977 2345\n+442079460002\n0800111222\n", "gb.tps", coverage="all")
    for e164 in ("+442079460000", "+441632960001", "+44169772345", "+442079460002", "+44800111222"):
        assert world.listed(e164, "gb.tps"), e164
    assert world.listed("+442079460001", "gb.tps") is False
    for wrong in ("0207946000", "00207946000\n", "02079460000\n0207946"):
        with pytest.raises(BadLine):
            world.take(wrong, "gb.ctps", coverage="all")
    with pytest.raises(BadList, match="--coverage"):
        world.take("02079460000\n", "gb.ctps")
    world.take("02079460000\n", "gb.ctps", coverage="+4420,+44161")
    assert world.listed("+441612345678", "gb.ctps") is False
    assert world.listed("+441212345678", "gb.ctps") is None


def test_a_csv_is_read_by_the_name_of_its_column(world: World) -> None:
    text = 'id,Phone\n1,(512) 555-0123\n2,"512.555.0124"\n3,+1 512 555 0125\n'
    world.take(text, "us-tx.dnc", column="phone", coverage="all")
    assert all(world.listed(f"+1512555012{n}", "us-tx.dnc") for n in (3, 4, 5))
    for wrong, said in (
        ("id,phone\n1,\n", "line 2"),
        ("id,phone\n1\n", "line 2"),
        ('id,phone\n1,"5125550123\n', "line 2"),
        ("id,fone\n1,5125550123\n", "--column"),
        ("", "--column"),
    ):
        with pytest.raises(BadList, match=said):
            world.take(wrong, "us-tx.dnc", column="phone", coverage="all")
    with pytest.raises(BadList, match="--coverage"):
        world.take(text, "us-tx.dnc", column="phone")


def test_answers_of_the_reassigned_database_are_gathered_newest_first(world: World) -> None:
    first = "phone,consent,answer\n2125550123,2025-01-02,no\n2125550124,1/3/2025,YES\n"
    world.take(first, "us.fcc.rnd", version_date=date(2026, 11, 10))
    world.take("no_data,2125550123,2025-01-02\n", "us.fcc.rnd", version_date=date(2026, 11, 20))
    world.take("2125550123,2025-01-02,yes\n", "us.fcc.rnd", version_date=date(2026, 11, 1))
    registries = world.open()
    newest = Reassigned(ReassignedAnswer.NO_DATA, datetime(2026, 11, 20, tzinfo=UTC), date(2025, 1, 2))
    assert registries.reassigned(Number("+12125550123")) == newest
    older = Reassigned(ReassignedAnswer.YES, datetime(2026, 11, 10, tzinfo=UTC), date(2025, 1, 3))
    assert registries.reassigned(Number("+12125550124")) == older
    assert registries.reassigned(Number("+12125550125")) is None
    assert registries.reassigned(Number("+12135550125")) is None
    assert registries.check(Number("+12125550123")) == {}
    assert [version.version_date for version in registries.lists()] == [date(2026, 11, 20)]
    for wrong in (
        "2125550123,2025-01-02,maybe\n",
        "2125550123,2025-01-02\n",
        "2125550123,2025-02-30,no\n",
        "2125550123,2026-12-02,no\n",
        "2125550123,2025-01-02,no\n2125550123,2025-01-02,yes\n",
    ):
        with pytest.raises(BadLine):
            world.take(wrong, "us.fcc.rnd")


def test_answers_asked_for_anew_are_not_taken_for_the_old_ones(world: World) -> None:
    file = world.write("2125550123,2025-01-02,no\n", "again.txt")
    world.take("2125550124,2025-01-02,no\n", "us.fcc.rnd", version_date=date(2026, 11, 20))
    for day in (5, 5, 7):
        world.take(file, "us.fcc.rnd", version_date=date(2026, 11, day))
    found = world.open().reassigned(Number("+12125550123"))
    assert found is not None
    assert found.checked_at == datetime(2026, 11, 7, tzinfo=UTC)


def test_the_date_stands_in_the_name_or_is_given_and_is_never_of_tomorrow(world: World) -> None:
    file = world.write(flat([2125550123]), "2026-11-19_212.txt")
    assert world.take(file, version_date=None).version.version_date == date(2026, 11, 19)
    assert world.take(file).version.version_date == TODAY
    with pytest.raises(BadList, match="a newer version stands"):
        world.take(file, version_date=None)
    for name, said in (
        ("x.txt", "--version-date"),
        ("20261101_20261102.txt", "several dates"),
        ("20261122.txt", "future"),
    ):
        with pytest.raises(BadList, match=said):
            world.take(world.write(flat([2125550123]), name), version_date=None)


def test_several_files_make_one_version(world: World) -> None:
    files = (world.write("212,5550123\n", "a.txt"), world.write("305,5550123\n", "b.txt"))
    version = world.take("", files=files).version
    assert [source.lines for source in version.sources] == [1, 1]
    assert version.coverage.prefixes == {"1212", "1305"}
    with pytest.raises(BadList, match="can't be imported together"):
        world.take("", files=(files[0], world.write(XML, "c.xml")))


def test_a_list_that_shrank_is_asked_about(world: World) -> None:
    world.take(flat([*range(2125550000, 2125552000), *range(3055550000, 3055590000)]))
    for fewer, said in (
        ("", "nobody is in the file"),
        (flat(range(3055550000, 3055590000)), "covers less"),
        (flat([*range(2125550000, 2125552000), *range(3055550000, 3055580000)]), "more than a tenth"),
        (flat([*range(2125550000, 2125551700), *range(3055550000, 3055590000)]), r"1,700 numbers in \+1212"),
    ):
        with pytest.raises(BadList, match=said):
            world.take(fewer, coverage=None if fewer else "all")
    world.take(flat([*range(2125550000, 2125551801), *range(3055550000, 3055590000)]))
    world.take(flat([2125550000]), allow_shrink=True)
    assert world.listed("+13055550000") is None


def test_the_same_files_again_change_nothing(world: World) -> None:
    world.take(flat([2125550123]))
    before = (world.indexes(), (world.registry / "current").stat().st_mtime_ns)
    assert world.take(flat([2125550123])).same
    assert (world.indexes(), (world.registry / "current").stat().st_mtime_ns) == before
    assert not world.take(flat([2125550123]), coverage="all").same


def test_coverage_is_never_more_than_the_file_says(world: World) -> None:
    of_416 = XML.replace("all", "ac").replace("val=''", "val='416'").replace("<ac val='604'></ac>", "")
    with pytest.raises(BadList, match="more than the file"):
        world.take(of_416, "ca.dncl", coverage="all")
    with pytest.raises(BadList, match="outside --coverage"):
        world.take(flat([2125550123, 3055550123]), coverage="212")
    for wrong in ("", "21", "+4420", "212;305", "112"):
        with pytest.raises(BadInput, match="--coverage"):
            world.take(flat([2125550123]), coverage=wrong)
    for unknown in ("us-zz.dnc", "US.FTC.NDNC", "../x", ""):
        with pytest.raises(BadInput, match="not known"):
            world.take(flat([2125550123]), unknown)


def test_what_is_no_list_is_refused_before_it_costs_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_FREE", 1 << 16)
    monkeypatch.setattr(reading, "CHUNK", 1 << 14)
    line = "416,1234567\n"
    bomb = zipped(a_txt=line * 400_000)
    assert len(bomb) * reading.MOST_RATIO < 400_000 * len(line)
    encrypted = bytearray(zipped(a_txt=line))
    encrypted[6] |= 1
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    damaged = bytearray(zipped(a_txt="".join(f"416,{n:07d}\n" for n in range(999))))
    damaged[200] ^= 255
    for content, said in (
        (bomb, "unpacks to more"),
        (bytes(encrypted), "encrypted"),
        (bytes(damaged), "damaged|no number|line"),
        (zipped(a_txt=line)[:-30], "damaged"),
        (zipped(a_zip=zipped(a_txt=line)), "a zip within the zip"),
        ("\ufeff416,1234567\n".encode("utf-16"), "UTF-16"),
        (zipped(), "there is no file in it"),
    ):
        with pytest.raises(BadList, match=said):
            world.take(content, "ca.dncl")
    monkeypatch.setattr(reading, "MOST_MEMBERS", 1)
    with pytest.raises(BadList, match="more than 1 files"):
        world.take(zipped(a_txt=line, b_txt=line), "ca.dncl")
    with pytest.raises(BadList, match="not a plain file"):
        world.take(Path("/dev/null"), "ca.dncl")
    assert world.open().lists() == ()


def test_blanks_without_end_are_refused_and_not_gathered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 1 << 12)
    blanks = " " * (1 << 20)
    with pytest.raises(BadLine, match="no tag"):
        world.take(XML.replace("</ac>", blanks + "</ac>", 1), "ca.dncl")


def test_a_file_that_changes_while_it_is_read_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    file = world.write(flat([2125550123]))
    monkeypatch.setattr(reading, "_without_bom", lambda _, chunks: _appending(file, chunks))
    with pytest.raises(BadList, match="changed while it was read"):
        world.take(file)


def _appending(file: Path, chunks: object) -> object:
    with file.open("a") as stream:
        stream.write(flat([2125550124]))
    return chunks


def test_a_british_number_is_none_of_the_ftcs(world: World) -> None:
    with pytest.raises(BadLine):
        world.take("02079460000\n", FTC)
