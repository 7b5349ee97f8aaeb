"""The routes of photos as resources: a photo is sent once, then viewed, adjusted and fetched as often as needed."""

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_urlsafe
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from photochrom.coloring import Hint, Limits, Look, Model, Options, Output, Outputs, parse_hint, require_inside
from photochrom.errors import GoneError, PhotochromError
from photochrom.server._archive import Archive
from photochrom.server._coloring_routes import MOST_HINTS, known_model
from photochrom.server._facts import KeptFacts
from photochrom.server._responses import BINARY, MEDIA_TYPES, Format, attached, file_response, worked
from photochrom.server._sketch import GUESSES, WIDEST, Part, PictureFormat, Show, View, draw, sketch, write
from photochrom.server.meters import Meters
from photochrom.server.photos import KeptPhoto, PhotoStore
from photochrom.server.problems import Problem, problem_of, require_known
from photochrom.server.settings import Settings
from photochrom.server.uploads import clean_name
from photochrom.workers import FaultError, Pending, Pool

_NARROWEST = 16

routes = APIRouter(tags=["photos"])


class PhotoAnswer(KeptFacts):
    """A photo that is kept, until it is deleted or nobody uses it for an hour."""

    id: str = Field(description="Names the photo; whoever knows it can see it.")
    name: str = Field(description="What its file was called.")
    model: str = Field(description="Which network guessed its colors.")


class ModelChoice(BaseModel):
    """The network that guesses."""

    model: str = Field(description="A name of /api/v1/models.")


class PlacedColor(BaseModel):
    """A color that is known."""

    x: float = Field(ge=0.0, allow_inf_nan=False, description="Pixels from the left of the upright photo.")
    y: float = Field(ge=0.0, allow_inf_nan=False, description="Pixels from its top.")
    color: str = Field(pattern="^#[0-9a-fA-F]{6}$", description="Its hue is taken; how light it is, the photo says.")


class ChosenLook(BaseModel):
    """Which guess, and how strong and vivid its colors are."""

    guess: int = Field(default=0, ge=0, lt=GUESSES, description="From 0, the likeliest.")
    strength: float = Field(default=1.0, ge=0.0, le=1.0, description="From 0, gray, to 1.")
    vividness: float = Field(default=1.0, ge=0.0, le=3.0, description="How many times as vivid as guessed.")


class ChosenPhoto(ChosenLook):
    """A photo of an archive, and its look."""

    id: str = Field(max_length=64)
    force: bool = Field(default=False, description="Also color photos that are in color already.")


class ArchiveRequest(BaseModel):
    """The photos of an archive."""

    photos: list[ChosenPhoto] = Field(min_length=1, max_length=1000)


def _photo(request: Request, id: str) -> KeptPhoto:  # noqa: A002 - as the path names it
    store: PhotoStore = request.app.state.photos
    return store.get(id)


WantedPhoto = Annotated[KeptPhoto, Depends(_photo)]
WantedLook = Annotated[ChosenLook, Query()]
WantedFile = Annotated[Format | None, Query(description="Of the result; the photo's own if not given.")]


@routes.post(
    "/api/v1/photos",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {"file": {"type": "string", "format": "binary"}},
                    }
                },
                "application/octet-stream": BINARY,
                "image/*": BINARY,
            },
        }
    },
)
async def send_photo(
    request: Request,
    response: Response,
    name: Annotated[str, Query(max_length=1000, description="Of the photo's file, if it is sent as it is.")] = "photo",
    model: Annotated[str | None, Query(description="A name of /api/v1/models; the default if not given.")] = None,
) -> PhotoAnswer:
    """Send a photo, as a form or as the body. Its colors are guessed once, so that later requests are quick."""
    store: PhotoStore = request.app.state.photos
    model = known_model(request, model)
    with store.draft() as draft:
        source, folder = draft / "source", draft / token_urlsafe(6)
        name = await _receive(request, source) or name
        facts = await _sketched(request, source, folder, model)
        photo = store.keep(source, folder, clean_name(name.replace("\\", "/").rpartition("/")[2]), model, facts)
    response.headers["Location"] = f"/api/v1/photos/{photo.id}"
    return _answer(request, photo)


