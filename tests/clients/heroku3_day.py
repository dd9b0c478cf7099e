"""A day with heroku3 as a program has it; the last line is what it saw, as JSON.

HEROKU_HOST, HEROKU_API_KEY and REQUESTS_CA_BUNDLE say where; the arguments are an app's name and
the file with its source.
"""

import hashlib
import json
import os
import sys
import time
import warnings

import heroku3.api
import requests

warnings.simplefilter("ignore")  # it reads logs without looking at the certificate
heroku3.api.HEROKU_URL = os.environ["HEROKU_HOST"]
POLLS, POLL_S = 600, 0.1


def main(name: str, source: str) -> dict[str, object]:
    session = requests.session()
    session.verify = os.environ["REQUESTS_CA_BUNDLE"]  # it does not look into the environment
    heroku = heroku3.from_key(os.environ["HEROKU_API_KEY"], session=session)
    seen: dict[str, object] = {"account": heroku.account().email}
    seen["rate_limit"] = heroku.rate_limit.remaining
    app = heroku.create_app(name, region_id_or_name="local")
    seen["created"] = app.name
    seen["listed"] = name in [a.name for a in heroku.apps()]
    app.config()["A"] = "1"
    app.update_config({"B": "zwölf", "C": "x"})
    app.update_config({"C": None})
    seen["config"] = app.config().to_dict()
    build = app.create_build(*uploaded(heroku, source), version="v-one")
    seen["build"] = settled(lambda: app.builds()[0].status, "pending")
    seen["output"] = "Build succeeded" in build.get()
    seen["version"] = app.builds()[0].source_blob.version
    settled(lambda: [d.state for d in app.dynos()] == ["up"], False)
    seen["dynos"] = [(d.name, d.state) for d in app.dynos()]
    formation = app.process_formation()["web"]
    seen["formation"] = (formation.type, formation.quantity, formation.size)
    seen["scaled"] = app.process_formation()["web"].scale(2).quantity
    seen["batch"] = [f.quantity for f in app.batch_scale_formation_processes({"web": 1})]
    seen["resized"] = [f.size for f in app.batch_resize_formation_processes({"web": "standard-1x"})]
    seen["releases"] = [r.version for r in app.releases(order_by="version")]
    newest = app.releases(order_by="version", limit=1, sort="desc")
    seen["newest"] = newest[0].version
    app.update_config({"D": "later"})
    settled(lambda: len(app.releases()), 1)
    seen["rollback"] = app.rollback("v1").version
    ran = app.run_command_detached("echo from heroku3")
    seen["ran"] = ran.type
    settled(lambda: "app[run." in app.get_log(dyno=ran.name), False)
    seen["log"] = app.get_log(dyno=ran.name)
    app.restart()
    seen["domains"] = [d.hostname for d in app.domains()]
    added = app.add_domain(f"www.{name}.example", None)
    seen["domain"] = app.get_domain(added.hostname).kind
    seen["removed"] = app.remove_domain(added.hostname)
    app.update_buildpacks(["https://example.com/pack.tgz"])
    seen["buildpacks"] = [b.buildpack.url for b in app.buildpacks()]
    app.update_buildpacks([])
    seen["collaborators"] = [c.user.email for c in app.collaborators()]
    seen["addons"] = len(app.addons())
    seen["drains"] = len(app.logdrains())
    seen["features"] = len(app.features())
    seen["maintenance"] = [
        app.enable_maintenance_mode().maintenance,
        app.disable_maintenance_mode().maintenance,
    ]
    seen["renamed"] = app.rename(f"{name}-2").name
    seen["refused"] = refused(lambda: heroku.app(name))
    seen["deleted"] = app.delete()
    return seen


def uploaded(heroku: heroku3.api.Heroku, source: str) -> tuple[str, str]:
    """(where it is, its checksum), as a build wants them."""
    with open(source, "rb") as file:
        content = file.read()
    made = heroku._http_resource("POST", ("sources",)).json()["source_blob"]
    requests.put(made["put_url"], data=content, timeout=60).raise_for_status()
    return made["get_url"], f"SHA256:{hashlib.sha256(content).hexdigest()}"


def settled(look: object, while_: object) -> object:
    for _ in range(POLLS):
        if (found := look()) != while_:  # type: ignore[operator]
            return found
        time.sleep(POLL_S)
    raise SystemExit(f"still {while_}")


def refused(ask: object) -> int:
    try:
        ask()  # type: ignore[operator]
    except requests.HTTPError as error:
        return error.response.status_code
    return 0


if __name__ == "__main__":
    told = main(sys.argv[1], sys.argv[2])
    print(json.dumps(told))
