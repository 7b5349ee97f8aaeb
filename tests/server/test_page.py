"""The page, as a browser shows it."""

import base64
import contextlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="a browser is driven with playwright: install it")

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: install Debian's package"),
]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

# A picture that is replaced while it is decoded rejects, and its successor is read instead.
_PIXELS = """async (image) => {
  for (let tries = 0; tries < 100; tries++) {
    const decoded = await image.decode().then(() => true, () => false);
    if (decoded) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const size = { width: image.naturalWidth, height: image.naturalHeight };
  const canvas = Object.assign(document.createElement("canvas"), size);
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}"""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Where a page is served meanwhile."""
    command = [sys.executable, str(Path(__file__).with_name("page_server.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps photos."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where the page is served."""
    with serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(address: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens the page in a fresh browser window; no window may have asked another host, or met a refusal by its CSP."""
    contexts, hosts, faults = [], set(), []

    def open_window(**options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: hosts.add(urlsplit(request.url)[:2]))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.extend([message.text] * ("Security Policy" in message.text)))
        page.goto(address)
        page.locator("body[data-state=ready]").wait_for()
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert {host for host in hosts if host[0] not in ("data", "blob")} == {urlsplit(address)[:2]}
    assert faults == []


@pytest.fixture
def page(open_page: Callable[..., Any]) -> Any:
    return open_page()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Gray photos of three sizes, the first with words in its EXIF."""
    exif = Image.Exif()
    exif[0x010E] = "Grandmother, 1931"
    ramp = np.linspace(40, 220, 120).astype(np.uint8)
    paths = []
    for name, (width, height) in {"a.jpg": (120, 90), "b.png": (80, 100), "c.jpg": (96, 96)}.items():
        path = tmp_path / name
        Image.fromarray(np.broadcast_to(ramp[:width], (height, width)).copy()).save(path, exif=exif, quality=95)
        paths.append(path)
    return paths


def give(page: Any, *paths: Path) -> None:
    """Give photos to the page, and wait until all are dealt with."""
    field = "#drop input" if page.locator("#drop").is_visible() else "#add"
    page.set_input_files(field, [str(path) for path in paths])
    page.locator("#after[src], #in-color:visible, #trouble:visible").first.wait_for(state="attached")
    sync_api.expect(page.locator("#progress")).to_be_hidden(timeout=60_000)


def fetch(image: Any) -> np.ndarray:
    """What the browser shows in an `img`."""
    sync_api.expect(image).to_have_attribute("src", re.compile("blob:"))
    content = base64.b64decode(image.evaluate(_PIXELS))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=np.int16)


def colored(page: Any) -> Any:
    return page.locator("#after")


def calls(page: Any) -> list[Any]:
    """For a photo of which size, by which model and how many guesses the network was asked."""
    return list(page.request.get(f"{page.url}calls").json())


def shown_anew(page: Any, act: Callable[[], Any]) -> np.ndarray:
    """What is shown in color after something was done that changes it."""
    source = colored(page).get_attribute("src")
    act()
    sync_api.expect(colored(page)).not_to_have_attribute("src", source)
    return fetch(colored(page))


