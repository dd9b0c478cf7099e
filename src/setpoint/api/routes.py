"""Every door, in one table. OpenAPI, access and the tests are read off it."""

from setpoint.api import openapi
from setpoint.api.call import Call, Endpoint
from setpoint.api.git import smart_http
from setpoint.api.native import apps as detail
from setpoint.api.native import (
    attach,
    decisions,
    declared,
    digest,
    disk,
    egress,
    gaps,
    jobs,
    keys,
    metrics,
    plan,
    probes,
    release_phase,
    snapshot,
    status,
    streams,
    upkeep,
    watch,
    why,
)
from setpoint.api.native import releases as history
from setpoint.api.platform import (
    account,
    apps,
    buildpacks,
    builds,
    collaborators,
    config_vars,
    domains,
    dynos,
    formation,
    log_sessions,
    oauth,
    release_output,
    releases,
    sources,
    stacks,
    unsupported,
)

PLATFORM = (
    Endpoint("GET", "/account", account.info, "read", "Who this token is"),
    Endpoint("GET", "/users/{user}", account.user, "read", "Oneself, as ~"),
    Endpoint("GET", "/users/{user}/apps", account.owned, "read", "One's own apps", paged=True),
    Endpoint(
        "POST", "/oauth/authorizations", oauth.sign_in, "read", "Sign in by password", status=201
    ),
    Endpoint("GET", "/oauth/authorizations", oauth.authorizations, "read", "Authorizations: none"),
    Endpoint("GET", "/oauth/authorizations/{id}", oauth.authorization, "read", "There is none"),
    Endpoint("DELETE", "/oauth/sessions/{id}", oauth.sign_out, "read", "There is none"),
    Endpoint("GET", "/api/v4/current-status", account.health, "none", "This API answers"),
    Endpoint("GET", "/stacks", stacks.listed, "read", "What apps are built on: one"),
    Endpoint("GET", "/stacks/{stack}", stacks.info, "read", "One stack"),
    Endpoint("GET", "/regions", stacks.regions, "read", "Regions: this machine"),
    Endpoint("GET", "/regions/{region}", stacks.region, "read", "One region"),
    Endpoint("GET", "/apps", apps.listed, "read", "All apps", paged=True),
    Endpoint("POST", "/apps", apps.create, "write", "Create an app", status=201),
    Endpoint("GET", "/apps/{app}", apps.info, "read", "One app"),
    Endpoint("PATCH", "/apps/{app}", apps.patch, "write", "Rename, or switch maintenance"),
    Endpoint("DELETE", "/apps/{app}", apps.destroy, "write", "Destroy an app"),
    Endpoint("GET", "/apps/{app}/config-vars", config_vars.listed, "write", "Config vars"),
    Endpoint(
        "PATCH", "/apps/{app}/config-vars", config_vars.patch, "write", "Set or unset config vars"
    ),
    Endpoint("GET", "/apps/{app}/formation", formation.listed, "read", "Process types", paged=True),
    Endpoint("PATCH", "/apps/{app}/formation", formation.patch, "write", "Scale several types"),
    Endpoint("GET", "/apps/{app}/formation/{type}", formation.info, "read", "One process type"),
    Endpoint("PATCH", "/apps/{app}/formation/{type}", formation.patch_one, "write", "Scale a type"),
    Endpoint("GET", "/apps/{app}/dynos", dynos.listed, "read", "Instances, as seen", paged=True),
    Endpoint("POST", "/apps/{app}/dynos", dynos.create, "write", "Run a command", status=201),
    Endpoint("GET", "/apps/{app}/dynos/{dyno}", dynos.info, "read", "One dyno"),
    Endpoint(
        "DELETE", "/apps/{app}/dynos", dynos.restart, "write", "Restart all of an app", status=202
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/dynos/{dyno}",
        dynos.restart_one,
        "write",
        "Restart a dyno's type, or end a job",
        status=202,
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/formations/{type}",
        dynos.restart_type,
        "write",
        "Restart a type",
        status=202,
    ),
    Endpoint(
        "POST",
        "/apps/{app}/dynos/{dyno}/actions/stop",
        dynos.stop,
        "write",
        "Stop a dyno: an instance is replaced, a job ends",
        status=202,
    ),
    Endpoint(
        "POST",
        "/apps/{app}/formations/{type}/actions/stop",
        dynos.restart_type,
        "write",
        "Stop a type: its instances are replaced",
        status=202,
    ),
    Endpoint("POST", "/sources", sources.create, "write", "A place to upload to", status=201),
    Endpoint("PUT", "/sources/{place}", sources.put, "none", "Upload a tar.gz there"),
    Endpoint("GET", "/apps/{app}/builds", builds.listed, "read", "Builds", paged=True),
    Endpoint("POST", "/apps/{app}/builds", builds.create, "write", "Deploy a source", status=201),
    Endpoint("GET", "/apps/{app}/builds/{build}", builds.info, "read", "One build"),
    Endpoint(
        "GET", "/apps/{app}/builds/{build}/output", builds.output, "none", "A build's output, live"
    ),
    Endpoint("GET", "/apps/{app}/buildpack-installations", buildpacks.listed, "read", "Buildpacks"),
    Endpoint(
        "PUT", "/apps/{app}/buildpack-installations", buildpacks.put, "write", "Set buildpacks"
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/build-cache",
        buildpacks.purge_cache,
        "write",
        "Purge the build cache",
    ),
    Endpoint("GET", "/apps/{app}/releases", releases.listed, "read", "Releases", paged=True),
    Endpoint("POST", "/apps/{app}/releases", releases.roll_back, "write", "Roll back", status=201),
    Endpoint("GET", "/apps/{app}/releases/{release}", releases.info, "read", "One release"),
    Endpoint(
        "GET",
        "/apps/{app}/releases/{release}/output",
        release_output.output,
        "none",
        "A release phase's output, live",
    ),
    Endpoint(
        "GET",
        "/apps/{app}/releases/{release}/config-vars",
        releases.config,
        "write",
        "A release's config vars",
    ),
    Endpoint(
        "POST",
        "/apps/{app}/log-sessions",
        log_sessions.create,
        "read",
        "An address to read the log at",
        status=201,
    ),
    Endpoint("GET", "/log-streams/{ticket}", log_sessions.stream, "none", "The log, from there"),
    Endpoint("GET", "/apps/{app}/domains", domains.listed, "read", "Hosts of an app"),
    Endpoint("POST", "/apps/{app}/domains", domains.add, "write", "Add a host", status=201),
    Endpoint("GET", "/apps/{app}/domains/{domain}", domains.info, "read", "One host"),
    Endpoint("DELETE", "/apps/{app}/domains/{domain}", domains.remove, "write", "Remove a host"),
    Endpoint(
        "GET",
        "/apps/{app}/collaborators",
        collaborators.listed,
        "read",
        "Who has an app: its owner",
    ),
    *unsupported.ROUTES,
)


