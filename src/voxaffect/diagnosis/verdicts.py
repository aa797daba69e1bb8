"""From measures to findings: what is wrong, what it does to the answer, and what helps.

Limits are set so that clean recordings hardly ever pass them: RAVDESS at 16 and 48 kHz and EMO-DB,
2,037 recordings. `benchmarks/doctor.py` measures them again; its JSON has the percentiles of every
number, the share of false alarms, and how often each of seventeen planted defects is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from voxaffect.audio import MAX_PEAK, MIN_SECONDS
from voxaffect.diagnosis.measures import Measures, Recording, decibels
from voxaffect.models import ModelCard
from voxaffect.recognition import Prediction
from voxaffect.recognition.display import format_apart, format_probability

OK, WARNING, PROBLEM = "ok", "warning", "problem"
HIGH, LIMITED, LOW = "high", "limited", "low"

SHORT_SPEECH_SECONDS: Final = 0.8
LONG_SECONDS: Final = 15.0
FEW_SPEECH_SHARE: Final = 0.15
FEWEST_TOPS: Final = 3
CLIPPED_SHARE: Final = 1e-3
QUIET_DB: Final = -57.0
FAINT_DB: Final = -70.0
STEP_DB: Final = -90.3
"""One step of 16 bits."""
OFFSET_SHARE: Final = 0.02
OFFSET_RE_SPEECH: Final = 0.2
NOISY_DB: Final = 20.0
DROWNED_DB: Final = 15.0
DRY_DB: Final = 18.7
WET_DB: Final = 13.3
"""Dry speech falls by 19.6 dB and more in 80 ms, in noise of 20 dB by 13.7 and more; in a room of
0.4 s with as much reverberant as direct sound by 17.7 at most, of 0.8 s by 13.3."""
CLEAR_DB, HARDLY_CLEAR_DB = 24.0, 17.0
TELEPHONE_LOW_DB: Final = -40.0
NARROWEST_HZ: Final = 3_000.0
TELEPHONE_HZ: Final = 4_200.0
WIDE_HZ: Final = 7_200.0
HUM_PROMINENCE_DB: Final = 20.0
HUM_DB: Final = -40.0
CANCELED_DB: Final = -10.0
SAME: Final = 0.9999
DOUBTFUL: Final = 0.5
LOUD_PEAK: Final = 2.0
"""Lossy files of full scale decode to somewhat over it, and never to twice."""
_ONE_CHANNEL: Final = (
    "Take one channel alone, with predict --channels left, or swap the polarity of one."
)
COARSE: Final = frozenset(
    {"PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "VOX_ADPCM", "GSM610"}
)
FINE: Final = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
LOSSY: Final = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS"})


@dataclass(frozen=True)
class Finding:
    """One thing that was examined.

    Parameters
    ----------
    topic : str
        ``length``, ``level``, ``noise``, …: stable names.
    verdict : str
        ``ok``, ``warning`` or ``problem``: of the recording.
    text : str
        What was found, with its unit.
    value : float or None
        The number that decided, in `unit`.
    unit : str
    effect : str
        What it does to trust in the answer; empty if nothing.
    remedy : str
        What helps; empty if nothing has to.
    trust : str
        What this alone leaves of trust in the answer: ``high``, ``limited`` or ``low``.
    """

    topic: str
    verdict: str
    text: str
    value: float | None = None
    unit: str = ""
    effect: str = ""
    remedy: str = ""
    trust: str = HIGH


@dataclass(frozen=True, eq=False)
class Case:
    """All that a verdict may look at."""

    recording: Recording
    measures: Measures
    card: ModelCard
    prediction: Prediction | None = None
    distance: float | None = None

    @property
    def has_speech(self) -> bool:
        """Whether the answer is an emotion; where there is none, whether speech was found."""
        if self.prediction is not None:
            return self.prediction.has_speech
        return self.measures.sound is not None and self.measures.sound.finding.has_speech

    @property
    def subject(self) -> str:
        """What the sound is called."""
        return "speech" if self.has_speech else "sound"


def cost(card: ModelCard, condition: str) -> str:
    """Say what a condition cost, as measured for the model's recipe."""
    found = card.conditions
    if condition not in found:
        return f"What it costs was not measured for recipe {card.recipe}."
    clean, there = found["clean"], found[condition]
    return (
        f"UAR on new voices {clean:.3f} clean, {there:.3f} at {condition!r} "
        f"({there - clean:+.3f}, recipe {card.recipe})."
    )


