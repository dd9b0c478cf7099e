"""Runs commands on a tree inside the app's sandbox, and sends back what became of it.

    python -I -u tree.py IN_FD OUT_FD FOLDER COMMAND...

The tree comes as a tar and leaves as one, so that nobody outside ever has to look into a folder
that the app's own code wrote. Standard library only. Exit code 100 + n: command n failed.
"""

import os
import stat
import subprocess
import sys
import tarfile

COMMAND_FAILED = 100
FAILED = 65
BLOCK_BYTES = 1 << 20


def main() -> int:
    tree, out, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    for fd in (tree, out):
        os.set_inheritable(fd, False)
    os.umask(0o022)
    try:
        unpack(tree, folder)
        for number, command in enumerate(sys.argv[4:]):
            print(f"$ {command}", flush=True)
            code = run(command, folder)
            if code:
                print(f"it ended with {words(code)}", flush=True)
                return COMMAND_FAILED + number
        send(folder, out)
    except (OSError, tarfile.TarError) as error:
        print(f"cannot go on: {error}", file=sys.stderr)
        return FAILED
    return 0


def unpack(tree: int, folder: str) -> None:
    """The walls around us are what confines it."""
    with open(tree, "rb") as raw, tarfile.open(fileobj=raw, mode="r|") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)


def run(command: str, folder: str) -> int:
    return subprocess.run(
        ["/bin/bash", "-c", command], cwd=folder, stdin=subprocess.DEVNULL
    ).returncode


def words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"


def send(folder: str, out: int) -> None:
    with (
        open(out, "wb", BLOCK_BYTES) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        put(tar, folder, "")


def put(tar: tarfile.TarFile, folder: str, inside: str) -> None:
    """Files, folders and links. What is none of them has no business in a tree."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        member = tarfile.TarInfo(f"{inside}{entry.name}")
        seen = entry.stat(follow_symlinks=False)
        member.mode = seen.st_mode & 0o777
        if entry.is_symlink():
            member.type = tarfile.SYMTYPE
            member.linkname = relative(os.readlink(entry.path), entry.path)
            tar.addfile(member)
        elif entry.is_dir():
            member.type = tarfile.DIRTYPE
            tar.addfile(member)
            put(tar, entry.path, f"{member.name}/")
        elif stat.S_ISREG(seen.st_mode):
            with open(entry.path, "rb") as file:
                member.size = os.fstat(file.fileno()).st_size
                tar.addfile(member, file)
        else:
            print(f"left out, for it is no file: {member.name}", flush=True)


def relative(target: str, link: str) -> str:
    """A link to an absolute path of the tree goes on working wherever the tree lies."""
    top = sys.argv[3].rstrip("/")
    if target != top and not target.startswith(f"{top}/"):
        return target
    return os.path.relpath(target, os.path.dirname(link))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # what a command left running has no say any more
