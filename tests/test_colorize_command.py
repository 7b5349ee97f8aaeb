import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import c2pa
import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from photochrom.album import ON_ITS_SIDE, Outcome
from photochrom.coloring import Options, Outputs
from photochrom.coloring.distribution import BIN_COUNT
from photochrom.coloring.metadata import FORMAT_VERSION, METADATA_KEY
from photochrom.commands.colorize import _remark
from photochrom.photo import MAX_MEGAPIXELS, Signer
from photochrom.shipped import photo_models, read_card, shipped_model, shipped_models

Command = Callable[..., Any]


@pytest.fixture(scope="session")
def one_tint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that is sure of the same tint everywhere, as an ONNX file."""
    probabilities = np.full((1, 2, BIN_COUNT, 1, 1), 1e-4, dtype=np.float32)
    probabilities[:, :, BIN_COUNT * 5 // 8] = 1.0 - 1e-4 * (BIN_COUNT - 1)
    nodes = [
        helper.make_node("AveragePool", ["gray"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Mul", ["pooled", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["spread"]),
        helper.make_node("Add", ["spread", "peak"], ["probabilities"]),
    ]
    constants = {"zero": np.float32(0.0), "axis": np.int64([1]), "peak": probabilities}
    graph = helper.make_graph(
        nodes,
        "one_tint",
        [helper.make_tensor_value_info("gray", TensorProto.FLOAT, ["batch", 1, "height", "width"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    metadata = {"format_version": FORMAT_VERSION, "model": "one_tint", "hyperparameters": {}}
    metadata |= {"output": "probabilities", "stride": 4}
    helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    path = tmp_path_factory.mktemp("networks") / "one-tint.onnx"
    onnx.save(model, path)
    return path


def draw(path: Path | str, seed: int = 0, mode: str = "L") -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(cv2.resize(coarse, (32, 24))).convert(mode).save(path)
    return path


def only(stream: str) -> str:
    """The only line."""
    (line,) = stream.splitlines()
    return line


def test_a_folder_is_colored_and_told_in_one_line(photochrom: Command, one_tint: Path) -> None:
    words = ("colorize", "album", "--model", one_tint, "--no-faces")
    for number in range(3):
        draw(f"album/{number}.jpg", number)
    draw("album/color.png", mode="RGB")
    ended = photochrom(*words)
    assert ended.status == 0
    assert only(ended.out) == "colored 3, skipped 1 (1 in color already); results: album-color"
    assert only(ended.err) == "album/color.png: in color already, left alone; --force colors it again"
    again = photochrom(*words)
    assert only(again.out) == "colored 0, skipped 4 (3 done before, 1 in color already); results: album-color"


def test_results_are_signed_if_they_can_be(photochrom: Command, one_tint: Path, signer: Signer) -> None:
    words = ("colorize", "album", "--model", one_tint, "--no-faces", "--confidence")
    draw("album/a.jpg")
    draw("album/b.bmp")
    ended = photochrom(*words, "--sign", signer.certificate, signer.key)
    assert ended.status == 0
    assert only(ended.err) == "album/b.bmp: not signed, because BMP holds no signatures"
    with c2pa.Reader("image/jpeg", io.BytesIO(Path("album-color/a.jpg").read_bytes())) as reader:
        assert reader.get_validation_state() == "Valid"
    assert c2pa.Reader.try_create("image/png", io.BytesIO(Path("album-color/a-confidence.png").read_bytes())) is None
    assert str(signer.key) not in Path("album-color/photochrom.jsonl").read_text()
    assert "2 done before" in photochrom(*words, "--sign", signer.certificate, signer.key).out
    assert "is there already" in photochrom(*words).err  # unsigned ones are others


def test_a_certificate_that_cannot_sign_is_told_before_anything_is_written(
    photochrom: Command, one_tint: Path, signer: Signer
) -> None:
    draw("album/a.jpg")
    ended = photochrom("colorize", "album", "--model", one_tint, "--sign", signer.certificate, "no-such-key.pem")
    assert ended.status != 0
    assert "cannot be signed (" in only(ended.err)
    assert not Path("album-color").exists()


def test_a_bad_photo_is_one_line_and_status_2_and_the_rest_goes_on(photochrom: Command, one_tint: Path) -> None:
    draw("a.jpg")
    Path("b\nb.jpg").write_text("nothing but words")
    ended = photochrom("colorize", "a.jpg", "b\nb.jpg", "no-such", "--model", one_tint, "--no-faces", "--quiet")
    assert ended.status == 2
    assert ended.out == ""
    first, second = ended.err.splitlines()
    assert first == "photochrom: no-such: no such file or folder; check the name"
    assert second.startswith(r"photochrom: b\nb.jpg: ")
    assert Path("a-color.jpg").is_file()


def test_every_option_reaches_the_photo(photochrom: Command, one_tint: Path) -> None:
    draw("a.png")
    options = ("--variants", 2, "--hint", "1,1,#ff0000", "--compare", "--confidence", "--vividness", 2)
    ended = photochrom("colorize", "a.png", "--model", one_tint, "--no-faces", "--out", "x", *options)
    assert ended.status == 0, ended.err
    results = {"a-1.png", "a-2.png", "a-compare.png", "a-confidence.png", "photochrom.jsonl"}
    assert set(os.listdir("x")) == results  # noqa: PTH208
    settings = json.loads(Path("x/photochrom.jsonl").read_text().splitlines()[-1])["settings"]
    assert settings["look"]["hints"] == [{"x": 1.0, "y": 1.0, "color": [255, 0, 0]}]
    assert (settings["look"]["vividness"], settings["outputs"]["variants"]) == (2.0, 2)


def test_a_result_that_is_there_is_refused_clearly(photochrom: Command, one_tint: Path) -> None:
    words = ("colorize", draw("a.jpg"), "--model", one_tint, "--no-faces")
    assert photochrom(*words).status == 0
    ended = photochrom(*words)
    assert ended.status == 2
    assert "photochrom: a.jpg: a-color.jpg is there already; --overwrite replaces it" in only(ended.err)
    assert photochrom(*words, "--overwrite").status == 0


def test_strength_0_gives_gray(photochrom: Command, one_tint: Path) -> None:
    gray = draw("a.png")
    for strength, is_gray in ((1.0, False), (0.0, True)):
        words = ("--model", one_tint, "--no-faces", "--out", f"{strength}.png", "--strength", strength)
        assert photochrom("colorize", gray, *words).status == 0
        rgb = np.asarray(Image.open(f"{strength}.png")).astype(int)
        assert (np.ptp(rgb, axis=2).max() == 0) == is_gray


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nowhere"], "nowhere: no such file or folder"),
        (["a.jpg", "--strength", "2"], "strength must lie between 0 and 1"),
        (["a.jpg", "--variants", "0"], "there can be 1 to"),
        (["a.jpg", "--hint", "red"], "a hint is written x,y,#rrggbb"),
        (["a.jpg", "b.jpg", "--hint", "1,1,#ff0000"], "a hint is of one photo"),
        (["a.jpg", "--model", "no-such-model"], "no-such-model: no shipped model; photos are colored by: face, scene"),
        (["a.jpg", "--model", "study-best"], "study-best: colors faces of 80x80 pixels only, by 'photochrom predict'"),
        (["a.jpg", "--face-model", "study-best"], "study-best: colors faces of 80x80 pixels only"),
        (["a.jpg", "--model", "a.jpg"], "a.jpg: no ONNX file; 'photochrom export' writes one"),
        (["a.jpg", "--gpus", "1"], "--gpus: for a Ray cluster only; add --engine ray"),
        (["a.jpg", "--gpus", "0.5", "--address", "auto"], "--address, --gpus: for a Ray cluster only"),
        (["a.jpg", "--engine", "slurm"], "no engine is called 'slurm'; there are: local, ray"),
        (["a.jpg", "-"], "no other photo"),
        (["-", "--compare"], "one result only"),
    ],
)
def test_what_cannot_be_is_one_clear_line(
    photochrom: Command, words: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    draw("a.jpg")
    draw("b.jpg", 1)
    ended = photochrom("colorize", *words)
    assert ended.status == 2
    assert reason in only(ended.err)
    assert "Traceback" not in ended.err


def test_an_interruption_is_told_with_status_130(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> Iterator[Outcome]:
        yield Outcome(Path("a.jpg"), "colored")
        raise KeyboardInterrupt

    monkeypatch.setattr("photochrom.album.run", run)
    draw("a.jpg")
    ended = photochrom("colorize", "a.jpg")
    assert ended.status == 130
    assert only(ended.err) == "photochrom: interrupted; the same command goes on where it was"


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_lets_the_run_end_where_nothing_is_lost(
    photochrom: Command, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("these tests were started by nohup")

    def run(*_: object, stop: threading.Event, **__: object) -> Iterator[Outcome]:
        os.kill(os.getpid(), number)
        assert stop.is_set()
        yield Outcome(Path("a.jpg"), "colored")

    monkeypatch.setattr("photochrom.album.run", run)
    draw("a.jpg")
    before = signal.getsignal(number)
    ended = photochrom("colorize", "a.jpg")
    assert (ended.status, ended.out) == (status, "")
    assert only(ended.err) == "photochrom: interrupted; the same command goes on where it was"
    assert signal.getsignal(number) == before


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """Ctrl-C is not ignored, as it is where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_signal_ends_at_once(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> Iterator[Outcome]:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        yield Outcome(Path("a.jpg"), "colored")

    monkeypatch.setattr("photochrom.album.run", run)
    draw("a.jpg")
    assert photochrom("colorize", "a.jpg").status == 130


def test_a_photo_has_the_time_that_is_given(photochrom: Command, one_tint: Path) -> None:
    words = ("colorize", draw("a.jpg"), "--model", one_tint, "--no-faces", "--timeout")
    ended = photochrom(*words, 1e-6)
    assert ended.status == 2
    assert "a.jpg: took longer than 1e-06 seconds" in only(ended.err)
    assert photochrom(*words, 600).status == 0


def test_the_date_of_a_photo_is_kept_unless_unwanted(photochrom: Command, one_tint: Path) -> None:
    os.utime(draw("a.jpg"), (1e9, 1e9))
    words = ("colorize", "a.jpg", "--model", one_tint, "--no-faces", "--overwrite")
    for more, is_kept in ((), True), (("--no-keep-date",), False):
        photochrom(*words, *more)
        assert (Path("a-color.jpg").stat().st_mtime == 1e9) == is_kept


def test_many_places_of_results_are_not_all_named(photochrom: Command, one_tint: Path) -> None:
    photos = [draw(f"{number}/a.jpg", number) for number in range(5)]
    ended = photochrom("colorize", *photos, "--model", one_tint, "--no-faces", "--jobs", 2)
    assert only(ended.out) == "colored 5; results: 0, 1, 2 and 2 more"


def test_of_a_single_photo_the_files_are_named(photochrom: Command, one_tint: Path) -> None:
    draw("a.jpg")
    words = ("colorize", "a.jpg", "--model", one_tint, "--no-faces")
    assert only(photochrom(*words).out) == "colored 1; results: a-color.jpg"
    assert only(photochrom(*words, "--out", "new.dir/").out) == f"colored 1; results: {Path('new.dir', 'a.jpg')}"
    told = only(photochrom(*words, "--variants", 2, "--out", "x").out)
    assert told == f"colored 1; results: {Path('x', 'a-1.jpg')}, {Path('x', 'a-2.jpg')}"


def test_the_option_that_turns_photos_upright_is_named_where_it_would_help() -> None:
    assert _remark(ON_ITS_SIDE, Options()) == f"{ON_ITS_SIDE}; --upright turns it"
    assert _remark(ON_ITS_SIDE, Options(outputs=Outputs(upright=True))) == ON_ITS_SIDE
    assert _remark("torn", Options()) == "torn"


def piped(content: bytes, *words: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "photochrom", "colorize", "-", *map(str, words)]
    return subprocess.run(command, input=content, capture_output=True)


def test_standard_input_goes_to_standard_output(tmp_path: Path, one_tint: Path) -> None:
    gray = draw(tmp_path / "a.png").read_bytes()
    ended = piped(gray, "--model", one_tint, "--no-faces")
    assert (ended.returncode, ended.stderr) == (0, b"")
    colored = np.asarray(Image.open(io.BytesIO(ended.stdout))).astype(int)
    assert np.ptp(colored, axis=2).max() > 0


def test_a_photo_in_color_passes_through(tmp_path: Path, one_tint: Path) -> None:
    content = draw(tmp_path / "a.png", mode="RGB").read_bytes()
    ended = piped(content, "--model", one_tint, "--no-faces")
    assert (ended.returncode, ended.stdout) == (0, content)
    assert b"in color already" in ended.stderr


def test_no_photo_on_standard_input_gives_nothing_on_standard_output(one_tint: Path) -> None:
    ended = piped(b"", "--model", one_tint, "--no-faces")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"empty" in ended.stderr


def test_a_terminal_is_no_place_for_a_photo(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    ended = photochrom("colorize", "-")
    assert ended.status == 2
    assert "photochrom colorize - < gray.jpg > color.jpg" in only(ended.err)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_names_that_a_console_cannot_show_are_written_as_escapes(tmp_path: Path, one_tint: Path, encoding: str) -> None:
    folder = tmp_path / "Альбом 奶奶"
    for name in ("Großmutter.jpg", "奶奶.jpg"):
        draw(folder / name)
    (folder / "бабушка.jpg").write_bytes(b"\xff\xd8\xff broken")
    command = [sys.executable, "-m", "photochrom", "colorize", folder, "--model", one_tint, "--no-faces"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path)
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert b"broken photo" in ended.stderr
    assert ended.stdout.startswith(b"colored 2, failed 1; results: ")


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are not closed like this")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_harm_nothing(tmp_path: Path, one_tint: Path, closed: str) -> None:
    draw(tmp_path / "album/a.jpg")
    command = f"'{sys.executable}' -m photochrom colorize album --model '{one_tint}' --no-faces {closed}"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, b"")
    with Image.open(tmp_path / "album-color/a.jpg") as picture:
        assert picture.mode == "RGB"
    assert all(json.loads(line) for line in (tmp_path / "album-color/photochrom.jsonl").read_text().splitlines())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_to_a_full_disk_is_one_clear_line() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "photochrom", "models"]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert ended.returncode != 0
    assert b"No space left" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_help_tells_the_limit_that_is_set(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert f"{MAX_MEGAPIXELS:g} if not given" in photochrom("colorize", "--help").out


@pytest.mark.parametrize("words", ["['colorize', '--help']", "['models']", "['colorize', 'nowhere']"])
def test_coloring_and_listing_models_bring_no_framework(tmp_path: Path, words: str) -> None:
    program = f"""
import sys
from photochrom.cli import main
sys.argv = ["photochrom", *{words}]
try:
    main()
except SystemExit:
    pass
heavy = {{"torch", "scipy", "skimage", "matplotlib"}} & set(sys.modules)
assert not heavy, heavy
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr


def test_models_are_listed_with_their_figures_and_cards(photochrom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = photochrom("models")
    assert ended.status == 0
    for name in shipped_models():
        model = shipped_model(name)
        assert f"card: {model.card}" in ended.out
        overall = json.loads(model.figures.read_text())[0]["overall"]
        assert f"{overall['accuracy']:.4f}".rstrip("0") in ended.out
        assert f"{overall['chroma_error']:.2f}".rstrip("0") in ended.out
    assert "research" in ended.out


def test_the_list_of_models_tells_which_color_photos(photochrom: Command) -> None:
    told = photochrom("models").out
    for name in photo_models():
        assert f"{name}: colors photos; " in told
    assert "study-best: colors no photos, but test pictures by 'photochrom predict'; " in told


@pytest.mark.parametrize("name", shipped_models())
def test_a_models_card_is_printed_as_it_is(photochrom: Command, name: str) -> None:
    ended = photochrom("models", name)
    assert ended.status == 0
    assert ended.out.strip() == read_card(name).as_markdown().strip()


def test_a_card_of_no_model_is_one_clear_line(photochrom: Command) -> None:
    ended = photochrom("models", "nobody")
    assert ended.status == 2
    assert "nobody: no shipped model" in only(ended.err)
