"""A client's visit to a server, which needs only what the extras ``serve`` and ``media`` bring."""

import io
import json
import re
import sys
from http.client import HTTPConnection
from importlib.resources import files
from urllib.parse import urljoin

import av
from websockets.sync.client import connect

RATE_HZ = 16_000


def main(address: str, token: str) -> None:
    """Upload the example as WAV and as WebM, stream it, load the page, and print the results."""
    example = (files("voxaffect") / "data" / "example.wav").read_bytes()
    result = {"wav": upload(address, token, example)}
    samples, webm = convert(example)
    result["webm"] = upload(address, token, webm)
    result["stream"] = stream(address, token, samples)
    result["page"] = [str(fetch(address, path)[0]) for path in list_links(address)]
    print(json.dumps(result))


def list_links(address: str) -> list[str]:
    """Scripts and styles of the page, which the installed package must hold."""
    _, text = fetch(address, "/")
    paths: list[str] = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^":]+)"', str(text))
    return [urljoin("/", path) for path in paths]


def fetch(address: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection(address, timeout=120)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def upload(address: str, token: str, content: bytes) -> list[str]:
    connection = HTTPConnection(address, timeout=120)
    connection.request("POST", "/v1/emotion", content, {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return [each["emotion"] for each in json.loads(text)["results"]]


def convert(wav: bytes) -> tuple[bytes, bytes]:
    """Samples as s16le, and the recording as a browser records it."""
    buffer, pcm = io.BytesIO(), []
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    with av.open(io.BytesIO(wav)) as source, av.open(buffer, "w", format="webm") as target:
        opus = target.add_stream("libopus", rate=48_000, layout="mono")
        for frame in source.decode(audio=0):
            target.mux(opus.encode(frame))
            pcm += [each.to_ndarray().tobytes() for each in resampler.resample(frame)]
        target.mux(opus.encode(None))
    return b"".join(pcm), buffer.getvalue()


def stream(address: str, token: str, samples: bytes) -> list[str]:
    url, headers = f"ws://{address}/v1/emotion/stream", {"Authorization": f"Bearer {token}"}
    update = {"type": "session.update", "sample_rate": RATE_HZ, "encoding": "s16le"}
    with connect(url, proxy=None, additional_headers=headers, open_timeout=120) as socket:
        socket.send(json.dumps(update))
        socket.send(samples)
        socket.send('{"type": "CloseStream"}')
        events = [json.loads(text) for text in socket]
    return [event["emotion"] for event in events if event["type"] == "emotion.segment"]


if __name__ == "__main__":
    main(*sys.argv[1:])
