"""What Envoy is told, and what it tells us, as plain data. No protobuf, no I/O.

`project` turns routes and facts into resources; `bootstrap` is the static part; `replies` lists
every answer the edge gives by itself; `router_log` writes Heroku's router line.
"""
