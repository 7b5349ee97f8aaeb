"""The server's routes, and how it is started."""

import asyncio
import base64
import contextlib
import functools
import importlib.metadata
import importlib.util
import io
import ipaddress
import logging
import os
import signal
import webbrowser
import zipfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, File, Form, Request, Security, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, Response
from fastapi.security import APIKeyHeader
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from photochrom.album import Options
from photochrom.coloring import parse_hint
from photochrom.coloring.distribution import MAX_VARIANTS
from photochrom.coloring.network import Network
from photochrom.errors import ConfigError, PhotochromError
from photochrom.server.guard import BATCH_PATH, METHODS, Guard
from photochrom.server.jobs import Job, JobRunner, JobStore
from photochrom.server.meters import Meters
from photochrom.server.problems import PROBLEM_RESPONSES, Problem, tell
from photochrom.server.settings import API_KEY_VARIABLE, Settings
from photochrom.server.tasks import Colored, Confidence, FaceBox, color
from photochrom.server.uploads import unpack
from photochrom.server.workbench import Order, Workbench
from photochrom.shipped import network_file, shipped_models

__all__ = ["create_app", "serve"]

_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
    ".heic": "image/heic",
}
"""Of the pictures that are written, by the suffix that each format gets."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MOST_HINTS = 100
_LONGEST_HINT = 64

Format = Literal["jpeg", "png", "webp", "tiff", "bmp", "heif"]


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


class PhotoAnswer(BaseModel):
    """A photo of a batch."""

    name: str
    state: str
    faces: int
    error: str | None


class JobAnswer(BaseModel):
    """A batch, and how far it is."""

    id: str
    state: Literal["unfinished", "finished"]
    counts: dict[str, int] = Field(description="Photos by their state.")
    created: datetime
    expires: datetime | None = Field(description="Until when a finished batch's result can be fetched.")
    photos: list[PhotoAnswer]


def create_app(settings: Settings) -> FastAPI:
    """The API as an ASGI application.

    For the page there are `app.state.models`, `app.state.meters` and `app.state.workbench`: with
    `photochrom.server.tasks.guess`, `workbench.submit(guess, lambda: content, Options(...))` gives an order whose
    `answer` is a future of a list of `Result`.

    Args:
        settings: How it shall run.

    Raises:
        PhotochromError: A network cannot be loaded.
    """
    dependencies = [Security(APIKeyHeader(name="X-API-Key", auto_error=False))] if settings.api_key else []
    app = FastAPIOffline(
        title="photochrom",
        version=importlib.metadata.version("photochrom"),
        summary="Color for gray photos of faces. Nothing that is sent here leaves this machine.",
        redoc_url=None,
        lifespan=_lifespan,
        responses=PROBLEM_RESPONSES,
        dependencies=dependencies,
    )
    app.state.settings = settings
    app.state.workbench = Workbench(settings)
    app.state.meters = Meters(app.state.workbench)
    app.state.models = _models(settings)
    app.add_middleware(Guard, settings=settings, meters=app.state.meters)
    for error in (HTTPException, RequestValidationError, PhotochromError):
        app.add_exception_handler(error, tell)
    app.include_router(_routes)
    return app


def serve(settings: Settings, *, opens_browser: bool = False) -> None:
    """Serve the API, and the page where gradio is installed, until the process is interrupted.

    Args:
        settings: How.
        opens_browser: Whether to show the page.

    Raises:
        PhotochromError: A network cannot be loaded, or another server uses the folder of batches.
    """
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    for name in ("photochrom", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
    JobStore(settings).close()  # what would keep the server from its start is told here in one line, there in many
    app = create_app(settings)
    if importlib.util.find_spec("gradio") is not None:
        from photochrom.server.page import WorkbenchGuesser, mount_page

        guesser = WorkbenchGuesser(app.state.workbench, settings, tuple(app.state.models), app.state.meters)
        app = mount_page(app, guesser, max_upload_bytes=settings.max_upload_bytes)
    os.environ.pop(API_KEY_VARIABLE, None)  # the processes that decode photos need not know it
    if hasattr(signal, "SIGHUP"):  # a terminal that is closed ends the server as Ctrl-C does: files are removed
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    config = uvicorn.Config(
        app,
        settings.host,
        settings.port,
        log_config=None,
        access_log=False,  # it would log what callers write into addresses
        proxy_headers=False,  # whoever calls could claim to be somebody else
        server_header=False,
        limit_concurrency=512,
        timeout_graceful_shutdown=5,
    )
    _Server(config, opens_browser).run()


class _Server(uvicorn.Server):
    """A server that can show its page once it is there."""

    def __init__(self, config: uvicorn.Config, opens_browser: bool) -> None:
        super().__init__(config)
        self._opens_browser = opens_browser

    async def startup(self, *arguments: Any, **options: Any) -> None:
        """Listen, then show the page."""
        await super().startup(*arguments, **options)
        if self._opens_browser and self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            shown = "localhost" if ipaddress.ip_address(host).is_unspecified else host
            await run_in_threadpool(webbrowser.open, f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings, workbench = app.state.settings, app.state.workbench
    store = await run_in_threadpool(JobStore, settings)
    runner = JobRunner(store, workbench, app.state.meters, settings.workers)
    app.state.store, app.state.runner = store, runner
    try:
        await run_in_threadpool(workbench.start)
        runner.start()
        yield
        await run_in_threadpool(runner.close)
    finally:
        await run_in_threadpool(workbench.close)
        store.close()


def _models(settings: Settings) -> dict[str, ModelAnswer]:
    """What may be asked for, by the name or path that a `Colorizer` takes; the default first.

    Raises:
        CheckpointError: The default, or the network for faces, cannot be loaded.
        ConfigError: It gives no probabilities of chroma.
    """
    if settings.face_model is not None:
        _model(settings.face_model, is_default=False)
    found = {settings.model: _model(settings.model, is_default=True)}
    for name in shipped_models():
        if name in found or name == settings.face_model:
            continue
        with contextlib.suppress(PhotochromError):  # one that gives no probabilities of chroma
            found[name] = _model(name, is_default=False)
    return found


def _model(model: str, *, is_default: bool) -> ModelAnswer:
    path = network_file(model)
    if Network(path).metadata.output != "probabilities":
        raise ConfigError(f"{model}: gives colors without probabilities; 'photochrom models' lists what colors photos")
    return ModelAnswer(name=path.stem, is_default=is_default)


def _job_answer(job: Job, store: JobStore) -> JobAnswer:
    expires = None if job.finished is None else datetime.fromtimestamp(job.finished + store.keep_seconds, UTC)
    return JobAnswer(
        id=job.id,
        state="unfinished" if job.finished is None else "finished",
        counts=job.counts,
        created=datetime.fromtimestamp(job.created, UTC),
        expires=expires,
        photos=[PhotoAnswer(name=p.name, state=p.state, faces=p.faces, error=p.error) for p in job.photos],
    )


_routes = APIRouter()
"""All of them; what they need lies in the state of the application."""


@_routes.get("/healthz", tags=["server"])
def healthz() -> dict[str, str]:
    """Tell that the server is there."""
    return {"status": "ok"}


@_routes.get("/metrics", tags=["server"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """What the server counted, for Prometheus."""
    return Response(request.app.state.meters.text(), media_type="text/plain; version=0.0.4")


@_routes.get("/api/v1/models", tags=["coloring"])
def models(request: Request) -> list[ModelAnswer]:
    """The networks that color whole photos."""
    return list(request.app.state.models.values())


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
    named = {answer.name: key for key, answer in request.app.state.models.items()}
    if model is not None and model not in named:
        raise Problem(422, f"no such model; there are: {', '.join(named)}", kind="no-such-model")
    return Options(
        model=settings.model if model is None else named[model],
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


@_routes.post(
    "/api/v1/colorize",
    tags=["coloring"],
    response_class=Response,
    responses={
        200: {
            "description": "The colored photo; several pictures as a ZIP file; or all as JSON.",
            "content": {
                **dict.fromkeys((*_MEDIA_TYPES.values(), "application/zip"), _BINARY),
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
    workbench: Workbench = request.app.state.workbench
    meters: Meters = request.app.state.meters
    try:
        colored = await _answer(request, workbench, workbench.submit(task, file.file.read, options))
    except Exception:
        meters.count("api", None)
        raise
    meters.count("api", len(colored.faces))
    if respond == "json" or (respond is None and "application/json" in request.headers.get("accept", "")):
        return Response(_colorize_answer(colored).model_dump_json(), media_type="application/json")
    if len(colored.pictures) > 1:
        return _attachment(_zipped(colored), "color.zip", "application/zip")
    picture = colored.pictures[0]
    return _attachment(picture.content, f"color{picture.ending}", _media_type(picture.ending))


async def _answer(request: Request, workbench: Workbench, order: Order[Colored]) -> Colored:
    """What becomes of an order; it is given up when the caller goes away.

    Raises:
        Problem: The server ends.
        PhotochromError: The photo cannot be colored.
    """

    async def caller_goes() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    answer, goes = asyncio.wrap_future(order.answer), asyncio.ensure_future(caller_goes())
    either: set[asyncio.Future[Any]] = {answer, goes}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    goes.cancel()
    if not answer.done():
        workbench.cancel(order)
    try:
        return await answer
    except (CancelledError, asyncio.CancelledError):
        raise Problem(503, "given up, for the server ends or nobody waits any more") from None


def _colorize_answer(colored: Colored) -> ColorizeAnswer:
    pictures = [
        PictureAnswer(
            name=f"color{picture.ending}",
            media_type=_media_type(picture.ending),
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


def _media_type(ending: str) -> str:
    return _MEDIA_TYPES[Path(ending).suffix or ending]


def _zipped(colored: Colored) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:  # pictures are packed already
        for picture in colored.pictures:
            archive.writestr(f"color{picture.ending}", picture.content)
    return file.getvalue()


def _attachment(content: bytes, name: str, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@_routes.post(BATCH_PATH, tags=["batches"], status_code=202)
async def start_batch(
    request: Request,
    response: Response,
    files: Annotated[list[UploadFile], File(description="Photos, or ZIP files of photos.")],
    options: WantedOptions,
    format: WantedFormat = None,  # noqa: A002 - as above
) -> JobAnswer:
    """Have many photos colored; the answer tells the batch's id, by which to ask how far it is."""
    job = await run_in_threadpool(_take, request.app, files, options, None if format is None else format.upper())
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job


