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


class Station:
    """A station with simulated units on its fixtures, paced by the speed that it sets."""

    def __init__(self, program, folder, fixtures, units, boards, scanners=False):
        self.program = program
        self.station = folder / "station"
        self.boards = folder / "boards"
        self.simulate = [program, "simulate", self.boards, "--json", *boards]
        self.simulate += ["--units", str(units), "--fixtures", str(fixtures)]
        self.units = units
        arguments = ["init", self.station, "--unlock-fd", "0"]
        for fixture in range(1, fixtures + 1):
            arguments += ["--port", self.boards / "fixtures" / str(fixture)]
            if scanners:
                arguments += ["--scanner", self.boards / "scanners" / str(fixture)]
        self.call(arguments, SECRET)
        self.on(["keys", "import", "contoso-group-key", "--kind", "group-key"], GROUP_KEY)

    def call(self, arguments, given):
        subprocess.run([self.program, *arguments], input=given, check=True, stdout=subprocess.DEVNULL)

    def on(self, arguments, given):
        self.call([*arguments, "--station", self.station], given)

    @contextlib.contextmanager
    def simulated(self):
        """The units, in a process of their own."""
        with subprocess.Popen(self.simulate, stdout=subprocess.PIPE) as simulator:
            try:
                while json.loads(simulator.stdout.readline())["event"] != "ready":
                    pass
                # What it tells from now on is read by nobody, and must not fill the pipe.
                drain = subprocess.Popen(["cat"], stdin=simulator.stdout, stdout=subprocess.DEVNULL)
                yield
            finally:
                simulator.terminate()
                drain.wait()


class Line(Station):
    """A station with simulated MXChip boards: 115,200 baud."""

    def __init__(self, program, folder, fixtures):
        units = fixtures * SHARE
        super().__init__(program, folder, fixtures, units, ["--board", "mxchip", "--scanners"], scanners=True)
        self.on(["keys", "import", "factory-wifi"], b"bench-wifi\n")
        rows = "".join(f"bench-{unit:04},az3166-{unit:06}\n" for unit in range(1, units + 1))
        order = ["order", "add", "bench", "--product", "mxchip-az3166.toml", "--csv", "-"]
        self.on(order, f"registration_id,serial_number\n{rows}".encode())

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


def figure(name, value, sign, goal):
    good = value <= goal if sign == "<=" else value >= goal
    print(f"{name} {value:.3f} {sign}{goal} {'ok' if good else 'short'}", flush=True)
    return good


class Derivation:
    """`station keys derive` as a whole process: CSV in, CSV out."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.group_key = folder / "group.key"
        self.group_key.write_bytes(GROUP_KEY)
        self.group_key.chmod(0o600)

    def ids(self, count):
        path = self.folder / f"ids-{count}.csv"
        if not path.exists():
            lines = "".join(f"gw-{number:08}\n" for number in range(count))
            path.write_text(f"registration_id\n{lines}", encoding="ascii")
        return path

    def command(self, ids):
        return [self.program, "keys", "derive", "--group-key-file", self.group_key, "--ids", ids]

    def seconds(self, count):
        ids = self.ids(count)
        with open(self.folder / "keys.csv", "wb") as keys:
            begin = time.monotonic()
            subprocess.run(self.command(ids), stdout=keys, check=True)
            end = time.monotonic()
        with open(self.folder / "keys.csv", "rb") as keys:
            lines = sum(1 for _ in keys)
        if lines != count + 1:
            raise SystemExit(f"{lines} lines for {count} IDs, so nothing was measured")
        return end - begin

    def peak_memory(self, count):
        """In kibibytes. Read while the process waits for the end of its input: what the system tells of a process that
        has ended includes what this one had when it started it."""
        with open(self.ids(count), "rb") as ids, open(self.folder / "keys.csv", "wb") as keys:
            with subprocess.Popen(self.command("-"), stdin=subprocess.PIPE, stdout=keys) as derive:
                derive.stdin.write(ids.read())
                derive.stdin.flush()
                # It sleeps when all that it was given is read.
                while not sleeps(derive.pid):
                    time.sleep(0.01)
                status = pathlib.Path(f"/proc/{derive.pid}/status").read_text(encoding="ascii")
                derive.stdin.close()
        if derive.returncode != 0:
            raise SystemExit("keys derive failed, so nothing was measured")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def sleeps(process):
    stat = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    return stat.rpartition(")")[2].split()[0] == "S"


def in_memory(count):
    """The same keys without files, by the bench program: HMAC, base64 and line."""
    command = ["cargo", "bench", "--locked", "--quiet", "--package", "certkit", "--bench", "issuing", "--"]
    printed = subprocess.run([*command, "--derive", str(count)], check=True, stdout=subprocess.PIPE).stdout
    return float(printed)


def derivation(program, rounds):
    with tempfile.TemporaryDirectory() as folder:
        derive = Derivation(program, pathlib.Path(folder))
        ratios = []
        for _ in range(max(rounds, 5)):
            memory, whole = in_memory(1_000_000), derive.seconds(1_000_000)
            print(f"# 1,000,000 keys: {memory:.2f} s in memory, {whole:.2f} s from file to file", flush=True)
            ratios.append(memory / whole)
        small, large = derive.peak_memory(100_000), derive.peak_memory(1_000_000)
        print(f"# peak memory: {small} KiB for 100,000 keys, {large} KiB for 1,000,000", flush=True)
        return statistics.median(ratios), large / small


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--station", required=True, type=os.path.realpath)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    speed, memory = derivation(options.station, options.rounds)
    good = [
        figure("keys_derive_over_in_memory", speed, ">=", 0.5),
        figure("keys_derive_rss_1m_over_100k", memory, "<=", 1.1),
        figure("mxchip_32_fixtures_over_1", many_fixtures(options.station, options.rounds), "<=", 1.1),
    ]
    raise SystemExit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
