"""`photochrom serve`: the page and the REST API."""

from pathlib import Path
from typing import Annotated

import typer

from photochrom.commands._options import FaceModel, Faces, PhotoModel
from photochrom.shipped import DEFAULT_MODEL

__all__ = ["serve"]


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
    model: PhotoModel = DEFAULT_MODEL,
    face_model: FaceModel = "face",
    faces: Faces = True,
    keep_hours: Annotated[float, typer.Option(help="Hours for which a finished batch is kept.")] = 24.0,
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
