"""Bytes over HTTP: connections, proxies, certificates, and what each index is shown."""
