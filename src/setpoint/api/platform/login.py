"""`heroku login`: a command line begins, a person signs in on a page of ours, and the command line,
which has waited, gets the token."""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncGenerator
from urllib.parse import parse_qs

import msgspec
from starlette.responses import HTMLResponse, Response

from setpoint.api import headers, signing
from setpoint.api.attempts import GOOD_S, TRIES_MAX, Attempt
from setpoint.api.call import Call
from setpoint.api.errors import BadRequest, TooLarge
from setpoint.api.streamed import Streamed
from setpoint.formats import login_page
from setpoint.formats.heroku import read, shapes
from setpoint.intents import tokens
from setpoint.model.change import Actor
from setpoint.model.errors import Forbidden, NotFound, Refused
from setpoint.policy import accounts as policy
from setpoint.views import actors

COOKIE = "setpoint-login"
LOGIN_S = 30 * 86400.0
"""As long as Heroku's client asks for where it signs in by password."""
FORM_BYTES_MAX = 8 * 1024
LOOK_AGAIN_S = 1.0
OVER = "This sign-in is over, or never was. Begin again: heroku login"
DONE = "You are signed in as {email}. Close this window and go on in your terminal."
CANCELLED = "it was cancelled in the browser"


async def begin(call: Call, body: read.NewLogin) -> shapes.LoginUrls:
    services, now_s = call.services, call.asked.at_s
    place, secret = services.door.new_token(), services.door.new_token()
    described = policy.description(headers.text(body.description or "")) or "A command line"
    client = call.request.client
    came_from = client.host if client is not None else "this machine"
    attempt = Attempt(place, secret, described[:100], came_from, now_s + GOOD_S)
    services.attempts.begin(attempt, now_s)
    return shapes.LoginUrls(f"/auth/browser/{place}", f"/auth/cli/{place}", secret)


async def wait(call: Call) -> Response:
    """Told once. Raises NotFound where nobody began that."""
    services, place = call.services, call.param("place")
    sent = headers.token(call.request.headers.get("authorization", ""))
    attempt = services.attempts.awaited(place, sent)
    if attempt is None:
        raise NotFound("cannot sign in: this sign-in is over", "begin again: heroku login")
    return Streamed(_told(call, attempt), media_type="application/json")


async def _told(call: Call, attempt: Attempt) -> AsyncGenerator[bytes, None]:
    """JSON, with blanks before it: who waits gives up where it hears nothing for a minute, and a
    person takes longer than that."""
    services = call.services
    while not attempt.decided.is_set():
        yield b" "
        if attempt.until_s <= services.now():
            attempt.fail("it took too long")
        if services.ending.is_set():
            attempt.fail("Setpoint itself is being renewed; begin again")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_S):
                await attempt.decided.wait()
    services.attempts.end(attempt.place)
    refused = f"cannot sign in: {attempt.refused}" if attempt.refused else None
    yield msgspec.json.encode(shapes.LoginDone(attempt.token or None, refused))


async def page(call: Call) -> Response:
    attempt = _open(call)
    if attempt is None:
        return _html(login_page.told("Over", OVER), 404)
    nonce = call.services.door.new_token()
    text = _form(call, attempt, nonce)
    return _with_cookie(call, _html(text, 200), nonce)


async def submit(call: Call) -> Response:
    """What is sent has to come from the page itself, in the browser that was shown it."""
    attempt = _open(call)
    if attempt is None:
        return _html(login_page.told("Over", OVER), 404)
    nonce = call.request.cookies.get(COOKIE, "")
    said = await _said(call)
    shown, expected = said.get("csrf", ""), _csrf(call, attempt, nonce)
    if not nonce or not hmac.compare_digest(shown.encode(), expected.encode()):
        raise Forbidden("cannot sign in: that was not sent by the page that was shown here")
    if said.get("cancel"):
        attempt.fail(CANCELLED)
        return _html(login_page.told("Cancelled", "Nobody was signed in."), 200)
    email, password = said.get("email", "").strip(), said.get("password", "")
    actor = await _known(call, email, password)
    if _open(call) is None:  # decided by somebody else while we looked
        return _html(login_page.told("Over", OVER), 404)
    if actor is None:
        return _refused(call, attempt, nonce)
    try:
        await _sign_in(call, attempt, actor)
    except Refused as error:
        return _html(_form(call, attempt, nonce, error.message), 403)
    return _html(login_page.told("Signed in", DONE.format(email=actor.email)), 200)


async def _sign_in(call: Call, attempt: Attempt, actor: Actor) -> None:
    asked = msgspec.structs.replace(call.asked, actor=actor, via="heroku")
    wish = tokens.Wish(attempt.description, (policy.GLOBAL,), LOGIN_S, login=True)
    made = await tokens.make(call.services.door, asked, wish)
    attempt.succeed(made.secret)


async def _known(call: Call, email: str, password: str) -> Actor | None:
    own = await signing.actor(call.services, password)
    return own or await actors.by_password(call.services.store, email, password)


def _refused(call: Call, attempt: Attempt, nonce: str) -> Response:
    attempt.tries += 1
    if attempt.tries >= TRIES_MAX:
        attempt.fail("the password was wrong too often")
        return _html(login_page.told("Over", OVER), 403)
    return _html(_form(call, attempt, nonce, "The email or the password is wrong."), 401)


def _form(call: Call, attempt: Attempt, nonce: str, said: str = "") -> str:
    csrf = _csrf(call, attempt, nonce)
    return login_page.form(csrf, attempt.description, attempt.came_from, said)


def _csrf(call: Call, attempt: Attempt, nonce: str) -> str:
    """Only who has both the page and the cookie that came with it has this."""
    return call.services.tickets.issue("login", f"{attempt.place}\0{nonce}".encode())


def _open(call: Call) -> Attempt | None:
    return call.services.attempts.open(call.param("place"), call.services.now())


async def _said(call: Call) -> dict[str, str]:
    """The form's fields, the first of each. Raises TooLarge, BadRequest."""
    sent = bytearray()
    async for chunk in call.chunks():
        sent += chunk
        if len(sent) > FORM_BYTES_MAX:
            raise TooLarge(f"cannot read the form: it is larger than {FORM_BYTES_MAX // 1024} KiB")
    try:
        fields = parse_qs(sent.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError as error:
        raise BadRequest(f"cannot read the form: {error}") from None
    return {name: values[0] for name, values in fields.items()}


def _html(text: str, status: int) -> Response:
    return HTMLResponse(text, status, login_page.HEADERS)


def _with_cookie(call: Call, response: Response, nonce: str) -> Response:
    response.set_cookie(
        COOKIE,
        nonce,
        max_age=int(GOOD_S),
        path=call.request.url.path,
        secure=call.request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response
