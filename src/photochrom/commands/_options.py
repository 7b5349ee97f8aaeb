"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Data", "Device", "FaceModel", "Faces", "MLflow", "PhotoModel", "RunsFolder", "Weights"]

Data = Annotated[
    str,
    typer.Option(
        help="A name of 'photochrom data list'; the path of a folder of pictures; several joined by +, scored on the "
        "first; or auto: the study's if at hand."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
MLflow = Annotated[
    str,
    typer.Option("--mlflow", help="Also record in an MLflow store, such as sqlite:///mlflow.db or http://HOST:PORT."),
]
RunsFolder = Annotated[Path, typer.Option(help="The folder of all runs.")]
Weights = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .safetensors file of a run, or the name of a shipped model.")
]
PhotoModel = Annotated[str, typer.Option(help="A name of 'photochrom models', or an ONNX file of 'photochrom export'.")]
FaceModel = Annotated[str, typer.Option(help="For faces: a name or an ONNX file in the same way.")]
Faces = Annotated[bool, typer.Option("--faces/--no-faces", help="Give faces a look of their own.")]
