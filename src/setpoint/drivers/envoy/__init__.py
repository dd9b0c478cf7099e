"""Envoy's agent: what it pushes (ADS), holds (Check), hears (access log, load reports), remembers.

Also the daemon's client of it, and how the Envoy binary is found and started. What Envoy should be
told is decided by `formats.envoy`; nothing here decides what ought to exist.
"""
