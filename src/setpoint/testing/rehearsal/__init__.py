"""Rehearsals: a script of changes and faults, played in the simulated world and told as text.

`script` reads one, `acts` says what it may ask for, `director` carries it out on a `stage`, `ear`
hears what comes of it, `telling` prints that. `restore` puts a snapshot of a Setpoint there first.
"""
