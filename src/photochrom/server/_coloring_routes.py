"""The routes that color one photo at once, and what they share with batches: the options of a form."""

import base64
import functools
import io
import zipfile
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field

from photochrom.album import Options
from photochrom.coloring import parse_hint
from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.server._responses import BINARY, MEDIA_TYPES, attached, media_type, worked
from photochrom.server.meters import Meters
from photochrom.server.problems import Problem
from photochrom.server.settings import Settings
from photochrom.server.tasks import Colored, Confidence, FaceBox, color

__all__ = ["Format", "ModelAnswer", "WantedFormat", "WantedOptions", "known_model", "routes"]

_MOST_HINTS = 100
_LONGEST_HINT = 64

Format = Literal["jpeg", "png", "webp", "tiff", "bmp", "heif"]

routes = APIRouter(tags=["coloring"])


class ModelAnswer(BaseModel):
    """A network that colors whole photos."""

    name: str
    is_default: bool


class PictureAnswer(BaseModel):
    """A picture file."""

    name: str
    media_type: str
    content: str = Field(description="In base64.")


class ColorizeAnswer(BaseModel):
    """A photo in color, and what is told of it."""

    width: int
    height: int
    coloring: str = Field(description="Whether the photo was gray, tinted or in color.")
    faces: list[FaceBox]
    confidence: Confidence
    seconds: dict[str, float]
    pictures: list[PictureAnswer]


@routes.get("/api/v1/models")
async def models(request: Request) -> list[ModelAnswer]:
    """The networks that color whole photos."""
    return list(request.app.state.models.values())


def known_model(request: Request, name: str | None) -> str:
    """The name or path by which a `Colorizer` takes a model.

    Args:
        request: To the server that shall know it.
        name: As `/api/v1/models` tells it; the default model if None.

    Raises:
        Problem: There is no such model.
    """
    settings: Settings = request.app.state.settings
    named = {answer.name: key for key, answer in request.app.state.models.items()}
    if name is not None and name not in named:
        raise Problem(422, f"no such model; there are: {', '.join(named)}", kind="no-such-model")
    return settings.model if name is None else named[name]


def _options(
    request: Request,
    strength: Annotated[float, Form(ge=0.0, le=1.0, description="From 0, gray, to 1.")] = 1.0,
    vividness: Annotated[float, Form(ge=0.0, le=3.0, description="How many times as vivid as guessed.")] = 1.0,
    model: Annotated[str | None, Form(description="A name of /api/v1/models; the default if not given.")] = None,
    variants: Annotated[int, Form(ge=1, le=MAX_VARIANTS, description="How many different guesses.")] = 1,
    compare: Annotated[bool, Form(description="Also gray and color side by side.")] = False,
    confidence: Annotated[bool, Form(description="Also how sure the networks are: white is sure.")] = False,
    force: Annotated[bool, Form(description="Color anew what is in color already.")] = False,
) -> Options:
    """What both ways of coloring ask for.

    Raises:
        Problem: There is no such model.
    """
    settings: Settings = request.app.state.settings
    return Options(
        model=known_model(request, model),
        face_model=settings.face_model,
        strength=strength,
        vividness=vividness,
        variants=variants,
        compare=compare,
        confidence=confidence,
        force=force,
        max_megapixels=settings.max_megapixels,
    )


WantedOptions = Annotated[Options, Depends(_options)]
WantedFormat = Annotated[Format | None, Form(description="Of the result; the photo's own if not given.")]


@routes.post(
    "/api/v1/colorize",
    response_class=Response,
    responses={
        200: {
            "description": "The colored photo; several pictures as a ZIP file; or all as JSON.",
            "content": {
                **dict.fromkeys((*MEDIA_TYPES.values(), "application/zip"), BINARY),
                "application/json": {"schema": {"$ref": "#/components/schemas/ColorizeAnswer"}},
            },
        }
    },
)
async def colorize(
    request: Request,
    file: Annotated[UploadFile, File(description="The photo.")],
    options: WantedOptions,
    hints: Annotated[
        list[Annotated[str, Field(max_length=_LONGEST_HINT)]],
        Form(max_length=_MOST_HINTS, description="Colors that are known, each as x,y,#rrggbb; repeatable."),
    ] = [],  # noqa: B006 - FastAPI copies it
    format: WantedFormat = None,  # noqa: A002 - as the command and Pillow name it
    respond: Annotated[Literal["picture", "json"] | None, Form(description="What comes back; see Accept.")] = None,
) -> Response:
    """Color a photo. What was stored with it, as EXIF and profile, is kept."""
    options = replace(options, hints=tuple(map(parse_hint, hints)))
    task = functools.partial(color, target=None if format is None else format.upper())
    meters: Meters = request.app.state.meters
    try:
        colored = await worked(request, task, options, file.file.read)
    except Exception:
        meters.count("api", None)
        raise
    meters.count("api", len(colored.faces))
    if respond == "json" or (respond is None and "application/json" in request.headers.get("accept", "")):
        return Response(_colorize_answer(colored).model_dump_json(), media_type="application/json")
    if len(colored.pictures) > 1:
        return Response(_zipped(colored), media_type="application/zip", headers=attached("color.zip"))
    picture = colored.pictures[0]
    name = f"color{picture.ending}"
    return Response(picture.content, media_type=media_type(name), headers=attached(name))


def _colorize_answer(colored: Colored) -> ColorizeAnswer:
    pictures = [
        PictureAnswer(
            name=f"color{picture.ending}",
            media_type=media_type(picture.ending),
            content=base64.b64encode(picture.content).decode(),
        )
        for picture in colored.pictures
    ]
    return ColorizeAnswer(
        width=colored.width,
        height=colored.height,
        coloring=colored.coloring,
        faces=list(colored.faces),
        confidence=colored.confidence,
        seconds=colored.seconds,
        pictures=pictures,
    )


def _zipped(colored: Colored) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # pictures are packed already
        for picture in colored.pictures:
            archive.writestr(f"color{picture.ending}", picture.content)
    return file.getvalue()
