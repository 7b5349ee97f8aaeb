"""XMP packets: what has to change in them so that they fit the photo that is written.

Packets are changed as text where they must be and are otherwise kept to the byte, because what programs put into them
goes beyond what can be parsed and written again without loss.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)[1-8](?=\s*[\"'<])")
_EXTENSION_NOTE = re.compile(rb"\s*xmpNote:HasExtendedXMP\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_EXTENSION_ELEMENT = re.compile(rb"<xmpNote:HasExtendedXMP>[^<]*</xmpNote:HasExtendedXMP>")
_DESCRIPTIONS = re.compile(rb"<rdf:RDF\b[^>]*>(.*)</rdf:RDF\s*>", re.DOTALL)
_END = re.compile(rb"</rdf:RDF\s*>")
_ABOUT = re.compile(rb"rdf:about\s*=\s*(\"[^\"]*\"|'[^']*')")
_SEQUENCE_END = re.compile(rb"</rdf:Seq\s*>")

EMPTY_PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
"""A packet that tells nothing."""

_EVERYTHING = rb"[\w.-]+"
_COPIES: Mapping[bytes, bytes] = MappingProxyType(
    {
        b"http://ns.adobe.com/xap/1.0/": rb"Thumbnails",
        b"http://ns.google.com/photos/1.0/camera/": rb"(?:MotionPhoto|MicroVideo)\w*",
        b"http://ns.google.com/photos/1.0/container/": rb"Directory",
        b"http://ns.google.com/photos/1.0/image/": _EVERYTHING,
        b"http://ns.google.com/photos/dd/1.0/device/": _EVERYTHING,
        b"http://ns.oplus.com/photos/1.0/camera/": _EVERYTHING,
        b"http://ns.adobe.com/hdr-gain-map/1.0/": _EVERYTHING,
        b"http://ns.apple.com/HDRGainMap/1.0/": _EVERYTHING,
        b"http://ns.apple.com/pixeldatainfo/1.0/": _EVERYTHING,
        b"http://purl.org/dc/terms/": rb"provenance",
    }
)
"""Properties, by their namespace, that hold the gray photo once more or point to what follows it in the file: small
copies, motion video, gain maps, further pictures, and signed manifests that are of the source alone."""

_IPTC, _MANAGEMENT = b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/", b"http://ns.adobe.com/xap/1.0/mm/"
_SIGNED = rb"DigitalSourceType|AISystemUsed|AISystemVersionUsed"
SOURCE_TYPE = b"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""A real picture with parts that a trained network made up: the light is the photo's, the colors are not.

IPTC's `algorithmicallyEnhanced` would say less than the truth, for it is meant for corrections that invent nothing."""


def with_orientation(xmp: bytes, orientation: int) -> bytes:
    """The packet with the orientation that the written pixels have, if it tells one.

    Some viewers believe it rather than EXIF, and turn the photo a second time if the two differ.

    Args:
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


def without_copies(xmp: bytes) -> bytes:
    """The packet without copies of the gray photo, and without pointers to what is not in a colored file."""
    for namespace, names in _COPIES.items():
        xmp = _without(xmp, namespace, names)
    return xmp


def signed_packet(xmp: bytes, software: bytes, version: bytes) -> bytes:
    """The packet that says how its photo came by its colors: digital source type, AI system, and a line of history.

    Args:
        software: Names the program, as plain text.
        version: Of the program.

    Returns:
        The longer packet; unchanged if it is of an unusual form.

    Reference:
        IPTC Photo Metadata Standard 2025.1; XMP specification, part 2, section 2.4 (`xmpMM:History`).
    """
    xmp = _without(xmp, _IPTC, _SIGNED)
    end = _END.search(xmp)
    if end is None:
        return xmp
    name = software.partition(b" ")[0]
    event = (
        b'<rdf:li xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" stEvt:action="edited"'
        b' stEvt:softwareAgent="%s %s" stEvt:parameters="colors guessed by a trained network"/>' % (name, version)
    )
    about = _ABOUT.search(xmp)
    told = (
        b'<rdf:Description rdf:about=%s xmlns:Iptc4xmpExt="%s" Iptc4xmpExt:DigitalSourceType="%s"'
        b' Iptc4xmpExt:AISystemUsed="%s" Iptc4xmpExt:AISystemVersionUsed="%s"'
        % (about[1] if about else b'""', _IPTC, SOURCE_TYPE, name, version)
    )
    place = _end_of_history(xmp)
    if place is None:
        history = b"<xmpMM:History><rdf:Seq>%s</rdf:Seq></xmpMM:History>" % event
        told += b' xmlns:xmpMM="%s">%s</rdf:Description>' % (_MANAGEMENT, history)
        return xmp[: end.start()] + told + xmp[end.start() :]
    if event in xmp:  # it was colored before
        event = b""
    return xmp[:place] + event + xmp[place : end.start()] + told + b"/>" + xmp[end.start() :]


def _end_of_history(xmp: bytes) -> int | None:
    """Where the last event of a packet's history ends; None if it has none."""
    for prefix in _prefixes(xmp, _MANAGEMENT):
        start, end = xmp.find(b"<%s:History" % prefix), xmp.find(b"</%s:History" % prefix)
        if 0 <= start < end:
            ends = list(_SEQUENCE_END.finditer(xmp, start, end))
            return ends[-1].start() if ends else None
    return None


def _prefixes(xmp: bytes, namespace: bytes) -> set[bytes]:
    return set(re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']%s[\"']" % re.escape(namespace), xmp))


def _without(xmp: bytes, namespace: bytes, names: bytes) -> bytes:
    """The packet without some properties, whether they are attributes or elements."""
    for prefix in _prefixes(xmp, namespace):
        name = rb"%s:(?:%s)" % (re.escape(prefix), names)
        xmp = b"".join(_between_elements(xmp, re.compile(rb"<(%s)(?=[\s/>])[^<>]*>" % name)))
        xmp = re.sub(rb"\s+%s\s*=\s*(?:\"[^\"]*\"|'[^']*')" % name, b"", xmp)
    return xmp


def _between_elements(xmp: bytes, opening: "re.Pattern[bytes]") -> Iterator[bytes]:
    """What lies before, between and after the elements that an opening tag begins."""
    place = 0
    while (tag := opening.search(xmp, place)) is not None:
        yield xmp[place : tag.start()]
        place = tag.end()
        if not tag[0].endswith(b"/>"):
            closing = xmp.find(b"</%s" % tag[1], place)
            if closing < 0:  # no XML that anybody could read
                yield xmp[tag.start() :]
                return
            place = xmp.find(b">", closing) + 1 or len(xmp)
    yield xmp[place:]