def wait_until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until something holds that the browser has no event for.

    Raises:
        AssertionError: It does not hold after 10 seconds.
    """
    for _ in range(100):
        if holds():
            return
        page.wait_for_timeout(100)
    pytest.fail("it did not happen within 10 seconds")


def show(page: Any, view: str) -> None:
    page.locator("#views label", has_text=view).click()


def chroma_of(rgb: np.ndarray) -> float:
    """How far the most colorful place is from gray, in levels."""
    return float((rgb.max(axis=2) - rgb.min(axis=2)).max())


def test_photo_is_shown_in_gray_beside_its_colors(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    before, after = (fetch(page.locator(image)) for image in ("#before", "#after"))
    assert before.shape == after.shape == (90, 120, 3)
    assert chroma_of(before) == 0
    assert chroma_of(after) > 20
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")
    sync_api.expect(page.locator("#caption")).to_contain_text("120 × 90 · JPEG · 1 face")
    sync_api.expect(page.locator("#drop")).to_be_hidden()
    sync_api.expect(page.locator("#strip")).to_be_hidden()


def test_gray_and_color_are_divided_by_mouse_and_keyboard(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    box = page.locator("#frame").bounding_box()
    page.locator("#frame").click(position={"x": box["width"] / 4, "y": box["height"] / 2})
    assert page.locator("#frame").evaluate("frame => parseFloat(frame.style.getPropertyValue('--divide'))") == (
        pytest.approx(25, abs=1)
    )
    page.locator("#divide").press("End")
    assert page.locator("#before").evaluate("image => getComputedStyle(image).clipPath") == "inset(0px 0% 0px 0px)"


def test_strength_is_changed_by_the_keyboard_without_the_network(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    asked = calls(page)
    gray = shown_anew(page, lambda: page.locator("#strength").press("Home"))
    assert chroma_of(gray) == 0
    assert calls(page) == asked


def test_last_place_of_a_slider_is_the_one_that_is_shown(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    with page.expect_response(lambda answer: "strength=0&" in answer.url):
        page.locator("#strength").evaluate(
            """slider => {
              for (let value = 99; value >= 0; value--) {
                slider.value = value;
                slider.dispatchEvent(new Event("input", { bubbles: true }));
              }
            }"""
        )
    sync_api.expect(page.locator("#panel output").first).to_have_text("0 %")
    wait_until(page, lambda: chroma_of(fetch(colored(page))) == 0)


def test_vividness_makes_colors_stronger(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    before = fetch(colored(page))
    vivid = shown_anew(page, lambda: page.locator("#vividness").press("End"))
    assert chroma_of(vivid) > chroma_of(before) + 10


def test_another_guess_is_taken_from_its_thumbnail(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    asked = calls(page)
    sync_api.expect(page.locator("#guesses img[src]")).to_have_count(4)
    cooler = shown_anew(page, lambda: page.locator("#guesses label").nth(2).click())
    assert cooler[..., 2].mean() > cooler[..., 0].mean()
    assert calls(page) == asked


def test_another_model_colors_the_photo_anew(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.locator("#panel summary").click()
    other = shown_anew(page, lambda: page.locator("#model").select_option("scene-open"))
    assert other[..., 2].mean() > other[..., 0].mean()
    assert calls(page)[-1][0] == "scene-open"


def test_card_of_a_model_is_shown(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.locator("#panel summary").click()
    page.locator("#about").click()
    sync_api.expect(page.locator("#card h1")).to_have_text("scene")
    page.keyboard.press("Escape")
    sync_api.expect(page.locator("#card")).to_be_hidden()


def test_clicked_place_takes_the_color_until_it_is_undone(page: Any, photos: list[Path]) -> None:
    give(page, photos[1])  # taller than wide
    show(page, "Set colors")
    before = fetch(colored(page))
    page.locator("#swatches label", has_text="Navy").click()
    box = page.locator("#frame").bounding_box()
    place = {"x": box["width"] / 2, "y": box["height"] / 2}
    hinted = shown_anew(page, lambda: page.locator("#frame").click(position=place))
    assert hinted[50, 40, 2] > hinted[50, 40, 0]
    assert before[50, 40, 2] < before[50, 40, 0]
    sync_api.expect(page.locator(".dot")).to_have_css("background-color", "rgb(43, 58, 103)")
    undone = shown_anew(page, page.locator("#undo").click)
    assert np.array_equal(undone, before)
    sync_api.expect(page.locator(".dot")).to_have_count(0)
    redone = shown_anew(page, page.locator("#redo").click)
    assert np.array_equal(redone, hinted)
    cleared = shown_anew(page, page.locator("#clear").click)
    assert np.array_equal(cleared, before)
    sync_api.expect(page.locator("#undo")).to_be_disabled()
    assert np.array_equal(shown_anew(page, page.locator("#redo").click), hinted)


def test_new_color_ends_what_can_be_redone(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    shown_anew(page, lambda: page.locator("#frame").click(position={"x": 50, "y": 50}))
    shown_anew(page, lambda: page.keyboard.press("Control+z"))
    sync_api.expect(page.locator("#redo")).to_be_enabled()
    shown_anew(page, lambda: page.locator("#frame").click(position={"x": 90, "y": 50}))
    sync_api.expect(page.locator("#redo")).to_be_disabled()


def hold_first(page: Any, address: str) -> list[Any]:
    """Hold back the first request to an address; it stands in the list, and goes on by its `continue_`."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(address, hold)
    return held


