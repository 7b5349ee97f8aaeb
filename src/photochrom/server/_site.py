"""The page: static files, and sample pictures to try it with."""

import importlib.util
import io
import mimetypes
import re
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from PIL import Image

from photochrom.server.problems import Problem
from photochrom.shipped import read_card, shipped_models

_STATIC = Path(__file__).parent / "static"
_DOCS = Path(fastapi_offline.__file__).parent / "static"
"""What draws the API's documentation: Swagger UI."""

_SAMPLES = {"An astronaut": "astronaut.png", "A photographer": "camera.png", "A cat": "chelsea.png"}
"""Pictures in the public domain that scikit-image ships; it comes with the extra for training."""

mimetypes.add_type("text/javascript", ".js")  # on Windows other programs change it, and browsers then run no script


def mount_site(app: FastAPI) -> None:
    """Serve the page at the root of an app, beneath the routes that the app has already."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> FileResponse:
        return FileResponse(_STATIC / "docs.html")

    @app.get("/samples", include_in_schema=False)
    async def samples() -> dict[str, str]:
        return {name: f"/samples/{file}" for name, file in _SAMPLES.items() if _sample(file) is not None}

    @app.get("/samples/{file}", include_in_schema=False)
    def sample(file: str) -> Response:
        path = _sample(file) if file in _SAMPLES.values() else None
        if path is None:
            raise Problem(404, "there is no such sample")
        gray = io.BytesIO()
        with Image.open(path) as image:
            image.convert("L").save(gray, "PNG")
        return Response(gray.getvalue(), media_type="image/png")

    @app.get("/cards/{model}", include_in_schema=False)
    def card(model: str) -> HTMLResponse:
        from markdown_it import MarkdownIt  # late: few ask for a card, and it takes a while

        if model not in shipped_models():
            raise Problem(404, "nothing is told of this model: it is a file of your own")
        drawn = MarkdownIt("js-default").render(read_card(model).as_markdown())
        return HTMLResponse(re.sub(r' style="[^"]*"', "", drawn))  # columns are aligned so; the page allows no styles

    app.mount("/static-offline-docs", StaticFiles(directory=_DOCS))
    app.mount("/", StaticFiles(directory=_STATIC, html=True))


def _sample(file: str) -> Path | None:
    skimage = importlib.util.find_spec("skimage")
    if skimage is None or skimage.origin is None:
        return None
    path = Path(skimage.origin).parent / "data" / file
    return path if path.is_file() else None
