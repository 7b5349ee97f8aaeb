import numpy as np
import pytest
from scipy.linalg import sqrtm

from photochrom.lab.datasets._faces import draw_faces
from photochrom.lab.evaluation._frechet import FeatureReader, frechet_distance


def features(count: int, channels: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, channels)) @ random.normal(size=(channels, channels)) + random.normal(
        size=channels
    )


@pytest.mark.parametrize("count", [5, 40])
def test_the_distance_of_a_set_to_itself_is_none(count: int) -> None:
    one = features(count, 12, seed=0)
    assert frechet_distance(one, one) == pytest.approx(0.0, abs=1e-9)


def test_the_distance_is_that_of_the_formula() -> None:
    one, other = features(60, 8, seed=1), features(50, 8, seed=2)
    covariance, others = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(
        covariance + others - 2.0 * sqrtm(covariance @ others).real
    )
    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(other, one) == pytest.approx(expected)


def test_means_alone_count_by_their_distance() -> None:
    one = features(30, 4, seed=3)
    assert frechet_distance(one, one + np.array([3.0, 4.0, 0.0, 0.0])) == pytest.approx(25.0)


def test_one_picture_has_no_distribution() -> None:
    assert np.isnan(frechet_distance(features(1, 4, seed=0), features(9, 4, seed=0)))


def test_the_distance_of_pictures_grows_with_noise() -> None:
    reader, random = FeatureReader(), np.random.default_rng(0)
    faces = list(draw_faces(6, seed=1, size=48))
    true = reader.read(faces)
    assert true.shape == (6, 320)
    distances = []
    for deviation in (0, 10, 40):
        noisy = [np.clip(face + random.normal(0, deviation, face.shape), 0, 255).astype(np.uint8) for face in faces]
        distances.append(frechet_distance(reader.read(noisy), true))
    assert distances[0] == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < distances[1] < distances[2]


def test_color_is_seen() -> None:
    face = draw_faces(1, seed=2, size=48)[0]
    gray = np.repeat(face.mean(axis=2, keepdims=True).round().astype(np.uint8), 3, axis=2)
    in_color, without = FeatureReader().read([face, gray])
    assert np.abs(in_color - without).max() > 0.05
