"""The stages of a request: timed for Prometheus, and as spans for OpenTelemetry where it is set up.

Spans are made where the packages of OpenTelemetry (`opentelemetry-sdk`, `opentelemetry-exporter-otlp-proto-http`) are
installed and its own variable OTEL_EXPORTER_OTLP_ENDPOINT says where to send them; otherwise nothing of it is loaded.
They tell end point, status and durations: nothing that was sent.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, Response, g, request

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


class stage:  # noqa: N801 - it is used like a function
    """Time a stage of the request that is answered; `app.metrics` tells the times, all at once, with the answer."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._span = _span(self._name) if "span" in g else None
        if self._span:
            self._span.__enter__()
        self._began = time.perf_counter()

    def __exit__(self, *error: Any) -> None:
        g.setdefault("stages", {})[self._name] = time.perf_counter() - self._began
        if self._span:
            self._span.__exit__(*error)


@contextmanager
def _span(name: str) -> Iterator[None]:
    from opentelemetry import trace

    # Not the text of an error, which may quote what was sent.
    silent = {"record_exception": False, "set_status_on_exception": False}
    with trace.use_span(g.span, **silent), g.tracer.start_as_current_span(name, **silent):
        yield


def init_app(app: Flask, provider: "TracerProvider | None" = None) -> None:
    """Make a span of every request, where there is a provider or the environment asks for one."""
    provider = provider or _provider()
    if provider is None:
        return
    from opentelemetry.propagate import extract
    from opentelemetry.trace import SpanKind

    tracer = provider.get_tracer("covidscanner")

    def begin() -> None:
        headers = {name.lower(): value for name, value in request.headers}
        g.tracer = tracer
        g.span = tracer.start_span(request.endpoint or "none", extract(headers), SpanKind.SERVER)

    def end(response: Response) -> Response:
        g.span.set_attribute("http.request.method", request.method)
        g.span.set_attribute("http.response.status_code", response.status_code)
        response.call_on_close(g.span.end)
        return response

    app.before_request(begin)
    app.after_request(end)


def _provider() -> "TracerProvider | None":
    if not os.environ.get(ENDPOINT) or not find_spec("opentelemetry"):
        return None
    if not find_spec("opentelemetry.sdk") or not find_spec("opentelemetry.exporter"):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    made = TracerProvider(resource=Resource.create({SERVICE_NAME: "covidscanner"}))
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return made
