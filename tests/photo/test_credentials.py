"""Signed results, and what becomes of signatures that a source has."""

import http.server
import io
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pillow_heif
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from PIL import Image

from photochrom.errors import ConfigError, PhotoError
from photochrom.photo import (
    FORMATS,
    WRITTEN_FORMATS,
    Signer,
    encode_photo,
    holds_manifest,
    losses,
    read_photo,
    require_signer,
    with_manifest,
)

Certify = Callable[..., bytes]

SIGNED_FORMATS = [name for name in WRITTEN_FORMATS if name != "BMP"]
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def packed(key: Any, *, form: str = "PKCS8", password: bytes | None = None) -> bytes:
    """A private key in PEM."""
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), hidden))


def signer_of(folder: Path, certificates: bytes, key: bytes) -> Signer:
    (folder / "certificate.pem").write_bytes(certificates)
    (folder / "key.pem").write_bytes(key)
    return Signer(str(folder / "certificate.pem"), str(folder / "key.pem"))


KEY = ec.generate_private_key(ec.SECP256R1())


def gray(kind: str, **more: Any) -> bytes:
    """A gray photo with EXIF as a file."""
    exif = Image.Exif()
    exif[0x010E] = "Grandma at the sea"
    image = Image.linear_gradient("L").resize((60, 40))
    file = io.BytesIO()
    image = image.convert("RGB" if kind in ("AVIF", "HEIF") else "L")
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, exif=exif.tobytes(), **more)
    else:
        image.save(file, kind, exif=exif, **more)
    return file.getvalue()


def colored(source: bytes) -> bytes:
    photo = read_photo(source)
    return encode_photo(np.stack([photo.luma] * 3, axis=-1), photo)


def told(content: bytes, kind: str) -> dict[str, Any]:
    """What a manifest tells, and whether it holds."""
    with c2pa.Reader(FORMATS[kind].media_type, io.BytesIO(content)) as reader:
        return dict(json.loads(reader.json()))


def has_manifest(content: bytes, kind: str) -> bool:
    return c2pa.Reader.try_create(FORMATS[kind].media_type, io.BytesIO(content)) is not None


@pytest.mark.parametrize("kind", SIGNED_FORMATS)
def test_a_signed_result_tells_its_source_and_that_its_colors_are_guessed(kind: str, signer: Signer) -> None:
    result = colored(gray(kind))
    signed = with_manifest(result, gray(kind), signer)
    manifests = told(signed, kind)
    assert manifests["validation_state"] == "Valid"
    active = manifests["manifests"][manifests["active_manifest"]]
    assert [one["relationship"] for one in active["ingredients"]] == ["parentOf"]
    assert "thumbnail" not in active
    assert "thumbnail" not in active["ingredients"][0]
    (actions,) = (one["data"]["actions"] for one in active["assertions"] if one["label"].startswith("c2pa.actions"))
    assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
    assert actions[1]["digitalSourceType"] == SOURCE_TYPE
    assert SOURCE_TYPE.encode() in (read_photo(result).origin.xmp or b"")
    assert actions[1]["softwareAgent"]["name"] == "photochrom"


@pytest.mark.parametrize("kind", SIGNED_FORMATS)
def test_signing_changes_neither_pixels_nor_tags(kind: str, signer: Signer) -> None:
    result = colored(gray(kind))
    before, after = (read_photo(content) for content in (result, with_manifest(result, gray(kind), signer)))
    np.testing.assert_array_equal(after.luma, before.luma)
    for name in ("exif", "xmp", "icc_profile", "dpi", "iptc", "resources", "comment", "chunks", "orientation"):
        assert getattr(after.origin, name) == getattr(before.origin, name), name


@pytest.mark.parametrize("kind", SIGNED_FORMATS)
def test_a_signature_of_the_source_is_not_left_in_a_result(kind: str, signer: Signer) -> None:
    source = with_manifest(gray(kind), gray(kind), signer)
    assert has_manifest(source, kind)
    photo = read_photo(source)
    assert not has_manifest(colored(source), kind)
    assert "C2PA manifest" in losses(photo)[0]
    for target in SIGNED_FORMATS:
        result = encode_photo(np.stack([photo.luma] * 3, axis=-1), photo, target)
        assert not has_manifest(result, target), target


