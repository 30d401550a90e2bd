"""The command line: python -m training prepare | fit | compare | tune | evaluate | publish | card."""

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.bundle import DEFAULT_FOLDER
from model.engine import ENGINES
from model.errors import CovidScannerError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from model.predictor import Predictor
    from training.experiment import Experiment
    from training.manifest import Row
    from training.run_folder import RunFolder
    from training.splits import Split

# Heavy imports (Keras, scikit-learn) wait until a command needs them, so that --help and mistakes answer at once.


def _prepare(arguments: argparse.Namespace) -> None:
    from training import dicom_folder, doctor, manifest
    from training.scan import scan

    if dicom_folder.holds_dicom(arguments.folder):
        found = dicom_folder.scan(arguments.folder, dicom_folder.read_salt(arguments.salt))
    else:
        found = scan(arguments.folder)
    manifest.write(found.rows, arguments.out)
    for file in found.left_out:
        print(f"left out: {file.path}: {file.reason}", file=sys.stderr)
    for path in found.unknown:
        print(f"not in the meta-data, so a patient of its own: {path}", file=sys.stderr)
    print(doctor.report(found.rows, found.histograms))
    print(f"{len(found.rows)} slices; {len(found.left_out)} files left out. Manifest: {arguments.out}")


def _fit(arguments: argparse.Namespace) -> None:
    from training import doctor, experiment, manifest, splits
    from training.run_folder import RunFolder

    wanted = _with_options(experiment.load(arguments.experiment), arguments)
    split = splits.make(manifest.read(arguments.manifest), wanted.split, wanted.seed)
    for warning in doctor.split_warnings(split):
        print(f"note: {warning}", file=sys.stderr)
    print(f"naming each institution's most frequent class: accuracy {doctor.institution_baseline(split):.3f}")
    print(f"The network: {_train(arguments)(wanted, split, RunFolder(arguments.out))}")


def _with_options(wanted: "Experiment", arguments: argparse.Namespace) -> "Experiment":
    """The experiment with what the command line says of its start and its precision."""
    start = {"weights": arguments.weights, "init_from": arguments.init_from and str(arguments.init_from)}
    network = wanted.network.model_copy(update={name: value for name, value in start.items() if value})
    return wanted.model_copy(update={"network": network, "precision": arguments.precision or wanted.precision})


def _train(arguments: argparse.Namespace) -> "Callable[[Experiment, Split, RunFolder], Path]":
    from training.fit import fit
    from training.logs import LOGS

    def train(wanted: "Experiment", split: "Split", folder: "RunFolder") -> Path:
        a = arguments
        logs = [LOGS[name] for name in a.log]
        return fit(wanted, split, folder, a.cache, a.resume, a.weights_dir, logs, a.devices)

    return train


def _compare(arguments: argparse.Namespace) -> None:
    from training import compare, manifest
    from training.document import write_block
    from training.publish import publish_run

    arguments.resume = True
    command = _command(arguments)

    def judge(run: "RunFolder") -> None:
        publish_run(run, run.path / "bundle", command)
        _judge(run.path / "bundle", run.split().test, command, run.path / "report")

    wanted = {name: _with_options(e, arguments) for name, e in compare.find(arguments.configs).items()}
    rows = manifest.read(arguments.manifest)
    chosen = None if arguments.validation_only else judge
    entries = compare.compare(wanted, rows, arguments.out, _train(arguments), chosen, command)
    table = compare.markdown(entries, command)
    print(table)
    if arguments.write:
        write_block(arguments.write, f"compare --configs {shlex.join(arguments.configs)}", table)
    print(f"The table and figures: {arguments.out}")


def _tune(arguments: argparse.Namespace) -> None:
    from training import experiment, manifest, splits
    from training.tune import Ranges, tune

    a = arguments
    base = _with_options(experiment.load(a.experiment), a)
    ranges = experiment.read(a.ranges, Ranges) if a.ranges else Ranges()
    split = splits.make(manifest.read(a.manifest), base.split, base.seed)
    study = tune(base, ranges, split, a.out, a.cache, a.trials, a.sampler, a.storage, a.weights_dir)
    print(f"best of {len(study.trials)} trials: validation loss {study.best_value:.4f} with {study.best_params}")
    print(f"The trials: {a.out / 'trials.csv'}. The best as an experiment: {a.out / 'best.toml'}")


