"""The web page: drop a photo, see it in color, compare, adjust, save."""

import html
import importlib.util
import inspect
import logging
import os
import re
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from PIL import Image, ImageDraw
from starlette.types import Lifespan

from photochrom.album import Options
from photochrom.coloring import Hint, Result, parse_hint
from photochrom.errors import ConfigError, PhotochromError, PhotoError
from photochrom.server._page_album import (
    GUESS_NAMES,
    Album,
    Guesser,
    Memory,
    Shot,
    certainty,
    gray_image,
    marked,
    outlined,
    shrunk,
)
from photochrom.server._page_style import (
    ABOUT_CERTAINTY,
    ABOUT_HINTS,
    COLORS,
    CSS,
    FOOTER,
    HEADER,
    SANS,
    SAVE_SCRIPT,
    VIEWS,
    WELCOME,
    head_for,
)
from photochrom.server.meters import Meters
from photochrom.server.settings import Settings
from photochrom.server.tasks import guess
from photochrom.server.workbench import Workbench, WorkbenchError
from photochrom.shipped import read_card, shipped_model, shipped_models

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # Gradio reads it when it is imported
import gradio as gr

__all__ = ["WorkbenchGuesser", "mount_page"]

_log = logging.getLogger(__name__)

_SHOWN_MEGAPIXELS = 24.0
"""Larger photos are shown smaller, for a browser holds each picture at 4 bytes a pixel; they are saved as they came."""

_THUMBNAIL_MEGAPIXELS = 0.06

_VISIT_SECONDS = 6 * 3600
"""Photos are deleted when nobody has touched them for so long, and an hour after the page was closed."""

_SERVED_SECONDS = 3600
"""What Gradio itself keeps for the browser is deleted after that time."""

_SAMPLES = (("An astronaut", "astronaut.png"), ("A photographer", "camera.png"), ("A cat", "chelsea.png"))
"""Pictures in the public domain that scikit-image ships; it comes with the extra for training."""

_CLAY = (
    *("#fbf1ec", "#f5ddd1", "#ecbfa9", "#e5a284", "#e58a5f", "#c9683f"),
    *("#b3502b", "#994020", "#7a351c", "#5c2a18", "#3f1e12"),
)
"""Shades of the page's own color, from light to dark."""

Updates = dict[Any, Any]
"""What an event changes on the page: new values by component."""

Event = Callable[..., Any]
"""What happens when something is used: takes the album and values, gives updates, or yields them."""


class WorkbenchGuesser:
    """Guesses on a server's workbench, where a photo that makes a decoder crash takes no more than its own process."""

    def __init__(self, workbench: Workbench, settings: Settings, models: Sequence[str], meters: Meters) -> None:
        """Keep what guesses need.

        Args:
            workbench: Started by the time the page is used.
            settings: The server's.
            models: What may be asked for, the default first.
            meters: Where photos are counted.
        """
        self._workbench = workbench
        self._settings = settings
        self._models = tuple(models)
        self._meters = meters

    @property
    def models(self) -> Sequence[str]:
        """As `Guesser.models`."""
        return self._models

    def guesses(self, source: Path, model: str, count: int) -> list[Result]:
        """As `Guesser.guesses`."""
        options = Options(model=model, variants=count, force=True, max_megapixels=self._settings.max_megapixels)
        faces: int | None = None
        try:
            results = self._workbench.submit(guess, source.read_bytes, options).answer.result()
            faces = len(results[0].faces)
        except (WorkbenchError, CancelledError) as error:
            _log.error("the page could not color a photo: %s", error)
            raise PhotoError("cannot be colored, by a fault of ours; the server's log says where") from error
        finally:
            self._meters.count("page", faces)
        return results


