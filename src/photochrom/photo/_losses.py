"""What a photo's file holds and its colored copy does not."""

from photochrom.photo._credentials import holds_manifest
from photochrom.photo._photo import Photo, written_format
from photochrom.photo._xmp import without_copies
from photochrom.photo.formats import FORMATS, MANIFEST

_COPIES = "what shows the gray photo once more (such as a video, gain map or small copy)"


def dropped_tags(photo: Photo, format: str | None = None) -> tuple[str, ...]:  # noqa: A002 - as Pillow names it
    """What a photo's file tells and its colored copy cannot.

    Args:
        photo: What was read.
        format: As of `encode_photo`.

    Returns:
        Such as `IPTC`, in alphabetical order.
    """
    origin = photo.origin
    told = {
        "EXIF": origin.exif,
        "XMP": origin.xmp,
        "IPTC": origin.iptc,
        "ICC": origin.icc_profile,
        "resolution": origin.dpi,
        "comment": origin.comment,
        "texts": [kind for kind, _ in origin.chunks if kind in (b"tEXt", b"zTXt", b"iTXt")],
        "Photoshop's resources": origin.resources,
    }
    carried = FORMATS[written_format(origin.format) if format is None else format].tags
    return tuple(sorted(tag for tag, value in told.items() if value and tag not in carried))


def losses(
    photo: Photo,
    format: str | None = None,  # noqa: A002 - as Pillow names it
    *,
    is_signed: bool = False,
) -> tuple[str, ...]:
    """What a photo's file holds and its colored copy does not, on one line; nothing if nothing is lost.

    Args:
        photo: What was read.
        format: As of `encode_photo`.
        is_signed: Whether the copy is to be signed. If its format cannot be, another line tells so.
    """
    origin = photo.origin
    target = FORMATS[written_format(origin.format) if format is None else format]
    has_manifest = is_signed and holds_manifest(target)
    held = [text for text in origin.lost if text != MANIFEST or not has_manifest]  # it becomes part of the new one
    copies = [_COPIES] if origin.xmp is not None and without_copies(origin.xmp) != origin.xmp else []
    lost = (*held, *copies, *dropped_tags(photo, format))
    kept = f"not kept in the result: {', '.join(lost)}" if lost else ""
    unsigned = f"not signed, because {target.name} holds no signatures" if is_signed and not has_manifest else ""
    return tuple(filter(None, (kept, unsigned)))
