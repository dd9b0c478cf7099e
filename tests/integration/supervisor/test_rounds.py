"""What nobody is told of when it goes: noticed by a look, named, and repaired."""

import os
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from setpoint.drivers.local.rounds import CUT, PERIOD_S
from setpoint.drivers.local.sandbox import netlink, syscalls
from setpoint.formats.control import Act
from setpoint.model.app import Upkeep, UpkeepMode
from setpoint.model.ids import AppId
from setpoint.model.process import SetOrder
from tests.integration.supervisor import programs
from tests.integration.supervisor.plane import Plane, get
from tests.integration.supervisor.test_functions import call, function, with_code
from tests.support.waiting import until

__all__ = ["function"]


def delete_link(name: str) -> None:
    """RTM_DELLINK."""
    with netlink.Netlink() as talk:
        talk.ask((17, 0, b"\0" * 16 + netlink.text(3, name)))


def take_link(name: str) -> None:
    """As somebody else's: both of its ends are here."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        with netlink.Netlink() as talk:
            talk.add_pair(name, f"x{name}", here)
    finally:
        os.close(here)


def acts(plane: Plane) -> list[Act]:
    return [a for a in plane.run(lambda d: d.acts(0)) if a.verb in ("drifted", "repaired")]


def noticed(plane: Plane, *verbs: str) -> list[Act]:
    def seen() -> list[Act] | None:
        found = acts(plane)
        return found if [a.verb for a in found] == list(verbs) else None

    return until(seen, 3 * PERIOD_S + 20, f"noticed: {verbs}")


def web(plane: Plane) -> SetOrder:
    order = plane.order("shop", programs.WEB)
    plane.apply(order)
    plane.ready(order)
    return order


def test_a_functions_socket_that_somebody_removed_is_made_anew(
    plane: Plane, function: SetOrder
) -> None:
    order = with_code(plane, function)
    plane.apply(order)
    endpoint = plane.when(order, lambda f: f.socket is not None).socket
    assert endpoint is not None
    assert call(plane, order).startswith(b"hello.1")
    Path(endpoint.address).unlink()
    drifted, repaired = noticed(plane, "drifted", "repaired")
    assert (drifted.subject, drifted.because) == (
        "hello",
        "has lost its listening socket to an outsider",
    )
    assert repaired.because.startswith("has a new listening socket, ")
    assert call(plane, order).startswith(b"hello.")


def test_what_lies_in_the_place_of_a_socket_holds_up_no_other(
    plane: Plane, function: SetOrder
) -> None:
    sick = with_code(plane, function)
    well = replace(sick, key=replace(sick.key, process="well"))
    well = replace(well, spec=replace(well.spec, process="well"))
    paths: list[Path] = []
    for order in (sick, well):
        plane.apply(order)
        endpoint = plane.when(order, lambda f: f.socket is not None and f.ready).socket
        assert endpoint is not None
        paths.append(Path(endpoint.address))
        paths[-1].unlink()
    (paths[0] / "x").mkdir(parents=True)
    plane.when(well, lambda f: not f.adrift and paths[1].is_socket(), 3 * PERIOD_S)
    (adrift,) = plane.when(sick, lambda f: f.adrift and f.adrift[0].failing).adrift
    assert "Is a directory" in adrift.failing
    assert call(plane, well).startswith(b"well.")
    shutil.rmtree(paths[0])
    plane.when(sick, lambda f: not f.adrift)
    assert call(plane, sick).startswith(b"hello.")


@pytest.mark.parametrize("mode", ["freeze", "report"])
def test_a_socket_of_a_function_that_is_to_be_left_is_told_once_and_left(
    plane: Plane, function: SetOrder, mode: UpkeepMode
) -> None:
    order = replace(with_code(plane, function), upkeep=Upkeep(mode))
    plane.apply(order)
    endpoint = plane.when(order, lambda f: f.socket is not None).socket
    assert endpoint is not None
    Path(endpoint.address).unlink()
    noticed(plane, "drifted")
    assert not Path(endpoint.address).exists()
    plane.apply(replace(order, upkeep=None))
    noticed(plane, "drifted", "repaired")
    assert Path(endpoint.address).is_socket()


@pytest.mark.parametrize("upkeep", [None, Upkeep("report"), Upkeep("freeze")])
def test_a_link_and_a_pin_that_somebody_removed_come_back_whatever_is_to_be_left(
    plane: Plane, upkeep: Upkeep | None
) -> None:
    """They keep others safe."""
    if plane.probe().level != "L3":
        pytest.skip("links and pins are there as root alone")
    order = web(plane)
    newer = replace(order.fence, generation=order.fence.generation + 1)
    plane.apply(replace(order, upkeep=upkeep, fence=newer))
    pin = plane.paths.netns / order.key.app
    link = f"spv{pin.with_name(f'{pin.name}.link').read_text()}"
    delete_link(link)
    drifted, _ = noticed(plane, "drifted", "repaired")
    assert (drifted.subject, drifted.because) == ("network", CUT)
    (instance,) = plane.ready(order)
    assert get(instance)[0] == 200
    syscalls.unmount(pin)
    pin.unlink()
    *_, drifted, _ = noticed(plane, *("drifted", "repaired") * 2)
    assert drifted.because == "has lost the pin of its namespace to an outsider"
    assert get(instance)[0] == 200
    assert plane.ready(order) == (instance,), "nothing was replaced"


def test_a_network_that_cannot_be_repaired_keeps_no_other_app_cut_off(plane: Plane) -> None:
    if plane.probe().level != "L3":
        pytest.skip("links and pins are there as root alone")
    plane.apps["shop"] = AppId("00000000-0000-4000-8000-000000000000")
    sick, well = web(plane), plane.order("well", programs.WEB)
    plane.apply(well)
    plane.ready(well)
    pin = plane.paths.netns / sick.key.app
    syscalls.unmount(pin)
    pin.unlink()
    (pin / "x").mkdir(parents=True)
    for order in (sick, well):
        record = plane.paths.netns / f"{order.key.app}.link"
        delete_link(f"spv{record.read_text()}")
    (adrift,) = plane.when(sick, lambda f: f.adrift and f.adrift[0].failing).adrift
    assert "Not a directory" in adrift.failing
    until(lambda: [a.verb for a in acts(plane) if a.app == well.key.app] == ["drifted", "repaired"])
    (instance,) = plane.ready(well)
    assert get(instance)[0] == 200
    shutil.rmtree(pin)
    plane.when(sick, lambda f: not f.adrift, 3 * PERIOD_S)
    (instance,) = plane.ready(sick)
    assert get(instance)[0] == 200


def test_an_app_whose_address_another_has_taken_is_dialled_at_its_new_one(plane: Plane) -> None:
    """A neighbour, of another installation perhaps, was quicker than the repair."""
    if plane.probe().level != "L3":
        pytest.skip("links are there as root alone")
    order = web(plane)
    (instance,) = plane.ready(order)
    assert instance.endpoint is not None
    pin = plane.paths.netns / order.key.app
    link = f"spv{pin.with_name(f'{pin.name}.link').read_text()}"
    delete_link(link)
    take_link(link)
    try:
        noticed(plane, "drifted", "repaired")
        (moved,) = plane.ready(order)
        assert moved.id == instance.id
        assert moved.endpoint is not None
        assert moved.endpoint.address != instance.endpoint.address
        assert get(moved)[0] == 200
        plane.kill()
        plane.up()
        assert plane.ready(order)[0].endpoint == moved.endpoint
    finally:
        delete_link(link)


def test_what_lost_its_relay_makes_room_for_another(plane: Plane) -> None:
    if os.geteuid() == 0:
        pytest.skip("as root the edge reaches apps by their links")
    order = web(plane)
    (instance,) = plane.ready(order)
    assert instance.endpoint is not None
    Path(instance.endpoint.address).unlink()
    drifted, _ = noticed(plane, "drifted", "repaired")
    assert drifted.because == "has lost its relay's socket to an outsider"
    fresh = plane.when(order, lambda f: f.ready and f.ready[0].id != instance.id).ready
    assert get(fresh[0])[0] == 200
