"""Whatever people and the world do to one app, in any order, step by step."""

from hypothesis import given, settings
from hypothesis import strategies as st

from setpoint.model.app import MIB, Formation
from setpoint.model.steps import EnsureRoute, Plan, RemoveProcesses
from setpoint.testing import builders
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


OFFERED = {
    "level": ["L3", "L2"],
    "stack": ["sim-stack", "another"],
    "memory_bytes": [n * MIB for n in (64, 512, 600, 4096)],
    "instances_max": [1, 2, 3, 20],
    "egress": ["public", "none"],
    "sizes": [("eco", "basic"), ("eco", "basic", "standard-2x")],
    "provider": ["this machine", "another"],
}
OFFERS = st.fixed_dictionaries({name: st.sampled_from(some) for name, some in OFFERED.items()})
ANOTHER = st.sampled_from([{name: one} for name, some in OFFERED.items() for one in some])
WANTED = st.builds(
    Formation,
    min=st.integers(0, 1),
    max=st.integers(1, 4),
    size=st.sampled_from(["basic", "standard-2x"]),
)
WISHES = st.fixed_dictionaries(
    {"formation": st.fixed_dictionaries({"web": WANTED, "worker": WANTED})},
    optional={"egress": st.sampled_from([("internet",), ("none",)])},
)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(STORIES, WISHES, OFFERS, ANOTHER)
def test_where_all_that_is_wanted_is_had_alike_no_other_plan_is_made(story, wishes, some, another):
    """So whoever wants none of what has changed needs no look."""
    before, after = (builders.capabilities(**one) for one in (some, some | another))
    scene = Scene()
    scene.capabilities = before
    good = [lambda s: s.build_ends(processes=(WEB, WORKER)), Scene.ready, Scene.ack, Scene.gone]
    for happen in (*story, *good, *good):
        happen(scene)
        scene.go()
    scene.change(**wishes)
    made = scene.plan()
    scene.capabilities = after
    if all(want.had(before) == want.had(after) for want in made.wants):
        assert scene.plan() == made
