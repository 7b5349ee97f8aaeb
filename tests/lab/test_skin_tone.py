import math

import numpy as np
import numpy.typing as npt
import pytest
import skimage.color

from photochrom.lab.skin_tone import NO_TONE, TONE_GROUPS, skin_mask, tone_group, typology_angle

Pictures = npt.NDArray[np.uint8]

# Skin as photographs show it, from light to dark, in sRGB.
SKINS = [(240, 205, 185), (224, 177, 140), (190, 136, 106), (150, 100, 75), (105, 66, 48), (60, 36, 27)]


def plain(*colors: tuple[int, int, int], size: int = 20) -> Pictures:
    """One picture of each color."""
    return np.array([np.full((size, size, 3), color) for color in colors], dtype=np.uint8)


def angle_of(color: tuple[int, int, int]) -> float:
    lightness, _, yellow = skimage.color.rgb2lab(np.array(color, dtype=np.uint8))
    return math.degrees(math.atan((lightness - 50.0) / yellow))


def test_skin_of_every_tone_is_seen_and_no_tone_more_than_another() -> None:
    masks = skin_mask(plain(*SKINS))
    assert masks.dtype == bool
    assert masks[:, 10, 10].all()
    assert len(set(masks.sum(axis=(1, 2)).tolist())) == 1


def test_only_the_middle_of_the_picture_is_looked_at() -> None:
    (mask,) = skin_mask(plain(SKINS[1], size=80))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (12, 67)
    assert (columns.min(), columns.max()) == (20, 59)
    assert mask.mean() == pytest.approx(math.pi / 4 * 0.7 * 0.5, abs=0.005)


@pytest.mark.parametrize("color", [(128, 128, 128), (0, 0, 0), (255, 255, 255), (60, 160, 60), (50, 80, 200)])
def test_what_skin_never_is_is_no_skin(color: tuple[int, int, int]) -> None:
    assert not skin_mask(plain(color)).any()


@pytest.mark.parametrize("color", [(200, 140, 115), (90, 60, 40), (128, 120, 118), (255, 100, 60)])
def test_range_is_that_of_the_paper_in_the_digital_levels_of_bt_601(color: tuple[int, int, int]) -> None:
    _, cb, cr = skimage.color.rgb2ycbcr(np.array(color, dtype=np.uint8))
    assert skin_mask(plain(color))[0, 10, 10] == (77 <= cb <= 127 and 133 <= cr <= 173)


def test_angle_is_the_formula() -> None:
    assert typology_angle(plain(*SKINS)) == pytest.approx([angle_of(color) for color in SKINS], abs=1e-3)


def test_lighter_skin_has_a_larger_angle() -> None:
    angles = typology_angle(plain(*SKINS)).tolist()
    assert angles == sorted(angles, reverse=True)
    assert tone_group(angles[0]) in ("very light", "light")
    assert tone_group(angles[-1]) == "dark"


def test_a_few_other_pixels_do_not_change_the_angle() -> None:
    face = plain(SKINS[2])
    face[0, 5:9, 7:13] = (255, 255, 255)
    face[0, 12, 8:12] = (20, 10, 10)
    assert typology_angle(face) == pytest.approx([angle_of(SKINS[2])], abs=1e-3)


def test_each_angle_belongs_to_its_picture() -> None:
    order = [3, 0, 5, 1, 4, 2]
    assert typology_angle(plain(*SKINS)[order]).tolist() == typology_angle(plain(*SKINS))[order].tolist()


def test_too_little_skin_has_no_angle() -> None:
    face = plain((128, 128, 128), SKINS[0], (128, 128, 128))
    face[2, 9:11, 9:11] = SKINS[0]
    assert np.isnan(typology_angle(face)).tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("angle", "group"),
    [
        (90.0, "very light"),
        (55.1, "very light"),
        (55.0, "light"),
        (41.0, "intermediate"),
        (28.0, "tan"),
        (10.0, "brown"),
        (-29.9, "brown"),
        (-30.0, "dark"),
        (-89.0, "dark"),
        (math.nan, NO_TONE),
    ],
)
def test_groups_have_the_limits_of_the_paper(angle: float, group: str) -> None:
    assert tone_group(angle) == group


def test_groups_are_named_from_light_to_dark() -> None:
    found = [tone_group(float(angle)) for angle in range(90, -91, -1)]
    assert tuple(dict.fromkeys(found)) == TONE_GROUPS
