"""The meaning for an image of commands that scripts of Debian packages call: one table of words."""

from __future__ import annotations

import re

REVIEWED = re.compile(
    "base-files|base-passwd|bash|ca-certificates|coreutils|dash|debconf|debianutils|dpkg|init-system-helpers|libc-bin|libc6"
    "|libpam-modules(-bin)?|libpam-runtime|login|login[.]defs|mount|netbase|passwd|perl-base|python3([.][0-9]+)?(-minimal)?"
    "|sysvinit-utils|tzdata|ucf|usrmerge|usr-is-merged|util-linux"
    # libraries bring these along, and nothing of them runs in a container
    "|dbus|dbus-system-bus-common|dmsetup|libpam-systemd|systemd|systemd-sysv|udev"
    # what they make is a list of what was there before, or another name for a default
    "|fontconfig|fontconfig-config|iproute2|kmod|libglib2[.]0-0(t64)?|mariadb-common|openssh-client|poppler-data"
    "|vim-runtime|xfonts-utils"
)
"""Packages whose scripts were read: what is left undone of them is about logins, upgrades, questions and services."""

PROOFS = {"ca-certificates-java": "etc/ssl/certs/java/cacerts"}
"""Packages whose scripts make nothing but a file, and that file."""

_ASKING = (
    "[ alias awk base64 basename cat cmp cut date diff dirname dpkg dpkg-architecture dpkg-query "
    "dpkg-realpath egrep expr false fgrep fold gawk getcap getent grep head hostname id ischroot kpsewhich "
    "logger ls mawk md5sum mktemp mountpoint nproc paperconf pg_lsclusters pidof ps pwd readlink realpath "
    "rmdir runlevel seq sha256sum sleep sort ss stat sync tac tail test tr uname uniq wc which whoami zcat"
)
ASKING = frozenset(_ASKING.split())
"""Commands that change no file, or none that stays."""

DONE = frozenset(
    {
        *("ldconfig", "update-ca-certificates", "update-gsfontmap"),
        *("gdk-pixbuf-query-loaders", "libgvc6-config-update", "gio-querymodules", "glib-compile-schemas"),
        *("update-desktop-database", "update-mime-database"),
    }
)
"""Commands whose files are made from those of all packages."""

_WITHOUT_EFFECT = (
    "aa-enabled aa-status add-shell apparmor_parser chkconfig chsh dbus-uuidgen deb-systemd-helper "
    "deb-systemd-invoke debconf-set-selections depmod dpkg-maintscript-helper dpkg-trigger emacs-install "
    "emacs-package-install fc-cache gtk-query-immodules-3.0 gtk-update-icon-cache gtk4-update-icon-cache "
    "install-info invoke-rc.d journalctl kill killall mandb modprobe nscd pg_updateaptconfig pkill py3clean "
    "py3compile pycompile rc-service remove-shell rm_conffile runit-helper service start-stop-daemon "
    "systemctl systemd-hwdb systemd-machine-id-setup systemd-tmpfiles telinit ucfr udevadm update-binfmts "
    "update-fonts-alias update-fonts-dir update-fonts-scale update-icon-caches update-inetd update-info-dir "
    "update-initramfs update-menus update-mime update-python-modules update-rc.d update-service update-shells "
    "vgcfgbackup"
)
WITHOUT_EFFECT = frozenset(_WITHOUT_EFFECT.split())
"""Commands that make nothing which a program of an image needs.

There is no init, no udev and no kernel of its own; the others are about upgrades, menus, manuals, logins and caches.
"""

_ACCOUNTS = "users and groups that it asks for are not there"
_TEX = "TeX has neither its formats nor a list of its files, and does not run"
_DICTIONARY = "its dictionaries are not compiled"
_CONFIGURATION = "its configuration is not made"

MEANINGS = {
    **dict.fromkeys(("addgroup", "adduser", "groupadd", "groupmod", "useradd", "usermod", "deluser"), _ACCOUNTS),
    **dict.fromkeys(("systemd-sysusers", "sysuser-helper"), _ACCOUNTS),
    **dict.fromkeys(("a2enconf", "a2enmod", "a2ensite"), "no module and no site of Apache is turned on"),
    **dict.fromkeys(("aspell-autobuildhash", "update-dictcommon-aspell"), _DICTIONARY),
    **dict.fromkeys(("update-dictcommon-hunspell", "update-default-wordlist", "update-default-ispell"), _DICTIONARY),
    "mecab-dict-index": _DICTIONARY,
    **dict.fromkeys(("fmtutil-sys", "mktexlsr", "update-fmtutil", "update-language", "update-texmf"), _TEX),
    **dict.fromkeys(("update-texmf-config", "update-updmap", "updmap-sys", "tl-paper"), _TEX),
    **dict.fromkeys(("locale-gen", "update-locale"), "it has no locale but C.UTF-8; `locales-all` has all of them"),
    **dict.fromkeys(("update-catalog", "update-xmlcatalog"), "its DTDs and schemas are in no catalog of XML or SGML"),
    **dict.fromkeys(("configure_version", "pg_createcluster"), "there is no cluster of a database"),
    **dict.fromkeys(("postconf", "newaliases", "update-exim4.conf", "update-exim4defaults"), _CONFIGURATION),
    **dict.fromkeys(("pam-auth-update", "shadowconfig"), "logins do not know of it"),
    "chattr": "files keep their attributes",
    "dpkg-divert": "files of other packages stay where they are",
    "make-ssl-cert": "there is no certificate of this machine",
    "odbcinst": "its driver is in no /etc/odbcinst.ini",
    "pg_updatedicts": _DICTIONARY,
    "setcap": "its program lacks a capability, and needs root",
    "ssh-keygen": "there are no keys of this host",
    "update-perl-sax-parsers": "XML::SAX knows no parser",
}
"""What it means for an image that a command was not run."""

BYTE_COMPILING = re.compile(r"python3(\.[0-9]+)?")
"""Interpreters that are run for `py_compile`."""
