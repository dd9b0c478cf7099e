"""Heroku Platform API v3. Pure translation: no rule and no memory of its own."""
