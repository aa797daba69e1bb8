"""Write the tables of the README, the model card and pages of docs/ from the JSON results.

python benchmarks/tables.py            # write
python benchmarks/tables.py --check    # fail if they are not up to date
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGETS = (
    "README.md",
    "MODEL_CARD.md",
    "docs/batches.md",
    "docs/benchmarks.md",
    "docs/conversations.md",
)
NAMES = {
    "tutorial": "`tutorial`: classic, MLP",
    "mlp": "`mlp`: classic, scaled, MLP",
    "logistic": "`logistic`: affect, logistic regression",
    "ensemble": "`ensemble`: three regressions",
    "networks": "`networks`: logistic and networks",
    "encoder": "`encoder`: Whisper base and regression",
}


def mean_sd(metric: dict[str, float]) -> str:
    return f"{metric['mean']:.3f} ± {metric['sd']:.3f}"


def table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def recipes_table(results: dict[str, Any]) -> str:
    """Random split and new speakers side by side, and the other corpus."""
    rows = [
        [
            "recipe",
            "4 emotions, random split, accuracy",
            "4 emotions, new speakers, accuracy",
            "8 emotions, new speakers, UAR",
            "95 % interval",
            "RAVDESS → EMO-DB, 6 emotions, UAR",
        ]
    ]
    for recipe, title in NAMES.items():
        four, eight, cross = (
            results.get(f"{part}-{recipe}") for part in ("four", "emobox", "cross")
        )
        cells = ["–"] * 5
        if four:
            cells[:2] = [
                mean_sd(four[p]["accuracy"]) if p in four else "–" for p in ("tutorial", "emobox")
            ]
        if eight:
            low, high = eight["clean"]["interval"]
            cells[2:4] = [mean_sd(eight["clean"]["uar"]), f"{low:.3f} to {high:.3f}"]
        if cross:
            cells[4] = f"{cross['uar']['mean']:.3f}"
        if four or eight or cross:
            rows.append([title, *cells])
    return table(rows)


def of_augmented(results: dict[str, Any]) -> dict[str, Any]:
    """EmoBox results of the recipes with augmented copies."""
    wanted = {recipe: f"emobox-{recipe}" for recipe in ("logistic", "networks", "encoder")}
    return {recipe: results[part] for recipe, part in wanted.items() if part in results}


def peers_table(results: dict[str, Any], peers: dict[str, Any]) -> str:
    """Recipes of the bundled models and of the tutorial, among published encoders."""
    ours = {
        "recipe `encoder` of `accurate`: layers of Whisper base": "encoder",
        "recipe `networks` of `fast`": "networks",
        "the tutorial: 180 features, MLP": "tutorial",
    }
    rows = [
        (metric["mean"], mean_sd(metric), title, "measured here")
        for title, recipe in ours.items()
        for metric in [results[f"emobox-{recipe}"]["clean"]["accuracy"]]
    ]
    source = f"[published by EmoBox]({peers['url']})"
    rows += [
        (value, f"{value:.3f}", f"{name}, frozen", source)
        for name, value in peers["accuracy"].items()
    ]
    body = [[title, score, by] for _, score, title, by in sorted(rows, reverse=True)]
    return table([["system", "accuracy", ""], *body])


def conditions_table(results: dict[str, Any]) -> str:
    """UAR under each condition, and how it differs from clean."""
    found = of_augmented(results)
    rows = [["condition", *(f"`{recipe}` UAR (change)" for recipe in found)]]
    first = next(iter(found.values()))
    for name in sorted(
        (k for k, v in first.items() if isinstance(v, dict) and "uar" in v),
        key=lambda k: (k != "clean", k),
    ):
        cells = []
        for result in found.values():
            value, clean = (result[k]["uar"]["mean"] for k in (name, "clean"))
            cells.append(f"{value:.3f}" + ("" if name == "clean" else f" ({value - clean:+.3f})"))
        rows.append([name, *cells])
    return table(rows)


def honesty_table(results: dict[str, Any]) -> str:
    """Calibration, sexes, and 48 kHz originals."""
    found = of_augmented(results)
    rows = [["", *(f"`{recipe}`" for recipe in found)]]
    clean = [result["clean"] for result in found.values()]
    rows.append(
        ["calibration error (ECE), new speakers", *(f"{c['calibration_error']:.3f}" for c in clean)]
    )
    for sex in ("female", "male"):
        rows.append([f"UAR, {sex} speakers", *(f"{c['by_sex'][sex]:.3f}" for c in clean)])
    same = [result["48 kHz original"] for result in found.values()]
    cells = [f"{s['accuracy_16_khz']:.3f} → {s['accuracy_48_khz']:.3f}" for s in same]
    count = same[0]["utterances"]
    rows.append(
        [f"accuracy on {count} clips of new speakers at 16 kHz → their 48 kHz originals", *cells]
    )
    return table(rows)


def enrollment_table(results: dict[str, Any]) -> str:
    """What a few recordings of the speaker bring."""
    rows = [
        [
            "recordings to adapt to (`logistic`, RAVDESS, new speakers)",
            "UAR without",
            "UAR with",
            "gain, SD over folds and draws",
        ]
    ]
    part = results["enroll-logistic"]
    for count in sorted((key for key in part if key.isdigit()), key=int):
        plain, adapted = (part[count][key] for key in ("without", "with"))
        spread = part[count]["gain_sd_over_folds_and_draws"]
        gain = f"{adapted - plain:+.3f} ± {spread:.3f}"
        rows.append([count, f"{plain:.3f}", f"{adapted:.3f}", gain])
    return table(rows)


WAYS = {"plain": "plain", "by speaker": "adapted by speaker", "by corpus": "adapted by corpus"}
ANSWERS = {"uar": "emotions of both sides", "uar_all_emotions": "all emotions"}
PROMISES = {
    "coverage": "answered",
    "right": "right of these",
    "quarter_right": "right of the surest quarter",
    "calibration_error": "ECE",
}


def unseen_table(result: dict[str, Any]) -> str:
    """UAR on each corpus that was left out, plain and adapted; and promises kept there."""
    first = next(iter(result.values()))
    names = [*first["plain"]["corpora"]]
    titles = [*(f"{name.removesuffix('-table')} ({first['data'][name]:,})" for name in names)]
    titles.append("mean")
    rows = [["recipe", "adaptation", "answers among", *titles]]
    promises = [["recipe", "adaptation", "share", *titles]]
    for recipe, by_way in result.items():
        for key, title in ANSWERS.items():
            rows += [
                [f"`{recipe}`", way, title, *list_figures(by_way[one], key, names, 3)]
                for one, way in WAYS.items()
            ]
        for key, title in PROMISES.items():
            promises += [
                [f"`{recipe}`", way, title, *list_figures(by_way[one], key, names, 2)]
                for one, way in WAYS.items()
            ]
    return "\n\n".join(map(table, (rows, promises)))


def list_figures(part: dict[str, Any], key: str, names: list[str], digits: int) -> list[str]:
    """A figure of each corpus that was left out, and the mean of them."""
    values = [*(part["corpora"][name][key] for name in names), part["mean"][key]]
    return [f"{value:.{digits}f}" for value in values]


def finished_table(result: dict[str, Any], unseen: dict[str, Any]) -> str:
    """Bundled models on corpora that they never heard, with the recipe of `accurate` there."""
    left_out = unseen["encoder"]["plain"]["corpora"]
    left_out = {name.removesuffix("-table"): part for name, part in left_out.items()}
    head = ["model", "corpus", "UAR", "UAR of the recipe, trained on four"]
    rows = [[*head, "answered", "right of these"]]
    for model, part in result.items():
        for name, figures in part["corpora"].items():
            four = f"{left_out[name]['uar_all_emotions']:.3f}" if model == "accurate" else ""
            shares = [f"{figures[key]:.2f}" for key in ("coverage", "right")]
            rows.append([f"`{model}`", name, f"{figures['uar']:.3f}", four, *shares])
        shares = [f"{part['coverage']:.2f}", f"{1 - part['risk']:.2f}"]
        count = f"all {part['utterances']:,} recordings of these"
        rows.append([f"`{model}`", count, "", "", *shares])
    return table(rows)


def adaptation_text(result: dict[str, Any]) -> str:
    """Gain and harm of adaptation, with and without the checks that decide on it."""
    groups = result["encoder"]["groups"]
    rows = [["recordings", "groups", "accuracy without", "with", "with the checks", "adapted"]]
    rows += [
        [
            kind,
            str(row["groups"]),
            f"{row['accuracy without']:.3f}",
            f"{row['accuracy with']:.3f}",
            f"{row['accuracy with, where applied']:.3f}",
            f"{row['share applied']:.0%}",
        ]
        for kind, row in groups.items()
    ]
    one, whole = (
        [
            row[key] - row["accuracy without"]
            for key in ("accuracy with", "accuracy with, where applied")
        ]
        for row in (groups["one emotion"], groups["all of a speaker"])
    )
    return (
        "On corpora that were left out, adaptation to one emotion of a speaker changes accuracy by "
        f"{one[0]:+.2f}; with\nthe checks by {one[1]:+.2f}. Recordings of all emotions gain "
        f"{whole[1]:+.2f} with the checks and {whole[0]:+.2f} without them\n"
        f"(`benchmarks/adaptation.py`).\n\n{table(rows)}"
    )


def speed_table(result: dict[str, Any]) -> str:
    """Medians of one run, and ratios with their spread."""
    rates = ("48 kHz", "16 kHz")
    per_clip = [result[f"milliseconds a {rate} clip, one thread"] for rate in rates]
    rows = [["features of a clip of about 3.7 s, one thread", *(f"ms at {r}" for r in rates)]]
    rows += [
        [name, *(f"{times[name]['median']:.1f}" for times in per_clip)] for name in per_clip[0]
    ]
    ratios = [["ratio, within one run", "median", "min to max"]]
    ratios += [
        [name, f"{r['median']:.1f}", f"{r['min']:.1f} to {r['max']:.1f}"]
        for name, r in result["ratios"].items()
    ]
    for rate, times in zip(rates, per_clip, strict=True):
        quotient = times["opensmile eGeMAPSv02"]["median"] / times["voxaffect affect"]["median"]
        title = f"openSMILE eGeMAPS / voxaffect affect, {rate} (ratio of the two medians)"
        ratios.append([title, f"{quotient:.1f}", "–"])
    corpus = result["seconds for all 16 kHz clips"]
    note = "; ".join(f"{name}: {times['median']:.2f} s" for name, times in corpus.items())
    count = result["clips"]["16 kHz"]
    cached = (
        f"All {count:,} clips at 16 kHz, `classic`, with a cache: {note}. *Cold* also writes each\n"
        "result to the cache, and *warm* reads it from there. The next table is without a cache."
    )
    parts = [table(rows), table(ratios), cached]
    kinds = result.get("seconds for all 16 kHz clips, no cache")
    if kinds:
        row = [[f"all {count:,} clips at 16 kHz, no cache", "seconds"]]
        parts.append(table(row + [[name, f"{t['median']:.1f}"] for name, t in kinds.items()]))
    for title, times in result.items():
        if "to answer" in title or title.startswith("seconds, whole process"):
            row = [[title, "median"]]
            if any("accurate" in name for name in times):
                parts.append(table(row + [[n, f"{t['median']:.3g}"] for n, t in times.items()]))
    return "\n\n".join(parts)


def timeline_table(result: dict[str, Any]) -> str:
    """An hour of speech: cost, and how much of its time is right; a stream's waiting."""
    costs = [["an hour, two workers", "seconds", "peak memory, MB"]]
    for form, rows in result["speed"].items():
        hour = max(rows, key=lambda row: row["minutes"])
        costs.append([form, f"{hour['seconds']:.0f}", f"{hour['peak_mb']:.0f}"])
    keys = {
        "share of time": "share of time right",
        "mean error, seconds": "mean boundary error, s",
        "found within 1 s": "boundaries found within 1 s",
        "certain": "share of time certain",
        "wrong where certain": "wrong of that",
    }
    quality = [["new speakers, 8 emotions, `logistic`", *keys.values()]]
    for name, found in result["quality"].items():
        if name != "recording":
            quality.append([name, *(f"{found[key]:.2f}" for key in keys)])
    stream = [["stream", "real-time factor, one core", "a segment waits at most, s"]]
    for row in result["stream"]:
        wait = row["segment, longest wait in seconds"]
        stream.append(
            [f"{row['rate_hz'] // 1000} kHz", f"{row['real-time factor']:.3f}", f"{wait:.2f}"]
        )
    return "\n\n".join(map(table, (costs, quality, stream)))


