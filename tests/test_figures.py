"""The figures in the sentences of pages are those of the benchmarks.

Tables, most sentences of README.md and MODEL_CARD.md, and the shares of wrong answers are tested by
tests/test_readme.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

import voxaffect as va

ROOT = Path(__file__).parents[1]
WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
Phrases = Iterator[str]


def read(name: str) -> Any:
    return json.loads((ROOT / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def points(gain: float) -> str:
    return f"{100 * abs(gain):.0f}"


def find_fast_risk() -> float:
    return float(read("finished")["fast"]["risk"])


def write_batches() -> Phrases:
    sizes = [4 * len(va.load(name).card.mean) / 1000 for name in ("accurate", "fast")]
    yield f"{sizes[0]:.0f} kB for a recording with an encoder model, {sizes[1]:.0f} kB with `fast`"


def write_concepts_encoders() -> Phrases:
    encoder, networks = (read("accuracy")[f"emobox-{name}"] for name in ("encoder", "networks"))
    uars = [recipe["clean"]["uar"]["mean"] for recipe in (encoder, networks)]
    yield f"a UAR of {uars[0]:.3f} and of {uars[1]:.3f} with `networks`"


def write_concepts_protocols() -> Phrases:
    four = read("accuracy")["four-tutorial"]
    split, speakers = (four[name]["accuracy"]["mean"] for name in ("tutorial", "emobox"))
    yield f"in a random split its accuracy is {split:.3f}, on new speakers {speakers:.3f}"


def write_concepts_uncertainty() -> Phrases:
    accuracy, unseen = read("accuracy"), read("unseen")["encoder"]["plain"]
    names = ("logistic", "networks", "encoder")
    errors = {f"{accuracy[f'emobox-{name}']['clean']['calibration_error']:.2f}" for name in names}
    assert errors <= {"0.03"}
    yield "of RAVDESS it is about 0.03 for the recipes `logistic`, `networks` and `encoder`"
    error = unseen["mean"]["calibration_error"]
    yield f"On corpora that the model never heard it is about {error:.1f} for `encoder`"
    assert unseen["corpora"]["nemo"]["right"] == pytest.approx(0.5, abs=0.05)
    yield "it was half on one corpus, nEMO"


def write_conversations() -> Phrases:
    calls = read("conversation")
    overlaps = {
        f"{100 * one['turns that overlap'] / one['turns']:.0f}"
        for one in (call["conversation"] for call in calls.values())
    }
    yield f"{min(overlaps)} to {max(overlaps)} of a hundred overlap the turn before"

    def share(way: str, level: str) -> float:
        return mean(call["ways"][way][level]["share of time"] for call in calls.values())

    cost = mean(
        call["ways"]["diarized"]["diarization"]["seconds"] / call["conversation"]["seconds"]
        for call in calls.values()
    )
    yield f"about {cost:.2f} s of processor time for each second"
    plain, mean_of_turns = share("ignored", "segments"), share("ignored", "turns")
    turns, found = share("given", "turns"), share("diarized", "turns")
    yield f"True turns are worth {points(turns - plain)} points of time"
    yield f"segments that ignore the turns gain {points(mean_of_turns - plain)} points"
    windows = WORDS[round(100 * (turns - mean_of_turns))]
    yield f"Windows that follow the turns add {windows} point"
    segments = WORDS[round(100 * (share("given", "segments") - plain))]
    yield f"In the segments, turns are worth {segments} point."
    yield f"one emotion for each turn is worth {points(found - plain)} points"
    speakers = [
        part
        for call in calls.values()
        for part in call["ways"]["given"]["turns"]["by speaker"].values()
    ]
    yield f"from {min(speakers):.2f} to {max(speakers):.2f} of their time is right"
    ways = calls["emovo-1"]["ways"]
    plain, levels = ways["ignored, two channels"]["segments"], ways["given, two channels"]
    shares = [part["share of time"] for part in (plain, levels["segments"], levels["turns"])]
    yield f"{shares[0]:.3f} is right without turns, {shares[1]:.3f} in the segments of true turns"
    yield f"and {shares[2]:.3f} with one emotion for each turn"


def write_adaptation_of_conversations() -> Phrases:
    calls = {
        name.partition(":")[0]: call["ways"] for name, call in read("speaker_adaptation").items()
    }

    def list_gains(way: str, start: str, than: str = "none") -> list[float]:
        return [
            ways[way]["turns"]["share of time"] - ways[than]["turns"]["share of time"]
            for name, ways in sorted(calls.items())
            if name.startswith(start)
        ]

    loss, *gains = sorted(list_gains("all", "aesdd"))
    yield f"gained {points(gains[0])} to {points(gains[-1])} points in three conversations"
    yield f"and lost {points(loss)} in one"
    loss, low, high = sorted(list_gains("all", "emovo"))
    yield f"on EMOVO it gained {points(high)} and {points(low)} points and lost {points(loss)}"
    better = sum(gain > 0 for gain in list_gains("all", "aesdd", "first minute"))
    yield f"all windows served better than the first minute in {WORDS[better]} of four"


def write_features() -> Phrases:
    high, low = (read("speed")[f"milliseconds a {rate} kHz clip, one thread"] for rate in (48, 16))
    ours, theirs = high["voxaffect classic"]["median"], high["tutorial"]["median"]
    yield f"of about 3.7 s in {ours:.1f} ms at 48 kHz"
    yield f"librosa takes {theirs:.1f} ms, {WORDS[round(theirs / ours)]} times as long"
    yield f"`affect` features take {low['voxaffect affect']['median']:.0f} ms at 16 kHz"


def write_models() -> Phrases:
    speed = read("speed")
    clip, hour = (
        speed["ratios"][f"accurate / fast, {of}"]["median"] for of in ("a clip", "timeline")
    )
    yield f"takes about {clip:.1f} times as long as with `fast`"
    yield f"a timeline of an hour {hour:.1f} times as long"
    assert speed["seconds, whole process, 60 minutes"]["timeline, accurate"]["median"] < 60
    yield "this hour still takes less than a minute on two processors"


def write_page() -> Phrases:
    yield f"on three other corpora, {percent(find_fast_risk())} of its certain answers were wrong"


def write_predict() -> Phrases:
    ratio = read("speed")["ratios"]["accurate / fast, a clip"]["median"]
    assert 1 / ratio == pytest.approx(2 / 5, abs=0.03)
    yield "`fast` takes two fifths of the time"


def find_clients(model: Any, count: int) -> Any:
    """Row of serve.json of a number of clients."""
    return next(row for row in model["clients"] if row["clients"] == count)


def write_scaling() -> Phrases:
    scale, serve = read("scale"), read("serve")
    for rate in scale["throughput"]["rates"].values():
        low, high = rate["range"]
        yield f"| {rate['per_second']:.0f} ({low:.0f} to {high:.0f}) |"
    yield f"two processes do {scale['throughput']['two_against_one']:.1f} times the work of one"
    longer = scale["throughput"]["dask_against_local"] - 1
    yield f"Dask took {percent(longer)} longer than local processes"
    hours = 1000 / (3.7 * scale["throughput"]["rates"]["one worker"]["per_second"])
    yield f"1,000 hours with `fast` take {hours:.0f} hours of one processor"
    bare = [find_clients(serve[name], 1)["bare_processor_ms"] for name in ("fast", "accurate")]
    factor = bare[1] / bare[0]
    yield f"an answer costs {factor:.1f} times as much"
    yield f"so 1,000 hours take {factor * hours:.0f} hours of one processor"
    yield f"does them in {60 * factor * hours / 100:.0f} minutes"
    few, *_, many = scale["memory"]
    assert f"{few['peak_mb']:.0f}" == f"{many['peak_mb']:.0f}"
    yield f"{few['peak_mb']:.0f} MB for {few['rows']:,} rows and for {many['rows']:,}"
    yield f"cost {many['ms_a_row']:.2f} ms"
    yield f"resuming when all is done took {many['resume_seconds']:.0f} s"


def write_service() -> Phrases:
    serve = read("serve")
    models = [serve["fast"], serve["accurate"]]
    one, eight, many = ([find_clients(model, count) for model in models] for count in (1, 8, 64))
    shares = [percent(row["share"]) for row in eight]
    yield f"with 8 clients, throughput is {shares[0]} (`fast`) and {shares[1]} (`accurate`)"
    costs = [f"{row['processor_ms']:.0f}" for row in eight]
    yield f"an answer costs {costs[0]} and {costs[1]} ms of a processor"
    bare = [f"{row['bare_processor_ms']:.0f}" for row in eight]
    yield f"the bare function {bare[0]} and {bare[1]} ms"
    for row in eight:
        yield f"{row['turns']['lower']:.2f} to {row['turns']['upper']:.2f}"
    waits = [f"{1000 * row['p50']:.0f}" for row in one]
    yield f"One client alone waits {waits[0]} and {waits[1]} ms for an answer"
    waits = [f"{row['p99']:.1f}" for row in many]
    yield f"99th percentile of the latency is {waits[0]} and {waits[1]} s"
    few, full = (
        next(row for row in serve["fast"]["streams"] if row["streams"] == count)
        for count in (10, 100)
    )
    yield f"{full['lag_p50']:.1f} s after its sound in the median, {full['lag_p99']:.1f} s at the"
    yield f"{few['lag_p50']:.1f} s after their end in the median, {few['lag_p99']:.1f} s at the"
    ready = serve["ready_seconds"]
    yield f"ready {ready['median']:.1f} s after its start ({ready['least']:.1f} to"
    yield f"to {ready['most']:.1f} s in {WORDS[ready['starts']]} starts)"
    for part in ("requests", "streams"):
        low, high = (
            f"{serve['memory'][part][third]:.0f} MB" for third in ("first_third", "last_third")
        )
        yield f"take {low} in the first third and {high} in the last"
    yield f"Over {serve['memory']['requests']['requests']:,} requests"
    yield f"({serve['memory']['streams']['streams']} streams"


def write_timelines() -> Phrases:
    peaks = {row["minutes"]: row["peak_mb"] for row in read("timeline")["speed"]["16 kHz mono"]}
    assert peaks[60] < 1.1 * peaks[5]
    yield "an hour needs as little memory as five minutes"


def write_tutorial() -> Phrases:
    speakers = read("accuracy")["four-tutorial"]["emobox"]["accuracy"]["mean"]
    yield f"With EmoBox's folds it is {percent(speakers)}"


def write_card() -> Phrases:
    answers = read("speed")["milliseconds a 16 kHz clip from file to answer, one thread"]
    accurate, fast = (f"{answers[name]['median']:.0f} ms" for name in ("accurate", "fast"))
    yield f"| {accurate} | {fast} |"
    speech = read("speech")
    assert set(speech["synthesized"].values()) == {0}
    parts = speech["speech"]
    for name, title in {"ravdess": "RAVDESS", "emovo": "EMOVO"}.items():
        yield f"| {title} | {len(parts[name]['missed'])} of {parts[name]['recordings']:,}"
    assert not any(parts[name]["missed"] for name in ("emodb", "nemo", "aesdd"))
    counts = [f"{parts[name]['recordings']:,}" for name in ("emodb", "nemo", "aesdd")]
    yield f"| EMO-DB, nEMO, AESDD | 0 of {counts[0]}, {counts[1]} and {counts[2]} |"
    missed = [round(40 * part["degraded"]["telephone"]) for part in parts.values()]
    yield f"over a simulated telephone | {min(missed)} to {max(missed)} of 40 |"
    assert not any(
        share
        for part in parts.values()
        for name, share in part["degraded"].items()
        if name.endswith(" dB") and not name.startswith("-")
    )
    yield "| 40 of each corpus in noise of 20 to 5 dB | 0 of 40 |"
    recipe = read("unseen")["encoder"]["plain"]["corpora"]
    finished = read("finished")["accurate"]["corpora"]
    differences = {
        f"{recipe[name]['uar_all_emotions'] - finished[name.removesuffix('-table')]['uar']:.2f}"
        for name in ("aesdd", "emovo-table")
    }
    assert len(differences) == 1
    yield f"The UAR of `accurate` is about {min(differences)} lower"


PAGES: dict[str, tuple[Callable[[], Phrases], ...]] = {
    "MODEL_CARD.md": (write_card,),
    "docs/batches.md": (write_batches,),
    "docs/concepts-encoders.md": (write_concepts_encoders,),
    "docs/concepts-protocols.md": (write_concepts_protocols,),
    "docs/concepts-uncertainty.md": (write_concepts_uncertainty,),
    "docs/conversations.md": (write_conversations, write_adaptation_of_conversations),
    "docs/features.md": (write_features,),
    "docs/in-a-service.md": (write_service,),
    "docs/live.md": (write_page,),
    "docs/models.md": (write_models,),
    "docs/page.md": (write_page,),
    "docs/predict.md": (write_predict,),
    "docs/scaling.md": (write_scaling,),
    "docs/timelines.md": (write_timelines,),
    "docs/tutorial.md": (write_tutorial,),
}
"""Pages, and their phrases as the benchmarks have the figures in them."""


@pytest.mark.parametrize("page", PAGES)
def test_the_figures_of_a_page_are_those_of_the_benchmarks(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    phrases = [phrase for write in PAGES[page] for phrase in write()]
    assert [phrase for phrase in phrases if phrase not in text] == []
