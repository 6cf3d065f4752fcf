"""A list the size and shape of the FTC's: so many numbers of +1, sorted, a file as it is downloaded.

The total is the FTC's (Data Book FY 2025: 258.5 million). States share it by population (census of 2020); the data book
ranks states but its table is not at hand. A state's share goes evenly to its area codes. In an area code the numbers
lie in about nine of ten possible exchanges, evenly: exchanges are handed out whole, people are not. The order within an
exchange does not matter to anything measured here; how full the exchanges are does, and that follows from the total.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from compliance.jurisdictions.area_codes import area_codes

THOUSANDS = {
    "AL": 5024, "AK": 733, "AZ": 7152, "AR": 3012, "CA": 39538, "CO": 5774, "CT": 3606, "DE": 990, "DC": 690,
    "FL": 21538, "GA": 10712, "HI": 1455, "ID": 1839, "IL": 12813, "IN": 6786, "IA": 3190, "KS": 2938,
    "KY": 4506, "LA": 4658, "ME": 1362, "MD": 6177, "MA": 7030, "MI": 10077, "MN": 5706, "MS": 2961, "MO": 6155,
    "MT": 1084, "NE": 1962, "NV": 3105, "NH": 1378, "NJ": 9289, "NM": 2118, "NY": 20201, "NC": 10439, "ND": 779,
    "OH": 11799, "OK": 3959, "OR": 4237, "PA": 13003, "RI": 1097, "SC": 5118, "SD": 887, "TN": 6911,
    "TX": 29146, "UT": 3272, "VT": 643, "VA": 8631, "WA": 7705, "WV": 1794, "WI": 5894, "WY": 577, "PR": 3286,
}  # fmt: skip
NATION = 258_500_000
EXCHANGES_USED = 0.9
Numbers = npt.NDArray[np.int64]


def by_area_code(total: int) -> dict[int, int]:
    """How many numbers each area code has on the list. A smaller list is one of fewer area codes, as full as all."""
    codes: dict[str, list[int]] = {state: [] for state in THOUSANDS}
    for code, area in area_codes().items():
        for region in area.regions:
            if region[3:] in codes and region.startswith("US-"):
                codes[region[3:]].append(int(code))
    people = sum(THOUSANDS.values())
    found: dict[int, int] = {}
    left = total
    for state, thousands in THOUSANDS.items():
        for code in codes[state]:
            share = NATION * thousands // people // len(codes[state])
            found[code] = min(left, share)
            left -= found[code]
    full = max(found, key=lambda code: found[code])
    found[full] += left  # what rounding left over
    return {code: number for code, number in sorted(found.items()) if number}


def numbers_of(random: np.random.Generator, wanted: int) -> Numbers:
    """The last seven digits of the listed numbers of an area code, ascending."""
    exchanges = np.array([e for e in range(200, 1000) if e % 100 != 11 and e != 555])
    used = np.sort(random.choice(exchanges, int(len(exchanges) * EXCHANGES_USED), replace=False))
    share = min(1.0, wanted / (len(used) * 10_000) * 1.02 + 0.0005)
    listed = np.flatnonzero(random.integers(0, 1 << 16, len(used) * 10_000, np.uint16) < share * (1 << 16))
    if len(listed) > wanted:
        listed = np.delete(listed, random.choice(len(listed), len(listed) - wanted, replace=False))
    return (used[listed // 10_000] * 10_000 + listed % 10_000).astype(np.int64)


def lines(code: int, last: Numbers) -> bytes:
    """`NPA,NXXXXXX`, a line each."""
    text = np.empty((len(last), 12), np.uint8)
    text[:, :3] = np.frombuffer(b"%d" % code, np.uint8)
    text[:, 3], text[:, 11] = ord(","), ord("\n")
    rest = last.copy()
    for column in range(10, 3, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, column] = digit + 48
    return text.tobytes()


def write_list(file: Path, total: int, seed: int = 1) -> int:
    """The list of about `total` numbers; how many it has."""
    written = 0
    with file.open("wb") as stream:
        for code, last in listed(total, seed):
            stream.write(lines(code, last))
            written += len(last)
    return written


def listed(total: int, seed: int = 1) -> Iterator[tuple[int, Numbers]]:
    """Area code and the last seven digits of its listed numbers; the same for the same seed."""
    random = np.random.default_rng(seed)
    for code, wanted in by_area_code(total).items():
        yield code, numbers_of(random, wanted)


def asked(total: int, count: int, seed: int = 1) -> Numbers:
    """`count` numbers (ten digits) in any order, about half of them on that list."""
    random = np.random.default_rng(seed + 1)
    share = count / 2 / total
    hits = [code * 10**7 + last[random.random(len(last)) < share] for code, last in listed(total, seed)]
    some = np.concatenate(hits)[: count // 2]
    codes = np.array(list(by_area_code(total)), np.int64)
    rest = count - len(some)
    others = random.choice(codes, rest) * 10**7 + random.integers(2_000_000, 10_000_000, rest)
    found = np.concatenate((some, others))
    random.shuffle(found)
    return found
