"""Every door, in one table. OpenAPI, access and the tests are read off it."""

from setpoint.api import openapi
from setpoint.api.call import Call, Endpoint
from setpoint.api.git import smart_http
from setpoint.api.native import (
    access,
    attach,
    authority,
    decisions,
    declared,
    digest,
    disk,
    drains,
    egress,
    gaps,
    isolation,
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
    users,
    watch,
    why,
)
from setpoint.api.native import apps as detail
from setpoint.api.native import releases as history
from setpoint.api.platform import (
    account,
    app_setups,
    apps,
    buildpacks,
    builds,
    collaborators,
    config_vars,
    domains,
    dyno_sizes,
    dynos,
    formation,
    log_drains,
    log_sessions,
    login,
    oauth,
    oauth_clients,
    pipelines,
    release_output,
    releases,
    sales_orgs,
    sni_endpoints,
    sources,
    ssh_keys,
    stacks,
    teams,
    unsupported,
    webhooks,
)


def _collaborators(app: str) -> tuple[Endpoint, ...]:
    """Of one's own app, and of a team's."""
    here, one = f"{app}/collaborators", f"{app}/collaborators/{{collaborator}}"
    return (
        Endpoint("GET", here, collaborators.listed, "view", "Who may do what to it", paged=True),
        Endpoint("POST", here, collaborators.add, "manage", "Give somebody access", status=201),
        Endpoint("GET", one, collaborators.info, "view", "What one of them may do"),
        Endpoint("PATCH", one, collaborators.patch, "manage", "Let them do other things"),
        Endpoint("DELETE", one, collaborators.remove, "manage", "Take their access away"),
    )


CERTIFICATES = "/apps/{app}/sni-endpoints"
HOOK = "/apps/{app}/webhooks/{webhook}"
TOLD = "/apps/{app}/webhook-deliveries"
WEBHOOKS = (
    Endpoint("GET", "/apps/{app}/webhooks", webhooks.listed, "view", "Who is told", paged=True),
    Endpoint("POST", "/apps/{app}/webhooks", webhooks.add, "operate", "Tell them, too", status=201),
    Endpoint("GET", HOOK, webhooks.info, "view", "One webhook"),
    Endpoint("PATCH", HOOK, webhooks.patch, "operate", "Tell them otherwise"),
    Endpoint("DELETE", HOOK, webhooks.remove, "operate", "Tell them no more"),
    Endpoint(
        "GET",
        TOLD,
        webhooks.deliveries,
        "view",
        "What they were told",
        paged=True,
        query=("eq[status]",),
    ),
    Endpoint("GET", f"{TOLD}/{{delivery}}", webhooks.delivery, "view", "One delivery"),
    Endpoint(
        "GET", "/apps/{app}/webhook-events", webhooks.events, "view", "What happened", paged=True
    ),
    Endpoint("GET", "/apps/{app}/webhook-events/{event}", webhooks.event, "view", "One event"),
)

KEY = "/account/keys/{key}"
CLIENT = "/oauth/clients/{client}"
CREDENTIALS = (
    Endpoint("GET", "/account/keys", ssh_keys.listed, "read", "One's SSH keys", paged=True),
    Endpoint("POST", "/account/keys", ssh_keys.add, "account", "Add an SSH key", status=201),
    Endpoint("GET", KEY, ssh_keys.info, "read", "One SSH key"),
    Endpoint("DELETE", KEY, ssh_keys.remove, "account", "Remove an SSH key"),
    Endpoint(
        "GET", "/oauth/clients", oauth_clients.listed, "account", "One's OAuth clients", paged=True
    ),
    Endpoint(
        "POST",
        "/oauth/clients",
        oauth_clients.create,
        "account",
        "Create an OAuth client",
        status=201,
    ),
    Endpoint("GET", CLIENT, oauth_clients.info, "account", "One OAuth client, with its secret"),
    Endpoint("PATCH", CLIENT, oauth_clients.patch, "account", "Alter an OAuth client"),
    Endpoint("DELETE", CLIENT, oauth_clients.destroy, "account", "Destroy an OAuth client"),
    Endpoint(
        "POST",
        f"{CLIENT}/actions/rotate-credentials",
        oauth_clients.rotate,
        "account",
        "Give it another secret",
    ),
)