@pytest.mark.parametrize("kind", SIGNED_FORMATS)
def test_a_signature_of_the_source_becomes_part_of_the_new_one(kind: str, signer: Signer) -> None:
    source = with_manifest(gray(kind), gray(kind), signer)
    signed = with_manifest(colored(source), source, signer)
    manifests = told(signed, kind)
    assert len(manifests["manifests"]) == 2
    assert manifests["validation_state"] == "Valid"
    assert losses(read_photo(source), is_signed=True) == ()


def test_a_signature_of_a_gif_is_told_too(signer: Signer) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "GIF")
    source = with_manifest(file.getvalue(), file.getvalue(), signer)
    assert "C2PA manifest" in losses(read_photo(source))[0]
    assert not has_manifest(colored(source), "PNG")


def test_formats_without_room_for_a_signature_are_told(signer: Signer) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "BMP")
    photo = read_photo(file.getvalue())
    assert not holds_manifest(FORMATS["BMP"])
    assert losses(photo, is_signed=True) == ("not signed, because BMP holds no signatures",)
    assert losses(photo, "PNG", is_signed=True) == ()
    result = encode_photo(np.stack([photo.luma] * 3, axis=-1), photo, "PNG")
    assert told(with_manifest(result, file.getvalue(), signer), "PNG")["validation_state"] == "Valid"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_the_result_of_a_torn_photo_is_signed_too(kind: str, signer: Signer) -> None:
    source = gray(kind)[:-9]
    signed = with_manifest(colored(source), source, signer)
    assert told(signed, kind)["validation_state"] == "Valid"


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL"])
@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        ec.generate_private_key(ec.SECP521R1()),
        rsa.generate_private_key(65537, 2048),
    ],
)
def test_keys_of_the_usual_kinds_sign(key: Any, form: str, tmp_path: Path, certify: Certify) -> None:
    require_signer(signer_of(tmp_path, certify(key), packed(key, form=form)))


def test_keys_of_edwards_curves_sign(tmp_path: Path, certify: Certify) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    require_signer(signer_of(tmp_path, certify(key), packed(key)))


@pytest.mark.parametrize(
    ("certificates", "key", "reason"),
    [
        ({}, packed(ec.generate_private_key(ec.SECP256R1())), "signature does not match"),
        ({"days": -5}, packed(KEY), "not valid at time of signing"),
        ({"allows_signing": False}, packed(KEY), "certificate is invalid"),
        ({}, packed(KEY, password=b"x"), "the key has a password"),
        ({}, b"no key", "no private key in PEM"),
        ({}, packed(ec.generate_private_key(ec.SECP256K1())), "does not allow"),
        (None, packed(KEY), "certificate"),
    ],
)
def test_certificates_and_keys_that_do_not_sign_are_told(
    certificates: dict[str, Any] | None, key: bytes, reason: str, tmp_path: Path, certify: Certify
) -> None:
    pem = b"no certificate" if certificates is None else certify(KEY, **certificates)
    with pytest.raises(ConfigError, match=rf"cannot be signed.*{reason}") as told:
        require_signer(signer_of(tmp_path, pem, key))
    assert len(str(told.value).splitlines()) == 1


def test_a_missing_key_is_told(tmp_path: Path, signer: Signer) -> None:
    with pytest.raises(ConfigError, match=r"cannot be signed \(.*nowhere.pem: No such file or directory\)"):
        require_signer(Signer(signer.certificate, str(tmp_path / "nowhere.pem")))


def test_without_the_package_signing_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, signer: Signer) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(PhotoError, match=r"pip install 'photochrom\[c2pa\]'"):
        with_manifest(gray("PNG"), gray("PNG"), signer)


class _Counting(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Of a server on this machine that counts who asks it."""
    _Counting.asked = 0
    with http.server.HTTPServer(("127.0.0.1", 0), _Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/manifest.c2pa"
        server.shutdown()


def test_a_manifest_elsewhere_is_not_fetched(address: str, signer: Signer) -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    source = gray("JPEG", xmp=packet.encode())
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/jpeg", io.BytesIO(source))
    assert _Counting.asked > 0  # as whoever reads it without our settings does
    _Counting.asked = 0
    signed = with_manifest(colored(source), source, signer)
    assert _Counting.asked == 0
    assert told(signed, "JPEG")["validation_state"] == "Valid"
    assert _Counting.asked == 0
