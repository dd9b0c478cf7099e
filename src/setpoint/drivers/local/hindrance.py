"""Was it the machine that kept something from being started, and nothing of the app?"""

import errno
import os

OURS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})


def hindrance(error: BaseException | None) -> str:
    """What the machine lacks: 'No space left on device'; '' where it is not that."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in OURS:
            return os.strerror(error.errno)
        error = error.__cause__
    return ""