def mount_page(app: FastAPI, guesser: Guesser, *, max_upload_bytes: int) -> FastAPI:
    """Mount the page at the root of an app, beneath the routes that the app has already.

    Args:
        app: What serves it.
        guesser: Guesses the colors.
        max_upload_bytes: The size of the largest file that is taken.

    Returns:
        The same app.
    """
    private = tempfile.TemporaryDirectory(prefix="photochrom-")  # its owner's alone
    app.router.lifespan_context = _ending_with(private.cleanup, app.router.lifespan_context)
    served = Path(private.name) / "served"
    served.mkdir()
    os.environ["GRADIO_TEMP_DIR"] = str(served)  # where Gradio keeps uploads, and all that it lets browsers fetch
    page = _Page(guesser, Path(private.name) / "sources", served)
    gr.mount_gradio_app(
        app,
        page.blocks.queue(api_open=False, default_concurrency_limit=8),
        path="/",
        theme=_theme(),
        css=CSS,
        head=head_for(max_upload_bytes),
        favicon_path=str(_draw_icon(Path(private.name) / "icon.png")),
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        allowed_paths=[],
        max_file_size=max_upload_bytes,
        show_error=False,
    )
    return app


def _ending_with(act: Callable[[], None], lifespan: Lifespan[Any]) -> Lifespan[Any]:
    """The life of an app, and something done at its end; what is left to the process's end is not done on SIGTERM."""

    @asynccontextmanager
    async def longer(app: FastAPI) -> AsyncIterator[Any]:
        try:
            async with lifespan(app) as state:
                yield state
        finally:
            act()

    return longer


