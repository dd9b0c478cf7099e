"""`setpoint`: a client of the API like any other, and the way to start and stop the plane.

main      dispatch; imports only the chosen command (start-up is the budget)
command   the shape of a command, its parser, what it is given
client    HTTP over the unix socket in the data directory, or SETPOINT_URL; stdlib only
output    tables, times, colours, JSON; the one place that escapes foreign text
settle    waiting until what was asked for is so, and the exit codes
<name>    one file per command
"""
