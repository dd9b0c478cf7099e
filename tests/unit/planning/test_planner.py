"""What the planner does next, told as stories of one app."""

import msgspec
import pytest

from setpoint.model.app import Probe, Source
from setpoint.model.change import Because
from setpoint.model.condition import ConditionType, find
from setpoint.model.ids import Digest
from setpoint.model.observed import Uptime
from setpoint.model.process import Exit, ProbeSeen
from setpoint.model.steps import (
    CutRelease,
    EnsureProcesses,
    EnsureRoute,
    ForgetApp,
    Plan,
    RemoveProcesses,
    RemoveRoute,
    SettleRelease,
    StartBuild,
)
from setpoint.planning.planner import plan
from setpoint.testing import builders
from setpoint.testing.programs import FUNCTION
from tests.unit.planning.scene import NOW_S, WEB, WORKER, Scene


def kinds(made: Plan) -> list[type]:
    return [type(step) for step in made.steps]


def rules(made: Plan) -> list[str]:
    return [step.because.rule for step in made.steps]


def said(made: Plan, type_: ConditionType):
    condition = find(made.conditions, type_)
    assert condition is not None
    return condition


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def serving() -> Scene:
    """v1 serves with one web."""
    scene = Scene()
    scene.settle()
    return scene


# --- first deploy ---------------------------------------------------------------------------


def test_an_app_without_source_gets_a_host_and_nothing_else():
    scene = Scene(builders.intent(source=None))
    assert kinds(scene.go()) == [EnsureRoute]
    scene.ack()
    made = scene.plan()
    assert made.settled
    assert said(made, ConditionType.READY).reason == "NothingDeployed"


def test_a_first_deploy_builds_releases_starts_and_only_then_routes(scene: Scene):
    assert kinds(scene.go()) == [StartBuild, EnsureRoute]
    scene.ack()
    assert scene.go().waiting[0].on == "build"
    scene.build_ends()
    assert kinds(scene.go()) == [CutRelease]
    assert kinds(scene.go()) == [EnsureProcesses]
    assert scene.routed_to() is None
    scene.ready()
    assert kinds(scene.go()) == [EnsureRoute]
    assert scene.routed_to() == 1
    scene.ack()
    assert kinds(scene.go()) == [SettleRelease]
    made = scene.plan()
    assert made.settled
    assert said(made, ConditionType.READY).status


def test_planning_twice_on_the_same_values_gives_the_same_plan(serving: Scene):
    serving.deploy("b")
    assert serving.plan() == serving.plan()


def test_every_step_says_why(scene: Scene):
    for _ in range(8):
        made = scene.go()
        assert all(step.because.rule and step.because.text for step in made.steps)
        scene.build_ends()
        scene.ready()
        scene.ack()


def test_a_build_is_asked_for_under_the_same_id_each_time(scene: Scene):
    first, again = scene.plan().steps[0], scene.plan().steps[0]
    assert isinstance(first, StartBuild)
    assert first == again


# --- rolling out ----------------------------------------------------------------------------