async def describe(call: Call) -> dict[str, object]:
    return openapi.document(ROUTES, call.services.installation.version)


NATIVE = (
    Endpoint("GET", "/v1/openapi.json", describe, "read", "This API, as OpenAPI 3.1"),
    Endpoint(
        "GET", unsupported.PAGE, unsupported.page, "none", "What Heroku has and Setpoint does not"
    ),
    Endpoint("GET", "/v1/status", status.status, "read", "The installation and its apps"),
    Endpoint("GET", "/v1/doctor", status.doctor, "read", "What this installation can do"),
    Endpoint("GET", "/v1/metrics", metrics.metrics, "read", "Figures for Prometheus"),
    Endpoint("GET", "/v1/gaps", gaps.listed, "read", "What is wanted and cannot be had"),
    Endpoint("GET", "/v1/disk", disk.info, "read", "How full the disk is, and of what"),
    Endpoint("POST", "/v1/gc", disk.collect, "admin", "Remove what is kept no longer"),
    Endpoint("GET", "/v1/snapshot", snapshot.taken, "admin", "All that is known, but secrets"),
    Endpoint("GET", "/v1/changes", why.log, "read", "Changes, newest first"),
    Endpoint(
        "POST", "/v1/changes/{change}/notes", why.note, "write", "Say more of a Change", status=201
    ),
    Endpoint("GET", "/v1/decisions", decisions.listed, "read", "What was decided, and bets"),
    Endpoint("POST", "/v1/decisions", decisions.decide, "write", "Decide something", status=201),
    Endpoint("GET", "/v1/decisions/{decision}", decisions.info, "read", "One decision"),
    Endpoint(
        "POST",
        "/v1/decisions/{decision}/verifications",
        decisions.verify,
        "write",
        "Say that it still holds",
        status=201,
    ),
    Endpoint(
        "POST",
        "/v1/decisions/{decision}/questions",
        decisions.question,
        "write",
        "Ask whether it still holds",
        status=201,
    ),
    Endpoint(
        "POST",
        "/v1/decisions/{decision}/outcome",
        decisions.settle,
        "write",
        "Say how its bet went",
        status=201,
    ),
    Endpoint("POST", "/v1/plan", declared.plan, "write", "What applying a file would do"),
    Endpoint("POST", "/v1/apply", declared.apply, "write", "Apply a file: one Change, or none"),
    Endpoint("GET", "/v1/apps/{app}/declared", declared.export, "read", "An app as a file has it"),
    Endpoint("GET", "/v1/digest", digest.told, "read", "What changed since you last looked"),
    Endpoint("POST", "/v1/digest/heard", digest.heard, "read", "Mark it as heard, up to a Change"),
    Endpoint("GET", "/v1/why", why.asked, "read", "Why an app, or a field of it, is so"),
    Endpoint("GET", "/v1/who", why.hands, "read", "Whom to ask about an app"),
    Endpoint("GET", "/v1/timeline", why.timeline, "read", "When Changes were live, and predicted"),
    Endpoint("GET", "/v1/watch", watch.watch, "read", "Everything that changes, as events"),
    Endpoint("GET", "/v1/apps/{app}", detail.info, "read", "One app with all that is known"),
    Endpoint("GET", "/v1/apps/{app}/releases", history.listed, "read", "Releases, newest first"),
    Endpoint(
        "GET", "/v1/apps/{app}/releases/{release}", history.info, "read", "What is in a release"
    ),
    Endpoint("GET", "/v1/apps/{app}/probes/{process}", probes.info, "read", "What is asked of it"),
    Endpoint("PATCH", "/v1/apps/{app}/probes/{process}", probes.patch, "write", "Ask otherwise"),
    Endpoint("GET", "/v1/apps/{app}/egress", egress.info, "read", "Whom it may connect to"),
    Endpoint("PUT", "/v1/apps/{app}/egress", egress.put, "write", "Open or close its way out"),
    Endpoint("GET", "/v1/apps/{app}/why", why.told, "read", "The story of an app or a field"),
    Endpoint("POST", "/v1/apps/{app}/plan", plan.plan, "read", "What a draft would do"),
    Endpoint(
        "PATCH",
        "/v1/apps/{app}/release-phase",
        release_phase.patch,
        "write",
        "How long the release phase may take",
    ),
    Endpoint("PUT", "/v1/apps/{app}/upkeep", upkeep.put, "write", "Freeze, unfreeze, report drift"),
    Endpoint("GET", "/v1/apps/{app}/jobs", jobs.listed, "read", "Jobs, newest first"),
    Endpoint("POST", "/v1/apps/{app}/jobs", jobs.create, "write", "Run a command once", status=201),
    Endpoint("DELETE", "/v1/apps/{app}/jobs/{job}", jobs.stop, "write", "End a job", status=202),
    Endpoint(
        "GET",
        "/v1/apps/{app}/jobs/{job}/attach",
        attach.plain,
        "write",
        "A job's terminal, over a WebSocket",
        socket=attach.attach,
    ),
    Endpoint("GET", "/v1/apps/{app}/logs", streams.logs, "read", "Log lines, as JSON lines"),
    Endpoint("GET", "/v1/apps/{app}/invoke-key", keys.info, "write", "How to call its functions"),
    Endpoint("POST", "/v1/apps/{app}/invoke-key", keys.rotate, "write", "Make a new invoke key"),
)

GIT = (
    Endpoint("GET", "/{app}.git/info/refs", smart_http.info_refs, "read", "What git may fetch"),
    Endpoint("POST", "/{app}.git/git-receive-pack", smart_http.push, "write", "git push: deploy"),
    Endpoint("POST", "/{app}.git/git-upload-pack", smart_http.fetch, "read", "git fetch"),
)

ROUTES: tuple[Endpoint, ...] = (*PLATFORM, *NATIVE, *GIT)
