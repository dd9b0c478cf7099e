"""A process of Setpoint on a small machine, as it says: python on_small_machine.py MIB MODULE"""

import os
import runpy
import sys

mib, module = int(sys.argv[1]), sys.argv[2]
_sysconf = os.sysconf


def _small(name: str | int) -> int:
    if name == "SC_PHYS_PAGES":
        return (mib << 20) // _sysconf("SC_PAGE_SIZE")
    return _sysconf(name)


os.sysconf = _small
sys.argv[1:] = []
runpy.run_module(module, run_name="__main__")