AUTHORIZATION = "/oauth/authorizations/{id}"
LOGIN = "/auth/browser/{place}"
ACCOUNTS = (
    Endpoint("POST", "/auth", login.begin, "none", "Begin to sign in by a browser"),
    Endpoint("GET", LOGIN, login.page, "none", "The page to sign in on"),
    Endpoint("POST", LOGIN, login.submit, "none", "What is typed there"),
    Endpoint("GET", "/auth/cli/{place}", login.wait, "none", "Wait for it"),
    Endpoint("POST", "/oauth/authorizations", oauth.create, "none", "Sign in", status=201),
    Endpoint("GET", "/oauth/authorizations", oauth.listed, "read", "One's tokens", paged=True),
    Endpoint("GET", AUTHORIZATION, oauth.info, "read", "One token"),
    Endpoint("PATCH", AUTHORIZATION, oauth.patch, "account", "Describe it otherwise"),
    Endpoint("DELETE", AUTHORIZATION, oauth.revoke, "read", "Revoke a token"),
    Endpoint(
        "POST",
        f"{AUTHORIZATION}/actions/regenerate-tokens",
        oauth.rotate,
        "account",
        "Give it another secret",
    ),
    Endpoint("GET", "/oauth/sessions", oauth.sessions, "read", "Where one is signed in"),
    Endpoint("DELETE", "/oauth/sessions/{id}", oauth.sign_out, "read", "Sign out"),
    Endpoint("GET", "/teams", teams.listed, "read", "The installation, as the one team"),
    Endpoint("GET", "/teams/permissions", teams.permissions, "read", "What can be let"),
    Endpoint("POST", "/teams/apps", apps.create, "write", "Create an app", status=201),
    Endpoint("GET", "/teams/apps/{app}", apps.info, "view", "One app"),
    Endpoint(
        *("PATCH", "/teams/apps/{app}", apps.patch_team_app, "manage", "Refused, but what is so"),
        refused="nobody joins an app by themselves, and it stays with who created it",
    ),
    Endpoint("GET", "/teams/{team}", teams.info, "read", "The team"),
    Endpoint("GET", "/teams/{team}/features", teams.features, "read", "That permissions count"),
    Endpoint("GET", "/teams/{team}/invitations", teams.none, "read", "Invitations: none"),
    Endpoint("GET", "/teams/{team}/apps", teams.listed_apps, "read", "Its apps"),
    Endpoint("GET", "/teams/{team}/members", teams.members, "admin", "Who may sign in"),
    Endpoint("PUT", "/teams/{team}/members", teams.put_member, "admin", "Add or alter an account"),
    Endpoint("PATCH", "/teams/{team}/members", teams.patch_member, "admin", "Alter an account"),
    Endpoint("DELETE", "/teams/{team}/members/{member}", teams.remove_member, "admin", "Remove it"),
)

