"""No two servers get the same port, though neither listens yet."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

from ports import free_port

ASK = "import os, sys; os.getpid = lambda: int(sys.argv[1]); import ports; print(ports.free_port())"


class Ports(unittest.TestCase):
    def test_a_port_is_given_once(self):
        self.assertEqual(len({free_port() for _ in range(50)}), 50)

    def test_another_process_gets_other_ports(self):
        mine = {free_port() for _ in range(5)}
        # It begins to look where this one did.
        told = subprocess.run([sys.executable, "-c", ASK, str(os.getpid())], cwd=Path(__file__).parent,
                              capture_output=True, text=True, check=True)
        self.assertNotIn(int(told.stdout), mine)


if __name__ == "__main__":
    unittest.main()
