"""The station's figures. Called by scripts/bench; see there."""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

SECRET = b"bench-unlock\n"
GROUP_KEY = b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==\n"
FIXTURES = 32
# Units that each fixture builds.
SHARE = 4


class Line:
    """A station with simulated MXChip boards on its fixtures, paced by the speed that it sets: 115,200 baud."""

    def __init__(self, program, folder, fixtures):
        self.program = program
        self.station = folder / "station"
        self.boards = folder / "boards"
        self.units = fixtures * SHARE
        self.fixtures = fixtures
        arguments = ["init", self.station, "--unlock-fd", "0"]
        for fixture in range(1, fixtures + 1):
            arguments += ["--port", self.boards / "fixtures" / str(fixture)]
            arguments += ["--scanner", self.boards / "scanners" / str(fixture)]
        self.call(arguments, SECRET)
        self.on(["keys", "import", "factory-wifi"], b"bench-wifi\n")
        self.on(["keys", "import", "contoso-group-key", "--kind", "group-key"], GROUP_KEY)
        rows = "".join(f"bench-{unit:04},az3166-{unit:06}\n" for unit in range(1, self.units + 1))
        order = ["order", "add", "bench", "--product", "mxchip-az3166.toml", "--csv", "-"]
        self.on(order, f"registration_id,serial_number\n{rows}".encode())

    def call(self, arguments, given):
        subprocess.run([self.program, *arguments], input=given, check=True, stdout=subprocess.DEVNULL)

    def on(self, arguments, given):
        self.call([*arguments, "--station", self.station], given)

    @contextlib.contextmanager
    def simulated(self):
        """The boards, in a process of their own."""
        command = [self.program, "simulate", self.boards, "--board", "mxchip", "--scanners", "--json"]
        command += ["--units", str(self.units), "--fixtures", str(self.fixtures)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as simulator:
            try:
                while json.loads(simulator.stdout.readline())["event"] != "ready":
                    pass
                # What it tells from now on is read by nobody, and must not fill the pipe.
                drain = subprocess.Popen(["cat"], stdin=simulator.stdout, stdout=subprocess.DEVNULL)
                yield
            finally:
                simulator.terminate()
                drain.wait()

    def seconds(self):
        """From the first event of a run to its last: unlocking the vault, the same for any order, is left out."""
        command = [self.program, "run", "bench", "--json", "--unlock-fd", "0", "--station", self.station]
        with self.simulated(), subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
            run.stdin.write(SECRET)
            run.stdin.close()
            begin, last = None, {}
            for line in run.stdout:
                begin = begin or time.monotonic()
                last = json.loads(line)
            end = time.monotonic()
        if last.get("accepted") != self.units:
            raise SystemExit(f"{last}: the order was not built, so nothing was measured")
        return end - begin


def seconds(program, fixtures):
    with tempfile.TemporaryDirectory() as folder:
        return Line(program, pathlib.Path(folder), fixtures).seconds()


def many_fixtures(program, rounds):
    """How much longer all fixtures together take than one alone needs for its share."""
    ratios = []
    for _ in range(rounds):
        alone, together = seconds(program, 1), seconds(program, FIXTURES)
        print(f"# 1 fixture {alone:.2f} s, {FIXTURES} fixtures {together:.2f} s", flush=True)
        ratios.append(together / alone)
    return statistics.median(ratios)


def figure(name, value, at_most):
    print(f"{name} {value:.3f} <={at_most} {'ok' if value <= at_most else 'short'}", flush=True)
    return value <= at_most


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--station", required=True, type=os.path.realpath)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    good = figure("mxchip_32_fixtures_over_1", many_fixtures(options.station, options.rounds), 1.1)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