def _percent(share: float) -> str:
    """Percent with two digits that count, and never an exponent for what can occur."""
    percent = 100 * share
    return f"{percent:.0f}" if 10 <= abs(percent) < 1e6 else f"{percent:.2g}"


def judge(case: Case) -> tuple[Finding, ...]:
    """Give every verdict that the case allows, in the order in which people should read them."""
    found = [verdict(case) for verdict in _ALWAYS]
    if case.measures.sound is not None:
        found += [verdict(case) for verdict in _OF_SOUND]
    if case.prediction is not None and case.prediction.has_speech:
        found += [_distance(case), _answer(case)]
    return tuple(found)


def _length(case: Case) -> Finding:
    one = case.recording
    found: dict[str, Any] = {"text": f"{one.seconds:.2f} s", "value": one.seconds, "unit": "s"}
    if int(MIN_SECONDS * one.rate_hz) > len(one.samples):
        return Finding(
            "length",
            PROBLEM,
            **found,
            trust=LOW,
            effect=f"Under {MIN_SECONDS} s there is nothing to recognize: it is refused.",
            remedy="Record a whole sentence, two to four seconds.",
        )
    if one.seconds <= LONG_SECONDS:
        return Finding("length", OK, **found)
    if not one.is_whole:
        found["text"] += f", of which the first {len(one.samples) / one.rate_hz:.0f} were examined"
    return Finding(
        "length",
        WARNING,
        **found,
        trust=LIMITED,
        effect="The model learnt from single sentences, and emotions change over so long a time.",
        remedy="Cut it into sentences, or ask for emotion over time: voxaffect predict --timeline.",
    )


def _format(case: Case) -> Finding:
    one = case.recording
    kind = f"{one.container} {one.encoding}".strip() or "samples"
    found: dict[str, Any] = {
        "text": f"{kind}, {one.rate_hz} Hz",
        "value": one.rate_hz,
        "unit": "Hz",
    }
    if one.encoding in COARSE:
        return Finding(
            "format",
            WARNING,
            **found,
            trust=LIMITED,
            effect="Coarse steps add noise. Not measured alone; it is a part of 'telephone': "
            + cost(case.card, "telephone"),
            remedy="Save as WAV or FLAC with 16 bits or more.",
        )
    if one.encoding in LOSSY:
        effect = "Lossy, which hardly matters: " + cost(case.card, "MP3 at 64 kbit/s")
        return Finding("format", OK, **found, effect=effect)
    return Finding("format", OK, **found)


def _channels(case: Case) -> Finding:
    channels = case.measures.channels
    count = len(channels.levels_db)
    found: dict[str, Any] = {"value": float(count), "unit": "channels"}
    if count == 1:
        return Finding("channels", OK, "mono", **found)
    if channels.silent:
        which = ", ".join(map(str, channels.silent))
        return Finding(
            "channels",
            WARNING,
            f"{count} channels, silent: {which}",
            **found,
            effect="The mix is quieter; level does not change the answer.",
            remedy="Check the cable or the export, or save the other channel as mono.",
        )
    found = {"value": channels.mix_db, "unit": "dB"}
    relation = f"{count} channels, mixed at {channels.mix_db:.1f} dB"
    if channels.correlation is not None:
        relation += f", correlation {channels.correlation:.2f}"
    if channels.mix_db <= CANCELED_DB:
        return Finding(
            "channels",
            PROBLEM,
            relation,
            **found,
            trust=LOW,
            effect="Opposite phase: the channels cancel, and the model hears what remains.",
            remedy=_ONE_CHANNEL,
        )
    if channels.are_different:
        return Finding(
            "channels",
            WARNING,
            relation,
            **found,
            trust=LIMITED,
            effect="Different sound on each: two voices may be heard as one.",
            remedy="Recognize each by itself: voxaffect predict --channels each.",
        )
    if channels.correlation is not None and channels.correlation > SAME:
        relation = f"{count} channels, the same"
    return Finding("channels", OK, relation, **found)


