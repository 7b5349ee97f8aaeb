"""`photochrom serve`: the page and the REST API."""

from photochrom.commands import _options as options
from photochrom.shipped import DEFAULT_MODEL


def serve(
    host: options.Host = "127.0.0.1",
    port: options.Port = 7860,
    opens_browser: options.OpensBrowser = False,
    max_upload_mb: options.MaxUpload = 50.0,
    max_megapixels: options.ServedMegapixels = 50.0,
    workers: options.Workers = None,
    api_key: options.ApiKey = None,
    insecure: options.Insecure = False,
    trust_host: options.TrustedHosts = None,
    model: options.PhotoModel = DEFAULT_MODEL,
    face_model: options.FaceModel = "face",
    faces: options.Faces = True,
    provider: options.Provider = "auto",
    keep_hours: options.KeepHours = 24.0,
    data_dir: options.DataFolder = None,
) -> None:
    """Serve a page and a REST API on this machine, until Ctrl-C; /docs describes the API."""
    from photochrom.process import cores
    from photochrom.server.app import serve as serve_until_interrupted
    from photochrom.server.settings import Settings

    settings = Settings(
        host=host,
        port=port,
        model=model,
        face_model=face_model if faces else None,
        provider=provider,
        workers=workers or cores(),
        max_upload_mb=max_upload_mb,
        max_megapixels=max_megapixels,
        keep_hours=keep_hours,
        data_dir=data_dir,
        api_key=api_key,
        insecure=insecure,
        trusted_hosts=tuple(trust_host or ()),
    )
    serve_until_interrupted(settings, opens_browser=opens_browser)
