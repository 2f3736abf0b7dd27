"""A fleet on this machine: sensors, a cluster of three nats-servers, two central Pigears, and faults.

Ends with 0 if each central store has every alert that the sensors stored, each once and in order, and without faults
also if the central Pigears are not too far behind when the last alert was played.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import check
import report
from cluster import Cluster
from faults import Faults
from pigears import ROOT, Central, Player, Sensor, write_recording
from processes import wait_until

# How long the central Pigears may take for what is left when the last alert was played, if nothing is killed.
MOST_LAG_SECONDS = 2

# The handler's own.
DEFAULT_IN_FLIGHT = 1024

# Without faults, to how many sensors a player plays.
PLAYED_TOGETHER = 10

# What a killed sensor had not published may wait for a cluster that is just starting.
SETTLE_SECONDS = 150


def arguments() -> argparse.Namespace:
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=env("FLEET_SECONDS", "600"))
    parser.add_argument("--sensors", type=int, default=env("FLEET_SENSORS", "4"))
    parser.add_argument("--rate", type=float, default=env("FLEET_RATE", "50"), help="alerts a second of each sensor")
    parser.add_argument("--seed", type=int, default=env("FLEET_SEED"), help="of the faults; random by default")
    parser.add_argument("--every", type=float, default=env("FLEET_EVERY", "6"), help="seconds between faults")
    parser.add_argument("--no-faults", action="store_true", help="kill nothing, and measure how far behind the "
                        "central Pigears are at the end")
    parser.add_argument("--nodes", type=int, default=3, help="nats-servers, and copies of the stream: 1, 3 or 5")
    parser.add_argument("--centrals", type=int, default=2, help="central Pigears")
    parser.add_argument("--pigear", default=env("PIGEAR", str(ROOT / "target/debug/pigear")))
    parser.add_argument("--nats-server", default=str(ROOT / "target/peers/nats/bin/nats-server"))
    parser.add_argument("--report", type=Path, default=ROOT / "target/fleet")
    return parser.parse_args()


class Fleet:
    def __init__(self, args: argparse.Namespace, directory: Path):
        self.args, self.directory = args, directory
        self.cluster = Cluster(args.nats_server, directory, args.nodes)
        url = self.cluster.url
        self.sensors = [Sensor(f"sensor{n + 1}", args.pigear, url, directory, self.in_flight(n), args.nodes)
                        for n in range(args.sensors)]
        self.centrals = [Central(f"central{n + 1}", args.pigear, url, directory) for n in range(args.centrals)]
        self.players: list[Player] = []
        self.faults = Faults(random.Random(args.seed), args.every, self.cluster, self.sensors, self.centrals)
        self.samples: list[dict] = []
        self.lag: float | None = None
        self.lag_alerts = 0
        self.late_seconds = 0.0
        self.refused = 0
        self.started = 0.0

    def in_flight(self, n: int) -> int:
        """How many alerts a sensor has in flight: where leaders are killed, only one at a time keeps the order."""
        return DEFAULT_IN_FLIGHT if self.args.no_faults or n % 2 else 1

    def played_together(self) -> list[list[Sensor]]:
        """The sensors of each player: what plays Snort's part is to take little of the machine. But one that is killed
        holds up all of its player."""
        together = PLAYED_TOGETHER if self.args.no_faults else 1
        return [self.sensors[at : at + together] for at in range(0, len(self.sensors), together)]

    def now(self) -> float:
        return time.monotonic() - self.started

    def run(self) -> check.Verdict:
        count = int(self.args.rate * self.args.seconds)
        recording = self.directory / "recording.gz"
        write_recording(recording, count, self.args.rate)
        self.cluster.start()
        for process in [*self.sensors, *self.centrals]:
            process.start()
        wait_until("the sensors listen", lambda: all(sensor.socket.exists() for sensor in self.sensors),
                   30 + len(self.sensors))
        self.started = time.monotonic()
        self.players = [Player(self.args.pigear, sensors, recording, self.args.rate, count)
                        for sensors in self.played_together()]
        while any(player.child.poll() is None for player in self.players):
            self.faults.step(self.now(), not self.args.no_faults and self.now() < self.args.seconds - 2)
            self.sample()
            time.sleep(0.05)
        ended = time.monotonic()
        self.faults.start_all()
        results = [(player.sensors, player.result(10)) for player in self.players]
        # Without faults no socket refuses an alert, so all got the same number.
        played = {sensor.name: result["sent"] // len(sensors) for sensors, result in results for sensor in sensors}
        if self.args.no_faults:
            self.late_seconds = max(result["seconds"] for _, result in results) - count / self.args.rate
            self.refused = sum(result["refused"] for _, result in results)
            self.measure_lag(ended, sum(played.values()))
        self.settle()
        return self.verdict(played)

    def sample(self) -> None:
        if self.samples and self.now() - self.samples[-1]["time"] < 1:
            return
        sample = {"time": self.now(), "played": min(self.now(), self.args.seconds) * self.args.rate * len(self.sensors)}
        if stream := self.cluster.stream():
            sample["stream"] = stream["state"]["messages"]
            for name, behind in self.cluster.behind().items():
                sample[name] = max(0, sample["stream"] - behind)
                sample[f"{name} behind"] = behind
        self.samples.append(sample)
        self.show(sample)

    def show(self, sample: dict) -> None:
        numbers = "  ".join(f"{name} {sample.get(name, '-'):>7}" for name in ["stream", *self.names()])
        last = f"  killed {self.faults.done[-1][1]}" if self.faults.done else ""
        line = f"{sample['time']:6.0f} s  played {sample['played']:7.0f}  {numbers}  faults {len(self.faults.done)}{last}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line[:shutil.get_terminal_size().columns - 1]}", end="", flush=True)
        elif len(self.samples) % 5 == 1:
            print(line, flush=True)

    def names(self) -> list[str]:
        return [central.name for central in self.centrals]

    def measure_lag(self, ended: float, played: int) -> None:
        """Waits until all that was played is in the stream, and acknowledged by each central Pigear: it is stored."""
        deadline, first = time.monotonic() + SETTLE_SECONDS, True
        while time.monotonic() < deadline:
            stream, behind = self.cluster.stream() or {}, self.cluster.behind()
            unpublished = played - stream.get("state", {}).get("messages", 0)
            waiting = [unpublished + behind.get(name, played) for name in self.names()]
            self.lag_alerts, first = max(waiting) if first else self.lag_alerts, False
            if max(waiting) <= 0:
                self.lag = time.monotonic() - ended
                return
            time.sleep(0.02)

    def check_pace(self, verdict: check.Verdict) -> None:
        line = f"the sockets refused {self.refused} alerts, and playing took {self.late_seconds:.2f} s longer than it should"
        verdict.lines.append(line)
        if self.refused or self.late_seconds >= MOST_LAG_SECONDS:
            verdict.errors.append(line)

    def check_lag(self, verdict: check.Verdict) -> None:
        took = "they never had all" if self.lag is None else f"they had all after {self.lag:.2f} s"
        line = f"when the last alert was played, the central Pigears were {self.lag_alerts} alerts behind; {took}"
        verdict.lines.append(line)
        if self.lag is None or self.lag >= MOST_LAG_SECONDS:
            verdict.errors.append(f"{line}; at most {MOST_LAG_SECONDS} s are right")

    def settle(self) -> None:
        """Waits until the central stores have as many alerts as those of the sensors."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            self.sample()
            wanted = sum(sensor.store.count() for sensor in self.sensors)
            if all(central.store.count() >= wanted for central in self.centrals):
                return
            time.sleep(0.5)

    def stop(self) -> None:
        for player in self.players:
            player.stop()
        for process in [*self.sensors, *self.centrals, *self.cluster.nodes]:
            process.stop()

    def verdict(self, played: dict[str, int]) -> check.Verdict:
        for process in [*self.sensors, *self.centrals]:
            process.stop()
        verdict = check.Verdict()
        taken = {}
        for sensor in self.sensors:
            taken[sensor.name] = sensor.store.alerts().get(sensor.name, [])
            check.check_sensor(sensor.name, sensor.kills, played[sensor.name], taken[sensor.name], verdict)
        ordered = {sensor.name for sensor in self.sensors if self.args.no_faults or sensor.in_flight == 1}
        for central in self.centrals:
            check.check_central(central.name, taken, central.store.alerts(), ordered, verdict)
            check.check_log(central.name, central.log.read_text(), verdict)
        if self.args.no_faults:
            self.check_pace(verdict)
            self.check_lag(verdict)
        return verdict

    def write_report(self, verdict: check.Verdict) -> None:
        folder = self.args.report
        folder.mkdir(parents=True, exist_ok=True)

        def series(*names: str) -> dict:
            return {name: [(s["time"], s[name]) for s in self.samples if name in s] for name in names}

        seconds = self.samples[-1]["time"] if self.samples else 1
        panels = [("alerts", series("played", "stream", *self.names())),
                  ("not yet stored", series(*(f"{name} behind" for name in self.names())))]
        report.write(folder / "report.svg", panels, self.faults.done, seconds)
        faults = [f"{when:7.1f} s  {what}" for when, what in self.faults.done]
        text = "\n".join([f"seed {self.args.seed}", *faults, *verdict.lines, *verdict.errors]) + "\n"
        (folder / "report.txt").write_text(text)


def main() -> int:
    args = arguments()
    args.seed = random.randrange(2**32) if args.seed is None else args.seed
    if not Path(args.nats_server).exists():
        print("nats-server is not installed; `make peers` installs it", file=sys.stderr)
        return 1 if os.environ.get("PIGEAR_REQUIRE_PEERS") == "1" else 0
    # So that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    directory = Path(tempfile.mkdtemp(prefix="pigear-fleet-"))
    fleet = Fleet(args, directory)
    print(f"seed {args.seed}; logs and stores in {directory}")
    try:
        verdict = fleet.run()
    finally:
        fleet.stop()
    fleet.write_report(verdict)
    print("\n" + "\n".join([*verdict.lines, f"{len(fleet.faults.done)} faults; plots in {args.report}/report.svg"]))
    for error in verdict.errors:
        print(f"error: {error}", file=sys.stderr)
    if verdict.errors:
        return 1
    shutil.rmtree(directory)
    print("each central store has each alert once")
    return 0


if __name__ == "__main__":
    sys.exit(main())
