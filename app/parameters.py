"""What a request may ask for in its address: one place for its names, its defaults and what is allowed."""

from typing import Final, NoReturn

from flask import Request

from app.errors import Problem
from model.calibration import LEVELS
from model.predictor import DEFAULT, Options

SWITCH: Final = {"true": True, "false": False}


def read_options(request: Request, labels: tuple[str, ...]) -> Options:
    """The options that a request asks for.

    Raises:
        Problem: a value that is not allowed.
    """
    if not request.query_string:
        return DEFAULT
    return Options(
        abstain=_switch(request, "abstain", True),
        explain=_switch(request, "explain", False),
        label=_label(request, labels),
        level=_level(request),
    )


def _switch(request: Request, name: str, default: bool) -> bool:
    text = request.args.get(name)
    if text is None:
        return default
    return SWITCH[text] if text in SWITCH else _refuse(name, "true or false")


def _label(request: Request, labels: tuple[str, ...]) -> str | None:
    text = request.args.get("class")
    return text if text is None or text in labels else _refuse("class", f"one of {', '.join(labels)}")


def _level(request: Request) -> float:
    text = request.args.get("level")
    if text is None:
        return Options.level
    written = {form: level for level in LEVELS for form in (f"{level:.2f}", f"{level:g}")}
    return (
        written[text]
        if text in written
        else _refuse("level", f"a number from {LEVELS[0]:g} to {LEVELS[-1]:g} with at most two decimals")
    )


def _refuse(name: str, allowed: str) -> NoReturn:
    raise Problem("invalid_parameter", f"The parameter {name!r} takes {allowed}.")
