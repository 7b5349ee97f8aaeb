"""Results say how they came by their colors, and hold nothing of the gray photo or of what was signed for it."""

import base64
import io
import re
import shutil
import struct
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from photochrom.photo import FORMATS, WRITTEN_FORMATS, Origin, Photo, encode_photo, losses, read_photo
from photochrom.photo._directories import EMPTY_BLOCK, bytes_field, text_field, with_fields, without_pictures
from photochrom.photo._xmp import EMPTY_PACKET, signed_packet, without_copies

RDF = b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
NAMESPACES = {
    b"xmp": b"http://ns.adobe.com/xap/1.0/",
    b"xmpGImg": b"http://ns.adobe.com/xap/1.0/g/img/",
    b"xmpMM": b"http://ns.adobe.com/xap/1.0/mm/",
    b"stEvt": b"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    b"GCamera": b"http://ns.google.com/photos/1.0/camera/",
    b"Container": b"http://ns.google.com/photos/1.0/container/",
    b"Item": b"http://ns.google.com/photos/1.0/container/item/",
    b"hdrgm": b"http://ns.adobe.com/hdr-gain-map/1.0/",
    b"dcterms": b"http://purl.org/dc/terms/",
    b"dc": b"http://purl.org/dc/elements/1.1/",
    b"Iptc4xmpExt": b"http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
SOURCE_TYPE = b"compositeWithTrainedAlgorithmicMedia"


def packet(attributes: bytes = b"", inside: bytes = b"", **renamed: bytes) -> bytes:
    names = b" ".join(b'xmlns:%s="%s"' % (renamed.get(name.decode(), name), uri) for name, uri in NAMESPACES.items())
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF %s><rdf:Description rdf:about="uuid:1" %s %s>'
        b"%s</rdf:Description></rdf:RDF></x:xmpmeta>" % (RDF, names, attributes, inside)
    )


def gray() -> Any:
    return (40 + np.add.outer(np.arange(96), np.arange(80)) % 150).astype(np.uint8)