def _clipping(case: Case) -> Finding:
    flat = case.measures.flat
    found: dict[str, Any] = {"value": flat.share, "unit": "share of samples"}
    if flat.runs < FEWEST_TOPS:
        return Finding("clipping", OK, "none", **found)
    below = "" if flat.level > 0.98 else " and turned down afterwards"
    severe = flat.share >= CLIPPED_SHARE
    return Finding(
        "clipping",
        PROBLEM if severe else WARNING,
        f"{_percent(flat.share)} % of samples in {flat.runs} flat tops at "
        f"{decibels(flat.level**2):.1f} dBFS, cut off{below}",
        **found,
        trust=LOW if severe else LIMITED,
        effect="Adds harmonics that were not in the voice; what it costs was not measured.",
        remedy="Record again with less gain, peaks at half of full scale: it cannot be repaired.",
    )


def _level(case: Case) -> Finding:
    measures = case.measures
    peak_db = decibels(measures.peak**2)
    if measures.is_silent or measures.sound is None:
        return _unusable_level(measures, peak_db)
    level_db = decibels(measures.sound.speech.power)
    text = f"{case.subject} at {level_db:.1f} dBFS, peak at {peak_db:.1f}"
    found: dict[str, Any] = {"text": text, "value": level_db, "unit": "dBFS"}
    if measures.peak > LOUD_PEAK:
        return Finding(
            "level",
            WARNING,
            **found,
            effect=f"Samples reach {measures.peak:,.0f}, and full scale is 1. The answer does not "
            "depend on level, but a player clips it, and so does saving it as integers.",
            remedy="Divide integers that are held as floats by their full scale, 32768 of 16 bits.",
        )
    if level_db >= QUIET_DB or case.recording.encoding in FINE:
        return Finding("level", OK, **found)
    bits = max(0.0, (level_db - STEP_DB) / 6.02)
    return Finding(
        "level",
        PROBLEM if level_db < FAINT_DB else WARNING,
        **found,
        trust=LOW if level_db < FAINT_DB else LIMITED,
        effect=f"Level itself changes nothing, but of 16 bits it uses {bits:.1f}. "
        + cost(case.card, "gain -20 dB, 16 bit"),
        remedy="Raise the microphone's gain; raising the file's does not bring bits back.",
    )


def _unusable_level(measures: Measures, peak_db: float) -> Finding:
    found: dict[str, Any] = {"value": peak_db, "unit": "dBFS"}
    if measures.is_silent:
        which = "silent" if len(measures.channels.levels_db) == 1 else "silent when mixed"
        cancels = measures.channels.mix_db <= CANCELED_DB
        return Finding(
            "level",
            PROBLEM,
            f"{which}, peak at {peak_db:.1f} dBFS",
            **found,
            trust=LOW,
            effect="There is nothing to recognize: it is refused.",
            remedy=_ONE_CHANNEL
            if cancels
            else "Check the microphone, its permission, and the export.",
        )
    if measures.peak > MAX_PEAK:
        return Finding(
            "level",
            PROBLEM,
            f"peak at {peak_db:.1f} dBFS",
            **found,
            trust=LOW,
            effect="No sound card gives such samples: it is refused.",
            remedy="Normalize it to −1 to 1; integers held as floats must be divided first.",
        )
    return Finding("level", OK, f"peak at {peak_db:.1f} dBFS", **found)


def _offset(case: Case) -> Finding:
    offset = case.measures.offset
    found: dict[str, Any] = {
        "text": f"{_percent(offset)} % of full scale",
        "value": offset,
        "unit": "share of full scale",
    }
    sound = case.measures.sound
    power = sound.speech.power if sound else 0.0  # 0 of a click after the last whole frame
    beside = abs(offset) / power**0.5 if power else 0.0
    if abs(offset) < OFFSET_SHARE and (beside < OFFSET_RE_SPEECH or abs(offset) < 1e-3):
        return Finding("offset", OK, **found)
    blind = case.card.spec.name == "affect"
    return Finding(
        "offset",
        WARNING,
        **found,
        trust=HIGH if blind else LIMITED,
        effect="Removed before features are computed, so it costs only headroom."
        if blind
        else f"The features {case.card.spec.name!r} hear it as a tone of 0 Hz.",
        remedy="Filter it out (high-pass at 20 Hz); check the sound card.",
    )


