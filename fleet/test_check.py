"""The checks find what they are for."""

import unittest

from check import Verdict, check_central, check_log, check_sensor


class Check(unittest.TestCase):
    def errors(self, found: list[int]) -> list[str]:
        verdict = Verdict()
        check_central("central", {"a": [1, 2, 3]}, {"a": found}, {"a"}, verdict)
        return verdict.errors

    def test_each_once_and_in_order_is_right(self):
        self.assertEqual(self.errors([1, 2, 3]), [])

    def test_a_missing_alert_is_found(self):
        self.assertIn("1 alerts of a are missing", self.errors([1, 3])[0])

    def test_an_alert_that_is_there_twice_is_found(self):
        self.assertIn("1 are there again: [2]", self.errors([1, 2, 2, 3])[0])

    def test_an_alert_out_of_order_is_found(self):
        self.assertEqual(self.errors([1, 3, 2]), ["central: alerts of a are out of order 1 times"])

    def test_a_sensor_of_which_nobody_knows_is_found(self):
        verdict = Verdict()
        check_central("central", {}, {"a": [1]}, set(), verdict)
        self.assertEqual(len(verdict.errors), 1)

    def test_only_a_sensor_that_was_killed_may_lose_alerts(self):
        for kills, errors in [(0, 1), (1, 0)]:
            verdict = Verdict()
            check_sensor("a", kills, 3, [1, 2], verdict)
            self.assertEqual(len(verdict.errors), errors)

    def test_a_loss_that_did_not_happen_is_found(self):
        for log, errors in [("info: works again\n", 0), ("warning: 3 alerts were removed from the stream before\n", 1)]:
            verdict = Verdict()
            check_log("central", log, verdict)
            self.assertEqual(len(verdict.errors), errors)

    def test_a_sensor_that_stored_nothing_is_found(self):
        verdict = Verdict()
        check_sensor("a", 1, 3, [], verdict)
        self.assertEqual(verdict.errors, ["a stored nothing"])


if __name__ == "__main__":
    unittest.main()