PLATFORM = (
    Endpoint("GET", "/account", account.info, "read", "Who this token is"),
    Endpoint("GET", "/account/rate-limits", account.rate_limits, "read", "Nobody is limited"),
    Endpoint("GET", "/users/{user}", account.user, "read", "Oneself, as ~, or another"),
    Endpoint("GET", "/users/{user}/apps", account.reached, "read", "One's apps"),
    *ACCOUNTS,
    *CREDENTIALS,
    Endpoint("GET", "/api/v4/current-status", account.health, "none", "This API answers"),
    Endpoint("GET", "/stacks", stacks.listed, "read", "What apps are built on: one"),
    Endpoint("GET", "/stacks/{stack}", stacks.info, "read", "One stack"),
    Endpoint("GET", "/apps/{app}/available-stacks", stacks.of_app, "view", "Stacks it may have"),
    Endpoint("GET", "/generations", stacks.generations, "read", "Generations: one"),
    Endpoint("GET", "/generations/{generation}", stacks.generation, "read", "One generation"),
    Endpoint("GET", "/dyno-sizes", dyno_sizes.listed, "read", "Sizes that may be wished for"),
    Endpoint("GET", "/dyno-sizes/{size}", dyno_sizes.info, "read", "One size"),
    Endpoint(
        "GET",
        "/apps/{app}/available-dyno-sizes",
        dyno_sizes.of_app,
        "view",
        "Sizes that can be had here",
    ),
    Endpoint("GET", "/regions", stacks.regions, "read", "Regions: this machine"),
    Endpoint("GET", "/regions/{region}", stacks.region, "read", "One region"),
    Endpoint("GET", "/apps", apps.listed, "read", "All apps"),
    Endpoint("POST", "/filters/apps", apps.filtered, "read", "The apps of these ids or names"),
    Endpoint("POST", "/apps", apps.create, "write", "Create an app", status=201),
    Endpoint("GET", "/apps/{app}", apps.info, "view", "One app"),
    Endpoint("PATCH", "/apps/{app}", apps.patch, "operate", "Rename, or switch maintenance"),
    Endpoint("DELETE", "/apps/{app}", apps.destroy, "manage", "Destroy an app", query=("confirm",)),
    Endpoint("POST", "/apps/{app}/acm", apps.enable_acm, "operate", "Ask for certificates"),
    Endpoint("PATCH", "/apps/{app}/acm", apps.refresh_acm, "operate", "Ask for them again"),
    Endpoint("DELETE", "/apps/{app}/acm", apps.disable_acm, "operate", "Ask for none any more"),
    Endpoint("GET", "/apps/{app}/config-vars", config_vars.listed, "deploy", "Config vars"),
    Endpoint(
        "PATCH", "/apps/{app}/config-vars", config_vars.patch, "deploy", "Set or unset config vars"
    ),
    Endpoint("GET", "/apps/{app}/formation", formation.listed, "view", "Process types", paged=True),
    Endpoint("PATCH", "/apps/{app}/formation", formation.patch, "operate", "Scale several types"),
    Endpoint("GET", "/apps/{app}/formation/{type}", formation.info, "view", "One process type"),
    Endpoint(
        "PATCH", "/apps/{app}/formation/{type}", formation.patch_one, "operate", "Scale a type"
    ),
    Endpoint("GET", "/apps/{app}/dynos", dynos.listed, "view", "Instances, as seen", paged=True),
    Endpoint("POST", "/apps/{app}/dynos", dynos.create, "deploy", "Run a command", status=201),
    Endpoint("GET", "/apps/{app}/dynos/{dyno}", dynos.info, "view", "One dyno"),
    Endpoint(
        "DELETE", "/apps/{app}/dynos", dynos.restart, "operate", "Restart all of an app", status=202
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/dynos/{dyno}",
        dynos.restart_one,
        "operate",
        "Restart a dyno's type, or end a job",
        status=202,
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/formations/{type}",
        dynos.restart_type,
        "operate",
        "Restart a type",
        status=202,
    ),
    Endpoint(
        "POST",
        "/apps/{app}/dynos/{dyno}/actions/stop",
        dynos.stop,
        "operate",
        "Stop a dyno: an instance is replaced, a job ends",
        status=202,
    ),
    Endpoint(
        "POST",
        "/apps/{app}/formations/{type}/actions/stop",
        dynos.restart_type,
        "operate",
        "Stop a type: its instances are replaced",
        status=202,
    ),
    Endpoint("POST", "/sources", sources.create, "write", "A place to upload to", status=201),
    Endpoint(
        "POST",
        "/apps/{app}/sources",
        sources.create_for,
        "deploy",
        "A place to upload to",
        status=201,
    ),
    Endpoint("PUT", "/sources/{place}", sources.put, "none", "Upload a tar.gz there"),
    Endpoint("GET", "/apps/{app}/builds", builds.listed, "view", "Builds", paged=True),
    Endpoint("POST", "/apps/{app}/builds", builds.create, "deploy", "Deploy a source", status=201),
    Endpoint("GET", "/apps/{app}/builds/{build}", builds.info, "view", "One build"),
    Endpoint(
        "GET", "/apps/{app}/builds/{build}/output", builds.output, "none", "A build's output, live"
    ),
    Endpoint("GET", "/apps/{app}/buildpack-installations", buildpacks.listed, "view", "Buildpacks"),
    Endpoint(
        "PUT", "/apps/{app}/buildpack-installations", buildpacks.put, "deploy", "Set buildpacks"
    ),
    Endpoint(
        "DELETE",
        "/apps/{app}/build-cache",
        buildpacks.purge_cache,
        "deploy",
        "Purge the build cache",
    ),
    Endpoint("GET", "/apps/{app}/releases", releases.listed, "view", "Releases", paged=True),
    Endpoint("POST", "/apps/{app}/releases", releases.roll_back, "deploy", "Roll back", status=201),
    Endpoint("GET", "/apps/{app}/releases/{release}", releases.info, "view", "One release"),
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
        "deploy",
        "A release's config vars",
    ),
    Endpoint(
        "POST",
        "/apps/{app}/log-sessions",
        log_sessions.create,
        "view",
        "An address to read the log at",
        status=201,
    ),
    Endpoint("GET", "/log-streams/{ticket}", log_sessions.stream, "none", "The log, from there"),
    Endpoint("GET", "/apps/{app}/domains", domains.listed, "view", "Hosts of an app"),
    Endpoint("POST", "/apps/{app}/domains", domains.add, "operate", "Add a host", status=201),
    Endpoint("GET", "/apps/{app}/domains/{domain}", domains.info, "view", "One host"),
    Endpoint("PATCH", "/apps/{app}/domains/{domain}", domains.patch, "operate", "Its certificate"),
    Endpoint("DELETE", "/apps/{app}/domains/{domain}", domains.remove, "operate", "Remove a host"),
    Endpoint("GET", "/apps/{app}/log-drains", log_drains.listed, "view", "Where its log is sent"),
    Endpoint(
        "POST", "/apps/{app}/log-drains", log_drains.add, "operate", "Send it there", status=201
    ),
    Endpoint("GET", "/apps/{app}/log-drains/{drain}", log_drains.info, "view", "One drain"),
    Endpoint(
        "DELETE", "/apps/{app}/log-drains/{drain}", log_drains.remove, "operate", "Send no more"
    ),
    Endpoint("GET", CERTIFICATES, sni_endpoints.listed, "view", "Certificates", paged=True),
    Endpoint("POST", CERTIFICATES, sni_endpoints.add, "operate", "Bring one", status=201),
    Endpoint("GET", f"{CERTIFICATES}/{{endpoint}}", sni_endpoints.info, "view", "One certificate"),
    Endpoint("PATCH", f"{CERTIFICATES}/{{endpoint}}", sni_endpoints.update, "operate", "Renew it"),
    Endpoint(
        "DELETE", f"{CERTIFICATES}/{{endpoint}}", sni_endpoints.remove, "operate", "Take it away"
    ),
    *WEBHOOKS,
    *_collaborators("/apps/{app}"),
    *_collaborators("/teams/apps/{app}"),
    *pipelines.ROUTES,
    *app_setups.ROUTES,
    *sales_orgs.ROUTES,
    *unsupported.ROUTES,
)


