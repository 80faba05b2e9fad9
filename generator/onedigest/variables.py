"""The table of environment variables that the program reads, which their reference page is made of.

Programs that are run, such as docker, Bazel and Nix, get the whole environment and read more.
"""

from __future__ import annotations

from typing import NamedTuple


class Variable(NamedTuple):
    """One row of the table. In a name, `{NAME}` stands for a part that a user chooses."""

    name: str
    of: str
    """Who defined it: `onedigest`, or the program or specification that it is of."""
    says: str
    example: str


_OURS, _UV, _XDG, _PROXIES, _TLS, _SYSTEM = "onedigest", "uv", "XDG", "curl", "OpenSSL", "POSIX"

VARIABLES = (
    Variable(
        "ONEDIGEST_DEBIAN_MIRROR",
        _OURS,
        "A mirror of Debian's archive, which is asked before the sources of apt.",
        "https://mirror.example.com/debian",
    ),
    Variable(
        "ONEDIGEST_DEBIAN_SECURITY_MIRROR",
        _OURS,
        "A mirror of Debian's security archive.",
        "https://mirror.example.com/debian-security",
    ),
    Variable(
        "ONEDIGEST_LOCKED",
        _OURS,
        "Any value but `0`: Flyte's builder writes no lock, and refuses an image that differs from its record.",
        "1",
    ),
    Variable("ONEDIGEST_NIX_PYTHON", _OURS, "The Python that Nix's builders run.", "/usr/bin/python3"),
    Variable(
        "ONEDIGEST_REGISTRY_HOSTS",
        _OURS,
        "Folders of hosts.toml, with `:` between them; empty, no such file counts.",
        "/etc/containerd/certs.d",
    ),
    Variable(
        "ONEDIGEST_REGISTRY_MIRRORS",
        _OURS,
        "Mirrors that images are read from, as pairs of a registry and a host.",
        "docker.io=mirror.example.com/hub",
    ),
    Variable(
        "ONEDIGEST_SECRETS",
        _OURS,
        "Secrets that an image of Flyte may use, each with the host that it is for.",
        "TEAM_TOKEN@index.example.com",
    ),
    Variable("NO_COLOR", "no-color.org", "Where it is set, words have no colour; `--color` counts before it.", "1"),
    Variable("FORCE_COLOR", "force-color.org", "Where it is set, words have colours without a terminal.", "1"),
    Variable("PATH", _SYSTEM, "Where docker, podman, Bazel, Nix, git and keyring are looked for.", "/usr/bin:/bin"),
    Variable("HOME", _SYSTEM, "The folder that the folders of XDG are below, where those are not set.", "/home/me"),
    Variable("TMPDIR", _SYSTEM, "Where git has its temporary files.", "/srv/scratch"),
    Variable("XDG_CACHE_HOME", _XDG, "The folder of the store, as `onedigest` below it.", "/var/cache/me"),
    Variable("XDG_STATE_HOME", _XDG, "The folder of the key that seals notes of the store.", "/var/lib/me"),
    Variable("XDG_CONFIG_HOME", _XDG, "The folder of your settings of uv and of containers.", "/home/me/.config"),
    Variable("XDG_CONFIG_DIRS", _XDG, "Folders of the machine's settings of uv.", "/etc/xdg"),
    Variable("XDG_DATA_HOME", _XDG, "The folder of the credentials that `uv auth` keeps.", "/home/me/.local/share"),
    Variable("XDG_RUNTIME_DIR", _XDG, "The folder of podman's credentials.", "/run/user/1000"),
    Variable("DOCKER_CONFIG", "docker", "The folder of docker's config.json, for credentials.", "/home/me/.docker"),
    Variable("REGISTRY_AUTH_FILE", "podman", "The file of podman's credentials.", "/run/secrets/auth.json"),
    Variable("NETRC", "curl", "The file of users and passwords by host.", "/home/me/.netrc"),
    Variable("http_proxy", _PROXIES, "The proxy before addresses of http.", "http://proxy.example.com:3128"),
    Variable("HTTP_PROXY", _PROXIES, "The same, after the small form.", "http://proxy.example.com:3128"),
    Variable("https_proxy", _PROXIES, "The proxy before addresses of https.", "http://proxy.example.com:3128"),
    Variable("HTTPS_PROXY", _PROXIES, "The same, after the small form.", "http://proxy.example.com:3128"),
    Variable("all_proxy", _PROXIES, "The proxy before both, where they have none of their own.", "socks5h://localhost"),
    Variable("ALL_PROXY", _PROXIES, "The same, after the small form.", "socks5h://localhost"),
    Variable("no_proxy", _PROXIES, "Hosts without a proxy.", ".corp.example,10.0.0.0/8"),
    Variable("NO_PROXY", _PROXIES, "The same, after the small form.", ".corp.example,10.0.0.0/8"),
    Variable("REQUEST_METHOD", "CGI", "Where it is set, `HTTP_PROXY` does not count: a visitor could set it.", "GET"),
    Variable(
        "SSL_CERT_FILE", _TLS, "Authorities, in place of the machine's own, as one file.", "/etc/ssl/certs/corp.pem"
    ),
    Variable("SSL_CERT_DIR", _TLS, "Authorities, in place of the machine's own, as folders.", "/etc/ssl/corp"),
    Variable("SSL_CLIENT_CERT", _UV, "Your own certificate with its key, as PEM.", "/home/me/client.pem"),
    Variable(
        "REQUESTS_CA_BUNDLE", "requests", "Authorities beside the machine's own, as file or folder.", "/etc/corp.pem"
    ),
    Variable("CURL_CA_BUNDLE", "curl", "The same, where `REQUESTS_CA_BUNDLE` is not set.", "/etc/corp.pem"),
    Variable("UV_SYSTEM_CERTS", _UV, "`true`: the authorities of the system count.", "true"),
    Variable("UV_NATIVE_TLS", _UV, "The older name of `UV_SYSTEM_CERTS`.", "true"),
    Variable("UV_INSECURE_HOST", _UV, "Hosts whose certificates are not looked at.", "index.corp.example"),
    Variable("UV_CONFIG_FILE", _UV, "The uv.toml that counts in place of yours.", "/etc/corp/uv.toml"),
    Variable("UV_NO_CONFIG", _UV, "`1`: no uv.toml counts.", "1"),
    Variable("UV_DEFAULT_INDEX", _UV, "The index that packages are of.", "https://index.example.com/simple"),
    Variable("UV_INDEX", _UV, "Further indexes, each with a name before it.", "corp=https://index.example.com/simple"),
    Variable("UV_INDEX_URL", _UV, "The older name of `UV_DEFAULT_INDEX`.", "https://index.example.com/simple"),
    Variable("UV_EXTRA_INDEX_URL", _UV, "The older name of `UV_INDEX`.", "https://index.example.com/simple"),
    Variable("UV_FIND_LINKS", _UV, "Folders and pages that have wheels.", "/srv/wheels"),
    Variable("UV_NO_INDEX", _UV, "`1`: no index is asked.", "1"),
    Variable("UV_INDEX_{NAME}_USERNAME", _UV, "The user of the index of that name.", "me"),
    Variable("UV_INDEX_{NAME}_PASSWORD", _UV, "The password of the index of that name.", "a token"),
    Variable("UV_KEYRING_PROVIDER", _UV, "`subprocess`: the program `keyring` is asked for passwords.", "subprocess"),
    Variable("UV_CREDENTIALS_DIR", _UV, "The folder of the credentials that `uv auth` keeps.", "/home/me/credentials"),
    Variable("UV_PREVIEW", _UV, "`1`: `uv auth` keeps credentials in the system's keychain.", "1"),
    Variable("UV_PREVIEW_FEATURES", _UV, "`native-auth` does the same alone.", "native-auth"),
    Variable("UV_CACHE_DIR", _UV, "The folder of uv's cache.", "/var/cache/uv"),
    Variable("UV_PYTHON_INSTALL_DIR", _UV, "The folder of Pythons that uv manages for you.", "/home/me/pythons"),
    Variable("UV_PYTHON_SEARCH_PATH", _UV, "Where Pythons are looked for, in place of `PATH`.", "/opt/python/bin"),
    Variable("UV_PYTHON_DOWNLOADS", _UV, "`never` or `manual`: uv is not asked to bring a Python.", "never"),
    Variable(
        "UV_PYTHON_INSTALL_MIRROR",
        _UV,
        "Where a Python that uv brings comes from.",
        "https://mirror.example.com/python",
    ),
    Variable("UV_PYTHON_DOWNLOADS_JSON_URL", _UV, "The list of Pythons that uv can bring.", "/etc/corp/pythons.json"),
    Variable("UV_PYTHON_CACHE_DIR", _UV, "The folder of archives of Pythons that uv keeps.", "/var/cache/pythons"),
    Variable("PYENV_ROOT", "pyenv", "The folder that pyenv keeps Pythons in.", "/home/me/.pyenv"),
    Variable("ASDF_DATA_DIR", "asdf", "The folder that asdf keeps Pythons in.", "/home/me/.asdf"),
    Variable("MISE_DATA_DIR", "mise", "The folder that mise keeps Pythons in.", "/home/me/.local/share/mise"),
    Variable(
        "LD_LIBRARY_PATH", "ld.so", "Where a Python that compiles has its libraries, on Linux.", "/opt/python/lib"
    ),
    Variable("DYLD_LIBRARY_PATH", "dyld", "The same, on macOS.", "/opt/python/lib"),
    Variable("DYLD_FALLBACK_LIBRARY_PATH", "dyld", "The same, after the usual folders.", "/opt/python/lib"),
)
"""All variables: ours first, then those of the system, of registries, of the network and of uv."""
