"""Reads partition tables with Espressif's esp-idf-defs, and says what they are.

A line of standard input is a CSV file; a line of standard output is `refused`, or the table as binary in hexadecimal, a
tab, and as CSV again, line ends as `;`.
"""

import sys

from esp_idf_defs import partitions

for line in sys.stdin:
    try:
        with open(line.rstrip("\n"), "rb") as file:
            table, is_binary = partitions.PartitionTable.from_file(file)
        table.verify(0x8000)
        table.verify_size_fits(4 * 1024 * 1024)
        # What is read back has to be the same.
        assert partitions.PartitionTable.from_binary(table.to_binary()) == table
        print(table.to_binary().hex(), table.to_csv().replace("\n", ";"), sep="\t")
    except partitions.InputError as error:
        print(error, file=sys.stderr)
        print("refused")
