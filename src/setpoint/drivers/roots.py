"""Whom this machine trusts to say who is who, as its own TLS library finds them."""

import ssl
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def trusted() -> bytes:
    """PEM; b'' where there is no such file. Read once: it changes with the operating system."""
    try:
        return Path(ssl.get_default_verify_paths().cafile or "").read_bytes()
    except OSError:
        return b""
