"""The routes of batches: many photos that are colored in the background."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, File, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from photochrom.coloring import Options
from photochrom.server._coloring_routes import WantedOptions, known_fields
from photochrom.server._responses import BINARY
from photochrom.server.batches import Batch, BatchPhoto, BatchStore
from photochrom.server.guard import BATCH_PATH
from photochrom.server.problems import Problem
from photochrom.server.uploads import unpack

routes = APIRouter(tags=["batches"])


class JobAnswer(BaseModel):
    """A batch and its progress."""

    id: str
    state: Literal["unfinished", "finished"]
    counts: dict[str, int] = Field(description="Photos by their state.")
    created: datetime
    expires: datetime | None = Field(description="Until when a finished batch's result can be fetched.")
    photos: tuple[BatchPhoto, ...] = Field(
        description="Each with its state, its `error`, and `remarks` on what is missing of it or was not kept."
    )


@routes.post(BATCH_PATH, status_code=202, dependencies=[Depends(known_fields)])
async def start_batch(
    request: Request,
    response: Response,
    files: Annotated[list[UploadFile], File(description="Photos, or ZIP files of photos.")],
    options: WantedOptions,
) -> JobAnswer:
    """Start a batch of photos; the answer has the id by which to ask for its progress."""
    job = await run_in_threadpool(_take, request.app, files, options)
    response.headers["Location"] = f"/api/v1/jobs/{job.id}"
    return job


def _take(app: FastAPI, files: list[UploadFile], options: Options) -> JobAnswer:
    store: BatchStore = app.state.store
    with store.draft() as draft:
        job = store.add(draft, unpack(files, draft, app.state.settings), options)
    app.state.runner.wake()
    return _job_answer(job, store)


@routes.get("/api/v1/jobs/{job}")
def job_progress(request: Request, job: str) -> JobAnswer:
    """The progress of a batch."""
    store: BatchStore = request.app.state.store
    with _known_job():
        return _job_answer(store.get(job), store)


@routes.get(
    "/api/v1/jobs/{job}/result",
    response_class=FileResponse,
    responses={200: {"content": {"application/zip": BINARY}}},
)
def job_result(request: Request, job: str) -> FileResponse:
    """The colored photos of a finished batch, as a ZIP file, with a report in JSON."""
    with _known_job():
        path = request.app.state.store.result(job)
    if path is None:
        raise Problem(409, "the batch is not finished; ask again later", kind="job-unfinished", title="Not finished")
    return FileResponse(path, media_type="application/zip", filename="photochrom.zip")


@routes.delete("/api/v1/jobs/{job}", status_code=204)
def delete_job(request: Request, job: str) -> None:
    """Cancel a batch, and delete its photos and results."""
    with _known_job():
        request.app.state.runner.delete(job)


def _job_answer(job: Batch, store: BatchStore) -> JobAnswer:
    expires = None if job.finished is None else datetime.fromtimestamp(job.finished + store.keep_seconds, UTC)
    return JobAnswer(
        id=job.id,
        state="unfinished" if job.finished is None else "finished",
        counts=job.counts,
        created=datetime.fromtimestamp(job.created, UTC),
        expires=expires,
        photos=job.photos,
    )


@contextmanager
def _known_job() -> Iterator[None]:
    try:
        yield
    except KeyError:
        raise Problem(404, "there is no such batch; its time may have run out") from None