def conversation_table(results: dict[str, Any]) -> str:
    """Share of time that is right in conversations, by what is known of the turns."""
    names = {
        ("ignored", "segments"): "none; segments",
        ("ignored", "turns"): "none; segments averaged over each true turn",
        ("given", "segments"): "true turns; segments",
        ("given", "turns"): "true turns; one emotion for each turn",
        ("diarized", "segments"): "`--diarize`; segments",
        ("diarized", "turns"): "`--diarize`; one emotion for each turn",
    }
    calls = list(results.values())
    rows = [["turns", "share of time right", *results, "certain", "right of that"]]
    for (way, level), name in names.items():
        found = [call["ways"][way][level] for call in calls]
        shares = [one["share of time"] for one in found]
        mean = sum(shares) / len(shares)
        rest = [
            sum(one[key] for one in found) / len(found)
            for key in ("certain", "right where certain")
        ]
        rows.append([name, *(f"{value:.3f}" for value in (mean, *shares, *rest))])
    errors = [["diarization", "error rate", "missed", "false alarm", "confused", "speakers"]]
    for name, call in results.items():
        found = call["ways"]["diarized"]["diarization"]
        keys = ("error rate", "missed", "false alarm", "confused")
        errors.append([name, *(f"{found[key]:.3f}" for key in keys), f"{found['speakers']} of 4"])
    return "\n\n".join(map(table, (rows, errors)))


