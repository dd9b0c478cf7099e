"""What the release that ought to run is made with, where its source asked for something else."""

from setpoint.planning.draft import Draft


def plan_runtimes(draft: Draft) -> None:
    """It runs on the nearest there was when it was built."""
    if draft.target is None:
        return
    for wish in draft.target.slug.unmet:
        draft.fall_short(
            wish.path, wish.wanted, wish.got, wish.capability, wish.because, warned=True
        )
