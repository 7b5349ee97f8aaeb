"""XMP packets: what has to change in them so that they fit the photo that is written.

Packets are changed as text where they must be and are otherwise kept to the byte, because what programs put into them
goes beyond what can be parsed and written again without loss.
"""

import re

__all__ = ["merged", "with_orientation"]

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[1-8](?=\s*[\"'<])")
_EXTENSION_NOTE = re.compile(rb"\s*xmpNote:HasExtendedXMP\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_EXTENSION_ELEMENT = re.compile(rb"<xmpNote:HasExtendedXMP>[^<]*</xmpNote:HasExtendedXMP>")
_DESCRIPTIONS = re.compile(rb"<rdf:RDF\b[^>]*>(.*)</rdf:RDF\s*>", re.DOTALL)
_END = re.compile(rb"</rdf:RDF\s*>")


def with_orientation(xmp: bytes, orientation: int) -> bytes:
    """The packet with the orientation that the written pixels have, if it tells one.

    Some viewers believe it rather than EXIF, and turn the photo a second time if the two differ.

    Args:
        xmp: A packet.
        orientation: EXIF's, from 1 to 8.
    """
    return _ORIENTATION.sub(rb"\g<1>%d" % orientation, xmp)


def merged(xmp: bytes, extension: bytes) -> bytes:
    """A packet and the extension that a JPEG keeps of it, as one packet.

    Args:
        xmp: The packet that names the extension.
        extension: A packet with further descriptions of the same photo.

    Returns:
        The packet with all descriptions; unchanged if either is of an unusual form.
    """
    more, end = _DESCRIPTIONS.search(extension), _END.search(xmp)
    if more is None or end is None:
        return xmp
    whole = xmp[: end.start()] + more[1] + xmp[end.start() :]
    return _EXTENSION_ELEMENT.sub(b"", _EXTENSION_NOTE.sub(b"", whole))
