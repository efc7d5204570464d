"""A rollback inside `spec.rollbackWindow`: back to a recent revision no step is asked for.

Only the steps are left out: the weight still waits for the pods (I2), and an abort still takes it
back (I3).
"""

from davy.engine.effect import Surroundings
from davy.engine.position import Position, Stage


def reaches(around: Surroundings, position: Position) -> bool:
    """Whether the new revision is older than stable, by fewer revisions than the window has.

    Counted as Argo Rollouts does, by the ReplicaSets that were created between the two; what was
    created in the same second isn't told apart. A revision whose ReplicaSet was deleted since is
    new.
    """
    window = around.rollout.spec.rollback_window
    if window is None or position.stage is not Stage.UPDATING:
        return False
    created = {found.hash: found.created_at for found in around.world.replica_sets}
    begun, ended = created.get(position.new_hash), created.get(position.stable_hash or "")
    if begun is None or ended is None or begun >= ended:
        return False
    between = sum(at is not None and begun < at < ended for at in created.values())
    return between < window.revisions
