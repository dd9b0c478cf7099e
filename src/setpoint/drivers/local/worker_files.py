"""Our own files that run functions, copied to where every app's user can read them.

The program itself may lie in a closed folder. One copy per content, whole or not at all, compiled
for the interpreter that will run it.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

COMPILE_S_MAX = 20.0
SUFFIXES = (".py", ".mjs")


def install_worker(source: Path, folder: Path, python: str) -> Path:
    """`source`: a folder of Python or JavaScript files. Idempotent. Raises OSError."""
    files = sorted(path for path in source.iterdir() if path.suffix in SUFFIXES)
    digest = hashlib.sha256(python.encode())
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    target = folder / f"{source.name}-{digest.hexdigest()[:12]}"
    if not target.is_dir():
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".worker-", dir=folder))
        _fill(draft, files, python)
        with contextlib.suppress(OSError):
            draft.rename(target)
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _fill(draft: Path, files: list[Path], python: str) -> None:
    for file in files:
        shutil.copyfile(file, draft / file.name)
        (draft / file.name).chmod(0o644)
    draft.chmod(0o755)
    compile_all = [python, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    with contextlib.suppress(subprocess.SubprocessError):  # then each start compiles anew
        subprocess.run([*compile_all, str(draft)], env={"PATH": os.defpath}, timeout=COMPILE_S_MAX)
