"""Three nats-servers on loopback, with a replicated stream."""

import json
import urllib.request
from pathlib import Path

from ports import free_port
from processes import Process, wait_until

# Where the alerts are. The heartbeats' bucket is another stream, which may have another leader.
STREAM = "PIGEAR"

CONFIG = """
server_name: {name}
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{monitor}"
jetstream {{ store_dir: "{directory}/{name}", max_file: 8GB }}
"""

ROUTES = """
cluster {{ name: fleet, listen: "127.0.0.1:{route}", routes: [{routes}] }}
"""


class Cluster:
    """The servers, and what they say of the stream."""

    def __init__(self, program: str, directory: Path, size: int = 3):
        ports = [free_port() for _ in range(3 * size)]
        clients, self.monitors, routes = ports[:size], ports[size : 2 * size], ports[2 * size :]
        self.url = ",".join(f"nats://127.0.0.1:{port}" for port in clients)
        self.nodes = []
        for number in range(size):
            name = f"node{number + 1}"
            config = directory / f"{name}.conf"
            config.write_text(
                # A server that is alone has no leader to elect.
                (CONFIG if size == 1 else CONFIG + ROUTES).format(
                    name=name,
                    client=clients[number],
                    monitor=self.monitors[number],
                    route=routes[number],
                    routes=", ".join(f"nats://127.0.0.1:{port}" for port in routes),
                    directory=directory,
                )
            )
            self.nodes.append(Process(name, [program, "-c", str(config)], directory))

    def start(self) -> None:
        for node in self.nodes:
            node.start()
        wait_until("the cluster has a leader", self._has_leader)

    def _has_leader(self) -> bool:
        if len(self.nodes) == 1:
            return self._jsz(0) is not None
        return all((self._jsz(number) or {}).get("meta_cluster", {}).get("leader") for number in range(len(self.nodes)))

    def _jsz(self, number: int) -> dict | None:
        """What a node says of its streams, or nothing if it is down."""
        if self.nodes[number].child is None:
            return None
        url = f"http://127.0.0.1:{self.monitors[number]}/jsz?streams=true&consumers=true"
        try:
            with urllib.request.urlopen(url, timeout=0.5) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def stream(self) -> dict | None:
        """The stream as its leader sees it, or nothing while it has none."""
        for number, node in enumerate(self.nodes):
            for account in (self._jsz(number) or {}).get("account_details", []):
                for stream in account.get("stream_detail", []):
                    is_alerts = stream.get("name") == STREAM
                    if is_alerts and stream.get("cluster", {}).get("leader", node.name) == node.name:
                        return stream
        return None

    def behind(self) -> dict[str, int]:
        """How many alerts of the stream each consumer has not acknowledged, as its leader sees it."""
        found = {}
        for number, node in enumerate(self.nodes):
            for account in (self._jsz(number) or {}).get("account_details", []):
                for stream in account.get("stream_detail", []):
                    if stream.get("name") != STREAM:
                        continue
                    for consumer in stream.get("consumer_detail") or []:
                        if consumer.get("cluster", {}).get("leader", node.name) == node.name:
                            found[consumer["name"]] = consumer["num_pending"] + consumer["num_ack_pending"]
        return found

    def leader(self) -> Process | None:
        """The node that leads the stream."""
        name = (self.stream() or {}).get("cluster", {}).get("leader")
        return next((node for node in self.nodes if node.name == name), None)
