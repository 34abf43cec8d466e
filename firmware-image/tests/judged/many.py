"""Runs a module many times in one process: starting Python costs more than the module does.

A line of standard input is one run: its arguments, with tabs between them. A line of standard output is its exit code.
"""

import contextlib
import runpy
import sys

module = sys.argv[1]
for line in sys.stdin:
    sys.argv = [module, *line.rstrip("\n").split("\t")]
    code = 0
    with contextlib.redirect_stdout(sys.stderr):
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
        except Exception as error:  # pylint: disable=broad-exception-caught
            print(f"{type(error).__name__}: {error}")
            code = 1
    print(int(code), flush=True)