def _evaluate(arguments: argparse.Namespace) -> None:
    from training import manifest
    from training.document import write_block

    rows, command = manifest.read(arguments.manifest), _command(arguments)
    if arguments.ood:
        block, (figures, table) = "evaluate --ood", _judge_gate(arguments, rows)
    else:
        block = f"evaluate --bundle {arguments.bundle}"
        figures, table = _judge(arguments.bundle, rows, command, arguments.report, arguments.engine)
    if arguments.write:
        write_block(arguments.write, block, f"{table}\n\nMade by `{command}`.")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _judge_gate(arguments: argparse.Namespace, rows: "Sequence[Row]") -> tuple[dict[str, Any], str]:
    """Print how the gate of a bundle judges these rows and what is no chest CT; returns the figures, and the table."""
    from model import bundle
    from model.predictor import Predictor
    from training import ood

    figures = ood.judge(Predictor(bundle.load(arguments.bundle), arguments.engine), arguments.ood, rows)
    table = ood.markdown(figures)
    print(table)
    return figures, table


def _judge(
    folder: Path, rows: "Sequence[Row]", command: str, report_folder: Path | None, engine: str = ENGINES[0]
) -> tuple[dict[str, Any], str]:
    """Print the figures of a bundle on these rows, and write the report where one is wanted.

    Returns:
        The figures, and the table that was printed.
    """
    from model import bundle
    from model.predictor import Predictor
    from training import report
    from training.evaluate import before_scaling, markdown, probabilities
    from training.metrics import summary

    judged = bundle.load(folder)
    predictor = Predictor(judged, engine)
    answers = probabilities(predictor, rows)
    figures = summary(answers, rows)
    table = markdown(figures)
    print(table)
    if report_folder:
        history = (judged.card["training"] or {}).get("history", [])
        title = f"{judged.name} {judged.version}"
        notes, more = _heat(predictor, rows)
        before = before_scaling(predictor, answers)
        page = report.write(report_folder, title, command, figures, answers, rows, history, notes, before, more)
        print("report:", page)
    return figures, table


def _heat(predictor: "Predictor", rows: "Sequence[Row]") -> "tuple[list[str], dict[str, Figure]]":
    """What the report says and shows of the heatmaps; nothing where the bundle has none."""
    from training import heat_checks

    checks = heat_checks.run(predictor, rows)
    if checks is None:
        return [], {}
    sentences = checks.sentences()
    print("\n".join(sentences))
    return sentences, checks.figures()


def _publish(arguments: argparse.Namespace) -> None:
    from training.evaluate import markdown
    from training.publish import publish_h5, publish_run
    from training.run_folder import RunFolder
    from training.scan import unlabelled

    command = _command(arguments)
    if arguments.h5:
        card = publish_h5(arguments.h5, arguments.bundle, command)
    else:
        more = unlabelled(arguments.unlabelled) if arguments.unlabelled else []
        card = publish_run(RunFolder(arguments.folder), arguments.bundle, command, more)
        print(markdown(card["metrics"]["test"]))
    print(f"Published {card['name']} {card['version']}: {arguments.bundle}")


def _card(arguments: argparse.Namespace) -> None:
    from model import bundle, model_card

    if arguments.left_out:
        from training.publish import tell_left_out

        tell_left_out(arguments.bundle, arguments.left_out)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(model_card.markdown(bundle.load(arguments.bundle).card), encoding="utf-8")
    print(f"The model card: {arguments.out}")


