"""Reads and writes firmware with packages that no one here wrote, and marked slots by their documented format alone.

A line of standard input is one task, its parts with tabs between them; a line of standard output is what came of it.

    read FILE               segments of an Intel HEX file, `start,bytes` each, and where the program starts (intelhex)
    write FILE SEGMENTS     such a file, of segments with blanks between them (intelhex)
    partitions CSV          a partition table as binary, of a CSV with `;` for its line ends (esp-idf-defs)
    records BYTES           the records of a marked slot, `type,bytes` each
"""

import struct
import sys
import zlib

from esp_idf_defs import partitions
from intelhex import IntelHex


def read(path):
    image = IntelHex(path)
    pieces = [f"{start:x},{bytes(image.tobinarray(start=start, end=end - 1)).hex()}" for start, end in image.segments()]
    return " ".join([*pieces, str(sorted((image.start_addr or {}).items()))])


def write(path, segments):
    image = IntelHex()
    for segment in segments.split():
        start, data = segment.split(",")
        image.puts(int(start, 16), bytes.fromhex(data))
    image.write_hex_file(path)
    return "written"


def table(csv):
    made = partitions.PartitionTable.from_csv(csv.replace(";", "\n"))
    made.verify(0x8000)
    return made.to_binary().hex()


def records(content):
    content, at, found = bytes.fromhex(content), 0, []
    while at < len(content) and content[at : at + 2] != b"\xff\xff":
        kind, length = struct.unpack_from("<HH", content, at)
        end = at + 4 + (length + 3) // 4 * 4
        assert content[at + 4 + length : end] == b"\xff" * (end - at - 4 - length), "padding"
        assert struct.unpack_from("<I", content, end)[0] == zlib.crc32(content[at:end]), "CRC-32"
        found.append(f"{kind},{content[at + 4 : at + 4 + length].hex()}")
        at = end + 4
    assert content[at:] == b"\xff" * (len(content) - at), "behind the last record"
    return " ".join(found)


TASKS = {"read": read, "write": write, "partitions": table, "records": records}
for line in sys.stdin:
    task, *parts = line.rstrip("\n").split("\t")
    print(TASKS[task](*parts))