@routes.get("/api/v1/photos/{id}")
async def photo_facts(request: Request, photo: WantedPhoto) -> PhotoAnswer:
    """The facts about a photo."""
    return _answer(request, photo)


@routes.patch("/api/v1/photos/{id}")
async def guess_anew(request: Request, photo: WantedPhoto, choice: ModelChoice) -> PhotoAnswer:
    """Have another network guess a photo's colors."""
    store: PhotoStore = request.app.state.photos
    model, folder = known_model(request, choice.model), photo.folder / token_urlsafe(6)
    store.replace_sketch(photo, folder, model, await _sketched(request, photo.source, folder, model))
    return _answer(request, photo)


@routes.delete("/api/v1/photos/{id}", status_code=204)
async def delete_photo(request: Request, photo: WantedPhoto) -> None:
    """Delete a photo and everything made from it."""
    request.app.state.photos.delete(photo.id)


@routes.get(
    "/api/v1/photos/{id}/picture",
    response_class=Response,
    responses={200: {"content": dict.fromkeys(("image/jpeg", "image/webp", "image/png"), BINARY)}},
)
async def picture(
    request: Request,
    photo: WantedPhoto,
    look: WantedLook,
    width: Annotated[int, Query(ge=_NARROWEST, le=WIDEST, description="Pixels across, at most.")] = 1600,
    show: Annotated[Show, Query(description="In color, in gray, or how sure it is: yellow is sure.")] = "color",
    format: Annotated[PictureFormat, Query()] = "jpeg",  # noqa: A002 - as elsewhere
) -> Response:
    """A preview of a photo with its hints, at most two megapixels."""
    view = View(show, look.guess, Look(look.strength, look.vividness, photo.hints), width, format)
    return Response(await _drawn(request, photo, view), media_type=f"image/{format}")


@routes.get(
    "/api/v1/photos/{id}/file",
    response_class=Response,
    responses={200: {"content": dict.fromkeys(MEDIA_TYPES.values(), BINARY)}},
)
async def photo_file(
    request: Request,
    photo: WantedPhoto,
    look: WantedLook,
    part: Annotated[Part, Query(description="The photo; gray and color side by side; or how sure it is.")] = "color",
    format: WantedFile = None,  # noqa: A002 - as elsewhere
    force: Annotated[bool, Query(description="Also color photos that are in color already.")] = False,
) -> Response:
    """The photo in color, at full size, with the metadata of its file."""
    pending = _writing(request, photo, look, part=part, target=format, force=force)
    return file_response(Output(**await worked(request, pending)), _stem(photo))


@routes.get("/api/v1/photos/{id}/hints")
async def hints(photo: WantedPhoto) -> list[PlacedColor]:
    """The hints of a photo: colors that its owner knows."""
    return [PlacedColor(x=hint.x, y=hint.y, color=f"#{bytes(hint.color).hex()}") for hint in photo.hints]


@routes.put("/api/v1/photos/{id}/hints")
async def set_hints(
    photo: WantedPhoto, colors: Annotated[list[PlacedColor], Field(max_length=MOST_HINTS)]
) -> list[PlacedColor]:
    """Replace the hints of a photo."""
    placed = tuple(Hint(color.x, color.y, parse_hint(f"0,0,{color.color}").color) for color in colors)
    require_inside(placed, (photo.facts.height, photo.facts.width))
    photo.hints = placed
    return colors


@routes.delete("/api/v1/photos/{id}/hints", status_code=204)
async def forget_hints(photo: WantedPhoto) -> None:
    """Remove all hints of a photo."""
    photo.hints = ()


@routes.post(
    "/api/v1/archives",
    tags=["photos"],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": BINARY}}},
)
async def pack(request: Request, wanted: ArchiveRequest) -> StreamingResponse:
    """Several photos in color as one ZIP file; a text file in it names those that cannot be colored."""
    store: PhotoStore = request.app.state.photos
    photos = [(store.get(chosen.id), chosen) for chosen in wanted.photos]
    return StreamingResponse(
        _packed(request, photos), media_type="application/zip", headers=attached("photos-in-color.zip")
    )


