"""The figures of ESP32 units. Called by scripts/bench; see there."""

import argparse
import hashlib
import json
import os
import pathlib
import random
import statistics
import struct
import subprocess
import tempfile
import time
import zlib

from bench import FIXTURES, SECRET, Station, figure

PRODUCT = pathlib.Path(__file__).parent.parent / "templates/products/esp32-nvs.toml"
# Bits that a byte takes on the line.
BITS = 10
TICKS = os.sysconf("SC_CLK_TCK")


def application(length):
    """Bytes of which deflate saves a twentieth."""
    seeded = random.Random(20261125)
    return bytes(seeded.choices(range(192), k=length))


def partition_table(length):
    """ESP-IDF's binary form: an application, and an NVS partition before it."""

    def entry(kind, subtype, offset, size, name):
        return struct.pack("<2sBBII16sI", b"\xaa\x50", kind, subtype, offset, size, name, 0)

    rows = entry(1, 2, 0xC000, 0x3000, b"identity") + entry(0, 0, 0x10000, length, b"factory")
    digest = b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(rows).digest()
    return (rows + digest).ljust(0xC00, b"\xff")


class Line(Station):
    """A station with simulated ESP32-C3 boards."""

    def __init__(self, program, folder, fixtures, share, baud, length):
        super().__init__(program, folder, fixtures, fixtures * share, ["--board", "esp32c3"])
        self.release(baud, length)
        order = ["order", "add", "bench", "--product", "bench.toml", "--pattern", "bench-{:04}"]
        self.on([*order, "--quantity", str(self.units)], b"")

    def release(self, baud, length):
        """Partition table and application alone: of what a bootloader adds nothing is measured."""
        files = {"partition-table.bin": partition_table(length), "sensor.bin": application(length)}
        (self.station / "firmware").mkdir()
        text = PRODUCT.read_text(encoding="utf-8")
        head, *blocks = text.split("[[flash.file]]\n")
        kept = [block for block in blocks if '"bootloader.bin"' not in block]
        text = "[[flash.file]]\n".join([head, *kept])
        for name, content in files.items():
            (self.station / "firmware" / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            blank = f'file = "{name}"\nsha256 = "{"0" * 64}"'
            assert blank in text, f"{PRODUCT} has no {blank}"
            text = text.replace(blank, f'file = "{name}"\nsha256 = "{digest}"')
        text = text.replace('loader = "esp32"', 'loader = "esp32c3"').replace("baud = 921600", f"baud = {baud}")
        (self.station / "products").mkdir(exist_ok=True)
        (self.station / "products" / "bench.toml").write_text(text, encoding="utf-8")

    def run(self):
        """The run's events, each with the time at which it came and the CPU seconds that the run had used. Unlocking
        the vault, the same for any order, comes before the first."""
        command = [self.program, "run", "bench", "--json", "--unlock-fd", "0", "--station", self.station]
        events = []
        with self.simulated(), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
            run.stdin.write(SECRET)
            run.stdin.close()
            for line in run.stdout:
                events.append((time.monotonic(), cpu_seconds(run.pid), json.loads(line)))
        if not events or events[-1][2].get("accepted") != self.units:
            raise SystemExit(f"{events[-1:]}: the order was not built, so nothing was measured")
        return events


def last_built(events):
    """The verdict with which the last unit passed. A unit that came back before that is still verified after it."""
    verdicts = [event for event in events if event[2]["event"] == "verdict"]
    first = {}
    for verdict in verdicts:
        first.setdefault(verdict[2]["hardware_id"], verdict)
    return max(first.values(), key=lambda verdict: verdict[0])


def cpu_seconds(process):
    stat = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def payload(program, rounds, baud, length):
    """What the line alone takes for the application's deflated bytes, over what the station's step takes."""
    wire = len(zlib.compress(application(length), 9)) * BITS / baud
    ratios = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            events = Line(program, pathlib.Path(folder), 1, 1, baud, length).run()
        steps = [(at, event["step"]) for at, _, event in events if event["event"] == "step"]
        begin = next(number for number, (_, step) in enumerate(steps) if step.startswith("flash firmware 0x10000"))
        took = steps[begin + 1][0] - steps[begin][0]
        print(f"# {length // 1024} KiB at {baud} baud: {wire:.2f} s on the line, {took:.2f} s", flush=True)
        ratios.append(wire / took)
    return statistics.median(ratios)


def many_fixtures(program, rounds):
    """How much longer all fixtures together take than one alone needs for its share; and the cores that they keep busy."""
    ratios, cores = [], []
    for _ in range(rounds):
        took = {}
        for fixtures in (1, FIXTURES):
            with tempfile.TemporaryDirectory() as folder:
                events = Line(program, pathlib.Path(folder), fixtures, 1, 921_600, 1 << 20).run()
            (begin, idle, _), (end, busy, _) = events[0], last_built(events)
            took[fixtures] = end - begin
        ratios.append(took[FIXTURES] / took[1])
        cores.append((busy - idle) / took[FIXTURES])
        print(
            f"# 1 fixture {took[1]:.2f} s, {FIXTURES} fixtures {took[FIXTURES]:.2f} s with {busy - idle:.2f} s of CPU",
            flush=True,
        )
    return statistics.median(ratios), statistics.median(cores)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--station", required=True, type=os.path.realpath)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    good = [
        figure("esp_payload_115200_over_wire", payload(options.station, options.rounds, 115_200, 1 << 18), ">=", 0.95),
        figure("esp_payload_921600_over_wire", payload(options.station, options.rounds, 921_600, 1 << 20), ">=", 0.95),
    ]
    ratio, cores = many_fixtures(options.station, options.rounds)
    good.append(figure(f"esp_{FIXTURES}_fixtures_over_1", ratio, "<=", 1.05))
    good.append(figure(f"esp_{FIXTURES}_fixtures_cpu_cores", cores, "<=", 1.0))
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
