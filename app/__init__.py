"""The server: `create_app()` loads the network and gives a Flask application with a page and an API."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_cors import CORS
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.response import Response

from app import api, config, errors, headers, inference, keys, metrics, pages, rates, samples, stages, uploads
from app.admission import Queue
from model import bundle, machine
from model.predictor import Predictor

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parent.parent


class JSON(DefaultJSONProvider):
    """Members stay in the order in which the contract names them, and one encoder writes all answers."""

    sort_keys = False
    _encoder = json.JSONEncoder(separators=(",", ":"))

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """What `jsonify` gives."""
        text = self._encoder.encode(self._prepare_response_obj(args, kwargs))
        return self._app.response_class(f"{text}\n", mimetype=self.mimetype)


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Make the application.

    Args:
        settings: values that replace those from the environment, by the names in `app.config.SETTINGS`.

    Raises:
        ConfigurationError: a setting is not allowed.
        BundleError: the network is missing or does not match its card.
    """
    app = Flask(__name__, template_folder=ROOT / "templates", static_folder=ROOT / "static")
    app.request_class = uploads.InMemoryRequest
    app.json = JSON(app)
    app.config.update(config.read(os.environ))
    app.config.update(settings or {})
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_BODY_BYTES"]
    app.extensions["predictor"] = _load_predictor(app.config)
    if app.config["CORS_ORIGINS"]:
        CORS(app, origins=app.config["CORS_ORIGINS"])
    app.extensions["queue"] = Queue(machine.cores(), app.config["QUEUE"], app.config["MAX_SECONDS"])
    app.extensions["studies"] = Queue(1, app.config["STUDY_QUEUE"], app.config["STUDY_SECONDS"])
    if app.config["BROKER_URL"]:
        from app.background import Background  # Celery is large, and most servers have no workers

        app.extensions["background"] = Background(app.config)
    if app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, app.config["TRUSTED_PROXIES"], x_proto=0)  # type: ignore[method-assign]
    stages.init_app(app)
    headers.init_app(app)
    metrics.init_app(app)
    errors.init_app(app)
    keys.init_app(app)
    rates.init_app(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(inference.blueprint)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(samples.blueprint)
    return app


def _load_predictor(settings: Mapping[str, Any]) -> Predictor:
    predictor = Predictor(bundle.load(settings["BUNDLE"]), settings["ENGINE"], settings["MAX_PIXELS"])
    predictor.warm_up()
    if predictor.bundle.lacks:
        logger.warning("The bundle is of an older kind: answers go without %s.", ", ".join(predictor.bundle.lacks))
    return predictor
