"""The list that gdk-pixbuf keeps of its loaders, as `gdk-pixbuf-query-loaders` writes it.

A loader tells what it loads by code, which is not run: so what Debian's loaders tell is a table here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from onedigest.assembler.configuration.file_list import is_listed
from onedigest.assembler.configuration.system import System
from onedigest.assembler.deb import content_of
from onedigest.assembler.entry import Entry, file_entry

LOADERS: Mapping[str, str] = {
    "io-wmf.so": r"""
"wmf" 0 "gdk-pixbuf" "Windows Metafile" ""
"image/x-wmf" ""
"wmf" "apm" ""
"\327\315\306\232" "" 100
"\001" "" 100
""",
    "libpixbufloader-ani.so": r"""
"ani" 4 "gdk-pixbuf" "Windows animated cursor" "LGPL"
"application/x-navi-animation" ""
"ani" ""
"RIFF    ACON" "    xxxx    " 100
""",
    "libpixbufloader-avif.so": r"""
"avif" 5 "gdk-pixbuf" "AV1 Image File Format" "BSD"
"image/avif" ""
"avif" ""
"    ftypavif" "zzz         " 100
""",
    "libpixbufloader-bmp.so": r"""
"bmp" 5 "gdk-pixbuf" "BMP" "LGPL"
"image/bmp" "image/x-bmp" "image/x-MS-bmp" ""
"bmp" ""
"BM" "" 100
""",
    "libpixbufloader-gif.so": r"""
"gif" 4 "gdk-pixbuf" "GIF" "LGPL"
"image/gif" ""
"gif" ""
"GIF8" "" 100
""",
    "libpixbufloader-heif.so": r"""
"heif/avif" 4 "pixbufloader-heif" "HEIF/AVIF Image" "LGPL3"
"image/heif" "image/heic" "image/avif" ""
"heif" "heic" "avif" ""
"    ftyp" "xxxx    " 100
""",
    "libpixbufloader-icns.so": r"""
"icns" 4 "gdk-pixbuf" "MacOS X icon" "GPL"
"image/x-icns" ""
"icns" ""
"icns" "" 100
""",
    "libpixbufloader-ico.so": """
"ico" 5 "gdk-pixbuf" "Windows icon" "LGPL"
"image/x-icon" "image/x-ico" "image/x-win-bitmap" "image/vnd.microsoft.icon" \
"application/ico" "image/ico" "image/icon" "text/ico" ""
"ico" "cur" ""
"  \\001   " "zz znz" 100
"  \\002   " "zz znz" 100
""",
    "libpixbufloader-jxl.so": r"""
"jxl" 5 "gdk-pixbuf" "JPEG XL image" "BSD-3"
"image/jxl" ""
"jxl" ""
"\377\n" "  " 100
"...\fJXL \r\n\207\n" "zzz         " 100
""",
    "libpixbufloader-pnm.so": r"""
"pnm" 4 "gdk-pixbuf" "PNM/PBM/PGM/PPM" "LGPL"
"image/x-portable-anymap" "image/x-portable-bitmap" "image/x-portable-graymap" "image/x-portable-pixmap" ""
"pnm" "pbm" "pgm" "ppm" ""
"P1" "" 100
"P2" "" 100
"P3" "" 100
"P4" "" 100
"P5" "" 100
"P6" "" 100
""",
    "libpixbufloader-qtif.so": r"""
"qtif" 4 "gdk-pixbuf" "QuickTime" "LGPL"
"image/x-quicktime" "image/qtif" ""
"qtif" "qif" ""
"abcdidsc" "xxxx    " 100
"abcdidat" "xxxx    " 100
""",
    "libpixbufloader-svg.so": r"""
"svg" 6 "gdk-pixbuf" "Scalable Vector Graphics" "LGPL"
"image/svg+xml" "image/svg" "image/svg-xml" "image/vnd.adobe.svg+xml" "text/xml-svg" "image/svg+xml-compressed" ""
"svg" "svgz" "svg.gz" ""
" <svg" "*    " 100
" <!DOCTYPE svg" "*             " 100
""",
    "libpixbufloader-tga.so": r"""
"tga" 4 "gdk-pixbuf" "Targa" "LGPL"
"image/x-tga" ""
"tga" "targa" ""
" \001\001" "x  " 100
" \001\t" "x  " 100
"  \002" "xz " 99
"  \003" "xz " 100
"  \n" "xz " 100
"  \v" "xz " 100
""",
    "libpixbufloader-tiff.so": r"""
