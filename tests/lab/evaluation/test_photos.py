import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from photochrom.cluster import connected
from photochrom.errors import CheckpointError, ConfigError, DataError
from photochrom.lab.datasets import PictureCollection
from photochrom.lab.datasets._catalogue import entry
from photochrom.lab.evaluation import (
    PhotoEvaluation,
    PhotoEvaluator,
    PhotoFile,
    PhotoSet,
    Product,
    open_photos,
    photo_tables,
    read_photo_evaluations,
    record_photo_evaluation,
)
from photochrom.lab.evaluation._frechet import FeatureReader
from photochrom.lab.evaluation._photo_measures import WHOLE, MeasuredPhoto, measure_photo, measure_regions
from photochrom.lab.evaluation._scenes import Scene, fog_values
from photochrom.lab.metrics import to_lab

Rgb = npt.NDArray[np.uint8]
Paint = Callable[[Rgb], Rgb]

HEIGHT, WIDTH = 96, 128
THINGS = {
    "sky": ((0, 40), (0, WIDTH), (135, 180, 230)),
    "lawn": ((40, HEIGHT), (0, WIDTH), (80, 130, 50)),
    "wall": ((20, 80), (8, 56), (153, 150, 145)),
    "coat": ((30, 90), (72, 104), (170, 40, 50)),
}


def draw_photo(seed: int) -> Rgb:
    """A wall and a coat on a lawn under a sky, each of one color with some grain."""
    random = np.random.default_rng(seed)
    photo = np.zeros((HEIGHT, WIDTH, 3))
    for rows, columns, color in THINGS.values():
        tint = np.zeros(3) if max(color) - min(color) < 10 else random.uniform(-15, 15, 3)
        photo[slice(*rows), slice(*columns)] = np.array(color) + tint
    grain = random.normal(0, 2, (HEIGHT, WIDTH, 1))
    return np.clip(photo + grain, 0, 255).round().astype(np.uint8)


def area(thing: str) -> npt.NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    rows, columns, _ = THINGS[thing]
    mask[slice(*rows), slice(*columns)] = True
    return mask


