"""The files that hold credentials, recognised by the names that programs give them."""

from __future__ import annotations

import fnmatch
import re

FOLDERS = (
    ".git",  # its configuration has the token of a checkout in CI, its history what was ever committed
    ".hg",  # hgrc has passwords
    ".ssh",
    ".gnupg",
    ".aws",  # credentials, and tokens of single sign-on
    ".azure",
    ".kube",
    ".password-store",
    ".config/gcloud",
)
"""Folders in which every file counts."""

FILES = (
    ".env",
    ".env.*",
    ".envrc",
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".yarnrc.yml",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".htpasswd",
    ".vault-token",
    ".boto",
    ".s3cfg",
    ".databrickscfg",
    ".dockercfg",
    ".dockerconfigjson",
    ".docker/config.json",
    ".containers/auth.json",
    "containers/auth.json",
    ".config/gh/hosts.yml",
    ".config/hub",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".streamlit/secrets.toml",
    ".terraformrc",
    "credentials.tfrc.json",
    "*.tfstate",  # Terraform writes the secrets of what it made into its state
    "*.tfstate.*",
    "kubeconfig",
    "*.kubeconfig",
    "application_default_credentials.json",
    "client_secret*.json",
    "service-account*.json",
    "service_account*.json",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "*.pem",  # certificates too: the name does not tell them from private keys
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "*.kdbx",
    ".*_history",
)
"""Names of files, with the folders that they are in where that tells."""

_HARMLESS = ("*.pub", ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.defaults")
"""What has such a name, and is public or an example by its ending."""


_IN_FOLDER = re.compile(f"(?:.*/)?({'|'.join(map(re.escape, FOLDERS))})(?:/.*)?", re.DOTALL)
_IS_HARMLESS = re.compile("|".join(map(fnmatch.translate, _HARMLESS)))
_MAY_BE = re.compile("|".join(fnmatch.translate(name.rpartition("/")[2]) for name in FILES))
_RULES = tuple((name, re.compile(fnmatch.translate(name))) for name in FILES)


def find_rule(path: str) -> str:
    """Return the name by which a file, given as a path with slashes, counts as one with credentials; else nothing."""
    folded = path.casefold()
    if match := _IN_FOLDER.fullmatch(folded):
        return match[1]
    name = folded.rpartition("/")[2]
    if _IS_HARMLESS.fullmatch(name) or not _MAY_BE.fullmatch(name):
        return ""
    return next((rule for rule, pattern in _RULES if pattern.fullmatch(_last(folded, rule.count("/") + 1))), "")


def _last(path: str, count: int) -> str:
    return "/".join(path.rsplit("/", count)[-count:])
