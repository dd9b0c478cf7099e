"""Import all that is imported late, while we may still read our own files.

The plane's processes start as root and then take a uid of their own. The program may lie below a
folder closed to that uid (a checkout in root's home), so nothing may be imported afterwards.
"""

import importlib

LATE = (
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.x509",
    "encodings.idna",
    "uvicorn.lifespan.off",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.middleware.proxy_headers",
    "anyio._backends._asyncio",
    "tomllib",
    "email.header",
    "concurrent.futures.thread",
    "multiprocessing.connection",
)


def everything() -> None:
    for name in LATE:
        importlib.import_module(name)
