"""The commands, one thin function each."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom import __version__
from photochrom.console import one_line_failures, say, warn

__all__ = ["app", "main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Color for gray pictures of faces, and an honest bench for colorization experiments.",
)
data_app = typer.Typer(no_args_is_help=True, help="Get, add and check pictures.")
experiment_app = typer.Typer(no_args_is_help=True, help="Run the study's experiments.")
app.add_typer(data_app, name="data")
app.add_typer(experiment_app, name="experiment")

Data = Annotated[
    str,
    typer.Option(
        help="A name of 'photochrom data list'; the path of a folder of pictures; several joined by +, scored on the "
        "first; or auto: the study's if at hand."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
RunsFolder = Annotated[Path, typer.Option(help="The folder of all runs.")]


def _version(wanted: bool) -> None:
    if wanted:
        say(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Color for gray pictures of faces, and an honest bench for colorization experiments."""


@data_app.command("list")
def data_list() -> None:
    """List the data sets: what they are, their rights, and whether they are on this machine."""
    from photochrom.console import print_table
    from photochrom.lab.datasets import available, describe

    print_table(["--data", "what it is", "rights", "here"], [describe(name) for name in available()])


@data_app.command("download")
def data_download(
    optional: Annotated[bool, typer.Option("--optional", help="Do without them if they cannot be had.")] = False,
) -> None:
    """Download the study's pictures from its public repository, and check them."""
    from photochrom.console import download_progress
    from photochrom.errors import DataError
    from photochrom.lab.datasets import open_dataset

    try:
        with download_progress("the study's pictures") as progress:
            open_dataset("study").prepare(progress)
    except (DataError, OSError) as error:
        if not optional:
            raise
        warn(f"{error}; going on with synthetic faces")
    else:
        say("the study's pictures are at hand")


@data_app.command("add")
def data_add(
    source: Annotated[Path, typer.Argument(help="An archive or folder that holds a set of 'photochrom data list'.")],
    name: Annotated[str | None, typer.Option(help="Which set it is; found out by its contents if not given.")] = None,
) -> None:
    """Add pictures from an archive or a folder, and check them."""
    from photochrom.lab.datasets import add

    added = add(source, name)
    say(f"added {added.name}: {added.pictures} pictures in {added.folder}")
    if added.remark:
        warn(f"{added.name}: {added.remark}")


@data_app.command("check")
def data_check(data: Data = "auto") -> None:
    """Count pictures and sizes, and find gray ones, broken ones and duplicates between splits."""
    from photochrom.console import print_table
    from photochrom.lab.datasets import check, open_dataset

    dataset = open_dataset(data)
    report = check(dataset)
    print_table(["split", "pictures", "size", "gray", "left out"], report.rows(), title=f"Data set: {dataset.name}")
    for line in report.remarks():
        warn(line)


