"""Runs a Python module where no new namespace can be had, as in an unprivileged container."""

import os
import sys

from setpoint.drivers.local.sandbox import seccomp, syscalls

if __name__ == "__main__":
    syscalls.no_new_privileges()
    syscalls.install_filter(seccomp.program())
    os.execv(sys.executable, [sys.executable, "-m", *sys.argv[1:]])