class _Page:
    """The components of the page, and what happens when they are used."""

    def __init__(self, guesser: Guesser, sources: Path, served: Path) -> None:
        """Lay the page out.

        Args:
            guesser: Guesses the colors.
            sources: Where photos are kept as they came.
            served: Where Gradio serves files from.
        """
        self._memory = Memory(guesser)
        self._models = list(guesser.models)
        self._folders = (sources, served)
        with gr.Blocks(
            title="photochrom: old photos, in color", analytics_enabled=False, delete_cache=(60, _SERVED_SECONDS)
        ) as self.blocks:
            self.album = gr.State(None, time_to_live=_VISIT_SECONDS, delete_callback=self._close)
            gr.HTML(HEADER)
            self.notice = gr.HTML(elem_id="notice", padding=False)
            self._lay_out_welcome()
            self._lay_out_work()
            gr.HTML(FOOTER)
            self._connect()

    def _lay_out_welcome(self) -> None:
        with gr.Column(elem_id="welcome"):
            gr.HTML(WELCOME)
            self.drop = gr.File(file_count="multiple", label="Photos", show_label=False, elem_id="drop")
            self.samples = []
            samples = _sample_files()
            if samples:
                with gr.Row(elem_id="samples"):
                    gr.HTML("<p>No photo at hand? Try</p>", padding=False)
                    self.samples = [(gr.Button(name, size="sm"), path) for name, path in samples]

    def _lay_out_work(self) -> None:
        with gr.Row(elem_id="bench"):
            with gr.Column(scale=7, min_width=300, elem_id="stage"):
                self.caption = gr.HTML(padding=False)
                self._lay_out_views()
            with gr.Column(scale=3, min_width=290, elem_id="panel"):
                self._lay_out_panel()
        with gr.Column(elem_id="in-color"):
            self.in_color = gr.HTML(padding=False)
            self.recolor = gr.Button("Color it anew", variant="primary", elem_id="recolor")
        with gr.Column(elem_id="shelf"):
            self.strip = _gallery("Your photos", "strip", columns=8)
            with gr.Row(elem_id="actions"):
                self.add = gr.UploadButton("Add photos", file_count="multiple", elem_id="add", size="md")
                self.save_all = gr.Button("Save all as ZIP", elem_id="save-all", size="md")
                self.start_over = gr.Button("Start over", elem_id="start-over", size="md")

    def _lay_out_views(self) -> None:
        """Three ways to look at a photo, of which the style shows one: what Gradio hides itself misses changes."""
        gr.Radio(list(VIEWS), value=next(iter(VIEWS)), label="View", container=False, interactive=True, elem_id="view")
        with gr.Column(elem_id=VIEWS["Compare"]):
            self.compare = gr.ImageSlider(
                label="Before and after",
                show_label=False,
                interactive=False,
                buttons=["fullscreen"],
                max_height=760,
                elem_id="compare",
                container=False,
            )
        with gr.Column(elem_id=VIEWS["Set colors"]):
            gr.HTML(f"<p class='heading'>{ABOUT_HINTS}</p>", padding=False)
            with gr.Row(elem_id="palette"):
                self.swatches = gr.Radio(
                    list(COLORS), value=COLORS[0][1], label="Color", container=False, elem_id="swatches"
                )
                self.color = gr.ColorPicker(COLORS[0][1], label="Another color", elem_id="color", container=False)
            self.canvas = _image("Click a place to set its color", "canvas")
            with gr.Row(elem_id="history"):
                self.undo = gr.Button("Undo", size="sm", interactive=False, elem_id="undo")
                self.redo = gr.Button("Redo", size="sm", interactive=False, elem_id="redo")
                self.clear = gr.Button("Clear", size="sm", interactive=False, elem_id="clear")
            with gr.Accordion("Without a mouse", open=False, elem_id="by-keys"):
                self.typed = gr.Textbox(
                    label="Pixels from the left, pixels from the top, and the color; then Enter",
                    placeholder="120,80,#7a4b2c",
                    elem_id="typed",
                )
        with gr.Column(elem_id=VIEWS["How sure"]):
            self.sure = _image("How sure the colors are", "sure")
            gr.HTML(ABOUT_CERTAINTY, padding=False)

    def _lay_out_panel(self) -> None:
        gr.HTML("<p class='heading'>Several guesses: take the one you like</p>", padding=False)
        self.guesses = _gallery("Guesses", "guesses", columns=2)
        self.strength = gr.Slider(0, 100, 100, step=1, label="Strength, %", elem_id="strength")
        self.vividness = gr.Slider(0, 300, 100, step=5, label="Vividness, %", elem_id="vividness")
        self.outline = gr.Checkbox(False, label="Outline faces", elem_id="outline", container=False)
        self.save = gr.Button("Save photo", variant="primary", elem_id="save")
        self.ready = gr.DownloadButton("The saved photo", elem_id="ready")
        with gr.Accordion("Model", open=False, elem_id="model"):
            self.model = gr.Dropdown(
                [(_short(model), model) for model in self._models],
                value=self._models[0],
                label="What guesses the colors",
                filterable=False,
                container=False,
            )
            with gr.Accordion("About this model", open=False):
                self.card = gr.Markdown(_card(self._models[0]))

    def _connect(self) -> None:
        """Say what happens when something is used; every event belongs to the page, none is an API."""
        parts = [part for part in vars(self).values() if isinstance(part, gr.blocks.Block) and part is not self.blocks]

        def on(trigger: Callable[..., Any], act: Event, *inputs: Any, begins: bool = False, live: bool = False) -> Any:
            return trigger(
                self._told(act, begins),
                [self.album, *inputs],
                parts,
                api_visibility="private",
                show_progress="hidden",
                trigger_mode="always_last" if live else "once",
            )

        on(self.drop.upload, self._receive, self.drop, self.model, begins=True)
        on(self.add.upload, self._receive, self.add, self.model)
        for button, sample in self.samples:
            on(button.click, self._sampler(sample), self.model, begins=True)
        on(self.start_over.click, self._start_over, begins=True)
        on(self.strip.select, self._turn_to)
        on(self.recolor.click, self._color_anew)
        on(self.model.input, self._choose_model, self.model)
        on(self.guesses.select, self._choose_guess)
        on(self.strength.input, self._choose_look, self.strength, self.vividness, live=True)
        on(self.vividness.input, self._choose_look, self.strength, self.vividness, live=True)
        on(self.outline.input, self._choose_outlines, self.outline)
        # In the browser alone: a click on the photo may follow at once.
        self.swatches.input(None, self.swatches, self.color, js="(color) => color", api_visibility="private")
        on(self.canvas.select, self._hint_at, self.color)
        on(self.typed.submit, self._hint_typed, self.typed)
        on(self.undo.click, self._undo)
        on(self.redo.click, self._redo)
        on(self.clear.click, self._clear)
        on(self.save.click, self._save).success(None, js=SAVE_SCRIPT, api_visibility="private")
        on(self.save_all.click, self._save_all).success(None, js=SAVE_SCRIPT, api_visibility="private")

    def _told(self, act: Event, begins: bool) -> Event:
        """An event whose failure is told on the page in plain words.

        Args:
            act: Takes the album, and what else it needs.
            begins: Whether it can do without an album.
        """

        def require(album: Album | None) -> None:
            if album is None and not begins:
                raise PhotoError("this page rested so long that its photos were deleted; start over")

        @wraps(act)
        def tell(album: Album | None, *inputs: Any) -> Updates:
            try:
                require(album)
                return {self.album: album, **act(album, *inputs)}  # what is given back counts as touched
            except PhotochromError as error:
                return {self.notice: _trouble([_plain(error)])}

        @wraps(act)
        def tell_bit_by_bit(album: Album | None, *inputs: Any) -> Iterator[Updates]:
            try:
                require(album)
                yield from act(album, *inputs)
            except PhotochromError as error:
                yield {self.notice: _trouble([_plain(error)])}

        return tell_bit_by_bit if inspect.isgeneratorfunction(act) else tell

    # Photos that come and go

    def _receive(self, album: Album | None, uploads: list[str] | None, model: str) -> Iterator[Updates]:
        """Color photos one after the other, telling how far that is."""
        album = album or Album.begin(*self._folders)
        paths = [Path(upload) for upload in uploads or ()]
        troubles: list[str] = []
        first = len(album.shots)
        for number, path in enumerate(paths):
            yield {self.album: album, self.notice: _progress("Coloring", number, len(paths), path.name)}
            shot = album.take(path, model)
            is_first = len(album.shots) == first
            try:
                results = self._memory.results(shot, len(GUESS_NAMES) if is_first else 1)
            except PhotochromError as error:
                troubles.append(f"{path.name}: {_plain(error)}")
                shot.source.unlink()
                continue
            self._admit(album, shot, results[0])
            yield self._open(album, first) if is_first else self._strip(album)
        yield {self.notice: _trouble(troubles), self.drop: None, self.add: None}

    def _admit(self, album: Album, shot: Shot, result: Result) -> None:
        """Add a photo to the album."""
        shot.is_left_alone = result.photo.coloring == "color"
        small = shrunk(result, _THUMBNAIL_MEGAPIXELS)
        image = gray_image(small) if shot.is_left_alone else small.image
        shot.thumbnail = album.show(f"thumbnail-{len(album.shots)}", image)
        album.shots.append(shot)

    def _sampler(self, sample: Path) -> Event:
        def receive_sample(album: Album | None, model: str) -> Iterator[Updates]:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / sample.name
                with Image.open(sample) as image:
                    image.convert("L").save(copy)
                yield from self._receive(album, [str(copy)], model)

        return receive_sample

    def _start_over(self, album: Album | None) -> Updates:
        self._close(album)
        return {self.album: None, self.notice: "", self.caption: "", self.in_color: "", self.drop: None, self.strip: []}

    def _close(self, album: Album | None) -> None:
        """Forget a visit, which may never have begun."""
        if album is not None:
            album.close()
            self._memory.forget(album)

    # What is shown

    def _open(self, album: Album, number: int) -> Updates:
        """Everything about a photo."""
        album.opened = number
        shot = album.shot
        results = self._memory.results(shot, len(GUESS_NAMES))
        updates: Updates = {
            self.notice: "",
            self.caption: _caption(shot, results[0]),
            self.in_color: _in_color(shot) if shot.is_left_alone else "",
            **self._strip(album),
        }
        if shot.is_left_alone:
            return updates
        thumbnails = [
            (str(album.show(f"guess-{place}", shrunk(result, _THUMBNAIL_MEGAPIXELS).image)), name)
            for place, (result, name) in enumerate(zip(results, GUESS_NAMES, strict=False))
        ]
        return {
            **updates,
            self.guesses: gr.Gallery(thumbnails, selected_index=shot.choices.guess),
            self.strength: round(shot.choices.strength * 100),
            self.vividness: round(shot.choices.vividness * 100),
            self.outline: album.has_outlines,
            self.model: shot.choices.model,
            self.card: _card(shot.choices.model),
            **self._guessed(album),
        }

    def _strip(self, album: Album) -> Updates:
        """The row of all photos."""
        thumbnails = [(str(shot.thumbnail), shot.source.name) for shot in album.shots]
        return {self.strip: gr.Gallery(thumbnails, selected_index=album.opened)}

    def _guessed(self, album: Album) -> Updates:
        """The pictures of another photo or guess."""
        result = self._memory.chosen(album.shot)
        gray = gray_image(shrunk(result, _SHOWN_MEGAPIXELS))
        album.before = album.show("before", outlined(gray, result) if album.has_outlines else gray)
        sure = certainty(shrunk(result, _SHOWN_MEGAPIXELS))
        return {self.sure: str(album.show("sure", sure)), **self._colored(album)}

    def _colored(self, album: Album) -> Updates:
        """The photo as it was chosen to look; no network is asked."""
        choices = album.shot.choices
        result = self._memory.chosen(album.shot)
        image = shrunk(result, _SHOWN_MEGAPIXELS).image
        if album.has_outlines:
            image = outlined(image, result)
        after = album.show("after", image)
        canvas = album.show("canvas", marked(image, result)) if choices.hints else after
        return {
            self.notice: "",
            self.compare: (str(album.before), str(after)),
            self.canvas: str(canvas),
            self.undo: gr.Button(interactive=bool(choices.hints)),
            self.redo: gr.Button(interactive=bool(choices.undone)),
            self.clear: gr.Button(interactive=bool(choices.hints)),
        }

    # What is chosen

    def _turn_to(self, album: Album, event: gr.SelectData) -> Updates:
        return self._open(album, event.index)

    def _color_anew(self, album: Album) -> Updates:
        album.shot.is_left_alone = False
        return self._open(album, album.opened)

    def _choose_model(self, album: Album, model: str) -> Updates:
        album.shot.choices = replace(album.shot.choices, model=model, guess=0)
        return self._open(album, album.opened)

    def _choose_guess(self, album: Album, event: gr.SelectData) -> Updates:
        album.shot.choices = replace(album.shot.choices, guess=event.index)
        return self._guessed(album)

    def _choose_look(self, album: Album, strength: float, vividness: float) -> Updates:
        album.shot.choices = replace(album.shot.choices, strength=strength / 100, vividness=vividness / 100)
        return self._colored(album)

    def _choose_outlines(self, album: Album, has_outlines: bool) -> Updates:
        album.has_outlines = has_outlines
        return self._guessed(album)

    def _hint_at(self, album: Album, color: str, event: gr.SelectData) -> Updates:
        photo = self._memory.chosen(album.shot).photo
        shown_width, shown_height = shrunk(self._memory.chosen(album.shot), _SHOWN_MEGAPIXELS).photo.size
        x, y = event.index[0] * photo.size[0] / shown_width, event.index[1] * photo.size[1] / shown_height
        return self._hint(album, Hint(x, y, _rgb(color)))

    def _hint_typed(self, album: Album, text: str) -> Updates:
        return {**self._hint(album, parse_hint(text)), self.typed: ""}

    def _hint(self, album: Album, hint: Hint) -> Updates:
        width, height = self._memory.chosen(album.shot).photo.size
        if not (0 <= hint.x < width and 0 <= hint.y < height):
            raise ConfigError(f"{hint.x:g},{hint.y:g} lies outside the photo, which is {width} x {height} pixels")
        album.shot.choices = album.shot.choices.with_hint(hint)
        return self._colored(album)

    def _undo(self, album: Album) -> Updates:
        album.shot.choices = album.shot.choices.undo()
        return self._colored(album)

    def _redo(self, album: Album) -> Updates:
        album.shot.choices = album.shot.choices.redo()
        return self._colored(album)

    def _clear(self, album: Album) -> Updates:
        album.shot.choices = album.shot.choices.clear()
        return self._colored(album)

    # What is saved

    def _save(self, album: Album) -> Updates:
        name, content = self._memory.file(album.shot)
        path = album.place("saved", name)
        path.write_bytes(content)
        return {self.ready: str(path)}

    def _save_all(self, album: Album) -> Iterator[Updates]:
        """Pack all photos but those that are left alone, telling how far that is."""
        shots = [shot for shot in album.shots if not shot.is_left_alone]
        path = album.place("saved", "photos-in-color.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed already
            for number, shot in enumerate(shots):
                yield {self.notice: _progress("Packing", number, len(shots), shot.source.name)}
                name, content = self._memory.file(shot)
                archive.writestr(_unused(name, archive.namelist()), content)
        yield {self.ready: str(path), self.notice: ""}


def _gallery(label: str, name: str, *, columns: int) -> gr.Gallery:
    """A gallery to choose from."""
    return gr.Gallery(
        label=label,
        show_label=False,
        elem_id=name,
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        container=False,
    )


def _image(label: str, name: str) -> gr.Image:
    """A picture to look at."""
    return gr.Image(label=label, show_label=False, interactive=False, buttons=[], elem_id=name, container=False)


def _short(model: str) -> str:
    """The name of a model, which may be given by the path of its file."""
    return Path(model).stem if model.endswith(".onnx") else model


def _card(model: str) -> str:
    """What is told of a model, as Markdown that links nowhere."""
    if model not in shipped_models() or not shipped_model(model).card.is_file():
        return "Nothing is known of this model."
    text = read_card(model).as_markdown()
    return re.sub(r"<!--.*?-->|^# .*$", "", re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text), flags=re.MULTILINE)