async def describe(call: Call) -> dict[str, object]:
    return openapi.document(ROUTES, call.services.installation.version)


ROLES = "/v1/apps/{app}/access"
NATIVE = (
    Endpoint("GET", "/v1/authority", authority.info, "none", "By whom our certificate is"),
    Endpoint("GET", "/v1/users", users.listed, "admin", "Who may sign in"),
    Endpoint("POST", "/v1/users", users.add, "admin", "Add an account", status=201),
    Endpoint("PATCH", "/v1/users/{email}", users.patch, "admin", "Make it an administrator's"),
    Endpoint("DELETE", "/v1/users/{email}", users.remove, "admin", "Remove an account"),
    Endpoint(
        "POST", "/v1/users/{email}/password", users.make_password, "account", "Make a password"
    ),
    Endpoint("GET", ROLES, access.listed, "view", "Who may do what to it"),
    Endpoint("PUT", f"{ROLES}/{{email}}", access.put, "manage", "Give somebody a role"),
    Endpoint("DELETE", f"{ROLES}/{{email}}", access.remove, "manage", "Take it away"),
    Endpoint("GET", "/v1/openapi.json", describe, "read", "This API, as OpenAPI 3.1"),
    Endpoint(
        "GET", unsupported.PAGE, unsupported.page, "none", "What Heroku has and Setpoint does not"
    ),
    Endpoint("GET", "/v1/status", status.status, "read", "The installation and its apps"),
    Endpoint("GET", "/v1/doctor", status.doctor, "read", "What this installation can do"),
    Endpoint("GET", "/v1/metrics", metrics.metrics, "read", "Figures for Prometheus"),
    Endpoint(
        "GET", "/v1/gaps", gaps.listed, "read", "What is wanted and cannot be had", query=("app",)
    ),
    Endpoint("GET", "/v1/disk", disk.info, "read", "How full the disk is, and of what"),
    Endpoint("POST", "/v1/gc", disk.collect, "admin", "Remove what is kept no longer"),
    Endpoint(
        "GET",
        "/v1/snapshot",
        snapshot.taken,
        "admin",
        "All that is known, but secrets",
        query=("app",),
    ),
    Endpoint(
        "GET",
        "/v1/changes",
        why.log,
        "read",
        "Changes, newest first",
        query=("app", "limit", "since"),
    ),
    Endpoint(
        "POST", "/v1/changes/{change}/notes", why.note, "write", "Say more of a Change", status=201
    ),
    Endpoint(
        "GET",
        "/v1/decisions",
        decisions.listed,
        "read",
        "What was decided, and bets",
        query=("app", "due", "bets"),
    ),
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
    Endpoint("GET", "/v1/apps/{app}/declared", declared.export, "view", "An app as a file has it"),
    Endpoint(
        "GET",
        "/v1/digest",
        digest.told,
        "read",
        "What changed since you last looked",
        query=("new",),
    ),
    Endpoint("POST", "/v1/digest/heard", digest.heard, "read", "Mark it as heard, up to a Change"),
    Endpoint(
        "GET",
        "/v1/why",
        why.asked,
        "read",
        "Why an app, or a field of it, is so",
        query=("resource", "field", "history", "at", "undo", "stale", "limit"),
    ),
    Endpoint("GET", "/v1/who", why.hands, "read", "Whom to ask about an app", query=("resource",)),
    Endpoint(
        "GET",
        "/v1/timeline",
        why.timeline,
        "read",
        "When Changes were live, and predicted",
        query=("resource", "limit"),
    ),
    Endpoint(
        "GET",
        "/v1/watch",
        watch.watch,
        "read",
        "Everything that changes, as events",
        query=("app", "since"),
    ),
    Endpoint("GET", "/v1/apps/{app}", detail.info, "view", "One app with all that is known"),
    Endpoint(
        "GET",
        "/v1/apps/{app}/releases",
        history.listed,
        "view",
        "Releases, newest first",
        query=("limit",),
    ),
    Endpoint(
        "GET", "/v1/apps/{app}/releases/{release}", history.info, "view", "What is in a release"
    ),
    Endpoint("GET", "/v1/apps/{app}/probes/{process}", probes.info, "view", "What is asked of it"),
    Endpoint("PATCH", "/v1/apps/{app}/probes/{process}", probes.patch, "operate", "Ask otherwise"),
    Endpoint("GET", "/v1/apps/{app}/drains", drains.listed, "view", "Whether its log arrives"),
    Endpoint("GET", "/v1/apps/{app}/egress", egress.info, "view", "Whom it may connect to"),
    Endpoint("PUT", "/v1/apps/{app}/egress", egress.put, "operate", "Open or close its way out"),
    Endpoint(
        "GET", "/v1/apps/{app}/isolation", isolation.info, "view", "The lowest level it may run at"
    ),
    Endpoint("PUT", "/v1/apps/{app}/isolation", isolation.put, "operate", "Ask for a level"),
    Endpoint(
        "GET",
        "/v1/apps/{app}/why",
        why.told,
        "view",
        "The story of an app or a field",
        query=("path", "stale", "limit", "history", "at", "undo"),
    ),
    Endpoint("POST", "/v1/apps/{app}/plan", plan.plan, "view", "What a draft would do"),
    Endpoint(
        "PATCH",
        "/v1/apps/{app}/release-phase",
        release_phase.patch,
        "operate",
        "How long the release phase may take",
    ),
    Endpoint(
        "PUT", "/v1/apps/{app}/upkeep", upkeep.put, "operate", "Freeze, unfreeze, report drift"
    ),
    Endpoint(
        "GET", "/v1/apps/{app}/jobs", jobs.listed, "view", "Jobs, newest first", query=("limit",)
    ),
    Endpoint(
        "POST", "/v1/apps/{app}/jobs", jobs.create, "deploy", "Run a command once", status=201
    ),
    Endpoint("DELETE", "/v1/apps/{app}/jobs/{job}", jobs.stop, "operate", "End a job", status=202),
    Endpoint(
        "GET",
        "/v1/apps/{app}/jobs/{job}/attach",
        attach.plain,
        "deploy",
        "A job's terminal, over a WebSocket",
        socket=attach.attach,
        query=("taken", "typed"),
    ),
    Endpoint(
        "GET",
        "/v1/apps/{app}/logs",
        streams.logs,
        "view",
        "Log lines, as JSON lines",
        query=("lines", "source", "dyno", "since", "follow"),
    ),
    Endpoint("GET", "/v1/apps/{app}/invoke-key", keys.info, "deploy", "How to call its functions"),
    Endpoint("POST", "/v1/apps/{app}/invoke-key", keys.rotate, "operate", "Make a new invoke key"),
)

GIT = (
    Endpoint(
        "GET",
        "/{app}.git/info/refs",
        smart_http.info_refs,
        "deploy",
        "What git may fetch",
        query=("service",),
    ),
    Endpoint("POST", "/{app}.git/git-receive-pack", smart_http.push, "deploy", "git push: deploy"),
    Endpoint("POST", "/{app}.git/git-upload-pack", smart_http.fetch, "deploy", "git fetch"),
)

ROUTES: tuple[Endpoint, ...] = (*PLATFORM, *NATIVE, *GIT)
