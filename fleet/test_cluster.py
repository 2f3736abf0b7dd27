"""What the servers say of the stream is understood."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from cluster import Cluster


class Streams(unittest.TestCase):
    def test_the_stream_of_alerts_is_found_behind_another_one(self):
        """Each of two nodes leads a stream, and the first one that of the heartbeats."""
        leaders = {"KV_PIGEAR_SENSORS": "node1", "PIGEAR": "node2"}
        streams = [{"name": name, "cluster": {"leader": leader}} for name, leader in leaders.items()]
        told = {"account_details": [{"stream_detail": streams}]}
        with tempfile.TemporaryDirectory() as directory:
            cluster = Cluster("nats-server", Path(directory))
            with mock.patch.object(cluster, "_jsz", return_value=told):
                self.assertEqual((cluster.stream() or {}).get("name"), "PIGEAR")
                self.assertEqual(cluster.leader(), cluster.nodes[1])

    def test_what_is_behind_is_said_by_the_leader_of_each_consumer(self):
        def told(number):
            consumers = [{"name": name, "cluster": {"leader": leader}, "num_pending": number, "num_ack_pending": 10}
                         for name, leader in [("a", "node2"), ("b", "node3")]]
            return {"account_details": [{"stream_detail": [{"name": "PIGEAR", "consumer_detail": consumers}]}]}

        with tempfile.TemporaryDirectory() as directory:
            cluster = Cluster("nats-server", Path(directory))
            with mock.patch.object(cluster, "_jsz", side_effect=told):
                self.assertEqual(cluster.behind(), {"a": 11, "b": 12})


if __name__ == "__main__":
    unittest.main()
