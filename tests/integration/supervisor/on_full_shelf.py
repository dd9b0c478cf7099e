"""A process of Setpoint with room for so few sockets: python on_full_shelf.py SOCKETS MODULE"""

import runpy
import sys

from setpoint.drivers.local import sockets

room, module = int(sys.argv[1]), sys.argv[2]
sockets.SHELF_MAX = room
sys.argv[1:] = []
runpy.run_module(module, run_name="__main__")
