"""Serves a static site, inside its own instance: as a module of a layer, `setpoint_site`.

It imports nothing of Setpoint. What it is to serve was judged when the site was built, and is read
from the code layer.
"""