def with_chroma(rgb: Rgb, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Rgb:
    """The same lightness with other a* and b*."""
    lab = rgb2lab(rgb)
    lab[..., 1:] = change(lab[..., 1:])
    return np.asarray((lab2rgb(lab) * 255).round().clip(0, 255), np.uint8)


def as_true(truth: Rgb) -> Rgb:
    return truth


def as_gray(truth: Rgb) -> Rgb:
    return np.repeat(np.asarray(Image.fromarray(truth).convert("L"))[..., None], 3, axis=2)


def as_foggy(truth: Rgb) -> Rgb:
    """The truth, with orange clouds over whatever is there."""
    down, across = np.mgrid[:HEIGHT, :WIDTH] / 32.0
    clouds = 12.0 * (1.0 + np.sin(2 * np.pi * down) * np.sin(2 * np.pi * across))
    return with_chroma(truth, lambda chroma: chroma + clouds[..., None] * [0.5, 1.0])


@dataclass(frozen=True)
class Painted:
    rgb: Rgb
    confidence: npt.NDArray[np.uint8]


@dataclass
class Painter:
    """Stands for the product: it knows the truth of each gray photo, and paints what is made of it."""

    paint: Paint
    truths: dict[bytes, Rgb] = field(default_factory=dict)
    confidence: Callable[[Rgb], npt.NDArray[np.uint8]] = lambda truth: np.full(truth.shape[:2], 255, np.uint8)

    def load(self) -> Callable[[bytes], Painted]:
        return self.colorize

    def as_dict(self) -> dict[str, Any]:
        return {"paint": self.paint.__name__}

    def knowing(self, *truths: Rgb) -> "Painter":
        for truth in truths:
            self.truths[as_gray(truth)[..., 0].tobytes()] = truth
        return self

    def colorize(self, source: bytes) -> Painted:
        with Image.open(io.BytesIO(source)) as image:
            assert image.mode == "L"
            truth = self.truths[np.asarray(image).tobytes()]
        return Painted(self.paint(truth), self.confidence(truth))


@pytest.fixture
def photos() -> list[Rgb]:
    return [draw_photo(seed) for seed in range(4)]


@pytest.fixture
def photo_folder(tmp_path: Path, photos: list[Rgb]) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for place, photo in enumerate(photos):
        Image.fromarray(photo).save(folder / f"{place}.png")
    return folder


def evaluated(folder: Path, paint: Paint, truths: list[Rgb], **options: Any) -> PhotoEvaluation:
    with PhotoEvaluator(Painter(paint).knowing(*truths), jobs=1) as evaluator:
        return evaluator.evaluate(open_photos(str(folder)), **options)


def measured(truth: Rgb, paint: Paint, masks: dict[str, npt.NDArray[np.bool_]] | None = None) -> dict[str, Any]:
    sure = np.full(truth.shape[:2], 255, np.uint8)
    return measure_regions((as_gray(truth), paint(truth), truth), sure, masks or {})


def test_the_truth_is_without_error_and_has_no_fog(photo_folder: Path, photos: list[Rgb]) -> None:
    overall = evaluated(photo_folder, as_true, photos).overall
    assert overall.photos == 4
    assert overall.error_ratio == pytest.approx(0.0, abs=1e-6)
    assert overall.color_difference == pytest.approx(0.0, abs=1e-6)
    assert overall.accuracy == 1.0
    assert overall.colorfulness_ratio == pytest.approx(1.0)
    assert overall.stray_edges_ratio == pytest.approx(1.0)
    assert overall.patchiness_ratio == pytest.approx(1.0)
    assert overall.false_color_ratio == pytest.approx(1.0)
    assert overall.lightness_error == overall.red_error == overall.yellow_error == 0.0


def test_gray_has_the_error_of_gray_and_no_color(photo_folder: Path, photos: list[Rgb]) -> None:
    evaluation = evaluated(photo_folder, as_gray, photos)
    overall = evaluation.overall
    assert overall.error_ratio == pytest.approx(1.0, abs=1e-3)
    assert overall.colorfulness_ratio == 0.0
    assert overall.stray_edges_ratio == 0.0
    assert overall.patchiness_ratio == 0.0
    assert overall.false_color_ratio == pytest.approx(0.0, abs=0.01)
    assert overall.lightness_moved == pytest.approx(0.0, abs=1e-4)
    assert evaluation.frechet == pytest.approx(evaluation.gray_frechet)


def test_fog_is_caught_though_it_is_vivid(photo_folder: Path, photos: list[Rgb]) -> None:
    evaluation = evaluated(photo_folder, as_foggy, photos)
    overall = evaluation.overall
    assert overall.colorfulness_ratio > 1.0
    assert overall.stray_edges_ratio > 1.5
    assert overall.patchiness_ratio > 1.5
    assert overall.false_color_ratio > 3.0
    assert evaluation.frechet > 0.0
    assert overall.yellow_error > overall.red_error > 2.0


def test_a_pale_guess_is_neither_cleaner_nor_foggier(photos: list[Rgb]) -> None:
    scene = Scene.of(to_lab(photos[0]))
    everywhere = np.ones(scene.size, np.bool_)
    found = []
    for strength in (1.0, 0.3):
        lab = scene.seen(to_lab(as_foggy(photos[0]))) * np.float32([1.0, strength, strength])
        found.append(fog_values(scene, lab, everywhere))
    strong, pale = found
    assert pale["stray_edges"] == pytest.approx(strong["stray_edges"], rel=1e-4)
    assert pale["patchiness"] == pytest.approx(strong["patchiness"], rel=1e-4)
    assert pale["false_color"] == pytest.approx(0.3 * strong["false_color"], rel=1e-4)


def test_fog_is_found_where_it_lies(photos: list[Rgb]) -> None:
    def fog_on_the_wall(truth: Rgb) -> Rgb:
        return np.where(area("wall")[..., None], as_foggy(truth), truth)

    regions = measured(photos[1], fog_on_the_wall, {"wall": area("wall"), "coat": area("coat")})
    wall, coat = regions["wall"].values, regions["coat"].values
    assert wall["patchiness"] > 2.0 * wall["true_patchiness"]
    assert wall["false_color"] > wall["true_false_color"] + 5.0
    assert coat["chroma_error"] == 0.0
    assert np.isnan(coat["false_color"])


def test_color_that_bleeds_over_an_edge_strays(photos: list[Rgb]) -> None:
    """The coat's red reaches onto the lawn around it."""
    truth = photos[2]
    scene = Scene.of(to_lab(truth))
    lab = scene.seen(to_lab(truth))
    shifted = np.roll(lab, 12, axis=1)
    bled = np.concatenate([lab[..., :1], shifted[..., 1:]], axis=-1)
    everywhere = np.ones(scene.size, np.bool_)
    clean, found = fog_values(scene, lab, everywhere), fog_values(scene, bled, everywhere)
    assert found["stray_edges"] > 2.0 * clean["stray_edges"]
    assert found["patchiness"] > clean["patchiness"]


def test_measures_are_those_of_scikit_image(photos: list[Rgb]) -> None:
    truth = photos[3]
    foggy = as_foggy(truth)
    values = measured(truth, as_foggy)[WHOLE].values
    lab, true_lab, gray_lab = rgb2lab(foggy), rgb2lab(truth), rgb2lab(as_gray(truth))
    assert values["peak_signal_to_noise"] == pytest.approx(peak_signal_noise_ratio(truth, foggy), rel=1e-5)
    assert values["color_difference"] == pytest.approx(deltaE_ciede2000(true_lab, lab).mean(), rel=1e-3)
    assert values["chroma_error"] == pytest.approx(np.linalg.norm((lab - true_lab)[..., 1:], axis=-1).mean(), rel=1e-4)
    assert values["gray_chroma_error"] == pytest.approx(np.linalg.norm(true_lab[..., 1:], axis=-1).mean(), rel=1e-4)
    assert values["lightness_moved"] == pytest.approx(np.abs(lab - gray_lab)[..., 0].mean(), rel=1e-3)
    shift = (lab - true_lab).mean(axis=(0, 1))
    found = [values[name] for name in ("lightness_error", "red_error", "yellow_error")]
    assert found == pytest.approx(shift.tolist(), abs=1e-3)


def test_parts_add_up_to_the_whole(photos: list[Rgb]) -> None:
    coat = area("coat")
    regions = measured(photos[0], as_foggy, {"coat": coat, "rest": ~coat, "nothing": np.zeros_like(coat)})
    assert set(regions) == {WHOLE, "coat", "rest"}
    assert regions["coat"].share + regions["rest"].share == pytest.approx(1.0)
    for measure in ("chroma_error", "gray_chroma_error", "color_difference", "accuracy", "red_error"):
        total = sum(regions[name].share * regions[name].values[measure] for name in ("coat", "rest"))
        assert total == pytest.approx(regions[WHOLE].values[measure], rel=1e-4), measure


def test_confidence_that_tells_right_from_wrong(photo_folder: Path, photos: list[Rgb]) -> None:
    def fog_on_the_wall(truth: Rgb) -> Rgb:
        wall = area("wall")[..., None]
        return np.where(wall, (truth ^ np.uint8(128)), truth)

    def knows_it(truth: Rgb) -> npt.NDArray[np.uint8]:
        return np.where(area("wall"), 0, 255).astype(np.uint8)

    painter = Painter(fog_on_the_wall, confidence=knows_it).knowing(*photos)
    overall = PhotoEvaluator(painter, jobs=1).evaluate(open_photos(str(photo_folder))).overall
    assert overall.calibration_error == pytest.approx(0.0)
    assert overall.discrimination == 1.0


def test_photos_are_evaluated_whole_and_as_they_are_stored(photo_folder: Path, photos: list[Rgb]) -> None:
    seen: list[tuple[int, ...]] = []

    def paint(truth: Rgb) -> Rgb:
        seen.append(truth.shape)
        return truth

    told: list[tuple[int, int]] = []
    evaluated(photo_folder, paint, photos, progress=lambda *done: told.append(done))
    assert seen == [(HEIGHT, WIDTH, 3)] * 4
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_large_photos_are_colored_whole_and_measured_smaller(
    photo_folder: Path, photos: list[Rgb], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluated(photo_folder, as_foggy, photos).overall
    monkeypatch.setattr("photochrom.lab.evaluation._photo_measures._MEASURED_PIXELS", HEIGHT * WIDTH // 4)
    smaller = evaluated(photo_folder, as_foggy, photos).overall
    assert smaller.chroma_error == pytest.approx(whole.chroma_error, rel=0.03)
    assert smaller.chroma_error != whole.chroma_error


def test_what_cannot_be_used_is_told_and_left_out(photo_folder: Path, photos: list[Rgb]) -> None:
    (photo_folder / "broken.png").write_bytes(b"no picture")
    Image.fromarray(as_gray(photos[0])).save(photo_folder / "gray.png")
    evaluation = evaluated(photo_folder, as_true, photos)
    assert evaluation.overall.photos == 4
    broken, gray = evaluation.left_out
    assert "broken.png" in broken
    assert "gray.png: a gray photo" in gray


def test_a_folder_without_a_usable_photo_is_an_error(tmp_path: Path, photos: list[Rgb]) -> None:
    with pytest.raises(DataError, match="contains no photos"):
        open_photos(str(tmp_path))
    Image.fromarray(as_gray(photos[0])).save(tmp_path / "gray.png")
    with pytest.raises(DataError, match="all 1 photos are unusable"):
        evaluated(tmp_path, as_true, photos)


def test_names_alone_choose_the_photos(photo_folder: Path, photos: list[Rgb]) -> None:
    names = [f"{place}.png" for place in range(4)]
    first = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:2]
    chosen = open_photos(str(photo_folder), limit=2)
    assert [photo.name for photo in chosen.photos] == sorted(first)
    assert open_photos(str(photo_folder), limit=9).photos == open_photos(str(photo_folder)).photos
    evaluation = evaluated(photo_folder, as_true, photos, panels=2)
    assert [panel.name for panel in evaluation.panels] == sorted(first)
    gray, colored, true = evaluation.panels[0].pictures
    assert np.array_equal(colored, true)
    assert np.ptp(gray, axis=2).max() == 0


def test_a_folder_is_taken_whole_unless_it_has_splits(face_folder: Path) -> None:
    assert len(open_photos(str(face_folder / "train")).photos) == 24
    assert open_photos(str(face_folder / "train")).split == "all"
    assert (len(open_photos(str(face_folder)).photos), open_photos(str(face_folder)).split) == (8, "test")
    assert len(open_photos(str(face_folder), "train").photos) == 24


def test_sets_without_files_are_refused() -> None:
    with pytest.raises(ConfigError, match="synthetic: has no files of whole photos"):
        open_photos("synthetic")


def test_a_product_that_is_not_there_is_told_before_any_work() -> None:
    with pytest.raises(CheckpointError, match="no-such-model"):
        PhotoEvaluator(Product(model="no-such-model"))


def painted_part(truth: Rgb, tmp_path: Path, **about: Any) -> MeasuredPhoto:
    Image.fromarray(truth).save(tmp_path / "one.png")
    photo = PhotoFile(tmp_path / "one.png", "one.png", **about)
    return measure_photo(photo, Painter(as_foggy).knowing(truth).colorize, FeatureReader())


def test_masks_tell_the_parts(tmp_path: Path, photos: list[Rgb]) -> None:
    mask = tmp_path / "mask.png"
    Image.fromarray(area("coat").astype(np.uint8) * 3).save(mask)
    parts = ((0, "background"), (1, "skin"), (3, "clothes"))
    one = painted_part(photos[0], tmp_path, mask=mask, parts=parts)
    assert set(one.regions) == {WHOLE, "background", "clothes"}
    assert one.regions["clothes"].share == pytest.approx(area("coat").mean())
    Image.new("L", (5, 5)).save(mask)
    with pytest.raises(DataError, match=r"mask\.png: a mask of .* does not fit"):
        painted_part(photos[0], tmp_path, mask=mask, parts=parts)


def test_skin_tone_and_signed_errors_are_those_of_the_face(tmp_path: Path) -> None:
    truth = draw_photo(0)
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    face = (rows / 0.8) ** 2 + (columns / 0.6) ** 2 < 1.0
    truth[face] = (90, 56, 40)

    def whitened(one: Rgb) -> Rgb:
        lab = rgb2lab(one)
        lab[face, 0] += 10.0
        lab[face, 2] -= 8.0
        return np.asarray((lab2rgb(lab) * 255).round(), np.uint8)

    Image.fromarray(truth).save(tmp_path / "face.png")
    photo = PhotoFile(tmp_path / "face.png", "face.png", label="Black", has_face_in_the_middle=True)
    with PhotoEvaluator(Painter(whitened).knowing(truth), jobs=1) as evaluator:
        evaluation = evaluator.evaluate(PhotoSet("faces", "test", (photo,)))
    assert evaluation.by_skin_tone is not None
    assert evaluation.by_label is not None
    assert evaluation.by_part == {}
    ((tone, group),) = evaluation.by_skin_tone.groups.items()
    assert tone == "dark"
    assert group.skin is not None
    assert group.skin.lightness_error == pytest.approx(10.0, abs=0.5)
    assert group.skin.yellow_error == pytest.approx(-8.0, abs=0.7)
    assert group.whole.lightness_error < 5.0
    assert list(evaluation.by_label.groups) == ["Black"]
    titles = [table.title for table in photo_tables([evaluation])]
    assert "faces by skin tone, over the skin of the face" in titles


def test_collections_tell_parts_labels_and_faces() -> None:
    ccp, utkface = (entry(name) for name in ("ccp", "utkface_whole"))
    assert issubclass(ccp, PictureCollection)
    assert issubclass(utkface, PictureCollection)
    assert set(ccp.parts.values()) == {"background", "skin", "hair", "clothes"}
    assert not ccp.has_faces_in_the_middle
    assert utkface.has_faces_in_the_middle
    assert utkface().label(Path("30_0_3_20170104225726769.jpg.chip.jpg")) == "Indian"


def test_json_holds_a_record_for_each_set_and_product(photo_folder: Path, photos: list[Rgb], tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    foggy, gray = (evaluated(photo_folder, paint, photos) for paint in (as_foggy, as_gray))
    for evaluation in (foggy, gray, foggy):
        record_photo_evaluation(file, evaluation)
    records = read_photo_evaluations(file)
    assert [record["product"]["paint"] for record in records] == ["as_gray", "as_foggy"]
    overall = records[1]["overall"]
    assert overall["error_ratio"] == pytest.approx(foggy.overall.error_ratio)
    assert overall["calibration_error"] == pytest.approx(foggy.overall.calibration_error)
    assert records[1]["photos"] == photo_folder.as_posix()
    assert json.loads(file.read_text()) == records
    file.write_text('[{"model": "a network"}]')
    with pytest.raises(DataError, match="not a list of evaluations of this kind"):
        record_photo_evaluation(file, gray)


def test_tables_fit_a_terminal_and_show_every_set_and_part(photo_folder: Path, photos: list[Rgb]) -> None:
    evaluation = evaluated(photo_folder, as_true, photos)
    for table in photo_tables([evaluation, evaluation]):
        assert len(table.rows) == 2
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_processes_side_by_side_are_started_with_one_thread_each(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.delenv("VIPS_CONCURRENCY", raising=False)
    seen: list[str] = []

    class Pool:
        def map(self, _: object, tasks: list[Any]) -> list[str]:
            seen.extend(os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY"))
            return ["cannot be read"] * len(tasks)

        def shutdown(self, **_: object) -> None:
            pass

    with PhotoEvaluator(Painter(as_true), jobs=1) as evaluator:
        evaluator._pool = Pool()  # type: ignore[assignment]
        with pytest.raises(DataError, match="cannot be read"):
            evaluator.evaluate(open_photos(str(photo_folder)))
    assert seen == ["1", "1"]
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"
    assert "VIPS_CONCURRENCY" not in os.environ


def test_processes_are_as_many_as_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    with PhotoEvaluator(Painter(as_true)) as evaluator:
        assert evaluator._pool is None  # with one core, this process does the work


@pytest.mark.slow
def test_side_by_side_gives_what_one_after_the_other_gives(photo_folder: Path, tiny_network: Path) -> None:
    product = Product(str(tiny_network), face_model=None, vividness=1.5)
    found = []
    for jobs in (1, 2):
        with PhotoEvaluator(product, jobs) as evaluator:
            evaluation = evaluator.evaluate(open_photos(str(photo_folder), limit=3), panels=1)
        found.append({**evaluation.as_dict(), "seconds": 0})
        assert len(evaluation.panels) == 1
    assert found[0] == found[1]
    assert found[0]["product"]["vividness"] == 1.5
    assert found[0]["overall"]["colorfulness"] > 0.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_what_this_process_gives(photo_folder: Path, tiny_network: Path) -> None:
    pytest.importorskip("ray")
    product, chosen = Product(str(tiny_network), face_model=None), open_photos(str(photo_folder), limit=3)
    here = PhotoEvaluator(product, 1).evaluate(chosen, panels=1)
    with connected(""), PhotoEvaluator(product, 2, on_cluster=True) as evaluator:
        there = evaluator.evaluate(chosen, panels=1)
    assert {**there.as_dict(), "seconds": 0} == {**here.as_dict(), "seconds": 0}
