"""Whether each central store has what the sensors took, each alert once and in order."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Verdict:
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def check_sensor(name: str, kills: int, played: int, taken: list[int], verdict: Verdict) -> None:
    """A sensor that is killed loses what is in its socket and in memory: nothing acknowledges a datagram."""
    again = len(taken) - len(set(taken))
    lost = played - len(set(taken))
    verdict.lines.append(f"{name}: {played} played, {len(taken)} stored there, killed {kills} times")
    if not taken:
        verdict.errors.append(f"{name} stored nothing")
    if again:
        verdict.errors.append(f"{name} stored {again} alerts twice")
    if kills == 0 and lost:
        verdict.errors.append(f"{name} was never killed, and lost {lost} alerts")


def check_log(name: str, log: str, verdict: Verdict) -> None:
    """The stream keeps everything here: a central Pigear that says otherwise misleads."""
    said = [line for line in log.splitlines() if "removed from the stream" in line]
    if said:
        verdict.errors.append(f"{name} takes alerts for removed that are there: {said[0]}")


def check_central(name: str, expected: dict[str, list[int]], found: dict[str, list[int]],
                  must_be_in_order: set[str], verdict: Verdict) -> None:
    """Compares a central store with what the sensors stored."""
    for sensor in sorted(expected.keys() | found.keys()):
        want, have = Counter(expected.get(sensor, [])), Counter(found.get(sensor, []))
        missing, extra = (want - have).total(), (have - want).total()
        steps = found.get(sensor, [])
        late = sum(1 for before, after in zip(steps, steps[1:]) if after < before)
        verdict.lines.append(f"{name}, {sensor}: {len(steps)} alerts, {missing} missing, {extra} more than once, "
                             f"{late} steps back")
        if missing or extra:
            verdict.errors.append(f"{name}: {missing} alerts of {sensor} are missing, {extra} are there again: "
                                  f"{sorted(((want - have) + (have - want)))[:10]}")
        if late and sensor in must_be_in_order:
            verdict.errors.append(f"{name}: alerts of {sensor} are out of order {late} times")
