"""Knows which programs and packages were seen to work in an image, with what each does there and what it prints."""

from __future__ import annotations

from dataclasses import dataclass

BOTH = ("trixie", "bookworm")


@dataclass(frozen=True, slots=True)
class Proof:
    """An image and what its script must print: `said` is a regular expression for all of it."""

    name: str
    packages: tuple[str, ...]
    code: str
    said: str
    needs: tuple[str, ...] = ()
    """Requirements from the package index."""
    suites: tuple[str, ...] = BOTH
    platforms: tuple[str, ...] = ("linux/amd64", "linux/arm64")


def shell(name: str, packages: str, commands: str, said: str, suites: tuple[str, ...] = BOTH) -> Proof:
    """Return the proof that a shell's commands print something, with /bin/sh as `subprocess` finds it."""
    code = (
        "import subprocess, sys\n"
        f"done = subprocess.run({commands!r}, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)\n"
        "print(done.stdout, end='')\n"
        "sys.exit(done.returncode)\n"
    )
    return Proof(name, tuple(packages.split()), code, said, suites=suites)


def python(name: str, packages: str, needs: str, code: str, said: str, suites: tuple[str, ...] = BOTH) -> Proof:
    """Return the proof that code runs with packages of Debian and of the package index."""
    return Proof(name, tuple(packages.split()), code, said, tuple(needs.split()), suites)


ENGLISH = """\
from PIL import Image, ImageDraw, ImageFont
image = Image.new("RGB", (420, 80), "white")
ImageDraw.Draw(image).text((10, 10), "Hello 12345", "black", ImageFont.load_default(48))
image.save("/tmp/text.png")
"""

JAVA = """\
import java.security.KeyStore;
import javax.net.ssl.*;
public class Trust {
    public static void main(String[] arguments) throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        System.out.println(((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length > 100);
    }
}
"""

STANDARD_LIBRARY = """\
import bz2, ctypes, ctypes.util, curses, getpass, locale, lzma, os, pwd, readline, sqlite3, socket, ssl, zlib, zoneinfo
print(ctypes.util.find_library("c"), ctypes.util.find_library("ssl"))
curses.setupterm("xterm-256color")
print(curses.tigetnum("colors"))
print(locale.setlocale(locale.LC_ALL, "C.UTF-8"), sqlite3.connect(":memory:").execute("select 6 * 7").fetchone())
print(ssl.create_default_context().cert_store_stats()["x509_ca"] > 100, zoneinfo.ZoneInfo("Asia/Tokyo"))
print(getpass.getuser(), os.path.expanduser("~") == pwd.getpwuid(os.getuid()).pw_dir, os.access(os.path.expanduser("~"), os.W_OK))
print(socket.gethostbyname("localhost"), os.path.isfile("/etc/nsswitch.conf"), os.path.isfile("/etc/ld.so.cache"))
"""
STANDARD_SAID = (
    r"libc\.so\.6 libssl\.so\.3\n256\nC\.UTF-8 \(42,\)\nTrue Asia/Tokyo\nnonroot True True\n127\.0\.0\.1 True True\n"
)

