"""The options of the commands with many of them, and those that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

# Of several commands.
Data = Annotated[
    str,
    typer.Option(
        help="A name of 'photochrom data list'; the path of a folder of pictures; several joined by +, scored on the "
        "first; or auto: the study's if at hand."
    ),
]
Size = Annotated[
    int | None,
    typer.Option(
        help="Side of the pictures of a folder or a collection; that of the run's own training on them, else their "
        "usual one, if not given."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
MLflow = Annotated[
    str,
    typer.Option("--mlflow", help="Also record in an MLflow store, such as sqlite:///mlflow.db or http://HOST:PORT."),
]
RunsFolder = Annotated[Path, typer.Option(help="The folder of all runs.")]
SeveralWeights = Annotated[
    list[str],
    typer.Argument(metavar="MODEL...", help="Folders of runs, .safetensors files, or names of shipped models."),
]
Weights = Annotated[
    str, typer.Argument(metavar="MODEL", help="A run's folder, a .safetensors file, or the name of a shipped model.")
]
PhotoModel = Annotated[str, typer.Option(help="A name of 'photochrom models', or an ONNX file of 'photochrom export'.")]
FaceModel = Annotated[str, typer.Option(help="The same for faces.")]
Faces = Annotated[bool, typer.Option("--faces/--no-faces", help="Color faces with a model of their own.")]
Provider = Annotated[
    str,
    typer.Option(
        help="What the networks run on: cpu, cuda, directml, openvino or coreml; auto takes what is installed."
    ),
]

# Of `train`.
Settings = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME=VALUE]...",
        help="Settings, and hyperparameters of the network, such as data=path/to/pictures model=unet depth=4 "
        "learning_rate=0.01; 'photochrom settings' lists them, and 'photochrom data list' what data can be.",
    ),
]
SettingsFile = Annotated[Path | None, typer.Option(help="A JSON file of settings to start from.")]
ExperimentRun = Annotated[str | None, typer.Option(help="Or a run of an experiment, as EXPERIMENT/RUN.")]
Run = Annotated[
    Path | None, typer.Option(help="The folder of the run; named by its settings below runs/custom if not given.")
]
Devices = Annotated[int, typer.Option(min=1, help="Devices of this machine that divide each batch, a process each.")]
Nodes = Annotated[int, typer.Option(min=1, help="Machines with so many devices each; see docs/cluster.md.")]
TrainingThreads = Annotated[int, typer.Option(min=1, help="Threads on the CPU, of each process.")]
TensorBoard = Annotated[bool, typer.Option(help="Also write TensorBoard files into the run.")]
PicturesEvery = Annotated[
    int, typer.Option(min=0, help="Epochs between example pictures in these records; 0 for none.")
]
ThenTest = Annotated[bool, typer.Option("--test", help="Then color 100 test pictures, as 'predict' does.")]
NoBar = Annotated[bool, typer.Option(help="Show no progress bar.")]
Parent = Annotated[int, typer.Option(hidden=True, help="End with the process of this number.")]

# Of `colorize`.
Sources = Annotated[
    list[str],
    typer.Argument(
        help="Photos, folders, patterns such as 'scans/**/*.tif'; s3:// addresses; or - for standard input and output."
    ),
]
ResultFolder = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Folder for the results, or a file for a single photo; beside the sources if not given.",
    ),
]
Strength = Annotated[float, typer.Option(help="From 0, gray, to 1.")]
Vividness = Annotated[float, typer.Option(help="How many times as vivid as guessed, from 0 to 3.")]
Variants = Annotated[int, typer.Option(help="How many different guesses of each.")]
Hints = Annotated[
    list[str] | None,
    typer.Option(metavar="X,Y,#RRGGBB", help="A color that you know, at a pixel of the only photo; repeatable."),
]
Compare = Annotated[bool, typer.Option("--compare", help="Also write gray and color side by side.")]
Confidence = Annotated[
    bool, typer.Option("--confidence", help="Also write how sure the networks are, as a gray PNG: white is sure.")
]
Upright = Annotated[bool, typer.Option("--upright", help="Turn the results of photos whose people lie on their side.")]
Force = Annotated[bool, typer.Option("--force", help="Also color photos that are in color already.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Refuse torn files, and files of several pictures, instead of reading part.")
]
Sign = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        metavar="CERTIFICATE KEY", help="Sign results as C2PA does, with a certificate and its private key in PEM."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
KeepDate = Annotated[
    bool, typer.Option("--keep-date/--no-keep-date", help="Give results the date of their photo's file.")
]
MaxMegapixels = Annotated[float | None, typer.Option(help="Refuse larger photos; 200 if not given.")]
Timeout = Annotated[
    float | None,
    typer.Option(help="Give a photo up after so many seconds; 60, and 3 for each megapixel, if not given."),
]
Jobs = Annotated[
    int | None, typer.Option(min=1, help="Processes side by side; as many as cores and memory allow if not given.")
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Cores for each photo at work; those that the processes leave if not given.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print failures only.")]

# Of `evaluate`.
OptionalWeights = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL]", help="A run's folder, a .safetensors file, or the name of a shipped model."),
]
ScoredSplit = Annotated[
    str | None, typer.Option(help="train, val, or test where it has color; val if not given, test for --photos.")
]
Decoding = Annotated[str | None, typer.Option(help="How a network that gives a distribution chooses its color.")]
Count = Annotated[
    int | None, typer.Option("--count", "--limit", min=1, help="Draw so many pictures; all of them if not given.")
]
JsonFile = Annotated[
    Path | None, typer.Option(help="Also add everything to this JSON file, in place of an older entry like it.")
]
PhotoSets = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SET_OR_FOLDER",
        help="Color these whole photos as 'colorize' does, and compare that with leaving them gray; repeatable.",
    ),
]
ScoredModel = Annotated[
    str, typer.Option(help="For --photos: a name of 'photochrom models', or an ONNX file of 'photochrom export'.")
]
ScoredFaceModel = Annotated[str, typer.Option(help="For --photos: the model for faces.")]
ScoredFaces = Annotated[
    bool, typer.Option("--faces/--no-faces", help="For --photos: color faces with a model of their own.")
]
ScoringJobs = Annotated[
    int | None, typer.Option(min=1, help="For --photos: processes side by side; one a core if not given.")
]
Sheet = Annotated[Path | None, typer.Option(help="For --photos: also write a contact sheet, gray, colored and true.")]

# Of `serve`.
Host = Annotated[str, typer.Option(help="The address to listen at; others than this machine's need an API key.")]
Port = Annotated[int, typer.Option(help="The port to listen at; 0 for a free one.")]
OpensBrowser = Annotated[bool, typer.Option("--open", help="Show the page in a browser.")]
MaxUpload = Annotated[float, typer.Option(help="Refuse larger photo files; batches may have 20 times as much.")]
ServedMegapixels = Annotated[float, typer.Option(help="Refuse larger photos.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes that color, a core each; one a core if not given.")]
ApiKey = Annotated[
    str | None, typer.Option(envvar="PHOTOCHROM_API_KEY", show_envvar=True, help="The key that callers must send.")
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Allow everybody who reaches the address, without a key.")]
TrustedHosts = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A name by which a proxy calls this server; repeatable.")
]
KeepHours = Annotated[float, typer.Option(help="Hours for which a finished batch is kept.")]
DataFolder = Annotated[
    Path | None, typer.Option(help="The folder of photos and batches; in your data folder if not given.")
]
