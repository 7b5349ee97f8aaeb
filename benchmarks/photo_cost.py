"""What coloring a whole photo costs on one core: time and memory of each step, beside networks that others would run.

Each measurement is a process of its own, kept on one core, which loads the networks, warms up on a small picture, and
then works once; figures are medians over such processes. Time is by the clock on the wall and of the processor; memory
is the most that the operating system ever gave the process (`ru_maxrss`), libraries and networks included.

- **A portrait of 12 megapixels and a scan of 100**: NASA's portrait of an astronaut, which scikit-image ships,
  enlarged, made gray and given fine grain; JPEG files of three channels, as scanners and phones write them.
- **A thousand faces of 80x80** by the face network in batches of 16, from gray bytes to color bytes.
- **Start-up**: `import photochrom`, `photochrom --help`, and the command that colors the portrait, all from nothing.

Beside them stand the networks of `stand_in_networks.py`, by ONNX Runtime in the same run and on the same core. Around
them happens what their published programs do: read the photo, shrink it, and join the a* and b* that come back,
enlarged, to the lightness of the whole photo in CIELAB. They stand in for the cost alone: their weights are random,
which gives hardly any color and therefore flatters the encoder.
"""

import photochrom  # noqa: F401 - first of all: it keeps ONNX Runtime from sending anything

# isort: split
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime
import typer
from PIL import Image

from photochrom.color import to_signed, to_uint8
from photochrom.coloring import Colorizer
from photochrom.coloring._colorizer import SHORTEST_SIDE
from photochrom.coloring.decoding import color_from_probabilities
from photochrom.coloring.network import Network
from photochrom.commands import one_line_failures, print_table, say, warn
from photochrom.errors import PhotochromError
from photochrom.files import write_whole
from photochrom.photo import encode_photo, read_photo
from photochrom.shipped import DEFAULT_MODEL, network_file

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

FACE_SIDE, FACE_COUNT, FACE_BATCH = 80, 1000, 16

_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class SourcePhoto:
    """A photo to be made and colored.

    Attributes:
        title: As it stands in tables.
        width: In pixels.
        height: In pixels.
        target_seconds: What reading, guessing, rendering and encoding may take together.
        target_megabytes: What the process may take.
    """

    title: str
    width: int
    height: int
    target_seconds: float
    target_megabytes: float

    @property
    def megapixels(self) -> float:
        """Millions of pixels."""
        return self.width * self.height / 1e6


PHOTOS = {
    "portrait": SourcePhoto("portrait, 12 MP", 3000, 4000, 1.0, 400.0),
    "scan": SourcePhoto("scan, 100 MP", 8660, 11548, 15.0, 2500.0),
}
STAND_INS = {"vgg_like": "as Zhang et al. 2016", "convnext_like": "as DDColor, small"}
TARGET_FACE_MILLISECONDS = 5.0
TARGET_IMPORT_SECONDS = 0.5

PHOTO_STEPS = ("read", "guess", "render", "encode")

