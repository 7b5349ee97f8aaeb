"""The server's application, and how it is started."""

import asyncio
import importlib.metadata
import ipaddress
import logging
import os
import signal
import socket
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from photochrom.coloring import Model
from photochrom.coloring.network import Network, require_probabilities
from photochrom.errors import ConfigError, PhotochromError, reason_of
from photochrom.process import signals_handled
from photochrom.server import _batch_routes, _coloring_routes, _photo_routes
from photochrom.server._coloring_routes import ModelAnswer
from photochrom.server._site import mount_site
from photochrom.server.batch_runner import BatchRunner
from photochrom.server.batches import BatchStore
from photochrom.server.guard import METHODS, Guard
from photochrom.server.meters import Meters
from photochrom.server.photos import PhotoStore
from photochrom.server.problems import PROBLEM_RESPONSES, Problem, require_known, tell
from photochrom.server.settings import API_KEY_VARIABLE, Settings
from photochrom.shipped import network_file, photo_models
from photochrom.workers import Pool

_SWEEP_SECONDS = 60.0

_log = logging.getLogger("photochrom.server")


class LimitsAnswer(BaseModel):
    """The limits of the server."""

    upload_bytes: int = Field(description="Of the largest photo.")
    megapixels: float = Field(description="Of the largest photo.")
    batch_photos: int = Field(description="In the largest batch.")
    photo_minutes: float = Field(description="Until a photo is deleted that nobody uses.")
    batch_hours: float = Field(description="Until a finished batch is deleted.")


def create_app(settings: Settings) -> FastAPI:
    """The API, and the page on it, as an ASGI application."""
    dependencies = [Security(APIKeyHeader(name="X-API-Key", auto_error=False))] if settings.api_key else []
    app = FastAPI(
        title="photochrom",
        version=importlib.metadata.version("photochrom"),
        summary="Color for old photos of people. Nothing that is sent here leaves this machine.",
        docs_url=None,  # the page of ours below shows it without a script in its HTML
        redoc_url=None,
        lifespan=_lifespan,
        responses=PROBLEM_RESPONSES,
        dependencies=dependencies,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.pool = Pool(
        Model(settings.model, settings.face_model),
        workers=settings.workers,
        longest_queue=settings.queue,
        timeout=settings.seconds_a_photo,
        provider=settings.provider,
        on_remark=_log.info,
    )
    app.state.meters = Meters(app.state.pool)
    app.state.models = _models(settings)
    app.add_middleware(Guard, settings=settings, meters=app.state.meters)
    for error in (HTTPException, RequestValidationError, PhotochromError):
        app.add_exception_handler(error, tell)
    app.include_router(_routes)  # a monitor may ask with parameters of its own
    for router in _ROUTERS:
        app.include_router(router, dependencies=[Depends(_known_parameters)])
    for path in ("/api", "/api/{rest:path}"):
        app.add_api_route(path, _elsewhere, methods=sorted(METHODS), include_in_schema=False)
    mount_site(app)
    return app


def serve(settings: Settings, *, opens_browser: bool = False) -> None:
    """Serve the API and the page until the process is interrupted."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    for name in ("photochrom", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
    _require_free_address(settings.host, settings.port)
    with closing(BatchStore(settings)):  # a failure is one line here, but a traceback inside the application
        PhotoStore(settings).close()
    app = create_app(settings)
    os.environ.pop(API_KEY_VARIABLE, None)  # workers do not need it
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
    # A terminal that is closed ends the server as Ctrl-C does: files are removed.
    with signals_handled(("SIGHUP",), lambda *_: signal.raise_signal(signal.SIGTERM)):
        _Server(config, opens_browser).run()


def _require_free_address(host: str, port: int) -> None:
    """Refuse an address at which nothing can listen; the server itself would tell so in several lines of its log."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in places:
            with socket.socket(family, kind, protocol) as tried:
                if os.name == "posix":  # as asyncio does; elsewhere it would let two listen at one address
                    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    tried.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                tried.bind(address)
    except OSError as error:
        told = f"cannot listen at {host}, port {port} ({reason_of(error)}); choose another --port or --host"
        raise ConfigError(told) from error


class _Server(uvicorn.Server):
    """A server that can open its page in a browser once it listens."""

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
    settings, pool = app.state.settings, app.state.pool
    store = await run_in_threadpool(BatchStore, settings)
    photos = await run_in_threadpool(PhotoStore, settings)  # second: the batch store locks the data folder
    runner = BatchRunner(store, pool, app.state.meters, settings.workers)
    app.state.store, app.state.runner, app.state.photos = store, runner, photos
    sweeping = asyncio.create_task(_sweep(photos))
    try:
        pool.start()
        runner.start()
        yield
        await run_in_threadpool(runner.close)
    finally:
        sweeping.cancel()
        await run_in_threadpool(pool.close)
        photos.close()
        store.close()


async def _sweep(photos: PhotoStore) -> None:
    """Delete unused photos every minute."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        try:
            photos.sweep()
        except OSError as error:
            _log.error("photos cannot be deleted: %s", type(error).__name__)


def _models(settings: Settings) -> dict[str, ModelAnswer]:
    """The models that requests may name, by the name or path that a `Colorizer` takes; the default first."""
    if settings.face_model is not None:
        _model(settings.face_model, is_default=False)
    found = {settings.model: _model(settings.model, is_default=True)}
    for name in photo_models():
        if name not in found and name != settings.face_model:
            found[name] = _model(name, is_default=False)
    return found


def _model(model: str, *, is_default: bool) -> ModelAnswer:
    """The answer about a network. Shipped networks are not loaded here, only in the workers."""
    path = network_file(model)
    if model not in photo_models():
        require_probabilities(Network(path).metadata, model)
    return ModelAnswer(name=path.stem, is_default=is_default)


_routes = APIRouter(tags=["server"])


@_routes.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the server runs."""
    return {"status": "ok"}


@_routes.get("/api/v1/limits")
async def limits(request: Request) -> LimitsAnswer:
    """The limits of the server."""
    settings: Settings = request.app.state.settings
    return LimitsAnswer(
        upload_bytes=settings.max_upload_bytes,
        megapixels=settings.max_megapixels,
        batch_photos=settings.max_batch_photos,
        photo_minutes=settings.keep_minutes,
        batch_hours=settings.keep_hours,
    )


@_routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    return Response(request.app.state.meters.text(), media_type="text/plain; version=0.0.4")


_ROUTERS = (_coloring_routes.routes, _photo_routes.routes, _batch_routes.routes)


async def _known_parameters(request: Request) -> None:
    """Refuse parameters of an address that the route does not have, such as options that belong in the form."""
    described = request.app.openapi()["paths"][request.scope["route"].path_format][request.method.lower()]
    known = [parameter["name"] for parameter in described.get("parameters", ()) if parameter["in"] == "query"]
    require_known(request.query_params, known, "query")


async def _elsewhere(request: Request) -> None:
    """Refuse unknown addresses and methods of the API; otherwise the page at the root would answer."""
    routes = [route for router in (_routes, *_ROUTERS) for route in router.routes if isinstance(route, Route)]
    matches = [(route, route.matches(request.scope)[0]) for route in routes]
    allowed = [method for route, match in matches if match is Match.PARTIAL for method in sorted(route.methods or ())]
    if allowed:
        raise Problem(405, f"this address takes {', '.join(allowed)}", headers={"Allow": ", ".join(allowed)})
    raise Problem(404, "there is no such address; /docs lists them")
