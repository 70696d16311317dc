# Two stages: dependencies are built with hashes checked, the result runs as nobody.
ARG PYTHON_IMAGE=python:3.12-slim
FROM ${PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements.lock ./
RUN python3 -m venv /opt/qbwc && /opt/qbwc/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY qbwc_server qbwc_server
COPY migrations migrations
COPY qwc_templates qwc_templates
RUN /opt/qbwc/bin/pip install --no-cache-dir --no-deps .

FROM ${PYTHON_IMAGE}
RUN useradd --system --create-home --home-dir /data --uid 10001 qbwc
COPY --from=build /opt/qbwc /opt/qbwc
ENV PATH=/opt/qbwc/bin:$PATH PYTHONUNBUFFERED=1 QBWC_DATA_DIR=/data QBWC_LOG_JSON=true
USER qbwc
WORKDIR /data
EXPOSE 8000
# Started beside much else, it may need most of a minute; healthy it is when it answers.
HEALTHCHECK --interval=5s --timeout=5s --start-period=2m CMD \
  ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8000/readyz', timeout=4)"]
ENTRYPOINT ["qbwc-server"]
CMD ["serve", "--host", "0.0.0.0"]
