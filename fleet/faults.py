"""What is killed, at random, and when it starts again."""

import random

from cluster import Cluster
from processes import Process

KINDS = ["node", "leader", "all nodes", "sensor", "central"]


class Faults:
    """Kills with SIGKILL. Every kind comes before one comes again."""

    def __init__(self, chance: random.Random, mean: float, cluster: Cluster, sensors: list, centrals: list):
        self.chance, self.mean = chance, mean
        self.cluster, self.sensors, self.centrals = cluster, sensors, centrals
        self.kinds: list[str] = []
        self.next = chance.uniform(0.5, 1) * mean
        self.down: list[tuple[float, Process]] = []
        self.done: list[tuple[float, str]] = []

    def step(self, now: float, may_kill: bool) -> None:
        """Starts what was down for long enough, and kills what is next."""
        for due in [each for each in self.down if each[0] <= now]:
            due[1].start()
            self.down.remove(due)
        if may_kill and now >= self.next:
            self.next = now + self.chance.uniform(0.5, 1.5) * self.mean
            self._kill(now)

    def start_all(self) -> None:
        for _, process in self.down:
            process.start()
        self.down.clear()

    def _kill(self, now: float) -> None:
        if not self.kinds:
            self.kinds = self.chance.sample(KINDS, len(KINDS))
        kind = self.kinds.pop()
        victims = self._victims(kind)
        back = now + self.chance.uniform(0.2, min(5.0, self.mean))
        for victim in victims:
            if victim.child is not None:
                victim.kill()
                self.down.append((back, victim))
        self.done.append((now, f"{kind}: {', '.join(victim.name for victim in victims)}"))

    def _victims(self, kind: str) -> list[Process]:
        match kind:
            case "leader":
                leader = self.cluster.leader()
                return [leader] if leader else [self.chance.choice(self.cluster.nodes)]
            case "node":
                return [self.chance.choice(self.cluster.nodes)]
            case "all nodes":
                return self.cluster.nodes
            case "sensor":
                return [self.chance.choice(self.sensors)]
            case _:
                return [self.chance.choice(self.centrals)]
