"""Reads and writes Intel HEX with intelhex.

A line of standard input is a file to read, and, behind a tab, one to write it to again. A line of standard output is what
was read: `start,bytes in hexadecimal` of each segment, and the start address, with blanks between them.
"""

import sys

from intelhex import IntelHex

for line in sys.stdin:
    source, target = line.rstrip("\n").split("\t")
    image = IntelHex(source)
    pieces = [f"{start:x},{bytes(image.tobinarray(start=start, end=end - 1)).hex()}" for start, end in image.segments()]
    print(" ".join([*pieces, str(sorted((image.start_addr or {}).items()))]))
    image.write_hex_file(target)
