"""The command line: python -m training prepare | fit | evaluate | publish."""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from model.bundle import DEFAULT_FOLDER
from model.engine import ENGINES
from model.errors import CovidScannerError

# Heavy imports (Keras, scikit-learn) wait until a command needs them, so that --help and mistakes answer at once.


def _prepare(arguments: argparse.Namespace) -> None:
    from training import dicom_folder, doctor, manifest

    if dicom_folder.holds_dicom(arguments.folder):
        rows, unreadable = dicom_folder.scan(arguments.folder, dicom_folder.read_salt(arguments.salt))
    else:
        rows, unreadable = manifest.scan(arguments.folder)
    manifest.write(rows, arguments.out)
    for file in unreadable:
        print(f"left out: {file.path}: {file.reason}", file=sys.stderr)
    print(doctor.report(rows))
    print(f"{len(rows)} slices; {len(unreadable)} files left out. Manifest: {arguments.out}")


def _fit(arguments: argparse.Namespace) -> None:
    from training import doctor, experiment, manifest, splits
    from training.fit import fit
    from training.run_folder import RunFolder

    wanted = experiment.load(arguments.experiment)
    split = splits.make(manifest.read(arguments.manifest), wanted.split, wanted.seed)
    for warning in doctor.split_warnings(split):
        print(f"note: {warning}", file=sys.stderr)
    print(f"naming each institution's most frequent class: accuracy {doctor.institution_baseline(split):.3f}")
    result = fit(wanted, split, RunFolder(arguments.out), arguments.cache, arguments.resume, arguments.weights_dir)
    print(f"The network: {result}")


def _evaluate(arguments: argparse.Namespace) -> None:
    from model import bundle
    from model.predictor import Predictor
    from training import manifest
    from training.evaluate import markdown, probabilities
    from training.metrics import summary

    rows = manifest.read(arguments.manifest)
    judged = bundle.load(arguments.bundle)
    answers = probabilities(Predictor(judged, arguments.engine), rows)
    figures = summary(answers, rows)
    print(markdown(figures))
    if arguments.report:
        from training import report

        history = (judged.card["training"] or {}).get("history", [])
        title, command = f"{judged.name} {judged.version}", _command(arguments)
        print("report:", report.write(arguments.report, title, command, figures, answers, rows, history))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _publish(arguments: argparse.Namespace) -> None:
    from training.evaluate import markdown
    from training.publish import publish_h5, publish_run
    from training.run_folder import RunFolder

    command = _command(arguments)
    if arguments.h5:
        card = publish_h5(arguments.h5, arguments.bundle, command)
    else:
        card = publish_run(RunFolder(arguments.folder), arguments.bundle, command)
        print(markdown(card["metrics"]["test"]))
    print(f"Published {card['name']} {card['version']}: {arguments.bundle}")


def _command(arguments: argparse.Namespace) -> str:
    """What the user typed."""
    return f"python -m training {shlex.join(arguments.words)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="prepare | fit | evaluate | publish")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    prepare = command("prepare", _prepare, "describe a folder of labelled slices in a manifest")
    prepare.add_argument("folder", type=Path, help="Kaggle layout, or one folder a class, of pictures or of DICOM")
    prepare.add_argument("--out", type=Path, default=Path("runs/manifest.csv"))

    prepare.add_argument(
        "--salt", type=Path, default=Path("runs/salt"), help="secret that patients of DICOM files are hashed with"
    )

    fit = command("fit", _fit, "train a network")
    fit.add_argument("experiment", type=Path, help="a TOML file, such as training/configs/shipped.toml")
    fit.add_argument("--manifest", type=Path, default=Path("runs/manifest.csv"))
    fit.add_argument("--out", type=Path, required=True, help="the folder of the run")
    fit.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where decoded slices are kept")
    fit.add_argument("--weights-dir", type=Path, help="folder of ImageNet weights; by default Keras downloads them")
    fit.add_argument("--resume", action="store_true", help="go on with the run in --out")

    evaluate = command("evaluate", _evaluate, "judge a bundle on labelled files, as the server would answer them")
    evaluate.add_argument("--manifest", type=Path, required=True, help="such as the test.csv of a run")
    evaluate.add_argument("--bundle", type=Path, default=DEFAULT_FOLDER)
    evaluate.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    evaluate.add_argument("--report", type=Path, help="folder for an HTML report with figures")
    evaluate.add_argument("--json", type=Path, help="write the figures here, too")

    publish = command("publish", _publish, "compile a network, judge it, and make it the bundle")
    source = publish.add_mutually_exclusive_group(required=True)
    source.add_argument("folder", type=Path, nargs="?", help="the folder of a finished run")
    source.add_argument("--h5", type=Path, help="a network alone; its card will hold no figures")
    publish.add_argument("--bundle", type=Path, default=DEFAULT_FOLDER)
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if words is None else words)
    parsed = _parser().parse_args(words)
    parsed.words = words
    try:
        parsed.run(parsed)
    except CovidScannerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept. Add --resume to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
