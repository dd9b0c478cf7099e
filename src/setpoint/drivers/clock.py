"""The one place that asks what time it is, draws luck and makes ids. Passed on as arguments."""

import random
import secrets
import time
import uuid


def now() -> float:
    """Unix seconds."""
    return time.time()


def luck() -> float:
    """Uniform in [0, 1), for jitter only."""
    return random.random()


def new_id() -> str:
    return str(uuid.uuid4())


def new_token() -> str:
    """256 bits of secret randomness as text: invoke keys, API tokens, upload addresses."""
    return secrets.token_urlsafe(32)
