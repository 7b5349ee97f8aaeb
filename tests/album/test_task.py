import errno
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.album import color_photo, facts_of
from photochrom.coloring import ChromaField, Guess, Hint, Limits, Look, Options, Outputs, Result, outputs
from photochrom.coloring._chroma_field import signed_luma
from photochrom.errors import ConfigError, InColorError, PhotoError, TooLargeError, UnreadableError
from photochrom.photo import SOFTWARE, Photo, read_photo

Draw = Callable[..., Path]
SIZE = (36, 28)
ALL = Options(outputs=Outputs(2, compare=True, confidence=True))


class Painter:
    """In place of a colorizer: each guess is another even tint."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    def variants(
        self,
        source: Photo,
        count: int,
        *,
        strength: float,
        vividness: float,
        hints: Sequence[Hint],
        force: bool,
    ) -> list[Result]:
        if self.failure is not None:
            raise self.failure
        luma = signed_luma(source.luma)
        results = []
        for number in range(count):
            tint = np.zeros((4, *luma.shape), dtype=np.float32)
            tint[2 + number % 2] = 0.1
            guess = Guess(ChromaField(tint), luma, np.full_like(luma, 0.5))
            results.append(Result(source, (), guess, Look(strength, vividness, tuple(hints))))
        return results


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def made(source: Path, options: Options = ALL, colorizer: Any = None) -> dict[str, Path]:
    """The files of a photo, by their endings."""
    folder = source.parent / "out"
    targets = [folder / f"{number}{source.suffix}" for number, _ in enumerate(options.outputs.endings)]
    told = color_photo(colorizer or Painter(), source, options, targets)
    assert [output["ending"] for output in told["outputs"]] == list(options.outputs.endings)
    return dict(zip(options.outputs.endings, targets, strict=True))


def test_a_photo_gets_all_files_that_are_asked_for(tmp_path: Path, draw: Draw) -> None:
    files = made(draw(tmp_path / "a.jpg"))
    width, height = SIZE
    sizes = {ending: pixels(path).shape[1::-1] for ending, path in files.items()}
    assert sizes == {"-1": SIZE, "-2": SIZE, "-compare": (3 * width, height), "-confidence": SIZE}
    assert {SOFTWARE in path.read_bytes() for path in files.values()} == {True}


def test_files_and_content_are_the_same(tmp_path: Path, draw: Draw) -> None:
    source = draw(tmp_path / "a.png")
    files = made(source)
    told = color_photo(Painter(), source.read_bytes(), ALL)
    assert [output["content"] for output in told["outputs"]] == [path.read_bytes() for path in files.values()]
    assert {output["suffix"] for output in told["outputs"]} == {".png"}
    assert (told["width"], told["height"], told["coloring"], told["faces"]) == (*SIZE, "gray", [])
    assert told["confidence"] == {"mean": 0.5, "lowest_tenth": 0.5}
    assert set(told["seconds"]) == {"read", "guess", "render"}


def test_what_is_missing_and_what_is_not_kept_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x010E] = "Oma"
    noise = np.random.default_rng(0).integers(0, 256, (160, 120), dtype=np.uint8)
    Image.fromarray(noise).save(path, exif=exif)
    whole = path.read_bytes()
    assert color_photo(Painter(), whole, Options())["remarks"] == []
    dropped = color_photo(Painter(), whole, Options(outputs=Outputs(format="BMP")))["remarks"]
    assert dropped == ["not kept in the result: EXIF"]
    (torn,) = color_photo(Painter(), whole[: len(whole) * 3 // 4], Options())["remarks"]
    assert torn.startswith("the file is torn: ")
    with pytest.raises(UnreadableError, match="broken photo"):
        color_photo(Painter(), whole[: len(whole) * 3 // 4], Options(limits=Limits(strict=True)))


def test_a_comparison_shows_gray_at_the_left_and_each_guess_beside_it(tmp_path: Path, draw: Draw) -> None:
    source = draw(tmp_path / "a.png")
    files = made(source)
    strip, width = pixels(files["-compare"]), SIZE[0]
    gray = np.repeat(pixels(source)[..., None], 3, axis=2)
    np.testing.assert_array_equal(strip[:, :width], gray)
    for number in (1, 2):
        panel = strip[:, number * width : (number + 1) * width]
        np.testing.assert_array_equal(panel, pixels(files[f"-{number}"]))


def test_a_comparison_of_a_large_turned_photo_is_upright_and_fits_a_screen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.new("L", (2400, 1200), 90).save(path, exif=exif)
    assert read_photo(made(path, Options(outputs=Outputs(compare=True)))["-compare"]).size == (1600, 1600)


def test_a_map_of_confidence_is_gray(tmp_path: Path, draw: Draw) -> None:
    shown = pixels(made(draw(tmp_path / "a.jpg"))["-confidence"])
    assert shown.shape == SIZE[::-1]
    assert np.unique(shown).tolist() == [128]


@pytest.mark.parametrize(("asked", "suffix"), [("PNG", ".png"), ("TIFF", ".tif"), ("JPEG", ".jpeg"), (None, ".jpeg")])
def test_another_format_can_be_asked_for(tmp_path: Path, draw: Draw, asked: str | None, suffix: str) -> None:
    options = Options(outputs=Outputs(format=asked))
    (output,) = outputs(read_photo(draw(tmp_path / "a.jpeg")), made_results(tmp_path / "a.jpeg"), options)
    assert output.suffix == suffix
    assert read_photo(output.content).origin.format == asked or asked is None


def made_results(source: Path, count: int = 1) -> list[Result]:
    return Painter().variants(read_photo(source), count, strength=1.0, vividness=1.0, hints=(), force=False)


def test_one_colored_picture_is_held_at_a_time(tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[Any]] = []
    render = Result.rgb.func  # type: ignore[attr-defined]

    class Rgb(np.ndarray[Any, Any]):
        """An array that can be watched."""

    def watched(result: Result) -> Any:
        assert not [rgb for rgb in held if rgb() is not None]
        rgb = render(result).view(Rgb)
        held.append(weakref.ref(rgb))
        return rgb

    monkeypatch.setattr(Result, "rgb", property(watched))
    source = draw(tmp_path / "a.jpg")
    results = made_results(source, 3)
    assert len(list(outputs(read_photo(source), results, Options(outputs=Outputs(3, confidence=True))))) == 4
    assert len(held) == 3


@pytest.mark.parametrize("mode", ["1", "L"])
def test_a_photo_that_has_no_shades_is_told_to_stay_without_color(tmp_path: Path, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1))
    Image.fromarray(ramp).convert(mode).save(tmp_path / "a.tif")
    photo = read_photo(tmp_path / "a.tif")
    remarks = facts_of(photo, Painter().variants(photo, 1, strength=1.0, vividness=1.0, hints=(), force=False))[
        "remarks"
    ]
    assert any("only black and white" in remark for remark in remarks) == (mode == "1")


class Decided:
    """In place of a colorizer that decides what is in color already."""

    def variants(self, source: Photo, count: int, **_: Any) -> list[Result]:
        raise InColorError("decided here")


def test_the_colorizer_alone_decides_what_is_in_color_already(tmp_path: Path, draw: Draw) -> None:
    source = draw(tmp_path / "a.png", mode="RGB")
    with pytest.raises(InColorError, match="decided here"):
        made(source, colorizer=Decided())
    assert not (tmp_path / "out").exists()
    assert made(source)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"no picture at all, but a letter", "not"), (b"\xff\xd8\xff" + b"x" * 50, "broken")],
)
def test_a_bad_file_is_told_in_a_line_without_its_name(tmp_path: Path, content: bytes, reason: str) -> None:
    source = tmp_path / "a.jpg"
    source.write_bytes(content)
    with pytest.raises(UnreadableError, match=reason) as caught:
        made(source)
    assert str(source) not in str(caught.value)


def test_a_missing_file_and_too_large_a_photo_are_told(tmp_path: Path, draw: Draw) -> None:
    with pytest.raises(UnreadableError, match="no such file"):
        made(tmp_path / "a.jpg")
    with pytest.raises(TooLargeError, match="megapixels"):
        made(draw(tmp_path / "b.jpg"), Options(limits=Limits(1e-4)))


def test_what_the_colorizer_refuses_is_refused(tmp_path: Path, draw: Draw) -> None:
    with pytest.raises(ConfigError, match="lies outside"):
        made(draw(tmp_path / "a.jpg"), colorizer=Painter(ConfigError("the hint at 9,9 lies outside the photo")))


def test_a_full_disk_is_told(tmp_path: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    source = draw(tmp_path / "a.png")
    monkeypatch.setattr(Path, "write_bytes", write)
    with pytest.raises(PhotoError, match=rf"{os.strerror(errno.ENOSPC)}\); make room"):
        made(source)
