"""Arithmetic on the windows of a day: what two of them leave open, and how a person reads them."""

from compliance.jurisdictions.model import Window, Windows


def common(first: Windows, second: Windows) -> Windows:
    """What both leave open, in order."""
    both = ((max(a, c), min(b, d)) for a, b in first for c, d in second)
    return tuple(sorted(window for window in both if window[0] < window[1]))


def either(first: Windows, second: Windows) -> Windows:
    """What one or the other leaves open, in order; windows that touch become one."""
    merged: list[Window] = []
    for opens, closes in sorted(first + second):
        if merged and opens <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], closes)
        else:
            merged.append((opens, closes))
    return tuple(merged)


def inside(inner: Windows, outer: Windows) -> bool:
    """A ring that fits into `inner` fits into `outer`."""
    wide = either(outer, ())
    return all(any(opens <= begin and end <= closes for opens, closes in wide) for begin, end in either(inner, ()))


def clock_spans(windows: Windows) -> str:
    """As a person reads them: 10:00-13:00, 14:00-20:00; closed."""
    return ", ".join(f"{_clock(opens)}-{_clock(closes)}" for opens, closes in windows) or "closed"


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second // 60 % 60:02d}"
