"""Signed manifests of C2PA in results, made by the optional package c2pa-python."""

import importlib
import io
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from photochrom.errors import ConfigError, PhotoError, UnreadableError, reason_of
from photochrom.photo._metadata import VERSION
from photochrom.photo._vips import encoded, image_from
from photochrom.photo._xmp import SOURCE_TYPE
from photochrom.photo.formats import HEAD_BYTES, Format, format_of

_OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True},
    "builder": {"thumbnail": {"enabled": False}},
}
"""Nothing is asked for over the network; no small copy of the gray photo is added."""

_ALGORITHMS = MappingProxyType({"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"})
"""By the curve of the key."""

_ANY_FILE = "application/octet-stream"


@dataclass(frozen=True)
class Signer:
    """Who signs results.

    Attributes:
        certificate: A file in PEM: the signer's own certificate, and after it those that vouch for it.
        key: A file in PEM: the private key of the first certificate, without a password.
    """

    certificate: str
    key: str


def require_signer(signer: Signer) -> None:
    """Check that files can be signed, by signing one.

    Raises:
        ConfigError: The package is not installed, or the certificate and key do not allow it.
    """
    blank = encoded(image_from(np.zeros((8, 8, 1), np.uint8)), "png")
    try:
        with_manifest(blank, blank, signer)
    except PhotoError as error:
        raise ConfigError(str(error)) from error


def holds_manifest(one: Format) -> bool:
    """Whether files of a format can be signed.

    Raises:
        PhotoError: The package is not installed.
    """
    return one.media_type in _c2pa().Builder.get_supported_mime_types()


def with_manifest(content: bytes, source: Path | bytes, signer: Signer) -> bytes:
    """A colored photo with a manifest: what it was made of, that its colors were guessed, and who says so.

    No time stamp is asked for, so that nothing leaves the machine: what is signed holds while the certificate does.

    Args:
        content: The file, of a format that `holds_manifest` allows.
        source: The gray photo. A manifest that it has becomes part of the new one.

    Raises:
        PhotoError: The package is not installed, or the file cannot be signed.

    Reference:
        C2PA Technical Specification 2.2, sections 10.4 (ingredients) and 18.15 (actions).
    """
    c2pa = _c2pa()
    media_type = format_of(content[:HEAD_BYTES]).media_type
    signed = io.BytesIO()
    try:
        with ExitStack() as stack:
            context = stack.enter_context(c2pa.Context(c2pa.Settings.from_dict(_OFFLINE)))
            file = io.BytesIO(source) if isinstance(source, bytes) else stack.enter_context(source.open("rb"))
            builder = stack.enter_context(_builder(c2pa, context, file))
            builder.sign(_signer(c2pa, signer), media_type, io.BytesIO(content), signed)
    except (c2pa.C2paError, OSError) as error:
        where = f"{error.filename}: " if getattr(error, "filename", None) else ""
        raise PhotoError(f"cannot be signed ({where}{reason_of(error)}); check the certificate and its key") from error
    return signed.getvalue()


def _c2pa() -> Any:
    try:
        return importlib.import_module("c2pa")
    except ImportError as error:
        raise PhotoError("signing needs another package: pip install 'photochrom[c2pa]'") from error


def _builder(c2pa: Any, context: Any, source: BinaryIO) -> Any:
    """The manifest before it is signed."""
    try:
        media_type = format_of(source.read(HEAD_BYTES)).media_type
    except UnreadableError:
        media_type = _ANY_FILE
    try:
        return _builder_from(c2pa, context, source, media_type)
    except c2pa.C2paError:  # the source is too torn to be looked into
        return _builder_from(c2pa, context, source, _ANY_FILE)


def _builder_from(c2pa: Any, context: Any, source: BinaryIO, media_type: str) -> Any:
    source.seek(0)
    name = f"xmp.iid:{uuid4()}"
    builder = c2pa.Builder(_manifest(name), context)
    builder.add_ingredient({"relationship": "parentOf", "instance_id": name, "label": name}, media_type, source)
    return builder


def _manifest(source: str) -> dict[str, Any]:
    """What is told of a result.

    Args:
        source: The id of the gray photo.
    """
    program = {"name": "photochrom", "version": VERSION.decode()}
    guessed = {
        "action": "c2pa.edited",
        "digitalSourceType": SOURCE_TYPE.decode(),
        "softwareAgent": program,
        "description": "colors guessed by a trained network",
    }
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [source]}}
    actions = {"label": "c2pa.actions.v2", "data": {"actions": [opened, guessed]}}
    return {"claim_generator_info": [program], "assertions": [actions]}


def _signer(c2pa: Any, signer: Signer) -> Any:
    algorithm, key = _key(Path(signer.key).read_bytes())
    certificates = Path(signer.certificate).read_bytes()
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, certificates, key, None))


def _key(pem: bytes) -> tuple[str, bytes]:
    """The algorithm that a private key is for, and the key as PKCS #8.

    Raises:
        PhotoError: It is broken, has a password, or is of a kind that C2PA does not allow.
    """
    serialization: Any = importlib.import_module("cryptography.hazmat.primitives.serialization")
    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError as error:
        raise PhotoError("cannot be signed: the key has a password; give one without") from error
    except ValueError as error:
        raise PhotoError("cannot be signed: this is no private key in PEM; check its file") from error
    kind = type(key).__name__.lower()
    algorithm = "ps256" if "rsa" in kind else "ed25519" if "ed25519" in kind else None
    if hasattr(key, "curve"):
        algorithm = _ALGORITHMS.get(key.curve.name)
    if algorithm is None:
        raise PhotoError("cannot be signed: a key of a kind that C2PA does not allow; use ES256, PS256 or Ed25519")
    plain = serialization.NoEncryption()
    return algorithm, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