# --- clocks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measurement:
    """What one process took.

    Attributes:
        seconds: Of each step, by the clock on the wall.
        cpu_seconds: Of each step, of all threads together.
        megabytes: The most memory that the process ever held; None if that cannot be told from its parent's.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    megabytes: float | None = None

    def total(self, steps: Iterable[str] = PHOTO_STEPS) -> float:
        """Seconds of some steps by the clock on the wall."""
        return sum(self.seconds[step] for step in steps)

    def cpu_total(self, steps: Iterable[str] = PHOTO_STEPS) -> float:
        """Seconds of processor time of some steps."""
        return sum(self.cpu_seconds[step] for step in steps)


class Stopwatch:
    """Both clocks, step by step."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._cpu_seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure a block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._seconds[name] = time.perf_counter() - wall
        self._cpu_seconds[name] = time.process_time() - cpu

    def measurement(self) -> Measurement:
        """All steps, and the memory of this process until now."""
        return Measurement(
            self._seconds, self._cpu_seconds, megabytes_of(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        )


def megabytes_of(maxrss: int) -> float:
    """What `ru_maxrss` says, in units of a million bytes; macOS counts it in bytes, Linux in units of 1024."""
    return maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def middle(measurements: Sequence[Measurement]) -> Measurement:
    """The median of each figure by itself."""

    def by_step(part: str) -> dict[str, float]:
        columns = [getattr(one, part) for one in measurements]
        return {step: median(column[step] for column in columns) for step in columns[0]}

    memories = [one.megabytes for one in measurements if one.megabytes is not None]
    return Measurement(by_step("seconds"), by_step("cpu_seconds"), median(memories) if memories else None)


# --- what each process does ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What a process works with.

    Attributes:
        folder: Where photos and stand-ins lie.
        model: For whole photos, as `Colorizer` takes it.
        face_model: For faces, likewise.
    """

    folder: Path
    model: str
    face_model: str

    def photo(self, name: str) -> Path:
        """Where a photo of `PHOTOS` lies."""
        return self.folder / f"{name}.jpg"

    def network(self, name: str) -> Path:
        """Where a stand-in lies."""
        return self.folder / f"{name}.onnx"


def make_photos(setting: Setting) -> Measurement:
    """Write all photos; in a process of its own, so that no other has that memory."""
    from skimage.data import astronaut

    picture = astronaut()  # type: ignore[no-untyped-call]
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[:, 40:424]  # three by four, the face in its upper half
    random = np.random.default_rng(0)
    for name, photo in PHOTOS.items():
        enlarged = cv2.resize(gray, (photo.width, photo.height), interpolation=cv2.INTER_CUBIC)
        for rows in np.array_split(enlarged, 64):  # views: the grain of a whole scan would take a gigabyte
            grain = random.standard_normal(rows.shape, dtype=np.float32) * np.float32(4.0)
            rows[:] = np.rint(rows + grain).clip(0.0, 255.0)
        cv2.imwrite(f"{setting.photo(name)}", cv2.merge([enlarged] * 3), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return Measurement()


def color_photo(name: str, setting: Setting) -> Measurement:
    """Color a photo as `Colorizer` does."""
    watch = Stopwatch()
    with watch.step("load"):
        colorizer = Colorizer(setting.model, face_model=setting.face_model, threads=1)
        _ = colorizer.colorize(small_portrait(setting)).rgb
    with watch.step("read"):
        photo = read_photo(setting.photo(name))
    with watch.step("guess"):
        result = colorizer.colorize(photo)
    with watch.step("render"):
        rgb = result.rgb
    with watch.step("encode"):
        encode_photo(rgb, photo)
    if not result.faces:
        raise PhotochromError(f"{setting.photo(name)}: its face was not found; the measurement would tell too little")
    return watch.measurement()


def small_portrait(setting: Setting) -> bytes:
    """The portrait at a size that costs little, as a file: coloring it loads what is loaded at first use."""
    with Image.open(setting.photo("portrait")) as image:
        image.draft("L", (256, 256))  # decodes a fraction of it
        shrunk = np.asarray(image.convert("L").resize((192, 256)))
    return cv2.imencode(".jpg", shrunk)[1].tobytes()


def color_faces(setting: Setting) -> Measurement:
    """Color faces by the face network, from gray bytes to color bytes."""
    watch = Stopwatch()
    random = np.random.default_rng(0)
    faces = random.integers(0, 256, (FACE_COUNT, FACE_SIDE, FACE_SIDE), dtype=np.uint8)
    with watch.step("load"):
        network = Network(network_file(setting.face_model), threads=1)
        color_batch(network, faces[:FACE_BATCH])
    with watch.step("color"):
        for start in range(0, FACE_COUNT, FACE_BATCH):
            color_batch(network, faces[start : start + FACE_BATCH])
    return watch.measurement()


def color_batch(network: Network, faces: Bytes) -> Bytes:
    """Color bytes of gray ones; the work after the network is numpy's."""
    gray, metadata = to_signed(faces)[:, None], network.metadata
    colored: Bytes = to_uint8(
        color_from_probabilities(gray, network.run(gray), metadata.decoding or "mean", metadata.stride)
    )
    return colored


def color_photo_as_others(name: str, setting: Setting) -> Measurement:
    """Color the portrait with a stand-in, as the published programs of such networks do."""
    watch = Stopwatch()
    with watch.step("load"):
        run, side, channels = stand_in(setting.network(name))
        run(np.zeros((1, channels, side, side), np.float32))
    with watch.step("read"):
        content = np.fromfile(setting.photo("portrait"), np.uint8)
        bgr = np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.float32) / np.float32(255.0)
        lightness = cv2.cvtColor(bgr, cv2.COLOR_BGR2Lab)[..., 0]
    with watch.step("guess"):
        small = cv2.resize(lightness, (side, side), interpolation=cv2.INTER_AREA) / np.float32(100.0)
        colors = run(np.repeat(small[None, None], channels, axis=1))[0].transpose(1, 2, 0)
    with watch.step("render"):
        wide = cv2.resize(colors, (lightness.shape[1], lightness.shape[0]))
        lab = np.concatenate([lightness[..., None], wide], axis=2)
        levels = np.rint(cv2.cvtColor(lab, cv2.COLOR_Lab2BGR).clip(0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    with watch.step("encode"):
        cv2.imencode(".jpg", levels)
    return watch.measurement()


def color_face_as_others(name: str, setting: Setting) -> Measurement:
    """The network of a stand-in alone, once, after a first time: it sees a face as large as any picture."""
    watch = Stopwatch()
    with watch.step("load"):
        run, side, channels = stand_in(setting.network(name))
        picture = np.random.default_rng(0).random((1, channels, side, side), dtype=np.float32)
        run(picture)
    with watch.step("color"):
        run(picture)
    return watch.measurement()


def stand_in(path: Path) -> tuple[Callable[[Floats], Floats], int, int]:
    """How a stand-in is run with one thread, the side of its pictures, and their channels."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    _, channels, side, _ = entry.shape

    def run(picture: Floats) -> Floats:
        colors: Floats = session.run(None, {entry.name: picture})[0]
        return colors

    return run, side, channels


def work(task: str, setting: Setting) -> Measurement:
    """What the process of a task does."""
    name, _, part = task.partition(" ")
    if name == "photos":
        return make_photos(setting)
    if name in PHOTOS:
        return color_photo(name, setting)
    if name == "faces":
        return color_faces(setting)
    return color_face_as_others(name, setting) if part == "faces" else color_photo_as_others(name, setting)


# --- processes -----------------------------------------------------------------------------------------------------


def stay_on_one_core() -> None:
    """Keep this process and all that it starts on one core, where the system lets a process choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def measure_apart(task: str, setting: Setting) -> Measurement:
    """What `work` gives, from a process of its own.

    This process stays smaller than any that it starts: on Linux its memory would count as theirs.
    """
    command = [sys.executable, __file__, "--task", task, "--folder", f"{setting.folder}"]
    command += ["--model", setting.model, "--face-model", setting.face_model]
    child = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, **_ONE_THREAD})
    if child.returncode:
        raise PhotochromError(f"the measurement '{task}' failed; what it said stands above")
    return Measurement(**json.loads(child.stdout))