def jpeg(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(gray()).resize((64, 48)).save(file, "JPEG", **options)
    return file.getvalue()


def written(photo: Photo, name: str | None = None) -> bytes:
    return encode_photo(np.repeat(photo.luma[..., None], 3, axis=2), photo, name)


# --- signatures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in WRITTEN_FORMATS if "XMP" in FORMATS[name].tags])
def test_each_format_with_xmp_says_where_the_colors_come_from(name: str) -> None:
    pytest.importorskip("pillow_heif")
    xmp = read_photo(written(Photo(gray()), name)).origin.xmp
    assert xmp is not None
    assert SOURCE_TYPE in xmp
    assert b'Iptc4xmpExt:AISystemUsed="photochrom"' in xmp
    assert b'stEvt:parameters="colors guessed by a trained network"' in xmp


@pytest.mark.parametrize(
    "xmp",
    [
        EMPTY_PACKET,
        packet(),
        packet(b'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/print"'),
        packet(inside=b"<Iptc4xmpExt:DigitalSourceType>print</Iptc4xmpExt:DigitalSourceType>"),
        packet(
            inside=b'<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved"/></rdf:Seq></xmpMM:History>'
            b"<dc:subject><rdf:Seq><rdf:li>sea</rdf:li></rdf:Seq></dc:subject>"
        ),
    ],
)
def test_a_signed_packet_is_xml_with_one_value_of_each(xmp: bytes) -> None:
    signed = signed_packet(xmp, b"photochrom (guesses)", b"1.2")
    ElementTree.fromstring(re.sub(rb"<\?xpacket[^>]*\?>", b"", signed))
    assert signed.count(SOURCE_TYPE) == 1
    assert signed.count(b"digitalsourcetype/print") == 0
    assert signed.count(b"<xmpMM:History") == 1
    assert signed.count(b"<rdf:li") == xmp.count(b"<rdf:li") + 1
    assert signed_packet(signed, b"photochrom (guesses)", b"1.2").count(b"<rdf:li") == signed.count(b"<rdf:li")
    if b"uuid:1" in xmp:
        assert signed.count(b'rdf:about="uuid:1"') == 2


def test_exiftool_reads_what_is_signed(tmp_path: Path) -> None:
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("ExifTool is not installed")
    for name in ("JPEG", "PNG", "TIFF", "WEBP"):
        path = tmp_path / name
        path.write_bytes(written(Photo(gray()), name))
        told = subprocess.run([tool, "-a", "-G1", str(path)], capture_output=True, text=True, check=True).stdout
        assert SOURCE_TYPE.decode() in told
        assert "photochrom (the colors are guesses)" in told
        assert "Warning" not in told


# --- copies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", [b"GCamera", b"Camera"])
def test_pointers_to_videos_gain_maps_and_manifests_go_and_all_else_stays(prefix: bytes) -> None:
    xmp = packet(
        b'%s:MotionPhoto="1" %s:MicroVideoOffset="99" hdrgm:Version="1.0" dcterms:provenance="self#jumbf=c2pa"'
        b" xmp:Rating='5'" % (prefix, prefix),
        b"<Container:Directory><rdf:Seq><rdf:li><Container:Item Item:Length='9'/></rdf:li></rdf:Seq>"
        b"</Container:Directory>"
        b"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>%s</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
        b"<dc:title>Oma</dc:title><hdrgm:GainMapMax/>" % base64.b64encode(jpeg()),
        GCamera=prefix,
    )
    cleaned = without_copies(xmp)
    ElementTree.fromstring(cleaned)
    for gone in (b"MotionPhoto", b"MicroVideo", b"Directory", b"Thumbnails", b"hdrgm:", b"provenance"):
        assert gone not in cleaned.replace(b"xmlns:hdrgm=", b"")
    assert b"<dc:title>Oma</dc:title>" in cleaned
    assert b"xmp:Rating='5'" in cleaned
    photo = read_photo(jpeg(xmp=xmp))
    assert "the gray photo once more" in losses(photo)[0]
    assert b"MotionPhoto" not in written(photo)


def test_xmp_that_is_no_xml_is_survived_quickly() -> None:
    for torn in (
        b"<xmp:Thumbnails>" * 50000,
        b'xmlns:xmp="http://ns.adobe.com/xap/1.0/"' + b"<xmp:Thumbnails>" * 50000,
    ):
        assert len(without_copies(torn)) >= len(torn) - 20


def test_pictures_within_exif_are_blank_wherever_they_lie() -> None:
    preview = jpeg()
    fields: dict[int, Any] = {0x010E: text_field(b"Oma"), 0x8769: {0x927C: bytes_field(b"Notes\x00" + preview, 7)}}
    block = with_fields(EMPTY_BLOCK, fields)
    assert preview in block
    blanked = without_pictures(block)
    assert len(blanked) == len(block)
    assert preview[2:40] not in blanked
    assert b"Oma" in blanked
    assert b"Notes" in blanked


def test_strips_of_a_thumbnail_in_exif_are_blank_and_hostile_ones_harm_nothing() -> None:
    levels = bytes(range(1, 200))
    first = with_fields(EMPTY_BLOCK, {0x010E: text_field(b"Grandmother")})
    place = int.from_bytes(first[4:8], "little")
    for start, is_hostile in ((len(first) + 30, False), (0, True)):
        second = (
            struct.pack("<HHHII", 2, 0x111, 4, 1, start) + struct.pack("<HHII", 0x117, 4, 1, len(levels)) + bytes(4)
        )
        block = bytearray(first + second + levels)
        struct.pack_into("<I", block, place + 2 + 12, len(first))
        blanked = without_pictures(bytes(block))
        if is_hostile:
            assert blanked == EMPTY_BLOCK
        else:
            assert levels not in blanked
            assert b"Grandmother" in blanked


# --- manifests ----------------------------------------------------------------------------------------------------


def test_a_manifest_of_the_source_is_dropped_and_told(made: ModuleType) -> None:
    manifest = b"\x00\x00\x00\x40jumb\x00\x00\x00\x1ejumdc2pa" + b"signed for gray" * 9
    segment = b"\xff\xeb" + struct.pack(">H", len(manifest) + 2) + manifest
    plain = jpeg()
    sources = [
        plain[:2] + segment + plain[2:],
        made.png(gray()[..., None], (b"caBX", manifest)),
        made.tiff(gray()[..., None], tags={0xCD41: (7, manifest)}),
    ]
    webp = (
        written(Photo(gray()), "WEBP")
        + b"C2PA"
        + struct.pack("<I", len(manifest))
        + manifest
        + bytes(len(manifest) % 2)
    )
    sources.append(webp[:4] + struct.pack("<I", len(webp) - 8) + webp[8:])
    for source in sources:
        photo = read_photo(source)
        assert "C2PA" in losses(photo)[0]
        assert b"signed for gray" not in written(photo)


def test_nothing_lost_is_nothing_told() -> None:
    assert losses(read_photo(jpeg())) == ()
    assert losses(Photo(gray(), origin=Origin(dpi=(300, 300))), "WEBP") == ("not kept in the result: resolution",)