def stored_hints(page: Any) -> list[Any]:
    """The hints that the server has of the photo that was shown last."""
    entries = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    *_, last = (name.partition("?")[0] for name in entries if "/picture?" in name)
    return list(page.request.get(last.replace("/picture", "/hints")).json())


def test_quick_clicks_are_all_kept_while_the_server_is_slow(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    held = hold_first(page, "**/hints?*")
    for place in (50, 100, 150):
        page.locator("#frame").click(position={"x": place, "y": 50})
    sync_api.expect(page.locator(".dot")).to_have_count(3)
    page.locator("#undo").click()
    sync_api.expect(page.locator(".dot")).to_have_count(2)
    page.locator("#redo").click()
    wait_until(page, lambda: bool(held))
    held[0].continue_()
    wait_until(page, lambda: len(stored_hints(page)) == 3)
    sync_api.expect(page.locator(".dot")).to_have_count(3)


def test_color_that_the_server_refuses_is_taken_back(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    shown_anew(page, lambda: page.locator("#frame").click(position={"x": 50, "y": 50}))
    page.route("**/hints?*", lambda route: route.abort())
    page.locator("#frame").click(position={"x": 90, "y": 50})
    sync_api.expect(page.locator("#trouble")).to_contain_text("The server cannot be reached")
    sync_api.expect(page.locator(".dot")).to_have_count(1)


def test_color_is_set_by_the_keyboard_too(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    page.locator("#history summary").click()
    page.locator("#typed input").fill("60,45,#2b3a67")
    hinted = shown_anew(page, lambda: page.locator("#typed input").press("Enter"))
    assert hinted[45, 60, 2] > hinted[45, 60, 0]


@pytest.mark.parametrize(
    ("typed", "told"), [("500,45,#2b3a67", "500,45 lies outside the photo"), ("navy", "Write it like 120,80,#7a4b2c")]
)
def test_color_that_fits_nowhere_is_told(page: Any, photos: list[Path], typed: str, told: str) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    page.locator("#history summary").click()
    page.locator("#typed input").fill(typed)
    page.locator("#typed input").press("Enter")
    sync_api.expect(page.locator("#trouble")).to_contain_text(told)
    sync_api.expect(page.locator("#undo")).to_be_disabled()


def test_faces_are_outlined_on_request(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    sync_api.expect(page.locator(".face")).to_have_count(0)
    page.locator("#outline").check()
    frame, face = (page.locator(each).bounding_box() for each in ("#frame", ".face"))
    assert face["x"] - frame["x"] == pytest.approx(frame["width"] / 4, abs=1)
    assert face["y"] - frame["y"] == pytest.approx(frame["height"] / 4, abs=1)
    assert (face["width"], face["height"]) == pytest.approx((frame["width"] / 2, frame["height"] / 2), abs=1)


def enlarge(page: Any, *, is_large: bool = True) -> None:
    """Show the photo in full screen, or no longer."""
    page.locator("#enlarge").click()
    page.wait_for_function(f"Boolean(document.fullscreenElement) === {str(is_large).lower()}")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def place_of_pixel(page: Any, x: float, y: float) -> tuple[float, float]:
    """Where on the screen a pixel of the open photo is, which is shown whole in the middle of its element."""
    box = colored(page).bounding_box()
    width, height = colored(page).evaluate("image => [image.naturalWidth, image.naturalHeight]")
    scale = min(box["width"] / width, box["height"] / height)
    left = box["x"] + (box["width"] - width * scale) / 2
    top = box["y"] + (box["height"] - height * scale) / 2
    return left + x * scale, top + y * scale


def middle_of(page: Any, selector: str) -> tuple[float, float]:
    box = page.locator(selector).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_color_is_set_where_the_photo_is_clicked_in_full_screen(page: Any, photos: list[Path]) -> None:
    give(page, photos[1])  # taller than wide: there is room beside it
    show(page, "Set colors")
    enlarge(page)
    page.locator("#swatches label", has_text="Navy").click()
    shown_anew(page, lambda: page.mouse.click(*place_of_pixel(page, 20, 70)))
    (hint,) = stored_hints(page)
    assert (hint["x"], hint["y"], hint["color"]) == (pytest.approx(20, abs=0.5), pytest.approx(70, abs=0.5), "#2b3a67")
    assert middle_of(page, ".dot") == pytest.approx(place_of_pixel(page, 20, 70), abs=1)
    left, _ = place_of_pixel(page, 0, 0)
    page.mouse.click(left / 2, middle_of(page, "#frame")[1])
    shown_anew(page, page.locator("#undo").click)
    sync_api.expect(page.locator(".dot")).to_have_count(0)
    enlarge(page, is_large=False)
    page.locator("#redo").click()
    assert middle_of(page, ".dot") == pytest.approx(place_of_pixel(page, 20, 70), abs=1)


def test_faces_are_outlined_in_full_screen_too(page: Any, photos: list[Path]) -> None:
    give(page, photos[1])
    page.locator("#outline").check()
    enlarge(page)
    assert middle_of(page, ".face") == pytest.approx(place_of_pixel(page, 40, 50), abs=1)
    face = page.locator(".face").bounding_box()
    assert (face["x"], face["y"]) == pytest.approx(place_of_pixel(page, 20, 25), abs=1)


def test_photo_is_as_sharp_in_full_screen_as_it_can_be(open_page: Callable[..., Any], tmp_path: Path) -> None:
    Image.new("L", (1500, 900), 120).save(tmp_path / "wide.jpg")
    page = open_page(viewport={"width": 1280, "height": 800})
    give(page, tmp_path / "wide.jpg")
    assert fetch(colored(page)).shape[1] < 1000
    assert shown_anew(page, lambda: enlarge(page)).shape[1] >= 1200


def test_certainty_is_shown(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    sync_api.expect(page.locator("#sure")).to_be_hidden()
    show(page, "How sure")
    sync_api.expect(page.locator("#before")).to_be_hidden()
    assert fetch(page.locator("#sure")).shape == (90, 120, 3)


def test_saved_photo_is_such_a_file_as_came(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "a-color.jpg"
    with Image.open(download.value.path()) as saved:
        assert (saved.format, saved.size) == ("JPEG", (120, 90))
        assert saved.getexif()[0x010E] == "Grandmother, 1931"
        assert chroma_of(np.asarray(saved.convert("RGB"), np.int16)) > 20


def test_saved_photo_looks_as_it_is_shown(page: Any, photos: list[Path]) -> None:
    give(page, photos[1])
    shown_anew(page, lambda: page.locator("#guesses label").nth(3).click())
    shown = shown_anew(page, lambda: page.locator("#strength").fill("50"))
    with page.expect_download() as download:
        page.locator("#save").click()
    with Image.open(download.value.path()) as saved:
        assert np.abs(np.asarray(saved, np.int16) - shown).mean() < 3


def test_gray_and_color_are_saved_side_by_side(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    with page.expect_download() as download:
        page.locator("#save-pair").click()
    assert download.value.suggested_filename == "a-color-compare.jpg"
    with Image.open(download.value.path()) as saved:
        assert saved.size == (240, 90)


def test_all_photos_are_saved_as_one_archive(page: Any, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    namesake = Path(shutil.copy(photos[0], tmp_path / "again"))
    give(page, *photos)
    give(page, namesake)
    sync_api.expect(page.locator("#strip li")).to_have_count(4)
    with page.expect_download() as download:
        page.locator("#save-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["a-color.jpg", "b-color.png", "c-color.jpg", "a-color-2.jpg"]
        sizes = [Image.open(archive.open(name)).size for name in archive.namelist()]
    assert sizes == [(120, 90), (80, 100), (96, 96), (120, 90)]


def test_photo_of_many_keeps_what_was_chosen_for_it(page: Any, photos: list[Path]) -> None:
    give(page, *photos)
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")
    page.locator("#strength").press("Home")
    wait_until(page, lambda: np.ptp(fetch(colored(page)), axis=2).max() <= 2)
    gray = fetch(colored(page))
    shown_anew(page, lambda: page.locator("#strip .thumbnail").nth(1).click())
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")
    sync_api.expect(page.locator("#strength")).to_have_value("100")
    again = shown_anew(page, lambda: page.locator("#strip .thumbnail").nth(0).click())
    assert np.array_equal(again, gray)
    sync_api.expect(page.locator("#strength")).to_have_value("0")


def bluer(image: Any) -> bool:
    """Whether there is more blue than red in what an `img` shows."""
    pixels = fetch(image)
    return bool(pixels[..., 2].mean() > pixels[..., 0].mean())


def test_thumbnail_on_the_shelf_looks_like_the_photo(page: Any, photos: list[Path]) -> None:
    give(page, *photos[:2])
    thumbnail = page.locator("#strip img").first
    assert not bluer(thumbnail)
    shown_anew(page, lambda: page.locator("#guesses label").nth(2).click())  # the cooler one
    wait_until(page, lambda: bluer(thumbnail))
    shown_anew(page, lambda: page.locator("#guesses label").nth(0).click())
    wait_until(page, lambda: not bluer(thumbnail))
    show(page, "Set colors")
    page.locator("#swatches label", has_text="Navy").click()
    before, other = fetch(thumbnail), fetch(page.locator("#strip img").nth(1))
    page.locator("#frame").click(position={"x": 50, "y": 50})
    wait_until(page, lambda: not np.array_equal(fetch(thumbnail), before))
    page.locator("#clear").click()
    wait_until(page, lambda: np.array_equal(fetch(thumbnail), before))
    assert np.array_equal(fetch(page.locator("#strip img").nth(1)), other)
    page.locator("#panel summary").click()
    page.locator("#model").select_option("scene-open")
    wait_until(page, lambda: bluer(thumbnail))


def test_guesses_have_the_colors_that_are_set(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    likeliest = page.locator("#guesses img").first
    before = fetch(likeliest)
    show(page, "Set colors")
    page.locator("#swatches label", has_text="Navy").click()
    page.locator("#frame").click(position={"x": 50, "y": 50})
    wait_until(page, lambda: not np.array_equal(fetch(likeliest), before))
    page.locator("#undo").click()
    wait_until(page, lambda: np.array_equal(fetch(likeliest), before))


def held_behind_others(page: Any, photos: list[Path]) -> Any:
    """The request that sends the first photo, which waits while the two others are ready."""
    held = hold_first(page, "**/api/v1/photos?*")
    page.set_input_files("#drop input", [str(path) for path in photos])
    wait_until(page, lambda: bool(held))
    sync_api.expect(page.locator("#strip :enabled.thumbnail")).to_have_count(2)
    return held[0]


def test_first_photo_that_was_added_is_opened_even_if_another_is_ready_before(page: Any, photos: list[Path]) -> None:
    held = held_behind_others(page, photos)
    held.continue_()
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")


def test_second_photo_is_opened_if_the_first_is_none(page: Any, photos: list[Path]) -> None:
    held = held_behind_others(page, photos)
    held.abort()
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")


def test_file_that_is_no_photo_is_told_in_plain_words(page: Any, photos: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("Dear diary")
    give(page, text, photos[0])
    sync_api.expect(page.locator("#trouble")).to_contain_text("notes.jpg: not a photo that can be read")
    assert str(Path("/")) not in page.locator("#trouble").inner_text()
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")


def test_photo_in_color_is_left_alone_until_asked(page: Any, tmp_path: Path, color_photo: bytes) -> None:
    (tmp_path / "flag.png").write_bytes(color_photo)
    give(page, tmp_path / "flag.png")
    sync_api.expect(page.locator("#in-color")).to_contain_text("flag.png is in color already")
    sync_api.expect(page.locator("#bench")).to_be_hidden()
    page.locator("#in-color button").click()
    sync_api.expect(page.locator("#frame")).to_be_visible()
    sync_api.expect(page.locator("#in-color")).to_be_hidden()
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "flag-color.png"


def test_photo_that_is_left_alone_is_shown_in_its_own_colors(page: Any, tmp_path: Path, color_photo: bytes) -> None:
    (tmp_path / "flag.png").write_bytes(color_photo)
    give(page, tmp_path / "flag.png")
    own = np.asarray(Image.open(io.BytesIO(color_photo)).convert("RGB"), np.int16)
    assert np.array_equal(fetch(page.locator("#in-color img")), own)
    assert np.array_equal(fetch(page.locator("#strip img")), own)


def test_photo_that_no_browser_can_show_is_left_alone_in_gray(page: Any, tmp_path: Path, color_photo: bytes) -> None:
    Image.open(io.BytesIO(color_photo)).save(tmp_path / "flag.tif")
    give(page, tmp_path / "flag.tif")
    assert chroma_of(fetch(page.locator("#in-color img"))) == 0
    assert chroma_of(fetch(page.locator("#strip img"))) == 0


def test_archive_tells_how_many_photos_it_leaves_out(
    page: Any, photos: list[Path], tmp_path: Path, color_photo: bytes
) -> None:
    (tmp_path / "flag.png").write_bytes(color_photo)
    give(page, tmp_path / "flag.png", photos[0])
    with page.expect_download() as download:
        page.locator("#save-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["a-color.jpg"]
    sync_api.expect(page.locator("#trouble li")).to_have_text(
        "1 photo is in color already: it was left as it is, and is not in the ZIP."
    )


@pytest.mark.parametrize(
    "hand_over",
    [
        'document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }))',
        'document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }))',
        'document.querySelector("#drop").dispatchEvent('
        'new DragEvent("drop", { dataTransfer: transfer, bubbles: true }))',
    ],
    ids=["pasted", "dropped on the page", "dropped on the field"],
)
def test_handed_over_picture_is_colored(page: Any, hand_over: str) -> None:
    page.evaluate(
        """async () => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 50, height: 40 });
          canvas.getContext("2d").fillStyle = "#777";
          canvas.getContext("2d").fillRect(0, 0, 50, 40);
          const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], "image.png", { type: "image/png" }));
          HAND_OVER;
        }""".replace("HAND_OVER", hand_over)
    )
    sync_api.expect(page.locator("#caption")).to_contain_text("50 × 40")


def drop(page: Any, *paths: Path) -> None:
    """Drop files and folders on the page, as from a file manager."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


def test_photos_in_a_dropped_folder_are_colored(page: Any, photos: list[Path], tmp_path: Path) -> None:
    album = tmp_path / "album"
    (album / "1931/.cache").mkdir(parents=True)
    for number, name in enumerate(("2.jpg", "10.jpg", "1931/3.jpg", ".hidden.jpg", "1931/.cache/4.jpg")):
        shutil.copy(photos[number % 2 * 2], album / name)
    (album / "notes.txt").write_text("Dear diary")
    drop(page, photos[1], album)
    sync_api.expect(page.locator("#strip li")).to_have_count(4)
    assert page.locator("#strip .thumbnail").all_inner_texts() == ["b.png", "2.jpg", "10.jpg", "3.jpg"]
    sync_api.expect(page.locator("#trouble")).to_be_hidden()


def test_folder_without_photos_is_told(page: Any, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters/notes.txt").write_text("Dear diary")
    drop(page, tmp_path / "letters")
    sync_api.expect(page.locator("#trouble li")).to_have_text("letters: no photo was found in this folder")


def test_file_that_cannot_be_read_is_told_as_that(page: Any, photos: list[Path]) -> None:
    page.set_input_files("#drop input", str(photos[0]))
    sync_api.expect(colored(page)).to_have_attribute("src", re.compile("blob:"))
    held = hold_first(page, "**/api/v1/photos?*")
    page.set_input_files("#add", [str(path) for path in photos[1:]])
    wait_until(page, lambda: bool(held))
    photos[1].unlink()
    held[0].abort()
    sync_api.expect(page.locator("#trouble li")).to_have_text(
        "b.png: cannot be read; is it still there, and is it a file?"
    )


def test_file_that_is_too_large_is_told_before_it_is_sent(page: Any, photos: list[Path], tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(photos[0].read_bytes() + bytes(1_000_000))
    asked = calls(page)
    give(page, large, photos[1])
    sync_api.expect(page.locator("#trouble li")).to_have_text(
        "large.jpg: larger than 1 MB, the most that is taken; make it smaller"
    )
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")
    assert [size for _, size, _ in calls(page)[len(asked) :]] == [[80, 100]]


def kept(folder: Path) -> set[str]:
    """The folders of photos that a server keeps."""
    return {path.name for path in (folder / "kept-photos").iterdir()}


def test_starting_over_deletes_the_photos(page: Any, photos: list[Path], folder: Path) -> None:
    before = kept(folder)
    give(page, photos[0])
    assert len(kept(folder) - before) == 1
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("#start-over").click()
    sync_api.expect(page.locator("#drop")).to_be_visible()
    assert kept(folder) <= before


def test_one_photo_alone_is_removed(page: Any, photos: list[Path], folder: Path) -> None:
    before = kept(folder)
    give(page, *photos)
    page.locator("#strip .thumbnail").nth(1).click()
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")
    sync_api.expect(page.locator("#guesses img[src]")).to_have_count(4)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Remove b.png").press("Enter")
    sync_api.expect(page.locator("#strip li")).to_have_text([re.compile("a.jpg"), re.compile("c.jpg")])
    sync_api.expect(page.locator("#caption")).to_contain_text("c.jpg")
    assert page.evaluate("document.activeElement.title") == "c.jpg"
    page.get_by_role("button", name="Remove a.jpg").click()
    sync_api.expect(page.locator("#strip")).to_be_hidden()
    sync_api.expect(page.locator("#caption")).to_contain_text("c.jpg")
    wait_until(page, lambda: len(kept(folder) - before) == 1)
    sync_api.expect(page.locator("#trouble")).to_be_hidden()


def asked_when(page: Any, act: Callable[[], Any], *, answer: bool = False) -> list[str]:
    """What kinds of questions the page asks when something is done; each is answered alike."""
    kinds: list[str] = []

    def reply(dialog: Any) -> None:
        kinds.append(dialog.type)
        if answer:
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", reply)
    act()
    page.wait_for_function("true")  # what was asked meanwhile is known
    page.remove_listener("dialog", reply)
    return kinds


def leave(page: Any) -> None:
    """Leave the page, unless it asks and is told not to."""
    with contextlib.suppress(sync_api.Error):
        page.goto("about:blank")


def test_choice_that_is_not_saved_is_not_lost_without_a_question(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    shown_anew(page, lambda: page.locator("#strength").press("Home"))
    assert asked_when(page, page.locator("#start-over").click) == ["confirm"]
    assert asked_when(page, lambda: leave(page)) == ["beforeunload"]
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")
    with page.expect_download():
        page.locator("#save").click()
    sync_api.expect(page.locator("#progress")).to_be_hidden()
    assert asked_when(page, lambda: leave(page)) == []
    assert page.url == "about:blank"


def test_photo_as_it_was_guessed_first_is_left_without_a_question(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.locator("#views").click()
    assert asked_when(page, page.locator("#start-over").click) == []
    sync_api.expect(page.locator("#drop")).to_be_visible()


def test_several_photos_are_asked_for_until_they_are_saved(page: Any, photos: list[Path]) -> None:
    give(page, *photos)
    assert asked_when(page, page.locator("#start-over").click) == ["confirm"]
    with page.expect_download():
        page.locator("#save-all").click()
    sync_api.expect(page.locator("#progress")).to_be_hidden()
    page.locator("#strip .thumbnail").nth(1).click()
    sync_api.expect(page.locator("#guesses img[src]")).to_have_count(4)
    show(page, "Set colors")
    shown_anew(page, lambda: page.locator("#frame").click(position={"x": 50, "y": 50}))
    assert asked_when(page, page.get_by_role("button", name="Remove b.png").click) == ["confirm"]
    assert asked_when(page, page.locator("#start-over").click, answer=True) == ["confirm"]
    sync_api.expect(page.locator("#drop")).to_be_visible()


def test_links_leave_the_photos_where_they_are(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    with page.expect_popup() as popup:
        page.locator("footer a").click()
    sync_api.expect(popup.value.locator("#docs")).to_be_attached()
    sync_api.expect(page.locator("#caption")).to_contain_text("a.jpg")


def test_closing_the_page_deletes_the_photos(open_page: Callable[..., Any], photos: list[Path], folder: Path) -> None:
    other, page = open_page(), open_page()
    before = kept(folder)
    give(page, photos[0])
    own = kept(folder) - before
    assert len(own) == 1
    page.close(run_before_unload=True)
    page.context.close()
    while kept(folder) & own:
        assert other.request.get(f"{other.url}healthz").status == 200


def test_photo_that_the_server_forgot_is_sent_again(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    hinted = shown_anew(page, lambda: page.locator("#frame").click(position={"x": 50, "y": 50}))
    entries = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    (photo,) = {
        name.partition("?")[0].removesuffix("/picture")
        for name in entries
        if name.partition("?")[0].endswith("/picture")
    }
    assert page.request.delete(photo).status == 204
    shown_anew(page, lambda: page.locator("#strength").press("Home"))
    again = shown_anew(page, lambda: page.locator("#strength").press("End"))
    assert np.array_equal(again, hinted)
    sync_api.expect(page.locator("#trouble")).to_be_hidden()


def test_server_that_cannot_be_reached_is_told(page: Any, photos: list[Path]) -> None:
    page.route("**/api/v1/photos?*", lambda route: route.abort())
    give(page, photos[0])
    sync_api.expect(page.locator("#trouble")).to_contain_text("The server cannot be reached")


def test_no_file_but_the_pages_own_can_be_fetched(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    for path in ("../app.py", "..%2fapp.py", "/etc/passwd", "%2fetc%2fpasswd", "api/v1/photos", "samples/..%2f..%2fx"):
        assert page.request.get(f"{page.url}{path}").status in (404, 405)


def test_ended_server_leaves_no_photo_behind(browser: Any, photos: list[Path], tmp_path: Path) -> None:
    with serving(tmp_path / "data") as address:
        page = browser.new_page()
        page.goto(address)
        give(page, photos[0])
        assert len(kept(tmp_path / "data")) == 1
        page.route("**/*", lambda route: route.abort())  # its last wish must not be what deletes the photo
        page.close()
    assert not (tmp_path / "data/kept-photos").exists()


def test_first_page_is_light(browser: Any, address: str) -> None:
    page = browser.new_page()
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(address)
    page.locator("body[data-state=ready]").wait_for()
    assert len(answers) <= 12
    assert sum(len(answer.body()) for answer in answers) <= 200_000
    page.close()


def test_documentation_of_the_api_is_drawn_within_the_policy(open_page: Callable[..., Any], address: str) -> None:
    page = open_page()
    page.goto(f"{address}docs")
    sync_api.expect(page.locator(".opblock").first).to_be_visible()


def test_page_is_dark_where_the_system_is(open_page: Callable[..., Any]) -> None:
    page = open_page(color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(24, 21, 18)"


def test_page_fits_a_phone(open_page: Callable[..., Any], photos: list[Path]) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    widths = [page.evaluate("document.documentElement.scrollWidth")]
    give(page, *photos)
    for view in ("Compare", "Set colors", "How sure"):
        show(page, view)
        widths.append(page.evaluate("document.documentElement.scrollWidth"))
    assert widths == [390] * 4


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_photo_from_the_shelf_comes_into_view(open_page: Callable[..., Any], photos: list[Path], motion: str) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion=motion)
    give(page, *photos)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    place = page.locator("#frame").bounding_box()
    assert place["y"] < 0
    page.locator("#strip .thumbnail").nth(1).tap()

    def is_in_view() -> bool:
        box = page.locator("#frame").bounding_box()
        return box["y"] >= 0 and box["y"] + box["height"] <= 844

    assert motion == "no-preference" or is_in_view()
    wait_until(page, is_in_view)
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")
    sync_api.expect(page.locator("#caption")).to_be_in_viewport()


def test_page_stays_where_it_is_while_the_photo_is_in_view(open_page: Callable[..., Any], photos: list[Path]) -> None:
    page = open_page(viewport={"width": 1280, "height": 700}, reduced_motion="reduce")
    give(page, *photos)
    page.evaluate("window.scrollTo(0, 20)")
    page.locator("#strip .thumbnail").nth(1).evaluate("button => button.click()")
    sync_api.expect(page.locator("#caption")).to_contain_text("b.png")
    assert page.evaluate("window.scrollY") == 20