def _speech(case: Case) -> Finding:
    assert case.measures.sound is not None
    speech, recording = case.measures.sound.finding, case.recording
    share = min(1.0, speech.seconds / (len(recording.samples) / recording.rate_hz))
    found: dict[str, Any] = {
        "text": f"{speech.seconds:.1f} s, {100 * share:.0f} % of the recording",
        "value": share,
        "unit": "share of the recording",
    }
    if not case.has_speech:
        found["text"], found["value"] = "none was found", 0.0
        return Finding(
            "speech",
            PROBLEM,
            **found,
            trust=LOW,
            effect="Without speech there is no emotion to recognize: the answer is 'no speech'.",
            remedy="Listen to it: does a person speak, close to the microphone? Of singing and "
            "shouting, voxaffect predict --vad energy gives an answer all the same.",
        )
    if speech.seconds < SHORT_SPEECH_SECONDS:
        return Finding(
            "speech",
            WARNING,
            **found,
            trust=LIMITED,
            effect="Shorter than what the model learnt from, 1 s and more.",
            remedy="Let the speaker say a whole sentence.",
        )
    if share < FEW_SPEECH_SHARE:
        return Finding(
            "speech",
            WARNING,
            **found,
            trust=LIMITED,
            effect="Little of it is speech. Silence itself costs nothing: "
            + cost(case.card, "1 s silence around"),
            remedy="Listen to it; cut it to the speech.",
        )
    return Finding("speech", OK, **found)


def _noise(case: Case) -> Finding:
    assert case.measures.sound is not None
    ratio = case.measures.sound.snr_db
    found: dict[str, Any] = {
        "text": f"{case.subject} {ratio:.0f} dB over the background",
        "value": ratio,
        "unit": "dB",
    }
    if ratio >= NOISY_DB:
        return Finding("noise", OK, **found)
    drowned = ratio < DROWNED_DB
    return Finding(
        "noise",
        PROBLEM if drowned else WARNING,
        **found,
        trust=LOW if drowned else LIMITED,
        effect=cost(case.card, "noise 10 dB" if drowned else "noise 20 dB"),
        remedy="Come closer to the microphone, close windows, switch off fans; a room that rings "
        "counts as background, too.",
    )


def _room(case: Case) -> Finding:
    assert case.measures.sound is not None
    fall, ratio = case.measures.sound.decay_db, case.measures.sound.snr_db
    if fall is None or ratio < HARDLY_CLEAR_DB:  # noise, too, keeps the level from falling
        why = "so little speech" if fall is None else "in so much background"
        return Finding("room", OK, f"cannot be told {'from ' if fall is None else ''}{why}")
    found: dict[str, Any] = {
        "text": f"sound falls by {fall:.0f} dB in 80 ms",
        "value": fall,
        "unit": "dB in 80 ms",
    }
    if fall >= (DRY_DB if ratio >= CLEAR_DB else WET_DB):
        return Finding("room", OK, **found)
    wet = fall < WET_DB
    found["text"] += f"; close to a microphone, by {DRY_DB:.0f} and more"
    return Finding(
        "room",
        PROBLEM if wet else WARNING,
        **found,
        trust=LOW if wet else LIMITED,
        effect=("More of a room than what was measured: " if wet else "Reverberant. ")
        + cost(case.card, "reverb"),
        remedy="Come closer to the microphone, or record where there are curtains and carpets.",
    )