def measure_command(arguments: Sequence[str]) -> Measurement:
    """What a run of Python takes from its start to its end, with all processes that it starts.

    Raises:
        PhotochromError: It fails.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=output, stderr=output, env={**os.environ, **_ONE_THREAD}
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise PhotochromError(f"python {' '.join(arguments)} failed: {said[-1]}")
    cpu_seconds = {"all": usage.ru_utime + usage.ru_stime}
    # On Linux a new process counts the memory of the one that started it as its own.
    of_parent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = megabytes_of(usage.ru_maxrss) if usage.ru_maxrss > of_parent else None
    return Measurement({"all": seconds}, cpu_seconds, megabytes)


def commands(setting: Setting, repeat: int = 0) -> dict[str, list[str]]:
    """What start-up is measured on, as arguments of Python; the command has no option for another face network.

    Each repeat has a folder of its own for results: the command skips photos that it has colored before.
    """
    colorize = ["-m", "photochrom", "colorize", f"{setting.photo('portrait')}"]
    colorize += ["--out", f"{setting.folder / f'out-{repeat}'}"]
    if setting.model != DEFAULT_MODEL:
        colorize += ["--model", setting.model]
    return {
        "python alone": ["-c", "pass"],
        "import photochrom": ["-c", "import photochrom"],
        "from photochrom import Colorizer": ["-c", "from photochrom import Colorizer"],
        "photochrom --help": ["-m", "photochrom", "--help"],
        "photochrom colorize PORTRAIT": colorize,
    }


def make_stand_ins(setting: Setting) -> dict[str, dict[str, int]]:
    """Write the stand-ins; gives the size of each and of our own networks, as `NetworkSize` has them."""
    ours = {
        "portrait": (f"{network_file(setting.model)}", SHORTEST_SIDE),
        "face": (f"{network_file(setting.face_model)}", FACE_SIDE),
    }
    program = Path(__file__).with_name("stand_in_networks.py")
    child = subprocess.run(
        [sys.executable, program, setting.folder], input=json.dumps(ours), text=True, stdout=subprocess.PIPE
    )
    if child.returncode:
        raise PhotochromError("the networks that stand in could not be written; this needs photochrom[train,export]")
    sizes: dict[str, dict[str, int]] = json.loads(child.stdout.splitlines()[-1])
    return sizes


def measure_all(setting: Setting, repeats: int, with_scan: bool, with_commands: bool) -> dict[str, Measurement]:
    """Every measurement, in turns; medians over the repeats."""
    tasks = ["portrait", "faces", *(["scan"] if with_scan else [])]
    tasks += [f"{name}{part}" for name in STAND_INS for part in ("", " faces")]
    found: dict[str, list[Measurement]] = {}
    for repeat in range(repeats):
        lines = commands(setting, repeat) if with_commands else {}
        warn(f"repeat {repeat + 1} of {repeats}")
        for task in tasks:
            found.setdefault(task, []).append(measure_apart(task, setting))
        for name, arguments in lines.items():
            found.setdefault(name, []).append(measure_command(arguments))
    return {name: middle(measurements) for name, measurements in found.items()}


# --- tables --------------------------------------------------------------------------------------------------------

PHOTO_COLUMNS = ("what", "load", *PHOTO_STEPS, "all four", "CPU", "MB")
FACE_COLUMNS = ("what", "ms", "CPU ms", "CPU ratio")
SIZE_COLUMNS = ("network", "parameters, M", "multiply-adds, G", "side")
START_COLUMNS = ("what", "s", "CPU s", "MB")


def photo_row(title: str, one: Measurement) -> tuple[object, ...]:
    """A line of the table of photos."""
    seconds = (one.seconds["load"], *(one.seconds[step] for step in PHOTO_STEPS), one.total(), one.cpu_total())
    return (title, *(round(value, 3) for value in seconds), megabytes_in(one))


def ratio_row(title: str, other: Measurement, ours: Measurement) -> tuple[object, ...]:
    """How many times as much others take for the same photo."""
    ratios = [other.seconds[step] / ours.seconds[step] for step in ("load", *PHOTO_STEPS)]
    ratios += [
        other.total() / ours.total(),
        other.cpu_total() / ours.cpu_total(),
        (other.megabytes or 0.0) / (ours.megabytes or 1.0),
    ]
    return (title, *(round(ratio, 2) for ratio in ratios))


def megabytes_in(one: Measurement) -> int | None:
    """Memory as it stands in a table."""
    return None if one.megabytes is None else round(one.megabytes)


def print_photos(found: Mapping[str, Measurement]) -> None:
    """The table of whole photos, and what others take for the portrait."""
    rows = [photo_row(photo.title, found[name]) for name, photo in PHOTOS.items() if name in found]
    rows += [photo_row(f"portrait, {title}", found[name]) for name, title in STAND_INS.items()]
    print_table(
        PHOTO_COLUMNS, rows, title="A photo, in seconds by the clock on the wall; CPU: all four, of processor time"
    )
    ratios = [ratio_row(title, found[name], found["portrait"]) for name, title in STAND_INS.items()]
    print_table(PHOTO_COLUMNS, ratios, title="The portrait: how many times photochrom's")


def face_milliseconds(found: Mapping[str, Measurement]) -> dict[str, tuple[float, float]]:
    """What a face takes each network: by the clock on the wall, and of processor time."""
    counts = {"faces": FACE_COUNT, **{f"{name} faces": 1 for name in STAND_INS}}
    return {
        name: (1e3 * found[name].seconds["color"] / count, 1e3 * found[name].cpu_seconds["color"] / count)
        for name, count in counts.items()
    }


def print_faces(found: Mapping[str, Measurement]) -> None:
    """The table of faces."""
    costs = face_milliseconds(found)
    titles = {"faces": "photochrom's face network", **{f"{name} faces": title for name, title in STAND_INS.items()}}
    rows = [
        (titles[name], round(wall, 2), round(cpu, 2), round(cpu / costs["faces"][1], 1))
        for name, (wall, cpu) in costs.items()
    ]
    print_table(FACE_COLUMNS, rows, title=f"A face: ours one of {FACE_COUNT} in batches of {FACE_BATCH}; others' alone")


def print_sizes(sizes: Mapping[str, Mapping[str, int]]) -> None:
    """The table of networks."""
    titles = {"portrait": "photochrom, whole photo", "face": "photochrom, face", **STAND_INS}
    rows = [
        (title, round(size["parameters"] / 1e6, 2), round(size["multiply_adds"] / 1e9, 2), size["side"])
        for title, size in ((title, sizes[name]) for name, title in titles.items())
    ]
    print_table(SIZE_COLUMNS, rows, title="The networks, counted for one square picture")


def print_starts(found: Mapping[str, Measurement], names: Iterable[str]) -> None:
    """The table of start-up."""
    rows = [
        (
            name,
            round(found[name].seconds["all"], 3),
            round(found[name].cpu_seconds["all"], 3),
            megabytes_in(found[name]),
        )
        for name in names
    ]
    print_table(START_COLUMNS, rows, title="From the start of a process to its end")


def verdicts(found: Mapping[str, Measurement]) -> list[str]:
    """Whether each target is met, a sentence each, by the clock on the wall."""
    lines = [
        verdict(f"{photo.title}, read to encoded", found[name].total(), photo.target_seconds, "s")
        for name, photo in PHOTOS.items()
        if name in found
    ]
    lines += [
        verdict(f"{photo.title}, memory", found[name].megabytes or 0.0, photo.target_megabytes, "MB")
        for name, photo in PHOTOS.items()
        if name in found
    ]
    lines.append(verdict("a face", face_milliseconds(found)["faces"][0], TARGET_FACE_MILLISECONDS, "ms"))
    if "import photochrom" in found:
        lines.append(
            verdict("import photochrom", found["import photochrom"].seconds["all"], TARGET_IMPORT_SECONDS, "s")
        )
    return lines


def verdict(what: str, value: float, target: float, unit: str) -> str:
    """Whether a target is met, in one sentence."""
    state = "met" if value <= target else "not met"
    return f"{what}: the target, at most {target:g} {unit}, is {state}: {value:.4g} {unit}"


# --- all of it -----------------------------------------------------------------------------------------------------


def run(model: str, face_model: str, repeats: int, with_scan: bool, with_commands: bool) -> dict[str, Any]:
    """Measure everything and print it; gives the figures."""
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder), model, face_model)
        sizes = make_stand_ins(setting)
        measure_apart("photos", setting)
        found = measure_all(setting, repeats, with_scan, with_commands)
        names = [name for name in commands(setting) if name in found]
    print_photos(found)
    print_faces(found)
    print_sizes(sizes)
    if names:
        print_starts(found, names)
    say(f"Medians of {repeats} processes each, on one core; ONNX Runtime {onnxruntime.__version__}.")
    for line in verdicts(found):
        say(line)
    measurements = {name: asdict(measurement) for name, measurement in found.items()}
    return {"repeats": repeats, "onnxruntime": onnxruntime.__version__, "networks": sizes, "medians": measurements}


def main(
    model: Annotated[
        str, typer.Option(help="For whole photos: a shipped model, or the path of an ONNX file.")
    ] = DEFAULT_MODEL,
    face_model: Annotated[str, typer.Option(help="For faces, likewise.")] = "face",
    repeats: Annotated[int, typer.Option(min=1, help="How many processes each figure is a median of.")] = 5,
    scan: Annotated[bool, typer.Option(help="Also color the scan; takes some gigabytes.")] = True,
    start_up: Annotated[bool, typer.Option(help="Also measure commands.")] = True,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
    task: Annotated[str | None, typer.Option(hidden=True)] = None,
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Measure what coloring a photo costs."""
    cv2.setNumThreads(1)
    if task is not None and folder is not None:
        print(json.dumps(asdict(work(task, Setting(folder, model, face_model)))))
        return
    stay_on_one_core()
    figures = run(model, face_model, repeats, scan, start_up)
    if json_file is not None:
        write_whole(json_file, json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with one_line_failures():
        app()
