"""The command line: ``python -m cgrad info``, ``check`` and ``demo``."""
from __future__ import annotations

import argparse
import sys


def main(argv: list[str] | None = None) -> int:
    """Run a command; 0: well, 1: a check failed, 2: a wrong command, 130: interrupted."""
    parser = argparse.ArgumentParser(
        "python -m cgrad", description="Looks at an installation of cgrad, tests it, shows it."
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    info = commands.add_parser("info", help="versions, BLAS, threads, features of the processor")
    info.add_argument("--json", action="store_true", help="as JSON")
    check = commands.add_parser("check", help="test the installation, in some seconds")
    check.add_argument("--threads", type=int, help="to compute with (one per core)")
    demo = commands.add_parser("demo", help="train a small network on two spirals")
    demo.add_argument("--steps", type=int, default=2000, help="(%(default)s)")
    demo.add_argument("--seed", type=int, default=1, help="(%(default)s)")
    given = parser.parse_args(argv)
    from cgrad import _commands

    for name in ("threads", "steps"):
        number = getattr(given, name, None)
        if number is not None and number < 1:
            parser.error(f"argument --{name}: {number} is not a number above 0")
    try:
        if given.command == "info":
            return _commands.info(given.json)
        if given.command == "check":
            return _commands.check(given.threads)
        return _commands.demo(given.steps, given.seed)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = None
        return 1


if __name__ == "__main__":
    sys.exit(main())
