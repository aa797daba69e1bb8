"""Summary of a session or a timeline as plain lines: the time of each emotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from voxaffect.recognition.display import name_channel
from voxaffect.records.values import format_count

if TYPE_CHECKING:
    from voxaffect.recognition import SpeechSummary, Timeline

_THIRDS = ("first third", "second third", "last third")


def format_clock(seconds: float) -> str:
    """Format a moment as ``m:ss.s``, or ``h:mm:ss.s`` from an hour on."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest_text = f"{rest // 10:02}.{rest % 10}"
    return f"{hours}:{minutes:02}:{rest_text}" if hours else f"{minutes}:{rest_text}"


def format_times(heard_seconds: float, times: Mapping[str, float]) -> str:
    """Format the time of each emotion in what was heard, the longest first.

    An emotion whose share rounds to 0 % is left out.

    Examples
    --------
    >>> format_times(60, {"happy": 10, "sad": 30})
    '1:00.0 heard, 0:40.0 of it speech: sad 0:30.0 (75 %), happy 0:10.0 (25 %).'
    """
    if not any(times.values()):
        return f"{format_clock(heard_seconds)} heard, no speech."
    speech = format_clock(sum(times.values()))
    return f"{format_clock(heard_seconds)} heard, {speech} of it speech: {_format_parts(times)}."


def _format_parts(times: Mapping[str, float]) -> str:
    speech = sum(times.values())
    return ", ".join(
        f"{emotion} {format_clock(seconds)} ({100 * seconds / speech:.0f} %)"
        for emotion, seconds in sorted(times.items(), key=lambda item: -item[1])
        if round(100 * seconds / speech)
    )


def format_timeline_summary(timeline: Timeline) -> list[str]:
    """Format the summary of a timeline: of all speech, of each speaker, of overlaps, each third."""
    summary = timeline.summary
    channel = "" if timeline.channel == "mix" else f", channel {name_channel(timeline)}"
    heard = format_times(timeline.seconds, _list_times(summary.whole))
    lines = [f"{timeline.source}{channel}: {heard}{_format_details(summary.whole)}"]
    for part in summary.speakers:
        speech = (
            f"{format_clock(part.speech_seconds)} of speech: {_format_parts(_list_times(part))}."
        )
        text = f"{speech}{_format_details(part)}" if part.shares else "no speech alone."
        lines.append(f"  {part.speaker}: {text}")
    if timeline.overlaps:
        seconds = sum(one.end_seconds - one.start_seconds for one in timeline.overlaps)
        times = format_count(len(timeline.overlaps), "time")
        lines.append(f"  overlapped speech: {times}, {format_clock(seconds)}, without an emotion.")
    thirds = (
        [part for part in summary.course if part.speaker is None] if summary.whole.shares else []
    )
    for name, part in zip(_THIRDS, thirds, strict=False):
        lines.append(f"  {name}: {_format_shares(part)}.")
    return lines


def _list_times(part: SpeechSummary) -> dict[str, float]:
    return {emotion: share * part.speech_seconds for emotion, share in part.shares.items()}


def _format_details(part: SpeechSummary) -> str:
    if part.changes_per_minute is None:
        return ""
    share = part.certain_share  # unknown without a threshold
    certain = "" if share is None else f", {100 * share:.0f} % certain"
    return f" {part.changes_per_minute:.1f} changes a minute{certain}."


def _format_shares(part: SpeechSummary) -> str:
    ranked = sorted(part.shares.items(), key=lambda item: -item[1])
    shares = [f"{emotion} {100 * share:.0f} %" for emotion, share in ranked if round(100 * share)]
    return ", ".join(shares) or "no speech"