PROOFS = (
    python("standard-library", "", "", STANDARD_LIBRARY, STANDARD_SAID),
    python("standard-library-with-packages", "gzip", "", STANDARD_LIBRARY, STANDARD_SAID),
    python(
        "locales",
        "locales-all",
        "",
        'import locale\nlocale.setlocale(locale.LC_ALL, "de_DE.UTF-8")\nprint(locale.format_string("%.2f", 1234.5, True))\n',
        r"1\.234,50\n",
    ),
    shell(
        "shell", "gzip", "echo hi; id -un; ls -d /tmp; test -x /bin/sh && which sh", r"hi\nnonroot\n/tmp\n.*/bin/sh\n"
    ),
    shell(
        "gzip",
        "gzip",
        "cd /tmp && echo some text >a && gzip a && zgrep -c text a.gz && zcat a.gz && gunzip a.gz && cat a",
        r"1\nsome text\nsome text\n",
    ),
    shell("mawk", "mawk", "awk 'BEGIN { print 6 * 7 }'", r"42\n"),
    shell("gawk", "gawk", "awk --version | head -n 1", r"GNU Awk .*\n"),
    shell(
        "small-tools",
        "bc bsdextrautils bzip2 file jq make openssl procps rsync sqlite3 unzip wget xz-utils zip",
        "set -e; cd /tmp; echo '2^10' | bc; echo a b | column -t; echo '{\"a\": [1]}' | jq -c .a; sqlite3 :memory: 'select 1';"
        " echo x >x; zip -q x.zip x; unzip -p x.zip; xz x; xzcat x.xz; file -b --mime-type x.xz; echo y | bzip2 | bzcat;"
        " rsync x.xz y.xz; cmp x.xz y.xz; find . -name y.xz; ps -o comm= -p $$; openssl version | cut -c1-7; wget --version | head -c 8;"
        " echo; printf 'all:\\n\\t@echo made\\n' | make -sf -",
        r"1024\na  b\n\[1\]\n1\nx\nx\napplication/x-xz\ny\n\./y\.xz\nsh\nOpenSSL\nGNU Wget\nmade\n",
    ),
    shell(
        "editors",
        "vim-tiny nano",
        "vi --version | head -c 3; echo; editor --version | grep -o nano | head -n 1; nano --version | grep -o 'GNU nano'",
        r"VIM\nnano\nGNU nano\n",
    ),
    shell(
        "ffmpeg",
        "ffmpeg",
        "set -e; cd /tmp; ffmpeg -version | head -c 14; echo; ffmpeg -v error -f lavfi -i sine=duration=1 -c:a libmp3lame a.mp3;"
        " ffmpeg -v error -i a.mp3 a.ogg; ffprobe -v error -show_entries stream=codec_name -of csv=p=0 a.ogg",
        r"ffmpeg version\nvorbis\n",
    ),
    shell(
        "gdal",
        "gdal-bin",
        "set -e; cd /tmp; printf 'ncols 2\\nnrows 2\\nxllcorner 0\\nyllcorner 0\\ncellsize 1\\n1 2\\n3 4\\n' >a.asc;"
        " gdal_translate -q -a_srs EPSG:4326 a.asc a.tif; gdalinfo a.tif | grep -E '^(Driver|Size)'; gdalinfo a.tif | grep -c 'WGS 84'",
        r"Driver: GTiff/GeoTIFF\nSize is 2, 2\n[1-9]\n",
    ),
    shell(
        "java",
        "default-jre-headless",
        "java -version && keytool -list -cacerts -storepass changeit 2>/dev/null | grep -oE 'contains [0-9]{3} entries'",
        r"openjdk version [^\n]*\n[^\n]*\n[^\n]*\ncontains \d+ entries\n",
    ),
    shell(
        "javac",
        "default-jdk-headless",
        f"cd /tmp && printf %s '{JAVA}' >Trust.java && javac Trust.java && java -cp . Trust",
        r"true\n",
    ),
    shell(
        "graphviz",
        "graphviz",
        "echo 'digraph { a -> b }' >/tmp/a; dot -Tsvg /tmp/a | grep -c 'class=.node'; dot -Tpng /tmp/a -o /tmp/png; head -c 4 /tmp/png | tail -c 3; dot -Tpdf /tmp/a -o /tmp/pdf; head -c 4 /tmp/pdf",
        r"2\nPNG%PDF",
    ),
    shell(
        "imagemagick",
        "imagemagick",
        "set -e; cd /tmp; convert -size 10x10 xc:red a.png; identify -format '%m %w\\n' a.png; convert a.png a.jpg; identify -format '%m\\n' a.jpg",
        r"PNG 10\nJPEG\n",
    ),
    shell(
        "chromium",
        "chromium",
        "echo '<p id=a></p><script>a.textContent = 6 * 7</script>' >/tmp/a.html;"
        " chromium --headless --no-sandbox --disable-gpu --dump-dom file:///tmp/a.html 2>/tmp/log | grep -o '>42<' || { cat /tmp/log; false; }",
        r">42<\n",
    ),
    python(
        "tesseract",
        "tesseract-ocr",
        "pillow",
        f"{ENGLISH}import subprocess\nprint(subprocess.run(['tesseract', '/tmp/text.png', '-'], capture_output=True, text=True).stdout.strip())\n",
        r"Hello 12345\n",
    ),
    shell(
        "git",
        "git",
        "set -e; cd /tmp; git init -q a; cd a; git config user.email a@b; git config user.name a; echo x >x; git add x; git commit -qm first; git log --format=%s;"
        " git clone -q /tmp/a /tmp/b; ls /tmp/b",
        r"first\nx\n",
    ),
    shell("postgresql-client", "postgresql-client", "psql --version", r"psql \(PostgreSQL\) 1\d\.\d+.*\n"),
    shell(
        "node",
        "nodejs",
        'node -e \'console.log(6 * 7, require("crypto").createHash("md5").update("").digest("hex").slice(0, 4))\'',
        r"42 d41d\n",
    ),
    shell("pandoc", "pandoc", "echo '# hi' | pandoc", r'<h1 id="hi">hi</h1>\n'),
    shell(
        "curl", "curl", "curl --version | head -c 5; echo; echo text >/tmp/a; curl -s file:///tmp/a", r"curl \ntext\n"
    ),
    shell("perl", "perl", "perl -MJSON::PP -e 'print encode_json([6 * 7]), \"\\n\"'", r"\[42\]\n"),
    shell(
        "ghostscript",
        "ghostscript poppler-utils",
        "cd /tmp; echo '%!PS\n/Helvetica findfont 20 scalefont setfont 50 50 moveto (Hello) show showpage' >a.ps; gs -q -o a.pdf -sDEVICE=pdfwrite a.ps; pdftotext a.pdf -",
        r"Hello\n\n?\f",
    ),
    shell(
        "openssh-client",
        "openssh-client",
        "ssh -V 2>&1 | head -c 7; cd /tmp; ssh-keygen -q -t ed25519 -N '' -f key && cut -d' ' -f1 key.pub",
        r"OpenSSHssh-ed25519\n",
    ),
    shell("mysql-client", "default-mysql-client", "mysql --version", r"mysql .*MariaDB.*\n"),
    shell("php", "php-cli", "php -r 'echo json_encode([6 * 7]);'", r"\[42\]"),
    shell("ruby", "ruby", "ruby -e 'puts 6 * 7'", r"42\n"),
    shell(
        "libreoffice",
        "libreoffice-writer-nogui",
        "cd /tmp && echo hello >a.txt && soffice --headless --convert-to pdf a.txt >/dev/null && head -c 4 a.pdf",
        r"%PDF",
    ),
    python(
        "tkinter",
        "python3-tk",
        "",
        "import tkinter\nprint(tkinter.Tcl().eval('expr 6 * 7'))\n",
        r"42\n",
    ),
    shell(
        "fonts",
        "fontconfig fonts-dejavu-core",
        "fc-match -f '%{family}\\n' sans; fc-list : family | grep -c 'DejaVu Sans Mono'",
        r"DejaVu Sans\n[1-9]\n",
    ),
    shell(
        "media-tools",
        "sox libimage-exiftool-perl mediainfo espeak-ng",
        "set -e; cd /tmp; sox -n a.wav synth 1 sine 440; exiftool -s3 -MIMEType a.wav; mediainfo --Inform='Audio;%Format%' a.wav;"
        " espeak-ng -w b.wav hello; head -c 4 b.wav",
        r"audio/(x-)?wav\nPCM\nRIFF",
    ),
    shell(
        "redis",
        "redis-server",
        "cd /tmp; redis-server --port 0 --unixsocket /tmp/r --daemonize yes >log; sleep 3; redis-cli -s /tmp/r set a 42; redis-cli -s /tmp/r get a",
        r"OK\n42\n",
    ),
    shell(
        "postgresql",
        "postgresql",
        "set -e; cd /tmp; PATH=$(echo /usr/lib/postgresql/*/bin):$PATH; initdb -D d >log; pg_ctl -w -D d -o \"-k /tmp -h ''\" -l log start >/dev/null;"
        " psql -h /tmp -d postgres -Atc 'select 6 * 7'; pg_ctl -m immediate -D d stop >/dev/null",
        r"42\n",
    ),
    shell(
        "nginx",
        "nginx",
        "nginx -v 2>&1 | cut -c1-20; test -f /etc/nginx/nginx.conf && echo there",
        r"nginx version: nginx\nthere\n",
    ),
    shell(
        "gdk-pixbuf",
        "libgdk-pixbuf2.0-bin librsvg2-common librsvg2-bin webp-pixbuf-loader",
        'cd /tmp && echo \'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\' >a.svg && rsvg-convert a.svg >a.png && head -c 4 a.png | tail -c 3'
        " && gdk-pixbuf-csource --raw a.svg | grep -c rowstride",
        r"PNG1\n",
    ),
    shell(
        "glib-schemas",
        "libglib2.0-bin gsettings-desktop-schemas",
        "gsettings get org.gnome.desktop.interface gtk-theme; gsettings list-schemas | grep -c proxy",
        r"'Adwaita'\n[1-9]\d*\n",
    ),
    shell(
        "mime",
        "shared-mime-info libglib2.0-bin",
        "echo '%PDF-1.4' >/tmp/x; gio info -a standard::content-type /tmp/x | tail -n 1",
        r"  standard::content-type: application/pdf\n",
    ),
    python(
        "find-library",
        "libzbar0 libusb-1.0-0 libmagic1 libcairo2",
        "",
        "from ctypes.util import find_library\nprint([find_library(each) for each in ('zbar', 'usb-1.0', 'magic', 'cairo', 'none')])\n",
        r"\['libzbar\.so\.0', 'libusb-1\.0\.so\.0', 'libmagic\.so\.1', 'libcairo\.so\.2', None\]\n",
    ),
    python(
        "pyzbar",
        "libzbar0",
        "pyzbar qrcode pillow",
        "import qrcode\nfrom pyzbar.pyzbar import decode\nqrcode.make('hello').save('/tmp/a.png')\nfrom PIL import Image\nprint(decode(Image.open('/tmp/a.png'))[0].data)\n",
        r"b'hello'\n",
    ),
    python(
        "pyusb", "libusb-1.0-0", "pyusb", "import usb.core\nprint(list(usb.core.find(find_all=True)))\n", r"\[.*\]\n"
    ),
    python(
        "python-magic",
        "libmagic1",
        "python-magic",
        "import magic\nprint(magic.from_buffer(b'%PDF-1.4'), magic.from_buffer(b'hi', mime=True))\n",
        r"PDF document, version 1\.4.* text/plain\n",
    ),
    python(
        "wand",
        "libmagickwand-7.q16-10",
        "Wand",
        "from wand.image import Image\nfrom wand.color import Color\nwith Image(width=4, height=4, background=Color('red')) as image:\n    print(image.make_blob('png')[1:4])\n",
        r"b'PNG'\n",
        suites=("trixie",),
    ),
    python(
        "wand-6",
        "libmagickwand-6.q16-6",
        "Wand",
        "from wand.image import Image\nfrom wand.color import Color\nwith Image(width=4, height=4, background=Color('red')) as image:\n    print(image.make_blob('png')[1:4])\n",
        r"b'PNG'\n",
        suites=("bookworm",),
    ),
    python(
        "cairosvg",
        "libcairo2",
        "cairosvg",
        'import cairosvg\nprint(cairosvg.svg2png(b\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\')[1:4])\n',
        r"b'PNG'\n",
    ),
    python(
        "weasyprint",
        "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core",
        "weasyprint",
        "import weasyprint\nprint(weasyprint.HTML(string='<h1>hi</h1>').write_pdf()[:4])\n",
        r"b'%PDF'\n",
    ),
    python(
        "opencv",
        "libgl1 libglib2.0-0",
        "opencv-python numpy",
        "import cv2, numpy\nprint(cv2.resize(numpy.ones((4, 4, 3), numpy.uint8), (8, 8)).shape)\n",
        r"\(8, 8, 3\)\n",
    ),
    python(
        "blas",
        "libblas3 liblapack3",
        "",
        "import ctypes\nprint(bool(ctypes.CDLL('libblas.so.3').ddot_), bool(ctypes.CDLL('liblapack.so.3').dgesv_))\n",
        r"True True\n",
    ),
    python(
        "openblas",
        "libopenblas0-pthread",
        "",
        "import ctypes\nprint(bool(ctypes.CDLL('libblas.so.3').openblas_get_config))\n",
        r"True\n",
    ),
)

SELECTION = Proof(
    "selection",
    ("mawk", "gzip", "libblas3", "graphviz"),
    STANDARD_LIBRARY
    + (
        "import subprocess\n"
        "ctypes.CDLL('libblas.so.3').ddot_\n"
        "print(ctypes.util.find_library('gvc'))\n"
        "commands = \"\"\"echo hi | gzip | zgrep -c hi; awk 'BEGIN { print 6 * 7 }'; echo 'digraph { a -> b }' | dot -Tsvg | grep -c 'class=.node'\"\"\"\n"
        "print(subprocess.run(commands, shell=True, capture_output=True, text=True).stdout, end='')\n"
    ),
    STANDARD_SAID + r"libgvc\.so\.[67]\n1\n42\n2\n",
    suites=("trixie",),
)
"""What each run of the tests shows: a program that is an alternative, one that is a shell's script, caches and plugins."""
