"""Setpoint's own doors under /v1: what Heroku's API has no word for."""
