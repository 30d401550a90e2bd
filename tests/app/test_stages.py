import subprocess
import sys

import pytest
from flask.testing import FlaskClient

from app import create_app, stages
from tests.conftest import ROOT
from tests.pictures import slice_file


def test_a_request_and_its_stages_are_spans_that_tell_nothing_of_what_was_sent() -> None:
    export = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the SDK of OpenTelemetry is not installed")
    in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    exporter, provider, app = in_memory.InMemorySpanExporter(), sdk.TracerProvider(), create_app()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    stages.init_app(app, provider)
    parent = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    body = {"data": slice_file(), "content_type": "image/png", "headers": parent}
    app.test_client().post("/predict?level=0.95", **body).close()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"api.predict", "queue", "receive", "classify"}
    whole = spans["api.predict"]
    assert {span.context.trace_id for span in spans.values()} == {int("a" * 32, 16)}
    assert whole.parent.span_id == int("b" * 16, 16)
    assert {spans[name].parent.span_id for name in ("queue", "receive", "classify")} == {whole.context.span_id}
    assert dict(whole.attributes) == {"http.request.method": "POST", "http.response.status_code": 200}


def test_nothing_of_opentelemetry_is_loaded_where_nobody_asks_for_it() -> None:
    code = "import sys, app; app.create_app(); sys.exit('opentelemetry' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_stages_are_timed_for_prometheus(client: FlaskClient) -> None:
    client.post("/predict", data=slice_file(), content_type="image/png")
    page = client.get("/metrics").text
    for name in ("queue", "receive", "classify"):
        assert f'covidscanner_stage_seconds_count{{stage="{name}"}}' in page
