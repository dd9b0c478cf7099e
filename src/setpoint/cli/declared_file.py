"""Reading `setpoint.toml`, and telling what it comes to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from setpoint.cli.command import Here
from setpoint.model.errors import Refused
from setpoint.model.text import told

DEFAULT = "setpoint.toml"


def read(path: str, env: Mapping[str, str], *, prune: bool) -> dict[str, Any]:
    """As the API takes it. Raises Refused."""
    import msgspec

    from setpoint.formats import setpoint_toml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"cannot read {path!r}: it is not UTF-8") from None
    except OSError as error:
        raise Refused(f"cannot read {path!r}: {error.strerror}") from None
    declared = msgspec.structs.replace(setpoint_toml.parse(text, env), prune=prune)
    return msgspec.to_builtins(declared)


def show(here: Here, file: dict[str, Any], *, done: bool) -> None:
    """`done`: it is so, and no longer a plan."""
    for app in file["apps"]:
        if app["new"]:
            here.out.line(f"{app['name']}: {'created' if done else 'would be created'}")
        elif not app["touches"]:
            here.out.line(f"{app['name']}: as it is already")
        else:
            here.out.line(f"{app['name']}:")
        for touch in app["touches"]:
            here.out.line(f"  {_touched(touch)}")
            if touch.get("why"):
                here.out.line(f"      why: {touch['why'].splitlines()[0]}", "dim")
        for path in app["alone"]:
            here.out.line(f"  {path}: not in the file, stays as it is", "dim")
    for title in file["decisions"]:
        here.out.line(f"decision{'' if done else ' to be recorded'}: {title}")


def _touched(touch: dict[str, Any]) -> str:
    if touch["old"] == touch["new"]:
        return f"{touch['path']}: stays {told(touch['new'])}, for another reason"
    return f"{touch['path']}: {told(touch['old'])} -> {told(touch['new'])}"
