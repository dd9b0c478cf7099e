"""The page on which somebody signs in, and what is said on it afterwards. No script, nothing from
elsewhere; what others wrote is escaped."""

from html import escape

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem}"
    "label{display:block;margin:1rem 0}input{width:100%;font:inherit;padding:.4rem;"
    "box-sizing:border-box}button{font:inherit;padding:.4rem 1rem;margin-right:.5rem}"
    ".no{color:#a00}.small{color:#555;font-size:.9rem}"
)


def form(csrf: str, description: str, came_from: str, said: str = "") -> str:
    """`said`: why the last try was none."""
    refused = f'<p class="no" role="alert">{escape(said)}</p>' if said else ""
    return _page(
        "Sign in",
        f"<p>{escape(description)}, from {escape(came_from)}, waits for you to sign in. "
        "If that was not you, cancel it.</p>"
        f'{refused}<form method="post" autocomplete="on">'
        f'<input type="hidden" name="csrf" value="{escape(csrf)}">'
        '<label>Email<input name="email" autocomplete="username" autofocus required></label>'
        '<label>Password<input name="password" type="password" '
        'autocomplete="current-password" required></label>'
        "<button>Sign in</button>"
        '<button name="cancel" value="1" formnovalidate>Cancel</button></form>'
        '<p class="small">Alone here? Your name is admin@setpoint.localhost, your password the '
        "token in the file private/token of the data directory.</p>",
    )


def told(title: str, sentence: str) -> str:
    return _page(title, f"<p>{escape(sentence)}</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} – Setpoint</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )
