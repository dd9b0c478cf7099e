"""Whatever people and the world do to one app, in any order, step by step."""

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.steps import EnsureRoute, Plan, RemoveProcesses
from tests.unit.planning.scene import WEB, WORKER, Scene

PEOPLE = st.sampled_from(
    [
        lambda s: s.deploy("b"),
        lambda s: s.deploy("c"),
        lambda s: s.configure(1),
        lambda s: s.configure(2),
        lambda s: s.scale("web", 1),
        lambda s: s.scale("web", 3),
        lambda s: s.scale("web", 0),
        lambda s: s.scale("web", 0, 2),
        lambda s: s.scale("worker", 1),
        lambda s: s.change(restarted_at_s=float(s.unit.generation)),
    ]
)
WORLD = st.sampled_from(
    [
        lambda s: s.build_ends(processes=(WEB, WORKER)),
        lambda s: s.build_ends(processes=(WORKER,)),
        lambda s: s.build_ends(message="no matching distribution found"),
        lambda s: s.build_ends(message="cut off", user_error=False),
        lambda s: s.ready(),
        lambda s: s.ready("web"),
        lambda s: s.gives_up("web"),
        lambda s: s.gives_up("worker"),
        lambda s: s.idle(),
        lambda s: s.ack(),
        lambda s: s.gone(),
        lambda s: s.reboot(),
        lambda s: None,
    ]
)
STORIES = st.lists(st.one_of(PEOPLE, WORLD, WORLD), max_size=40)


def checked_pass(scene: Scene) -> Plan:
    """One pass; what is removed is not routed, and what is routed stands or is being started."""
    before = scene.observed
    targets = {b.target for b in before.route.route.backends} if before.route else set()
    made = scene.go()
    for step in made.steps:
        if isinstance(step, RemoveProcesses):
            assert step.key not in targets, "removed while routed"
        if isinstance(step, EnsureRoute):
            keys = {s.key for s in scene.observed.sets}
            assert all(b.target is None or b.target in keys for b in step.route.backends)
    hosts = [h for s in made.steps if isinstance(s, EnsureRoute) for h in hosts_of(s)]
    assert len(hosts) == len(set(hosts)), "one host, two backends"
    return made


def hosts_of(step: EnsureRoute) -> list[str]:
    return [host for backend in step.route.backends for host in backend.hosts]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STORIES)
def test_nothing_routed_is_removed_and_every_step_says_why(story):
    scene = Scene()
    for happen in story:
        happen(scene)
        made = checked_pass(scene)
        assert all(step.because.text for step in made.steps)
        assert len(made.conditions) == 5


@settings(max_examples=150, deadline=None, derandomize=True)
@given(STORIES)
def test_any_story_settles_once_everything_goes_well(story):
    scene = Scene()
    for happen in story:
        happen(scene)
        scene.go()
    scene.settle()
    assert scene.plan().settled
    assert scene.go().steps == ()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(STORIES)
def test_a_destroyed_app_is_always_forgotten(story):
    scene = Scene()
    for happen in story:
        happen(scene)
        scene.go()
    scene.change(deleted=True)
    for _ in range(4):
        scene.go()
        scene.gone()
    assert scene.forgotten
    assert scene.observed.route is None
    assert scene.observed.sets == ()