@app.command()
def colorize(
    sources: Annotated[
        list[str],
        typer.Argument(help="Photos, folders, patterns such as 'scans/**/*.tif'; or - for standard input and output."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for results; beside their sources if not given. For a single photo, or a file."),
    ] = None,
    strength: Annotated[float, typer.Option(help="From 0, gray, to 1.")] = 1.0,
    vividness: Annotated[float, typer.Option(help="How many times as vivid as guessed, from 0 to 3.")] = 1.0,
    variants: Annotated[int, typer.Option(help="How many different guesses of each.")] = 1,
    hint: Annotated[
        list[str] | None,
        typer.Option(metavar="X,Y,#RRGGBB", help="A color that you know, at a pixel of the only photo; repeatable."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Also write gray and color side by side.")] = False,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also write how sure the networks are, as a gray PNG: white is sure.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Color anew what is in color already.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    model: Annotated[
        str, typer.Option(help="A name of 'photochrom models', or an ONNX file of 'photochrom export'.")
    ] = "portrait",
    face_model: Annotated[str, typer.Option(help="For faces, likewise.")] = "face",
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Give faces a look of their own.")] = True,
    max_megapixels: Annotated[float | None, typer.Option(help="Refuse larger photos; 200 if not given.")] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side; as many as cores and memory allow if not given.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Tell failures only.")] = False,
) -> None:
    """Color photos: a.jpg gives a-color.jpg, a folder album gives album-color; go on after an interruption."""
    from photochrom.album import Options, plan_batch, require_stream_alone
    from photochrom.coloring import parse_hint
    from photochrom.console import colorize_stream, colorize_with_progress
    from photochrom.photo import MAX_MEGAPIXELS

    options = Options(
        model=model,
        face_model=face_model if faces else None,
        strength=strength,
        vividness=vividness,
        hints=tuple(parse_hint(text) for text in hint or ()),
        variants=variants,
        compare=compare,
        confidence=confidence,
        force=force,
        max_megapixels=MAX_MEGAPIXELS if max_megapixels is None else max_megapixels,
    )
    if "-" in sources:
        require_stream_alone(sources, out)
        colorize_stream(options)
        return
    failures = colorize_with_progress(plan_batch(sources, out, options, overwrite=overwrite), jobs, quiet=quiet)
    raise typer.Exit(2 if failures else 0)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="Print the card of this one.")] = None,
) -> None:
    """List the shipped models: what they are for, how good they are, and what may be done with them."""
    from photochrom.console import print_model_card, print_models

    if name is None:
        print_models()
    else:
        print_model_card(name)


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen at; others than this machine's need an API key.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen at; 0 for a free one.")] = 7860,
    opens_browser: Annotated[bool, typer.Option("--open", help="Show the page in a browser.")] = False,
    max_upload_mb: Annotated[
        float, typer.Option(help="Refuse larger photo files; batches may have 20 times as much.")
    ] = 50.0,
    max_megapixels: Annotated[float, typer.Option(help="Refuse larger photos.")] = 50.0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that color, a core each; one a core if not given.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="PHOTOCHROM_API_KEY", show_envvar=True, help="What callers must show.")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let anybody in who reaches the address, without a key.")
    ] = False,
    trust_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name by which a proxy calls this server; repeatable.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A name of 'photochrom models', or an ONNX file of 'photochrom export'.")
    ] = "portrait",
    face_model: Annotated[str, typer.Option(help="For faces, likewise.")] = "face",
    faces: Annotated[bool, typer.Option("--faces/--no-faces", help="Give faces a look of their own.")] = True,
    keep_hours: Annotated[float, typer.Option(help="How long results of batches can be fetched.")] = 24.0,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where batches lie; in your own data folder if not given.")
    ] = None,
) -> None:
    """Serve a page and a REST API on this machine, until Ctrl-C; /docs tells how to call it."""
    from photochrom.server.app import serve as serve_until_interrupted
    from photochrom.server.settings import Settings, default_workers

    settings = Settings(
        host=host,
        port=port,
        model=model,
        face_model=face_model if faces else None,
        workers=workers or default_workers(),
        max_upload_mb=max_upload_mb,
        max_megapixels=max_megapixels,
        keep_hours=keep_hours,
        data_dir=data_dir,
        api_key=api_key,
        insecure=insecure,
        trusted_hosts=tuple(trust_host or ()),
    )
    serve_until_interrupted(settings, opens_browser=opens_browser)