def speaker_adaptation_table(results: dict[str, Any]) -> str:
    """Share of time that is right with each way to adapt to speakers, in each conversation."""
    names = {
        "none": "none",
        "all": "all of the speaker's windows (`--adapt speakers`)",
        "first minute": "the first minute",
        "all, unchecked": "all, without the checks",
        "first minute, unchecked": "the first minute, without the checks",
    }
    calls = {name.partition(":")[0]: call["ways"] for name, call in sorted(results.items())}
    rows = [["adapted to", *calls]]
    for way, title in names.items():
        shares = [
            f"{ways[way]['turns']['share of time']:.3f}" if way in ways else "–"
            for ways in calls.values()
        ]
        rows.append([title, *shares])
    adapted = [f"{ways['all']['speakers adapted to']} of 4" for ways in calls.values()]
    return table([*rows, ["speakers that pass the checks", *adapted]])


def voices_table(results: dict[str, Any]) -> str:
    """Share of the trials in which `doctor --speakers` warns."""
    kinds = list(next(iter(results.values())))
    kinds = [kind for kind in kinds if isinstance(next(iter(results.values()))[kind], dict)]
    kinds = [kind for kind in kinds if "warned" in next(iter(results.values()))[kind]]
    rows = [["corpus", *kinds]]
    for name, result in results.items():
        rows.append([name, *(f"{result[kind]['warned']:.1%}" for kind in kinds)])
    return table(rows)


