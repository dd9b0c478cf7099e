"""May this instance be forked from a process that was started without its config? Pure."""

from collections.abc import Iterable, Mapping

EVERYTHING = "*"
"""in place of a variable's name: an import looked at all of them"""
READ_BELOW_PYTHON = (
    *("LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_"),
    *("GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "OPENSSL_", "SSL_"),
)
"""Beginnings of variables that libraries in C read as they are loaded, where nobody sees it."""


def fresh_because(
    touched: Iterable[str], before: Mapping[str, str], wanted: Mapping[str, str]
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
        if key.startswith(READ_BELOW_PYTHON):
            return f"{key} may be read as libraries are loaded"
    return ""
