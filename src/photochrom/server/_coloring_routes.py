"""The routes that color one photo in one request, and the form options that batches share."""

import base64
import io
import json
import zipfile
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic import BaseModel, Field

from photochrom.album import color_photo
from photochrom.coloring import Limits, Look, Model, Options, Output, Outputs, parse_hint
from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.server._facts import PhotoFacts
from photochrom.server._responses import BINARY, MEDIA_TYPES, Format, attached, file_response, worked
from photochrom.server.meters import Meters
from photochrom.server.problems import Problem, require_known
from photochrom.server.settings import Settings
from photochrom.workers import Deferred, Pool

MOST_HINTS = 100
_LONGEST_HINT = 64
_REMARKS = "Photochrom-Remarks"

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


class ColorizeAnswer(PhotoFacts):
    """A photo in color, and the facts about it."""

    seconds: dict[str, float]
    pictures: list[PictureAnswer]


@routes.get("/api/v1/models")
async def models(request: Request) -> list[ModelAnswer]:
    """The networks that color whole photos."""
    return list(request.app.state.models.values())


def known_model(request: Request, name: str | None) -> str:
    """The name or path by which a `Colorizer` takes a model.

    Args:
        name: As `/api/v1/models` tells it; the default model if None.
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
    force: Annotated[bool, Form(description="Also color photos that are in color already.")] = False,
    format: Annotated[Format | None, Form(description="Of the result; the photo's own if not given.")] = None,  # noqa: A002 - as the command and Pillow name it
) -> Options:
    """The options of a request for one photo or for a batch."""
    settings: Settings = request.app.state.settings
    return Options(
        Model(known_model(request, model), settings.face_model),
        Look(strength, vividness),
        Outputs(variants, compare, confidence, None if format is None else format.upper()),
        Limits(settings.max_megapixels, settings.seconds_a_photo, force),
    )


async def known_fields(request: Request) -> None:
    """Refuse fields of a form that the route does not have; FastAPI passes them over."""
    form: Any = request.scope["route"].body_field.field_info.annotation
    require_known(await request.form(), list(form.model_fields))


WantedOptions = Annotated[Options, Depends(_options)]


@routes.post(
    "/api/v1/colorize",
    response_class=Response,
    dependencies=[Depends(known_fields)],
    responses={
        200: {
            "description": "The colored photo; several pictures as a ZIP file; or all as JSON.",
            "headers": {
                _REMARKS: {
                    "description": "What is missing of the photo, if anything is: a JSON list of texts.",
                    "schema": {"type": "string"},
                }
            },
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
        Form(max_length=MOST_HINTS, description="Colors that are known, each as x,y,#rrggbb; repeatable."),
    ] = [],  # noqa: B006 - FastAPI copies it
    respond: Annotated[Literal["picture", "json"] | None, Form(description="What comes back; see Accept.")] = None,
) -> Response:
    """Color a photo. Its metadata, such as EXIF and the color profile, are kept."""
    options = replace(options, look=replace(options.look, hints=tuple(map(parse_hint, hints))))
    pool: Pool = request.app.state.pool
    meters: Meters = request.app.state.meters
    try:
        pending = pool.submit(color_photo, Deferred(file.file.read), options, model=options.model)
        told = await worked(request, pending)
    except Exception:
        meters.count("api", None)
        raise
    meters.count("api", len(told["faces"]))
    made = [Output(**output) for output in told.pop("outputs")]
    if respond == "json" or (respond is None and "application/json" in request.headers.get("accept", "")):
        pictures = await run_in_threadpool(lambda: list(map(_picture, made)))
        body = ColorizeAnswer(**told, pictures=pictures).model_dump_json()
        return Response(body, media_type="application/json")
    if len(made) > 1:
        content = await run_in_threadpool(_zipped, made)
        answer = Response(content, media_type="application/zip", headers=attached("color.zip"))
    else:
        answer = file_response(made[0], "color")
    if told["remarks"]:
        answer.headers[_REMARKS] = json.dumps(told["remarks"])  # which escapes what a header cannot hold
    return answer


def _picture(output: Output) -> PictureAnswer:
    content = base64.b64encode(output.content).decode()
    return PictureAnswer(name=_name(output), media_type=MEDIA_TYPES[output.suffix], content=content)


def _name(output: Output) -> str:
    return f"color{output.ending}{output.suffix}"


def _zipped(made: list[Output]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # pictures are packed already
        for output in made:
            archive.writestr(_name(output), output.content)
    return file.getvalue()
