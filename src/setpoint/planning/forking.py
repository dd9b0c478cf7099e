"""May this instance come of a process that was started without its config? Pure."""

from collections.abc import Iterable, Mapping

EVERYTHING = "*"
"""in place of a variable's name: an import looked at all of them"""
_READ_BELOW = ("LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "OPENSSL_", "SSL_")
READ_BELOW_PYTHON = (
    *(*_READ_BELOW, "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_"),
    *("GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_"),
)
"""Beginnings of variables that libraries in C read as they are loaded, where nobody sees it."""
READ_BELOW_NODE = (*_READ_BELOW, "NODE_", "UV_", "ICU_", "DEBUG")
"""The same, and those that a package of the runtime looks for among all names."""


def fresh_because(
    touched: Iterable[str],
    before: Mapping[str, str],
    wanted: Mapping[str, str],
    read_below: tuple[str, ...] = READ_BELOW_PYTHON,
) -> str:
    """'', or why it has to be a process of its own. `touched`: variables that imports read or
    wrote while the environment was `before`; the instance is to see `wanted`."""
    seen = frozenset(touched)
    if EVERYTHING in seen:
        return "what it imports looks at every variable as it is imported"
    keys = before.keys() | wanted.keys()
    other = sorted(key for key in keys if before.get(key) != wanted.get(key))
    for key in other:
        if key in seen:
            return f"what it imports looks at {key} as it is imported"
        if key.startswith(read_below):
            return f"{key} may be read as libraries are loaded"
    return ""
