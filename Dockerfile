# The server image: no TensorFlow, no build tools, no root. It runs with a read-only file system.
# tests/clean_root.py runs its steps where there is no Docker.
FROM python:3.11-slim AS packages
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/covidscanner
COPY Makefile requirements-serve.txt ./
RUN make .venv/.requirements-serve.txt

FROM python:3.11-slim
WORKDIR /srv/covidscanner
ENV PATH=/srv/covidscanner/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PORT=8000
COPY --from=packages /srv/covidscanner/.venv .venv
COPY . .
USER 65534:65534
EXPOSE 8000
HEALTHCHECK --start-period=10s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://localhost:{os.environ['PORT']}/healthz\")"]
# The `web` line of the Procfile; a worker runs the `worker` line.
CMD ["gunicorn", "--config", "gunicorn.conf.py", "app.wsgi:load()"]