"tiff" 5 "gdk-pixbuf" "TIFF" "LGPL"
"image/tiff" ""
"tiff" "tif" ""
"MM *" "  z " 100
"II* " "   z" 100
"II* \020   CR\002 " "   z zzz   z" 0
""",
    "libpixbufloader-webp.so": r"""
"webp" 5 "gdk-pixbuf" "The WebP image format" "LGPL"
"image/webp" "audio/x-riff" ""
"webp" ""
"RIFFsizeWEBP" "    xxxx    " 100
""",
    "libpixbufloader-xbm.so": r"""
"xbm" 4 "gdk-pixbuf" "XBM" "LGPL"
"image/x-xbitmap" ""
"xbm" ""
"#define " "" 100
"/*" "" 50
""",
    "libpixbufloader-xpm.so": r"""
"xpm" 4 "gdk-pixbuf" "XPM" "LGPL"
"image/x-xpixmap" ""
"xpm" ""
"/* XPM */" "" 100
""",
    "libpixbufloader_svg.so": r"""
"svg" 6 "gdk-pixbuf" "Scalable Vector Graphics" "LGPL"
"image/svg+xml" "image/svg" "image/svg-xml" "image/vnd.adobe.svg+xml" "text/xml-svg" "image/svg+xml-compressed" ""
"svg" "svgz" "svg.gz" ""
" <svg" "*    " 100
" <!DOCTYPE svg" "*             " 100
""",
}
"""What each loader of Debian 12 and 13 tells: name, licence, media types, extensions, and how files begin."""

_HEAD = """\
# GdkPixbuf Image Loader Modules file
# Automatically generated file, do not edit
# Created by gdk-pixbuf-query-loaders from gdk-pixbuf-{version}
#
"""
_LOADER = re.compile(r"(usr/lib/(?:[^/]+/)?gdk-pixbuf-2\.0/2\.10\.0)/loaders/([^/]+\.so)")
_LIBRARY = re.compile(r"usr/lib/[^/]+/libgdk_pixbuf-2\.0\.so\.0\.([0-9]+)([0-9]{2})\.([0-9]+)")
_MEDIA_TYPE = re.compile(r'"([a-z]+/[A-Za-z0-9.+-]+)"')


def make_pixbuf_loaders(system: System) -> Iterable[Entry]:
    """Make the list of loaders, without those that are not known (`unknown_loaders`).

    Where an image below has loaders, its list stays, unless packages bring others and all of its own are known.
    """
    version = next((_version(match) for path in sorted(system.files) if (match := _LIBRARY.fullmatch(path))), "")
    lists: dict[str, str] = {}
    brought: set[str] = set()
    lacking: set[str] = set()
    for path in sorted(system.files) if version else ():
        if not (loader := _LOADER.fullmatch(path)):
            continue
        listed, known = is_listed(system.files[path]), _is_known(system, loader)
        if not listed:
            brought.add(loader[1])
        if known:
            lists.setdefault(loader[1], _HEAD.format(version=version))
            lists[loader[1]] += f'"/{path}"{LOADERS[loader[2]]}\n'
        elif listed:
            lacking.add(loader[1])
    for folder in sorted(brought & lists.keys() - lacking):
        yield file_entry(
            f"{folder}/loaders.cache", f"{lists[folder]}\n".encode(), executable=False, origin="gdk-pixbuf"
        )


def unknown_loaders(system: System) -> list[str]:
    """Return the paths of the loaders that the list leaves out."""
    loaders = (match for path in sorted(system.files) if (match := _LOADER.fullmatch(path)))
    return [loader[0] for loader in loaders if not _is_known(system, loader)]


def _version(library: re.Match[str]) -> str:
    """Return the version of the library, which its file name has in libtool's form: 4200.12 is 2.42.12."""
    return f"2.{library[1]}.{library[3]}"


def _is_known(system: System, loader: re.Match[str]) -> bool:
    """Tell whether a loader is the one of the table: the media types that it tells stand in its file."""
    entry, stanza = system.files[loader[0]], LOADERS.get(loader[2])
    if stanza is None or entry.kind != "file":
        return False
    data = content_of(entry)
    return is_listed(entry) or all(text.encode() in data for text in _MEDIA_TYPE.findall(stanza))
