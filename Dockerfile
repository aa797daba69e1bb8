# syntax=docker/dockerfile:1
# The server of docs/in-a-service.md. It writes nothing and needs no network:
#   docker build -t voxaffect .
#   docker run --rm --read-only --cap-drop ALL -p 127.0.0.1:8000:8000 voxaffect
FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
# The context has no Git, so a release names its version: --build-arg VERSION=0.1.0
ARG VERSION
# Bytecode is compiled here, because the server cannot write it. The result has no pip.
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/voxaffect \
    && SETUPTOOLS_SCM_PRETEND_VERSION="${VERSION:-}" python -m pip wheel --no-deps --wheel-dir /wheels . \
    && python -m pip --python /opt/voxaffect/bin/python install --compile \
        "$(echo /wheels/voxaffect-*.whl)[serve,media]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="voxaffect" \
      org.opencontainers.image.description="Speech emotion recognition over HTTP and WebSocket" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/voxaffect /opt/voxaffect
# A container has a network of its own: its loopback reaches nobody. Publish the port with care.
ENV PATH=/opt/voxaffect/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    VOXAFFECT_SERVE_HOST=0.0.0.0 \
    VOXAFFECT_SERVE_PORT=8000
USER 10001:10001
WORKDIR /
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["voxaffect"]
CMD ["serve"]
