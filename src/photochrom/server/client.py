"""A client of the server, for programs in Python."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from photochrom.errors import PhotochromError
from photochrom.files import written_whole

_TIMEOUT = httpx.Timeout(10.0, read=300.0, write=60.0)
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


class ServerError(PhotochromError):
    """The server refused a request or failed; the text is its message.

    Attributes:
        status: The HTTP status.
        kind: The `type` of the problem.
    """

    def __init__(self, status: int, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind


class Client:
    """A client of one server; close it, or use it in a `with` statement.

    Example:
        ```python
        with Client("http://127.0.0.1:7860") as client:
            Path("colored.jpg").write_bytes(client.colorize(Path("old.jpg"), vividness=1.2))
        ```
    """

    def __init__(
        self, base_url: str = "http://127.0.0.1:7860", api_key: str | None = None, http: httpx.Client | None = None
    ) -> None:
        """Prepare a client; it connects when it is first used.

        Args:
            base_url: The address of the server; with `http`, the one that this has counts instead.
            api_key: Sent with each request.
            http: An HTTP client to use, for example one with another transport.
        """
        self._headers = {} if api_key is None else {"X-API-Key": api_key}
        # A proxy that the environment names is for other hosts: what goes to this machine must not leave it.
        trust_env = httpx.URL(base_url).host not in _THIS_MACHINE
        self._http = http or httpx.Client(base_url=base_url, timeout=_TIMEOUT, trust_env=trust_env)

    def __enter__(self) -> "Client":
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def models(self) -> list[dict[str, Any]]:
        """The answer of `GET /api/v1/models`: the networks that color whole photos."""
        return list(self._ask("GET", "/api/v1/models").json())

    def colorize(self, photo: Path | bytes, **options: Any) -> bytes:
        """A photo in color.

        Args:
            photo: A file, or its content.
            **options: Fields of `POST /api/v1/colorize`, such as `strength`, `vividness`, `hints`, `force` or `format`.

        Returns:
            The file of the colored photo; of several pictures, a ZIP file.
        """
        content = photo if isinstance(photo, bytes) else photo.read_bytes()
        fields = {"respond": "picture", **options}
        return self._ask("POST", "/api/v1/colorize", files={"file": ("photo", content)}, data=fields).content

    def batch(
        self,
        photos: Sequence[Path],
        out: Path,
        *,
        poll_seconds: float = 1.0,
        told: Callable[[dict[str, Any]], object] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Color many photos as a batch, and wait for the result.

        Args:
            photos: Files, or ZIP files of photos.
            out: Where the ZIP file of the results goes.
            told: Called with each answer about the progress.
            **options: Fields of `POST /api/v1/batch`.

        Returns:
            The last answer of `GET /api/v1/jobs/{id}`, which says which photos failed, and why.
        """
        files = [("files", (photo.name, photo.read_bytes())) for photo in photos]
        job: dict[str, Any] = self._ask("POST", "/api/v1/batch", files=files, data=options).json()
        address = f"/api/v1/jobs/{job['id']}"
        while job["state"] != "finished":
            time.sleep(poll_seconds)
            job = self._ask("GET", address).json()
            if told is not None:
                told(job)
        with (
            written_whole(out) as path,
            path.open("wb") as file,
            self._http.stream("GET", f"{address}/result", headers=self._headers) as result,
        ):
            _require_success(result)
            for chunk in result.iter_bytes():
                file.write(chunk)
        return job

    def _ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        response = self._http.request(method, path, headers=self._headers, **request)
        _require_success(response)
        return response


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    response.read()
    try:
        problem = response.json()
        raise ServerError(response.status_code, problem["type"], problem["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"the server answers {response.status_code} {response.reason_phrase}; is it photochrom's?"
        raise ServerError(response.status_code, "about:blank", detail) from None
