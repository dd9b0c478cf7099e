"""Doors in: decode, one intent or one view, encode. Status codes live in errors.py alone.

routes    the one table: method, path, handler, need, summary
app       the table served: Starlette, raw paths, one answer for what is not in the table
serve     what happens around every handler
platform  Heroku Platform API v3, one file per noun
native    Setpoint's own, under /v1
"""