@app.command()
def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Settings, and hyperparameters of the network, such as model=unet depth=4 learning_rate=0.01; "
            "'photochrom settings' lists them.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A JSON file of settings to start from.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Or a run of an experiment, as EXPERIMENT/RUN.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Where the run shall lie; named by its settings below runs/custom if not given.")
    ] = None,
    device: Device = "auto",
    threads: Annotated[int, typer.Option(min=1, help="Threads on the CPU.")] = 1,
    tensorboard: Annotated[bool, typer.Option(help="Also write TensorBoard files into the run.")] = False,
    test: Annotated[bool, typer.Option("--test", help="Then color 100 test pictures, as 'predict' does.")] = False,
    quiet: Annotated[bool, typer.Option(help="Show no progress bar.")] = False,
    end_with_parent: Annotated[bool, typer.Option("--end-with-parent", hidden=True)] = False,
) -> None:
    """Train one network; the same command goes on after an interruption."""
    from photochrom.console import train_with_progress
    from photochrom.lab.experiments import base_config
    from photochrom.lab.training import RunFolder
    from photochrom.process import end_with_parent as end_when_it_does

    if end_with_parent:
        end_when_it_does()
    chosen = base_config(config, experiment).assigned(settings or []).resolved()
    folder = RunFolder(run) if run else RunFolder.of_config(Path("runs/custom"), chosen)
    metrics = train_with_progress(chosen, folder, device, threads, tensorboard=tensorboard, quiet=quiet)
    say(f"validation accuracy {metrics.val_accuracy:.5f}, mse {metrics.val_mse:.5f}; results: {folder.path}")
    if test:
        predict(str(folder.weights), data=chosen.data)


@app.command()
def settings() -> None:
    """List the settings of a training, their defaults, and the networks with their hyperparameters."""
    from photochrom.console import print_table
    from photochrom.lab.models import available, describe
    from photochrom.lab.training import TrainingConfig

    print_table(["setting", "default"], list(TrainingConfig().model_dump().items()))
    print_table(["network", "hyperparameters", "what it is"], [describe(name) for name in available()])


@app.command()
def predict(
    weights: Annotated[str, typer.Argument(help="A .safetensors file of a run, or the name of a shipped model.")],
    data: Data = "auto",
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="How many pictures are drawn.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Decides which pictures are drawn.")] = 0,
    estimations: Annotated[Path, typer.Option(help="Where the array goes.")] = Path("estimations-test.npy"),
    out: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("out"),
    variants: Annotated[
        int, typer.Option(min=1, help="How many different guesses of each, from a network that gives probabilities.")
    ] = 1,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Also write how sure the network is, as gray pictures: white is sure.")
    ] = False,
) -> None:
    """Color test pictures: an array, the list of its names, and one picture file each."""
    from photochrom.lab.checkpoint import find_checkpoint
    from photochrom.lab.datasets import open_split
    from photochrom.lab.training import color_test_pictures

    model, pairs = find_checkpoint(weights).model, open_split(data, split)
    say(
        color_test_pictures(
            model, pairs, count, seed, array=estimations, pictures=out, variants=variants, confidence=confidence
        )
    )


@app.command()
def evaluate(
    weights: Annotated[
        str, typer.Argument(metavar="MODEL", help="A .safetensors file of a run, or the name of a shipped model.")
    ],
    data: Data = "auto",
    split: Annotated[str, typer.Option(help="train, val, or test where it has color.")] = "val",
    decoding: Annotated[
        str | None, typer.Option(help="How a network that gives a distribution shall choose its color.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Draw so many pictures; all of them if not given.")] = None,
    json: Annotated[
        Path | None, typer.Option(help="Also add everything to this JSON file, in place of an older entry like it.")
    ] = None,
) -> None:
    """Tell whether a network's color looks right: all measures, overall, by skin tone and by label."""
    from photochrom.console import evaluate_with_progress, print_table
    from photochrom.lab.checkpoint import find_checkpoint
    from photochrom.lab.datasets import open_dataset, open_split
    from photochrom.lab.evaluation import read_evaluations, record_evaluation
    from photochrom.lab.training import choose

    if json is not None:
        read_evaluations(json)  # a file that cannot be added to is better told before the work than after it
    model, pairs = find_checkpoint(weights).model, open_split(data, split)
    evaluation = evaluate_with_progress(model, choose(pairs, count or len(pairs)), decoding)
    for table in evaluation.tables():
        print_table(table.columns, table.rows, title=table.title)
    if json is not None:
        record_evaluation(json, evaluation, weights, open_dataset(data).name, split)


