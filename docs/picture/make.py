"""Makes terminal.svg, the picture of a terminal in README.md: what the real program prints for recorded alerts.

Run by `make picture`. The arguments are the program and the picture.
"""

import os
import pty
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).resolve().parents[2]
RECORDING = ROOT / "crates/pigear/data/demo.dgrams.gz"
CLASSES = ROOT / "crates/pigear/data/classification.config"
COLUMNS = 118

# What is shown as typed, what is run for it, and how many lines of its output are shown.
SCENES = [
    ("pigear --logdir /var/log/snort", "{pigear} {play} --filter '{first}'", 6),
    ("pigear format=json | jq -c '[.msg, .src_ip, .dst_port]'", "{pigear} {play} format=json | {fields}", 3),
    ("pigear query --store alerts.db --count-by class", "{pigear} query --store {store} --count-by class", 8),
]
PLAY = "--socket-handler play --from {recording} --class-config {classes}"
FIRST = "msg.sig_id in [1000101, 1000106, 1000110, 1000130]"
# What `jq -c` prints, which isn't everywhere.
FIELDS = """python3 -c "
import json, sys
for line in sys.stdin:
    alert = json.loads(line)
    if 'dst_port' in alert:
        print(json.dumps([alert['msg'], alert['src_ip'], alert['dst_port']], separators=(',', ':')))
" """


def main() -> None:
    pigear, picture = sys.argv[1:]
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)
    with tempfile.TemporaryDirectory() as directory:
        words = {"pigear": shlex.quote(str(Path(pigear).resolve())), "store": f"{directory}/alerts.db", "fields": FIELDS, "first": FIRST}
        words["play"] = PLAY.format(recording=RECORDING, classes=CLASSES)
        subprocess.run(
            "{pigear} {play} --data-handler null --store {store}".format(**words),
            shell=True, check=True, stderr=subprocess.DEVNULL,
        )
        for typed, command, lines in SCENES:
            shown = printed(command.format(**words)).splitlines()[:lines]
            console.print(Text("$ ", style="bold green") + Text(typed, style="bold"))
            for line in shown:
                console.print(Text.from_ansi(line), soft_wrap=False)
            console.print()
    svg = console.export_svg(title="pigear", theme=MONOKAI, code_format=FORMAT, unique_id="terminal")
    Path(picture).write_text(svg)


def printed(command: str) -> str:
    """The standard output of a command, which takes it for a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run(["stty", "-F", os.ttyname(theirs), "cols", str(COLUMNS)], check=True)
    process = subprocess.Popen(command, shell=True, stdout=theirs, stderr=subprocess.DEVNULL)
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 4096):
            output += part
    except OSError:  # the end of a terminal
        pass
    process.wait()
    os.close(ours)
    return output.decode().replace("\r\n", "\n")


# As rich has it, without fonts from another host.
FORMAT = """<svg class="rich-terminal" xml:space="preserve" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>Pigear in a terminal</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-family: system-ui, sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

if __name__ == "__main__":
    main()
