"""`setpoint functions invoke`: `setpoint invoke`, beside what else is done with functions."""

from setpoint.cli.invoke import arguments, run

__all__ = ["EXAMPLE", "arguments", "run"]

EXAMPLE = "setpoint functions invoke http://localhost:8081 -p @event.json"