def selection_table(result: dict[str, Any]) -> str:
    """What was compared on inner folds, and how many outer folds would choose each."""
    names = list(result)
    folds = [result[name]["by_outer_fold"] for name in names]
    best = [max(range(len(names)), key=lambda k, fold=fold: folds[k][fold]) for fold in folds[0]]
    conditions = [
        key
        for key, value in result[names[0]].items()
        if isinstance(value, float) and key not in ("log-loss", "ece")
    ]
    rows = [
        [
            "`logistic`, inner folds",
            *(c.replace("score", "mean of these") for c in conditions),
            "folds that choose it",
        ]
    ]
    rows += [
        [name, *(f"{result[name][c]:.3f}" for c in conditions), str(best.count(k))]
        for k, name in enumerate(names)
    ]
    return table(rows)


def sections() -> dict[str, str]:
    accuracy = json.loads((HERE / "accuracy.json").read_text())
    speed = json.loads((HERE / "speed.json").read_text())
    timeline = json.loads((HERE / "timeline.json").read_text())
    selection = json.loads((HERE / "selection.json").read_text())
    adaptation = HERE / "adaptation.json"
    unseen = json.loads((HERE / "unseen.json").read_text())
    return {
        **(
            {"adaptation": adaptation_text(json.loads(adaptation.read_text()))}
            if adaptation.exists()
            else {}
        ),
        "selection": selection_table(selection),
        "timeline": timeline_table(timeline),
        "conversation": conversation_table(json.loads((HERE / "conversation.json").read_text())),
        "speaker adaptation": speaker_adaptation_table(
            json.loads((HERE / "speaker_adaptation.json").read_text())
        ),
        "voices": voices_table(json.loads((HERE / "voices.json").read_text())),
        "recipes": recipes_table(accuracy),
        "peers": peers_table(accuracy, json.loads((HERE / "peers.json").read_text())),
        "conditions": conditions_table(accuracy),
        "honesty": honesty_table(accuracy),
        "enrollment": enrollment_table(accuracy),
        "unseen": unseen_table(unseen),
        "finished": finished_table(json.loads((HERE / "finished.json").read_text()), unseen),
        "speed": speed_table(speed),
    }


def fill(text: str, tables: dict[str, str]) -> str:
    """Text with each table between `<!-- NAME -->` and `<!-- /NAME -->`."""
    for name, body in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, body=body: f"{m[1]}{body}\n{m[2]}", text, flags=re.DOTALL)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    tables, stale = sections(), []
    for target in TARGETS:
        path = HERE.parent / target
        text = path.read_text()
        if fill(text, tables) != text:
            stale.append(target)
            if not options.check:
                path.write_text(fill(text, tables))
    if options.check and stale:
        sys.exit(f"not up to date: {', '.join(stale)}. Run: python benchmarks/tables.py")


if __name__ == "__main__":
    main()