def _take(app: FastAPI, files: list[UploadFile], options: Options, target: str | None) -> JobAnswer:
    store: JobStore = app.state.store
    store.require_room()
    with store.draft() as draft:
        job = store.add(draft, unpack(files, draft, app.state.settings), options, target)
    app.state.runner.wake()
    return _job_answer(job, store)


@_routes.get("/api/v1/jobs/{job}", tags=["batches"])
def job_progress(request: Request, job: str) -> JobAnswer:
    """How far a batch is."""
    store: JobStore = request.app.state.store
    with _known_job():
        return _job_answer(store.get(job), store)


@_routes.get(
    "/api/v1/jobs/{job}/result",
    tags=["batches"],
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": _BINARY}}},
)
def job_result(request: Request, job: str) -> FileResponse:
    """The colored photos of a finished batch, as a ZIP file, with a report in JSON."""
    with _known_job():
        path = request.app.state.store.result(job)
    if path is None:
        raise Problem(409, "the batch is not finished; ask again later", kind="job-unfinished", title="Not finished")
    return FileResponse(path, media_type="application/zip", filename="photochrom.zip")


@_routes.delete("/api/v1/jobs/{job}", tags=["batches"], status_code=204)
def delete_job(request: Request, job: str) -> None:
    """Cancel a batch, and forget its photos and results."""
    with _known_job():
        request.app.state.runner.delete(job)


@_routes.api_route("/api/{rest:path}", methods=list(METHODS), include_in_schema=False)
def elsewhere(request: Request) -> None:
    """Refuse what is none of the API's addresses or methods; else the page at the root would answer."""
    matches = [(route, route.matches(request.scope)[0]) for route in _routes.routes if isinstance(route, Route)]
    allowed = [method for route, match in matches if match is Match.PARTIAL for method in sorted(route.methods or ())]
    if allowed:
        raise Problem(405, f"this address takes {', '.join(allowed)}", headers={"Allow": ", ".join(allowed)})
    raise Problem(404, "there is no such address; /docs lists them")


@contextmanager
def _known_job() -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise Problem(404, "there is no such batch; its time may have run out") from None
