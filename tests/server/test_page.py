"""The page, as a browser shows it."""

import importlib.util
import io
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
    pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="the page is Gradio's: install it"),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: install Debian's package"),
]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@contextmanager
def serving() -> Iterator[str]:
    """Where a page is served meanwhile."""
    command = [sys.executable, str(Path(__file__).with_name("page_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page is served."""
    with serving() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(address: str, browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens the page in a fresh browser window; no window may have asked another host for anything."""
    contexts, hosts = [], set()

    def open_window(**options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("request", lambda request: hosts.add(urlsplit(request.url)[:2]))
        page.goto(address)
        page.locator("#drop button").wait_for()
        return page

    yield open_window
    for context in contexts:
        context.close()
    assert {host for host in hosts if host[0] not in ("data", "blob")} == {urlsplit(address)[:2]}


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
    field = "#drop" if page.locator("#drop").is_visible() else "#actions"
    page.set_input_files(f"{field} input[type=file]", [str(path) for path in paths])
    page.locator(".caption, #notice .wrong").first.wait_for(state="attached")
    sync_api.expect(page.locator("#notice progress")).to_have_count(0, timeout=60_000)


def fetch(page: Any, image: Any) -> np.ndarray:
    """What the browser shows in an `img`."""
    answer = page.request.get(image.get_attribute("src"))
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"), dtype=np.int16)


def colored(page: Any) -> Any:
    return page.locator("#compare img").last


def calls(page: Any) -> list[tuple[str, str, int]]:
    """For which file, by which model and how many guesses were asked."""
    return [tuple(call) for call in page.request.get(f"{page.url}calls").json()]


def shown_anew(page: Any, act: Callable[[], Any]) -> np.ndarray:
    """What is shown in color after something was done that changes it."""
    source = colored(page).get_attribute("src")
    act()
    sync_api.expect(colored(page)).not_to_have_attribute("src", source)
    return fetch(page, colored(page))


def show(page: Any, view: str) -> None:
    page.locator("#view label", has_text=view).click()


def chroma_of(rgb: np.ndarray) -> float:
    """How far the most colorful place is from gray, in levels."""
    return float((rgb.max(axis=2) - rgb.min(axis=2)).max())


def test_photo_is_shown_in_gray_beside_its_colors(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    before, after = (fetch(page, page.locator("#compare img").nth(place)) for place in (0, 1))
    assert before.shape == after.shape == (90, 120, 3)
    assert chroma_of(before) == 0
    assert chroma_of(after) > 20
    sync_api.expect(page.locator(".caption")).to_contain_text("a.jpg")
    sync_api.expect(page.locator(".caption")).to_contain_text("120 × 90 · JPEG · 1 face")
    sync_api.expect(page.locator("#drop")).to_be_hidden()
    sync_api.expect(page.locator("#strip")).to_be_hidden()


def test_strength_is_changed_by_the_keyboard_without_the_network(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    asked = calls(page)
    gray = shown_anew(page, lambda: page.locator("#strength input[type=range]").press("Home"))
    assert chroma_of(gray) == 0
    assert calls(page) == asked


def test_vividness_makes_colors_stronger(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    before = fetch(page, colored(page))
    vivid = shown_anew(page, lambda: page.locator("#vividness input[type=range]").press("End"))
    assert chroma_of(vivid) > chroma_of(before) + 10


def test_another_guess_is_taken_from_its_thumbnail(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    asked = calls(page)
    sync_api.expect(page.locator("#guesses .thumbnail-item")).to_have_count(4)
    cooler = shown_anew(page, lambda: page.locator("#guesses .thumbnail-item").nth(2).click())
    assert cooler[..., 2].mean() > cooler[..., 0].mean()
    assert calls(page) == asked


def test_another_model_colors_the_photo_anew(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    page.locator("#model > button").click()
    page.get_by_label("What guesses the colors").click()
    other = shown_anew(page, lambda: page.get_by_role("option", name="other").click())
    assert other[..., 2].mean() > other[..., 0].mean()
    assert calls(page)[-1][1] == "other"


def test_clicked_place_takes_the_color_until_it_is_undone(page: Any, photos: list[Path]) -> None:
    give(page, photos[1])  # taller than wide: the picture does not fill its frame
    show(page, "Set colors")
    before = fetch(page, colored(page))
    page.locator("#swatches label", has_text="Navy").click()
    box = page.locator("#canvas img").bounding_box()
    place = {"x": box["width"] / 2, "y": box["height"] / 2}
    hinted = shown_anew(page, lambda: page.locator("#canvas img").click(position=place))
    assert hinted[50, 40, 2] > hinted[50, 40, 0]
    assert before[50, 40, 2] < before[50, 40, 0]
    undone = shown_anew(page, page.locator("#undo").click)
    assert np.array_equal(undone, before)
    redone = shown_anew(page, page.locator("#redo").click)
    assert np.array_equal(redone, hinted)
    cleared = shown_anew(page, page.locator("#clear").click)
    assert np.array_equal(cleared, before)
    sync_api.expect(page.locator("#undo")).to_be_disabled()


def test_color_is_set_by_the_keyboard_too(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    page.locator("#by-keys > button").click()
    page.locator("#typed input, #typed textarea").fill("60,45,#2b3a67")
    hinted = shown_anew(page, lambda: page.locator("#typed input, #typed textarea").press("Enter"))
    assert hinted[45, 60, 2] > hinted[45, 60, 0]


def test_place_outside_the_photo_is_told(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "Set colors")
    page.locator("#by-keys > button").click()
    page.locator("#typed input, #typed textarea").fill("500,45,#2b3a67")
    page.locator("#typed input, #typed textarea").press("Enter")
    sync_api.expect(page.locator("#notice")).to_contain_text("500,45 lies outside the photo")
    sync_api.expect(page.locator("#undo")).to_be_disabled()


def test_faces_are_outlined_on_request(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    before = fetch(page, colored(page))
    outlined = shown_anew(page, lambda: page.locator("#outline input").check())
    changed = np.argwhere(np.abs(outlined - before).sum(axis=2) > 30)
    assert changed.min(axis=0) == pytest.approx([22, 30], abs=3)
    assert changed.max(axis=0) == pytest.approx([67, 90], abs=3)


def test_certainty_is_shown(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    show(page, "How sure")
    sync_api.expect(page.locator("#compare")).to_be_hidden()
    assert fetch(page, page.locator("#sure img")).shape == (90, 120, 3)


def test_saved_photo_is_such_a_file_as_came(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    with page.expect_download() as download:
        page.locator("#save").click()
    assert download.value.suggested_filename == "a-color.jpg"
    with Image.open(download.value.path()) as saved:
        assert (saved.format, saved.size) == ("JPEG", (120, 90))
        assert saved.getexif()[0x010E] == "Grandmother, 1931"
        assert chroma_of(np.asarray(saved.convert("RGB"), np.int16)) > 20


def test_all_photos_are_saved_as_one_archive(page: Any, photos: list[Path], tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    namesake = Path(shutil.copy(photos[0], tmp_path / "again"))
    give(page, *photos)
    give(page, namesake)
    sync_api.expect(page.locator("#strip .thumbnail-item")).to_have_count(4)
    with page.expect_download() as download:
        page.locator("#save-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.namelist() == ["a-color.jpg", "b-color.png", "c-color.jpg", "a-color-2.jpg"]
        sizes = [Image.open(archive.open(name)).size for name in archive.namelist()]
    assert sizes == [(120, 90), (80, 100), (96, 96), (120, 90)]


def test_photo_of_many_keeps_what_was_chosen_for_it(page: Any, photos: list[Path]) -> None:
    give(page, *photos)
    gray = shown_anew(page, lambda: page.locator("#strength input[type=range]").press("Home"))
    shown_anew(page, lambda: page.locator("#strip .thumbnail-item").nth(1).click())
    sync_api.expect(page.locator(".caption")).to_contain_text("b.png")
    again = shown_anew(page, lambda: page.locator("#strip .thumbnail-item").nth(0).click())
    assert np.array_equal(again, gray)
    sync_api.expect(page.locator("#strength input[type=range]")).to_have_value("0")


def test_file_that_is_no_photo_is_told_in_plain_words(page: Any, photos: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "notes.jpg"
    text.write_text("Dear diary")
    give(page, text, photos[0])
    sync_api.expect(page.locator("#notice [role=alert]")).to_contain_text("notes.jpg: not a photo that can be read")
    assert str(Path("/")) not in page.locator("#notice").inner_text()
    sync_api.expect(page.locator(".caption")).to_contain_text("a.jpg")


def test_photo_in_color_is_left_alone_until_asked(page: Any, tmp_path: Path, color_photo: bytes) -> None:
    (tmp_path / "flag.png").write_bytes(color_photo)
    give(page, tmp_path / "flag.png")
    sync_api.expect(page.locator("#in-color")).to_contain_text("flag.png is in color already")
    sync_api.expect(page.locator("#compare")).to_be_hidden()
    page.locator("#recolor").click()
    sync_api.expect(page.locator("#compare")).to_be_visible()
    sync_api.expect(page.locator("#in-color")).to_be_hidden()


@pytest.mark.parametrize(
    "hand_over",
    [
        'document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }))',
        'document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }))',
        'document.querySelector("#drop button").dispatchEvent('
        'new DragEvent("drop", { dataTransfer: transfer, bubbles: true }))',
    ],
    ids=["pasted", "dropped on the page", "dropped on the field"],
)
def test_handed_over_picture_is_colored(page: Any, hand_over: str) -> None:
    page.evaluate(
        """async (handOver) => {
          const canvas = Object.assign(document.createElement("canvas"), { width: 50, height: 40 });
          canvas.getContext("2d").fillStyle = "#777";
          canvas.getContext("2d").fillRect(0, 0, 50, 40);
          const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
          const transfer = new DataTransfer();
          transfer.items.add(new File([blob], "image.png", { type: "image/png" }));
          new Function("transfer", handOver)(transfer);
        }""",
        hand_over,
    )
    sync_api.expect(page.locator(".caption")).to_contain_text("50 × 40")


def test_file_that_is_too_large_is_told_before_it_is_sent(page: Any, photos: list[Path], tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(photos[0].read_bytes() + bytes(1_000_000))
    asked = calls(page)
    give(page, large, photos[1])
    sync_api.expect(page.locator("#refused")).to_have_text(
        "large.jpg: larger than 1 MB, the most that is taken; make it smaller"
    )
    sync_api.expect(page.locator(".caption")).to_contain_text("b.png")
    assert [Path(source).name for source, _, _ in calls(page)[len(asked) :]] == ["b.png"]


def test_starting_over_deletes_the_photos(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    source, _, _ = calls(page)[-1]
    assert Path(source).is_file()
    page.locator("#start-over").click()
    sync_api.expect(page.locator("#drop")).to_be_visible()
    assert not Path(source).exists()


def test_no_file_but_what_is_shown_can_be_fetched(page: Any, photos: list[Path]) -> None:
    give(page, photos[0])
    source, _, _ = calls(page)[-1]
    for path in (source, Path(__file__), Path("/etc/passwd")):
        assert page.request.get(f"{page.url}gradio_api/file={path}").status == 403


def test_page_has_no_api_of_its_own(page: Any) -> None:
    endpoints = page.request.get(f"{page.url}gradio_api/info").json()
    assert endpoints == {"named_endpoints": {}, "unnamed_endpoints": {}}


def test_ended_server_leaves_no_photo_behind(browser: Any, photos: list[Path]) -> None:
    with serving() as address:
        page = browser.new_page()
        page.goto(address)
        page.locator("#drop button").wait_for()
        give(page, photos[0])
        source = Path(calls(page)[-1][0])
        assert source.is_file()
        page.close()
    assert not source.parents[2].exists()


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