@app.command()
def pack(
    weights: Annotated[Path, typer.Argument(help="A .safetensors file of a run.")],
    out: Annotated[Path, typer.Argument(help="The .safetensors file to write.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="How it shall be used, such as decoding=natural mirrored=true."),
    ] = None,
) -> None:
    """Write weights anew in half precision, to ship or to hand on."""
    from photochrom.lab.checkpoint import load_checkpoint, pack_checkpoint
    from photochrom.lab.training import parse_hyperparameters

    changes = parse_hyperparameters(settings or [], load_checkpoint(weights).model.catalogue_name)
    pack_checkpoint(weights, out, changes)
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB")


@app.command()
def score(
    predictions: Annotated[Path, typer.Argument(help="A .npy file, (count, height, width, 3), 0 to 255.")],
    names: Annotated[Path, typer.Argument(help="A text file: the name of one picture a line, in the same order.")],
    data: Data = "auto",
) -> None:
    """Score a file of predictions as the study does, whoever made it."""
    from photochrom.console import print_table
    from photochrom.lab.datasets import open_dataset
    from photochrom.lab.training import score_estimations

    print_table(["measure", "value"], list(score_estimations(predictions, names, open_dataset(data)).items()))


@experiment_app.command("list")
def experiment_list() -> None:
    """Name the experiments, their questions and their runs."""
    from photochrom.console import print_table
    from photochrom.lab.experiments import available, get_experiment

    experiments = {name: get_experiment(name) for name in available()}
    rows = [
        (name, experiment.question, ", ".join(run.name for run in experiment.runs))
        for name, experiment in experiments.items()
    ]
    print_table(["experiment", "question", "runs"], rows)


@experiment_app.command("run")
def experiment_run(
    names: Annotated[list[str], typer.Argument(help="Experiments, or all; then settings to change, as NAME=VALUE.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds each run is trained with.")] = 1,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes side by side; one a core if not given.")] = None,
    runs: RunsFolder = Path("runs"),
    data: Data = "auto",
    device: Device = "auto",
) -> None:
    """Train experiments side by side; finished runs are skipped, begun ones resumed."""
    from photochrom.console import run_jobs_with_progress
    from photochrom.lab.experiments import plan

    failures = run_jobs_with_progress(plan(names, seeds, runs, data), jobs, device)
    say(f"results: {runs}; next: photochrom report {runs} --out report")
    raise typer.Exit(2 if failures else 0)


@app.command()
def export(
    weights: Annotated[
        str, typer.Argument(metavar="MODEL", help="A .safetensors file of a run, or the name of a shipped model.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT.onnx", help="Where the ONNX file goes; an older one is replaced.")
    ],
    linked: Annotated[
        bool, typer.Option("--linked", help="Leave the weights in MODEL's file, which must lie in the same folder.")
    ] = False,
) -> None:
    """Write a network as an ONNX file, which needs no torch, and check that it gives the same colors."""
    from photochrom.lab.checkpoint import checkpoint_path, find_checkpoint
    from photochrom.lab.export import export_onnx

    source = checkpoint_path(weights) if linked else None
    say(export_onnx(find_checkpoint(weights), out, weights=source).summary())


@app.command()
def report(
    runs: Annotated[Path, typer.Argument(help="The folder of all runs.")] = Path("runs"),
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("report"),
    examples: Annotated[
        str,
        typer.Option(help="validation: each run's own pictures; public: pictures that may be published."),
    ] = "validation",
) -> None:
    """Write the study's tables, figures and conclusions from finished runs: one HTML page, Markdown and JSON."""
    from photochrom.lab.report import write_report

    say(f"report: {write_report(runs, out, examples)}")


def main() -> None:
    """Run the command line."""
    with one_line_failures():
        app()


if __name__ == "__main__":
    main()
