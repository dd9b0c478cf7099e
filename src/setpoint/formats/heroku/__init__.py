"""Heroku Platform API v3, bytes <-> model, no I/O.

shapes    what replies look like, every field of each object (a missing key breaks real clients)
write     model -> shapes
read      what real clients send -> values
ranges    the Range and Next-Range convention of lists
"""