def test_the_old_release_stays_until_the_new_one_is_ready_and_routed(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    assert [s.release for s in serving.sets()] == [1, 2]
    assert RemoveProcesses not in kinds(serving.go())

    serving.ready()
    made = serving.go()
    assert kinds(made) == [EnsureRoute]
    assert serving.routed_to() == 2
    assert RemoveProcesses not in kinds(serving.go()), "the edge has not confirmed yet"

    serving.ack()
    assert RemoveProcesses in kinds(serving.go())
    assert [s.release for s in serving.sets()] == [2]


def test_a_release_that_never_gets_ready_fails_and_the_old_one_serves_on(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.gives_up()
    made = serving.go()
    assert [type(s) for s in made.steps] == [SettleRelease]
    assert serving.statuses() == ["failed", "succeeded"]
    assert serving.routed_to() == 1

    serving.go()
    assert [s.release for s in serving.sets()] == [1]
    serving.gone()
    made = serving.plan()
    assert made.settled
    stalled = said(made, ConditionType.STALLED)
    assert stalled.status
    assert "web exited with code 1 before it was ready, 3 times in a row" in stalled.message
    assert not said(made, ConditionType.READY).status


def test_what_failed_before_is_not_held_against_what_was_asked_since(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.gives_up()
    serving.go()
    serving.go()
    serving.gone()
    assert said(serving.plan(), ConditionType.STALLED).status
    serving.deploy("c")
    made = serving.go()
    while not said(made, ConditionType.READY).status:
        assert not said(made, ConditionType.STALLED).status
        serving.build_ends()
        serving.ready()
        serving.ack()
        made = serving.go()
    assert serving.routed_to() == 3


def test_a_failed_first_release_leaves_nothing_running(scene: Scene):
    scene.go()
    scene.ack()
    scene.build_ends()
    scene.go()
    scene.go()
    scene.gives_up()
    scene.go()
    scene.go()
    scene.gone()
    assert scene.observed.sets == ()
    assert scene.plan().settled


def test_a_release_moves_as_a_whole(serving: Scene):
    serving.scale("worker", 1)
    serving.deploy("b")
    serving.go()
    serving.build_ends(processes=(WEB, WORKER))
    serving.go()
    serving.go()
    serving.ready("web")
    serving.go()
    assert serving.routed_to() == 1, "web of v2 is ready, its worker is not"
    serving.ready("worker")
    serving.go()
    assert serving.routed_to() == 2


def test_a_worker_works_on_until_the_new_release_is_ready_as_a_whole(serving: Scene):
    both = (WEB, WORKER)
    serving.deploy("b")
    serving.scale("worker", 1)
    serving.settle(processes=both)
    serving.deploy("c")
    serving.go()
    serving.build_ends(processes=both)
    serving.go()
    serving.go()
    serving.ready("worker")
    serving.go()
    assert [s.release for s in serving.sets("worker")] == [2, 3], "web of v3 is not ready"
    serving.gives_up("web")
    for _ in range(3):
        serving.go()
        serving.gone()
    assert [s.release for s in serving.sets("worker")] == [2], "the same, and not started anew"
    assert serving.routed_to() == 2


def test_a_process_the_new_release_drops_serves_until_that_release_has_proven_itself(
    serving: Scene,
):
    serving.scale("worker", 1)
    serving.deploy("b")
    serving.go()
    serving.build_ends(processes=(WORKER,))
    serving.go()
    serving.go()
    assert serving.routed_to("web") == 1
    serving.gives_up("worker")
    serving.go()
    serving.go()
    assert serving.routed_to("web") == 1
    assert [s.release for s in serving.sets("web")] == [1]


def test_a_process_the_new_release_drops_goes_when_that_release_is_ready(serving: Scene):
    serving.scale("worker", 1)
    serving.deploy("b")
    serving.settle(processes=(WORKER,))
    assert serving.sets("web") == []
    assert serving.routed_to("web") is None
    assert [s.release for s in serving.sets("worker")] == [2]


def test_an_idle_set_keeps_its_route_while_a_new_release_proves_itself():
    scene = Scene()
    scene.scale("web", 0, 2)
    scene.settle()
    scene.idle()
    scene.deploy("b")
    scene.go()
    scene.build_ends()
    scene.go()
    scene.go()
    assert scene.routed_to() == 1


@pytest.mark.parametrize("sleeps", [False, True])
def test_what_a_new_release_drops_is_routed_again_where_an_outsider_took_the_route(sleeps: bool):
    scene = Scene()
    scene.scale("web", 0 if sleeps else 1, 1)
    scene.scale("worker", 1)
    scene.settle()
    had = scene.observed.route
    assert had is not None
    if sleeps:
        scene.idle()
    scene.deploy("b")
    scene.go()
    scene.build_ends(processes=(WORKER,))
    scene.go()
    scene.go()
    scene._replace(route=None)
    scene.go()
    route = scene.observed.route
    assert route is not None
    assert route.route.backends == had.route.backends


def test_so_is_a_function_alone_with_its_apps_own_host():
    scene = Scene()
    scene.settle(processes=(FUNCTION,))
    had = scene.observed.route
    assert had is not None
    scene.scale("worker", 1)
    scene.deploy("b")
    scene.go()
    scene.build_ends(processes=(WORKER,))
    scene.go()
    scene.go()
    scene._replace(route=None)
    scene.go()
    route = scene.observed.route
    assert route is not None
    assert route.route.backends == had.route.backends


def test_a_release_overtaken_before_it_started_is_not_fallen_back_to(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.deploy("c")
    serving.go()
    serving.build_ends()
    serving.go()
    assert serving.statuses() == ["pending", "superseded", "succeeded"]
    serving.go()
    serving.gives_up()
    serving.go()
    serving.go()
    assert serving.statuses()[0] == "failed"
    assert [s.release for s in serving.sets()] == [1]


def test_a_release_overtaken_just_as_it_came_to_serve_is_fallen_back_to(scene: Scene):
    scene.go()
    scene.build_ends()
    scene.go()
    scene.go()
    scene.ready()
    scene.go()
    scene.deploy("b")
    scene.go()
    scene.build_ends()
    scene.go()
    scene.ack()
    made = scene.go()
    assert "serves-after-all" in rules(made)
    assert scene.statuses() == ["pending", "succeeded"]
    scene.gives_up()
    scene.go()
    scene.go()
    assert scene.routed_to() == 1
    assert [s.release for s in scene.sets()] == [1]


# --- config ---------------------------------------------------------------------------------


def test_a_config_change_cuts_a_release_of_the_same_build(serving: Scene):
    serving.configure(1)
    made = serving.go()
    assert CutRelease in kinds(made)
    assert StartBuild not in kinds(made)
    newest, old = serving.observed.releases
    assert (newest.build, newest.config) == (old.build, serving.unit.intent.config)
    serving.settle()
    assert [s.release for s in serving.sets()] == [2]


def test_a_config_change_during_a_build_is_released_together_with_it(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.configure(1)
    assert CutRelease not in kinds(serving.go())
    serving.settle()
    assert len(serving.observed.releases) == 2
    assert serving.observed.releases[0].config == serving.unit.intent.config
    assert serving.observed.releases[0].source == Digest("b" * 64)


# --- builds that fail -----------------------------------------------------------------------


def test_a_failed_build_stalls_and_the_old_release_serves_on(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(message="no matching distribution found")
    made = serving.plan()
    assert made.settled
    assert said(made, ConditionType.STALLED).message == "no matching distribution found"
    assert serving.routed_to() == 1


def test_a_build_cut_off_by_the_machine_is_tried_again_after_a_pause(scene: Scene):
    scene.go()
    cut_off = msgspec.structs.replace(
        scene.observed.builds[0], status="failed", user_error=False, ended_at_s=NOW_S - 1.0
    )
    scene.observed = msgspec.structs.replace(scene.observed, builds=(cut_off,))
    made = scene.plan()
    assert StartBuild not in kinds(made)
    assert [w.look_again_s for w in made.waiting if w.on == "retry"] == [4.0]
    rested = msgspec.structs.replace(cut_off, ended_at_s=NOW_S - 5.0)
    scene.observed = msgspec.structs.replace(scene.observed, builds=(rested,))
    assert StartBuild in kinds(scene.plan())


def test_a_scale_does_not_retry_a_failed_build(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(message="no matching distribution found")
    serving.scale("web", 2)
    made = serving.go()
    assert kinds(made) == [EnsureProcesses, EnsureRoute]
    assert rules(made)[1] == "renew"
    serving.settle()
    assert len(serving.sets()[0].ready) == 2


def test_deploying_the_same_source_again_after_a_failure_builds_again(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(message="the index was down")
    serving.change(shape=True, source=Source(Digest("b" * 64)))
    assert StartBuild in kinds(serving.plan())


def test_a_build_cut_off_through_no_fault_of_its_own_is_tried_again(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(message="cut off", user_error=False)
    made = serving.go()
    assert kinds(made)[0] is StartBuild
    assert not said(made, ConditionType.STALLED).status


def test_a_build_that_is_retried_does_not_release_the_old_slug_with_new_config(serving: Scene):
    serving.deploy("b")
    serving.configure(1)
    serving.go()
    serving.build_ends(message="cut off", user_error=False)
    assert CutRelease not in kinds(serving.go())


def test_config_still_releases_while_the_newest_source_cannot_be_built(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends(message="no matching distribution found")
    serving.configure(1)
    serving.settle()
    newest = serving.observed.releases[0]
    assert newest.source == builders.CODE
    assert newest.config == serving.unit.intent.config
    assert newest.status == "succeeded"


def test_a_failed_release_does_not_lend_its_slug_to_a_config_change(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.gives_up()
    serving.go()
    serving.deploy("c")
    serving.go()
    serving.build_ends(message="no matching distribution found")
    serving.configure(1)
    serving.go()
    assert serving.observed.releases[0].source == builders.CODE


# --- formation ------------------------------------------------------------------------------


def test_scaling_up_changes_the_bounds_of_the_set_that_runs(serving: Scene):
    key = serving.sets()[0].key
    serving.scale("web", 3)
    assert rules(serving.go()) == ["scale", "renew"]
    serving.settle()
    assert [s.key for s in serving.sets()] == [key]
    assert len(serving.sets()[0].ready) == 3


def test_scaling_down_keeps_the_set(serving: Scene):
    serving.scale("web", 3)
    serving.settle()
    serving.scale("web", 1)
    assert rules(serving.go()) == ["scale", "renew"]
    assert len(serving.sets()[0].instances) == 1


def test_scaling_to_zero_takes_it_out_of_the_routes_first(serving: Scene):
    serving.scale("web", 0)
    assert kinds(serving.go()) == [EnsureRoute]
    assert serving.routed_to() is None
    assert kinds(serving.go()) == []
    serving.ack()
    assert kinds(serving.go()) == [RemoveProcesses]
    assert serving.go().waiting[0].because == "the old web is draining"
    serving.gone()
    assert serving.plan().settled


def test_a_release_is_settled_although_nothing_of_it_is_meant_to_run():
    scene = Scene()
    scene.scale("web", 0)
    scene.settle()
    assert scene.statuses() == ["succeeded"]
    assert scene.observed.sets == ()


def test_what_may_be_at_zero_has_to_start_once_and_is_then_held_for():
    scene = Scene()
    scene.scale("web", 0, 2)
    scene.settle()
    assert scene.observed.route is not None
    (backend,) = scene.observed.route.route.backends
    assert backend.hold
    scene.idle()
    assert scene.plan().settled


def test_more_than_the_machine_offers_is_unmet_and_the_rest_converges():
    scene = Scene()
    scene.scale("web", 30)
    scene.settle()
    made = scene.plan()
    (unmet,) = made.unmet
    assert (unmet.path, unmet.wanted, unmet.offered) == ("formation.web.max", "30", "20")
    assert len(scene.sets()[0].ready) == 20
    assert not said(made, ConditionType.SATISFIABLE).status
    assert said(made, ConditionType.READY).status


def test_a_worker_is_replaced_without_waiting_for_any_route():
    scene = Scene()
    scene.scale("worker", 1)
    scene.settle(processes=(WORKER,))
    scene.configure(1)
    scene.go()
    scene.go()
    assert [s.release for s in scene.sets("worker")] == [1, 2]
    scene.ready()
    scene.go()
    assert [s.release for s in scene.sets("worker")] == [2]


def test_a_restart_replaces_the_set_by_one_of_the_same_release(serving: Scene):
    old = serving.sets()[0].key
    serving.change(restarted_at_s=NOW_S)
    made = serving.go()
    assert rules(made) == ["replace", "renew"]
    assert serving.routed_to() == 1
    assert old in {s.key for s in serving.sets()}
    serving.settle()
    (new,) = serving.sets()
    assert new.key != old
    assert new.release == 1


def test_a_set_and_the_route_hear_of_every_new_generation(serving: Scene):
    """Otherwise a delayed command of an older generation would still be obeyed."""
    serving.scale("worker", 0)
    made = serving.go()
    assert rules(made) == ["renew", "renew"]
    assert serving.sets()[0].fence == serving.unit.fence
    route = serving.observed.route
    assert route is not None
    assert route.route.fence == serving.unit.fence
    assert serving.plan().settled


def test_a_route_that_has_heard_of_a_newer_generation_is_not_told_of_an_older(serving: Scene):
    before = serving.unit
    serving.scale("worker", 0)
    serving.settle()
    serving.unit = before
    assert EnsureRoute not in kinds(serving.plan())


def test_a_crashing_process_is_told_and_left_to_its_standing_order(serving: Scene):
    (facts,) = serving.sets()
    crashed = builders.facts(
        serving_order(serving), crashes=4, last_exit=Exit(137, NOW_S, oom=True), ever_ready=True
    )
    serving.observed = msgspec.structs.replace(serving.observed, sets=(crashed,))
    assert crashed.key == facts.key
    made = serving.plan()
    assert made.steps == ()
    assert made.waiting[0].on == "web"
    message = said(made, ConditionType.STALLED).message
    assert message == "web ran out of memory and was killed, 4 times in a row; see its logs"


def test_a_new_release_that_never_got_ready_is_told_by_its_verdict_alone(serving: Scene):
    """Told as a crash at once, a deploy would end before there is a word of why."""
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.gives_up()
    (new,) = [s for s in serving.sets() if not s.ever_ready]
    about_to = msgspec.structs.replace(new, gave_up=False, crashes=3)
    others = tuple(s for s in serving.observed.sets if s.key != new.key)
    serving.observed = msgspec.structs.replace(serving.observed, sets=(*others, about_to))
    assert not said(serving.plan(), ConditionType.STALLED).status
    serving.gives_up()
    serving.go()
    stalled = said(serving.go(), ConditionType.STALLED)
    assert stalled.reason == "ReleaseFailed"


def serving_order(scene: Scene):
    """The standing order under which the scene's web stands."""
    empty = msgspec.structs.replace(scene.observed, sets=(), route=None)
    made = plan(scene.unit, empty, scene.capabilities, NOW_S)
    return next(s.order for s in made.steps if isinstance(s, EnsureProcesses))


def test_a_set_given_up_although_its_release_serves_is_tried_again(serving: Scene):
    serving.ready()
    (facts,) = serving.sets()
    given_up = builders.facts(serving_order(serving), gave_up=True, failures=3)
    assert given_up.key == facts.key
    serving.observed = msgspec.structs.replace(serving.observed, sets=(given_up,))
    assert rules(serving.plan()) == ["try-again"]


def test_while_a_release_fails_the_one_before_is_said_to_serve(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.scale("web", 1)
    crashing = [s for s in serving.observed.sets if s.release == 2]
    assert crashing != []
    serving.gives_up()
    serving.observed = msgspec.structs.replace(
        serving.observed,
        sets=tuple(
            msgspec.structs.replace(s, ever_ready=True, gave_up=False, crashes=3)
            if s.release == 2
            else s
            for s in serving.observed.sets
        ),
    )
    (ready,) = [c for c in serving.plan().conditions if c.type is ConditionType.READY]
    assert (ready.status, ready.reason) == (False, "Crashing")
    assert ready.message == "v1 serves; what was asked since does not"


# --- drift ----------------------------------------------------------------------------------


def test_after_a_reboot_everything_is_started_and_routed_again(serving: Scene):
    serving.reboot()
    made = serving.go()
    assert [step.because for step in made.steps] == [
        Because("resume", "the machine was started anew: web of v1 is started again"),
        Because("resume", "the machine was started anew: shop is routed again"),
    ]
    serving.settle()
    assert serving.routed_to() == 1
    assert serving.statuses() == ["succeeded"]


def test_what_an_orderly_stop_ended_is_no_drift_and_what_goes_after_it_is(serving: Scene):
    serving.goes_down_and_up()
    assert serving.plan().steps[0].because.text == (
        "Setpoint was stopped: web of v1 is started again"
    )
    serving.go()
    serving.observed = msgspec.structs.replace(serving.observed, sets=(), route=None)
    assert rules(serving.go()) == ["resume", "resume"], "it has not been as intended since"
    serving.settle()
    serving.observed = msgspec.structs.replace(serving.observed, sets=(), route=None)
    assert rules(serving.go()) == ["missing", "missing"]


def test_of_a_time_that_nobody_noted_no_stop_is_known(serving: Scene):
    """As an earlier version left it."""
    serving.observed = msgspec.structs.replace(serving.observed, settled_in=Uptime())
    serving.reboot()
    assert rules(serving.go()) == ["missing", "missing"]


def test_a_lost_route_is_put_back(serving: Scene):
    serving.observed = msgspec.structs.replace(serving.observed, route=None)
    made = serving.go()
    assert kinds(made) == [EnsureRoute]
    assert rules(made) == ["missing"]
    assert serving.routed_to() == 1


def test_a_route_that_is_not_the_one_given_is_told_as_altered(serving: Scene):
    seen = serving.observed.route
    assert seen is not None
    spoiled = msgspec.structs.replace(seen.route, backends=())
    serving.observed = msgspec.structs.replace(
        serving.observed, route=msgspec.structs.replace(seen, route=spoiled)
    )
    assert rules(serving.go()) == ["altered"]
    serving.settle()
    assert serving.routed_to() == 1


def test_what_a_change_asks_for_anew_is_no_drift(serving: Scene):
    serving.scale("web", 0)
    serving.settle()
    serving.scale("web", 1)
    made = serving.go()
    assert rules(made)[0] == "start"
    assert made.steps[0].because.change == serving.unit.last_change


def test_a_route_the_edge_refuses_is_told_in_its_own_words(serving: Scene):
    assert serving.observed.route is not None
    refused = msgspec.structs.replace(serving.observed.route, acked=False, nack="bad regex")
    serving.observed = msgspec.structs.replace(serving.observed, route=refused)
    made = serving.plan()
    assert made.steps == ()
    assert said(made, ConditionType.STALLED).message == "the edge refused the route: bad regex"


# --- destroy --------------------------------------------------------------------------------


def test_a_destroyed_app_leaves_the_routes_then_its_processes_then_memory(serving: Scene):
    serving.change(deleted=True)
    assert kinds(serving.go()) == [RemoveRoute]
    assert kinds(serving.go()) == [RemoveProcesses]
    assert serving.go().waiting[0].on == "web"
    assert not serving.forgotten
    serving.gone()
    assert kinds(serving.go()) == [ForgetApp]
    assert serving.forgotten


def test_a_set_that_was_never_ready_is_removed_with_the_others(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    assert [facts.ever_ready for facts in serving.observed.sets] == [True, False]
    serving.change(deleted=True)
    serving.go()
    assert kinds(serving.go()) == [RemoveProcesses, RemoveProcesses]


def test_a_retiring_set_is_waited_for_also_when_its_last_instance_is_gone(serving: Scene):
    serving.change(deleted=True)
    serving.go()
    serving.go()
    serving.idle()
    assert not serving.plan().settled


def test_maintenance_is_a_matter_of_the_route_alone(serving: Scene):
    serving.change(maintenance=True)
    made = serving.go()
    assert [s.because.text for s in made.steps if isinstance(s, EnsureRoute)] == [
        "maintenance was switched on"
    ]
    assert serving.observed.route.route.maintenance
    serving.settle()
    assert (len(serving.sets()), serving.routed_to()) == (1, 1)
    serving.change(maintenance=False)
    assert "maintenance is over" in [s.because.text for s in serving.go().steps]


def test_one_process_type_can_be_started_afresh_alone():
    scene = Scene()
    scene.settle(processes=(WEB, WORKER))
    scene.scale("worker", 1)
    scene.settle(processes=(WEB, WORKER))
    web, worker = scene.sets("web")[0].key, scene.sets("worker")[0].key
    scene.change(restarted={"worker": NOW_S})
    scene.settle(processes=(WEB, WORKER))
    assert scene.sets("web")[0].key == web
    assert scene.sets("worker")[0].key != worker


def test_a_probe_is_asked_of_web_alone_and_changing_it_restarts_nothing(serving: Scene):
    key = serving.sets()[0].key
    serving.change(probes={"web": Probe("/health", timeout_s=2.0)})
    orders = [s.order for s in serving.go().steps if isinstance(s, EnsureProcesses)]
    assert [(o.key, o.probe.path) for o in orders] == [(key, "/health")]


def test_what_a_web_process_answers_instead_is_waited_on_and_told(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.errs(ProbeSeen("answered 500 to GET /", 500, "no such table\ncart"))
    waiting = [w.because for w in serving.plan().waiting]
    assert waiting[0] == "web of v2 answered 500 to GET /; it is asked again"
    serving.hangs(("Traceback",))
    (verdict,) = serving.go().steps
    assert isinstance(verdict, SettleRelease)
    assert verdict.message.splitlines() == [
        "web answered 500 to GET /, and was not ready within 60 s",
        "its answer began:",
        "no such table",
        "cart",
        "its log ended:",
        "Traceback",
    ]
    assert serving.routed_to() == 1


def test_what_the_machine_lacks_for_a_start_is_told_while_that_is_waited_for(serving: Scene):
    serving.deploy("b")
    serving.go()
    serving.build_ends()
    serving.go()
    serving.go()
    serving.hindered("No space left on device")
    assert serving.plan().waiting[0].because == (
        "0 of 1 web instances of v2 are ready; "
        "this machine cannot start one now: No space left on device"
    )


def test_a_worker_that_a_new_release_drops_runs_on_until_that_release_is_proven():
    scene = Scene()
    scene.scale("worker", 1)
    scene.settle(processes=(WEB, WORKER))
    scene.deploy("b")
    scene.go()
    scene.build_ends(processes=(WEB,))
    scene.go()
    for _ in range(3):
        scene.go()
        scene.ack()
        assert [s.release for s in scene.sets("worker")] == [1]
    scene.settle()
    assert scene.sets("worker") == []