async def _packed(request: Request, photos: Sequence[tuple[KeptPhoto, ChosenPhoto]]) -> AsyncIterator[bytes]:
    """The bytes of an archive, photo by photo; as many photos are prepared ahead as there are workers."""
    settings: Settings = request.app.state.settings
    archive, left_out, waiting = Archive(), [], deque(photos)
    making: deque[tuple[KeptPhoto, Pending]] = deque()
    try:
        while waiting or making:
            while waiting and len(making) < settings.workers:
                photo, chosen = waiting.popleft()
                making.append((photo, _writing(request, photo, chosen, force=chosen.force, is_patient=True)))
            photo, pending = making[0]
            try:
                made = Output(**await asyncio.wrap_future(pending))
            except (PhotochromError, FaultError) as error:
                left_out.append(f"{photo.name}: {problem_of(error).detail}\n")
            else:
                yield archive.add(f"{_stem(photo)}{made.ending}{made.suffix}", made.content)
            making.popleft()
        if left_out:
            yield archive.add("not-in-here.txt", "".join(left_out).encode())
        yield archive.end()
    finally:
        archive.end()  # once more, or for a caller that has gone: left open, it would fail where nobody can catch it
        for _, pending in making:
            pending.cancel()


async def _receive(request: Request, source: Path) -> str | None:
    """Write the photo that is sent to a file; returns its name if it comes in a form."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        with source.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
        return None
    async with request.form(max_files=1, max_fields=10) as form:
        require_known(form, ["file"])
        upload: Any = form.get("file")
        if not hasattr(upload, "file"):
            raise Problem(422, "there is no photo in the form; send it as the field 'file'")
        await run_in_threadpool(_copy, upload, source)
        return str(upload.filename or "")


def _copy(upload: UploadFile, source: Path) -> None:
    with source.open("wb") as file:
        shutil.copyfileobj(upload.file, file, 1 << 20)


async def _sketched(request: Request, source: Path, folder: Path, model: str) -> KeptFacts:
    pool: Pool = request.app.state.pool
    meters: Meters = request.app.state.meters
    options = _options(request, model, ChosenLook())
    try:
        told = await worked(request, pool.submit(sketch, source, folder, options, model=options.model))
    except Exception:
        meters.count("photos", None)
        raise
    facts = KeptFacts(**told)
    meters.count("photos", len(facts.faces))
    return facts


async def _drawn(request: Request, photo: KeptPhoto, view: View) -> bytes:
    """A preview; if another network's sketch takes the place of its own while it waits, it is drawn from that one."""
    pool: Pool = request.app.state.pool
    size = (photo.facts.width, photo.facts.height)
    while True:
        folder = photo.sketch
        try:
            return bytes(await worked(request, pool.submit(draw, folder, size, view), is_short=True))
        except GoneError:
            if photo.sketch == folder:
                raise


def _options(request: Request, model: str, look: ChosenLook, hints: tuple[Hint, ...] = ()) -> Options:
    settings: Settings = request.app.state.settings
    return Options(
        Model(model, settings.face_model),
        Look(look.strength, look.vividness, hints),
        limits=Limits(settings.max_megapixels, settings.seconds_a_photo),
    )


def _writing(
    request: Request,
    photo: KeptPhoto,
    look: ChosenLook,
    *,
    part: Part = "color",
    target: Format | None = None,
    force: bool = False,
    is_patient: bool = False,
) -> Pending:
    """The task that writes a photo's file."""
    pool: Pool = request.app.state.pool
    options = _options(request, photo.model, look, photo.hints)
    outputs = Outputs(format=None if target is None else target.upper())
    options = replace(options, outputs=outputs, limits=replace(options.limits, force=force))
    task = (write, photo.source, look.guess, part, options)
    return pool.submit(*task, model=options.model, is_patient=is_patient)


def _stem(photo: KeptPhoto) -> str:
    return f"{Path(photo.name).stem}-color"


def _answer(request: Request, photo: KeptPhoto) -> PhotoAnswer:
    model = request.app.state.models[photo.model].name
    return PhotoAnswer(id=photo.id, name=photo.name, model=model, **vars(photo.facts))
