import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from photochrom.errors import DataError
from photochrom.lab.datasets._pictures import MIN_SIDE, is_gray, read_pairs, read_rgb, sort_as_text

RED, GREEN, BLUE = (200, 30, 60), (20, 180, 40), (10, 40, 220)
ORIENTATION = 0x0112
Levels = npt.NDArray[np.uint8]


def plain(color: tuple[int, int, int] = RED, width: int = 16, height: int = 16) -> Image.Image:
    return Image.new("RGB", (width, height), color)


def noise(side: int = 64) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_rgb(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message


def assert_color(levels: Levels, color: tuple[int, int, int], tolerance: int = 0) -> None:
    np.testing.assert_allclose(
        levels.reshape(-1, 3).astype(int), np.array([color] * (levels.size // 3)), atol=tolerance
    )


def truncated_jpeg(path: Path) -> None:
    noise().save(path, "JPEG")
    path.write_bytes(path.read_bytes()[:1500])


def truncated_png(path: Path) -> None:
    noise().save(path, "PNG")
    path.write_bytes(path.read_bytes()[:1500])


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated.jpg": (truncated_jpeg, "broken picture"),
    "truncated.png": (truncated_png, "broken picture"),
    "empty.jpg": (Path.touch, "the file is empty"),
    "letter.jpg": (lambda path: path.write_text("no picture\nbut a letter\n" * 50), "not a picture that can be read"),
    "missing.jpg": (lambda path: None, "no such file"),
    "dot.png": (plain(width=1, height=1).save, "too small (1x1; at least 8x8 is needed)"),
    "thread.png": (plain(width=MIN_SIDE - 1, height=90).save, "too small (7x90"),
    "folder.jpg": (Path.mkdir, "broken picture"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_used_is_refused_in_one_line_that_names_it(name: str, tmp_path: Path) -> None:
    make, reason = BROKEN[name]
    make(tmp_path / name)
    assert reason in refusal(tmp_path / name)


def test_a_picture_of_the_smallest_side_is_read(tmp_path: Path) -> None:
    assert read_rgb(saved(plain(width=MIN_SIDE, height=MIN_SIDE), tmp_path / "a.png")).shape == (8, 8, 3)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_without_loss_every_level_is_read_as_it_was_written(suffix: str, tmp_path: Path) -> None:
    image = noise(20).crop((0, 0, 20, 12))
    levels = read_rgb(saved(image, tmp_path / f"a{suffix}", **({"lossless": True} if suffix == ".webp" else {})))
    assert levels.dtype == np.uint8
    np.testing.assert_array_equal(levels, np.asarray(image))


def test_a_suffix_that_lies_does_not_matter(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_rgb(saved(noise(), tmp_path / "a.jpg", format="PNG")), np.asarray(noise()))


def test_a_cmyk_jpeg_keeps_its_color(tmp_path: Path) -> None:
    path = saved(plain().convert("CMYK"), tmp_path / "a.jpg", quality=95)
    with Image.open(path) as image:
        assert image.mode == "CMYK"
    assert_color(read_rgb(path), RED, tolerance=4)


def test_a_transparent_palette_entry_lies_on_white(tmp_path: Path) -> None:
    indices = np.zeros((10, 10), dtype=np.uint8)
    indices[:, 5:] = 1
    image = Image.fromarray(indices)
    image.putpalette([*RED, *GREEN], "RGB")
    levels = read_rgb(saved(image, tmp_path / "a.png", transparency=1))
    assert_color(levels[:, :5], RED)
    assert_color(levels[:, 5:], (255, 255, 255))


def test_an_rgb_color_declared_transparent_lies_on_white(tmp_path: Path) -> None:
    image = plain(BLUE)
    image.paste(RED, (0, 0, 8, 16))
    levels = read_rgb(saved(image, tmp_path / "a.png", transparency=BLUE))
    assert_color(levels[:, :8], RED)
    assert_color(levels[:, 8:], (255, 255, 255))


def test_gray_with_alpha_lies_on_white(tmp_path: Path) -> None:
    gray_alpha = np.zeros((9, 9, 2), dtype=np.uint8)
    gray_alpha[..., 0] = 100
    gray_alpha[:, 3:6, 1] = 128
    gray_alpha[:, 6:, 1] = 255
    levels = read_rgb(saved(Image.fromarray(gray_alpha, "LA"), tmp_path / "a.png"))
    assert_color(levels[:, :3], (255, 255, 255))
    assert_color(levels[:, 3:6], (177, 177, 177), tolerance=1)
    assert_color(levels[:, 6:], (100, 100, 100))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize(("sixteen_bits", "level"), [(0, 0), (257, 1), (32768, 128), (65278, 254), (65535, 255)])
def test_sixteen_bits_are_scaled_to_eight(sixteen_bits: int, level: int, suffix: str, tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.full((9, 9), sixteen_bits, dtype=np.uint16)), tmp_path / f"a{suffix}")
    with Image.open(path) as image:
        assert image.mode.startswith("I")
    assert_color(read_rgb(path), (level, level, level))


def test_a_bilevel_picture_is_black_and_white(tmp_path: Path) -> None:
    image = Image.new("1", (10, 10), 0)
    image.paste(1, (5, 0, 10, 10))
    levels = read_rgb(saved(image, tmp_path / "a.png"))
    assert_color(levels[:, :5], (0, 0, 0))
    assert_color(levels[:, 5:], (255, 255, 255))


@pytest.mark.parametrize(
    ("orientation", "shape", "top_left", "bottom_right"),
    [(1, (16, 32), RED, BLUE), (3, (16, 32), BLUE, RED), (6, (32, 16), RED, BLUE), (8, (32, 16), BLUE, RED)],
)
def test_a_picture_is_turned_upright_as_its_exif_says(
    orientation: int, shape: tuple[int, int], top_left: Any, bottom_right: Any, tmp_path: Path
) -> None:
    image = plain(RED, 32, 16)
    image.paste(BLUE, (16, 0, 32, 16))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    levels = read_rgb(saved(image, tmp_path / "a.jpg", exif=exif, quality=95))
    assert levels.shape[:2] == shape
    assert_color(levels[:4, :4], top_left, tolerance=4)
    assert_color(levels[-4:, -4:], bottom_right, tolerance=4)


def test_of_an_animation_under_another_name_the_first_frame_is_read(tmp_path: Path) -> None:
    path = saved(plain(RED), tmp_path / "a.png", format="GIF", save_all=True, append_images=[plain(BLUE)])
    with Image.open(path) as image:
        assert image.n_frames == 2
    assert_color(read_rgb(path), RED)


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "exceeds limit of 200 pixels" in refusal(saved(plain(), tmp_path / "a.png"))


def test_a_large_picture_that_is_no_bomb_yet_is_read_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    pairs = read_pairs([saved(plain(), tmp_path / "a.png")], root=tmp_path, size=16)
    assert_color(pairs.truth, RED)


def test_a_picture_with_torn_exif_is_read_in_silence(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    path = saved(plain(), tmp_path / "a.jpg", exif=exif.tobytes()[:-8], quality=95)
    assert_color(read_pairs([path], root=tmp_path, size=16).truth, RED, tolerance=4)


def test_a_picture_with_nonsense_in_its_exif_is_left_out_or_read_but_stops_nothing(tmp_path: Path) -> None:
    compression_that_is_no_whole_number = struct.pack("<HHIf", 0x0103, 11, 1, 1.5)
    upright = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0)
    entries = compression_that_is_no_whole_number + upright
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + struct.pack("<H", 2) + entries + struct.pack("<I", 0)
    strange = saved(plain(), tmp_path / "strange.jpg", exif=exif)
    sound = saved(plain(), tmp_path / "sound.jpg")
    assert "sound.jpg" in read_pairs([strange, sound], root=tmp_path, size=16).names


@pytest.mark.parametrize(("width", "height"), [(40, 20), (20, 40), (60, 20), (22, 20)])
def test_of_a_picture_that_is_no_square_the_middle_is_kept(width: int, height: int, tmp_path: Path) -> None:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    image = plain(RED, width, height)
    image.paste(noise(side), (left, top))
    levels = read_rgb(saved(image, tmp_path / "a.png"), size=side)
    np.testing.assert_array_equal(levels, np.asarray(noise(side)))


@pytest.mark.parametrize(("width", "height"), [(80, 40), (40, 80)])
def test_another_size_is_cut_and_scaled_but_never_squashed(width: int, height: int, tmp_path: Path) -> None:
    image = plain(RED, width, height)
    image.paste(GREEN, ((width - 40) // 2, (height - 40) // 2, (width + 40) // 2, (height + 40) // 2))
    levels = read_rgb(saved(image, tmp_path / "a.png"), size=10)
    assert levels.shape == (10, 10, 3)
    assert_color(levels[2:-2, 2:-2], GREEN, tolerance=1)
    assert np.abs(levels.astype(int) - np.array(GREEN)).max() < 40


def test_a_smaller_picture_is_scaled_up(tmp_path: Path) -> None:
    levels = read_rgb(saved(plain(GREEN, 10, 10), tmp_path / "a.png"), size=24)
    assert levels.shape == (24, 24, 3)
    assert_color(levels, GREEN)


def test_without_a_size_a_picture_keeps_its_own(tmp_path: Path) -> None:
    assert read_rgb(saved(plain(RED, 31, 17), tmp_path / "a.png")).shape == (17, 31, 3)


def test_broken_files_are_named_and_the_rest_goes_on_in_order(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    sound = [
        saved(plain(color), tmp_path / name)
        for color, name in [(RED, "c.png"), (GREEN, "below/a.png"), (BLUE, "b.png")]
    ]
    for name, (make, _) in BROKEN.items():
        make(tmp_path / name)
    broken = [tmp_path / name for name in BROKEN]
    pairs = read_pairs([sound[0], *broken[:4], sound[1], *broken[4:], sound[2]], root=tmp_path, size=16)
    assert pairs.names == ("c.png", "below/a.png", "b.png")
    for levels, color in zip(pairs.truth, [RED, GREEN, BLUE], strict=True):
        assert_color(levels, color)
    assert len(pairs.left_out) == len(BROKEN)
    for line, (name, (_, reason)) in zip(pairs.left_out, BROKEN.items(), strict=True):
        assert line.startswith(f"{tmp_path / name}: ")
        assert reason in line


def test_when_no_file_can_be_used_the_first_reason_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").write_text("a letter")
    with pytest.raises(
        DataError, match=r"none of its 2 pictures can be used; the first: [^\n]*a\.jpg: the file is empty"
    ):
        read_pairs([tmp_path / "a.jpg", tmp_path / "b.jpg"], root=tmp_path, size=16)


def test_no_files_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of its 0 pictures"):
        read_pairs([], root=tmp_path, size=16)


@pytest.mark.parametrize(("blue", "expected"), [(100, True), (102, True), (103, False), (97, False)])
def test_a_photo_is_gray_if_its_channels_differ_by_less_than_three_levels(blue: int, expected: bool) -> None:
    photo = np.full((4, 5, 3), 100, dtype=np.uint8)
    photo[..., 2] = blue
    assert is_gray(photo) == expected


def test_gray_is_what_pillow_makes_of_the_color(tmp_path: Path) -> None:
    pairs = read_pairs([saved(noise(), tmp_path / "a.png")], root=tmp_path, size=64)
    np.testing.assert_array_equal(pairs.gray[0], np.asarray(noise().convert("L")))


def test_pictures_without_a_truth_have_gray_alone(tmp_path: Path) -> None:
    pairs = read_pairs([saved(noise(), tmp_path / "a.png")], root=tmp_path, size=64, truth="none")
    assert pairs.color is None
    np.testing.assert_array_equal(pairs.gray[0], np.asarray(noise().convert("L")))


def test_paths_are_sorted_as_text() -> None:
    names = ["10.jpg", "2.jpg", "1.jpg", "100.jpg", "0.jpg"]
    assert [path.name for path in sort_as_text(map(Path, names))] == ["0.jpg", "1.jpg", "10.jpg", "100.jpg", "2.jpg"]