def _bandwidth(case: Case) -> Finding:
    assert case.measures.sound is not None
    band = case.measures.sound.band
    found: dict[str, Any] = {"value": band.high_hz, "unit": "Hz"}
    if band.high_hz >= WIDE_HZ:
        text = f"{case.subject} up to {band.high_hz:.0f} Hz and more"
        return Finding("bandwidth", OK, text, **found)
    remedy = "Record at 16 kHz or more, without a telephone or a headset in call mode."
    is_line = band.high_hz <= TELEPHONE_HZ and band.low_db < TELEPHONE_LOW_DB
    if is_line or band.high_hz <= NARROWEST_HZ:
        kind = "a telephone's" if is_line else "narrower than a telephone's"
        return Finding(
            "bandwidth",
            PROBLEM,
            f"{kind}: nothing over {band.high_hz:.0f} Hz, and under 200 Hz {band.low_db:.0f} dB",
            **found,
            trust=LOW,
            effect=cost(case.card, "telephone"),
            remedy=remedy,
        )
    kind = "sampled at 8 kHz before" if band.high_hz <= TELEPHONE_HZ else "low-passed"
    if case.recording.rate_hz / 2 <= band.high_hz:
        kind = "all that this rate holds"
    return Finding(
        "bandwidth",
        WARNING,
        f"nothing over {band.high_hz:.0f} Hz: {kind}",
        **found,
        trust=LIMITED,
        effect=cost(case.card, "8 kHz"),
        remedy=remedy,
    )


def _hum(case: Case) -> Finding:
    assert case.measures.sound is not None
    hum = case.measures.sound.hum
    found: dict[str, Any] = {"value": hum.level_db, "unit": "dB re speech"}
    if hum.prominence_db < HUM_PROMINENCE_DB or hum.level_db < HUM_DB:
        return Finding("hum", OK, "none", **found)
    return Finding(
        "hum",
        WARNING,
        f"a tone at {hum.hertz:.0f} Hz, {hum.level_db:.0f} dB re speech",
        **found,
        trust=LIMITED,
        effect="Mains hum; what it costs was not measured.",
        remedy="Check cables and chargers, or filter it out (high-pass at 80 Hz).",
    )


def _distance(case: Case) -> Finding:
    limits = case.card.distances
    if case.distance is None or not {"95", "99"} <= set(limits):
        return Finding("likeness", OK, "the model does not say what it was trained on")
    distance, limit = format_apart(case.distance, limits["95"])
    text = f"distance {distance} from the training data, of which 95 % are within {limit}"
    found: dict[str, Any] = {"text": text, "value": case.distance, "unit": "sd"}
    if case.distance < limits["95"]:
        return Finding("likeness", OK, **found)
    far = case.distance >= limits["99"]
    return Finding(
        "likeness",
        PROBLEM if far else WARNING,
        **found,
        trust=LOW if far else LIMITED,
        effect=f"Stranger than {99 if far else 95} % of what the model has learnt from: "
        "how often it is right out there was not measured.",
        remedy="Mend the findings above; is it one person's speech, with no music? "
        "Recordings like this one in training help.",
    )


def _answer(case: Case) -> Finding:
    assert case.prediction is not None
    ranked = sorted(case.prediction.probabilities.items(), key=lambda item: -item[1])
    text = ", then ".join(f"{emotion} {format_probability(p)}" for emotion, p in ranked[:2])
    threshold = case.card.abstention.get("threshold", DOUBTFUL)
    found: dict[str, Any] = {"text": text, "value": ranked[0][1], "unit": "probability"}
    if not case.prediction.uncertain:
        return Finding("answer", OK, **found)
    if ranked[0][1] >= threshold:
        reason = (
            "two different channels are mixed"
            if case.prediction.channels_differ
            else "emotion may change in so long a recording"
        )
        return Finding(
            "answer",
            WARNING,
            **found,
            trust=LIMITED,
            effect=f"Uncertain: {reason}. Take it as a list, not as an answer.",
            remedy="Ask for each channel (predict --channels each) or for emotion over time "
            "(predict --timeline).",
        )
    probability, limit = format_apart(ranked[0][1], threshold)
    return Finding(
        "answer",
        WARNING,
        **found,
        trust=LIMITED,
        effect=f"Uncertain: {probability} is less than {limit}. "
        "Take it as a list, not as an answer.",
        remedy="Enroll the speaker with about eight recordings (predict --enroll).",
    )


_Verdict = Callable[[Case], Finding]
_ALWAYS: tuple[_Verdict, ...] = (_length, _format, _channels, _level, _clipping, _offset)
_OF_SOUND: tuple[_Verdict, ...] = (_speech, _noise, _room, _bandwidth, _hum)
