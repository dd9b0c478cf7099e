"""Setpoint: state what you intend; it makes it so, keeps it so, and remembers why."""

__version__ = "0.1.0"
