# The server image: no TensorFlow, no build tools, no root.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/covidscanner
ENV PYTHONDONTWRITEBYTECODE=1 REQUIREMENTS=requirements-serve.txt PORT=8000

# The packages change less often than the code, so they are a layer of their own.
COPY Makefile requirements-serve.txt ./
RUN make .venv/.requirements-serve.txt
COPY . .

USER nobody
EXPOSE 8000
HEALTHCHECK --start-period=10s CMD [".venv/bin/python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://localhost:{os.environ['PORT']}/healthz\")"]
CMD ["make", "run"]