def _caption(shot: Shot, result: Result) -> str:
    width, height = result.photo.size
    faces = len(result.faces)
    told = [f"{width} × {height}", result.photo.origin.format, f"{faces} face" if faces == 1 else f"{faces} faces"]
    if result.photo.coloring == "tinted":
        told.append("toned")
    return f"<div class='caption'><b>{html.escape(shot.source.name)}</b><span>{' · '.join(told)}</span></div>"


def _in_color(shot: Shot) -> str:
    name = html.escape(shot.source.name)
    told = "is in color already, so it was left as it is. Its colors can be guessed anew from its shades of gray."
    return f"<div class='notice'><b>{name}</b> {told}</div>"


def _progress(what: str, number: int, count: int, name: str) -> str:
    where = f" {number + 1} of {count}" if count > 1 else ""
    value = f"value='{number}' max='{count}'" if count > 1 else ""
    text = f"{what}{where}: {html.escape(name)}"
    return f"<div class='notice' role='status'>{text}<progress {value} aria-label='{what}'></progress></div>"


def _trouble(lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
    return f"<div class='notice wrong' role='alert'>{items}</div>"


def _plain(error: PhotochromError) -> str:
    """What went wrong, without the names of files that only the server knows."""
    return str(error).removeprefix("photo: ")


def _rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of a color as a browser writes it: `#7a4b2c` or `rgba(122, 75, 44, 1)`."""
    if color.startswith("#"):
        return parse_hint(f"0,0,{color[:7]}").color
    red, green, blue = (min(255, round(float(part))) for part in re.findall(r"[\d.]+", color)[:3])
    return red, green, blue


def _unused(name: str, taken: Sequence[str]) -> str:
    """A name for another file of the same name: `a-color.jpg`, then `a-color-2.jpg`."""
    stem, suffix = Path(name).stem, Path(name).suffix
    names = [name, *(f"{stem}-{number}{suffix}" for number in range(2, len(taken) + 2))]
    return next(each for each in names if each not in taken)


def _sample_files() -> list[tuple[str, Path]]:
    """Names and paths of the sample pictures that are there."""
    skimage = importlib.util.find_spec("skimage")
    if skimage is None or skimage.origin is None:
        return []
    files = [(name, Path(skimage.origin).parent / "data" / file) for name, file in _SAMPLES]
    return [(name, path) for name, path in files if path.is_file()]


def _draw_icon(path: Path) -> Path:
    """The page's icon: three grains of dyed starch, as in an autochrome."""
    icon = Image.new("RGBA", (128, 128))
    draw = ImageDraw.Draw(icon)
    for center, color in (((44, 46), "#d9663a"), ((84, 46), "#3f8f6b"), ((64, 82), "#6a5ca8")):
        draw.circle(center, 38, fill=color)
    icon.save(path)
    return path


def _theme() -> gr.themes.Base:
    """Warm paper and ink, in fonts that machines have: Gradio's own would be fetched from elsewhere."""
    return gr.themes.Base(
        primary_hue=gr.themes.Color(*_CLAY),
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_lg,
        font=list(SANS),
        font_mono=["ui-monospace", "Consolas", "monospace"],
    ).set(
        body_background_fill="#f6f2ea",
        body_background_fill_dark="#181512",
        body_text_color="#2a2521",
        body_text_color_dark="#f1eae0",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        border_color_primary="#e2d9cb",
        border_color_primary_dark="#38312a",
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="#fffdf9",
        button_secondary_background_fill_dark="#211d19",
        button_secondary_background_fill_hover="#f5ddd1",
        button_secondary_background_fill_hover_dark="#3a322b",
        button_border_width="1px",
        button_secondary_border_color="#d9cebd",
        button_secondary_border_color_dark="#4a4138",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )
