"""Shared by the unit tests of several rooms: small worlds and short ways to say things."""
