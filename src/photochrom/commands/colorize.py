"""`photochrom colorize`: color photos."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from photochrom.commands import _engines as engines
from photochrom.commands import _options as options
from photochrom.commands._terminal import (
    counting_bar,
    err,
    one_line,
    resumable,
    say,
    stopped_by_signals,
    tell_failure,
    warn,
)
from photochrom.errors import ConfigError, InColorError, PhotoError
from photochrom.shipped import DEFAULT_MODEL

if TYPE_CHECKING:
    from photochrom.album import Mirror, Outcome, Plan
    from photochrom.coloring import Limits, Look, Options
    from photochrom.photo import Kind, Signer
    from photochrom.workers import Pool

_SHOWN_PLACES = 3
_SHOWN_SUFFIXES = 5
_POLL_SECONDS = 0.2


def colorize(
    sources: options.Sources,
    out: options.ResultFolder = None,
    strength: options.Strength = 1.0,
    vividness: options.Vividness = 1.0,
    variants: options.Variants = 1,
    hint: options.Hints = None,
    compare: options.Compare = False,
    confidence: options.Confidence = False,
    upright: options.Upright = False,
    force: options.Force = False,
    strict: options.Strict = False,
    sign: options.Sign = None,
    overwrite: options.Overwrite = False,
    keep_date: options.KeepDate = True,
    model: options.PhotoModel = DEFAULT_MODEL,
    face_model: options.FaceModel = "face",
    faces: options.Faces = True,
    max_megapixels: options.MaxMegapixels = None,
    timeout: options.Timeout = None,
    jobs: options.Jobs = None,
    threads: options.Threads = None,
    provider: options.Provider = "auto",
    engine: engines.Engine = "local",
    address: engines.Address = "",
    gpus: engines.Gpus = 0,
    quiet: options.Quiet = False,
) -> None:
    """Color photos: a.jpg gives a-color.jpg, a folder album gives album-color; go on after an interruption."""
    from photochrom.coloring import Model, Options, Outputs

    look, limits = _look(strength, vividness, hint), _limits(max_megapixels, timeout, force=force, strict=strict)
    results = Outputs(variants, compare, confidence, upright=upright)
    chosen = Options(Model(model, face_model if faces else None), look, results, limits, _signer(sign))
    if "-" in sources:
        _color_stream(sources, out, chosen, threads, provider)
        return
    with _planned(sources, out, chosen, overwrite=overwrite, keep_date=keep_date) as (work, mirror):
        workers = engines.album_pool(engine, work, jobs, threads, provider, address, gpus, mirror)
        raise typer.Exit(_run(work, workers, mirror, quiet=quiet))


@contextmanager
def _planned(
    sources: Sequence[str], out: str | None, options: "Options", *, overwrite: bool, keep_date: bool
) -> Iterator[tuple["Plan", "Mirror | None"]]:
    """The plan, and what mirrors the store that it is about, if photos or results lie in one."""
    from photochrom.album import Mirror, is_address, plan

    if not any(map(is_address, [*sources, *filter(None, [out])])):
        yield plan(sources, out, options, overwrite=overwrite, keep_date=keep_date), None
        return
    with Mirror(sources, out, overwrite=overwrite) as mirror, mirror.telling():
        *places, place = (mirror.local(name) for name in (*sources, out or ""))
        place += "/" * str(out).endswith("/")
        work = plan(places, place, options, overwrite=overwrite, keep_date=keep_date)
        yield replace(work, failures=(*work.failures, *mirror.failures)), mirror


def _look(strength: float, vividness: float, hints: Sequence[str] | None) -> "Look":
    from photochrom.coloring import Look, parse_hint

    return Look(strength, vividness, tuple(map(parse_hint, hints or ())))


def _limits(max_megapixels: float | None, timeout: float | None, *, force: bool, strict: bool) -> "Limits":
    from photochrom.coloring import Limits
    from photochrom.photo import MAX_MEGAPIXELS

    return Limits(MAX_MEGAPIXELS if max_megapixels is None else max_megapixels, timeout, force, strict)


def _signer(files: tuple[Path, Path] | None) -> "Signer | None":
    """Who signs results, if that is wanted; it is tried before anything is colored."""
    if files is None:
        return None
    from photochrom.photo import Signer, require_signer

    signer = Signer(*map(str, files))
    require_signer(signer)
    return signer


def _run(
    plan: "Plan", workers: AbstractContextManager[tuple["Pool", int]], mirror: "Mirror | None", *, quiet: bool
) -> int:
    """Color photos with a progress bar and a summary; returns the exit status."""
    from photochrom.album import run

    told = mirror.told if mirror else str
    fetch = mirror.fetch if mirror else None
    counts: Counter[str] = Counter()
    with (
        workers as (pool, count),
        resumable(),
        stopped_by_signals() as stop,
        counting_bar(is_shown=err.is_terminal and not quiet) as progress,
        closing(run(plan, count, pool=pool, stop=stop, on_wait=_tell_waiting, fetch=fetch)) as outcomes,
    ):
        task = progress.add_task("photos", total=len(plan))
        for outcome in map(mirror.delivered, outcomes) if mirror else outcomes:
            counts[outcome.status] += 1
            if outcome.status == "failed" or (outcome.status == "in color" and not quiet):
                _tell(outcome, told)
            if outcome.status == "colored" and not quiet:
                for remark in outcome.remarks:
                    warn(one_line(told(f"{outcome.source}: {_remark(remark, plan.options)}")))
            progress.advance(task)
    if not quiet:
        if plan.unread:
            warn(_unread(plan.unread))
        say(told(_summary(counts, plan.places)))
    return 2 if counts["failed"] else 0


def _tell_waiting(folder: Path) -> None:
    warn(one_line(f"{folder}: another run is at work here; waiting until it has ended"))


def _tell(outcome: "Outcome", told: Callable[[str], str]) -> None:
    """Print, above the bar, why a photo was not colored."""
    if outcome.status == "failed":
        tell_failure(told(f"{outcome.source}: {outcome.error}"))
    else:
        warn(one_line(told(f"{outcome.source}: in color already, left alone; --force colors it again")))


def _unread(kinds: "Mapping[Kind, int]") -> str:
    """One line about the files that were passed over; those that can become photos come first."""
    known = [f"{count} {kind.name} ({kind.remedy})" for kind, count in kinds.items() if kind.remedy]
    others = {kind.name: count for kind, count in kinds.items() if not kind.remedy}
    if others:
        names = sorted(others, key=lambda name: -others[name])
        more = ", ..." if len(names) > _SHOWN_SUFFIXES else ""
        count = sum(others.values())
        known.append(f"{count} other file{'s' * (count > 1)} ({', '.join(names[:_SHOWN_SUFFIXES])}{more})")
    return one_line(f"not read: {', '.join(known)}")


def _remark(remark: str, options: "Options") -> str:
    """A remark about a photo, with the option that would help."""
    from photochrom.album import ON_ITS_SIDE

    return f"{remark}; --upright turns it" if remark == ON_ITS_SIDE and not options.outputs.upright else remark


def _summary(counts: Mapping[str, int], places: Sequence[Path]) -> str:
    parts = [f"colored {counts['colored']}"]
    labels = {"done": "done before", "in color": "in color already"}
    skipped = ", ".join(f"{counts[status]} {label}" for status, label in labels.items() if counts[status])
    if skipped:
        parts.append(f"skipped {counts['done'] + counts['in color']} ({skipped})")
    if counts["failed"]:
        parts.append(f"failed {counts['failed']}")
    if counts["colored"] + counts["done"] == 0:
        return ", ".join(parts)
    shown = ", ".join(one_line(str(place)) for place in places[:_SHOWN_PLACES])
    more = len(places) - _SHOWN_PLACES
    return f"{', '.join(parts)}; results: {shown}{f' and {more} more' if more > 0 else ''}"


def _require_stream_alone(sources: Sequence[str], out: str | None, options: "Options") -> None:
    """Refuse other sources than standard input, and other results than standard output."""
    if len(sources) > 1 or out is not None:
        raise ConfigError("- goes from standard input to standard output: no other photo and no --out beside it")
    if len(options.outputs.endings) > 1:
        raise ConfigError("there is one result only: variants, a comparison and confidence need files")


def _color_stream(
    sources: Sequence[str], out: str | None, options: "Options", threads: int | None, provider: str
) -> None:
    """Color the photo on standard input to standard output; one in color passes through as it is."""
    from photochrom.album import color_photo
    from photochrom.process import cores
    from photochrom.workers import FaultError, Pool

    _require_stream_alone(sources, out, options)
    if sys.stdin is None or sys.stdout is None or sys.stdin.isatty() or sys.stdout.isatty():
        raise PhotoError("- stands for a photo on standard input: photochrom colorize - < gray.jpg > color.jpg")
    content = sys.stdin.buffer.read()
    with Pool(options.model, threads=threads or cores(), provider=provider, on_remark=warn) as pool:
        pending = pool.submit(color_photo, content, options, timeout=options.limits.timeout)
        while not pending.done():  # without a limit, Windows would not let Ctrl-C through
            wait([pending], _POLL_SECONDS)
        try:
            told = pending.result()
            content = told["outputs"][0]["content"]
            for remark in told["remarks"]:
                warn(_remark(remark, options))
        except InColorError:
            warn("the photo is in color already and passed on as it is; --force colors it again")
        except FaultError as error:
            raise PhotoError(f"cannot be colored ({error}); please report this") from error
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