def _command(arguments: argparse.Namespace) -> str:
    """What the user typed."""
    return f"python -m training {shlex.join(arguments.words)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="prepare | fit | compare | tune | evaluate | publish")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    prepare = command("prepare", _prepare, "describe a folder of labelled slices in a manifest")
    prepare.add_argument("folder", type=Path, help="Kaggle layout, one folder a class (pictures or DICOM), or a CSV")
    prepare.add_argument("--out", type=Path, default=Path("runs/manifest.csv"))

    prepare.add_argument(
        "--salt", type=Path, default=Path("runs/salt"), help="secret that patients of DICOM files are hashed with"
    )

    fit = command("fit", _fit, "train a network")
    fit.add_argument("experiment", type=Path, help="a TOML file, such as training/configs/shipped.toml")
    fit.add_argument("--out", type=Path, required=True, help="the folder of the run")
    fit.add_argument("--resume", action="store_true", help="go on with the run in --out")

    compare = command("compare", _compare, "train several experiments, what of them is not done, and compare them")
    compare.add_argument("--configs", nargs="+", required=True, help="TOML files, folders of them, or names of ours")
    compare.add_argument("--out", type=Path, default=Path("runs/compare"), help="the folder of the runs and the table")
    compare.add_argument("--validation-only", action="store_true", help="leave the test patients unseen: to choose")

    tune = command("tune", _tune, "search for hyperparameters; go on with the search in --out")
    tune.add_argument("experiment", type=Path, help="what all trials have in common")
    tune.add_argument("--out", type=Path, default=Path("runs/tune"), help="the folder of the trials")
    tune.add_argument("--trials", type=int, default=50, help="how many there shall be in all")
    tune.add_argument("--sampler", choices=("random", "tpe"), default="random", help="tpe comes with Hyperband")
    tune.add_argument("--ranges", type=Path, help="a TOML file of what to search; by default the paper's ranges")
    tune.add_argument("--storage", default="", help="data base that several machines share: postgresql+psycopg://…")

    for trains in (fit, compare, tune):
        trains.add_argument("--manifest", type=Path, default=Path("runs/manifest.csv"))
        trains.add_argument("--cache", type=Path, default=Path("runs/cache"), help="where decoded slices are kept")
        trains.add_argument("--weights", choices=("none", "imagenet"), help="instead of what the experiment says")
        trains.add_argument("--weights-dir", type=Path, help="folder of ImageNet weights; else Keras downloads them")
        trains.add_argument("--init-from", type=Path, metavar="BUNDLE", help="start from the network of this bundle")
        trains.add_argument("--precision", choices=("float32", "mixed_bfloat16", "mixed_float16"))
        trains.add_argument("--log", nargs="*", choices=("tensorboard", "wandb"), default=["tensorboard"])
        trains.add_argument("--devices", type=int, default=1, help="accelerators that share each batch")

    evaluate = command("evaluate", _evaluate, "judge a bundle on labelled files, as the server would answer them")
    evaluate.add_argument("--manifest", type=Path, required=True, help="such as the test.csv of a run")
    evaluate.add_argument("--bundle", type=Path, default=DEFAULT_FOLDER)
    evaluate.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    evaluate.add_argument("--report", type=Path, help="folder for an HTML report with figures")
    evaluate.add_argument("--ood", type=Path, help="judge the gate: a folder a kind of picture that is no chest CT")
    evaluate.add_argument("--json", type=Path, help="write the figures here, too")

    for tells in (compare, evaluate):
        tells.add_argument("--write", type=Path, metavar="FILE", help="put the table into its block of this document")

    publish = command("publish", _publish, "compile a network, judge it, and make it the bundle")
    source = publish.add_mutually_exclusive_group(required=True)
    source.add_argument("folder", type=Path, nargs="?", help="the folder of a finished run")
    source.add_argument("--h5", type=Path, help="a network alone; its card will hold no figures")
    publish.add_argument("--bundle", type=Path, default=DEFAULT_FOLDER)
    publish.add_argument(
        "--unlabelled", type=Path, help="series of training patients without labels, a folder each: usual to the gate"
    )

    card = command("card", _card, "write the card of a bundle as a document")
    card.add_argument("--bundle", type=Path, default=DEFAULT_FOLDER)
    card.add_argument("--out", type=Path, default=Path("docs/model_card.md"))
    card.add_argument(
        "--left-out", type=Path, nargs="+", metavar="BUNDLE", help="tell of networks that each held an institution out"
    )
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
    except OSError as error:  # a full disk, above all
        print(
            f"error: {' '.join(str(error).split())}; what was finished is kept. Add --resume to go on.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept. Add --resume to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
